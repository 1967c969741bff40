//! Secrets by name: `{ env: NAME }` or `{ file: PATH }`. The text is read only by the call that sends it.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::redact::Secret;

/// Where a secret is found. A secret itself is never written in `release.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "`{ env: NAME }` or `{ file: PATH }`: a secret is never written in the file itself")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct SecretRef {
    /// The environment variable that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The file that holds it, relative to `release.yaml`; a final newline is not part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// A secret that is not where the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or empty.
    #[error(
        "the environment variable `{name}` that {purpose} needs is not set; export it, or name another one in release.yaml"
    )]
    Unset {
        /// The variable.
        name: String,
        /// What the secret is for.
        purpose: String,
    },
    /// The file cannot be read.
    #[error("read the secret that {purpose} needs from `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the secret is for.
        purpose: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl SecretRef {
    /// A secret in an environment variable.
    pub fn env(name: impl Into<String>) -> Self {
        Self { env: Some(name.into()), file: None }
    }

    /// The same secret with its file relative to `base_dir`.
    #[must_use]
    pub fn anchored(&self, base_dir: &Path) -> Self {
        Self { env: self.env.clone(), file: self.file.as_ref().map(|file| base_dir.join(file)) }
    }

    /// Reads the secret; `purpose` completes "the variable that … needs".
    pub fn read(&self, purpose: &str) -> Result<Secret, SecretError> {
        self.read_with(purpose, &|name| std::env::var(name).ok())
    }

    fn read_with(
        &self,
        purpose: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Secret, SecretError> {
        if let Some(path) = &self.file {
            let unreadable =
                |source| SecretError::Unreadable { path: path.clone(), purpose: purpose.to_owned(), source };
            let text = std::fs::read_to_string(path).map_err(unreadable)?;
            return Ok(Secret::new(text.trim_end_matches(['\r', '\n'])));
        }
        let name = self.env.clone().unwrap_or_default();
        match variable(&name).filter(|value| !value.is_empty()) {
            Some(value) => Ok(Secret::new(value)),
            None => Err(SecretError::Unset { name, purpose: purpose.to_owned() }),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.env, &self.file) {
            (_, Some(path)) => write!(f, "file {}", path.display()),
            (Some(name), None) => write!(f, "${name}"),
            (None, None) => f.write_str("nothing"),
        }
    }
}

/// A user name: as it is, or by reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "a user name, or `{ env: NAME }` or `{ file: PATH }`")]
pub enum Credential {
    /// As it is.
    Plain(String),
    /// By reference.
    Reference(SecretRef),
}

impl Credential {
    /// The same user name with its file relative to `base_dir`.
    #[must_use]
    pub fn anchored(&self, base_dir: &Path) -> Self {
        match self {
            Credential::Plain(text) => Credential::Plain(text.clone()),
            Credential::Reference(reference) => Credential::Reference(reference.anchored(base_dir)),
        }
    }

    /// The user name; `purpose` completes "the variable that … needs".
    pub fn read(&self, purpose: &str) -> Result<Secret, SecretError> {
        match self {
            Credential::Plain(text) => Ok(Secret::new(text)),
            Credential::Reference(reference) => reference.read(purpose),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_read_and_an_empty_one_is_not_set() {
        let variable = |name: &str| (name == "PASSWORD").then(|| "hunter2".to_owned());
        let read = |name: &str| SecretRef::env(name).read_with("repository `museum`", &variable);
        assert_eq!(read("PASSWORD").unwrap().reveal(), "hunter2");
        assert_eq!(
            read("PASSWROD").unwrap_err().to_string(),
            "the environment variable `PASSWROD` that repository `museum` needs is not set; export it, or name another one in release.yaml"
        );
    }

    #[test]
    fn a_file_loses_its_final_newline() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("token"), "hunter2\n").unwrap();
        let reference = SecretRef { env: None, file: Some("token".into()) };
        assert_eq!(reference.anchored(directory.path()).read("a test").unwrap().reveal(), "hunter2");
    }
}
