//! Go's `mergo` on maps, as sprig's `merge` and `mergeOverwrite` call it.
//!
//! A nested map of the source that the target lacks is put into the target itself, not a copy: later changes
//! are seen in both.

use super::DEEPEST;
use super::defaults::is_empty;
use crate::helm::template::function::FunctionError;
use crate::helm::template::value::{Map, Value};

/// Fills what the target lacks, or has empty, from the source; with `overwrite` all that the source has wins.
pub(super) fn merge(target: &Map, source: &Map, overwrite: bool) -> Result<(), FunctionError> {
    merge_at(target, source, overwrite, 0)
}

fn merge_at(target: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<(), FunctionError> {
    if depth > DEEPEST {
        return Err(FunctionError::said(format!("maps nested deeper than {DEEPEST} cannot be merged")));
    }
    if target.is(source) {
        return Ok(());
    }
    for (key, new) in source.entries() {
        let old = target.get(key.bytes());
        if matches!(new, Value::Nil) {
            if overwrite {
                target.set(key, Value::Nil);
            }
            continue;
        }
        if let (Some(Value::Map(old)), Value::Map(new)) = (&old, &new) {
            merge_at(old, new, overwrite, depth + 1)?;
            if !old.is_empty() {
                continue;
            }
        }
        if overwrite || old.as_ref().is_none_or(is_empty) {
            target.set(key, new);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(json: &serde_json::Value) -> Map {
        match Value::from(json) {
            Value::Map(map) => map,
            other => panic!("{other:?}"),
        }
    }

    fn merged(target: &serde_json::Value, source: &serde_json::Value, overwrite: bool) -> serde_json::Value {
        let target = map(target);
        merge(&target, &map(source), overwrite).unwrap();
        Value::Map(target).to_json().unwrap()
    }

    #[test]
    fn empty_values_are_filled() {
        let target =
            json!({"off": false, "zero": 0, "list": [1], "none": [], "nested": {"a": 1}, "text": "x"});
        let source = json!({"off": true, "zero": 5, "list": [2], "none": [3], "nested": {"a": 2, "b": 3}, "text": {"m": 1}, "nil": null});
        let expected = json!({"list": [1], "nested": {"a": 1, "b": 3}, "none": [3], "off": true, "text": "x", "zero": 5});
        assert_eq!(merged(&target, &source, false), expected);
    }

    #[test]
    fn all_of_the_source_wins() {
        let target =
            json!({"on": true, "list": [1], "nested": {"a": 1, "b": 2}, "text": "x", "map": {"k": 1}});
        let source =
            json!({"on": false, "list": [], "nested": {"a": null}, "text": {"m": 1}, "map": "scalar"});
        let expected = json!({"list": [], "map": "scalar", "nested": {"a": null, "b": 2}, "on": false, "text": {"m": 1}});
        assert_eq!(merged(&target, &source, true), expected);
    }

    #[test]
    fn nested_maps_are_shared() {
        let (target, source) = (map(&json!({})), map(&json!({"nested": {}})));
        merge(&target, &source, false).unwrap();
        let (Some(Value::Map(one)), Some(Value::Map(other))) = (target.get(b"nested"), source.get(b"nested"))
        else {
            panic!("no maps")
        };
        assert!(one.is(&other));
    }
}
