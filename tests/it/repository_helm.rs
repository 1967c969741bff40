//! Real Helm reads what `release repository serve` serves: the programs of `$HELM` and `$HELM_3`, which
//! `cargo xtask test` sets.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::charts::{chart, demo};
use crate::support::museum::{PASSWORD, Serving};
use crate::support::world::World;

/// The Helm programs that can be found; says past the test harness when there are none.
fn helms() -> Vec<PathBuf> {
    let found: Vec<PathBuf> =
        ["HELM", "HELM_3"].iter().filter_map(std::env::var_os).map(PathBuf::from).collect();
    if found.is_empty() {
        writeln!(std::io::stderr(), "NOT run with real helm: neither $HELM nor $HELM_3 is set")
            .expect("write to stderr");
    }
    found
}

/// Runs Helm at home in a world; the text of both streams, which begins with `failed` when it did.
fn run(helm: &Path, world: &World, arguments: &[&str]) -> String {
    let mut command = Command::new(helm);
    command.args(arguments).current_dir(world.dir()).env_clear().env("HOME", world.dir());
    let output = command.output().expect("start helm");
    let failed = if output.status.success() { "" } else { "failed: " };
    format!("{failed}{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn helm_adds_searches_shows_and_pulls() {
    let museum =
        Serving::start(&["--context-path", "ctx", "--username", "u", "--password-env", "MUSEUM_PASSWORD"]);
    let newer = chart("1.10.0", b"a: 2\n", 1_700_000_000);
    for archive in [demo(), newer.clone()] {
        std::fs::write(museum.store().join(archive.file_name()), archive.bytes()).unwrap();
    }
    for helm in helms() {
        let world = World::new();
        world.write("pulled/.keep", "");
        let run = |arguments: &[&str]| run(&helm, &world, arguments);
        assert!(run(&["repo", "add", "m", museum.url()]).contains("401"));
        let added = run(&["repo", "add", "m", museum.url(), "--username", "u", "--password", PASSWORD]);
        assert!(added.contains("\"m\" has been added"), "{added}");
        let found = run(&["search", "repo", "m/", "--versions", "-o", "json"]);
        let versions: Vec<_> = found
            .match_indices("\"version\":\"")
            .map(|(at, _)| found[at + 11..].split('"').next().unwrap())
            .collect();
        assert_eq!(versions, ["1.10.0", "1.2.3+build.5"], "{found}");
        assert!(run(&["show", "chart", "m/demo"]).contains("version: 1.10.0"), "the newest is the default");
        for (arguments, archive) in [
            (&["m/demo", "--version", "1.2.3+build.5"][..], demo()),
            (
                &[
                    "demo",
                    "--version",
                    "^1.10",
                    "--repo",
                    museum.url(),
                    "--username",
                    "u",
                    "--password",
                    PASSWORD,
                ],
                newer.clone(),
            ),
        ] {
            let pulled = run(&[&["pull", "-d", "pulled"], arguments].concat());
            assert!(!pulled.starts_with("failed"), "{pulled}");
            assert_eq!(
                std::fs::read(world.dir().join("pulled").join(archive.file_name())).unwrap(),
                archive.bytes()
            );
        }
    }
}
