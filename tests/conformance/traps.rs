//! Charts that other readers of Helm's rules get wrong: each a folder with a chart, and a file `runs` with
//! the arguments of every run.
//!
//! Compared are the exit code, stdout to the byte, and stderr from `Error:` on; how warnings are worded is
//! our own.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::Trial;

use crate::golden::{self, Recorder};

/// For runs that do not say another one: helm and this program would each assume their own.
const KUBERNETES: &str = "v1.33.4";

/// One for each folder.
pub(crate) fn trials() -> Vec<Trial> {
    let trial = |trap: PathBuf| {
        let name = trap.file_name().expect("a name").to_string_lossy().into_owned();
        let other = trap.clone();
        let helms = move |recorder: &Recorder| answers(&trap, |arguments| helm(recorder, &trap, arguments));
        golden::trial("traps", &name, helms, move || answers(&other, |arguments| release(&other, arguments)))
    };
    traps().into_iter().map(trial).collect()
}

fn traps() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/traps");
    let mut traps: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder of the traps")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    traps.sort();
    assert!(!traps.is_empty(), "there are traps");
    traps
}

/// What a program answers to every run of a trap.
fn answers(trap: &Path, program: impl Fn(&[&str]) -> Output) -> String {
    let runs = fs::read_to_string(trap.join("runs")).expect("the runs of the trap");
    let mut text = String::new();
    for run in runs.lines() {
        let mut arguments = vec!["template", "trap", "chart"];
        arguments.extend(run.split_whitespace());
        if !run.contains("--kube-version") {
            arguments.extend(["--kube-version", KUBERNETES]);
        }
        let output = program(&arguments);
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let error = stderr.find("Error:").map_or("", |start| &stderr[start..]);
        writeln!(text, "$ helm {}\nexit code {}", arguments.join(" "), output.status.code().unwrap_or(-1))
            .expect("write to a text");
        writeln!(text, "{stdout}{error}").expect("write to a text");
    }
    text
}

fn helm(recorder: &Recorder, trap: &Path, arguments: &[&str]) -> Output {
    recorder.helm_in(trap, arguments)
}

fn release(trap: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_release"));
    command.arg("helm").args(arguments).current_dir(trap).env_clear();
    command.output().expect("start release")
}
