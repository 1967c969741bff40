//! Why a template cannot be read or executed, with Go's words.

/// A template could not be parsed or executed. The text is the one that Helm 4 prints.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct TemplateError {
    text: String,
}

impl TemplateError {
    /// An error with the text that Helm 4 prints.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}
