//! What helps against an object that cannot be applied. Pure.

use crate::helm::manifest::Key;

/// What helps against fields that others own.
pub const FORCE: &str = "--force-conflicts takes the fields away from their managers; or a manager gives its fields \
    up: `kubectl apply --server-side --field-manager=MANAGER` without them";

/// What tells why an aggregated API does not answer.
pub fn dead(api_version: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    format!(
        "the aggregated API {api_version} does not answer; `kubectl get apiservice {version}.{group}` tells why"
    )
}

/// How an object comes to be another one where it cannot be changed, and what that costs.
pub(super) fn replace(key: &Key) -> String {
    let command = command(key);
    match (key.group.as_str(), key.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            "deleting it would delete every object of its kind: keep the field as it is".to_owned()
        }
        ("", "PersistentVolumeClaim" | "PersistentVolume") => {
            format!("it has to be deleted first, and its data may go with it: back it up, then `{command}`")
        }
        ("apps", "StatefulSet") => {
            format!(
                "it has to be deleted first, which may leave its pods running: `{command} --cascade=orphan`"
            )
        }
        ("apps", _) => format!(
            "it has to be deleted first, and its pods stop until the release has made it anew: `{command}`"
        ),
        _ => format!("it has to be deleted first, and the release makes it anew: `{command}`"),
    }
}

fn command(key: &Key) -> String {
    let kind = key.kind.to_lowercase();
    let kind = if key.group.is_empty() { kind } else { format!("{kind}.{}", key.group) };
    let namespace =
        key.namespace.as_ref().map(|namespace| format!(" --namespace {namespace}")).unwrap_or_default();
    format!("kubectl delete {kind} {}{namespace}", key.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_deletion_is_told_with_it() {
        let table = [
            (
                "apps",
                "StatefulSet",
                "leave its pods running: `kubectl delete statefulset.apps x --namespace ns --cascade=orphan`",
            ),
            ("batch", "Job", "makes it anew: `kubectl delete job.batch x --namespace ns`"),
            ("", "Service", "makes it anew: `kubectl delete service x --namespace ns`"),
            ("", "PersistentVolumeClaim", "then `kubectl delete persistentvolumeclaim x --namespace ns`"),
            ("apiextensions.k8s.io", "CustomResourceDefinition", "keep the field as it is"),
        ];
        for (group, kind, end) in table {
            let namespace = Some("ns".to_owned());
            let key = Key { group: group.into(), kind: kind.into(), namespace, name: "x".into() };
            assert!(replace(&key).ends_with(end), "{}", replace(&key));
        }
    }
}
