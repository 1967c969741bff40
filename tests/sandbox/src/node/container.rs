//! One container: started, watched, probed, restarted, ended. What is seen of it goes to the pod's board.
//!
//! It knows nothing of the other containers and never talks to the API server except by events.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, ContainerState, ContainerStateTerminated, ContainerStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::container_id::ContainerId;
use super::event::Level::{self, Normal, Warning};
use super::host::Host;
use super::launch::{self, Blocked};
use super::log;
use super::place::PodPlace;
use super::probe::{Finding, Probes};
use super::process::Process;
use super::status::{self, Seen};
use super::stop::Stop;

/// How long `ErrImagePull` is shown before the back-off, and when a missing object is looked for again.
const PULL_ERROR_SHOWN: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How long the last lines of a process may take to reach its log.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Whether a container that ended with this code is started again.
pub(super) fn restarts(policy: &str, exit_code: i32) -> bool {
    match policy {
        "Never" => false,
        "OnFailure" => exit_code != 0,
        _ => true,
    }
}

/// Everything that one container needs to run.
pub(super) struct Runner {
    pub(super) host: Arc<Host>,
    pub(super) place: Arc<PodPlace>,
    pub(super) spec: Container,
    /// Init containers are started again only when they failed.
    pub(super) restart_policy: String,
    pub(super) board: Arc<watch::Sender<Seen>>,
    pub(super) stop: Stop,
}

/// A process that runs, with the task that writes its log.
struct Started {
    process: Process,
    log: JoinHandle<std::io::Result<()>>,
    id: ContainerId,
    since: Timestamp,
    begun: Instant,
}

impl Runner {
    /// Runs until the container has ended for good or the pod is told to end.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut ran = Duration::ZERO;
        loop {
            if let Some(code) = self.exit_code() {
                if self.stop.is_requested() || !restarts(&self.restart_policy, code) {
                    return;
                }
                let wait = backoff.after(ran);
                if self.back_off(wait).await.is_none() {
                    return;
                }
            }
            let Some(started) = self.start().await else { return };
            ran = self.supervise(started).await;
        }
    }

    async fn back_off(&mut self, wait: Duration) -> Option<()> {
        if wait.is_zero() {
            return Some(());
        }
        let (name, pod) = (&self.spec.name, self.place.name_and_uid());
        let message = format!("back-off {} restarting failed container={name} pod={pod}", in_go(wait));
        self.tell(Warning, "BackOff", format!("Back-off restarting failed container {name} in pod {pod}"));
        self.wait_as("CrashLoopBackOff", message);
        self.stop.sleep(wait).await
    }

    async fn start(&mut self) -> Option<Started> {
        let mut pulls = Backoff::waiting();
        loop {
            if self.stop.is_requested() {
                return None;
            }
            match self.try_start().await {
                Ok(started) => return Some(started),
                Err(Blocked::Pull(message)) => {
                    self.pull_failed(&message, pulls.after(Duration::ZERO)).await?;
                }
                Err(Blocked::Config(message)) => self.blocked("CreateContainerConfigError", message).await?,
                Err(Blocked::Create(message)) => self.blocked("CreateContainerError", message).await?,
            }
        }
    }

    async fn try_start(&mut self) -> Result<Started, Blocked> {
        let launch = launch::prepare(&self.host, &self.place, &self.spec).await?;
        let image = self.spec.image.clone().unwrap_or_default();
        self.tell(Normal, "Pulled", format!("Container image \"{image}\" already present on machine"));
        let id = self.next_id();
        let file = log::file(&self.place.directory, &self.spec.name, id.start);
        let failed =
            |what: &str, error: &dyn std::fmt::Display| Blocked::Create(format!("{what}: {error:#}"));
        std::fs::create_dir_all(file.with_file_name(""))
            .map_err(|error| failed("make room for the log", &error))?;
        let (process, output) =
            Process::start(&launch).map_err(|error| failed("start the process", &error))?;
        self.host
            .children
            .record(&self.ledger_name(), process.pid, None)
            .map_err(|error| failed("write the process down", &error))?;
        tracing::info!(container = self.ledger_name(), pid = process.pid, program = %launch.program.display(), args = ?launch.args, "started");
        let log = tokio::spawn(log::record(output, file));
        let started = Started { process, log, id, since: Timestamp::now(), begun: Instant::now() };
        self.has_started(&started, &image);
        Ok(started)
    }

    fn has_started(&self, started: &Started, image: &str) {
        self.tell(Normal, "Created", format!("Created container: {}", self.spec.name));
        self.tell(Normal, "Started", format!("Started container {}", self.spec.name));
        let at_once = self.spec.startup_probe.is_none();
        let ready = at_once && self.spec.readiness_probe.is_none();
        self.update(|status| {
            keep_last(status);
            status.state = Some(status::running(started.since));
            status.container_id = Some(started.id.to_string());
            status.image_id = status::image_id(image);
            status.restart_count = started.id.start;
            (status.started, status.ready) = (Some(at_once), ready);
        });
    }

    /// Watches a process to its end, whoever brings it about; says how long it ran.
    async fn supervise(&mut self, mut started: Started) -> Duration {
        let mut probes = Probes::start(&self.spec, &self.host, self.place.ip);
        let code = loop {
            tokio::select! {
                code = started.process.wait() => break code,
                grace = self.stop.requested() => {
                    self.tell(Normal, "Killing", format!("Stopping container {}", self.spec.name));
                    break started.process.stop(grace).await;
                }
                finding = probes.next() => if let Some(grace) = self.found(finding) {
                    break started.process.stop(grace).await;
                }
            }
        };
        self.has_ended(started, code).await
    }

    /// Acts on what the probes found; the grace period when the container must end.
    fn found(&self, finding: Finding) -> Option<Duration> {
        let ready_when_started = self.spec.readiness_probe.is_none();
        match finding {
            Finding::Missed(purpose, message) => {
                self.tell(Warning, "Unhealthy", format!("{} probe failed: {message}", purpose.word()));
                return None;
            }
            Finding::Started => {
                self.update(|status| (status.started, status.ready) = (Some(true), ready_when_started));
            }
            Finding::Ready(ready) => self.update(|status| status.ready = ready),
            Finding::Dead(purpose, grace) => {
                let purpose = purpose.word().to_lowercase();
                self.tell(
                    Normal,
                    "Killing",
                    format!("Container {} failed {purpose} probe, will be restarted", self.spec.name),
                );
                return Some(grace.unwrap_or(self.place.grace));
            }
        }
        None
    }

    async fn has_ended(&self, started: Started, code: i32) -> Duration {
        if tokio::time::timeout(LAST_LINES, started.log).await.is_err() {
            tracing::warn!(container = self.ledger_name(), "the log is still open after the process ended");
        }
        if let Err(error) = self.host.children.forget(&self.ledger_name()) {
            tracing::error!(error = format!("{error:#}"), "strike out a process that ended");
        }
        tracing::info!(container = self.ledger_name(), code, "ended");
        let end = ContainerStateTerminated {
            container_id: Some(started.id.to_string()),
            exit_code: code,
            reason: Some(if code == 0 { "Completed" } else { "Error" }.into()),
            started_at: Some(Time(started.since)),
            finished_at: Some(Time(Timestamp::now())),
            ..ContainerStateTerminated::default()
        };
        // An init container that has done its work counts as ready.
        let ready = code == 0 && self.place.is_init(&self.spec.name);
        self.update(|status| {
            status.state = Some(status::terminated(end));
            (status.started, status.ready) = (Some(false), ready);
        });
        started.begun.elapsed()
    }

    async fn pull_failed(&mut self, message: &str, wait: Duration) -> Option<()> {
        let image = self.spec.image.clone().unwrap_or_default();
        self.tell(Normal, "Pulling", format!("Pulling image \"{image}\""));
        self.tell(Warning, "Failed", format!("Failed to pull image \"{image}\": {message}"));
        let message = format!("failed to pull image \"{image}\": {message}");
        self.tell(Warning, "Failed", "Error: ErrImagePull".into());
        self.wait_as("ErrImagePull", message.clone());
        self.stop.sleep(PULL_ERROR_SHOWN).await?;
        self.tell(Normal, "BackOff", format!("Back-off pulling image \"{image}\""));
        self.tell(Warning, "Failed", "Error: ImagePullBackOff".into());
        self.wait_as(
            "ImagePullBackOff",
            format!("Back-off pulling image \"{image}\": ErrImagePull: {message}"),
        );
        self.stop.sleep(wait).await
    }

    async fn blocked(&mut self, reason: &str, message: String) -> Option<()> {
        self.tell(Warning, "Failed", format!("Error: {message}"));
        self.wait_as(reason, message);
        self.stop.sleep(LOOK_AGAIN).await
    }

    fn wait_as(&self, reason: &str, message: String) {
        self.update(|status| {
            keep_last(status);
            status.state = Some(status::waiting(reason, Some(message)));
        });
    }

    fn tell(&self, level: Level, reason: &'static str, message: String) {
        let field = format!("spec.{}{{{}}}", self.place.list_of(&self.spec.name), self.spec.name);
        self.host.events.tell(&self.place.pod, Some(field), level, reason, message);
    }

    fn update(&self, change: impl FnOnce(&mut ContainerStatus)) {
        self.board.send_modify(|seen| {
            if let Some(status) = seen.find_mut(&self.spec.name) {
                change(status);
            }
        });
    }

    fn status(&self) -> Option<ContainerStatus> {
        self.board.borrow().find(&self.spec.name).cloned()
    }

    fn exit_code(&self) -> Option<i32> {
        Some(self.status()?.state?.terminated?.exit_code)
    }

    /// Starts are counted on from what an earlier agent told.
    fn next_id(&self) -> ContainerId {
        let status = self.status().unwrap_or_default();
        let start = if status.container_id.is_some() { status.restart_count + 1 } else { 0 };
        ContainerId { uid: self.place.uid.clone(), container: self.spec.name.clone(), start }
    }

    fn ledger_name(&self) -> String {
        format!("{}/{}/{}", self.place.namespace, self.place.name, self.spec.name)
    }
}

/// What ended becomes what was before.
fn keep_last(status: &mut ContainerStatus) {
    if let Some(end) = status.state.take().and_then(|state| state.terminated) {
        status.last_state = Some(ContainerState { terminated: Some(end), ..ContainerState::default() });
    }
}

/// A duration in Go's spelling: `10s`, `1m20s`, `5m0s`.
fn in_go(duration: Duration) -> String {
    match (duration.as_secs() / 60, duration.as_secs() % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_restart_policy_decides_by_exit_code() {
        for (policy, code, expected) in [
            ("Always", 0, true),
            ("Always", 1, true),
            ("OnFailure", 0, false),
            ("OnFailure", 1, true),
            ("Never", 0, false),
            ("Never", 1, false),
        ] {
            assert_eq!(restarts(policy, code), expected, "{policy} {code}");
        }
    }

    #[test]
    fn only_an_end_becomes_the_last_state() {
        let mut status = ContainerStatus {
            state: Some(status::waiting("ContainerCreating", None)),
            ..ContainerStatus::default()
        };
        keep_last(&mut status);
        assert_eq!(status.last_state, None);
        status.state = Some(status::terminated(ContainerStateTerminated {
            exit_code: 3,
            ..ContainerStateTerminated::default()
        }));
        keep_last(&mut status);
        status.state = Some(status::waiting("CrashLoopBackOff", None));
        keep_last(&mut status);
        assert_eq!(status.last_state.and_then(|last| last.terminated).map(|end| end.exit_code), Some(3));
    }

    #[test]
    fn durations_read_as_in_go() {
        assert_eq!(
            [10, 80, 300].map(|seconds| in_go(Duration::from_secs(seconds))),
            ["10s", "1m20s", "5m0s"]
        );
    }
}
