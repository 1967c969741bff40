//! Kubeconfigs like the sandbox's, with something else in them.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The sandbox's own.
pub(crate) fn read() -> Value {
    let path = std::env::var_os("KUBECONFIG").expect("KUBECONFIG is set by the sandbox");
    serde_norway::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// An entry of `clusters` or `users`, to look at or to change: what it says, without its name.
pub(crate) fn entry<'k>(kubeconfig: &'k mut Value, list: &str, name: &str) -> &'k mut Value {
    let found =
        kubeconfig[list].as_array_mut().unwrap().iter_mut().find(|entry| entry["name"] == name).unwrap();
    &mut found[list.trim_end_matches('s')]
}

/// The certificate authority of a cluster, as PEM.
pub(crate) fn authority(kubeconfig: &mut Value, cluster: &str) -> Vec<u8> {
    STANDARD
        .decode(entry(kubeconfig, "clusters", cluster)["certificate-authority-data"].as_str().unwrap())
        .unwrap()
}

/// Writes one into a directory.
pub(crate) fn write(directory: &Path, kubeconfig: &Value) -> PathBuf {
    let path = directory.join("kubeconfig");
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    path
}
