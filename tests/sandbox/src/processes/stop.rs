//! Ending recorded processes: in reverse order, politely first.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};

use super::{Child, Ledger};

/// How long a killed process may take to disappear.
const AFTER_SIGKILL: Duration = Duration::from_secs(5);

impl Ledger {
    /// Stops one child and forgets it. One that has ended already is no error.
    pub async fn stop(&self, name: &str, grace: Duration) -> Result<()> {
        let child = self.find(name).with_context(|| format!("stop {name}: no such process is recorded"))?;
        child.end(grace).await?;
        self.forget(name)
    }

    /// Stops every child, the latest first. Goes on after a failure, and reports the first.
    pub async fn stop_all(&self, grace: Duration) -> Result<()> {
        let mut first = Ok(());
        for child in self.children().into_iter().rev() {
            first = first.and(self.stop(&child.name, grace).await);
        }
        first
    }
}

impl Child {
    /// SIGTERM, then SIGKILL when `grace` is over; returns when the process is gone.
    pub async fn end(&self, grace: Duration) -> Result<()> {
        self.send(Signal::SIGTERM)?;
        // A frozen process takes its SIGTERM only when it goes on.
        self.send(Signal::SIGCONT)?;
        if gone(self, grace).await { Ok(()) } else { self.kill().await }
    }

    /// SIGKILL; returns when the process is gone.
    pub async fn kill(&self) -> Result<()> {
        self.send(Signal::SIGKILL)?;
        if gone(self, AFTER_SIGKILL).await {
            return Ok(());
        }
        bail!("{} (pid {}) still runs after SIGKILL", self.name, self.pid.pid)
    }

    /// Sends a signal, unless the process has ended.
    pub fn send(&self, signal: Signal) -> Result<()> {
        self.pid
            .signal(signal)
            .with_context(|| format!("send {signal} to {} (pid {})", self.name, self.pid.pid))
    }
}

async fn gone(child: &Child, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        child.pid.reap();
        if !child.pid.alive() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
}
