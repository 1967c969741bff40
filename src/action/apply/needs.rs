//! Objects that the server cannot judge yet, because what they need comes with the same release. Pure.

use crate::helm::manifest::Object;

/// Whether the server refuses the object only because something is missing that the release brings: a
/// namespace, a role, an account.
///
/// Applying an object that does not exist is no error; a 404 is always about something else, and names it.
/// The release's own namespace (`namespace`) is made before its objects.
pub(super) fn come_along(error: &kube::Error, object: &Object, new: &[Object], namespace: &str) -> bool {
    let kube::Error::Api(status) = error else { return false };
    match status.code {
        404 => {
            let missing = status.details.as_ref().map(|details| details.name.as_str()).unwrap_or_default();
            missing == namespace || new.iter().any(|other| other.name() == missing && !missing.is_empty())
        }
        403 => object.kind() == "Pod" && new.iter().any(|other| is_for_pod(other, object)),
        _ => false,
    }
}

/// Admission looks these up: a Pod cannot be created before them.
fn is_for_pod(other: &Object, pod: &Object) -> bool {
    let spec = &pod.value["spec"];
    match other.kind() {
        "ServiceAccount" => {
            spec["serviceAccountName"] == other.name() || spec["serviceAccount"] == other.name()
        }
        "PriorityClass" => spec["priorityClassName"] == other.name(),
        "RuntimeClass" => spec["runtimeClassName"] == other.name(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::{Value, json};

    use super::*;

    fn refusal(code: u16, name: &str) -> kube::Error {
        let status: Status =
            serde_json::from_value(json!({"code": code, "details": {"name": name}})).unwrap();
        kube::Error::Api(Box::new(status))
    }

    fn object(kind: &str, name: &str, spec: &Value) -> Object {
        Object::new(json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": spec}))
    }

    #[test]
    fn only_what_the_release_brings_is_waited_for() {
        let binding = object("RoleBinding", "b", &json!({}));
        let pod = object("Pod", "p", &json!({"serviceAccountName": "sa"}));
        let new = [
            object("Role", "role", &json!({})),
            object("ServiceAccount", "sa", &json!({})),
            object("Namespace", "other", &json!({})),
        ];
        let table = [
            (&binding, refusal(404, "role"), true),
            (&binding, refusal(404, "release-namespace"), true),
            (&binding, refusal(404, "other"), true),
            (&binding, refusal(404, "elsewhere"), false),
            (&binding, refusal(404, ""), false),
            (&binding, refusal(403, "sa"), false),
            (&pod, refusal(403, "p"), true),
            (&object("Pod", "p", &json!({})), refusal(403, "p"), false),
            (&pod, refusal(422, "p"), false),
        ];
        for (object, error, expected) in table {
            assert_eq!(come_along(&error, object, &new, "release-namespace"), expected, "{object:?} {error}");
        }
    }
}
