//! The lock of a release, taken right before the first write.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::action::permit::{Entered, NoLeave, Permit};
use crate::cluster::error::Cause;
use crate::cluster::lease::{Held, Holder, Lock, LockError};
use crate::cluster::{ApiError, Cluster};
use crate::config::ReleaseId;

/// Takes the lock right before the first write, so that what is refused leaves no trace.
///
/// Where no Lease may be written - no permission, or a namespace that is being deleted - the verb goes on
/// without a lock, as Helm would, and says so.
pub struct LockOnWrite<'a> {
    cluster: &'a Cluster,
    release: &'a ReleaseId,
    holder: Holder,
    wait: Duration,
    talk: &'a (dyn Fn(&str) + Send + Sync),
    state: Mutex<State>,
}

enum State {
    NotYet,
    Locked(Box<Lock>),
    WithoutLock,
}

impl<'a> LockOnWrite<'a> {
    /// `wait`: how long to wait for another holder; one that was killed stands for half a minute.
    pub fn new(
        cluster: &'a Cluster,
        release: &'a ReleaseId,
        holder: Holder,
        wait: Duration,
        talk: &'a (dyn Fn(&str) + Send + Sync),
    ) -> Self {
        Self { cluster, release, holder, wait, talk, state: Mutex::new(State::NotYet) }
    }

    /// Gives the lock back, if it was taken. When that fails, it expires by itself.
    pub async fn release(self) -> Result<(), ApiError> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state {
            State::Locked(lock) => lock.release().await,
            State::NotYet | State::WithoutLock => Ok(()),
        }
    }

    fn held(&self) -> Option<Held> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Locked(lock) => Some(lock.held()),
            State::NotYet | State::WithoutLock => None,
        }
    }

    fn has_entered(&self) -> bool {
        !matches!(*self.state.lock().unwrap_or_else(PoisonError::into_inner), State::NotYet)
    }

    async fn acquire(&self) -> Result<(State, Entered), LockError> {
        match Lock::acquire(self.cluster, self.release, &self.holder, Duration::ZERO).await {
            Ok(lock) => Ok((State::Locked(Box::new(lock)), Entered::AtOnce)),
            Err(LockError::Held { holder, .. }) if !self.wait.is_zero() => {
                let seconds = self.wait.as_secs();
                (self.talk)(&format!(
                    "{} is locked by {holder}; waiting up to {seconds} s for that to end",
                    self.release
                ));
                let lock = Lock::acquire(self.cluster, self.release, &self.holder, self.wait).await?;
                Ok((State::Locked(Box::new(lock)), Entered::AfterWaiting))
            }
            // A namespace that is being deleted takes nothing new, which is a 403 as well.
            Err(LockError::Api(error)) if matches!(error.cause(), Cause::Forbidden(_)) => {
                (self.talk)(&format!("{} is not locked: {error}: {}", self.release, error.cause()));
                Ok((State::WithoutLock, Entered::AtOnce))
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Permit for LockOnWrite<'_> {
    async fn enter(&self) -> Result<Entered, NoLeave> {
        if self.has_entered() {
            self.check().await?;
            return Ok(Entered::Before);
        }
        let (state, entered) = self.acquire().await?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(entered)
    }

    async fn check(&self) -> Result<(), NoLeave> {
        match self.held() {
            Some(held) => Ok(held.ask().await?),
            None => Ok(()),
        }
    }

    async fn lapsed(&self) -> NoLeave {
        match self.held() {
            Some(held) => held.lapsed().await.into(),
            None => std::future::pending().await,
        }
    }
}
