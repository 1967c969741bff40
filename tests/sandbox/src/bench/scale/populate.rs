//! As many Certificates as a large cluster has, each with its issued request and its valid Order, as cert-manager
//! leaves them. No controller takes part: the states are written as they are.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::objects::{self, Kind};
use crate::{object, talk};

/// So many requests are on their way at once.
const AT_ONCE: usize = 48;
const NAMESPACES: u32 = 100;

/// Creates what is missing of `count` Certificates.
pub(super) async fn populate(client: &Client, count: u32) -> Result<()> {
    for namespace in 0..NAMESPACES.min(count) {
        let name = objects::namespace(namespace);
        object::apply(client, &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
            .await?;
    }
    let done = AtomicU32::new(0);
    let one = |index: u32| {
        let done = &done;
        async move {
            chain(client, index).await.with_context(|| format!("create Certificate {index}"))?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(1000) {
                talk::line(&format!("{done} of {count} Certificates"));
            }
            anyhow::Ok(())
        }
    };
    stream::iter(0..count).map(one).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// One Certificate with its request and its Order.
async fn chain(client: &Client, index: u32) -> Result<()> {
    let namespace = objects::namespace(index % NAMESPACES);
    let mut owner = None;
    for kind in [Kind::Certificate, Kind::Request, Kind::Order] {
        let place = format!("{}/namespaces/{namespace}/{}", kind.group_version(), kind.plural());
        let wish = objects::wish(kind, index, owner.as_ref());
        let name = objects::name(kind, index);
        let created: Created = send(client, "POST", &place, &wish).await?;
        let status = json!({"status": objects::status(kind)});
        let _: Created = send(client, "PATCH", &format!("{place}/{name}/status"), &status).await?;
        owner = Some(objects::owner(kind, &name, &created.metadata.uid));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Created {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    uid: String,
}

async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Result<Created> {
    let media = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let request = hyper::Request::builder()
        .method(method)
        .uri(format!("/apis/{path}"))
        .header("Content-Type", media)
        .header("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
        .body(serde_json::to_vec(body)?)?;
    client.request(request).await.with_context(|| format!("{method} {path}"))
}

/// How many Orders of ours there are: the last object of each chain.
pub(super) async fn count(client: &Client) -> Result<u32> {
    let path = "/apis/acme.cert-manager.io/v1/orders?limit=1";
    let request = hyper::Request::get(path).body(Vec::new())?;
    let list: Value = client.request(request).await.context("count the Orders")?;
    let remaining = list["metadata"]["remainingItemCount"].as_u64().unwrap_or(0);
    let first = list["items"].as_array().map_or(0, Vec::len) as u64;
    Ok(u32::try_from(remaining + first).unwrap_or(u32::MAX))
}
