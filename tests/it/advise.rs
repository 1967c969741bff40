//! `release advise` and `release explain`, as a user types them.

use insta::assert_snapshot;

use crate::support::world::World;

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
}
