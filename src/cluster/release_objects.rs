//! The live objects of a release and the pods that belong to them, for `release helm status`. Only reads.

use std::collections::BTreeMap;

use futures::StreamExt;
use http::Request;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::{Map, Value};

use super::discovery::Kinds;
use super::objects::in_parallel;
use super::{ApiError, Cluster};
use crate::helm::manifest::Object;

/// In which form the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The objects themselves.
    Objects,
    /// The tables that kubectl prints (`meta.k8s.io/v1` `Table`).
    Tables,
}

/// Answers by kind (`v1/Pod`; pods that belong to another object: `v1/Pod(related)`), in the order in which
/// they first appear.
pub type ByKind = Vec<(String, Vec<Value>)>;

/// Reads the objects; those that do not exist, or are of a kind that is not served, are left out.
pub async fn read(
    cluster: &Cluster,
    kinds: &Kinds,
    objects: &[Object],
    namespace: &str,
    form: Form,
) -> Result<ByKind, ApiError> {
    let found: Vec<Result<Option<Value>, ApiError>> =
        in_parallel(objects, |object| one(cluster, kinds, object, namespace, form)).collect().await;
    let mut by_kind = ByKind::new();
    let mut selectors = Vec::new();
    for (object, answer) in objects.iter().zip(found) {
        let Some(answer) = answer? else { continue };
        add(&mut by_kind, format!("{}/{}", object.version(), object.kind()), answer);
        if let Some(selector) = selector(object).filter(|selector| !selectors.contains(selector)) {
            for pods in related(cluster, object.namespace().unwrap_or(namespace), &selector, form).await? {
                add(&mut by_kind, "v1/Pod(related)".to_owned(), pods);
            }
            selectors.push(selector);
        }
    }
    Ok(by_kind)
}

fn add(by_kind: &mut ByKind, kind: String, answer: Value) {
    match by_kind.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, answers)) => answers.push(answer),
        None => by_kind.push((kind, vec![answer])),
    }
}

async fn one(
    cluster: &Cluster,
    kinds: &Kinds,
    object: &Object,
    namespace: &str,
    form: Form,
) -> Result<Option<Value>, ApiError> {
    let Some(api) = kinds.api(cluster, object, namespace) else { return Ok(None) };
    match get(cluster, &format!("{}/{}", api.resource_url(), object.name()), form).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        answer => answer.map(Some).map_err(|error| {
            ApiError::new(cluster, format!("read {}", kinds.key(object, namespace)), &error)
        }),
    }
}

/// The labels by which an object finds its pods.
fn selector(object: &Object) -> Option<BTreeMap<String, String>> {
    let path = match object.kind() {
        "ReplicaSet" | "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => "/spec/selector/matchLabels",
        "ReplicationController" => "/spec/selector",
        _ => return None,
    };
    let labels: &Map<String, Value> = object.value.pointer(path)?.as_object()?;
    labels.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// One table, or all pods.
async fn related(
    cluster: &Cluster,
    namespace: &str,
    selector: &BTreeMap<String, String>,
    form: Form,
) -> Result<Vec<Value>, ApiError> {
    let selector: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("labelSelector", &selector.join(","))
        .finish();
    let answer = get(cluster, &format!("{}?{query}", pods.resource_url()), form).await;
    let answer =
        answer.map_err(|error| ApiError::new(cluster, format!("list the pods in {namespace}"), &error))?;
    match form {
        Form::Tables => Ok(vec![answer]),
        Form::Objects => {
            Ok(answer["items"].as_array().cloned().unwrap_or_default().into_iter().map(pod).collect())
        }
    }
}

/// The items of a list do not say what they are.
fn pod(mut item: Value) -> Value {
    if let Some(pod) = item.as_object_mut() {
        pod.insert("apiVersion".to_owned(), "v1".into());
        pod.insert("kind".to_owned(), "Pod".into());
    }
    item
}

async fn get(cluster: &Cluster, uri: &str, form: Form) -> Result<Value, kube::Error> {
    let accept = match form {
        Form::Objects => "application/json",
        Form::Tables => "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    };
    let request =
        Request::get(uri).header("accept", accept).body(Vec::new()).map_err(kube::Error::HttpError)?;
    cluster.client.request(request).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pods_are_found_by_the_labels_of_workloads_only() {
        let of = |kind: &str, spec: Value| selector(&Object::new(json!({"kind": kind, "spec": spec})));
        assert_eq!(of("Deployment", json!({"selector": {"matchLabels": {"a": "b"}}})).unwrap()["a"], "b");
        assert_eq!(of("ReplicationController", json!({"selector": {"a": "b"}})).unwrap()["a"], "b");
        assert_eq!(of("Service", json!({"selector": {"a": "b"}})), None);
        assert_eq!(of("Deployment", json!({"selector": {"matchLabels": {"a": 1}}})), None);
    }
}
