//! SIGINT and SIGTERM: the run finishes what it is writing, records, releases the lock, and ends.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells whether the run shall stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<Option<i32>>);

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on.
    pub fn listen() -> std::io::Result<Self> {
        let (sender, receiver) = watch::channel(None);
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            loop {
                let number = tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
                    _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
                };
                // The first signal names the exit code.
                sender.send_if_modified(|seen| seen.is_none().then(|| *seen = Some(number)).is_some());
            }
        });
        Ok(Self(receiver))
    }

    /// For commands that no signal shall stop half-way: it never arrives.
    pub fn never() -> Self {
        Self(watch::channel(None).1)
    }

    /// The signal that arrived, if any.
    pub fn received(&self) -> Option<i32> {
        *self.0.borrow()
    }

    /// Waits for a signal.
    pub async fn wait(&self) -> i32 {
        let mut receiver = self.0.clone();
        match receiver.wait_for(Option::is_some).await.map(|seen| *seen) {
            Ok(Some(signal)) => signal,
            // Nobody can send any more: there will be no signal.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}
