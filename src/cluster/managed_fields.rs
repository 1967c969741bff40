//! Which fields an object of a client-side release (Helm 3's way) loses when it is applied by the server for the first time. Pure.
//!
//! Helm 4 first turns its own `Update` entry of the managed fields into an `Apply` entry; then what that entry owns and the new manifest
//! no longer has goes away. A dry run cannot do the first step, so its answer still has those fields.

use serde_json::{Map, Value};

/// Removes from the server's answer what Helm would remove: owned by `manager` through updates, no longer applied, and nobody else's.
pub(super) fn remove_abandoned(after: &mut Value, live: &Value, applied: &Value, manager: &str) {
    let entries = || live["metadata"]["managedFields"].as_array().into_iter().flatten();
    let is_ours = |entry: &Value| entry["manager"] == manager && entry["operation"] == "Update" && entry["subresource"].is_null();
    let others: Vec<&Value> = entries().filter(|entry| !is_ours(entry)).map(|entry| &entry["fieldsV1"]).collect();
    for entry in entries().filter(|entry| is_ours(entry)) {
        remove(after, Some(applied), &entry["fieldsV1"], &others);
    }
}

fn remove(after: &mut Value, applied: Option<&Value>, owned: &Value, others: &[&Value]) {
    for (selector, below) in owned.as_object().into_iter().flatten().filter(|(selector, _)| *selector != ".") {
        let Some(place) = find(after, selector) else { continue };
        let applied = applied.and_then(|applied| get(applied, &find(applied, selector)?));
        let others: Vec<&Value> = others.iter().filter_map(|other| other.get(selector)).collect();
        if applied.is_none() && others.is_empty() {
            take(after, &place);
        } else if let Some(member) = get_mut(after, &place) {
            remove(member, applied, below, &others);
        }
    }
}

/// A member of a map, or an item of a list.
enum Place {
    Field(String),
    Item(usize),
}

/// `f:name` is a field, `k:{"name":"x"}` the item of a list with these keys, `v:"x"` the item of a set.
fn find(value: &Value, selector: &str) -> Option<Place> {
    let (kind, text) = selector.split_once(':')?;
    match kind {
        "f" => value.get(text).map(|_| Place::Field(text.to_owned())),
        "k" => {
            let keys: Map<String, Value> = serde_json::from_str(text).ok()?;
            let fits = |item: &Value| keys.iter().all(|(key, wanted)| item.get(key) == Some(wanted));
            value.as_array()?.iter().position(fits).map(Place::Item)
        }
        "v" => {
            let wanted: Value = serde_json::from_str(text).ok()?;
            value.as_array()?.iter().position(|item| *item == wanted).map(Place::Item)
        }
        _ => None,
    }
}

fn get<'v>(value: &'v Value, place: &Place) -> Option<&'v Value> {
    match place {
        Place::Field(name) => value.get(name),
        Place::Item(index) => value.get(index),
    }
}

fn get_mut<'v>(value: &'v mut Value, place: &Place) -> Option<&'v mut Value> {
    match place {
        Place::Field(name) => value.get_mut(name),
        Place::Item(index) => value.get_mut(index),
    }
}

fn take(value: &mut Value, place: &Place) {
    match (value, place) {
        (Value::Object(fields), Place::Field(name)) => drop(fields.shift_remove(name)),
        (Value::Array(items), Place::Item(index)) => drop(items.remove(*index)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_helm_owned_and_no_longer_applies_goes() {
        let owned = json!({"f:data": {".": {}, "f:gone": {}, "f:stays": {}, "f:shared": {}},
            "f:list": {"k:{\"name\":\"gone\"}": {".": {}, "f:name": {}}, "k:{\"name\":\"stays\"}": {".": {}, "f:name": {}, "f:old": {}}},
            "f:set": {"v:\"gone\"": {}, "v:\"stays\"": {}}, "f:whole": {".": {}, "f:x": {}}});
        let others = json!({"f:data": {"f:shared": {}}});
        let managed = json!([
            {"manager": "helm", "operation": "Update", "fieldsV1": owned},
            {"manager": "helm", "operation": "Update", "subresource": "status", "fieldsV1": {"f:foreign": {}}},
            {"manager": "other", "operation": "Update", "fieldsV1": others},
        ]);
        let live = json!({"metadata": {"managedFields": managed}});
        let applied = json!({"data": {"stays": "1"}, "list": [{"name": "stays"}], "set": ["stays"]});
        let mut after = json!({"data": {"gone": "1", "stays": "1", "shared": "1", "foreign": "1"}, "list": [{"name": "gone"}, {"name": "stays", "old": 1}],
            "set": ["gone", "stays"], "whole": {"x": 1, "defaulted": 2}, "foreign": 1});
        remove_abandoned(&mut after, &live, &applied, "helm");
        let expected =
            json!({"data": {"stays": "1", "shared": "1", "foreign": "1"}, "list": [{"name": "stays"}], "set": ["stays"], "foreign": 1});
        assert_eq!(after, expected);
    }

    #[test]
    fn an_object_that_the_server_applied_before_is_left_alone() {
        let live = json!({"metadata": {"managedFields": [{"manager": "helm", "operation": "Apply", "fieldsV1": {"f:data": {"f:x": {}}}}]}});
        let mut after = json!({"data": {"x": "1"}});
        remove_abandoned(&mut after, &live, &json!({}), "helm");
        assert_eq!(after, json!({"data": {"x": "1"}}));
    }
}
