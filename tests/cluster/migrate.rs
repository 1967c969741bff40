//! `release migrate`: what etcd holds is known by dropping the old version of a CRD, since an object in a version
//! that is gone cannot be read.

use std::time::Duration;

use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams};
use libtest_mimic::Trial;
use release::cluster::live_crd;
use serde_json::{Value, json};

use crate::preflight::Fleet;
use crate::support::fleet::signal;
use crate::support::objects::objects;
use crate::support::program::finish;
use crate::support::proxy::Proxy;
use crate::support::wait::until;
use crate::support::{FIRST, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "migrate::objects_are_stored_anew_so_that_their_old_version_can_go",
            objects_are_stored_anew_so_that_their_old_version_can_go,
        ),
        trial(
            "migrate::an_object_that_is_not_taken_leaves_the_status_as_it_is",
            an_object_that_is_not_taken_leaves_the_status_as_it_is,
        ),
        trial("migrate::what_is_interrupted_in_the_middle_is_done_by_the_next_one", interrupted),
    ]
}

/// A release with a CRD whose objects were stored as v1 when the chart began to store v2.
struct Switched {
    fleet: Fleet,
    group: String,
}

impl Switched {
    async fn new() -> Self {
        let fleet = Fleet::new().await;
        let group = format!("{}.example.com", fleet.place.release.namespace);
        let switched = Self { fleet, group };
        switched.fleet.write("1.0.0", &[("crd", &switched.crd(&[("v1", true)]))]);
        switched.fleet.run(&["--cluster", FIRST]).expect(0);
        for name in ["a", "b", "c"] {
            let group = &switched.group;
            let text = format!(
                "apiVersion: {group}/v1\nkind: Thing\nmetadata: {{name: {name}}}\nspec: {{k: {name}}}\n"
            );
            let object = objects(&[text]).remove(0);
            let value: DynamicObject = serde_json::from_value(object.value.clone()).unwrap();
            switched.fleet.place.api(&object).await.create(&PostParams::default(), &value).await.unwrap();
        }
        switched.fleet.write("2.0.0", &[("crd", &switched.crd(&[("v1", false), ("v2", true)]))]);
        switched.fleet.run(&["--cluster", FIRST]).expect(0);
        assert_eq!(switched.stored().await, ["v1", "v2"]);
        switched
    }

    /// Versions, each with whether it is the one that is stored.
    fn crd(&self, versions: &[(&str, bool)]) -> String {
        let schema = "{openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}";
        let version = |(name, storage): &(&str, bool)| {
            format!("  - {{name: {name}, served: true, storage: {storage}, schema: {schema}}}\n")
        };
        let (group, versions) = (&self.group, versions.iter().map(version).collect::<String>());
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: things.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n  names: {{plural: things, kind: Thing}}\n  versions:\n{versions}"
        )
    }

    fn name(&self) -> String {
        format!("things.{}", self.group)
    }

    async fn stored(&self) -> Vec<String> {
        let crd = live_crd::read(&self.fleet.place.cluster, &self.name()).await.unwrap().unwrap();
        crd.status.stored_versions
    }

    fn things(&self) -> Api<DynamicObject> {
        let kind =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(&self.group, "v2", "Thing"), "things");
        Api::all_with(self.fleet.place.cluster.client.clone(), &kind)
    }

    /// Name, generation and spec; the resource versions.
    async fn seen(&self) -> (Vec<Value>, Vec<String>) {
        let things = self.things().list(&ListParams::default()).await.unwrap().items;
        let seen = |thing: &DynamicObject| {
            json!([thing.metadata.name, thing.metadata.generation, thing.data["spec"]])
        };
        let versions = things.iter().filter_map(|thing| thing.metadata.resource_version.clone());
        (things.iter().map(seen).collect(), versions.collect())
    }

    async fn create(&self, text: &str) {
        let object = objects(&[text]).remove(0);
        let value: DynamicObject = serde_json::from_value(object.value.clone()).unwrap();
        self.fleet.place.api(&object).await.create(&PostParams::default(), &value).await.unwrap();
    }
}

async fn objects_are_stored_anew_so_that_their_old_version_can_go() {
    let switched = Switched::new().await;
    let (before, versions) = switched.seen().await;
    let shown = switched.fleet.run(&["migrate", "--cluster", FIRST, "--dry-run"]).expect(0);
    let name = switched.name();
    let would =
        format!("{FIRST}: {name}: 3 objects would be written again as v2; storedVersions is [v1, v2]\n");
    assert_eq!(shown.stdout, would);
    assert_eq!((switched.seen().await.1, switched.stored().await.len()), (versions.clone(), 2));

    let ran = switched.fleet.run(&["migrate", "--cluster", FIRST]).expect(0);
    assert!(
        ran.stdout.contains("3 objects written again as v2; storedVersions was [v1, v2]"),
        "{}",
        ran.stdout
    );
    assert_eq!(switched.stored().await, ["v2"]);
    let (after, rewritten) = switched.seen().await;
    assert_eq!(before, after, "nothing in them has changed");
    assert!(rewritten.iter().all(|version| !versions.contains(version)), "each was stored again");

    // The server refuses this while v1 may be stored, and could not read an object that is.
    switched.fleet.write("3.0.0", &[("crd", &switched.crd(&[("v2", true)]))]);
    switched.fleet.run(&["--cluster", FIRST]).expect(0);
    assert_eq!(switched.seen().await.0, before);
    let again = switched.fleet.run(&["migrate", "--cluster", FIRST]).expect(0);
    assert!(again.stdout.contains("nothing to migrate"), "{}", again.stdout);
}

/// A policy that refuses to change `b`: also as a dry run, or only what is meant.
fn policy(name: &str, group: &str, expression: &str) -> [String; 2] {
    [
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: {name}}}\nspec:\n  matchConstraints:\n    resourceRules:\n    - {{apiGroups: [{group}], apiVersions: ['*'], operations: [UPDATE], resources: ['*']}}\n  validations:\n  - {{expression: \"{expression}\", message: not today}}\n"
        ),
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: {name}}}\nspec: {{policyName: {name}, validationActions: [Deny]}}\n"
        ),
    ]
}

impl Switched {
    /// Puts the policy into force, which takes the server a while.
    async fn refuse(&self, name: &str, expression: &str, dry_run: bool) {
        for text in policy(name, &self.group, expression) {
            self.create(&text).await;
        }
        let namespace = &self.fleet.place.release.namespace;
        let kind =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(&self.group, "v2", "Thing"), "things");
        let api =
            Api::<DynamicObject>::namespaced_with(self.fleet.place.cluster.client.clone(), namespace, &kind);
        let parameters = PatchParams { dry_run, ..PatchParams::default() };
        let patch = Patch::Merge(json!({"metadata": {"annotations": {"tried": "yes"}}}));
        until("the policy is in force", Duration::from_mins(1), async || {
            api.patch("b", &parameters, &patch).await.is_err()
        })
        .await;
    }
}

async fn an_object_that_is_not_taken_leaves_the_status_as_it_is() {
    let switched = Switched::new().await;
    let id = &switched.fleet.place.release.namespace;
    // Only what is meant is refused: it is found out after the rehearsal, when `a` is written already.
    let meant = format!("{id}-meant");
    switched.refuse(&meant, "object.metadata.name != 'b' || request.dryRun", false).await;
    let halted = switched.fleet.run(&["migrate", "--cluster", FIRST]).expect(4);
    let told = format!("write Thing {id}/b again as it is");
    assert!(halted.stderr.contains(&told) && halted.stderr.contains("not today"), "{}", halted.stderr);
    assert!(halted.stderr.contains("status.storedVersions of CRD"), "{}", halted.stderr);
    assert_eq!(switched.stored().await, ["v1", "v2"]);
    // Refused also as a dry run: nothing is written.
    switched.refuse(&format!("{id}-any"), "object.metadata.name != 'b'", true).await;
    let versions = switched.seen().await.1;
    for args in [&["migrate", "--cluster", FIRST, "--dry-run"][..], &["migrate", "--cluster", FIRST]] {
        let refused = switched.fleet.run(args).expect(1);
        assert!(refused.stderr.contains(&told), "{}", refused.stderr);
    }
    assert_eq!((switched.seen().await.1, switched.stored().await.len()), (versions, 2));
}

/// Stopped while one object is being written and the others are: the lock is free, and the next one does the rest.
async fn interrupted() {
    let switched = Switched::new().await;
    let (before, versions) = switched.seen().await;
    let proxy = Proxy::start();
    let held = json!({"method": "PATCH", "path": "/things/b?", "effect": "hang"});
    proxy.faults(json!([{"path": "dryRun=All", "effect": {"delay": {"ms": 0}}}, held]));
    let run = switched.fleet.start_on(&["migrate", "--cluster", FIRST], &proxy.kubeconfig());
    proxy.all_used(Duration::from_mins(1)).await;
    let rewritten = async || {
        let now = switched.seen().await.1;
        now.iter().filter(|version| !versions.contains(version)).count()
    };
    until("the others are written", Duration::from_mins(1), async || rewritten().await == 2).await;
    signal(&run, "TERM");
    let stopped = finish(run).expect(143);
    assert!(stopped.stderr.contains("run `release migrate` again"), "{}", stopped.stderr);
    assert_eq!(switched.stored().await, ["v1", "v2"], "b may be stored as v1");
    proxy.faults(json!([]));

    let ran = switched.fleet.run(&["migrate", "--cluster", FIRST]).expect(0);
    assert!(ran.stdout.contains("3 objects written again as v2"), "{}", ran.stdout);
    assert_eq!((switched.stored().await, switched.seen().await.0), (vec!["v2".to_owned()], before));
}
