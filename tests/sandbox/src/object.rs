//! Kubernetes objects as JSON: written by server-side apply, and looked at until they are Ready.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use kube::{Api, Client};
use serde_json::Value;
use tokio::time::{Instant, sleep};

const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Creates or changes an object.
pub(crate) async fn apply(client: &Client, object: &Value) -> Result<()> {
    let (api, name) = api(client, object)?;
    let params = PatchParams::apply("sandbox").force();
    api.patch(&name, &params, &Patch::Apply(object))
        .await
        .map(|_| ())
        .with_context(|| format!("apply {}", title(object)))
}

/// Waits until the object's condition `Ready` is true. The error has the condition as it is.
pub(crate) async fn ready(client: &Client, object: &Value, limit: Duration) -> Result<()> {
    let (api, name) = api(client, object)?;
    let deadline = Instant::now() + limit;
    loop {
        let live = api.get(&name).await.with_context(|| format!("read {}", title(object)))?;
        let condition = condition(&live.data);
        if condition["status"] == "True" {
            return Ok(());
        }
        if Instant::now() >= deadline {
            bail!("{} is not Ready after {} s: {condition}", title(object), limit.as_secs());
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn condition(data: &Value) -> Value {
    let conditions = data["status"]["conditions"].as_array();
    conditions
        .and_then(|all| all.iter().find(|condition| condition["type"] == "Ready"))
        .cloned()
        .unwrap_or_default()
}

fn api(client: &Client, object: &Value) -> Result<(Api<DynamicObject>, String)> {
    let types: TypeMeta = serde_json::from_value(object.clone()).context("read an object's kind")?;
    let kind = GroupVersionKind::try_from(&types).context("read an object's kind")?;
    let resource = ApiResource::from_gvk(&kind);
    let name = object["metadata"]["name"].as_str().context("an object needs a name")?.to_owned();
    let api = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    Ok((api, name))
}

fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_ready_condition_counts() {
        let data = json!({ "status": { "conditions": [{ "type": "Issuing", "status": "True" }, { "type": "Ready", "status": "False" }] } });
        assert_eq!(condition(&data)["status"], "False");
        assert_eq!(condition(&json!({})), Value::Null);
    }

    #[test]
    fn objects_are_named_with_their_namespace() {
        let object = json!({ "kind": "Certificate", "metadata": { "name": "shop", "namespace": "demo" } });
        assert_eq!(title(&object), "Certificate demo/shop");
    }
}
