//! The program as a user runs it against the sandbox.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The sandbox's directory: the one of its release.yaml.
pub(crate) fn directory() -> PathBuf {
    let config = std::env::var_os("RELEASE_CONFIG").expect("RELEASE_CONFIG is set by the sandbox");
    Path::new(&config).parent().expect("a directory").to_owned()
}

/// A release.yaml beside the sandbox's own, changed by these replacements; each must be found.
pub(crate) fn config(name: &str, replacements: &[(&str, &str)]) -> PathBuf {
    let mut text = std::fs::read_to_string(directory().join("release.yaml")).unwrap();
    for (from, to) in replacements {
        assert!(text.contains(from), "the sandbox's release.yaml has no {from}");
        text = text.replace(from, to);
    }
    let path = directory().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A release.yaml beside the sandbox's own that lacks this cluster and those after it.
pub(crate) fn config_without(name: &str, cluster: &str) -> PathBuf {
    let text = std::fs::read_to_string(directory().join("release.yaml")).unwrap();
    let (before, rest) = text.split_once(&format!("  - name: {cluster}\n")).unwrap();
    let (_, waves) = rest.split_once("waves:").unwrap();
    let path = directory().join(name);
    std::fs::write(&path, format!("{before}waves:{waves}")).unwrap();
    path
}

/// A release.yaml by which a cluster is upgraded to other labels of the controller's pods, without ACME; `settle` takes
/// the place of the settle time.
pub(crate) fn upgrading(cluster: &str, name: &str, settle: &str) -> PathBuf {
    let file = format!("values/cert-manager/{name}.yaml");
    std::fs::write(directory().join(&file), format!("podLabels: {{attempt: {name}}}\n")).unwrap();
    let own = format!("values/cert-manager/{cluster}.yaml");
    let replacements = [
        ("issuers: [ClusterIssuer/letsencrypt], ", ""),
        ("settle: 10s", settle),
        (own.as_str(), &format!("{own}, {file}")),
    ];
    config(&format!("{name}.yaml"), &replacements)
}

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(super) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or_default());
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Everything that it said must be shown when an expectation fails.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// Runs it to its end.
pub(crate) fn release(config: &Path, args: &[&str]) -> Ran {
    Ran::of(&command(config, args).output().unwrap())
}

/// Starts it.
pub(crate) fn start(config: &Path, args: &[&str]) -> Child {
    command(config, args).spawn().unwrap()
}

/// The same on this way to the clusters.
pub(crate) fn start_on(config: &Path, args: &[&str], kubeconfig: &Path) -> Child {
    command(config, args).env("KUBECONFIG", kubeconfig).spawn().unwrap()
}

/// Waits for its end.
pub(crate) fn finish(child: Child) -> Ran {
    Ran::of(&child.wait_with_output().unwrap())
}

/// Stops, kills or starts a process of the sandbox.
pub(crate) fn process(verb: &str, name: &str) {
    let xtask = std::env::var_os("SANDBOX_XTASK").expect("SANDBOX_XTASK names the xtask program");
    let status = Command::new(xtask)
        .arg("process")
        .arg("--state")
        .arg(directory())
        .args([verb, name])
        .status()
        .unwrap();
    assert!(status.success(), "{verb} {name}");
}

/// Runs `pipelines/run.sh` as a CI job does, with the program on its PATH.
pub(crate) fn pipeline(config: &Path, args: &[&str], reports: &Path) -> Ran {
    let program = Path::new(env!("CARGO_BIN_EXE_release")).parent().unwrap();
    let path = std::env::join_paths([program.to_owned(), "/usr/bin".into(), "/bin".into()]).unwrap();
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines/run.sh"));
    command
        .args(args)
        .current_dir(directory())
        .env("PATH", path)
        .env("RELEASE_REPORTS", reports)
        .env("RELEASE_CONFIG", config)
        .stdin(Stdio::null());
    Ran::of(&command.output().unwrap())
}

/// With no other program on its PATH: it needs neither helm nor kubectl nor git.
fn command(config: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_release"));
    command.args(args).env("RELEASE_CONFIG", config).current_dir(directory());
    command.env("PATH", "").env_remove("HELM").env_remove("HELM_3");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
