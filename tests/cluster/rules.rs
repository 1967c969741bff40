//! Objects of a kind that nobody but `release.yaml` knows: what fails after the upgrade is found, and what was so
//! before is not.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use libtest_mimic::Trial;
use release::config::{GateSettings, Profile, RuleSettings};
use release::gate::{Baseline, Cause, Finding, GateOutcome, HealthRules, Verdict};
use serde_json::{Value, json};

use crate::support::chart::chart;
use crate::support::fleet::SmallFleet;
use crate::support::gates::{self, Recorder, report, run, subject_of};
use crate::support::objects::{Place, objects};
use crate::support::{FIRST, cluster, trial, verbs, wait};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("rules::what_fails_after_the_upgrade_is_found_and_its_twin_is_not", after_the_upgrade),
        trial("rules::a_rule_that_blames_the_release_rolls_it_back", a_rule_that_blames_the_release),
        trial(
            "rules::a_kind_that_is_not_served_is_said_before_and_proves_nothing",
            a_kind_that_is_not_served,
        ),
    ]
}

/// `Widget`, in a group that no other test uses, with a status of any form.
struct Widgets {
    place: Place,
    group: String,
}

impl Widgets {
    async fn new(place: Place) -> Self {
        let widgets = Self { group: format!("{}.example.com", place.release.namespace), place };
        let crd = objects(&[widgets.crd()]).remove(0);
        let value: DynamicObject = serde_json::from_value(crd.value.clone()).unwrap();
        widgets.place.api(&crd).await.create(&PostParams::default(), &value).await.unwrap();
        let sample = objects(&[widgets.widget("x", "1")]).remove(0);
        let is_served = async || widgets.place.kinds().await.is_served(&sample);
        wait::until("the kind is served", Duration::from_secs(30), is_served).await;
        widgets
    }

    fn crd(&self) -> String {
        let group = &self.group;
        format!(
            "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: widgets, kind: Widget}}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {{status: {{}}}}
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"
        )
    }

    fn widget(&self, name: &str, size: &str) -> String {
        let group = &self.group;
        format!(
            "apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: {name}}}\nspec: {{size: {size:?}}}\n"
        )
    }

    fn rule(&self, more: &Value) -> RuleSettings {
        let mut rule = json!({
            "name": "widgets", "watch": format!("{}/v1/Widget", self.group), "cause": "release",
            "ready": "object.status.phase == 'Up'", "failed": "object.status.phase == 'Broken'",
            "message": "'phase ' + object.status.phase",
        });
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(rule).unwrap()
    }

    async fn api(&self) -> Api<DynamicObject> {
        self.place.api(&objects(&[self.widget("x", "1")]).remove(0)).await
    }

    /// Somebody's object that is in this phase.
    async fn make(&self, name: &str, phase: &str) {
        let object = objects(&[self.widget(name, "1")]).remove(0);
        let value: DynamicObject = serde_json::from_value(object.value).unwrap();
        self.api().await.create(&PostParams::default(), &value).await.unwrap();
        self.phase(name, phase, 1).await;
    }

    /// As its controller would say it.
    async fn phase(&self, name: &str, phase: &str, generation: i64) {
        let status = json!({"status": {"phase": phase, "observedGeneration": generation}});
        let api = self.api().await;
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    }

    async fn deploy(&self, version: &str, size: &str) {
        let archive = chart(version, &[("ours", &self.widget("ours", size))]);
        verbs::deploy(&self.place.cluster, &self.place.release, &archive).await.unwrap();
    }

    async fn baseline(&self, settings: &GateSettings) -> Baseline {
        let Place { cluster, release } = &self.place;
        let subject = subject_of(cluster, release, Profile::Generic, true).await;
        let mut baseline = Baseline::observe(cluster, release, Profile::Generic).await.unwrap();
        HealthRules::of(&subject, settings).observe(cluster, &mut baseline).await.unwrap();
        baseline
    }

    async fn judge(&self, before: &Baseline, settings: &GateSettings, recorder: &Recorder) -> GateOutcome {
        let Place { cluster, release } = &self.place;
        let subject = subject_of(cluster, release, Profile::Generic, true).await;
        run(cluster, &subject, before, settings, false, recorder).await
    }

    fn settings(&self, more: &Value) -> GateSettings {
        GateSettings { rules: vec![self.rule(more)], ..gates::settings(1, &[]) }
    }
}

fn finding<'o>(outcome: &'o GateOutcome, name: &str) -> &'o Finding {
    let found = report(outcome, "rules").findings.iter().find(|finding| finding.object.ends_with(name));
    found.unwrap_or_else(|| panic!("nothing is said of {name}: {outcome:#?}"))
}

async fn after_the_upgrade() {
    let widgets = Widgets::new(Place::new().await).await;
    let settings = widgets.settings(&json!({}));
    widgets.deploy("1.0.0", "1").await;
    widgets.phase("ours", "Up", 1).await;
    for (name, phase) in [("steady", "Up"), ("was-broken", "Broken")] {
        widgets.make(name, phase).await;
    }
    let before = widgets.baseline(&settings).await;
    assert_eq!(before.unhealthy().len(), 1, "{:?}", before.unhealthy());
    widgets.deploy("2.0.0", "2").await;

    // Its old status says Up; it is waited for until the controller has seen what is wished now.
    let recorder = Recorder::default();
    let controller = async {
        let old = "has seen generation 1, not 2";
        recorder.wait(Instant::now(), |change| change.gate == "rules" && change.message.contains(old)).await;
        widgets.phase("ours", "Up", 2).await;
    };
    let (healthy, ()) = tokio::join!(widgets.judge(&before, &settings, &recorder), controller);
    assert_eq!(healthy.verdict, Verdict::Passed, "{healthy:#?}");
    assert!(finding(&healthy, "was-broken").baseline, "{healthy:#?}");

    widgets.make("new", "Broken").await;
    widgets.phase("steady", "Broken", 1).await;
    for (cause, expected) in
        [("release", Cause::Release), ("environment", Cause::Environment), ("unknown", Cause::Unknown)]
    {
        let settings = widgets.settings(&json!({"cause": cause}));
        let outcome = widgets.judge(&before, &settings, &Recorder::default()).await;
        let first = outcome.first_cause.clone().unwrap();
        assert_eq!((outcome.verdict, first.cause), (Verdict::Failed, expected), "{outcome:#?}");
        assert!(first.object.ends_with("/steady") && first.message.contains("phase Broken"), "{first:?}");
        assert_eq!(finding(&outcome, "/new").verdict, Verdict::Passed, "{outcome:#?}");
    }
    let strict = widgets.settings(&json!({"baseline": "strict"}));
    let outcome = widgets.judge(&before, &strict, &Recorder::default()).await;
    let was_broken = finding(&outcome, "was-broken");
    assert_eq!((was_broken.verdict, was_broken.cause), (Verdict::Failed, Cause::Unknown), "{outcome:#?}");

    widgets.phase("steady", "Up", 1).await;
    let absent =
        widgets.settings(&json!({"ready": "object.status.other == 'x'", "failed": "false", "within": "2s"}));
    let outcome = widgets.judge(&before, &absent, &Recorder::default()).await;
    let told = finding(&outcome, "/ours");
    assert_eq!((outcome.verdict, told.cause), (Verdict::Inconclusive, Cause::Unknown), "{outcome:#?}");
    assert!(told.message.contains("has no field `other`"), "{told:?}");
}

/// A fleet of one cluster with a Widget of somebody else beside its release, and this rule.
async fn fleet(rule: &str, more: &str) -> (SmallFleet, Widgets) {
    let fleet = SmallFleet::new(&[FIRST]).await;
    let place = Place { cluster: cluster(FIRST).await, release: fleet.release.clone() };
    let widgets = Widgets::new(place).await;
    let rule = rule.replace("GROUP", &widgets.group);
    fleet.config(&format!("settle: 5s, timeout: 2m, rules: [{rule}]"), more);
    (fleet, widgets)
}

async fn a_rule_that_blames_the_release() {
    let rule = "{ name: widgets, watch: GROUP/v1/Widget, cause: release, \
                ready: \"object.status.phase == 'Up'\", failed: \"object.status.phase == 'Broken'\" }";
    let (fleet, widgets) = fleet(rule, "on-failure: rollback\n").await;
    for (name, phase) in [("theirs", "Up"), ("was-broken", "Broken")] {
        widgets.make(name, phase).await;
    }
    let shown = fleet.run(&["--cluster", FIRST, "--dry-run"]).expect(0);
    assert!(shown.stdout.contains("workload, rules, settle"), "{}", shown.stdout);
    let installed = fleet.run(&["--cluster", FIRST]).expect(0);
    assert!(installed.stderr.contains("/was-broken: has failed"), "it is told: {}", installed.stderr);

    fleet.chart("2.0.0", "two");
    let upgrade = fleet.start(&["--cluster", FIRST], None);
    fleet.wait_for_history(FIRST, &["1 superseded", "2 deployed"]).await;
    widgets.phase("theirs", "Broken", 1).await;
    let ran = crate::support::program::finish(upgrade).expect(3);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("/theirs: has failed (rule widgets)"), "{told}");
    assert_eq!(
        fleet.text(FIRST).await,
        "one",
        "it was rolled back, and what had failed by then does not count"
    );
    let kept = kept(&fleet.path().join(".release/runs"), "-theirs.yaml");
    assert!(kept.contains("phase: Broken") && kept.contains("kind: Widget"), "{kept}");
}

/// The text of the one file below a folder whose name ends so.
fn kept(folder: &Path, end: &str) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: PathBuf| {
        let is_it = path.to_string_lossy().ends_with(end);
        if path.is_dir() {
            kept(&path, end)
        } else if is_it {
            std::fs::read_to_string(path).unwrap()
        } else {
            String::new()
        }
    };
    entries.map(text).collect()
}

async fn a_kind_that_is_not_served() {
    let rule = "{ name: ghosts, watch: ghosts.example.com/v1/Ghost, ready: \"true\", within: 2s }";
    let (fleet, _widgets) = fleet(rule, "").await;
    let shown = fleet.run(&["--cluster", FIRST, "--dry-run"]).expect(0);
    let words = "the cluster does not serve ghosts.example.com/v1/Ghost";
    assert!(shown.stdout.contains(words), "{}", shown.stdout);
    let ran = fleet.run(&["--cluster", FIRST]).expect(4);
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}
