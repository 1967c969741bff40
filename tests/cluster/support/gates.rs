//! Gates run in the test itself, with every change of a verdict and when it came.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use release::cluster::{Cluster, release_secrets};
use release::config::{CanarySettings, GateSettings, Profile, ReleaseId};
use release::gate::{
    self, Baseline, GateOutcome, GateReport, GateRequest, NoLock, Progress, Subject, Verdict,
};
use release::helm::manifest;
use tokio::sync::Notify;

use super::cert_manager;

/// One change.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub(crate) gate: String,
    pub(crate) verdict: Verdict,
    pub(crate) message: String,
    pub(crate) at: Instant,
}

/// Remembers every change and lets a test wait for one.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    changes: Mutex<Vec<Changed>>,
    news: Notify,
}

impl Progress for Recorder {
    fn changed(&self, gate: &str, verdict: Verdict, message: &str) {
        let change =
            Changed { gate: gate.to_owned(), verdict, message: message.to_owned(), at: Instant::now() };
        self.changes.lock().unwrap().push(change);
        self.news.notify_one();
    }
}

impl Recorder {
    /// The first change since `from` that is wanted; fails after a minute.
    pub(crate) async fn wait(&self, from: Instant, wanted: impl Fn(&Changed) -> bool) -> Changed {
        let find = || {
            self.changes.lock().unwrap().iter().find(|change| change.at >= from && wanted(change)).cloned()
        };
        let found = async {
            loop {
                if let Some(change) = find() {
                    return change;
                }
                self.news.notified().await;
            }
        };
        let found = tokio::time::timeout(Duration::from_mins(1), found).await;
        found.unwrap_or_else(|_| panic!("it never came; what did:\n{}", self.told()))
    }

    fn told(&self) -> String {
        let line =
            |change: &Changed| format!("{} {}: {}\n", change.gate, change.verdict.word(), change.message);
        self.changes.lock().unwrap().iter().map(line).collect::<Vec<_>>().concat()
    }

    /// A gate reaches a verdict.
    pub(crate) async fn verdict(&self, from: Instant, gate: &str, verdict: Verdict) -> Changed {
        self.wait(from, |change| change.gate == gate && change.verdict == verdict).await
    }
}

/// Short enough for a test, and no ACME.
pub(crate) fn settings(settle: u64, issuers: &[&str]) -> GateSettings {
    GateSettings {
        timeout: Duration::from_mins(2),
        acme_timeout: Duration::from_mins(5),
        settle: Duration::from_secs(settle),
        canary: CanarySettings {
            issuers: issuers.iter().map(|issuer| issuer.parse().unwrap()).collect(),
            ..CanarySettings::default()
        },
        ..GateSettings::default()
    }
}

pub(crate) async fn baseline(cluster: &Cluster) -> Baseline {
    Baseline::observe(cluster, &cert_manager::release(), Profile::CertManager).await.unwrap()
}

/// The newest revision of cert-manager.
pub(crate) async fn subject(cluster: &Cluster, fresh: bool) -> Subject {
    subject_of(cluster, &cert_manager::release(), Profile::CertManager, fresh).await
}

/// The newest revision of any release.
pub(crate) async fn subject_of(
    cluster: &Cluster,
    release: &ReleaseId,
    profile: Profile,
    fresh: bool,
) -> Subject {
    let history = release_secrets::history(cluster, release).await.unwrap();
    let newest = history.last().unwrap();
    Subject {
        release: release.clone(),
        revision: newest.revision(),
        objects: manifest::split(newest.manifest()).unwrap(),
        chart_version: newest.chart_version().to_owned(),
        profile,
        fresh,
    }
}

/// What is asked, of nobody who could lose a lock.
pub(crate) fn request<'r>(
    subject: &'r Subject,
    baseline: &'r Baseline,
    settings: &'r GateSettings,
    canary: bool,
) -> GateRequest<'r> {
    let lock = Arc::new(NoLock);
    GateRequest { subject, baseline, settings, run: "test", canary, timeout: None, lock }
}

/// Runs the gates to their end.
pub(crate) async fn run(
    cluster: &Cluster,
    subject: &Subject,
    before: &Baseline,
    settings: &GateSettings,
    canary: bool,
    recorder: &Recorder,
) -> GateOutcome {
    let asked = request(subject, before, settings, canary);
    gate::run(cluster, &asked, recorder).await.unwrap()
}

/// What one gate ended with.
pub(crate) fn report<'o>(outcome: &'o GateOutcome, gate: &str) -> &'o GateReport {
    outcome
        .reports
        .iter()
        .find(|report| report.gate == gate)
        .unwrap_or_else(|| panic!("{gate} is not in {outcome:#?}"))
}
