//! The order in which Helm installs and deletes kinds.

use std::cmp::Ordering;

/// Kinds in the order of their installation; other kinds come after them.
const INSTALL: &[&str] = &[
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Which of two kinds is installed first. Kinds that Helm does not know come last, by name.
pub fn install(one: &str, other: &str) -> Ordering {
    by(install_rank, one, other)
}

/// Which of two kinds is deleted first. Kinds that Helm does not know come last, by name.
pub fn uninstall(one: &str, other: &str) -> Ordering {
    by(uninstall_rank, one, other)
}

fn by(rank: fn(&str) -> Option<usize>, one: &str, other: &str) -> Ordering {
    match (rank(one), rank(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

fn install_rank(kind: &str) -> Option<usize> {
    INSTALL.iter().position(|known| *known == kind)
}

/// The reverse of the installation, but Services go right after Ingresses.
fn uninstall_rank(kind: &str) -> Option<usize> {
    let reversed = |kind: &str| install_rank(kind).map(|rank| 2 * (INSTALL.len() - rank));
    if kind == "Service" { reversed("IngressClass").map(|rank| rank + 1) } else { reversed(kind) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_kinds_come_first() {
        let mut kinds = ["Widget", "ValidatingWebhookConfiguration", "Deployment", "Namespace", "Alpha", "Service", ""];
        kinds.sort_by(|one, other| install(one, other));
        assert_eq!(kinds, ["Namespace", "Service", "Deployment", "ValidatingWebhookConfiguration", "", "Alpha", "Widget"]);
    }

    #[test]
    fn webhooks_are_deleted_first() {
        let mut kinds = [
            "Widget",
            "Namespace",
            "Deployment",
            "Service",
            "CronJob",
            "IngressClass",
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ];
        kinds.sort_by(|one, other| uninstall(one, other));
        assert_eq!(
            kinds,
            [
                "ValidatingWebhookConfiguration",
                "MutatingWebhookConfiguration",
                "IngressClass",
                "Service",
                "CronJob",
                "Deployment",
                "Namespace",
                "Widget"
            ]
        );
    }
}
