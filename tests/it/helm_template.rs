//! `release helm template`: helm 4's arguments, output and exit codes.

use insta::assert_snapshot;

use crate::support::world::World;

const CHART: &str = "apiVersion: v2\nname: demo\nversion: 1.0.0\n";

/// A chart with values, a hook, a test and a CRD.
fn world() -> World {
    let world = World::new();
    world.write("demo/Chart.yaml", CHART);
    world.write("demo/values.yaml", "color: red\nreplicas: 1000000\n");
    world.write("demo/crds/crd.yaml", "kind: CustomResourceDefinition\n");
    world.write("demo/templates/_helpers.tpl", "{{ define \"name\" }}{{ .Release.Name }}-demo{{ end }}\n");
    world.write(
        "demo/templates/map.yaml",
        "kind: ConfigMap\nmetadata:\n  name: {{ include \"name\" . }}\n  namespace: {{ .Release.Namespace }}\ndata:\n  \
         color: {{ .Values.color | quote }}\n  replicas: {{ .Values.replicas }}\n  kube: {{ .Capabilities.KubeVersion }}\n",
    );
    let object = |kind: &str, hook: &str| {
        format!("kind: {kind}\nmetadata:\n  name: x\n  annotations: {{helm.sh/hook: {hook}}}\n")
    };
    world.write("demo/templates/job.yaml", object("Job", "pre-install"));
    world.write("demo/templates/tests/pod.yaml", object("Pod", "test"));
    world.write("demo/templates/NOTES.txt", "Have fun.\n");
    world
}

fn template<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["helm", "template"], args].concat()
}

#[test]
fn the_manifest_then_the_hooks() {
    let args = ["demo", "--set", "color=blue", "--kube-version", "1.33.4", "-n", "ns", "--include-crds"];
    assert_snapshot!(world().release(template(&args)), @r#"
    exit code: 0
    ----- stdout -----
    ---
    # Source: demo/crds/crd.yaml
    kind: CustomResourceDefinition

    ---
    # Source: demo/templates/map.yaml
    kind: ConfigMap
    metadata:
      name: release-name-demo
      namespace: ns
    data:
      color: "blue"
      replicas: 1e+06
      kube: v1.33.4
    ---
    # Source: demo/templates/tests/pod.yaml
    kind: Pod
    metadata:
      name: x
      annotations: {helm.sh/hook: test}

    ---
    # Source: demo/templates/job.yaml
    kind: Job
    metadata:
      name: x
      annotations: {helm.sh/hook: pre-install}

    ----- stderr -----
    "#);
}

#[test]
fn parts_of_it() {
    let world = world();
    let chosen = |args: &[&str]| {
        let ran = world.release(template(&[&["r", "demo"], args].concat()));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
            .lines()
            .filter(|line| line.starts_with("# Source: "))
            .map(|line| line["# Source: ".len()..].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(chosen(&["--no-hooks"]), ["demo/templates/map.yaml"]);
    assert_eq!(chosen(&["--skip-tests"]), ["demo/templates/map.yaml", "demo/templates/job.yaml"]);
    assert_eq!(
        chosen(&["-s", "templates/tests/*", "-s", "templates/map.yaml"]),
        ["demo/templates/tests/pod.yaml", "demo/templates/map.yaml"]
    );
}

#[test]
fn files_below_a_directory() {
    let world = world();
    let args = ["r", "demo", "--output-dir", "out", "--release-name", "--skip-tests"];
    assert_snapshot!(world.release(template(&args)), @r#"
    exit code: 0
    ----- stdout -----
    wrote out/r/demo/templates/map.yaml
    wrote out/r/demo/templates/job.yaml

    ----- stderr -----
    "#);
    assert!(world.dir().join("out/r/demo/templates/map.yaml").is_file());
}

#[test]
fn values_from_everywhere() {
    let world = world();
    world.write("more.yaml", "color: green\n---\nreplicas: 3\n");
    world.write("words.txt", "from a file");
    let lines = |args: &[&str]| {
        let ran = world.release(template(&[&["demo", "-s", "templates/map.yaml"], args].concat()));
        ran.stdout
            .lines()
            .filter(|line| line.contains("color") || line.contains("replicas"))
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(lines(&[]), "color: \"red\", replicas: 1e+06");
    assert_eq!(
        lines(&["-f", "more.yaml", "--set", "replicas=1000000"]),
        "color: \"green\", replicas: 1000000"
    );
    assert_eq!(
        lines(&["--set-file", "color=words.txt", "--set-json", "replicas=5"]),
        "color: \"from a file\", replicas: 5"
    );
    assert_eq!(
        lines(&["--set-literal", "color=a,b", "--set-string", "replicas=01"]),
        "color: \"a,b\", replicas: 01"
    );
}

#[test]
fn refusals_are_helms() {
    let world = world();
    let chart = |name: &str, more: &str| world.write(&format!("{name}/Chart.yaml"), format!("{CHART}{more}"));
    chart("library", "type: library\n");
    chart("dependent", "dependencies: [{name: a, version: '1'}, {name: b, version: '1'}]\n");
    chart("modern", "kubeVersion: '>=99'\n");
    chart("broken", "");
    world.write("broken/templates/a.yaml", "a:\n  b: c\n d: e\n");
    chart("wrong", "");
    world.write("wrong/templates/a.yaml", "a: {{ .Values.a.b }}\n");
    chart("strict", "");
    world.write(
        "strict/values.schema.json",
        r#"{"required": ["a"], "properties": {"b": {"type": "string"}}}"#,
    );
    world.write("values.yaml", "- a\n");
    let mut said = String::new();
    for args in [
        &[][..],
        &["a", "b", "c"],
        &["r", "demo", "-g"],
        &["r", "nope"],
        &["r", "./nope"],
        &["r", "repository/nope"],
        &["r", "values.yaml"],
        &["Name_", "demo"],
        &["r", "demo", "--kube-version", "1"],
        &["r", "demo", "--dry-run=server"],
        &["r", "demo", "--dry-run=maybe"],
        &["r", "demo", "--validate"],
        &["r", "demo", "--post-renderer", "x"],
        &["r", "demo", "-s", "templates/none.yaml"],
        &["r", "demo", "--set", "a"],
        &["r", "demo", "-f", "none.yaml"],
        &["r", "demo", "-f", "values.yaml"],
        &["r", "library"],
        &["r", "dependent"],
        &["r", "modern"],
        &["r", "strict", "--set", "b=1"],
        &["r", "broken"],
        &["r", "wrong"],
    ] {
        let ran = world.release(template(args));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{args:?}");
        said += &ran.stderr;
    }
    assert_snapshot!(said, @r#"
    Error: "helm template" requires at least 1 argument

    Usage:  helm template [NAME] [CHART] [flags]
    Error: expected at most two arguments, unexpected arguments: c
    Error: cannot set --generate-name and also specify a name
    Error: non-absolute URLs should be in form of repo_name/path_to_chart, got: nope
    Error: path "./nope" not found
    Error: repository/nope: charts are not downloaded here: name a folder or an archive
    Error: file '[DIR]/values.yaml' seems to be a YAML file, but expected a gzipped archive
    Error: release name check failed: release name "Name_": invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53
    Error: invalid kube version '1': illegal version string "1"
    Error: --dry-run=server needs a cluster, and this command renders without one: leave it out
    Error: invalid dry-run value ("maybe"). Must be "none", "server", or "client"
    Error: --validate needs a cluster, and this command renders without one: leave it out
    Error: --post-renderer is not supported: pipe the output into the program instead
    Error: could not find template templates/none.yaml in chart
    Error: failed parsing --set data: key "a" has no value
    Error: open none.yaml: no such file or directory
    Error: failed to parse values.yaml: cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}
    Error: library charts are not installable
    Error: an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: a, b
    Error: chart requires kubeVersion: >=99 which is incompatible with Kubernetes v1.37.0

    Use --debug flag to render out invalid YAML
    Error: values don't meet the specifications of the schema(s) in the following chart(s):
    demo:
    - at '': missing property 'a'
    - at '/b': got number, want string

    Error: YAML parse error on demo/templates/a.yaml: error converting YAML to JSON: yaml: line 2: did not find expected key

    Use --debug flag to render out invalid YAML
    Error: demo/templates/a.yaml:1:13
      executing "demo/templates/a.yaml" at <.Values.a.b>:
        nil pointer evaluating interface {}.b

    Use --debug flag to render out invalid YAML
    "#);
    assert_eq!(world.release(template(&["r", "strict", "--skip-schema-validation"])).code, Some(0));
}

#[test]
fn with_debug_broken_output_is_shown() {
    let world = world();
    world.write("demo/templates/map.yaml", "a:\n  b: c\n d: e\n");
    world.write("demo/templates/job.yaml", "");
    world.write("demo/templates/tests/pod.yaml", "");
    assert_snapshot!(world.release(template(&["r", "demo", "--debug"])), @r#"
    exit code: 1
    ----- stdout -----
    ---
    # Source: demo/templates/map.yaml
    a:
      b: c
     d: e
    ----- stderr -----
    Error: YAML parse error on demo/templates/map.yaml: error converting YAML to JSON: yaml: line 2: did not find expected key
    "#);
}
