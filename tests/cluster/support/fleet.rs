//! A small fleet of its own for a test: a chart on the disk, a release.yaml beside it, and the program run there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use release::cluster::{Cluster, journal, namespace, release_secrets};
use release::config::ReleaseId;
use release::evidence::journal::Journal;
use tempfile::TempDir;

use super::program::Ran;
use super::{FIRST, cluster, fresh_release};

/// Longer than any step takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(2);

pub(crate) struct SmallFleet {
    directory: TempDir,
    /// The release, in a namespace that no other test uses.
    pub(crate) release: ReleaseId,
    clusters: Vec<&'static str>,
}

impl SmallFleet {
    /// Clusters in this order, each in a wave of its own name; the chart is at version 1.0.0 and installed nowhere.
    pub(crate) async fn new(clusters: &[&'static str]) -> Self {
        let release = fresh_release();
        for name in clusters {
            namespace::ensure(&cluster(name).await, &release.namespace).await.unwrap();
        }
        let fleet = Self { directory: tempfile::tempdir().unwrap(), release, clusters: clusters.to_vec() };
        fleet.chart("1.0.0", "one");
        fleet.write("values.yaml", "extra: none\n");
        fleet.config("settle: 1s", "");
        fleet
    }

    /// One cluster on which real Helm has installed version 1.0.0, and the chart at 2.0.0.
    pub(crate) async fn upgrading() -> Self {
        let fleet = Self::new(&[FIRST]).await;
        fleet.installed_by_helm();
        fleet.chart("2.0.0", "two");
        fleet
    }

    /// Real Helm 4 installs what the chart is now, on the first cluster.
    pub(crate) fn installed_by_helm(&self) {
        super::helms::Helm::Four.ok(&self.release, &["install", "app", &self.chart_path()]);
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The folder is named after the namespace, and so is the chart: the repository is shared with other tests.
    pub(crate) fn chart_path(&self) -> String {
        self.path().join(&self.release.namespace).display().to_string()
    }

    /// A chart of two `ConfigMaps` with this text in them.
    pub(crate) fn chart(&self, version: &str, text: &str) {
        let folder = &self.release.namespace;
        let map = |name: &str| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{text: {text}, extra: '{{{{ .Values.extra }}}}'}}\n"
            )
        };
        self.write(
            &format!("{folder}/Chart.yaml"),
            &format!("apiVersion: v2\nname: {folder}\nversion: {version}\n"),
        );
        self.write(&format!("{folder}/values.yaml"), "extra: none\n");
        self.write(
            &format!("{folder}/templates/maps.yaml"),
            &format!("{}---\n{}", map("first"), map("second")),
        );
    }

    /// One more template of the chart.
    pub(crate) fn template(&self, name: &str, text: &str) {
        self.write(&format!("{}/templates/{name}.yaml", self.release.namespace), text);
    }

    /// A release.yaml with these lines for the gates, and these at the end.
    pub(crate) fn config(&self, gates: &str, more: &str) {
        let museum = std::env::var("CHARTMUSEUM_URL").expect("CHARTMUSEUM_URL is set by the sandbox");
        let ReleaseId { name, namespace } = &self.release;
        let entry = |one: &&str| format!("  - {{ name: {one}, kube: {{ context: {one} }}, wave: {one} }}\n");
        let clusters = self.clusters.iter().map(entry).collect::<Vec<_>>().concat();
        let waves = if more.contains("waves:") { String::new() } else { self.waves("0s") };
        let text = format!(
            "charts:
  app:
    source: {{ directory: {namespace} }}
    repository: chartmuseum
    release: {{ name: {name}, namespace: {namespace} }}
    values: [values.yaml]
    profile: generic
    gates: {{ {gates} }}
repositories:
  chartmuseum: {{ url: {museum:?} }}
clusters:
{clusters}{waves}{more}"
        );
        self.write("release.yaml", &text);
    }

    /// Every cluster's wave, with this soak.
    pub(crate) fn waves(&self, soak: &str) -> String {
        let waves: Vec<String> =
            self.clusters.iter().map(|name| format!("{{ name: {name}, soak: {soak} }}")).collect();
        format!("waves: [{}]\n", waves.join(", "))
    }

    fn command(directory: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_release"));
        command.args(args).current_dir(directory).env("RELEASE_CONFIG", directory.join("release.yaml"));
        command.env("PATH", "").env_remove("HELM").env_remove("HELM_3");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&Self::command(self.path(), args).output().unwrap())
    }

    /// The same on a fresh checkout of what is under version control.
    pub(crate) fn run_elsewhere(&self, args: &[&str]) -> Ran {
        self.run_elsewhere_on(args, None)
    }

    /// The same on this way to the clusters, which the plan has pinned.
    pub(crate) fn run_elsewhere_on(&self, args: &[&str], kubeconfig: Option<PathBuf>) -> Ran {
        let elsewhere = tempfile::tempdir().unwrap();
        copy(self.path(), elsewhere.path());
        let mut command = Self::command(elsewhere.path(), args);
        Ran::of(&command.envs(kubeconfig.map(|path| ("KUBECONFIG", path))).output().unwrap())
    }

    /// Starts the program, on this way to the clusters.
    pub(crate) fn start(&self, args: &[&str], kubeconfig: Option<PathBuf>) -> Child {
        let mut command = Self::command(self.path(), args);
        command.envs(kubeconfig.map(|path| ("KUBECONFIG", path)));
        command.spawn().unwrap()
    }

    /// `revision status` of everything that is stored on a cluster.
    pub(crate) async fn history(&self, name: &str) -> Vec<String> {
        let history = release_secrets::history(&cluster(name).await, &self.release).await.unwrap();
        history.iter().map(|record| format!("{} {}", record.revision(), record.status())).collect()
    }

    /// The journal on a cluster.
    pub(crate) async fn journal(&self, on: &Cluster) -> Option<Journal> {
        let stored = journal::read(on, &self.release).await.unwrap();
        stored.text.map(|text| Journal::decode(&text).unwrap())
    }

    /// Waits until the run on a cluster has recorded this event.
    pub(crate) async fn wait_for_event(&self, name: &str, event: &str) {
        let on = cluster(name).await;
        let start = Instant::now();
        loop {
            let journal = self.journal(&on).await;
            let records = journal.iter().flat_map(|journal| &journal.records);
            if records.into_iter().any(|record| record.event.name() == event) {
                return;
            }
            assert!(start.elapsed() < DEADLINE, "no `{event}` on {name}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the release has these revisions.
    pub(crate) async fn wait_for_history(&self, name: &str, expected: &[&str]) {
        let start = Instant::now();
        while self.history(name).await != expected {
            assert!(start.elapsed() < DEADLINE, "{:?}", self.history(name).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The text in the first `ConfigMap` on a cluster.
    pub(crate) async fn text(&self, name: &str) -> String {
        use k8s_openapi::api::core::v1::ConfigMap;

        let maps = kube::Api::<ConfigMap>::namespaced(cluster(name).await.client, &self.release.namespace);
        maps.get("first").await.unwrap().data.unwrap()["text"].clone()
    }
}

/// Without what a run keeps for itself.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name() == ".release" {
        } else if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Sends a signal to a run.
pub(crate) fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "{signal}");
}
