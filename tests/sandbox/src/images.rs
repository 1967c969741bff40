//! The table of images: which program stands for a container image, for the node agent.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// What a program is, and with that which of its flags must be rewritten when many of them share one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// cert-manager's controller.
    Controller,
    /// cert-manager's webhook.
    Webhook,
    /// cert-manager's cainjector.
    Cainjector,
    /// cert-manager's `ctl`, in the startupapicheck Job up to v1.14.
    Ctl,
    /// cert-manager's `startupapicheck`, in that Job since v1.15.
    Startupapicheck,
    /// Any other program: runs with the container's own command and arguments, in which `$(PORT_8080)` is the
    /// local port behind 8080.
    Program,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Absolute path of the executable.
    pub program: PathBuf,
    /// Arguments before those of the container: the entry point of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args_prefix: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// Its version, e.g. `v1.11.5`; cert-manager's programs need it, since their flags came over time.
    #[serde(default)]
    pub version: String,
}

impl Image {
    /// The minor version: 11 of `v1.11.5`; none when there is no version 1.x.
    #[must_use]
    pub fn minor(&self) -> Option<u32> {
        let (major, rest) = self.version.trim_start_matches('v').split_once('.')?;
        let minor = rest.split('.').next()?;
        if major == "1" { minor.parse().ok() } else { None }
    }
}

/// The rows by image name with tag, e.g. `quay.io/jetstack/cert-manager-controller:v1.11.5`.
pub type Images = BTreeMap<String, Image>;

/// Reads the table.
pub fn read(path: &Path) -> Result<Images> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let images: Images =
        serde_json::from_slice(&bytes).with_context(|| format!("read the images in {}", path.display()))?;
    if let Some((name, image)) =
        images.iter().find(|(_, image)| image.kind != Kind::Program && image.minor().is_none())
    {
        bail!(
            "read the images in {}: {name} needs a version such as v1.11.5, found `{}`",
            path.display(),
            image.version
        );
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Images> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), text).expect("the table is written");
        read(file.path())
    }

    #[test]
    fn a_row_that_cannot_be_judged_is_refused() {
        assert!(table(r#"{"a:1": {"program": "/bin/a", "kind": "program"}}"#).is_ok());
        assert!(table(r#"{"a:1": {"program": "/bin/a", "kind": "program", "colour": "red"}}"#).is_err());
        let error = table(r#"{"a:1": {"program": "/bin/a", "kind": "webhook"}}"#).expect_err("no version");
        assert!(error.to_string().contains("a:1 needs a version such as v1.11.5"), "{error}");
    }

    #[test]
    fn minor_versions() {
        let cases = [
            ("v1.11.5", Some(11)),
            ("1.6.1", Some(6)),
            ("v1.20.2-alpha.0", Some(20)),
            ("", None),
            ("v2.0.0", None),
        ];
        for (version, expected) in cases {
            let image = Image {
                program: "/a".into(),
                args_prefix: vec![],
                kind: Kind::Program,
                version: version.into(),
            };
            assert_eq!(image.minor(), expected, "{version}");
        }
    }
}
