//! A cluster that follows a script, for the loop over steps and the loop over clusters.

use std::sync::Mutex;

use async_trait::async_trait;
use release::evidence::event::{Event, Record};
use release::failure::{Failure, Kind};
use release::gate::{Cause, Finding, GateOutcome, Verdict};
use release::rollout::port::{ChangeFailed, ClusterPort, JudgedRevision, Recovered};
use release::rollout::{ClusterState, Observer};

/// The call with the number `fail_at` fails, as a failure of this kind.
pub(crate) struct Scripted {
    pub(crate) fail_at: Option<usize>,
    pub(crate) fails_as: Kind,
    pub(crate) blame: Cause,
    pub(crate) changed: GateOutcome,
    pub(crate) rolled_back: GateOutcome,
    pub(crate) recovered: Recovered,
    pub(crate) calls: Mutex<Vec<String>>,
    pub(crate) records: Mutex<Vec<Record>>,
    pub(crate) unlocked: Mutex<bool>,
}

impl Default for Scripted {
    fn default() -> Self {
        Self {
            fail_at: None,
            fails_as: Kind::Refused,
            blame: Cause::Release,
            changed: judged(Verdict::Passed, Cause::Release),
            rolled_back: judged(Verdict::Passed, Cause::Release),
            recovered: Recovered::Again,
            calls: Mutex::default(),
            records: Mutex::default(),
            unlocked: Mutex::default(),
        }
    }
}

/// A verdict; one that is not passed has a cause.
pub(crate) fn judged(verdict: Verdict, cause: Cause) -> GateOutcome {
    let finding = Finding { verdict, ..Finding::failed("Pod cert-manager/x", "CrashLoopBackOff", cause) };
    let first_cause = (verdict != Verdict::Passed).then_some(finding);
    GateOutcome {
        verdict,
        reports: Vec::new(),
        first_cause,
        acme_proven: false,
        reissued: None,
        availability: Vec::new(),
    }
}

impl Scripted {
    fn call(&self, name: &str) -> Result<(), Failure> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(name.to_owned());
        if self.fail_at == Some(calls.len()) {
            Err(Failure::new(self.fails_as, format!("{name} broke")))
        } else {
            Ok(())
        }
    }

    /// The calls so far.
    pub(crate) fn called(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn has(&self, call: &str) -> bool {
        self.called().iter().any(|own| own == call)
    }

    pub(crate) fn recorded(&self) -> Vec<Record> {
        self.records.lock().unwrap().clone()
    }

    pub(crate) fn is_unlocked(&self) -> bool {
        *self.unlocked.lock().unwrap()
    }
}

#[async_trait]
impl ClusterPort for Scripted {
    async fn lock(&self) -> Result<(), Failure> {
        self.call("lock")
    }
    async fn baseline(&self) -> Result<Vec<String>, Failure> {
        self.call("baseline").map(|()| Vec::new())
    }
    async fn prepare(&self) -> Result<(), Failure> {
        self.call("prepare")
    }
    async fn change(&self) -> Result<u32, ChangeFailed> {
        self.call("change").map(|()| 2).map_err(|failure| ChangeFailed { failure, blame: self.blame })
    }
    async fn recover(&self) -> Result<Recovered, Failure> {
        self.call("recover").map(|()| self.recovered)
    }
    async fn proven(&self) -> Result<bool, Failure> {
        self.call("proven").map(|()| false)
    }
    async fn gate(&self, judged: JudgedRevision) -> Result<GateOutcome, Failure> {
        self.call("gate")?;
        let rolled_back = matches!(judged, JudgedRevision::RolledBack(_));
        Ok(if rolled_back { self.rolled_back.clone() } else { self.changed.clone() })
    }
    async fn capture(&self) -> Vec<String> {
        // It cannot fail: what is not captured is told.
        self.call("capture").map_or_else(|_| Vec::new(), |()| vec!["pod.yaml".to_owned()])
    }
    async fn close_pending(&self) -> Result<(), Failure> {
        self.call("close_pending")
    }
    async fn mark_failed(&self, _revision: u32, _why: &str) -> Result<(), Failure> {
        self.call("mark_failed")
    }
    async fn rollback_target(&self) -> Result<Option<u32>, Failure> {
        self.call("rollback_target").map(|()| Some(1))
    }
    async fn rollback(&self, _to_revision: u32, _written: Option<u32>) -> Result<u32, Failure> {
        self.call("rollback").map(|()| 3)
    }
    async fn record(&self, record: &Record) -> Result<(), Failure> {
        self.call(&format!("record {}", record.event.name()))?;
        self.records.lock().unwrap().push(record.clone());
        Ok(())
    }
    async fn still_ours(&self) -> Result<(), Failure> {
        Ok(())
    }
    async fn unlock(&self) {
        *self.unlocked.lock().unwrap() = true;
    }
}

/// Nobody watches.
pub(crate) struct Silent;

impl Observer for Silent {
    fn event(&self, _cluster: &str, _state: ClusterState, _event: &Event) {}
    fn gate(&self, _cluster: &str, _gate: &str, _verdict: Verdict, _message: &str) {}
    fn note(&self, _cluster: &str, _text: &str) {}
}
