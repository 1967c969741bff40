//! Probes: whether a container has started, is ready and lives, by the kubelet's rules.
//!
//! What an attempt is stands in `attempt`; other kinds of probes are refused before the container starts.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::attempt::Target;
use super::host::Host;

/// What a probe is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Startup,
    Readiness,
    Liveness,
}

impl Purpose {
    /// The word that begins the kubelet's messages.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }
}

/// What the probes of a container found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// A single attempt failed.
    Missed(Purpose, String),
    /// The container has started: readiness and liveness are looked at from now on.
    Started,
    /// Its readiness changed.
    Ready(bool),
    /// It must be restarted, with a grace period of its own if the probe has one.
    Dead(Purpose, Option<Duration>),
}

/// Counts successes and failures in a row.
#[derive(Debug)]
struct Tally {
    failures: i32,
    successes: i32,
    failure_threshold: i32,
    success_threshold: i32,
    state: bool,
}

impl Tally {
    fn of(probe: &Probe, state: bool) -> Self {
        let failure_threshold = probe.failure_threshold.unwrap_or(3);
        Self {
            failures: 0,
            successes: 0,
            failure_threshold,
            success_threshold: probe.success_threshold.unwrap_or(1),
            state,
        }
    }

    /// The new state, when this result changes it.
    fn count(&mut self, success: bool) -> Option<bool> {
        (self.successes, self.failures) =
            if success { (self.successes + 1, 0) } else { (0, self.failures + 1) };
        let reached = if success {
            self.successes >= self.success_threshold
        } else {
            self.failures >= self.failure_threshold
        };
        if !reached || success == self.state {
            return None;
        }
        self.state = success;
        Some(success)
    }
}

/// The running probes of one container; they end when this is dropped.
pub(super) struct Probes {
    findings: mpsc::Receiver<Finding>,
    _tasks: JoinSet<()>,
}

impl Probes {
    /// Starts the probes of a container that was started now.
    pub(super) fn start(container: &Container, host: &Arc<Host>, pod: IpAddr) -> Self {
        let (found, findings) = mpsc::channel(16);
        let (started, gate) = watch::channel(container.startup_probe.is_none());
        let started = Arc::new(started);
        let mut tasks = JoinSet::new();
        let probes = [
            (Purpose::Startup, &container.startup_probe),
            (Purpose::Readiness, &container.readiness_probe),
            (Purpose::Liveness, &container.liveness_probe),
        ];
        for (purpose, probe) in probes {
            let Some(probe) = probe.clone() else { continue };
            let target = Target { host: Arc::clone(host), pod, container: container.clone() };
            let task = Prober { purpose, probe, target, found: found.clone(), started: Arc::clone(&started) };
            tasks.spawn(task.run(gate.clone()));
        }
        Self { findings, _tasks: tasks }
    }

    /// The next thing that they find; never returns for a container without probes.
    pub(super) async fn next(&mut self) -> Finding {
        match self.findings.recv().await {
            Some(finding) => finding,
            None => std::future::pending().await,
        }
    }
}

struct Prober {
    purpose: Purpose,
    probe: Probe,
    target: Target,
    found: mpsc::Sender<Finding>,
    started: Arc<watch::Sender<bool>>,
}

impl Prober {
    async fn run(self, mut gate: watch::Receiver<bool>) {
        let begun = Instant::now();
        if self.purpose != Purpose::Startup && gate.wait_for(|started| *started).await.is_err() {
            return;
        }
        let first = (begun + seconds(self.probe.initial_delay_seconds, 0)).max(Instant::now());
        let mut ticks = interval_at(first, seconds(self.probe.period_seconds, 10));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tally = Tally::of(&self.probe, self.purpose == Purpose::Liveness);
        loop {
            ticks.tick().await;
            let findings = self.look(&mut tally).await;
            for finding in findings {
                let done = finding == Finding::Started || matches!(finding, Finding::Dead(..));
                if self.found.send(finding).await.is_err() || done {
                    return;
                }
            }
        }
    }

    async fn look(&self, tally: &mut Tally) -> Vec<Finding> {
        let result = self.target.attempt(&self.probe).await;
        let change = tally.count(result.is_ok()).or_else(|| self.first_failure(tally));
        let missed = result.err().map(|message| Finding::Missed(self.purpose, message));
        let grace = self.probe.termination_grace_period_seconds.and_then(|grace| u64::try_from(grace).ok());
        let changed = change.and_then(|good| match (self.purpose, good) {
            (Purpose::Startup, true) => {
                self.started.send_replace(true);
                Some(Finding::Started)
            }
            (Purpose::Readiness, ready) => Some(Finding::Ready(ready)),
            (Purpose::Startup | Purpose::Liveness, false) => {
                Some(Finding::Dead(self.purpose, grace.map(Duration::from_secs)))
            }
            (Purpose::Liveness, true) => None,
        });
        missed.into_iter().chain(changed).collect()
    }

    /// A startup probe begins as failed, so its failure is no change; it still ends the container.
    fn first_failure(&self, tally: &Tally) -> Option<bool> {
        (self.purpose == Purpose::Startup && tally.failures >= tally.failure_threshold).then_some(false)
    }
}

fn seconds(given: Option<i32>, default: u64) -> Duration {
    let given = given.and_then(|given| u64::try_from(given).ok()).filter(|given| *given > 0);
    Duration::from_secs(given.unwrap_or(default))
}

/// A kind of probe that this node cannot perform, if the container has one.
pub(super) fn unsupported(container: &Container) -> Option<&'static str> {
    let probes = [&container.startup_probe, &container.readiness_probe, &container.liveness_probe];
    probes.into_iter().flatten().find_map(|probe| match (&probe.exec, &probe.grpc) {
        (Some(_), _) => Some("exec"),
        (_, Some(_)) => Some("grpc"),
        (None, None) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn probe(failure: i32, success: i32) -> Probe {
        Probe { failure_threshold: Some(failure), success_threshold: Some(success), ..Probe::default() }
    }

    fn changes(mut tally: Tally, results: &str) -> String {
        let shown = |change| match change {
            None => '.',
            Some(true) => 'T',
            Some(false) => 'F',
        };
        results.chars().map(|result| shown(tally.count(result == '+'))).collect()
    }

    #[test]
    fn a_state_changes_only_at_its_threshold() {
        assert_eq!(changes(Tally::of(&probe(3, 1), false), "--+--+---+"), "..T.....FT");
        assert_eq!(changes(Tally::of(&probe(1, 2), false), "+-++-"), "...TF");
        assert_eq!(changes(Tally::of(&probe(3, 1), true), "++--+---"), ".......F");
    }

    #[test]
    fn a_probe_that_cannot_be_performed_is_named() {
        let container = |probe| {
            serde_json::from_value(json!({"name": "c", "livenessProbe": probe})).expect("a container")
        };
        assert_eq!(unsupported(&container(json!({"exec": {"command": ["true"]}}))), Some("exec"));
        assert_eq!(unsupported(&container(json!({"grpc": {"port": 1}}))), Some("grpc"));
        assert_eq!(unsupported(&container(json!({"tcpSocket": {"port": 1}}))), None);
    }
}
