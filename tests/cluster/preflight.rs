//! What is refused or shown before anything is published or touched, by the program itself and by the one
//! function behind it.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use libtest_mimic::Trial;
use release::action;
use release::action::apply::{ApplyOptions, Effect};
use release::action::verb::ActionOptions;
use release::cluster::discovery::Kinds;
use release::cluster::{lease, release_secrets};
use release::config::ReleaseId;
use serde_json::json;

use crate::support::chart::{chart, config_map, crd};
use crate::support::objects::{Place, names, objects};
use crate::support::permit::Free;
use crate::support::program::{Ran, directory, release, start_on};
use crate::support::{FIRST, cluster, trial, verbs};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "preflight::what_belongs_to_others_is_refused_before_anything_is_published",
            what_belongs_to_others_is_refused_before_anything_is_published,
        ),
        trial(
            "preflight::a_conflict_is_shown_before_an_upgrade_and_before_a_rollback",
            a_conflict_is_shown_before_an_upgrade_and_before_a_rollback,
        ),
        trial(
            "preflight::what_cannot_be_changed_is_explained_forward_and_back",
            what_cannot_be_changed_is_explained_forward_and_back,
        ),
        trial("preflight::what_a_hook_brings_is_known_after_it", what_a_hook_brings_is_known_after_it),
        trial(
            "preflight::what_is_still_refused_after_the_hook_keeps_all_from_being_written",
            what_is_still_refused_after_the_hook_keeps_all_from_being_written,
        ),
        trial(
            "preflight::what_a_hook_deletes_is_written_again_although_its_text_is_the_same",
            what_a_hook_deletes_is_written_again_although_its_text_is_the_same,
        ),
        trial(
            "preflight::what_stands_in_the_way_of_a_return_is_known_before_the_upgrade",
            what_stands_in_the_way_of_a_return_is_known_before_the_upgrade,
        ),
        trial("preflight::diff_and_dry_run_agree", diff_and_dry_run_agree),
        trial("preflight::a_dead_api_takes_only_its_own_kinds", a_dead_api_takes_only_its_own_kinds),
        trial(
            "preflight::a_pause_is_refused_and_what_comes_up_is_waited_for",
            a_pause_is_refused_and_what_comes_up_is_waited_for,
        ),
        trial(
            "preflight::a_stranger_that_is_down_does_not_stop_a_release",
            a_stranger_that_is_down_does_not_stop_a_release,
        ),
    ]
}

/// A release of a chart beside its own release.yaml.
pub(crate) struct Fleet {
    pub(crate) place: Place,
    chart: tempfile::TempDir,
    config: PathBuf,
}

impl Fleet {
    pub(crate) async fn new() -> Self {
        let place = Place::new().await;
        let chart = tempfile::tempdir_in(directory()).unwrap();
        let config = chart.path().join("release.yaml");
        let ReleaseId { name, namespace } = &place.release;
        let (museum, server) = (std::env::var("CHARTMUSEUM_URL").unwrap(), &place.cluster.server);
        let text = format!(
            "charts:\n  app:\n    source: {{ directory: {namespace} }}\n    repository: chartmuseum\n    release: {{ name: {name}, namespace: {namespace} }}\n    profile: generic\n    gates: {{ settle: 1s }}\nrepositories:\n  chartmuseum: {{ url: {museum:?} }}\nclusters:\n  - name: {FIRST}\n    kube: {{ context: {FIRST}, server: {server:?} }}\n    wave: development\nwaves: [{{ name: development }}]\n"
        );
        std::fs::write(&config, text).unwrap();
        Self { place, chart, config }
    }

    /// The chart, whose name is the namespace: every test publishes a chart of its own.
    pub(crate) fn write(&self, version: &str, templates: &[(&str, &str)]) {
        let (name, directory) = (&self.place.release.namespace, self.directory());
        std::fs::create_dir_all(directory.join("templates")).unwrap();
        std::fs::write(
            directory.join("Chart.yaml"),
            format!("apiVersion: v2\nname: {name}\nversion: {version}\n"),
        )
        .unwrap();
        for (name, text) in templates {
            std::fs::write(directory.join("templates").join(format!("{name}.yaml")), text).unwrap();
        }
    }

    fn directory(&self) -> PathBuf {
        self.chart.path().join(&self.place.release.namespace)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        release(&self.config, args)
    }

    /// Starts it on another way to the cluster than the one that its address pins.
    pub(crate) fn start_on(&self, args: &[&str], kubeconfig: &Path) -> Child {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let pinned = format!(", server: {:?}", self.place.cluster.server);
        assert!(text.contains(&pinned), "{text}");
        let config = self.chart.path().join("unpinned.yaml");
        std::fs::write(&config, text.replace(&pinned, "")).unwrap();
        start_on(&config, args, kubeconfig)
    }

    async fn is_published(&self, version: &str) -> bool {
        let (museum, name) = (std::env::var("CHARTMUSEUM_URL").unwrap(), &self.place.release.namespace);
        let url = format!("{museum}/api/charts/{name}/{version}");
        reqwest::get(url).await.unwrap().status().is_success()
    }

    async fn edit(&self, name: &str, patch: &serde_json::Value) {
        let api: Api<ConfigMap> =
            Api::namespaced(self.place.cluster.client.clone(), &self.place.release.namespace);
        let hand = PatchParams { field_manager: Some("hand".into()), ..PatchParams::default() };
        api.patch(name, &hand, &Patch::Merge(patch)).await.unwrap();
    }
}

/// A pre-upgrade hook.
fn before_upgrade(text: &str, more: &str) -> String {
    text.replace("metadata: {", &format!("metadata: {{annotations: {{helm.sh/hook: pre-upgrade{more}}}, "))
}

async fn create(place: &Place, text: &str) {
    let object = objects(&[text]).remove(0);
    let value: DynamicObject = serde_json::from_value(object.value.clone()).unwrap();
    place.api(&object).await.create(&PostParams::default(), &value).await.unwrap();
}

async fn what_belongs_to_others_is_refused_before_anything_is_published() {
    let fleet = Fleet::new().await;
    let namespace = &fleet.place.release.namespace;
    let other = "metadata:\n  labels: {app.kubernetes.io/managed-by: Helm}\n  annotations: {meta.helm.sh/release-name: other, meta.helm.sh/release-namespace: elsewhere}";
    create(&fleet.place, &config_map("theirs", &[("k", "1")]).replace("metadata:", other)).await;
    create(&fleet.place, &config_map("nobodys", &[("k", "1")])).await;
    fleet.write("1.0.0", &[("a", &config_map("theirs", &[])), ("b", &config_map("nobodys", &[]))]);
    for args in [&["--cluster", FIRST, "--dry-run"][..], &["--cluster", FIRST]] {
        let ran = fleet.run(args).expect(1);
        for (name, why) in [("theirs", "current value is \"other\""), ("nobodys", "missing key")] {
            let line = ran
                .stderr
                .lines()
                .find(|line| {
                    line.contains(&format!("ConfigMap \"{name}\" in namespace \"{namespace}\" exists"))
                })
                .unwrap_or_else(|| panic!("{name}: {}", ran.stderr));
            assert!(line.contains(why), "{line}");
        }
    }
    assert!(!fleet.is_published("1.0.0").await, "nothing was published");
    let (cluster, release) = (&fleet.place.cluster, &fleet.place.release);
    assert_eq!(release_secrets::history(cluster, release).await.unwrap().len(), 0);
    assert!(lease::holder(cluster, release).await.unwrap().is_none());
}

async fn a_conflict_is_shown_before_an_upgrade_and_before_a_rollback() {
    let fleet = Fleet::new().await;
    let map = |value: &str| config_map("a", &[("k", value)]);
    for (version, value) in [("1.0.0", "1"), ("2.0.0", "2")] {
        fleet.write(version, &[("a", &map(value))]);
        fleet.run(&["--cluster", FIRST]).expect(0);
    }
    fleet.edit("a", &json!({"data": {"k": "mine"}})).await;
    fleet.write("3.0.0", &[("a", &map("3"))]);
    let expected =
        format!("ConfigMap {}/a: .data.k (owned by hand); --force-conflicts", fleet.place.release.namespace);
    for args in [&["--cluster", FIRST, "--dry-run"][..], &["rollback", "--cluster", FIRST, "--dry-run"]] {
        let ran = fleet.run(args).expect(1);
        assert!(ran.stderr.contains(&expected), "{args:?}: {}", ran.stderr);
    }
    fleet.edit("a", &json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}})).await;
    let managed = fleet.run(&["rollback", "--cluster", FIRST, "--dry-run"]).expect(1);
    assert!(managed.stderr.contains("the release is managed by Flux (`apps`"), "{}", managed.stderr);
    fleet.edit("a", &json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": null}}})).await;
    let forced = fleet.run(&["--cluster", FIRST, "--dry-run", "--force-conflicts"]).expect(0);
    assert!(forced.stdout.contains("data.k: \"mine\" → \"3\""), "{}", forced.stdout);
}

fn deployment(label: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\nspec:\n  replicas: 0\n  selector: {{matchLabels: {{a: {label}}}}}\n  template:\n    metadata: {{labels: {{a: {label}}}}}\n    spec: {{containers: [{{name: c, image: 'x:1'}}]}}\n"
    )
}

fn job(image: &str) -> String {
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: j}}\nspec:\n  suspend: true\n  template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: {image:?}}}]}}}}\n"
    )
}

fn service(address: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{clusterIP: {address}, ports: [{{port: 80}}]}}\n"
    )
}

async fn what_cannot_be_changed_is_explained_forward_and_back() {
    let place = Place::new().await;
    let claim = |class: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: p}}\nspec: {{accessModes: [ReadWriteOnce], storageClassName: {class}, resources: {{requests: {{storage: 1Gi}}}}}}\n"
        )
    };
    let sets = |name: &str| {
        format!(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: t}}\nspec:\n  replicas: 0\n  serviceName: {name}\n  selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    spec: {{containers: [{{name: c, image: 'x:1'}}]}}\n"
        )
    };
    let role = |name: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: r}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}\nsubjects: [{{kind: User, name: u, apiGroup: rbac.authorization.k8s.io}}]\n"
        )
    };
    let secret = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\nimmutable: true\nstringData: {{k: {value:?}}}\n"
        )
    };
    let old = [
        deployment("one"),
        job("x:1"),
        service("''"),
        claim("a"),
        sets("a"),
        role("view"),
        secret("hunter1"),
    ];
    let new = [
        deployment("two"),
        job("x:2"),
        service("None"),
        claim("b"),
        sets("b"),
        role("edit"),
        secret("hunter2"),
    ];
    place.apply(&[], &objects(&old)).await.unwrap();
    let told = |old: &[String], new: &[String]| {
        let (old, new) = (objects(old), objects(new));
        let place = &place;
        async move {
            let asked = place.ask(&old, &new, ApplyOptions::default()).await;
            asked.problems().map(ToString::to_string).collect::<Vec<_>>()
        }
    };
    let forward = told(&old, &new).await;
    let expected =
        ["Deployment", "Job", "Service", "PersistentVolumeClaim", "StatefulSet", "RoleBinding", "Secret"];
    assert_eq!(forward.len(), expected.len(), "{forward:#?}");
    for (told, kind) in forward.iter().zip(expected) {
        assert!(
            told.starts_with(kind) && told.contains("cannot be changed on an object that exists"),
            "{told}"
        );
        assert!(told.contains("`kubectl delete ") && !told.contains("hunter"), "{told}");
    }
    assert!(forward[0].contains("spec.selector (field is immutable)"), "{}", forward[0]);
    assert!(forward[4].contains("--cascade=orphan"), "{}", forward[4]);
    // With a hook that may delete them it is known after the hook, and the reason is kept.
    let hook = ApplyOptions { hook: Some("pre-upgrade"), ..ApplyOptions::default() };
    let later = place.ask(&objects(&old), &objects(&new), hook).await;
    assert_eq!((later.problems().count(), later.known_later().count()), (0, expected.len()));
    // An object that is wrong as well is not made right by deleting it.
    let wrong = deployment("two").replace("replicas: 0", "replicas: -1");
    let told = told(&old[..1], &[wrong]).await;
    assert!(!told[0].contains("kubectl delete") && told[0].contains("spec.replicas"), "{told:?}");
}

/// A hook brings a CRD, a namespace and a service account; the objects that need them are upgraded.
async fn what_a_hook_brings_is_known_after_it() {
    let fleet = Fleet::new().await;
    let namespace = fleet.place.release.namespace.clone();
    let (group, other) = (format!("{namespace}.example.com"), format!("{namespace}-other"));
    fleet.write("1.0.0", &[("a", &config_map("a", &[("k", "1")]))]);
    fleet.run(&["--cluster", FIRST]).expect(0);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {restartPolicy: Never, serviceAccountName: runner, containers: [{name: c, image: 'sandbox/sh:1', args: ['-c', 'exit 0']}]}\n";
    let hooks = [
        before_upgrade(&crd("brings", "Bring", &group, &["size"]), ""),
        before_upgrade(&format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {other}}}\n"), ""),
        before_upgrade("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n", ""),
    ];
    let elsewhere =
        config_map("there", &[("k", "1")]).replace("metadata:", &format!("metadata:\n  namespace: {other}"));
    let custom = format!("apiVersion: {group}/v1\nkind: Bring\nmetadata: {{name: b}}\nspec: {{size: big}}\n");
    fleet.write(
        "2.0.0",
        &[
            ("h0", &hooks[0]),
            ("h1", &hooks[1]),
            ("h2", &hooks[2]),
            ("there", &elsewhere),
            ("custom", &custom),
            ("pod", pod),
        ],
    );
    let shown = fleet.run(&["--cluster", FIRST, "--dry-run"]).expect(0);
    for object in [format!("ConfigMap {other}/there"), "Bring ".to_owned(), format!("Pod {namespace}/p")] {
        let line = format!("known after the pre-upgrade hook: {object}");
        assert!(shown.stdout.contains(&line), "{line}\n{}", shown.stdout);
    }
    let different = fleet.run(&["diff", "--cluster", FIRST, "--detailed-exitcode"]).expect(2);
    assert!(different.stdout.contains("# known after the pre-upgrade hook: Bring "), "{}", different.stdout);
    fleet.run(&["--cluster", FIRST]).expect(0);
    assert_eq!(fleet.place.live(&custom).await.unwrap()["spec"]["size"], "big");
    assert!(fleet.place.live(&elsewhere).await.is_some() && fleet.place.live(pod).await.is_some());
}

/// Only the hook's result counts: what the server would still not take is refused before the first object.
async fn what_is_still_refused_after_the_hook_keeps_all_from_being_written() {
    let place = Place::new().await;
    let wrong =
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 99999}]}\n".to_owned();
    let new = objects(&[config_map("a", &[("k", "1")]), wrong]);
    let hook = ApplyOptions { hook: Some("pre-install"), ..ApplyOptions::default() };
    let prepared = place.prepare(&[], &new, hook).await.unwrap();
    assert_eq!(prepared.steps[1].effect, Effect::AfterHook);
    let failed = prepared.execute(&Free).await.unwrap_err();
    let expected = "the API server would not take 1 of the objects; none of them was written";
    assert!(failed.to_string().starts_with(expected), "{failed}");
    assert!(place.live(&config_map("a", &[])).await.is_none());
    // What belongs to nobody is not left to a hook.
    create(&place, &config_map("a", &[("k", "0")])).await;
    let refused = place.prepare(&[], &new[..1], hook).await.unwrap_err().to_string();
    assert!(refused.contains("cannot be imported into the current release"), "{refused}");
}

async fn what_a_hook_deletes_is_written_again_although_its_text_is_the_same() {
    let place = Place::new().await;
    let (same, left) = (config_map("same", &[("k", "1")]), config_map("left", &[]));
    let old = objects(&[&same, &left]);
    place.apply(&[], &old).await.unwrap();
    let hook = ApplyOptions { hook: Some("pre-upgrade"), ..ApplyOptions::default() };
    let prepared = place.prepare(&old, &old[..1], hook).await.unwrap();
    assert_eq!(prepared.steps[0].effect, Effect::Unchanged);
    for text in [&same, &left] {
        let object = objects(&[text]).remove(0);
        place.api(&object).await.delete(object.name(), &kube::api::DeleteParams::default()).await.unwrap();
    }
    let applied = prepared.execute(&Free).await.unwrap();
    assert_eq!((names(&applied.created), applied.deleted.len()), (vec!["same"], 0));
    assert!(place.live(&same).await.is_some());
}

/// A field that somebody took over, and a version that the newer CRD serves no longer.
async fn what_stands_in_the_way_of_a_return_is_known_before_the_upgrade() {
    let fleet = Fleet::new().await;
    let Place { cluster, release } = &fleet.place;
    let group = format!("{}.example.com", release.namespace);
    let small = crd("returns", "Return", &group, &["a"]);
    let archive = chart("1.0.0", &[("a", &config_map("a", &[("k", "1")])), ("crd", &small)]);
    verbs::deploy(cluster, release, &archive).await.unwrap();
    fleet.edit("a", &json!({"data": {"k": "mine"}})).await;
    let older = release_secrets::history(cluster, release).await.unwrap().remove(0);
    let unserved = small.replace("served: true", "served: false").replace("storage: true", "storage: false")
        + "  - {name: v2, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n";
    let old = objects(&[config_map("a", &[("k", "1")]), small]);
    let new = objects(&[config_map("a", &[("k", "2")]), unserved]);
    let force = ApplyOptions { force_conflicts: true, ..ApplyOptions::default() };
    let prepared = fleet.place.sides(&old, &new, force).await;
    assert_eq!(prepared.problems().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let kinds = fleet.place.kinds().await;
    for (force_conflicts, count) in [(false, 2), (true, 1)] {
        let conduct = ActionOptions { force_conflicts, ..ActionOptions::default() };
        let found = action::obstacles(cluster, &kinds, release, &older, &prepared, conduct).await.unwrap();
        assert_eq!(found.len(), count, "{found:?}");
        let lost = format!("revision 1 needs v1 of CRD returns.{group}, which is not served then");
        assert_eq!(found[0], lost);
        assert!(found.iter().skip(1).all(|told| told.contains(".data.k (owned by hand)")), "{found:?}");
    }
}

async fn diff_and_dry_run_agree() {
    let fleet = Fleet::new().await;
    let deploy = |version: &str, templates: &[(&str, &str)]| fleet.write(version, templates);
    let both = |args: &[&str]| {
        let dry_run = fleet.run(&[&["--cluster", FIRST, "--dry-run", "-o", "json"], args].concat());
        let diff = fleet.run(&["diff", "--cluster", FIRST, "-o", "json"]).expect(0);
        let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let changes = parse(&dry_run.expect(0).stdout)["clusters"][0]["changes"].clone();
        let mut objects = parse(&diff.stdout)[0]["objects"].clone();
        for object in objects.as_array_mut().unwrap() {
            object.as_object_mut().unwrap().remove("diff");
        }
        (changes, objects)
    };
    deploy("1.0.0", &[("a", &config_map("a", &[("k", "1")])), ("gone", &config_map("gone", &[]))]);
    let (changes, objects) = both(&[]);
    assert_eq!((&changes, changes.as_array().unwrap().len()), (&objects, 2));
    fleet.run(&["--cluster", FIRST]).expect(0);
    fleet.edit("a", &json!({"data": {"k": "mine"}})).await;
    std::fs::remove_file(fleet.directory().join("templates/gone.yaml")).unwrap();
    deploy("2.0.0", &[("a", &config_map("a", &[("k", "2")])), ("new", &config_map("new", &[]))]);
    let (changes, objects) = both(&["--force-conflicts"]);
    assert_eq!((&changes, changes.as_array().unwrap().len()), (&objects, 3));
}

async fn a_dead_api_takes_only_its_own_kinds() {
    let place = Place { cluster: cluster(crate::support::THIRD).await, ..Place::new().await };
    let group = format!("{}.example.com", place.release.namespace);
    let service = format!(
        "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {{name: v1beta1.{group}}}\nspec: {{group: {group}, version: v1beta1, groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: {{name: nowhere, namespace: default}}}}\n"
    );
    create(&place, &service).await;
    let dead = format!("{group}/v1beta1");
    let mut kinds = Kinds::load(&place.cluster).await.unwrap();
    for _ in 0..300 {
        if kinds.dead().any(|api| api == dead) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        kinds = Kinds::load(&place.cluster).await.unwrap();
    }
    let asked = objects(&[format!("apiVersion: {dead}\nkind: Thing\nmetadata: {{name: t}}\n")]);
    assert!(kinds.is_dead(&asked[0]), "{:?}", kinds.dead().collect::<Vec<_>>());
    assert!(kinds.is_served(&objects(&[deployment("a")])[0]));
    let told = place.prepare(&[], &asked, ApplyOptions::default()).await.unwrap_err().to_string();
    assert!(
        told.contains(&format!(
            "the aggregated API {dead} does not answer; `kubectl get apiservice v1beta1.{group}`"
        )),
        "{told}"
    );
    let object = objects(&[&service]).remove(0);
    place.api(&object).await.delete(object.name(), &kube::api::DeleteParams::default()).await.unwrap();
}

/// A pod more is available only after some seconds; a pause does not end by itself.
async fn a_pause_is_refused_and_what_comes_up_is_waited_for() {
    let fleet = Fleet::new().await;
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  minReadySeconds: 6\n  selector: {matchLabels: {a: d}}\n  template:\n    metadata: {labels: {a: d}}\n    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: 'sandbox/sh:1', args: [-c, 'exec sleep 600']}]}\n";
    fleet.write("1.0.0", &[("d", text), ("a", &config_map("a", &[("k", "1")]))]);
    fleet.run(&["--cluster", FIRST]).expect(0);
    fleet.write("2.0.0", &[("a", &config_map("a", &[("k", "2")]))]);
    let change = async |spec: serde_json::Value| {
        let api = fleet.place.api(&objects(&[text])[0]).await;
        let patch = Patch::Merge(json!({ "spec": spec }));
        api.patch("d", &PatchParams::default(), &patch).await.unwrap();
    };
    change(json!({"replicas": 2})).await;
    fleet.run(&["--cluster", FIRST, "--dry-run"]).expect(0);
    change(json!({"paused": true})).await;
    let namespace = &fleet.place.release.namespace;
    let refused = fleet.run(&["--cluster", FIRST, "--dry-run"]).expect(1);
    let told = format!("paused, so that no new pod would come up: Deployment {namespace}/d; end the pause");
    assert!(refused.stderr.contains(&told), "{}", refused.stderr);
    fleet.run(&["--cluster", FIRST, "--dry-run", "--allow", "paused"]).expect(0);
}

/// Another workload of the namespace is no concern of the release; its own is, unless it is allowed.
async fn a_stranger_that_is_down_does_not_stop_a_release() {
    let fleet = Fleet::new().await;
    let broken = |name: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: {{a: {name}}}}}\n  template:\n    metadata: {{labels: {{a: {name}}}}}\n    spec: {{containers: [{{name: c, image: 'example.com/no-such-image:1'}}]}}\n"
        )
    };
    create(&fleet.place, &broken("stranger")).await;
    fleet.write("1.0.0", &[("a", &config_map("a", &[("k", "1")]))]);
    fleet.run(&["--cluster", FIRST]).expect(0);
    fleet.write("2.0.0", &[("a", &config_map("a", &[("k", "2")]))]);
    fleet.run(&["--cluster", FIRST]).expect(0);
    let archive = chart("3.0.0", &[("a", &config_map("a", &[("k", "3")])), ("d", &broken("own"))]);
    verbs::deploy(&fleet.place.cluster, &fleet.place.release, &archive).await.unwrap();
    fleet.write("4.0.0", &[("a", &config_map("a", &[("k", "4")])), ("d", &broken("own"))]);
    let ran = fleet.run(&["--cluster", FIRST, "--dry-run"]).expect(1);
    assert!(
        ran.stderr.contains("/own: 0 of 1 pods available") && ran.stderr.contains("--allow unhealthy"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("stranger"), "{}", ran.stderr);
    let allowed = fleet.run(&["--cluster", FIRST, "--dry-run", "--allow", "unhealthy"]).expect(0);
    assert!(allowed.stdout.contains("warning: already unhealthy before the change"), "{}", allowed.stdout);
    // The same revision on clusters, and one that failed.
    release_secrets::mark_failed(&fleet.place.cluster, &fleet.place.release, 2, "bad").await.unwrap();
    let failed = fleet.run(&["rollback", "--cluster", FIRST, "--to-revision", "2", "--dry-run"]).expect(0);
    assert!(failed.stdout.contains("revision 2 is failed: it was not good when it ran"), "{}", failed.stdout);
}
