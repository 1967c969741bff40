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
        end(&child, grace).await?;
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

/// SIGTERM, then SIGKILL when `grace` is over; returns when the process is gone.
async fn end(child: &Child, grace: Duration) -> Result<()> {
    for (signal, wait) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, AFTER_SIGKILL)] {
        child.pid.signal(signal).with_context(|| format!("send {signal} to {} (pid {})", child.name, child.pid.pid))?;
        if gone(child, wait).await {
            return Ok(());
        }
    }
    bail!("{} (pid {}) still runs after SIGKILL", child.name, child.pid.pid)
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
