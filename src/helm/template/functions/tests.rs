//! What holds for all functions.

use std::collections::BTreeSet;

use super::*;

#[test]
fn names_are_unique() {
    let names: BTreeSet<_> = all().map(|function| function.name).collect();
    assert_eq!(names.len(), all().count());
    assert!(names.iter().all(|name| find(name).is_some()));
}
