//! The sandbox's own node: its pods must fail, crash and end the way they do in production, or the tests of
//! the gates prove nothing.

use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, ServiceAccount};
use kube::api::{DeleteParams, ListParams, LogParams, PostParams};
use kube::runtime::watcher::{self, Config};
use kube::runtime::{WatchStreamExt, wait};
use kube::{Api, Client};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::support::wait::until;
use crate::support::{trial, world};

const LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "node::a_container_that_crashes_backs_off_and_keeps_its_logs",
            a_container_that_crashes_backs_off_and_keeps_its_logs,
        ),
        trial(
            "node::an_unknown_image_is_told_and_found_missing_again",
            an_unknown_image_is_told_and_found_missing_again,
        ),
        trial("node::a_pod_that_runs_once_ends_by_its_exit_code", a_pod_that_runs_once_ends_by_its_exit_code),
        trial("node::a_deleted_pod_ends_with_its_process", a_deleted_pod_ends_with_its_process),
        trial(
            "node::a_missing_volume_holds_a_pod_up_until_it_is_there",
            a_missing_volume_holds_a_pod_up_until_it_is_there,
        ),
        trial(
            "node::a_pod_is_ready_when_its_probe_is_and_restarted_when_it_dies",
            a_pod_is_ready_when_its_probe_is_and_restarted_when_it_dies,
        ),
        trial("node::init_containers_come_first", init_containers_come_first),
    ]
}

/// A namespace of its own, in which pods may be made.
struct Place {
    client: Client,
    namespace: String,
}

impl Place {
    async fn new() -> Self {
        let (cluster, release) = world().await;
        let place = Self { client: cluster.client, namespace: release.namespace };
        let accounts: Api<ServiceAccount> = place.api();
        wait::await_condition(accounts, "default", |account: Option<&ServiceAccount>| account.is_some())
            .await
            .unwrap();
        place
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A pod with one container, `c`, that runs a script.
    async fn run(&self, script: &str, container: Value, spec: Value) {
        let mut whole = json!({"name": "c", "image": "sandbox/sh:1", "args": ["-c", script]});
        merge(&mut whole, container);
        let mut pod = json!({"metadata": {"name": "p"}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [whole]}});
        merge(&mut pod["spec"], spec);
        self.api()
            .create(&PostParams::default(), &serde_json::from_value::<Pod>(pod).unwrap())
            .await
            .unwrap();
    }

    /// The state of the pod once it is as wished.
    async fn until(&self, what: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let watched = Config::default().fields("metadata.name=p");
        let mut pods =
            watcher::watcher(self.api::<Pod>(), watched).default_backoff().applied_objects().boxed();
        let mut last = Value::Null;
        let seen = async {
            while let Some(pod) = pods.next().await {
                last = json!(pod.unwrap().status);
                if wished(&last) {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(LIMIT, seen).await.is_ok();
        assert!(in_time, "wait for a pod with {what}; it is {last:#}");
        last
    }

    async fn log(&self, previous: bool) -> String {
        self.api::<Pod>().logs("p", &LogParams { previous, ..LogParams::default() }).await.unwrap()
    }

    /// Type, reason and message of the pod's events.
    async fn events(&self) -> Vec<String> {
        let told = |event: Event| {
            let [kind, reason, message] =
                [event.type_, event.reason, event.message].map(Option::unwrap_or_default);
            format!("{kind} {reason}: {message}")
        };
        self.api::<Event>().list(&ListParams::default()).await.unwrap().into_iter().map(told).collect()
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

fn waits(status: &Value, reason: &str) -> bool {
    status["containerStatuses"][0]["state"]["waiting"]["reason"] == reason
}

fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let found = status["conditions"]
        .as_array()
        .and_then(|all| all.iter().find(|condition| condition["type"] == kind));
    found.unwrap_or(&Value::Null)
}

async fn a_container_that_crashes_backs_off_and_keeps_its_logs() {
    let place = Place::new().await;
    place.run("echo host $(hostname); exit 3", json!({}), json!({})).await;
    let status = place.until("CrashLoopBackOff", |status| waits(status, "CrashLoopBackOff")).await;
    let container = &status["containerStatuses"][0];
    assert_eq!(status["phase"], "Running");
    assert_eq!(condition(&status, "Ready")["reason"], "ContainersNotReady");
    assert_eq!(container["restartCount"], 1, "the first restart does not wait");
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 3);
    let message = container["state"]["waiting"]["message"].as_str().unwrap();
    assert!(message.starts_with("back-off 10s restarting failed container=c pod=p_"), "{message}");
    assert_eq!(place.log(false).await, "host p\n");
    assert_eq!(place.log(true).await, "host p\n");
    let status =
        place.until("a third start", |status| status["containerStatuses"][0]["restartCount"] == 2).await;
    assert_eq!(status["containerStatuses"][0]["lastState"]["terminated"]["reason"], "Error");
    let events = place.events().await;
    assert!(
        events
            .iter()
            .any(|event| event
                .starts_with("Warning BackOff: Back-off restarting failed container c in pod p_")),
        "{events:?}"
    );
}

async fn an_unknown_image_is_told_and_found_missing_again() {
    let place = Place::new().await;
    place.run("", json!({"image": "example.com/no-such-image:1"}), json!({})).await;
    place.until("ErrImagePull", |status| waits(status, "ErrImagePull")).await;
    let status = place.until("ImagePullBackOff", |status| waits(status, "ImagePullBackOff")).await;
    assert_eq!(status["phase"], "Pending");
    place.until("another try", |status| waits(status, "ErrImagePull")).await;
    let events = place.events().await;
    let told = "Warning Failed: Failed to pull image \"example.com/no-such-image:1\": example.com/no-such-image:1: not found";
    assert!(events.contains(&told.to_owned()), "{events:?}");
}

async fn a_pod_that_runs_once_ends_by_its_exit_code() {
    for (script, phase) in [("exit 0", "Succeeded"), ("exit 4", "Failed")] {
        let place = Place::new().await;
        place.run(script, json!({}), json!({"restartPolicy": "Never"})).await;
        let ended = |status: &Value| !status["containerStatuses"][0]["state"]["terminated"].is_null();
        let status = place.until("a container that ended", ended).await;
        assert_eq!(
            (status["phase"].as_str(), &status["containerStatuses"][0]["restartCount"]),
            (Some(phase), &json!(0))
        );
    }
}

async fn a_deleted_pod_ends_with_its_process() {
    let place = Place::new().await;
    // Kubernetes reads `$$` as `$`.
    place.run("trap '' TERM; echo $$$$; while :; do sleep 0.1; done", json!({}), json!({})).await;
    place.until("a ready container", |status| condition(status, "Ready")["status"] == "True").await;
    until("the process writes its id", LIMIT, async || !place.log(false).await.is_empty()).await;
    let pid = place.log(false).await;
    let process = PathBuf::from("/proc").join(pid.trim());
    assert!(process.exists());
    place.api::<Pod>().delete("p", &DeleteParams::default()).await.unwrap();
    let gone = wait::await_condition(place.api(), "p", |pod: Option<&Pod>| pod.is_none());
    tokio::time::timeout(LIMIT, gone).await.expect("the pod goes").unwrap();
    assert!(!process.exists(), "the process is killed before the pod goes");
}

async fn a_missing_volume_holds_a_pod_up_until_it_is_there() {
    let place = Place::new().await;
    let volumes = json!({"volumes": [{"name": "settings", "configMap": {"name": "settings"}}], "restartPolicy": "Never"});
    let mounts = json!({"volumeMounts": [{"name": "settings", "mountPath": "/etc/app"}]});
    place.run("cat /etc/app/colour", mounts, volumes).await;
    place.until("a container to come", |status| waits(status, "ContainerCreating")).await;
    let told = "Warning FailedMount: MountVolume.SetUp failed for volume \"settings\" : configmap \"settings\" not found";
    let held_up = async {
        while !place.events().await.contains(&told.to_owned()) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LIMIT, held_up).await.expect("an event tells what is missing");
    let settings = json!({"metadata": {"name": "settings"}, "data": {"colour": "red"}});
    place
        .api::<ConfigMap>()
        .create(&PostParams::default(), &serde_json::from_value(settings).unwrap())
        .await
        .unwrap();
    place.until("success", |status| status["phase"] == "Succeeded").await;
    assert_eq!(place.log(false).await, "red");
}

async fn a_pod_is_ready_when_its_probe_is_and_restarted_when_it_dies() {
    let place = Place::new().await;
    let probe = json!({"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 2});
    place.run("exec sleep 600", json!({"readinessProbe": probe, "livenessProbe": probe}), json!({})).await;
    let status = place.until("a restart", |status| status["containerStatuses"][0]["restartCount"] == 1).await;
    assert_eq!(condition(&status, "Ready")["status"], "False", "nothing listens on the port");
    assert_eq!(status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"], 143);
    let events = place.events().await;
    assert!(
        events.iter().any(|event| event.starts_with("Warning Unhealthy: Liveness probe failed: ")),
        "{events:?}"
    );
    assert!(
        events.contains(&"Normal Killing: Container c failed liveness probe, will be restarted".to_owned()),
        "{events:?}"
    );
}

async fn init_containers_come_first() {
    let place = Place::new().await;
    let script = "until [ -e /shared/go ]; do sleep 0.1; done; echo first > /shared/file";
    let mount = json!([{"name": "shared", "mountPath": "/shared"}]);
    let init = |script: &str| json!({"name": "i", "image": "sandbox/sh:1", "args": ["-c", script], "volumeMounts": mount});
    let spec = json!({
        "restartPolicy": "Never",
        "volumes": [{"name": "shared", "emptyDir": {}}],
        "initContainers": [init(&format!("touch /shared/go; {script}"))],
    });
    place.run("cat /shared/file", json!({"volumeMounts": mount}), spec).await;
    let status = place.until("success", |status| status["phase"] == "Succeeded").await;
    assert_eq!(status["initContainerStatuses"][0]["state"]["terminated"]["reason"], "Completed");
    assert_eq!(place.log(false).await, "first\n");
}
