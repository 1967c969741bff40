//! Which pods belong to an object of a release. Pure: it says what to ask the cluster for.

use std::cmp::Reverse;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::helm::manifest::Object;

/// How the pods of one workload are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    /// `Kind namespace/name` of the workload.
    pub(super) workload: String,
    /// Its kind.
    pub(super) kind: String,
    /// Its name; empty where the server gives one.
    pub(super) name: String,
    /// Where its pods are.
    pub(super) namespace: String,
    /// The label selector, empty for none.
    pub(super) labels: String,
    /// The field selector, empty for none.
    pub(super) fields: String,
    /// Only pods of jobs whose name begins so.
    job_prefix: Option<String>,
}

impl Search {
    /// For a workload of a release in `namespace`; `None` for an object that has no pods.
    pub(super) fn of(object: &Object, namespace: &str) -> Option<Self> {
        let namespace = object.namespace().unwrap_or(namespace);
        let mut search = Self {
            workload: format!("{} {namespace}/{}", object.kind(), object.name()),
            kind: object.kind().to_owned(),
            name: object.name().to_owned(),
            namespace: namespace.to_owned(),
            labels: String::new(),
            fields: String::new(),
            job_prefix: None,
        };
        match object.kind() {
            "Pod" if !object.name().is_empty() => search.fields = format!("metadata.name={}", object.name()),
            "Job" if !object.name().is_empty() => search.labels = format!("job-name={}", object.name()),
            "Job" => {
                "job-name".clone_into(&mut search.labels);
                search.job_prefix = Some(object.value["metadata"]["generateName"].as_str()?.to_owned());
            }
            "CronJob" => {
                "job-name".clone_into(&mut search.labels);
                search.job_prefix = Some(format!("{}-", object.name()));
            }
            _ if object.value["spec"]["template"].is_object() => {
                search.labels = selector(&object.value["spec"]["selector"])?;
            }
            _ => return None,
        }
        Some(search)
    }

    /// Whether a pod that was found is really one of the workload's.
    pub(super) fn takes(&self, pod: &Pod) -> bool {
        let Some(prefix) = &self.job_prefix else { return true };
        let job = pod.metadata.labels.as_ref().and_then(|labels| labels.get("job-name"));
        job.is_some_and(|job| job.starts_with(prefix.as_str()))
    }
}

/// A selector as a query takes it; `None` for one that takes every pod. A `ReplicationController` has labels
/// only.
fn selector(selector: &Value) -> Option<String> {
    let labels = selector
        .get("matchLabels")
        .or_else(|| Some(selector).filter(|selector| selector.get("matchExpressions").is_none()));
    let equal = labels
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten().filter_map(expression);
    let terms: Vec<String> = equal.chain(expressions).collect();
    (!terms.is_empty()).then(|| terms.join(","))
}

fn expression(expression: &Value) -> Option<String> {
    let key = expression["key"].as_str()?;
    let values: Vec<&str> =
        expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    Some(match expression["operator"].as_str()? {
        "In" => format!("{key} in ({})", values.join(",")),
        "NotIn" => format!("{key} notin ({})", values.join(",")),
        "Exists" => key.to_owned(),
        "DoesNotExist" => format!("!{key}"),
        _ => return None,
    })
}

/// The pods that explain most: those that are not ready, then those that restarted most often.
pub(super) fn most_telling(mut pods: Vec<Pod>, most: usize) -> Vec<Pod> {
    pods.sort_by_key(|pod| (is_ready(pod), Reverse(restarts(pod))));
    pods.truncate(most);
    pods
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().filter_map(|status| status.conditions.as_ref()).flatten();
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn restarts(pod: &Pod) -> i32 {
    let containers = pod.status.iter().filter_map(|status| status.container_statuses.as_ref()).flatten();
    containers.map(|container| container.restart_count).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn search(value: Value) -> Option<(String, String, String)> {
        let search = Search::of(&Object::new(value), "ns")?;
        Some((search.namespace, search.labels, search.fields))
    }

    #[test]
    fn pods_are_found_by_their_workload_alone() {
        let deployment = json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {}, "selector": {
            "matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}]}}});
        let found = |namespace: &str, labels: &str, fields: &str| {
            Some((namespace.to_owned(), labels.to_owned(), fields.to_owned()))
        };
        assert_eq!(search(deployment), found("ns", "app=web,tier in (a,b)", ""));
        for (value, expected) in [
            (
                json!({"kind": "DaemonSet", "metadata": {"name": "x", "namespace": "other"},
                    "spec": {"template": {}, "selector": {"matchLabels": {"app": "x"}}}}),
                found("other", "app=x", ""),
            ),
            (
                json!({"kind": "ReplicationController", "spec": {"template": {}, "selector": {"app": "x"}}}),
                found("ns", "app=x", ""),
            ),
            (json!({"kind": "Job", "metadata": {"name": "migrate"}}), found("ns", "job-name=migrate", "")),
            (json!({"kind": "Pod", "metadata": {"name": "test"}}), found("ns", "", "metadata.name=test")),
            (json!({"kind": "Service", "spec": {"selector": {"app": "x"}}}), None),
            (
                json!({"kind": "PodDisruptionBudget", "spec": {"selector": {"matchLabels": {"app": "x"}}}}),
                None,
            ),
            // It would take every pod of the namespace.
            (json!({"kind": "Deployment", "spec": {"template": {}, "selector": {}}}), None),
        ] {
            assert_eq!(search(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn pods_of_jobs_that_the_server_names_are_known_by_their_beginning() {
        let pod = |job: &str| -> Pod {
            serde_json::from_value(json!({"metadata": {"labels": {"job-name": job}}})).unwrap()
        };
        for (value, ours) in [
            (json!({"kind": "CronJob", "metadata": {"name": "backup"}}), "backup-2898"),
            (json!({"kind": "Job", "metadata": {"generateName": "migrate-"}}), "migrate-x7k2p"),
        ] {
            let search = Search::of(&Object::new(value), "ns").unwrap();
            assert_eq!(search.labels, "job-name");
            assert!(search.takes(&pod(ours)) && !search.takes(&pod("other-1")));
        }
    }

    #[test]
    fn of_many_pods_the_broken_ones_are_kept() {
        let pod = |name: &str, ready: &str, restarts: i32| -> Pod {
            serde_json::from_value(json!({"metadata": {"name": name}, "status": {
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"name": "c", "image": "", "imageID": "", "ready": true, "restartCount": restarts}]}}))
            .unwrap()
        };
        let pods = vec![pod("good", "True", 0), pod("restarted", "True", 3), pod("broken", "False", 0)];
        let kept = most_telling(pods, 2);
        let names: Vec<_> = kept.iter().filter_map(|pod| pod.metadata.name.as_deref()).collect();
        assert_eq!(names, ["broken", "restarted"]);
    }
}
