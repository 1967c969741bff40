//! One entry of a log, whatever its format was.

use k8s_openapi::jiff::Timestamp;

/// The names of the parts that messages begin with, from 1.12 to 1.15.
const PARTS: &str = "cert-manager/";

/// How bad the writer found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// It does not say.
    Unmarked,
    /// For whoever is curious.
    Info,
    /// A warning.
    Warning,
    /// An error.
    Error,
    /// The program ends.
    Fatal,
}

/// What one entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, as far as that is known.
    pub time: Option<Timestamp>,
    /// How bad the writer found it.
    pub level: LogLevel,
    /// The message, without the quotes of the format.
    pub message: String,
    /// The error beside it.
    pub error: Option<String>,
    /// Which part of cert-manager wrote it.
    pub logger: Option<String>,
    /// The object that it is about, `namespace/name`.
    pub object: Option<String>,
}

impl LogLine {
    /// Whether it says `text`, in its message or in its error.
    pub fn says(&self, text: &str) -> bool {
        self.message.contains(text) || self.error.as_ref().is_some_and(|error| error.contains(text))
    }
}

/// `namespace/name` of the keys about a resource.
pub(super) fn resource(text: impl Fn(&str) -> Option<String>) -> Option<String> {
    let name = text("name")?;
    let namespace = text("namespace").filter(|namespace| !namespace.is_empty());
    Some(namespace.map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}")))
}

/// A message without the part that wrote it in front.
pub(super) fn without_logger(message: &str, logger: Option<String>) -> (String, Option<String>) {
    match message.split_once(": ").filter(|(part, _)| message.starts_with(PARTS) && !part.contains(' ')) {
        Some((part, message)) => (message.to_owned(), logger.or_else(|| Some(part.to_owned()))),
        None => (message.trim_end().to_owned(), logger),
    }
}
