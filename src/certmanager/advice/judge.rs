//! Which rules speak of one upgrade, and what they say. Pure. A downgrade is not judged here.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::condition::{Condition, Facts, Holds};
use super::known::Knowledge;
use super::rule::{
    AdviceRule, Applies, LeavingRange, RemovedValues, Severity, SkippedMinors, TargetRange, TestedRange,
};
use crate::certmanager::app_version::AppVersion;
use crate::certmanager::reissue::foreseen::ReadingRule;
use crate::several::first_of;

/// How many objects a message names.
const NAMED: usize = 5;

/// One thing to know about an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The name of the rule, which `--allow` takes.
    pub id: String,
    /// The name of its class, which `--allow` takes too.
    #[serde(skip)]
    pub class: Option<&'static str>,
    /// Nobody has looked whether its condition holds.
    #[serde(skip)]
    pub is_unseen: bool,
    /// How strong it is.
    pub severity: Severity,
    /// What is known.
    pub message: String,
    /// What to do.
    #[serde(rename = "do")]
    pub remedy: String,
    /// Where it is written.
    pub source: Vec<String>,
}

impl Advice {
    /// In one line.
    pub fn line(&self) -> String {
        format!("{}; {}", self.message, self.remedy)
    }
}

/// What to know before cert-manager goes from `from` (absent for a first install) to `to`.
pub fn judge_upgrade(
    known: &Knowledge,
    from: Option<AppVersion>,
    to: AppVersion,
    facts: &Facts,
) -> Vec<Advice> {
    let upgrade = Upgrade { from, to, facts };
    known.rules().iter().filter_map(|rule| upgrade.advice(rule)).collect()
}

/// What has to be looked at, so that every rule that may speak of this upgrade can.
pub fn asked(known: &Knowledge, from: Option<AppVersion>, to: AppVersion) -> BTreeSet<Condition> {
    let upgrade = Upgrade { from, to, facts: &Facts::default() };
    let conditions =
        known.rules().iter().filter_map(|rule| rule.condition.filter(|_| upgrade.concerns(rule)));
    conditions.collect()
}

/// Which rules that speak of this upgrade say that Certificates are read in another way.
pub fn readings(known: &Knowledge, from: Option<AppVersion>, to: AppVersion) -> Vec<ReadingRule> {
    let upgrade = Upgrade { from, to, facts: &Facts::default() };
    let reading = |rule: &AdviceRule| {
        let reader = rule.reissues.filter(|_| upgrade.concerns(rule))?;
        Some(ReadingRule { id: rule.id.clone(), reader })
    };
    known.rules().iter().filter_map(reading).collect()
}

struct Upgrade<'a> {
    from: Option<AppVersion>,
    to: AppVersion,
    facts: &'a Facts,
}

impl Upgrade<'_> {
    fn advice(&self, rule: &AdviceRule) -> Option<Advice> {
        let message = self.message(rule)?;
        let holds =
            rule.condition.map_or(Holds::Yes(Vec::new()), |condition| condition.holds(self.facts, self.to));
        let is_unseen = holds == Holds::Unknown;
        let (severity, message) = match (holds, rule.condition) {
            (Holds::No, _) => return None,
            (Holds::Unknown, condition) => {
                let condition = condition.map(Condition::words).unwrap_or_default();
                (rule.severity.min(Severity::Warn), format!("{condition}: {message}"))
            }
            (Holds::Yes(names), _) if names.is_empty() => (rule.severity, message),
            (Holds::Yes(names), _) => (rule.severity, format!("{message}: {}", first_of(&names, NAMED))),
        };
        let AdviceRule { id, remedy, source, .. } = rule.clone();
        Some(Advice { id, class: rule.class(), is_unseen, severity, message, remedy, source })
    }

    fn concerns(&self, rule: &AdviceRule) -> bool {
        self.message(rule).is_some()
    }

    /// What the rule says of this upgrade, if it speaks of it.
    fn message(&self, rule: &AdviceRule) -> Option<String> {
        let (to, text) = (self.to, &rule.text);
        match &rule.applies {
            Applies::Target(range) => is_target(range, to).then(|| match range.fix {
                Some(_) if rule.condition.is_none() && rule.severity == Severity::Refuse => {
                    format!("cert-manager {to} is known to be bad: {text}")
                }
                Some(_) if rule.condition.is_none() => {
                    format!("cert-manager {to} has a known defect: {text}")
                }
                Some(_) => format!("cert-manager {to}: {text}"),
                None => text.clone(),
            }),
            Applies::Crossing(minor) => self
                .crosses(*minor)
                .then(|| format!("since cert-manager {}.{}: {text}", minor.major, minor.minor)),
            Applies::Leaving(range) => {
                let from = self.from.filter(|from| is_left(range, *from, to))?;
                Some(format!("cert-manager {from} to {to}: {text}"))
            }
            Applies::Kubernetes(range) => self.untested(range),
            Applies::Skipped(skipped) => self.skips(skipped),
            Applies::Values(removed) => self.removed(removed, text),
        }
    }

    fn crosses(&self, minor: AppVersion) -> bool {
        let start = AppVersion { patch: 0, ..minor };
        self.from.is_some_and(|from| from < start && start <= self.to)
    }

    fn untested(&self, range: &TestedRange) -> Option<String> {
        let runs = self.facts.kubernetes?;
        let (first, last) = (range.first.minor, range.last.minor);
        let told = range.minor.is_same_minor(self.to) && !(first..=last).contains(&runs.minor);
        told.then(|| {
            format!(
                "cert-manager 1.{} is tested with Kubernetes 1.{first} to 1.{last}; this cluster runs 1.{}",
                self.to.minor, runs.minor
            )
        })
    }

    fn skips(&self, skipped: &SkippedMinors) -> Option<String> {
        let (from, to) = (self.from?, self.to);
        let documented =
            to.minor <= from.minor + 1 || skipped.documented.iter().any(|jump| jump.is(from, to));
        if from.major != to.major || documented {
            return None;
        }
        let between: Vec<String> =
            (from.minor + 1..to.minor).map(|minor| format!("{}.{minor}", to.major)).collect();
        Some(format!("cert-manager {from} to {to} leaves out {}", between.join(", ")))
    }

    fn removed(&self, removed: &RemovedValues, text: &str) -> Option<String> {
        let values = self.facts.values.as_ref().filter(|_| self.to >= removed.since)?;
        let is_set = |path: &&String| {
            let found = path.split('.').try_fold(values, |value, key| value.get(key));
            found.is_some_and(|value| *value != Value::Null)
        };
        let set: Vec<String> = removed.paths.iter().filter(is_set).cloned().collect();
        (!set.is_empty()).then(|| format!("since cert-manager {}: {text}: {}", removed.since, set.join(", ")))
    }
}

/// Whether a version is one of the range.
pub(super) fn is_target(range: &TargetRange, version: AppVersion) -> bool {
    range.first <= version && range.last.is_none_or(|last| version <= last)
}

/// Whether the rule speaks of an upgrade between these.
pub(super) fn is_left(range: &LeavingRange, from: AppVersion, to: AppVersion) -> bool {
    (range.first..=range.last).contains(&from) && to >= range.to
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::condition::LiveCrd;
    use super::*;

    fn version(text: &str) -> AppVersion {
        AppVersion::parse(text).unwrap()
    }

    /// Somebody has looked, and found nothing in particular.
    fn quiet(kubernetes: &str) -> Facts {
        Facts {
            kubernetes: AppVersion::parse(kubernetes),
            openshift: Some(false),
            values: Some(json!({})),
            cas: Some(Vec::new()),
            shared_secrets: Some(Vec::new()),
            orders: Some(Vec::new()),
            crds: Some(Vec::new()),
        }
    }

    fn advice(from: Option<&str>, to: &str, facts: &Facts) -> Vec<Advice> {
        judge_upgrade(&Knowledge::built_in(), from.map(version), version(to), facts)
    }

    /// Everything stronger than a note: `name` refuses, `name?` warns.
    fn names(from: Option<&str>, to: &str, facts: &Facts) -> String {
        let strong = advice(from, to, facts).into_iter().filter(|advice| advice.severity > Severity::Note);
        let mark = |severity| if severity == Severity::Refuse { "" } else { "?" };
        strong.map(|advice| advice.id + mark(advice.severity)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_rule_on_versions_fires_where_it_should() {
        let table = [
            (Some("v1.10.2"), "v1.11.5", "v1.25.3", ""),
            (Some("v1.10.2"), "v1.11.5", "v1.36.3", "kubernetes-1.11?"),
            (Some("v1.10.2"), "v1.12.17", "v1.28.1", "skipped-minors"),
            (Some("v1.12.17"), "v1.17.4", "v1.31.5-eks-0a1b2c", ""),
            (Some("v1.12.0"), "v1.17.4", "v1.31.5", "leaving-old-1.12 skipped-minors"),
            (Some("v1.12.16"), "v1.13.6", "v1.27.1", "leaving-old-1.12"),
            (Some("v1.12.17"), "v1.13.6", "v1.27.1", ""),
            (Some("v1.12.17"), "v1.18.3", "1.31+", "skipped-minors"),
            (Some("v1.18.3"), "v1.19.0", "v1.31.0", "every-certificate-again"),
            (Some("v1.19.1"), "v1.19.0", "v1.31.0", "every-certificate-again"),
            (Some("v1.19.0"), "v1.19.6", "v1.31.0", "leaving-1.19.0?"),
            (Some("v1.15.5"), "v1.16.1", "v1.30.0", "slow-ca?"),
            (Some("v1.16.5"), "v1.17.2", "v1.30.0", "slow-ca?"),
            (Some("v1.16.5"), "v1.17.3", "v1.30.0", ""),
            (None, "v1.14.3", "v1.24.0", "wrong-cainjector-image"),
            (None, "v1.14.4", "v1.24.0", ""),
            (Some("v1.19.6"), "v1.20.0", "v1.33.0", ""),
            (Some("v1.20.3"), "v1.21.2", "v1.32.0", "kubernetes-1.21?"),
            (Some("v1.21.2"), "v1.22.0", "v1.40.0", ""),
        ];
        for (from, to, kubernetes, expected) in table {
            assert_eq!(names(from, to, &quiet(kubernetes)), expected, "{from:?} to {to} on {kubernetes}");
        }
    }

    #[test]
    fn conditions_of_the_cluster_decide() {
        let base = || quiet("v1.33.0");
        let some = || Some(vec!["x".to_owned()]);
        let crds = |version: &str, stored: &str, becomes: Option<&str>| {
            Some(vec![LiveCrd {
                name: "certificates".to_owned(),
                version: AppVersion::parse(version),
                stored: vec![stored.to_owned()],
                becomes: becomes.and_then(AppVersion::parse),
                lacks: None,
            }])
        };
        let compared = |lacks: &[&str]| {
            let lacks = Some(lacks.iter().map(|field| (*field).to_owned()).collect());
            Some(vec![LiveCrd { lacks, ..crds("", "v1", None).unwrap().remove(0) }])
        };
        let webhook = json!({"webhook": {"config": {"a": 1}, "volumes": [{}]}});
        let gone = json!({"prometheus": {"servicemonitor": {"path": "/metrics"}}});
        let table = [
            ("1.19.6", "1.20.0", Facts { openshift: Some(true), ..base() }, "openshift-orders"),
            ("1.19.6", "1.20.0", Facts { openshift: None, ..base() }, "openshift-orders?"),
            ("1.19.6", "1.20.1", Facts { openshift: Some(true), ..base() }, ""),
            ("1.19.6", "1.20.1", Facts { values: Some(webhook), ..base() }, "webhook-config-and-volumes"),
            ("1.17.4", "1.18.6", Facts { cas: some(), ..base() }, "ca-key-rotation?"),
            ("1.18.3", "1.18.6", Facts { cas: some(), ..base() }, ""),
            ("1.20.3", "1.21.2", Facts { shared_secrets: some(), ..base() }, "shared-secret?"),
            ("1.20.3", "1.21.2", Facts { orders: some(), ..base() }, "orders-in-flight?"),
            ("1.20.3", "1.21.2", Facts { values: Some(gone), ..base() }, "removed-prometheus-values"),
            ("1.20.3", "1.21.2", Facts { crds: crds("v1.20.0", "v1", None), ..base() }, "crds-behind?"),
            ("1.20.3", "1.21.2", Facts { crds: crds("v1.21.0", "v1", None), ..base() }, ""),
            ("1.20.3", "1.21.2", Facts { crds: crds("v1.20.0", "v1", Some("1.21.2")), ..base() }, ""),
            ("1.20.3", "1.21.2", Facts { crds: crds("", "v1", None), ..base() }, "crds-unlabelled?"),
            ("1.20.3", "1.21.2", Facts { crds: crds("", "v1", Some("1.21.2")), ..base() }, ""),
            ("1.20.3", "1.21.2", Facts { crds: compared(&["v1.spec.x"]), ..base() }, "crds-behind?"),
            ("1.20.3", "1.21.2", Facts { crds: compared(&[]), ..base() }, ""),
            (
                "1.20.3",
                "1.21.2",
                Facts { crds: crds("v1.21.2", "v1alpha2", None), ..base() },
                "stored-versions",
            ),
        ];
        for (from, to, facts, expected) in table {
            assert_eq!(names(Some(from), to, &facts), expected, "{from} to {to}");
        }
        let shared = Facts { shared_secrets: some(), ..quiet("v1.25.0") };
        assert_eq!(names(Some("1.12.17"), "1.13.1", &shared), "shared-secret-runaway");
    }

    #[test]
    fn only_what_a_rule_depends_on_is_asked_for() {
        let asked = |from: &str, to: &str| asked(&Knowledge::built_in(), Some(version(from)), version(to));
        let past = asked("1.18.3", "1.18.6");
        assert!(past.contains(&Condition::SharedSecrets) && past.contains(&Condition::OrdersInFlight));
        assert!(!past.contains(&Condition::CaWithoutRotationPolicy), "it is not crossed: {past:?}");
        assert!(asked("1.17.4", "1.18.6").contains(&Condition::CaWithoutRotationPolicy));
    }

    #[test]
    fn what_is_read_in_another_way_is_known_of_the_upgrade() {
        let table = [
            ("1.18.3", "1.19.0", "every-certificate-again"),
            ("1.18.3", "1.19.1", ""),
            ("1.11.5", "1.13.6", "leaving-old-1.12"),
            ("1.12.17", "1.13.6", ""),
            ("1.13.0", "1.13.6", ""),
        ];
        for (from, to, expected) in table {
            let found = readings(&Knowledge::built_in(), Some(version(from)), version(to));
            let ids: Vec<&str> = found.iter().map(|rule| rule.id.as_str()).collect();
            assert_eq!(ids.join(" "), expected, "{from} to {to}");
        }
    }

    #[test]
    fn the_messages_say_what_to_do() {
        let cas = (1..=7).map(|number| format!("Certificate ns/ca-{number}")).collect();
        let facts = Facts { cas: Some(cas), ..quiet("v1.30.0") };
        let all: Vec<String> = advice(Some("v1.17.4"), "v1.19.0", &facts).iter().map(Advice::line).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
