//! One release, worked on by Helm 3, Helm 4 and this program in turn: each reads and goes on with what
//! another one wrote.

use std::time::Duration;

use libtest_mimic::Trial;
use release::config::ReleaseId;

use crate::support::helms::{ALL, ChartFolder, Helm, live};
use crate::support::wait::until;
use crate::support::{fresh_release, helm, trial, world};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("interop::everybody_reads_what_another_one_wrote", everybody_reads_what_another_one_wrote),
        trial("interop::what_is_said_is_what_helm_4_says", what_is_said_is_what_helm_4_says),
        trial("interop::the_record_is_that_of_helm_4", the_record_is_that_of_helm_4),
        trial("interop::a_release_passes_through_all_hands", a_release_passes_through_all_hands),
        trial("interop::a_failed_revision_stops_nobody", a_failed_revision_stops_nobody),
        trial(
            "interop::a_revision_that_helm_left_pending_is_returned_from",
            a_revision_that_helm_left_pending_is_returned_from,
        ),
        trial(
            "interop::a_failed_upgrade_is_undone_as_helm_undoes_it",
            a_failed_upgrade_is_undone_as_helm_undoes_it,
        ),
        trial("interop::the_history_is_as_long_as_wanted", the_history_is_as_long_as_wanted),
        trial(
            "interop::a_large_release_is_stored_and_a_too_large_one_refused",
            a_large_release_is_stored_and_a_too_large_one_refused,
        ),
        trial("interop::crds_come_first_and_stay", crds_come_first_and_stay),
        trial(
            "interop::of_many_at_once_nobody_spoils_the_history",
            of_many_at_once_nobody_spoils_the_history,
        ),
    ]
}

const MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-map
data:
  value: {{ .Values.value | quote }}
  big: {{ .Values.big | quote }}
  revision: {{ .Release.Revision | quote }}
";
const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: \"{{ .Release.Name }}-secret\"}\nstringData: {a: b}\n";
const HOOK: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: hook
  annotations: {helm.sh/hook: 'pre-install,post-upgrade,pre-rollback', helm.sh/hook-weight: '-3', helm.sh/hook-delete-policy: hook-succeeded}
data: {a: b}
";
const SUBCHART: &str = "apiVersion: v2\nname: sub\nversion: 1.2.3\nappVersion: '7'\n";
const DEPENDENCIES: &str = "apiVersion: v2
name: app
version: 1.0.0
appVersion: '2.0'
description: <b> & more
annotations: {b: x, a: c}
dependencies: [{name: sub, version: 1.x, repository: '', alias: one, condition: one.enabled, import-values: [data]}]
";

/// A chart with everything that a record keeps.
fn whole_chart() -> ChartFolder {
    ChartFolder::new(
        "1.0.0",
        &[
            ("Chart.yaml", DEPENDENCIES.as_bytes()),
            ("values.yaml", b"value: v\nbig: 1000000\nhalf: 0.5\nnothing: null\nlist: [1, {a: null}]\n"),
            ("values.schema.json", b"{\"type\": \"object\"}"),
            ("templates/map.yaml", MAP.as_bytes()),
            ("templates/secret.yaml", SECRET.as_bytes()),
            ("templates/hook.yaml", HOOK.as_bytes()),
            ("templates/NOTES.txt", b"Thanks {{ .Release.Name }}\n"),
            ("binary.dat", &[0, 159, 146, 150, 255, 254]),
            ("charts/sub/Chart.yaml", SUBCHART.as_bytes()),
            ("charts/sub/values.yaml", b"exports: {data: {imported: 1}}\nk: 2\n"),
            (
                "charts/sub/templates/c.yaml",
                b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-{{ .Chart.Name }}'}\ndata: {k: '{{ .Values.k }}'}\n",
            ),
        ],
    )
}

fn small_chart(version: &str, value: &str) -> ChartFolder {
    let values = format!("value: {value}\nbig: 1\n");
    ChartFolder::new(version, &[("values.yaml", values.as_bytes()), ("templates/map.yaml", MAP.as_bytes())])
}

/// What reads a release, in every form; resources of `status` come in no certain order, so it is asked for as
/// JSON.
const READERS: [&[&str]; 17] = [
    &["list"],
    &["list", "-o", "json"],
    &["list", "-o", "yaml"],
    &["list", "-q"],
    &["history", "app"],
    &["history", "app", "-o", "json"],
    &["history", "app", "-o", "yaml"],
    &["status", "app", "-o", "json"],
    &["status", "app", "-o", "yaml"],
    &["get", "all", "app"],
    &["get", "values", "app"],
    &["get", "values", "app", "-a", "-o", "json"],
    &["get", "manifest", "app"],
    &["get", "hooks", "app"],
    &["get", "notes", "app"],
    &["get", "metadata", "app"],
    &["get", "metadata", "app", "-o", "json"],
];

async fn everybody_reads_what_another_one_wrote() {
    let chart = whole_chart();
    for writer in ALL {
        let release = fresh_release();
        writer.ok(
            &release,
            &[
                "install",
                "app",
                &chart.path(),
                "--create-namespace",
                "--set",
                "n=5,m=hello",
                "--labels",
                "team=sre",
            ],
        );
        for reader in READERS {
            assert_eq!(
                Helm::Ours.ok(&release, reader),
                Helm::Four.ok(&release, reader),
                "{writer:?} wrote; {reader:?}"
            );
        }
        // Not `get values -a`: of a default that is null, Helm 3 says so and Helm 4 says nothing.
        for reader in [
            &["get", "values", "app"][..],
            &["get", "manifest", "app"],
            &["get", "hooks", "app"],
            &["history", "app"],
        ] {
            assert_eq!(
                Helm::Three.ok(&release, reader),
                Helm::Ours.ok(&release, reader),
                "{writer:?} wrote; {reader:?}"
            );
        }
        let listed = Helm::Three.ok(&release, &["list", "-o", "json"]);
        assert!(
            listed.contains(r#""status":"deployed","chart":"app-1.0.0","app_version":"2.0""#),
            "{listed}"
        );
        assert!(Helm::Three.ok(&release, &["status", "app"]).contains("Thanks app"));
    }
}

/// Times, what the server counts and our signature differ between two runs, and nothing else.
fn masked(text: &str, release: &ReleaseId) -> String {
    let time = regex::Regex::new(
        r#"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}|\d{4}-\d\d-\d\d[T ][\d:.]+(Z| \+0000 UTC *)|"?(uid|resourceVersion)"?: ?"?[-\w]+"?|modifiedAt=\d+"#,
    );
    let signature = regex::Regex::new(r"release/run=[-\w.]+,").unwrap();
    let unsigned = signature.replace_all(text, "");
    time.unwrap().replace_all(&unsigned, "MASKED").replace(&release.namespace, "NAMESPACE")
}

async fn what_is_said_is_what_helm_4_says() {
    let chart = whole_chart();
    let path = chart.path();
    let (helms, ours) = (world().await.1, world().await.1);
    let lines: [&[&str]; 31] = [
        &["install", "app", &path, "--dry-run=server"],
        &["install", "app", &path, "--dry-run=client", "--hide-secret", "--set", "value=x"],
        &["install", "app", &path, "--hide-secret"],
        &["install", "app", &path, "--description", "mine"],
        &["install", "app", &path],
        &["install", "A_B", &path],
        &["install", &path],
        &["install", "app", "./nowhere"],
        &["upgrade", "nothing", &path],
        &["upgrade", "app", &path, "--set", "value=x", "--hide-notes"],
        &["upgrade", "app", &path, "--dry-run=server"],
        &["upgrade", "app", &path, "--reuse-values", "--set", "n=1"],
        &["get", "values", "app"],
        &["upgrade", "app", &path, "--labels", "owner=me"],
        &["upgrade", "app", &path, "--labels", "a=b,c=d", "--reset-values"],
        &["upgrade", "app", &path, "--labels", "a=null", "--reset-then-reuse-values", "--set", "z=1"],
        &["get", "metadata", "app"],
        &["upgrade", "other", &path, "--install", "--skip-schema-validation", "--set", "one.enabled=false"],
        &["rollback", "app", "99"],
        &["rollback", "nothing"],
        &["rollback", "app", "2", "--description", "back"],
        &["rollback", "app"],
        &["history", "app", "--show-rollback-revision"],
        &["uninstall", "app", "--keep-history", "--description", "gone"],
        &["uninstall", "app", "--keep-history"],
        &["list"],
        &["upgrade", "app", &path, "--install"],
        &["history", "app"],
        &["uninstall", "app", "other"],
        &["uninstall", "app"],
        &["uninstall", "app", "--ignore-not-found"],
    ];
    for line in lines {
        let (expected, said) = (Helm::Four.run(&helms, line), Helm::Ours.run(&ours, line));
        let error = |stderr: &str| {
            stderr.lines().find(|line| line.starts_with("Error: ")).unwrap_or_default().to_owned()
        };
        assert_eq!(
            masked(&said.stdout, &ours),
            masked(&expected.stdout, &helms),
            "{line:?}: {}",
            said.stderr
        );
        assert_eq!((said.code, error(&said.stderr)), (expected.code, error(&expected.stderr)), "{line:?}");
    }
}

async fn the_record_is_that_of_helm_4() {
    let chart = whole_chart();
    let mut records = Vec::new();
    for writer in [Helm::Four, Helm::Ours] {
        let (cluster, release) = world().await;
        writer.ok(&release, &["install", "app", &chart.path(), "--set", "n=5,f.g=1", "--set-json", "j=1.50"]);
        writer.ok(&release, &["upgrade", "app", &chart.path(), "--reuse-values", "--set", "value=x"]);
        writer.ok(&release, &["rollback", "app", "1"]);
        let secrets = kube::Api::<k8s_openapi::api::core::v1::Secret>::namespaced(
            cluster.client.clone(),
            &release.namespace,
        );
        for revision in 1..=3 {
            let secret = secrets.get(&format!("sh.helm.release.v1.app.v{revision}")).await.unwrap();
            assert_eq!(secret.type_.as_deref(), Some("helm.sh/release.v1"));
            records.push(masked(&unpacked(&secret.data.unwrap()["release"].0), &release));
        }
    }
    let (helms, ours) = records.split_at(3);
    assert_eq!(ours, helms);
}

/// base64 of gzip of JSON.
fn unpacked(data: &[u8]) -> String {
    use base64::Engine;
    use std::io::Read;

    let packed = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
    let mut json = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut json).unwrap();
    json
}

async fn a_release_passes_through_all_hands() {
    let (cluster, release) = world().await;
    let (one, two) = (small_chart("1.0.0", "one"), small_chart("2.0.0", "two"));
    Helm::Three.ok(&release, &["install", "app", &one.path(), "--set", "kept=1"]);
    let (uids, _) = live(&cluster, &release).await;
    assert_eq!(uids.len(), 1, "{uids:?}");
    let steps: [(Helm, &[&str]); 10] = [
        (Helm::Ours, &["upgrade", "app", &two.path(), "--reuse-values", "--set", "other=2"]),
        (Helm::Four, &["upgrade", "app", &two.path(), "--reuse-values", "--server-side=true"]),
        (Helm::Ours, &["upgrade", "app", &one.path()]),
        (Helm::Three, &["upgrade", "app", &two.path()]),
        (Helm::Ours, &["rollback", "app", "1"]),
        (Helm::Three, &["rollback", "app", "2"]),
        (Helm::Four, &["rollback", "app", "3"]),
        (Helm::Ours, &["rollback", "app"]),
        (Helm::Four, &["upgrade", "app", &one.path(), "--reset-values"]),
        (Helm::Ours, &["upgrade", "app", &one.path(), "--reset-then-reuse-values", "--set", "last=1"]),
    ];
    for (number, (program, args)) in steps.into_iter().enumerate() {
        program.ok(&release, args);
        let (now, managers) = live(&cluster, &release).await;
        assert_eq!(now, uids, "{program:?} {args:?}: an object was made anew");
        assert_eq!(managers, ["helm"], "{program:?} {args:?}");
        let history = helm::history("HELM", &release);
        assert_eq!(history.len(), (number + 2).min(10), "{program:?} {args:?}: {history:#?}");
        let deployed: Vec<&String> = history.iter().filter(|row| row.contains(" deployed ")).collect();
        assert_eq!(
            (deployed.len(), deployed[0]),
            (1, history.last().unwrap()),
            "{program:?} {args:?}: {history:#?}"
        );
    }
    assert_eq!(Helm::Three.ok(&release, &["get", "values", "app", "-o", "json"]), "{\"last\":1}\n");
    Helm::Three.ok(&release, &["uninstall", "app"]);
    assert_eq!(live(&cluster, &release).await.0, Vec::<String>::new());
}

/// A chart that never becomes ready.
fn stuck_chart() -> ChartFolder {
    let deployment = "apiVersion: apps/v1
kind: Deployment
metadata: {name: stuck}
spec:
  selector: {matchLabels: {app: stuck}}
  template:
    metadata: {labels: {app: stuck}}
    spec: {containers: [{name: c, image: 'nowhere/nothing:1'}]}
";
    let chart = small_chart("3.0.0", "three");
    chart.write("templates/stuck.yaml", deployment.as_bytes());
    chart
}

async fn a_failed_revision_stops_nobody() {
    let (one, two, stuck) = (small_chart("1.0.0", "one"), small_chart("2.0.0", "two"), stuck_chart());
    for (failing, next) in [
        (Helm::Ours, Helm::Four),
        (Helm::Four, Helm::Ours),
        (Helm::Ours, Helm::Three),
        (Helm::Three, Helm::Ours),
    ] {
        let (cluster, release) = world().await;
        failing.ok(&release, &["install", "app", &one.path()]);
        let uids = live(&cluster, &release).await.0;
        let told = failing.refused(&release, &["upgrade", "app", &stuck.path(), "--wait", "--timeout", "3s"]);
        assert!(told.contains("UPGRADE FAILED: "), "{told}");
        let history = helm::history("HELM", &release);
        assert!(
            history[0].starts_with("1 deployed ")
                && history[1].starts_with("2 failed app-3.0.0 Upgrade \"app\" failed: "),
            "{history:#?}"
        );
        next.ok(&release, &["upgrade", "app", &two.path()]);
        assert_eq!(live(&cluster, &release).await.0, uids, "{failing:?} {next:?}");
        let history = helm::history("HELM", &release);
        assert!(
            history[0].starts_with("1 superseded ") && history[1].starts_with("2 failed "),
            "{failing:?} {next:?}: {history:#?}"
        );
        assert!(history[2].starts_with("3 deployed app-2.0.0 Upgrade complete"), "{history:#?}");
    }
}

async fn a_revision_that_helm_left_pending_is_returned_from() {
    let (one, stuck) = (small_chart("1.0.0", "one"), stuck_chart());
    for killed in [Helm::Four, Helm::Three] {
        let (cluster, release) = world().await;
        killed.ok(&release, &["install", "app", &one.path()]);
        let uids = live(&cluster, &release).await.0;
        let mut child =
            killed.command(&release, &["upgrade", "app", &stuck.path(), "--wait"]).spawn().unwrap();
        until("the revision is pending", Duration::from_mins(1), async || {
            helm::history("HELM", &release).last().is_some_and(|row| row.starts_with("2 pending-upgrade "))
        })
        .await;
        child.kill().and_then(|()| child.wait()).unwrap();
        let told = Helm::Ours.refused(&release, &["upgrade", "app", &one.path()]);
        assert!(
            told.contains("another operation (install/upgrade/rollback) is in progress: revision 2 is pending-upgrade since "),
            "{told}"
        );
        assert!(told.contains("`helm rollback app 1` returns to the last good revision"), "{told}");
        Helm::Ours.ok(&release, &["rollback", "app", "1"]);
        Helm::Ours.ok(&release, &["upgrade", "app", &one.path()]);
        assert_eq!(live(&cluster, &release).await.0, uids);
        killed.ok(&release, &["upgrade", "app", &one.path()]);
    }
}

async fn a_failed_upgrade_is_undone_as_helm_undoes_it() {
    let (one, stuck) = (small_chart("1.0.0", "one"), stuck_chart());
    let mut histories = Vec::new();
    for program in [Helm::Four, Helm::Ours] {
        let (_, release) = world().await;
        program.ok(&release, &["install", "app", &one.path()]);
        let told = program.refused(
            &release,
            &["upgrade", "app", &stuck.path(), "--rollback-on-failure", "--timeout", "3s"],
        );
        assert!(
            told.contains("UPGRADE FAILED: release app failed, and has been rolled back due to rollback-on-failure being set: "),
            "{told}"
        );
        let rows = helm::history("HELM", &release);
        histories.push(
            rows.iter()
                .map(|row| row.split(" failed: ").next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>(),
        );
        let told = program.refused(
            &release,
            &["install", "second", &stuck.path(), "--atomic", "--timeout", "3s", "--set", "value=x"],
        );
        assert!(told.contains("INSTALLATION FAILED: "), "{told}");
        assert!(!Helm::Four.ok(&release, &["list", "-q"]).contains("second"));
    }
    assert_eq!(histories[0], histories[1]);
}

async fn the_history_is_as_long_as_wanted() {
    let (_, release) = world().await;
    let one = small_chart("1.0.0", "one");
    Helm::Four.ok(&release, &["install", "app", &one.path()]);
    for _ in 0..3 {
        Helm::Ours.ok(&release, &["upgrade", "app", &one.path(), "--history-max", "2"]);
    }
    let revisions = |release: &ReleaseId| {
        helm::history("HELM", release)
            .iter()
            .map(|row| row.split(' ').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(revisions(&release), ["3", "4"]);
    Helm::Ours.ok(&release, &["upgrade", "app", &one.path(), "--history-max", "0"]);
    Helm::Three.ok(&release, &["upgrade", "app", &one.path(), "--history-max", "3"]);
    assert_eq!(revisions(&release), ["4", "5", "6"]);
}

async fn a_large_release_is_stored_and_a_too_large_one_refused() {
    let (_, release) = world().await;
    let noise = |size: usize| -> Vec<u8> { (0..size).map(|_| rand::random()).collect() };
    let chart = small_chart("1.0.0", "one");
    chart.write("noise.bin", &noise(680_000));
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    assert_eq!(
        Helm::Four.ok(&release, &["get", "all", "app"]),
        Helm::Ours.ok(&release, &["get", "all", "app"])
    );
    Helm::Three.ok(&release, &["upgrade", "app", &chart.path(), "--history-max", "2"]);
    chart.write("noise.bin", &noise(800_000));
    let before = helm::history("HELM", &release);
    let told = Helm::Ours.refused(&release, &["upgrade", "app", &chart.path()]);
    assert!(
        told.contains("UPGRADE FAILED: the record of the release takes ")
            && told.contains("nothing was changed"),
        "{told}"
    );
    assert_eq!(helm::history("HELM", &release), before);
}

async fn crds_come_first_and_stay() {
    let (_, release) = world().await;
    let group = format!("{}.example.com", release.namespace);
    let chart = ChartFolder::new("1.0.0", &[]);
    chart.write("crds/c.yaml", crate::support::chart::crd("widgets", "Widget", &group, &["a"]).as_bytes());
    chart.write(
        "templates/w.yaml",
        format!("apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: w}}\nspec: {{a: x}}\n").as_bytes(),
    );
    Helm::Ours.ok(&release, &["install", "app", &chart.path()]);
    let status = Helm::Four.ok(&release, &["status", "app"]);
    assert!(status.contains("==> v1/Widget"), "{status}");
    Helm::Ours.ok(&release, &["uninstall", "app"]);
    let nowhere = fresh_release();
    let told = Helm::Ours.refused(&nowhere, &["install", "app", &chart.path(), "--skip-crds"]);
    assert!(
        told.contains("INSTALLATION FAILED: ")
            && told.contains(&format!("namespaces {:?} not found", nowhere.namespace)),
        "{told}"
    );
    // The CRD is still there: this works without it.
    Helm::Four.ok(&release, &["install", "app", &chart.path(), "--skip-crds"]);
    Helm::Ours.ok(&release, &["uninstall", "app"]);
}

async fn of_many_at_once_nobody_spoils_the_history() {
    let (cluster, release) = world().await;
    let one = small_chart("1.0.0", "one");
    Helm::Ours.ok(&release, &["install", "app", &one.path()]);
    let uids = live(&cluster, &release).await.0;
    let run = |(number, program): (usize, Helm)| {
        let value = format!("value={number}");
        program.command(&release, &["upgrade", "app", &one.path(), "--set", &value]).spawn().unwrap()
    };
    let running: Vec<_> =
        [Helm::Ours, Helm::Four, Helm::Ours, Helm::Ours].into_iter().enumerate().map(run).collect();
    let ran: Vec<_> = running.into_iter().map(crate::support::program::finish).collect();
    let refused = ran.iter().filter(|ran| ran.code != 0);
    for refused in refused {
        let known = ["another operation (install/upgrade/rollback) is in progress", "already exists"];
        assert!(known.iter().any(|words| refused.stderr.contains(words)), "{}", refused.stderr);
    }
    let history = helm::history("HELM", &release);
    let done = ran.iter().filter(|ran| ran.code == 0).count();
    assert_eq!(history.len(), done + 1, "{history:#?}");
    assert!(
        history.last().unwrap().contains(" deployed ")
            && history.iter().filter(|row| row.contains(" deployed ")).count() == 1,
        "{history:#?}"
    );
    assert_eq!(live(&cluster, &release).await.0, uids);
}
