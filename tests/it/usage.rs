//! What the program says when it is called wrongly.

use crate::support::world::World;

#[test]
fn a_typo_in_a_flag_exits_with_1_because_2_means_changes() {
    let ran = World::new().release(["--verzion"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("--version"), "{ran}");
}
