//! The table of images: which program stands for a container image, for the node agent.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
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
    /// Any other program: runs with the container's own arguments.
    Program,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Absolute path of the executable.
    pub program: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Its version, e.g. `v1.11.5`.
    pub version: String,
}

/// The rows by image name with tag, e.g. `quay.io/jetstack/cert-manager-controller:v1.11.5`.
pub type Images = BTreeMap<String, Image>;

/// Reads the table.
pub fn read(path: &Path) -> Result<Images> {
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("read the images in {}", path.display()))
}
