//! Every incident of `tests/incidents/incidents.yaml` that no other test stages: what the gates say when it happens while they
//! judge, and when it was so before the upgrade. The README's table of incidents is made from that file.

mod issuance;
mod program;
#[path = "../../incidents/row.rs"]
mod row;
mod stage;
mod workloads;

use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::config::GateSettings;
use release::gate::{Cause, Finding, GateOutcome, Verdict};

use crate::gate::{alone, quiet};
use crate::support::gates::{Recorder, baseline, run, settings, subject};
use crate::support::trial;
use row::{Incident, incidents};
use stage::Stage;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("incidents::what_is_nobodys_fault_passes", what_is_nobodys_fault),
        trial("incidents::what_breaks_is_found_where_it_breaks", what_breaks),
        trial("incidents::what_was_so_before_passes", what_was_so_before),
    ]
    .into_iter()
    .chain(program::trials())
    .chain(issuance::trials())
    .chain(workloads::trials())
    .collect()
}

/// No incident takes longer to be seen: what may come right is waited for to the deadline, and a minute longer.
const SEEN: Duration = Duration::from_mins(2);
const DEADLINE: Duration = Duration::from_secs(20);
/// What is so before the first look needs no time to happen.
const SO_AT_ONCE: Duration = Duration::from_secs(10);

/// What this file has to stage.
fn staged() -> Vec<Incident> {
    incidents().into_iter().filter(|incident| incident.proof.is_none()).collect()
}

impl Incident {
    /// What is not as the row says.
    fn differs(&self, outcome: &GateOutcome) -> Option<String> {
        let rule = self.rule.as_ref();
        let said = self.said(outcome);
        let fits = |finding: &&&Finding| {
            let cause = self.cause.as_ref().is_none_or(|cause| cause == word(finding.cause));
            Some(&finding.rule) == rule && finding.because == self.because && cause
        };
        let found = rule.is_none() || said.iter().any(|finding| fits(&finding));
        let same = outcome.verdict.word() == self.verdict && found;
        let like = self.like.as_deref().unwrap_or_default();
        let told = || format!("{} ({} {like}): {} {said:#?}", self.name, self.what, outcome.verdict.word());
        (!same).then(told)
    }

    /// What its gate says about its object.
    fn said<'o>(&self, outcome: &'o GateOutcome) -> Vec<&'o Finding> {
        let reports = outcome.reports.iter().filter(|report| report.gate == self.gate);
        let findings = reports.flat_map(|report| &report.findings);
        findings.filter(|finding| finding.object.starts_with(&self.object)).collect()
    }
}

fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::Release => "release",
        Cause::Environment => "environment",
        Cause::Unknown => "unknown",
    }
}

/// All at once, as on a bad day: the run passes, and each has its remark.
async fn what_is_nobodys_fault() {
    let (cluster, _alone) = alone().await;
    let rows: Vec<Incident> = staged().into_iter().filter(|row| row.verdict == "passed").collect();
    let stage = Stage::of(&cluster);
    for row in &rows {
        stage.prepare(&row.name).await;
    }
    quiet(&cluster).await;
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let (settings, recorder) = (settings(10, &[]), Recorder::default());
    let disturb = async {
        recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
        for row in &rows {
            stage.happen(&row.name).await;
        }
    };
    let (outcome, ()) = tokio::join!(run(&cluster, &subject, &before, &settings, true, &recorder), disturb);
    for row in &rows {
        stage.undo(&row.name).await;
    }
    quiet(&cluster).await;
    let differs: Vec<String> = rows.iter().filter_map(|row| row.differs(&outcome)).collect();
    assert!(differs.is_empty(), "{}\n{outcome:#?}", differs.join("\n"));
}

/// One after the other; the run ends as soon as each is seen.
async fn what_breaks() {
    let (cluster, _alone) = alone().await;
    let mut differs = Vec::new();
    for row in staged().into_iter().filter(|row| row.verdict != "passed") {
        differs.extend(row.differs(&Box::pin(broken_by(&cluster, &row)).await));
    }
    assert!(differs.is_empty(), "{}", differs.join("\n"));
}

async fn broken_by(cluster: &Cluster, row: &Incident) -> GateOutcome {
    let stage = Stage::of(cluster);
    stage.prepare(&row.name).await;
    quiet(cluster).await;
    let (subject, before) = (subject(cluster, true).await, baseline(cluster).await);
    let timeout = if row.at_once { SO_AT_ONCE } else { DEADLINE };
    let settings = GateSettings { timeout, ..settings(600, &[]) };
    let recorder = Recorder::default();
    if row.at_once {
        stage.happen(&row.name).await;
    }
    let disturb = async {
        if !row.at_once {
            recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
            stage.happen(&row.name).await;
        }
        tokio::time::sleep(SEEN).await;
    };
    let outcome = tokio::select! {
        outcome = run(cluster, &subject, &before, &settings, true, &recorder) => Some(outcome),
        () = disturb => None,
    };
    stage.undo(&row.name).await;
    quiet(cluster).await;
    outcome.unwrap_or_else(|| panic!("{} was not seen", row.name))
}

/// All at once before the upgrade: each is remembered, and none is held against it.
async fn what_was_so_before() {
    let (cluster, _alone) = alone().await;
    let rows: Vec<Incident> = staged().into_iter().filter(|row| row.before.is_some()).collect();
    let stage = Stage::of(&cluster);
    for row in &rows {
        stage.prepare(&row.name).await;
    }
    for row in &rows {
        stage.happen(&row.name).await;
    }
    quiet(&cluster).await;
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let outcome = run(&cluster, &subject, &before, &settings(2, &[]), true, &Recorder::default()).await;
    for row in &rows {
        stage.undo(&row.name).await;
    }
    quiet(&cluster).await;
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    let silent: Vec<&Incident> = rows
        .iter()
        .filter(|row| row.before.as_deref() == Some("reported"))
        .filter(|row| row.said(&outcome).is_empty())
        .collect();
    assert!(silent.is_empty(), "{silent:#?}\n{outcome:#?}");
}
