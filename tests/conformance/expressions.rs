//! Hundreds of expressions, one a line in `expressions/<family>.txt`: what they give, with its Go type, or
//! the error's text.

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use release::helm::capabilities::Capabilities;
use release::helm::chart::{Chart, File};
use release::helm::engine::{self, NoCluster, ReleaseContext, Render};

use crate::golden::{self, Recorder};

/// One for each family.
pub(crate) fn trials() -> Vec<Trial> {
    families().into_iter().map(trial).collect()
}

fn trial(family: PathBuf) -> Trial {
    let name = family.file_stem().expect("a name").to_string_lossy().into_owned();
    let text = fs::read_to_string(family).expect("the expressions");
    let copy = text.clone();
    let helms = move |recorder: &Recorder| answers(&copy, |expression| recorded(recorder, expression));
    golden::trial("expressions", &name, helms, move || answers(&text, evaluated))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/expressions")
}

fn families() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder())
        .expect("the folder of the expressions")
        .map(|entry| entry.expect("an entry").path());
    let mut families: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "txt")).collect();
    families.sort();
    assert!(!families.is_empty(), "there are expressions");
    families
}

fn answers(expressions: &str, answer: impl Fn(&str) -> String) -> String {
    expressions
        .lines()
        .fold(String::new(), |text, expression| text + expression + "\n\t" + &answer(expression) + "\n")
}

/// A template of one comment, which is YAML whatever is in it.
fn template(expression: &str) -> String {
    format!("# {{{{ $x := {expression} }}}}{{{{ printf \"%T %q\" $x (print $x) }}}}\n")
}

const CHART: &str = "apiVersion: v2\nname: e\nversion: 0.1.0\n";

fn values() -> Vec<u8> {
    fs::read(folder().join("values.yaml")).expect("the values")
}

fn recorded(recorder: &Recorder, expression: &str) -> String {
    let chart = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(chart.path().join("templates")).expect("a folder");
    fs::write(chart.path().join("Chart.yaml"), CHART).expect("write the chart");
    fs::write(chart.path().join("values.yaml"), values()).expect("write the values");
    fs::write(chart.path().join("templates/x.yaml"), template(expression)).expect("write the template");
    let output = recorder.helm_in(chart.path(), &["template", "r", ".", "--kube-version", "v1.33.4"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match stderr.find("Error: ") {
        Some(start) => stderr[start + 7..]
            .replace("\n\nUse --debug flag to render out invalid YAML", "")
            .trim_end()
            .replace('\n', "\n\t"),
        None => stdout
            .lines()
            .find_map(|line| line.strip_prefix("# ").filter(|line| !line.starts_with("Source:")))
            .unwrap_or("nothing")
            .to_owned(),
    }
}

fn evaluated(expression: &str) -> String {
    let files = [
        ("Chart.yaml", CHART.into()),
        ("values.yaml", values()),
        ("templates/x.yaml", template(expression).into_bytes()),
    ];
    let chart = Chart::from_files(files.map(|(name, data)| File::new(name, data)).into()).expect("a chart");
    let mut capabilities = Capabilities::without_cluster();
    capabilities.kube_version = "v1.33.4".parse().expect("a version");
    let release = ReleaseContext {
        name: "r".into(),
        namespace: "default".into(),
        revision: 1,
        is_install: true,
        is_upgrade: false,
    };
    let values = &chart.defaults;
    let request =
        Render { chart: &chart, values, release: &release, capabilities: &capabilities, dns: false };
    match engine::render(&request, &mut NoCluster) {
        Ok(rendered) => {
            rendered.files["e/templates/x.yaml"].trim_start_matches("# ").trim_end_matches('\n').to_owned()
        }
        Err(error) => error.to_string().trim_end().replace('\n', "\n\t"),
    }
}
