//! What happens to a CRD when another one is put in its place. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

/// Versions that the live CRD has stored objects in and the new one no longer has.
///
/// The API server refuses such a CRD (`status.storedVersions ... must appear in spec.versions`).
pub fn dropped_stored_versions(live: &Value, new: &Value) -> Vec<String> {
    let kept = version_names(new);
    strings(&live["status"]["storedVersions"]).filter(|version| !kept.contains(version.as_str())).collect()
}

/// Versions or schema fields that the live CRD has and the other one has not: applying it would prune stored
/// data.
pub fn lost(live: &Value, other: &Value) -> Vec<String> {
    let (live, other) = (fields(live), fields(other));
    live.difference(&other).cloned().collect()
}

/// Versions that the other CRD serves and the live one does not: a controller that needs them cannot work
/// with the live one.
pub fn unserved_versions(live: &Value, other: &Value) -> Vec<String> {
    let served = served_versions(live);
    served_versions(other).into_iter().filter(|version| !served.contains(version)).collect()
}

fn versions(crd: &Value) -> impl Iterator<Item = &Value> {
    crd["spec"]["versions"].as_array().into_iter().flatten()
}

fn version_names(crd: &Value) -> BTreeSet<&str> {
    versions(crd).filter_map(|version| version["name"].as_str()).collect()
}

fn served_versions(crd: &Value) -> Vec<String> {
    versions(crd)
        .filter(|version| version["served"] == true)
        .filter_map(|version| version["name"].as_str())
        .map(ToOwned::to_owned)
        .collect()
}

fn strings(list: &Value) -> impl Iterator<Item = String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned)
}

fn fields(crd: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for version in versions(crd) {
        let name = version["name"].as_str().unwrap_or_default();
        found.insert(name.to_owned());
        collect(name, &version["schema"]["openAPIV3Schema"], &mut found);
    }
    found
}

fn collect(path: &str, schema: &Value, found: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        collect(&path, property, found);
        found.insert(path);
    }
    for nested in ["items", "additionalProperties"] {
        if schema[nested].is_object() {
            collect(&format!("{path}[]"), &schema[nested], found);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd(version: &str, properties: &Value) -> Value {
        json!({"spec": {"versions": [{"name": version, "served": true, "schema": {"openAPIV3Schema": {"properties": properties}}}]},
            "status": {"storedVersions": [version]}})
    }

    #[test]
    fn a_stored_version_must_stay() {
        let old = crd("v1alpha2", &json!({}));
        assert_eq!(dropped_stored_versions(&old, &crd("v1", &json!({}))), ["v1alpha2"]);
        assert!(dropped_stored_versions(&old, &old).is_empty());
    }

    #[test]
    fn a_missing_field_is_a_loss_and_a_new_one_is_not() {
        let small = crd("v1", &json!({"spec": {"properties": {"a": {}}}}));
        let large = crd(
            "v1",
            &json!({"spec": {"properties": {"a": {}, "list": {"items": {"properties": {"b": {}}}}}}}),
        );
        assert_eq!(lost(&large, &small), ["v1.spec.list", "v1.spec.list[].b"]);
        assert!(lost(&small, &large).is_empty());
    }

    #[test]
    fn a_version_that_is_gone_cannot_be_served() {
        assert_eq!(unserved_versions(&crd("v1", &json!({})), &crd("v1alpha2", &json!({}))), ["v1alpha2"]);
        assert!(unserved_versions(&crd("v1", &json!({})), &crd("v1", &json!({}))).is_empty());
    }
}
