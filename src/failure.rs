//! What went wrong, how it ends the program, and what to do next.
//!
//! Every command ends in a [`Failure`] or a success; nothing else decides how the program ends.

use std::error::Error;

/// How a failure ends the program; each kind has an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Refused or failed before any cluster was changed.
    Refused,
    /// A cluster was changed and left as it is.
    Halted,
    /// A cluster was changed, then brought back to its earlier revision, which passed its gates.
    RolledBack,
    /// The rollback itself failed: a person must look.
    Stuck,
    /// Somebody else holds the lock.
    Locked,
    /// A signal (its number) ended the run; what was done is recorded.
    Interrupted(i32),
}

/// An error at the edge of the program: the chain of causes, and hints on what to do next.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    error: Box<dyn Error + Send + Sync>,
    hints: Vec<String>,
    helm_form: bool,
}

impl Failure {
    /// A failure of the given kind.
    pub fn new(kind: Kind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, error: error.into(), hints: Vec::new(), helm_form: false }
    }

    /// Refused before any cluster was changed.
    pub fn refused(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Kind::Refused, error)
    }

    /// Adds a sentence on what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds sentences on what to do next, as many as there are.
    #[must_use]
    pub fn with_hints(self, hints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        hints.into_iter().fold(self, Self::hint)
    }

    /// To be shown as Helm shows an error: one line, `Error: ` and the whole chain.
    #[must_use]
    pub fn in_helm_form(mut self) -> Self {
        self.helm_form = true;
        self
    }

    /// Whether it is to be shown as Helm shows an error.
    pub fn is_in_helm_form(&self) -> bool {
        self.helm_form
    }

    /// How this failure ends the program.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What to do next, most useful first.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The message and its causes, outermost first, each once.
    pub fn chain(&self) -> Vec<String> {
        causes(self.error.as_ref())
    }
}

/// An error's message and its causes, outermost first, each once.
pub fn causes(error: &dyn Error) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !messages.iter().any(|earlier| earlier.contains(&message)) {
            messages.push(message);
        }
        cause = error.source();
    }
    messages
}

/// The same in one line.
pub fn in_one_line(error: &dyn Error) -> String {
    causes(error).join(": ")
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::refused(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("publish `cert-manager`")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn the_cause_is_told_once_below_the_message() {
        let failure = Failure::from(Outer("x".parse::<u8>().unwrap_err())).hint("look at the number");
        assert_eq!(failure.chain(), ["publish `cert-manager`", "invalid digit found in string"]);
        assert_eq!(failure.hints(), ["look at the number"]);
        assert_eq!(failure.kind(), Kind::Refused);
    }
}
