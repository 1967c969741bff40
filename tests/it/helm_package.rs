//! `release helm package`: helm 4's arguments, messages and exit codes.

use std::os::unix::fs::symlink;
use std::process::Command;

use insta::assert_snapshot;

use crate::support::world::World;

const CHART: &str = "apiVersion: v2\nname: demo\nversion: 1.0.0\n";

fn world() -> World {
    let world = World::new();
    world.write("demo/Chart.yaml", CHART);
    world.write("demo/values.yaml", "a: 1\n");
    world
}

#[test]
fn the_path_is_told_as_helm_tells_it() {
    let world = world();
    for (args, path) in [
        (&["demo"][..], "[DIR]/demo-1.0.0.tgz"),
        (&["demo", "-d", "./out/"], "out/demo-1.0.0.tgz"),
        (&["demo/", "--destination", "a/../b", "--version", "v2.0.0+x"], "b/demo-v2.0.0+x.tgz"),
    ] {
        let ran = world.release([&["helm", "package"], args].concat());
        assert_eq!(
            (ran.code, ran.stdout),
            (Some(0), format!("Successfully packaged chart and saved it to: {path}\n")),
            "{}",
            ran.stderr
        );
    }
    assert!(world.dir().join("b/demo-v2.0.0+x.tgz").is_file());
}

#[test]
fn charts_before_a_wrong_path_are_written() {
    assert_snapshot!(world().release(["helm", "package", "demo", "nope"]), @"
    exit code: 1
    ----- stdout -----
    Successfully packaged chart and saved it to: [DIR]/demo-1.0.0.tgz
    ----- stderr -----
    Error: stat nope: no such file or directory
    ");
}

#[test]
fn refusals_are_helms() {
    let world = world();
    world.write(
        "dependent/Chart.yaml",
        format!("{CHART}dependencies: [{{ name: sub, version: '1', repository: '' }}]\n"),
    );
    world.write("unnamed/Chart.yaml", "apiVersion: v2\nversion: 1\n");
    world.write("broken/Chart.yaml", "name: a: b\n");
    world.write("schema/Chart.yaml", CHART);
    world.write("schema/values.schema.json", "{");
    world.write("nothing/README.md", "");
    world.write("rules/Chart.yaml", CHART);
    world.write("rules/.helmignore", "!README.md\n");
    symlink("nowhere", world.dir().join("nothing/Chart.yaml")).expect("a link");
    let mut said = String::new();
    for args in [
        &[][..],
        &["dependent"],
        &["unnamed"],
        &["broken"],
        &["schema"],
        &["nothing"],
        &["rules"],
        &["demo/Chart.yaml"],
        &["demo", "--version", "latest"],
        &["demo", "-d", "demo/Chart.yaml"],
        &["demo", "--sign", "--key", "me"],
        &["dependent", "-u"],
    ] {
        let ran = world.release([&["helm", "package"], args].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{args:?}");
        said += &ran.stderr;
    }
    assert_snapshot!(said, @"
    Error: need at least one argument, the path to the chart
    Error: found in Chart.yaml, but missing in charts/ directory: sub
    Error: validation: chart.metadata.name is required
    Error: cannot load Chart.yaml: error converting YAML to JSON: yaml: line 1, column 8: mapping values are not allowed in this context
    Error: failed to save: invalid JSON in values.schema.json of chart demo: EOF while parsing an object at line 1 column 1
    Error: unable to detect chart at [DIR]/nothing/Chart.yaml: open [DIR]/nothing/Chart.yaml: no such file or directory
    Error: Chart.yaml file is missing
    Error: unable to detect chart at [DIR]/demo/Chart.yaml/Chart.yaml: open [DIR]/demo/Chart.yaml/Chart.yaml: not a directory
    Error: invalid semantic version
    Error: failed to save: is not a directory: demo/Chart.yaml
    Error: --sign is not supported: sign the archive with a helm program
    Error: --dependency-update is not supported for a chart with dependencies: update them with a helm program, then package
    ");
}

#[test]
fn a_program_called_helm_answers_too() {
    let world = world();
    let helm = world.dir().join("helm");
    symlink(env!("CARGO_BIN_EXE_release"), &helm).expect("a link");
    let output = Command::new(&helm)
        .args(["package", "demo", "--app-version", "9"])
        .current_dir(world.dir())
        .env_clear()
        .output()
        .expect("start helm");
    assert!(output.status.success(), "{output:?}");
    assert!(world.dir().join("demo-1.0.0.tgz").is_file());
}
