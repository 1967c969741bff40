//! `release doctor` for people and for CI systems. A function of the diagnoses; judges nothing.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{Report, Shown};
use crate::diagnosis::{Diagnosis, Gravity, Symptom};

impl Shown for Vec<Diagnosis> {
    fn text(&self) -> String {
        self.iter().map(cluster).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

impl Report for Vec<Diagnosis> {
    fn junit(&self) -> quick_junit::Report {
        let mut report = quick_junit::Report::new("release doctor");
        report.add_test_suites(self.iter().map(suite));
        report
    }
}

fn cluster(diagnosis: &Diagnosis) -> String {
    let version = diagnosis.version.as_deref().map(|version| format!(" ({version})")).unwrap_or_default();
    let count = |gravity| diagnosis.symptoms.iter().filter(|symptom| symptom.gravity == gravity).count();
    let counts = [Gravity::Critical, Gravity::Warning, Gravity::Note]
        .map(|gravity| (count(gravity), gravity.word()))
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect::<Vec<_>>()
        .join(", ");
    let counts = if counts.is_empty() { "nothing to report".to_owned() } else { counts };
    let mut text = format!("{}{version}: {counts}\n", diagnosis.cluster);
    for symptom in &diagnosis.symptoms {
        let _ = writeln!(text, "  {:<9} {}", symptom.gravity.word(), said(symptom));
        let _ = writeln!(text, "            next: {}", symptom.next);
    }
    for fact in &diagnosis.well {
        let _ = writeln!(text, "  well      {fact}");
    }
    text
}

/// Who says it, of what, and the rule that `release explain` knows.
fn said(symptom: &Symptom) -> String {
    let Symptom { from, rule, object, message, .. } = symptom;
    let from = if rule.is_empty() { from.clone() } else { format!("{from}/{rule}") };
    let object = if object.is_empty() { String::new() } else { format!("{object}: ") };
    format!("{from}: {object}{message}")
}

/// A test case for each symptom, so that a CI system shows how long it has been there; one alone where all is well.
fn suite(diagnosis: &Diagnosis) -> TestSuite {
    let mut suite = TestSuite::new(&diagnosis.cluster);
    if diagnosis.symptoms.is_empty() {
        suite.add_test_case(case(diagnosis, "everything", TestCaseStatus::success()));
    }
    for symptom in &diagnosis.symptoms {
        let status = if symptom.gravity == Gravity::Critical {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(format!("{}; next: {}", symptom.message, symptom.next));
            status
        } else {
            TestCaseStatus::success()
        };
        let mut told = case(diagnosis, &said(symptom), status);
        told.set_system_out(format!("{}; next: {}", symptom.gravity.word(), symptom.next));
        suite.add_test_case(told);
    }
    suite
}

fn case(diagnosis: &Diagnosis, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(&diagnosis.cluster);
    case
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symptom(gravity: Gravity, object: &str) -> Symptom {
        Symptom {
            gravity,
            from: "order".to_owned(),
            rule: "failed".to_owned(),
            object: object.to_owned(),
            message: "invalid".to_owned(),
            next: "look at it".to_owned(),
        }
    }

    #[test]
    fn people_and_ci_systems_read_the_same() {
        let of = |cluster: &str, symptoms| Diagnosis {
            cluster: cluster.to_owned(),
            version: Some("cert-manager v1.2.3".to_owned()),
            well: vec!["issuer: 3 issuers are Ready".to_owned()],
            symptoms,
        };
        let all = vec![
            of("one", vec![symptom(Gravity::Critical, "Order web/o"), symptom(Gravity::Note, "")]),
            of("two", Vec::new()),
        ];
        insta::assert_snapshot!("people", all.text());
        let text = all.junit().to_string().unwrap();
        assert!(text.contains("tests=\"3\"") && text.contains("failures=\"1\""), "{text}");
    }
}
