//! Whether the run shall stop. Knows no signal: who listens to the system hands the number in.

use tokio::sync::watch;

/// Tells whether the run shall stop, and by which signal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<Option<i32>>);

impl From<watch::Receiver<Option<i32>>> for Interrupt {
    fn from(receiver: watch::Receiver<Option<i32>>) -> Self {
        Self(receiver)
    }
}

impl Interrupt {
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

    /// Does something to its end, unless a signal arrives first: then that is the error.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, i32> {
        tokio::select! {
            done = work => Ok(done),
            signal = self.wait() => Err(signal),
        }
    }
}
