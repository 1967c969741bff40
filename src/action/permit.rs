//! Leave to write: asked for before every request that changes something, and no such request outlasts it.
//! Knows no verb and no object.

use async_trait::async_trait;
use thiserror::Error;

use crate::cluster::lease::{Held, LockError, LockLost};

/// Why nothing may be written.
#[derive(Debug, Error)]
pub enum NoLeave {
    /// Somebody else holds the lock, or it cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The lock was lost on the way.
    #[error(transparent)]
    Lost(#[from] LockLost),
    /// A verb that was only to look wanted to write.
    #[error("this run only looks and may not write; nothing was changed")]
    ReadOnly,
}

/// How a verb came to its lock: what was read before it may be old by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It was held before the verb began to look.
    Before,
    /// It was free.
    AtOnce,
    /// Somebody else held it until now.
    AfterWaiting,
}

/// Who may write.
#[async_trait]
pub trait Permit: Send + Sync {
    /// Asked before the first write.
    async fn enter(&self) -> Result<Entered, NoLeave>;
    /// Asked before every request that writes; see [`permitted`].
    async fn check(&self) -> Result<(), NoLeave>;
    /// Ends when whatever was sent must be over, because somebody else may begin to write.
    async fn lapsed(&self) -> NoLeave;
}

/// Why a request that writes did not succeed.
#[derive(Debug)]
pub enum Unwritten<E> {
    /// It was not sent.
    NotSent(NoLeave),
    /// It was cut off with the end of the lock; it may have arrived.
    CutOff(NoLeave),
    /// It failed by itself.
    Failed(E),
}

/// Sends one request that writes: never without leave, and never longer than the lock stands.
pub async fn permitted<T, E>(
    permit: &dyn Permit,
    request: impl Future<Output = Result<T, E>>,
) -> Result<T, Unwritten<E>> {
    permit.check().await.map_err(Unwritten::NotSent)?;
    tokio::select! {
        biased;
        answer = request => answer.map_err(Unwritten::Failed),
        lapsed = permit.lapsed() => Err(Unwritten::CutOff(lapsed)),
    }
}

#[async_trait]
impl Permit for Held {
    async fn enter(&self) -> Result<Entered, NoLeave> {
        self.ask().await?;
        Ok(Entered::Before)
    }

    async fn check(&self) -> Result<(), NoLeave> {
        Ok(self.ask().await?)
    }

    async fn lapsed(&self) -> NoLeave {
        Held::lapsed(self).await.into()
    }
}

/// For a verb that only looks: it may not write at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOnly;

#[async_trait]
impl Permit for ReadOnly {
    async fn enter(&self) -> Result<Entered, NoLeave> {
        Err(NoLeave::ReadOnly)
    }

    async fn check(&self) -> Result<(), NoLeave> {
        Err(NoLeave::ReadOnly)
    }

    async fn lapsed(&self) -> NoLeave {
        NoLeave::ReadOnly
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::Notify;

    use super::*;

    /// A lock that is lost when it is told so.
    #[derive(Default)]
    struct Told {
        lost: AtomicBool,
        told: Notify,
    }

    impl Told {
        fn lose(&self) {
            self.lost.store(true, Ordering::Relaxed);
            self.told.notify_waiters();
        }
    }

    #[async_trait]
    impl Permit for Told {
        async fn enter(&self) -> Result<Entered, NoLeave> {
            Ok(Entered::Before)
        }

        async fn check(&self) -> Result<(), NoLeave> {
            if self.lost.load(Ordering::Relaxed) { Err(NoLeave::ReadOnly) } else { Ok(()) }
        }

        async fn lapsed(&self) -> NoLeave {
            self.told.notified().await;
            NoLeave::ReadOnly
        }
    }

    #[tokio::test]
    async fn a_request_is_not_sent_without_leave_and_cut_off_with_its_end() {
        let permit = Told::default();
        let answer = permitted(&permit, async { Err::<(), _>("refused") }).await;
        assert!(matches!(answer, Err(Unwritten::Failed("refused"))), "{answer:?}");
        let hanging = permitted(&permit, std::future::pending::<Result<(), &str>>());
        let (answer, ()) = tokio::join!(hanging, async {
            tokio::task::yield_now().await;
            permit.lose();
        });
        assert!(matches!(answer, Err(Unwritten::CutOff(NoLeave::ReadOnly))), "{answer:?}");
        let sent = AtomicBool::new(false);
        let answer = permitted(&permit, async {
            sent.store(true, Ordering::Relaxed);
            Ok::<_, &str>(())
        });
        assert!(matches!(answer.await, Err(Unwritten::NotSent(NoLeave::ReadOnly))));
        assert!(!sent.into_inner());
    }
}
