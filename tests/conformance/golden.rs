//! Goldens: one readable text for each case, written by a real helm.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};

/// The helm whose behaviour is ours.
const HELM: &str = "v4.3.1";

/// The helm to record from, if that is what this run is for.
fn recorder() -> Option<Recorder> {
    std::env::var_os("RECORD_FROM").map(|helm| Recorder { helm: helm.into() })
}

/// A test that compares our answer with helm's golden, which it first writes anew where helm is given.
pub(crate) fn trial(
    group: &'static str,
    case: &str,
    helms: impl FnOnce(&Recorder) -> String + Send + 'static,
    ours: impl FnOnce() -> String + Send + 'static,
) -> Trial {
    let case = case.to_owned();
    Trial::test(format!("{group}::{case}"), move || {
        if let Some(recorder) = recorder() {
            recorder.write(group, &case, &helms(&recorder));
        }
        compare(&read(group, &case), &ours())
    })
}

fn compare(golden: &str, ours: &str) -> Result<(), Failed> {
    if golden == ours {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(golden, ours);
    Err(diff.unified_diff().header("helm", "ours").to_string().into())
}

/// The golden of a case.
fn read(group: &str, case: &str) -> String {
    let path = path(group, case);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("read {}: {error}; record it with RECORD_FROM=helm", path.display()))
}

fn path(group: &str, case: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/conformance/golden")
        .join(HELM)
        .join(group)
        .join(format!("{case}.txt"))
}

/// A helm program of the right version.
pub(crate) struct Recorder {
    helm: PathBuf,
}

impl Recorder {
    /// Runs helm in an empty home, with a fixed time for everything that it stamps.
    pub(crate) fn helm(&self, args: &[&str]) -> Output {
        self.helm_in(Path::new("."), args)
    }

    /// The same in a directory.
    pub(crate) fn helm_in(&self, directory: &Path, args: &[&str]) -> Output {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new(&self.helm);
        command
            .args(args)
            .current_dir(directory)
            .env_clear()
            .env("HOME", home.path())
            .env("SOURCE_DATE_EPOCH", crate::package::TIME.to_string());
        command.output().expect("start helm")
    }

    /// Writes a golden; another version of helm would need another folder.
    fn write(&self, group: &str, case: &str, text: &str) {
        let version = self.helm(&["version", "--template", "{{.Version}}"]);
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        assert!(
            version.starts_with(HELM.split_once('.').expect("a version").0),
            "RECORD_FROM is helm {version}, not {HELM}"
        );
        let path = path(group, case);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
        fs::write(path, text).expect("write the golden");
    }
}
