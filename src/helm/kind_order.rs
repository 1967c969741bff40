//! In which order Helm installs and uninstalls kinds (Helm 4's `pkg/release/v1/util/kind_sorter.go`). Pure.

use std::cmp::Ordering;

/// First to last to be installed; kinds that are not named come after these.
const INSTALL: [&str; 37] = [
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
];
/// After all of the above; named apart because it is the first to be uninstalled.
const LAST: &str = "ValidatingWebhookConfiguration";

/// Which of two kinds is installed first. Kinds that Helm does not name come last, by their names.
pub fn install(a: &str, b: &str) -> Ordering {
    by_rank(a, b, rank)
}

/// Which of two kinds is uninstalled first: the reverse of installing, but a Service goes before the
/// workloads behind it, and kinds that Helm does not name come last here, too.
pub fn uninstall(a: &str, b: &str) -> Ordering {
    by_rank(a, b, |kind| {
        let place = if kind == "Service" { rank("CronJob")? * 2 + 1 } else { rank(kind)? * 2 };
        Some(std::cmp::Reverse(place))
    })
}

/// What a kind is there for: to be used by workloads, to run, or to lead to what runs. `None` for kinds that
/// Helm does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Settings, accounts, permissions, CRDs, Services.
    Surroundings,
    /// Pods and everything that makes them.
    Workload,
    /// Ingresses, aggregated APIs and webhooks.
    Entrance,
}

/// The stage of a kind.
pub fn stage(kind: &str) -> Option<Stage> {
    let rank = rank(kind)?;
    let before = |first: &str| self::rank(first).is_some_and(|first| rank < first);
    Some(if before("DaemonSet") {
        Stage::Surroundings
    } else if before("IngressClass") {
        Stage::Workload
    } else {
        Stage::Entrance
    })
}

fn rank(kind: &str) -> Option<usize> {
    if kind == LAST { Some(INSTALL.len()) } else { INSTALL.iter().position(|named| *named == kind) }
}

fn by_rank<R: Ord>(a: &str, b: &str, rank: impl Fn(&str) -> Option<R>) -> Ordering {
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_kind_has_its_stage() {
        let table = [
            ("Namespace", Some(Stage::Surroundings)),
            ("Service", Some(Stage::Surroundings)),
            ("DaemonSet", Some(Stage::Workload)),
            ("CronJob", Some(Stage::Workload)),
            ("IngressClass", Some(Stage::Entrance)),
            ("ValidatingWebhookConfiguration", Some(Stage::Entrance)),
            ("Certificate", None),
        ];
        for (kind, expected) in table {
            assert_eq!(stage(kind), expected, "{kind}");
        }
    }

    #[test]
    fn kinds_are_sorted_and_unknown_ones_are_last_both_ways() {
        let mut kinds = [
            "Issuer",
            "Service",
            "Role",
            "Deployment",
            "Certificate",
            "ValidatingWebhookConfiguration",
            "Namespace",
            "MutatingWebhookConfiguration",
            "APIService",
        ];
        kinds.sort_by(|a, b| install(a, b));
        assert_eq!(
            kinds,
            [
                "Namespace",
                "Role",
                "Service",
                "Deployment",
                "APIService",
                "MutatingWebhookConfiguration",
                "ValidatingWebhookConfiguration",
                "Certificate",
                "Issuer"
            ]
        );
        kinds.sort_by(|a, b| uninstall(a, b));
        assert_eq!(
            kinds,
            [
                "ValidatingWebhookConfiguration",
                "MutatingWebhookConfiguration",
                "APIService",
                "Service",
                "Deployment",
                "Role",
                "Namespace",
                "Certificate",
                "Issuer"
            ]
        );
    }
}
