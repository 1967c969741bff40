//! How an object of a client-side release (Helm 3's way) comes to be applied by the server. Pure.
//!
//! Helm 4 first turns its own `Update` entry of the managed fields into an `Apply` entry; then what that
//! entry owns and the new manifest no longer has goes away. A dry run cannot do the first step, so its answer
//! still has those fields.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};

const APPLY: &str = "Apply";
const UPDATE: &str = "Update";

/// The managed fields with what `manager` owns by updates turned into what it applies; `None` when it owns
/// nothing by updates.
///
/// The rules are those of client-go's `util/csaupgrade`: the newest entry becomes the `Apply` entry if there
/// is none, takes over the fields of the first `Update` entry of its own API version, and all `Update`
/// entries go. Those of subresources stay.
pub(super) fn migrated(entries: &[ManagedFieldsEntry], manager: &str) -> Option<Vec<ManagedFieldsEntry>> {
    let is = |entry: &ManagedFieldsEntry, operation: &str| {
        let main = entry.subresource.as_deref().unwrap_or_default().is_empty();
        main && entry.manager.as_deref() == Some(manager) && entry.operation.as_deref() == Some(operation)
    };
    let first_update = entries.iter().position(|entry| is(entry, UPDATE))?;
    let place = entries.iter().position(|entry| is(entry, APPLY)).unwrap_or(first_update);
    let same_version =
        entries.iter().find(|entry| is(entry, UPDATE) && entry.api_version == entries[place].api_version);
    let fields = |entry: &ManagedFieldsEntry| {
        entry.fields_v1.as_ref().map_or_else(|| json!({}), |fields| fields.0.clone())
    };
    let united = same_version
        .map_or_else(|| fields(&entries[place]), |update| union(&fields(&entries[place]), &fields(update)));
    let mut migrated = entries.to_vec();
    migrated[place] = ManagedFieldsEntry {
        operation: Some(APPLY.to_owned()),
        fields_v1: Some(FieldsV1(united)),
        ..entries[place].clone()
    };
    migrated.retain(|entry| !is(entry, UPDATE));
    Some(migrated)
}

/// Both sets of fields. A member without children is `{}`; one with children says `.` for itself.
fn union(left: &Value, right: &Value) -> Value {
    let mut united = Map::new();
    for (selector, below) in left.as_object().into_iter().chain(right.as_object()).flatten() {
        let both = match united.get(selector) {
            Some(earlier) if selector != "." => union(&explicit(earlier), &explicit(below)),
            _ => below.clone(),
        };
        united.insert(selector.clone(), both);
    }
    if united.len() == 1 {
        united.remove(".");
    }
    Value::Object(united)
}

fn explicit(below: &Value) -> Value {
    if below.as_object().is_some_and(Map::is_empty) { json!({".": {}}) } else { below.clone() }
}

/// Removes from the server's answer what Helm would remove: owned by `manager` through updates, no longer
/// applied, and nobody else's.
pub fn remove_abandoned(after: &mut Value, live: &Value, applied: &Value, manager: &str) {
    let entries = || live["metadata"]["managedFields"].as_array().into_iter().flatten();
    let is_ours = |entry: &Value| {
        entry["manager"] == manager && entry["operation"] == "Update" && entry["subresource"].is_null()
    };
    let others: Vec<&Value> =
        entries().filter(|entry| !is_ours(entry)).map(|entry| &entry["fieldsV1"]).collect();
    for entry in entries().filter(|entry| is_ours(entry)) {
        remove(after, Some(applied), &entry["fieldsV1"], &others);
    }
}

fn remove(after: &mut Value, applied: Option<&Value>, owned: &Value, others: &[&Value]) {
    for (selector, below) in owned.as_object().into_iter().flatten().filter(|(selector, _)| *selector != ".")
    {
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

    fn entry(manager: &str, operation: &str, version: &str, fields: &Value) -> ManagedFieldsEntry {
        let value = json!({"manager": manager, "operation": operation, "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": fields});
        serde_json::from_value(value).unwrap()
    }

    fn told(entries: &[ManagedFieldsEntry]) -> Vec<String> {
        let text = |entry: &ManagedFieldsEntry| {
            let word = |text: &Option<String>| text.clone().unwrap_or_default();
            format!(
                "{} {} {} {}",
                word(&entry.manager),
                word(&entry.operation),
                word(&entry.api_version),
                entry.fields_v1.as_ref().unwrap().0
            )
        };
        entries.iter().map(text).collect()
    }

    #[test]
    fn updates_of_helm_become_what_it_applies() {
        let (a, b) = (json!({"f:a": {}, "f:m": {"f:x": {}}}), json!({"f:b": {}, "f:m": {}}));
        let other = entry("other", UPDATE, "v1", &json!({"f:c": {}}));
        let status = ManagedFieldsEntry {
            subresource: Some("status".into()),
            ..entry("helm", UPDATE, "v1", &json!({"f:status": {}}))
        };
        let table = [
            (vec![entry("helm", UPDATE, "v1", &a)], vec![r#"helm Apply v1 {"f:a":{},"f:m":{"f:x":{}}}"#]),
            (
                vec![
                    other.clone(),
                    entry("helm", UPDATE, "v1", &a),
                    entry("helm", UPDATE, "v1beta1", &b),
                    status,
                ],
                vec![
                    r#"other Update v1 {"f:c":{}}"#,
                    r#"helm Apply v1 {"f:a":{},"f:m":{"f:x":{}}}"#,
                    r#"helm Update v1 {"f:status":{}}"#,
                ],
            ),
            (
                vec![entry("helm", UPDATE, "v1", &a), entry("helm", APPLY, "v1", &b)],
                vec![r#"helm Apply v1 {"f:b":{},"f:m":{".":{},"f:x":{}},"f:a":{}}"#],
            ),
            (
                vec![entry("helm", UPDATE, "v1beta1", &a), entry("helm", APPLY, "v1", &b)],
                vec![r#"helm Apply v1 {"f:b":{},"f:m":{}}"#],
            ),
        ];
        for (entries, expected) in table {
            assert_eq!(told(&migrated(&entries, "helm").unwrap()), expected);
        }
        assert!(migrated(&[other, entry("helm", APPLY, "v1", &b)], "helm").is_none());
    }

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
        let expected = json!({"data": {"stays": "1", "shared": "1", "foreign": "1"}, "list": [{"name": "stays"}], "set": ["stays"], "foreign": 1});
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
