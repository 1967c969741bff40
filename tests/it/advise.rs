//! `release advise` and `release explain`, as a user types them.

use insta::assert_snapshot;

use crate::support::world::{Ran, World};

const FLEET: &str = include_str!("../fixtures/fleet/release.yaml");

/// A world whose release.yaml names a file with this advice.
fn with_advice(text: &str) -> World {
    let world = World::new();
    world.write("release.yaml", format!("{FLEET}preflight:\n  advice: [advice/ours.yaml]\n"));
    world.write("advice/ours.yaml", text);
    for file in ["common", "eks-development-1"] {
        world.write(&format!("values/cert-manager/{file}.yaml"), "");
    }
    world
}

#[test]
fn the_way_is_shown_stop_by_stop() {
    assert_snapshot!(World::new().release([
        "advise",
        "--from",
        "v1.14.2",
        "--to",
        "v1.16.5",
        "--kubernetes",
        "1.33"
    ]));
}

#[test]
fn a_way_back_is_none_and_a_wrong_version_is_told() {
    assert_snapshot!(World::new().release(["advise", "--from", "1.21.2", "--to", "1.20.2"]));
    assert_snapshot!(World::new().release(["advise", "--from", "latest", "--to", "1.20.2"]));
}

#[test]
fn a_rule_is_explained_by_its_name_or_the_nearest_is_named() {
    assert_snapshot!(World::new().release(["explain", "crash"]));
    assert_snapshot!(World::new().release(["explain", "leaving-1.19.0"]));
    assert_snapshot!(World::new().release(["explain", "workload/crsh"]));
    assert_snapshot!(World::new().release(["explain", "crsh"]));
}

#[test]
fn every_name_that_allow_takes_is_explained() {
    for name in ["unhealthy", "unsoaked", "paused", "known-bad-version", "skipped-minors", "downgrade"] {
        let ran = World::new().release(["explain", name]);
        assert!(ran.code == Some(0) && ran.stdout.starts_with(name), "{ran}");
    }
}

#[test]
fn without_a_name_every_rule_has_a_line() {
    let ran = World::new().release(["explain"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    for name in ["workload/crash ", "unhealthy ", "known-bad-version ", "slow-ca ", "kubernetes-1.21 "] {
        assert!(ran.stdout.lines().any(|line| line.starts_with(name)), "{name}: {ran}");
    }
}

/// The way as data, which is as long in both formats.
fn data(ran: &Ran) -> serde_json::Value {
    assert_eq!(ran.code, Some(0), "{ran}");
    serde_norway::from_str(&ran.stdout).unwrap()
}

#[test]
fn the_way_is_data_too() {
    let way = |format: &str| {
        let args = ["advise", "--from", "v1.19.0", "--to", "v1.20.3", "--kubernetes", "1.33", "-o", format];
        data(&World::new().release(args))
    };
    let way_in_json = way("json");
    assert_eq!(way_in_json, way("yaml"));
    assert_eq!((&way_in_json["from"], &way_in_json["to"]), (&"1.19.0".into(), &"1.20.3".into()));
    let first = &way_in_json["stops"][0];
    assert_eq!(first["to"], "1.20.3");
    assert_eq!(
        (&first["advice"][0]["id"], &first["advice"][0]["severity"]),
        (&"leaving-1.19.0".into(), &"warn".into())
    );
    assert!(first["advice"][0]["do"].is_string() && first["advice"][0]["source"][0].is_string());
}

#[test]
fn a_version_of_kubernetes_that_is_none_is_told() {
    assert_snapshot!(World::new().release([
        "advise",
        "--from",
        "1.20.2",
        "--to",
        "1.21.2",
        "--kubernetes",
        "new"
    ]));
}

const OURS: &str = "\
rules:
  - id: ours
    applies: { crossing: \"1.15\" }
    severity: refuse
    text: our policy engine does not know the new labels
    do: tell the platform team
change:
  slow-ca: { off: true }
";

#[test]
fn rules_of_the_user_are_known_to_every_command() {
    let world = with_advice(OURS);
    assert_snapshot!(world.release(["explain", "ours"]));
    let way = world.release(["advise", "--from", "v1.14.7", "--to", "v1.16.5"]);
    assert!(way.stdout.contains("refuse ours: since cert-manager 1.15: our policy engine"), "{way}");
    assert!(!way.stdout.contains("slow-ca"), "{way}");
    assert_eq!(world.release(["config", "check"]).code, Some(0));
    let unknown = world.release(["--all", "--dry-run", "--allow", "our"]);
    assert_snapshot!(unknown);
    let known = world.release(["--all", "--dry-run", "--allow", "ours"]);
    assert!(!known.stderr.contains("no check"), "{known}");
}

#[test]
fn a_wrong_file_of_advice_is_told_with_its_line() {
    let world = with_advice("change:\n  slow-cas: { off: true }\n");
    assert_snapshot!(world.release(["config", "check"]));
    assert_snapshot!(world.release(["--all", "--dry-run"]));
    let gone = with_advice("");
    std::fs::remove_file(gone.dir().join("advice/ours.yaml")).unwrap();
    assert_snapshot!(gone.release(["config", "check"]));
}
