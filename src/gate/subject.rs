//! What is judged: one revision of one release, and what its manifest promises.

use std::collections::BTreeSet;

use serde_json::Value;

use super::approval;
use super::opinion::Target;
use crate::certmanager::deployed::{self, CHART, CRDS, ChartSays};
use crate::config::{Profile, ReleaseId};
use crate::helm::manifest::Object;

/// How the chart calls the port of the controller's counters.
pub(super) const METRICS_PORT: &str = "http-metrics";
/// One revision of a release on a cluster.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The release.
    pub release: ReleaseId,
    /// Its revision.
    pub revision: u32,
    /// The rendered objects of that revision, without hooks.
    pub objects: Vec<Object>,
    /// The chart's version.
    pub chart_version: String,
    /// What is known about the chart.
    pub profile: Profile,
    /// An upgrade came before: what was broken in the baseline does not block. Without it everything is
    /// judged as it is now, at once.
    pub fresh: bool,
}

impl Subject {
    /// A release that is not there yet: what others have there is all there is.
    pub fn absent(release: &ReleaseId, profile: Profile) -> Self {
        let (revision, objects, chart_version) = (0, Vec::new(), String::new());
        Self { release: release.clone(), revision, objects, chart_version, profile, fresh: true }
    }

    /// Namespaces and names of the Deployments that are cert-manager's controller.
    pub fn controllers(&self) -> Vec<(String, String)> {
        let is_controller = |object: &&Object| {
            (object.group(), object.kind()) == ("apps", "Deployment")
                && component(object) == Some("controller")
        };
        let name = |object: &Object| {
            let namespace = object.namespace().unwrap_or(&self.release.namespace);
            (namespace.to_owned(), object.name().to_owned())
        };
        self.objects.iter().filter(is_controller).map(name).collect()
    }
}

/// A Deployment, `StatefulSet` or `DaemonSet` of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workload {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Images by container.
    pub(crate) images: Vec<(String, String)>,
    /// `None`: as many as there are (a `DaemonSet`, or left to an autoscaler).
    pub(crate) replicas: Option<i32>,
}

impl Workload {
    pub(crate) fn target(&self) -> Target {
        Target::named(&self.kind, Some(&self.namespace), &self.name)
    }
}

/// A leader election: the lease and the Deployment whose pod must hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) namespace: String,
    pub(crate) lease: &'static str,
    pub(crate) deployment: (String, String),
}

/// An object that cainjector fills with the CA of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Injected {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// Namespace and name of the Secret that holds the CA.
    pub(crate) secret: Option<(String, String)>,
}

/// What the manifest promises.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) workloads: Vec<Workload>,
    pub(crate) crds: BTreeSet<String>,
    pub(crate) leaders: Vec<Leader>,
    pub(crate) injected: Vec<Injected>,
    /// cert-manager's own approver is switched off.
    pub(crate) approver_disabled: bool,
    /// The controller serves its counters.
    pub(crate) has_metrics: bool,
    /// For whose requests that approver may decide, as in `issuers.cert-manager.io/*`.
    pub(crate) signers: BTreeSet<String>,
}

impl Expected {
    /// Reads the manifest of `subject`.
    pub(crate) fn of(subject: &Subject) -> Self {
        let mut expected = Self::default();
        for object in &subject.objects {
            match (object.group(), object.kind()) {
                ("apps", "Deployment" | "StatefulSet" | "DaemonSet") => {
                    let workload = workload(object, &subject.release.namespace);
                    if subject.profile == Profile::CertManager {
                        expected.leaders.extend(leader(subject, object, &workload));
                        expected.approver_disabled |= approval::disables_approver(object);
                        expected.has_metrics |= serves_metrics(object);
                    }
                    expected.workloads.push(workload);
                }
                ("", "ConfigMap") if subject.profile == Profile::CertManager => {
                    expected.approver_disabled |= approval::configures_approver_away(object);
                }
                ("rbac.authorization.k8s.io", "ClusterRole") => {
                    expected.signers.extend(approval::signers(object));
                }
                ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                    expected.crds.insert(object.name().to_owned());
                    expected.injected.extend(converted(object));
                }
                (
                    "admissionregistration.k8s.io",
                    "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
                ) => {
                    expected.injected.push(injected(object));
                }
                _ => {}
            }
        }
        if subject.profile == Profile::CertManager {
            expected.crds.extend(CRDS.map(str::to_owned));
        }
        expected
    }

    /// The namespaces that hold workloads.
    pub(crate) fn namespaces(&self) -> BTreeSet<&str> {
        self.workloads.iter().map(|workload| workload.namespace.as_str()).collect()
    }

    /// Namespaces and names of the Secrets that hold the webhooks' CAs, each once.
    pub(crate) fn ca_secrets(&self) -> BTreeSet<(&str, &str)> {
        let secrets = self.injected.iter().filter_map(|injected| injected.secret.as_ref());
        secrets.map(|(namespace, name)| (namespace.as_str(), name.as_str())).collect()
    }

    /// The chart brings an admission webhook.
    pub(crate) fn has_webhook(&self) -> bool {
        self.injected.iter().any(|injected| injected.kind == "ValidatingWebhookConfiguration")
    }
}

fn workload(object: &Object, release_namespace: &str) -> Workload {
    let containers = object.value.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Workload {
        kind: object.kind().to_owned(),
        namespace: object.namespace().unwrap_or(release_namespace).to_owned(),
        name: object.name().to_owned(),
        images: containers
            .into_iter()
            .flatten()
            .map(|container| (text(container, "name"), text(container, "image")))
            .collect(),
        replicas: object
            .value
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            .and_then(|replicas| i32::try_from(replicas).ok()),
    }
}

/// The leader election of cert-manager's controller or cainjector, as its arguments set it up.
fn leader(subject: &Subject, object: &Object, workload: &Workload) -> Option<Leader> {
    let lease = match component(object)? {
        "controller" if locks_a_config_map(subject) => return None,
        "controller" => "cert-manager-controller",
        "cainjector" => "cert-manager-cainjector-leader-election",
        _ => return None,
    };
    let arguments: Vec<&str> = approval::arguments(object).collect();
    if arguments.contains(&"--leader-elect=false") || workload.replicas == Some(0) {
        return None;
    }
    let namespace =
        arguments.iter().find_map(|argument| argument.strip_prefix("--leader-election-namespace="));
    let namespace = match namespace {
        Some("$(POD_NAMESPACE)") => workload.namespace.clone(),
        Some(namespace) => namespace.to_owned(),
        None => "kube-system".to_owned(),
    };
    Some(Leader { namespace, lease, deployment: (workload.namespace.clone(), workload.name.clone()) })
}

/// It is the controller, and has a port for them.
fn serves_metrics(object: &Object) -> bool {
    let containers = object.value.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    let mut ports = containers
        .into_iter()
        .flatten()
        .flat_map(|container| container["ports"].as_array().into_iter().flatten());
    component(object) == Some("controller") && ports.any(|port| port["name"] == METRICS_PORT)
}

/// Up to 1.3 the controller's lock is a `ConfigMap` (`cmd/controller/app/controller.go` at v1.3.0).
fn locks_a_config_map(subject: &Subject) -> bool {
    let chart = ChartSays { name: CHART, app_version: &subject.chart_version };
    deployed::deployed(chart, &subject.objects).is_some_and(|version| version.minor <= 3)
}

/// Which part of cert-manager an object is.
fn component(object: &Object) -> Option<&str> {
    object.value.pointer("/metadata/labels/app.kubernetes.io~1component").and_then(Value::as_str)
}

fn injected(object: &Object) -> Injected {
    let secret =
        object.annotation("cert-manager.io/inject-ca-from-secret").and_then(|secret| secret.split_once('/'));
    Injected {
        kind: object.kind().to_owned(),
        name: object.name().to_owned(),
        secret: secret.map(|(namespace, name)| (namespace.to_owned(), name.to_owned())),
    }
}

/// A CRD whose versions are converted by a webhook.
fn converted(object: &Object) -> Option<Injected> {
    let strategy = object.value.pointer("/spec/conversion/strategy").and_then(Value::as_str);
    (strategy == Some("Webhook")).then(|| injected(object))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn subject(objects: Vec<Value>) -> Subject {
        Subject {
            release: ReleaseId { name: "cert-manager".to_owned(), namespace: "cert-manager".to_owned() },
            revision: 2,
            objects: objects.into_iter().map(Object::new).collect(),
            chart_version: "v1.11.5".to_owned(),
            profile: Profile::CertManager,
            fresh: true,
        }
    }

    pub(crate) fn deployment(name: &str, component: &str, arguments: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "cert-manager", "labels": {"app.kubernetes.io/component": component}},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "main", "image": "example.com/x:v2", "args": arguments}]}}},
        })
    }

    #[test]
    fn the_manifest_says_what_to_expect() {
        let expected = Expected::of(&subject(vec![
            deployment("cert-manager", "controller", &json!(["--leader-election-namespace=kube-system"])),
            deployment(
                "cert-manager-cainjector",
                "cainjector",
                &json!(["--leader-election-namespace=$(POD_NAMESPACE)"]),
            ),
            deployment("cert-manager-webhook", "webhook", &json!([])),
            json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "cert-manager-webhook", "annotations": {"cert-manager.io/inject-ca-from-secret": "cert-manager/cert-manager-webhook-ca"}},
            }),
        ]));
        assert_eq!(expected.workloads.len(), 3);
        assert_eq!(expected.workloads[0].images, [("main".to_owned(), "example.com/x:v2".to_owned())]);
        let leaders: Vec<_> =
            expected.leaders.iter().map(|leader| (leader.namespace.as_str(), leader.lease)).collect();
        assert_eq!(
            leaders,
            [
                ("kube-system", "cert-manager-controller"),
                ("cert-manager", "cert-manager-cainjector-leader-election")
            ]
        );
        assert_eq!(
            expected.injected[0].secret,
            Some(("cert-manager".to_owned(), "cert-manager-webhook-ca".to_owned()))
        );
        assert!(expected.has_webhook() && expected.crds.len() == CRDS.len());
    }

    #[test]
    fn without_leader_election_no_lease_is_expected() {
        let objects = vec![deployment("cert-manager", "controller", &json!(["--leader-elect=false"]))];
        assert!(Expected::of(&subject(objects)).leaders.is_empty());
    }

    #[test]
    fn an_old_controller_locks_a_config_map() {
        for (version, leaders) in [("v1.3.1", 0), ("v1.4.0", 1), ("v1.21.2", 1)] {
            let mut controller = deployment("cert-manager", "controller", &json!([]));
            let image = format!("mirror.example.com:5000/jetstack/cert-manager-controller:{version}");
            controller["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
            assert_eq!(Expected::of(&subject(vec![controller])).leaders.len(), leaders, "{version}");
        }
    }

    #[test]
    fn another_chart_promises_only_its_own_objects() {
        let mut subject = subject(vec![deployment("web", "controller", &json!([]))]);
        subject.profile = Profile::Generic;
        let expected = Expected::of(&subject);
        assert!(expected.crds.is_empty() && expected.leaders.is_empty() && expected.workloads.len() == 1);
    }
}
