//! One answer of the webhook, as a value; it asks nobody.

/// What one try showed.
pub(crate) type Probe = Result<(), Problem>;

/// Why a try did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The webhook was not reached, or not trusted.
    NoAnswer(String),
    /// It answered, and wrongly.
    Wrong(String),
    /// Nothing about the webhook: somebody else's policy refused the question.
    Policy(String),
    /// Nothing about the webhook: the API server itself did not answer, or did not let us ask.
    Api(String),
}

impl Problem {
    /// What was said.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::NoAnswer(message) | Self::Wrong(message) | Self::Policy(message) | Self::Api(message) => {
                message
            }
        }
    }
}
