//! The journal of the last rollout, kept in the cluster: one `ConfigMap` beside the release. What the text
//! means is not known here.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::error::Cause;
use super::{ApiError, Cluster};
use crate::config::ReleaseId;

const KEY: &str = "journal.json";
/// A `ConfigMap` holds 1 MiB of data.
const LIMIT: usize = 1_048_576 - 1024;

/// The name of the release's `ConfigMap` and of its Lease.
pub fn object_name(release: &ReleaseId) -> String {
    format!("release.{}", release.name)
}

/// The journal's text; `None` when no run has written one.
pub async fn read(cluster: &Cluster, release: &ReleaseId) -> Result<Option<String>, ApiError> {
    let found = api(cluster, release).get_opt(&object_name(release)).await;
    let found = found
        .map_err(|error| ApiError::new(cluster, format!("read the journal, {}", place(release)), &error))?;
    Ok(found.and_then(|map| map.data).and_then(|mut data: BTreeMap<String, String>| data.remove(KEY)))
}

/// Replaces the journal's text. One that would not fit is refused.
pub async fn write(cluster: &Cluster, release: &ReleaseId, text: &str) -> Result<(), ApiError> {
    let doing = || format!("write the journal, {}", place(release));
    if text.len() > LIMIT {
        let cause = Cause::Other(format!("{} bytes are more than a ConfigMap holds", text.len()));
        return Err(ApiError::with_cause(&cluster.name, doing(), cause));
    }
    let name = object_name(release);
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "release"}},
        "data": {KEY: text},
    });
    let written =
        api(cluster, release).patch(&name, &PatchParams::apply("release").force(), &Patch::Apply(map)).await;
    written.map(|_| ()).map_err(|error| ApiError::new(cluster, doing(), &error))
}

fn place(release: &ReleaseId) -> String {
    format!("ConfigMap {}/{}", release.namespace, object_name(release))
}

fn api(cluster: &Cluster, release: &ReleaseId) -> Api<ConfigMap> {
    Api::namespaced(cluster.client.clone(), &release.namespace)
}
