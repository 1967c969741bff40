//! The three programs that work on one release: this one, and real Helm in both majors.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kube::Api;
use kube::api::ListParams;
use release::cluster::Cluster;
use release::config::ReleaseId;
use tempfile::TempDir;

use super::FIRST;
use super::program::Ran;

/// Who carries a verb out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helm {
    Three,
    Four,
    /// `release helm`.
    Ours,
}

pub(crate) const ALL: [Helm; 3] = [Helm::Three, Helm::Four, Helm::Ours];

impl Helm {
    pub(crate) fn command(self, release: &ReleaseId, args: &[&str]) -> Command {
        let program = |variable: &str| {
            std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is set by the sandbox"))
        };
        let mut command = match self {
            Helm::Three => Command::new(program("HELM_3")),
            Helm::Four => Command::new(program("HELM")),
            Helm::Ours => Command::new(env!("CARGO_BIN_EXE_release")),
        };
        if self == Helm::Ours {
            command.arg("helm");
        }
        command.args(args).args(["--kube-context", FIRST, "--namespace", &release.namespace]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(self, release: &ReleaseId, args: &[&str]) -> Ran {
        Ran::of(&self.command(release, args).output().unwrap())
    }

    /// What it says when it succeeds.
    #[track_caller]
    pub(crate) fn ok(self, release: &ReleaseId, args: &[&str]) -> String {
        let ran = self.run(release, args);
        assert_eq!(ran.code, 0, "{self:?} {args:?}: {}", ran.stderr);
        ran.stdout
    }

    /// What it says when it refuses.
    #[track_caller]
    pub(crate) fn refused(self, release: &ReleaseId, args: &[&str]) -> String {
        let ran = self.run(release, args);
        assert_eq!(ran.code, 1, "{self:?} {args:?}: {}", ran.stdout);
        ran.stderr
    }

    /// Starts it on another way to the cluster.
    pub(crate) fn start(self, release: &ReleaseId, args: &[&str], kubeconfig: &Path) -> Child {
        self.command(release, args).env("KUBECONFIG", kubeconfig).spawn().unwrap()
    }
}

/// A chart on the disk, which the programs name by its path.
pub(crate) struct ChartFolder(TempDir);

impl ChartFolder {
    /// A chart `app` of these files; `Chart.yaml` is made.
    pub(crate) fn new(version: &str, files: &[(&str, &[u8])]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("Chart.yaml", format!("apiVersion: v2\nname: app\nversion: {version}\n").as_bytes());
        for (name, data) in files {
            folder.write(name, data);
        }
        folder
    }

    pub(crate) fn write(&self, name: &str, data: &[u8]) {
        let path = self.0.path().join("app").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, data).unwrap();
    }

    pub(crate) fn path(&self) -> String {
        let path: PathBuf = self.0.path().join("app");
        path.into_os_string().into_string().unwrap()
    }
}

/// `Kind/name uid` of every `ConfigMap` and Secret of the release, and every manager of their fields.
pub(crate) async fn live(cluster: &Cluster, release: &ReleaseId) -> (Vec<String>, Vec<String>) {
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};

    let of_release = ListParams::default().labels("app.kubernetes.io/managed-by=Helm");
    let (client, namespace) = (cluster.client.clone(), &release.namespace);
    let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace).list(&of_release).await.unwrap();
    let secrets = Api::<Secret>::namespaced(client, namespace).list(&of_release).await.unwrap();
    let metadata = maps.items.into_iter().map(|map| ("ConfigMap", map.metadata));
    let metadata: Vec<_> =
        metadata.chain(secrets.items.into_iter().map(|secret| ("Secret", secret.metadata))).collect();
    let uid = |(kind, metadata): &(&str, kube::api::ObjectMeta)| {
        format!(
            "{kind}/{} {}",
            metadata.name.as_deref().unwrap_or_default(),
            metadata.uid.as_deref().unwrap_or_default()
        )
    };
    let uids = metadata.iter().map(uid).collect();
    let fields = metadata.iter().flat_map(|(_, metadata)| metadata.managed_fields.iter().flatten());
    let mut managers: Vec<String> = fields.filter_map(|entry| entry.manager.clone()).collect();
    managers.sort();
    managers.dedup();
    (uids, managers)
}
