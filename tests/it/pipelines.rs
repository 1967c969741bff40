//! `pipelines/`: what the entry script makes of a pipeline's call, and that the YAML files hold no logic and
//! are valid.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use release::cli::Cli;
use serde_json::Value;

use crate::support::world::World;

/// Stands in for the program: writes down how it was called, and ends as it is told.
const RELEASE: &str = r#"#!/bin/sh
for argument in "$@"; do printf '%s\n' "$argument"; done >calls
[ -z "${KUBECONFIG:-}" ] || cat "$KUBECONFIG" >kubeconfig-seen
echo "the plan"
exit "${RELEASE_EXIT:-0}"
"#;

/// A pipeline's call of the script: the arguments that reached the program, and how the script ended.
struct Call {
    world: World,
    output: Output,
}

impl Call {
    fn new(args: &[&str], env: &[(&str, &str)]) -> Self {
        let world = World::new();
        let release = world.write("bin/release", RELEASE);
        std::fs::set_permissions(release, std::fs::Permissions::from_mode(0o755)).unwrap();
        let output = script(args)
            .current_dir(world.dir())
            .env("PATH", path(&world))
            .envs(env.iter().copied())
            .output()
            .unwrap();
        Self { world, output }
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.world.dir().join(name)).unwrap_or_default()
    }

    fn arguments(&self) -> Vec<String> {
        self.file("calls").lines().map(str::to_owned).collect()
    }

    fn code(&self) -> Option<i32> {
        self.output.status.code()
    }
}

fn script(args: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/run.sh"));
    command.args(args).env_clear();
    command
}

fn path(world: &World) -> String {
    format!("{}:/usr/bin:/bin", world.dir().join("bin").display())
}

#[test]
fn a_dry_run_passes_when_there_are_changes_and_fails_as_release_does() {
    for (release, expected) in [("0", 0), ("2", 0), ("1", 1), ("6", 6)] {
        let call = Call::new(&["dry-run"], &[("RELEASE_EXIT", release)]);
        assert_eq!(call.code(), Some(expected), "release ended with {release}");
        assert_eq!(call.arguments(), ["--all", "--dry-run", "--detailed-exitcode"]);
        assert_eq!(String::from_utf8_lossy(&call.output.stdout), "the plan\n");
        assert_eq!(call.file("reports/dry-run.txt"), "the plan\n");
    }
}

#[test]
fn a_rollout_ends_as_release_does() {
    for release in ["0", "1", "3", "4", "5", "6", "130", "143"] {
        let call = Call::new(&["rollout", "development"], &[("RELEASE_EXIT", release)]);
        assert_eq!(call.code(), Some(release.parse().unwrap()));
    }
}

#[test]
fn what_reaches_the_program() {
    for (args, env, expected) in [
        (
            vec!["rollout", "development"],
            vec![],
            "--wave development --lock-timeout 30m --report junit=reports/rollout-development.xml --report json=reports/rollout-development.json",
        ),
        (
            vec!["rollout", "production"],
            vec![
                ("RELEASE_CHART", "cert-manager"),
                ("RELEASE_VERSION", "1.11.5"),
                ("RELEASE_LOCK_TIMEOUT", "0s"),
                ("RELEASE_REPORTS", "out"),
            ],
            "--wave production --chart cert-manager --version 1.11.5 --lock-timeout 0s --report junit=out/rollout-production.xml \
             --report json=out/rollout-production.json",
        ),
        (
            vec!["rollback", "eks-production-1"],
            vec![("RELEASE_TO_REVISION", "7"), ("RELEASE_REF", "main")],
            "rollback --cluster eks-production-1 --to-revision 7 --lock-timeout 30m --report junit=reports/rollback-eks-production-1.xml \
             --report json=reports/rollback-eks-production-1.json",
        ),
        (
            vec!["resume", "eks-production-1"],
            vec![("RELEASE_VERSION", "1.11.5"), ("RELEASE_LOCK_TIMEOUT", "1m")],
            "resume --cluster eks-production-1 --lock-timeout 1m --report junit=reports/resume-eks-production-1.xml \
             --report json=reports/resume-eks-production-1.json",
        ),
        (
            vec!["dry-run", ""],
            vec![("RELEASE_REF", "v1.11.5")],
            "--all --dry-run --detailed-exitcode --ref v1.11.5",
        ),
    ] {
        let call = Call::new(&args, &env);
        assert_eq!(call.arguments().join(" "), expected);
        let typed = ["release".to_owned()].into_iter().chain(call.arguments()).map(OsString::from);
        assert!(Cli::read(typed).is_ok(), "release does not understand {expected}");
    }
}

#[test]
fn the_signal_of_a_cancelled_job_reaches_the_program() {
    let world = World::new();
    let release = world.write(
        "bin/release",
        "#!/bin/sh\ntrap 'echo recorded >end; exit 143' TERM\necho >begun\nfor i in $(seq 100); do sleep 0.05; done\n",
    );
    std::fs::set_permissions(release, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut job = script(&["rollout", "development"])
        .current_dir(world.dir())
        .env("PATH", path(&world))
        .spawn()
        .unwrap();
    wait_for(&world.dir().join("begun"));
    assert!(Command::new("kill").args(["-TERM", &job.id().to_string()]).status().unwrap().success());
    assert_eq!(job.wait().unwrap().code(), Some(143));
    assert_eq!(std::fs::read_to_string(world.dir().join("end")).unwrap(), "recorded\n");
}

fn wait_for(file: &Path) {
    for _ in 0..200 {
        if file.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{} does not appear", file.display());
}

#[test]
fn a_value_stays_one_argument() {
    let call = Call::new(&["rollout", "east; touch /nowhere $(id)"], &[("RELEASE_CHART", "two words")]);
    assert_eq!(call.arguments()[..4], ["--wave", "east; touch /nowhere $(id)", "--chart", "two words"]);
}

#[test]
fn a_wrong_call_is_told_how_and_starts_nothing() {
    for args in [&[][..], &["rollout"], &["rollback", ""], &["deploy", "development"]] {
        let call = Call::new(args, &[]);
        assert_eq!(call.code(), Some(1), "{args:?}");
        assert!(call.arguments().is_empty());
        let said = String::from_utf8_lossy(&call.output.stderr).into_owned();
        assert!(said.starts_with("pipelines/run.sh dry-run  "), "{said}");
        assert_eq!(said.lines().count(), 4, "{said}");
    }
}

#[test]
fn without_the_program_it_says_what_is_missing() {
    let world = World::new();
    let output = script(&["dry-run"]).current_dir(world.dir()).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("release is not on the PATH"));
}

#[test]
fn a_kubeconfig_that_is_a_text_becomes_a_private_file() {
    let home = World::new();
    let runner = home.dir().display().to_string();
    let call = Call::new(
        &["rollout", "development"],
        &[("KUBECONFIG_CONTENT", "kind: Config"), ("RUNNER_TEMP", &runner)],
    );
    assert_eq!(call.file("kubeconfig-seen"), "kind: Config\n");
    let written = std::fs::read_dir(home.dir()).unwrap().next().unwrap().unwrap();
    assert_eq!(written.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn github_shows_the_dry_run_on_the_page_of_the_run() {
    let world = World::new();
    let summary = world.dir().join("summary");
    let call = Call::new(&["dry-run"], &[("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())]);
    assert_eq!(call.code(), Some(0));
    assert_eq!(std::fs::read_to_string(summary).unwrap(), "~~~text\nthe plan\n~~~\n");
}

#[test]
fn gitlab_s_own_schema_accepts_the_gitlab_pipeline() {
    let mut compiler = boon::Compiler::new();
    compiler
        .add_resource(
            "schema.json",
            serde_json::from_str(&read("tests/fixtures/gitlab/ci.schema.json")).unwrap(),
        )
        .unwrap();
    let mut schemas = boon::Schemas::new();
    let schema = compiler.compile("schema.json", &mut schemas).unwrap();
    let mut pipeline = yaml("pipelines/gitlab/release.gitlab-ci.yml");
    assert_eq!(schemas.validate(&pipeline, schema).map_err(|error| format!("{error:#}")), Ok(()));
    pipeline["dry-run"]["artefacts"] = pipeline[".release"]["artifacts"].clone();
    assert!(schemas.validate(&pipeline, schema).is_err(), "the schema finds a misspelt key");
}

#[test]
fn yaml_holds_no_logic() {
    let mut commands = Vec::new();
    for file in [
        "pipelines/github/release.yml",
        "pipelines/github/release-run.yml",
        "pipelines/gitlab/release.gitlab-ci.yml",
    ] {
        gather(&yaml(file), &mut commands);
    }
    assert_eq!(commands.len(), 6);
    for command in commands {
        assert!(
            command.starts_with("exec pipelines/run.sh ") && !command.contains(['\n', ';', '|', '&']),
            "{command}"
        );
    }
}

/// The shell commands of a pipeline file, under `run` (GitHub) or `script` (GitLab).
fn gather(value: &Value, commands: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "run" | "script" | "before_script" | "after_script" if !value.is_object() => {
                        commands.push(command(value));
                    }
                    _ => gather(value, commands),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, commands)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The text of a command; several in a list are lines.
fn command(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().map(command).collect::<Vec<_>>().join("\n"),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

fn yaml(path: &str) -> Value {
    serde_norway::from_str(&read(path)).unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
