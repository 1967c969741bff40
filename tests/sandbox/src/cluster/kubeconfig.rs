//! Kubeconfig files: the sandbox's own, with a context for every cluster, and one for each user of a cluster.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How one user reaches one cluster.
#[derive(Debug, Clone)]
pub struct Access {
    /// Name of the context, and of the user.
    pub context: String,
    /// Name of the cluster.
    pub cluster: String,
    /// URL of the API server.
    pub server: String,
    /// The certificate authority, PEM.
    pub authority: String,
    /// Bearer token.
    pub token: String,
}

/// Writes a file with a context for each; the first is the current one.
pub fn write(path: &Path, accesses: &[Access]) -> Result<()> {
    let text = serde_norway::to_string(&document(accesses))?;
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn document(accesses: &[Access]) -> Value {
    let mut clusters: Vec<Value> = Vec::new();
    for cluster in accesses.iter().map(cluster) {
        // Go's clients refuse a name that is there twice.
        if !clusters.contains(&cluster) {
            clusters.push(cluster);
        }
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": accesses.first().map(|access| &access.context),
        "clusters": clusters,
        "contexts": accesses.iter().map(context).collect::<Vec<_>>(),
        "users": accesses.iter().map(user).collect::<Vec<_>>(),
    })
}

fn cluster(access: &Access) -> Value {
    let authority = STANDARD.encode(&access.authority);
    json!({ "name": access.cluster, "cluster": { "server": access.server, "certificate-authority-data": authority } })
}

fn context(access: &Access) -> Value {
    json!({ "name": access.context, "context": { "cluster": access.cluster, "user": access.context } })
}

fn user(access: &Access) -> Value {
    json!({ "name": access.context, "user": { "token": access.token } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(cluster: &str, context: &str) -> Access {
        Access {
            context: context.into(),
            cluster: cluster.into(),
            server: "https://127.0.0.1:1".into(),
            authority: "PEM".into(),
            token: format!("token of {context}"),
        }
    }

    #[test]
    fn two_users_of_a_cluster_share_its_entry() {
        let document = document(&[access("dev", "dev"), access("prod", "prod"), access("dev", "dev-viewer")]);
        assert_eq!(document["current-context"], "dev");
        assert_eq!(document["clusters"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            document["contexts"][2],
            json!({ "name": "dev-viewer", "context": { "cluster": "dev", "user": "dev-viewer" } })
        );
        assert_eq!(document["users"][2]["user"]["token"], "token of dev-viewer");
    }
}
