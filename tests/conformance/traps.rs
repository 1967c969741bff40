//! Charts that other readers of Helm's rules get wrong: each a folder with a chart, and a file `runs` with
//! the arguments of every run.
//!
//! Compared are the exit code, stdout to the byte, and stderr from `Error:` on; how warnings are worded is
//! our own.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::golden::{self, Recorder};

/// For runs that do not say another one: helm and this program would each assume their own.
const KUBERNETES: &str = "v1.33.4";

#[test]
fn traps_are_answered_as_helm_answers_them() {
    let recorder = golden::recorder();
    let mut different = String::new();
    for trap in traps() {
        let name = trap.file_name().expect("a name").to_string_lossy().into_owned();
        if let Some(recorder) = &recorder {
            recorder.write("traps", &name, &answers(&trap, |arguments| helm(recorder, &trap, arguments)));
        }
        let (golden, ours) =
            (golden::read("traps", &name), answers(&trap, |arguments| release(&trap, arguments)));
        if golden != ours {
            let diff = similar::TextDiff::from_lines(&golden, &ours);
            writeln!(different, "{name}:\n{}", diff.unified_diff().header("helm", "ours"))
                .expect("write to a text");
        }
    }
    assert!(different.is_empty(), "{different}");
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
