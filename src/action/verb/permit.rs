//! Leave to write: the lock of the release, held already or taken right before the first write.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::super::ActionError;
use super::Refusal;
use crate::cluster::lease::{Held, Holder, Lock, LockError};
use crate::cluster::{ApiError, Cluster};
use crate::config::ReleaseId;

/// Who may write.
#[async_trait]
pub trait Permit: Send + Sync {
    /// Asked before the first write.
    async fn enter(&self) -> Result<(), ActionError>;
    /// Asked before every write.
    fn check(&self) -> Result<(), ActionError>;
}

#[async_trait]
impl Permit for Held {
    async fn enter(&self) -> Result<(), ActionError> {
        Ok(Held::check(self)?)
    }

    fn check(&self) -> Result<(), ActionError> {
        Ok(Held::check(self)?)
    }
}

/// For a verb that only looks: it may not write at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOnly;

#[async_trait]
impl Permit for ReadOnly {
    async fn enter(&self) -> Result<(), ActionError> {
        self.check()
    }

    fn check(&self) -> Result<(), ActionError> {
        Err(Refusal::ReadOnly.into())
    }
}

/// Takes the lock right before the first write, so that what is refused leaves no trace.
pub struct LockOnWrite<'a> {
    cluster: &'a Cluster,
    release: &'a ReleaseId,
    holder: Holder,
    wait: Duration,
    talk: &'a (dyn Fn(&str) + Send + Sync),
    lock: Mutex<Option<Lock>>,
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
        Self { cluster, release, holder, wait, talk, lock: Mutex::new(None) }
    }

    /// Gives the lock back, if it was taken. When that fails, it expires by itself.
    pub async fn release(self) -> Result<(), ApiError> {
        let lock = self.lock.into_inner().unwrap_or_else(PoisonError::into_inner);
        match lock {
            Some(lock) => lock.release().await,
            None => Ok(()),
        }
    }

    fn held(&self) -> Option<Held> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Lock::held)
    }

    async fn acquire(&self) -> Result<Lock, LockError> {
        match Lock::acquire(self.cluster, self.release, &self.holder, Duration::ZERO).await {
            Err(LockError::Held { holder, .. }) if !self.wait.is_zero() => {
                let seconds = self.wait.as_secs();
                (self.talk)(&format!(
                    "{} is locked by {holder}; waiting up to {seconds} s for that to end",
                    self.release
                ));
                Lock::acquire(self.cluster, self.release, &self.holder, self.wait).await
            }
            taken => taken,
        }
    }
}

#[async_trait]
impl Permit for LockOnWrite<'_> {
    async fn enter(&self) -> Result<(), ActionError> {
        if self.held().is_none() {
            let lock = self.acquire().await?;
            *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        }
        self.check()
    }

    fn check(&self) -> Result<(), ActionError> {
        // Without a lock nothing was written yet.
        self.held().map_or(Ok(()), |held| Ok(Held::check(&held)?))
    }
}
