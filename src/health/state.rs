//! How far an object is: ready, on its way, or failed for good.

/// How far an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    /// It is there as it was asked for.
    Ready,
    /// Its controller is at work, or has not begun.
    InProgress,
    /// It does not become ready any more without a change.
    Failed,
}

/// How far an object is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How far.
    pub state: HealthState,
    /// Why; empty when it is ready.
    pub message: String,
}

impl Health {
    /// It is there.
    pub fn ready() -> Self {
        Self { state: HealthState::Ready, message: String::new() }
    }

    /// Not yet, and why.
    pub fn in_progress(message: impl Into<String>) -> Self {
        Self { state: HealthState::InProgress, message: message.into() }
    }

    /// Not any more, and why.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { state: HealthState::Failed, message: message.into() }
    }
}
