//! Objects of a cluster as they may be kept: literal values of variables hidden, copies of the whole object
//! left out. Pure.

use serde_json::Value;

/// What only the server needs, and what repeats the object with all its values.
const NOISE: [&str; 1] = ["managedFields"];

/// The object without literal `env` values, copies in annotations and the server's bookkeeping. Where a value
/// comes from (`valueFrom`) stays.
pub(super) fn masked(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !NOISE.contains(&key.as_str()));
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !name.contains("last-applied"));
        }
    }
    for path in ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
        if let Some(spec) = object.pointer_mut(path) {
            hide_variables(spec);
        }
    }
    object
}

fn hide_variables(spec: &mut Value) {
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(value) = variable.get_mut("value") {
                    *value = "***".into();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literal_values_and_copies_are_hidden_and_references_stay() {
        let pod = json!({
            "metadata": {
                "name": "web", "managedFields": [{}],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2", "a": "b"},
            },
            "spec": {
                "initContainers": [{"name": "init", "env": [{"name": "A", "value": "hunter2"}]}],
                "containers": [{"name": "web", "args": ["--v=2"], "env": [
                    {"name": "A", "value": "hunter2"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                ]}],
            },
        });
        let shown = masked(pod);
        assert!(!shown.to_string().contains("hunter2"), "{shown}");
        assert_eq!(shown["metadata"], json!({"name": "web", "annotations": {"a": "b"}}));
        assert_eq!(shown["spec"]["containers"][0]["env"][0], json!({"name": "A", "value": "***"}));
        assert_eq!(shown["spec"]["containers"][0]["env"][1]["valueFrom"]["secretKeyRef"]["name"], "s");
        let template =
            json!({"spec": {"template": {"spec": {"containers": [{"env": [{"value": "hunter2"}]}]}}}});
        assert!(!masked(template).to_string().contains("hunter2"));
    }
}
