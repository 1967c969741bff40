//! Whether the API server answers: as a value, filled by `gate/pulse.rs`.

/// Whether the API server answers; asked again and again, because a silent watch looks like a healthy one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Pulse {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It answered the last time.
    Answers,
    /// It did not, and why.
    Silent(String),
}
