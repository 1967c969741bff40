//! How one object changes, field by field; secret values are shown only as short hashes. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lists;

/// One object that a run creates, updates or deletes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// `Kind namespace/name`.
    pub object: String,
    /// What happens to it.
    pub verb: ChangeKind,
    /// For an update, every field that changes, in path order.
    pub fields: Vec<FieldChange>,
}

/// What happens to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It does not exist yet.
    Create,
    /// Some fields change.
    Update,
    /// It is no longer part of the chart.
    Delete,
}

/// One field: its path and the values on both sides; an absent side is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// For example `spec.template.spec.containers[name=web].image` or `spec.template.spec.containers[name=web].args[3]`.
    pub path: String,
    /// The value on the cluster now.
    pub before: Option<Value>,
    /// The value afterwards.
    pub after: Option<Value>,
}

/// Server-owned metadata that differs without any change of ours.
const VOLATILE: [&str; 5] = ["creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"];

/// The change from the live object to the one that the server's dry run answers; `None` when nothing differs.
pub fn between(object: &str, before: Option<&Value>, after: Option<&Value>) -> Option<Change> {
    let change = |verb, fields| Some(Change { object: object.to_owned(), verb, fields });
    match (before, after) {
        (None, None) => None,
        (None, Some(_)) => change(ChangeKind::Create, Vec::new()),
        (Some(_), None) => change(ChangeKind::Delete, Vec::new()),
        (Some(before), Some(after)) => {
            let fields = update(before, after);
            if fields.is_empty() { None } else { change(ChangeKind::Update, fields) }
        }
    }
}

fn update(before: &Value, after: &Value) -> Vec<FieldChange> {
    let secret = after["kind"] == "Secret";
    let mut fields = Vec::new();
    compare("", Some(&comparable(before)), Some(&comparable(after)), &mut fields);
    if secret {
        fields.iter_mut().for_each(mask);
    }
    fields
}

/// The object as it may be shown: without what only the server writes, and with nothing secret in it.
pub(super) fn shown(object: &Value) -> Value {
    let mut shown = comparable(object);
    if object["kind"] == "Secret" {
        for root in ["data", "stringData"] {
            let values = shown.get_mut(root).and_then(Value::as_object_mut);
            values.into_iter().flatten().for_each(|(_, value)| *value = fingerprint(value));
        }
        let annotations =
            shown.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut).into_iter().flatten();
        annotations.filter(|(name, _)| holds_a_copy(name)).for_each(|(_, value)| *value = fingerprint(value));
    }
    shown
}

/// The object without its status and without what only the server writes.
fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !VOLATILE.contains(&key.as_str()));
    }
    object
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, fields: &mut Vec<FieldChange>) {
    match (before, after) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                compare(&member(path, key), left.get(key), right.get(key), fields);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => compare_lists(path, left, right, fields),
        (before, after) if before == after => {}
        (before, after) => {
            fields.push(FieldChange {
                path: path.to_owned(),
                before: before.cloned(),
                after: after.cloned(),
            });
        }
    }
}

fn compare_lists(path: &str, before: &[Value], after: &[Value], fields: &mut Vec<FieldChange>) {
    let pairs = lists::pairs(before, after);
    for pair in pairs.items {
        compare(&format!("{path}{}", pair.step), pair.before, pair.after, fields);
    }
    for (step, item) in pairs.moved {
        let (before, after) = (Some(item.clone()), Some(item.clone()));
        fields.push(FieldChange { path: format!("{path}{step}"), before, after });
    }
    if let Some((was, is)) = pairs.order {
        let path = format!("{path}[order]");
        fields.push(FieldChange { path, before: Some(was.into()), after: Some(is.into()) });
    }
}

/// Keys with dots or slashes (labels, annotations) are quoted, so that a path reads without doubt.
fn member(path: &str, key: &str) -> String {
    if key.contains(['.', '/']) {
        format!("{path}[{key:?}]")
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn mask(field: &mut FieldChange) {
    let holds_values =
        ["data", "stringData"].iter().any(|root| field.path.starts_with(root)) || holds_a_copy(&field.path);
    if holds_values {
        field.before = field.before.as_ref().map(fingerprint);
        field.after = field.after.as_ref().map(fingerprint);
    }
}

/// kubectl keeps the whole object, secret values and all, in an annotation.
fn holds_a_copy(name: &str) -> bool {
    name.contains("last-applied")
}

/// Eight hex digits: enough to see *that* a secret changes, useless to learn *what* it is.
fn fingerprint(value: &Value) -> Value {
    let hash = Sha256::digest(value.to_string().as_bytes());
    Value::String(format!("(hidden, sha256 {})", hex::encode(&hash[..4])))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_update_lists_the_fields_and_ignores_what_the_server_writes() {
        let before = json!({"kind": "Deployment", "metadata": {"uid": "1", "generation": 1, "labels": {"a.b/c": "1"}},
            "spec": {"replicas": 1, "containers": [{"image": "x:1"}]}, "status": {"replicas": 1}});
        let after = json!({"kind": "Deployment", "metadata": {"uid": "1", "generation": 2, "labels": {"a.b/c": "2"}},
            "spec": {"replicas": 1, "containers": [{"image": "x:2"}, {"image": "y"}]}});
        let change = between("Deployment ns/x", Some(&before), Some(&after)).unwrap();
        let paths: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["metadata.labels[\"a.b/c\"]", "spec.containers[0].image", "spec.containers[1]"]);
        assert_eq!(between("Deployment ns/x", Some(&before), Some(&before)), None);
    }

    #[test]
    fn an_inserted_item_is_one_change_and_no_difference_is_lost() {
        let object = |args: &[&str], env: Value| json!({"kind": "Deployment", "spec": {"containers": [{"name": "c", "args": args, "env": env}]}});
        let paths = |after: Value| -> Vec<String> {
            let before = object(&["--a=1", "--b=2"], json!([{"name": "A", "value": "1"}, {"name": "B"}]));
            let change = between("Deployment ns/x", Some(&before), Some(&after)).unwrap();
            change.fields.into_iter().map(|field| field.path).collect()
        };
        assert_eq!(
            paths(object(
                &["--new", "--a=1", "--b=2"],
                json!([{"name": "Z"}, {"name": "A", "value": "2"}, {"name": "B"}])
            )),
            [
                "spec.containers[name=c].args[0]",
                "spec.containers[name=c].env[name=Z]",
                "spec.containers[name=c].env[name=A].value"
            ]
        );
        assert_eq!(
            paths(object(&["--b=2", "--a=1"], json!([{"name": "B"}, {"name": "A", "value": "1"}]))),
            ["spec.containers[name=c].args[1 moved to 0]", "spec.containers[name=c].env[order]"]
        );
    }

    #[test]
    fn a_secret_shows_that_it_changes_and_never_what_it_is() {
        let secret =
            |value: &str| json!({"kind": "Secret", "metadata": {"name": "x"}, "data": {"password": value}});
        let change =
            between("Secret ns/x", Some(&secret("aHVudGVyMg==")), Some(&secret("b3RoZXI="))).unwrap();
        let shown = serde_json::to_string(&change).unwrap();
        assert!(!shown.contains("aHVudGVyMg==") && !shown.contains("b3RoZXI="), "{shown}");
        assert_ne!(change.fields[0].before, change.fields[0].after);
    }

    #[test]
    fn creation_and_deletion_are_told_from_the_missing_side() {
        let object = json!({"kind": "Service"});
        assert_eq!(between("Service a/b", None, Some(&object)).unwrap().verb, ChangeKind::Create);
        assert_eq!(between("Service a/b", Some(&object), None).unwrap().verb, ChangeKind::Delete);
        assert_eq!(between("Service a/b", None, None), None);
    }
}
