//! The control file: one word that says how the server behaves. It is read for every message, so a test
//! changes it under a running server.

use std::io::ErrorKind;
use std::path::Path;

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Answers, and takes updates.
    Ok,
    /// Answers, and refuses updates with `REFUSED`.
    RefuseUpdates,
    /// Answers nothing.
    Silent,
}

/// A word that is no mode.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no mode: use ok, refuse-updates or silent")]
pub(crate) struct UnknownMode(String);

impl Mode {
    /// Reads a mode from the text of the control file; an empty file is `ok`.
    pub(crate) fn parse(text: &str) -> Result<Self, UnknownMode> {
        match text.trim() {
            "" | "ok" => Ok(Mode::Ok),
            "refuse-updates" => Ok(Mode::RefuseUpdates),
            "silent" => Ok(Mode::Silent),
            other => Err(UnknownMode(other.to_owned())),
        }
    }
}

/// The mode that the control file asks for; `ok` when there is no file.
pub(crate) async fn read(path: Option<&Path>) -> std::io::Result<Mode> {
    let Some(path) = path else { return Ok(Mode::Ok) };
    match tokio::fs::read_to_string(path).await {
        Ok(text) => Mode::parse(&text).map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Mode::Ok),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (text, expected) in [
            ("", Mode::Ok),
            ("ok\n", Mode::Ok),
            (" refuse-updates \n", Mode::RefuseUpdates),
            ("silent", Mode::Silent),
        ] {
            assert_eq!(Mode::parse(text).unwrap(), expected);
        }
        assert_eq!(
            Mode::parse("refuse").unwrap_err().to_string(),
            "`refuse` is no mode: use ok, refuse-updates or silent"
        );
    }
}
