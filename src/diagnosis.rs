//! What `release doctor` says of a cluster: everything that was seen, the worst first, each with what to do next. Pure.

use serde::Serialize;

use crate::certmanager::advice::judge::Advice;
use crate::certmanager::advice::rule::Severity;
use crate::certmanager::expiry::{Expiring, Nearness};
use crate::gate::catalogue::{RuleText, catalogue};
use crate::gate::{Finding, GateOutcome, Verdict};

/// How much it matters; ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// Good to know.
    Note,
    /// It will become a failure, or hides one.
    Warning,
    /// Something does not work.
    Critical,
}

impl Gravity {
    /// The word as shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Symptom {
    /// How much it matters.
    pub gravity: Gravity,
    /// Who says so: a gate, `expiry`, `version` or `reading`.
    pub from: String,
    /// The rule, where `release explain` knows one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// The object, as `Kind namespace/name`; empty for what is about the whole cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// What was seen.
    pub message: String,
    /// What to do next.
    pub next: String,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The cluster's name.
    pub cluster: String,
    /// The version that runs, as far as it can be told.
    pub version: Option<String>,
    /// What was proven well.
    pub well: Vec<String>,
    /// What was seen, the worst first.
    pub symptoms: Vec<Symptom>,
}

/// What was read of one cluster.
#[derive(Debug)]
pub struct Examination {
    /// The cluster's name.
    pub cluster: String,
    /// The version that runs.
    pub version: Option<String>,
    /// What the gates say.
    pub gates: GateOutcome,
    /// Certificates near their end.
    pub expiring: Vec<Expiring>,
    /// What is known of the version that runs.
    pub advice: Vec<Advice>,
    /// What could not be read, in one line each.
    pub unread: Vec<String>,
}

impl Diagnosis {
    /// The worst first; what is equally bad stays in the order of the gates.
    pub fn of(examination: Examination) -> Self {
        let Examination { cluster, version, gates, expiring, advice, unread } = examination;
        let (mut well, mut symptoms) = (Vec::new(), Vec::new());
        // Read once: there may be a finding for each of ten thousand Certificates.
        let rules = catalogue();
        for report in &gates.reports {
            if report.verdict == Verdict::Passed {
                well.extend(report.facts.iter().map(|fact| format!("{}: {fact}", report.gate)));
            }
            let of_this = |finding| of_gate(&cluster, &report.gate, finding, &rules);
            symptoms.extend(report.findings.iter().map(of_this));
        }
        symptoms.extend(expiring.into_iter().map(of_certificate));
        symptoms.extend(advice.into_iter().map(of_version));
        symptoms.extend(unread.into_iter().map(of_reading));
        symptoms.sort_by_key(|symptom| std::cmp::Reverse(symptom.gravity));
        Self { cluster, version, well, symptoms }
    }

    /// The worst; nothing when nothing was seen.
    pub fn gravity(&self) -> Option<Gravity> {
        self.symptoms.first().map(|symptom| symptom.gravity)
    }
}

fn of_gate(cluster: &str, gate: &str, finding: &Finding, rules: &[RuleText]) -> Symptom {
    let gravity = match finding.verdict {
        Verdict::Failed | Verdict::Waiting => Gravity::Critical,
        Verdict::Inconclusive => Gravity::Warning,
        Verdict::Passed => Gravity::Note,
    };
    let id = format!("{gate}/{}", finding.rule);
    let remedy = rules.iter().find(|text| text.id == id).map(|text| text.remedy.clone());
    let command = command(gate, gravity).replace("{cluster}", cluster);
    let next = remedy.map(|remedy| format!("{command}: {remedy}")).unwrap_or(command);
    let (rule, object) = (finding.rule.clone(), finding.object.clone());
    Symptom { gravity, from: gate.to_owned(), rule, object, message: finding.message.clone(), next }
}

/// The command that shows more of what a gate found.
fn command(gate: &str, gravity: Gravity) -> &'static str {
    match gate {
        "certificate-request" | "order" | "certificate" if gravity > Gravity::Note => {
            "`release repair --cluster {cluster} --dry-run`"
        }
        "workload" | "lease" | "metrics" | "logs" => "`release logs --cluster {cluster}`",
        _ => "`release gate --cluster {cluster} --explain`",
    }
}

fn of_certificate(expiring: Expiring) -> Symptom {
    let (gravity, next) = match expiring.nearness {
        Nearness::Expired => {
            (Gravity::Critical, "see why it was not renewed: its CertificateRequests and their events say so")
        }
        Nearness::Overdue => (Gravity::Warning, "see what its CertificateRequest waits for"),
        Nearness::Soon => (Gravity::Note, "nothing while its renewal is to come"),
    };
    let (object, message) = (expiring.title, expiring.message);
    Symptom {
        gravity,
        from: "expiry".to_owned(),
        rule: String::new(),
        object,
        message,
        next: next.to_owned(),
    }
}

fn of_version(advice: Advice) -> Symptom {
    let gravity = if advice.severity == Severity::Refuse { Gravity::Warning } else { Gravity::Note };
    let (object, next) = (String::new(), advice.remedy);
    Symptom { gravity, from: "version".to_owned(), rule: advice.id, object, message: advice.message, next }
}

fn of_reading(why: String) -> Symptom {
    let next = "allow it to be read, or look yourself".to_owned();
    let (rule, object) = (String::new(), String::new());
    Symptom { gravity: Gravity::Warning, from: "reading".to_owned(), rule, object, message: why, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{Cause, GateReport};

    fn outcome(findings: Vec<Finding>) -> GateOutcome {
        let verdict = Verdict::worst(findings.iter().map(|finding| finding.verdict));
        let report = |gate: &str, verdict, findings, facts: &[&str]| GateReport {
            gate: gate.to_owned(),
            verdict,
            findings,
            facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
            seconds: 0.0,
        };
        let reports = vec![
            report("api-server", Verdict::Passed, Vec::new(), &["the API server answers"]),
            report("order", verdict, findings, &[]),
        ];
        GateOutcome {
            verdict,
            reports,
            first_cause: None,
            acme_proven: false,
            reissued: None,
            availability: Vec::new(),
        }
    }

    #[test]
    fn the_worst_comes_first_with_what_to_do() {
        let failed = Finding {
            rule: "failed".to_owned(),
            ..Finding::failed("Order web/o", "invalid", Cause::Environment)
        };
        let expiring =
            |title: &str, nearness| Expiring { title: title.to_owned(), nearness, message: "m".to_owned() };
        let diagnosis = Diagnosis::of(Examination {
            cluster: "c".to_owned(),
            version: Some("v1.2.3".to_owned()),
            gates: outcome(vec![Finding::remark("Order web/p", "old"), failed]),
            expiring: vec![
                expiring("Certificate web/a", Nearness::Soon),
                expiring("Certificate web/b", Nearness::Expired),
            ],
            advice: Vec::new(),
            unread: vec!["list Orders: forbidden".to_owned()],
        });
        let told: Vec<(Gravity, &str)> =
            diagnosis.symptoms.iter().map(|symptom| (symptom.gravity, symptom.object.as_str())).collect();
        let expected = [
            (Gravity::Critical, "Order web/o"),
            (Gravity::Critical, "Certificate web/b"),
            (Gravity::Warning, ""),
            (Gravity::Note, "Order web/p"),
            (Gravity::Note, "Certificate web/a"),
        ];
        assert_eq!(told, expected);
        assert_eq!(diagnosis.gravity(), Some(Gravity::Critical));
        assert_eq!(diagnosis.well, ["api-server: the API server answers"]);
        let next: Vec<&str> = diagnosis.symptoms.iter().map(|symptom| symptom.next.as_str()).collect();
        assert!(next[0].starts_with("`release repair --cluster c --dry-run`: "), "{next:#?}");
        assert!(next.iter().all(|next| !next.is_empty()), "{next:#?}");
    }
}
