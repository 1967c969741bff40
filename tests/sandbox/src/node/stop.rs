//! The word that ends a pod: heard by all its containers, wherever they wait.

use std::time::Duration;

use tokio::sync::watch;

/// Says it; holds the grace period once it was said.
pub(super) type Stopper = watch::Sender<Option<Duration>>;

/// Hears it.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<Option<Duration>>);

/// A pair that belongs together.
pub(super) fn channel() -> (Stopper, Stop) {
    let (stopper, heard) = watch::channel(None);
    (stopper, Stop(heard))
}

impl Stop {
    /// Waits for the word, and gives the grace period. A pod that nobody looks after any more ends at once.
    pub(super) async fn requested(&mut self) -> Duration {
        match self.0.wait_for(Option::is_some).await {
            Ok(grace) => grace.unwrap_or_default(),
            Err(_) => Duration::ZERO,
        }
    }

    /// Whether it was said.
    pub(super) fn is_requested(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Sleeps; none when the word came first.
    pub(super) async fn sleep(&mut self, time: Duration) -> Option<()> {
        tokio::select! {
            biased;
            _ = self.requested() => None,
            () = tokio::time::sleep(time) => Some(()),
        }
    }
}
