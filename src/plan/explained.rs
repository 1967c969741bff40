//! What the preflight's own checks mean, for `release explain`, and the classes of rules on versions that
//! `--allow` takes. What the rules on versions mean is in their file.

use super::preflight::{ACME_LIMIT, MAX_REISSUE, PAUSED, UNHEALTHY, UNSOAKED};
use crate::certmanager::advice::rule::{KNOWN_BAD, KUBERNETES_MATRIX, UPGRADE_NOTES};
use crate::explanation::Explanation;

/// A check in words: its name, what it looks at, why, and what to do.
type Row = (&'static str, &'static str, &'static str, &'static str);

const ROWS: [Row; 10] = [
    (
        UNHEALTHY,
        "Workloads or the webhook of the release are unhealthy before the upgrade, also after half a minute",
        "An upgrade on top of them would prove nothing",
        "Mend them, or roll a fixed chart over them with --allow unhealthy; over a failed revision it may always go",
    ),
    (
        PAUSED,
        "A Deployment of the release is paused (`kubectl rollout pause`)",
        "No pod of the new version would come up, and none of the old one after a rollback",
        "End the pause with `kubectl rollout resume`, or go on with --allow paused",
    ),
    (
        UNSOAKED,
        "A wave before has not stood for as long as it has to",
        "What breaks slowly would reach every cluster",
        "Wait, or go on with --allow unsoaked",
    ),
    (
        MAX_REISSUE,
        "The new version would issue more Certificates again than `gates.max-reissue`, as it reads them in another way",
        "CAs limit what they issue, for all clusters together, and keys and pins change with the certificates",
        "Go over the version that the rule names, raise `gates.max-reissue`, or go on with --allow max-reissue",
    ),
    (
        ACME_LIMIT,
        "The canaries of all clusters of the run take more certificates of one registered domain than the CA issues",
        "The last ones would be refused with 429, and with them the certificates of everybody in that domain",
        "Ask a staging issuer, go over fewer clusters at once, or go on with --allow acme-limit where the limit was raised",
    ),
    (
        KNOWN_BAD,
        "All rules on versions of cert-manager that are known to be bad, as one name for --allow",
        "Each of them names a defect that others have met",
        "Take the version that the rule names; --allow takes the name of the one rule, or of this class",
    ),
    (
        KUBERNETES_MATRIX,
        "All rules on the versions of Kubernetes that cert-manager is tested with, as one name for --allow",
        "What is not tested together may fail in ways that nobody has seen",
        "Take a version that is tested; they refuse only with `preflight.kubernetes-matrix: refuse`",
    ),
    (
        UPGRADE_NOTES,
        "All rules on what changes when a minor is passed, as one name for --allow",
        "A new default or a removed field may break what relies on it",
        "Do what the rule says before the upgrade",
    ),
    (
        "downgrade",
        "The chart, or cert-manager in it, is older than what is deployed",
        "Objects that the newer version wrote may be unreadable for the older one",
        "Use `release rollback`, or go on with --allow-downgrade",
    ),
    (
        "conflicts",
        "Fields that the chart sets belong to another field manager",
        "Somebody has set them on purpose, and would set them again",
        "Settle whose they are, or take them over with --force-conflicts",
    ),
];

/// Every check that has a name.
pub fn explanations() -> impl Iterator<Item = Explanation> {
    ROWS.into_iter().map(|(id, what, why, remedy)| Explanation::of(id, what, why, remedy))
}

#[cfg(test)]
mod tests {
    use super::super::preflight::CHECKS;
    use super::*;
    use crate::certmanager::advice::known::Knowledge;
    use crate::certmanager::advice::rule::CLASSES;

    #[test]
    fn every_name_that_can_be_allowed_is_explained() {
        let known = Knowledge::built_in();
        let rules = known.rules().iter().map(|rule| rule.id.clone());
        let explained: Vec<String> = explanations().map(|row| row.id).chain(rules).collect();
        for name in CHECKS.into_iter().chain(CLASSES) {
            assert_eq!(explained.iter().filter(|id| *id == name).count(), 1, "{name}");
        }
    }
}
