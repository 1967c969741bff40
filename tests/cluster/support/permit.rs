//! Leave to write without any lock.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use release::action::permit::{Entered, NoLeave, Permit};

/// Everybody may write.
pub(crate) struct Free;

#[async_trait]
impl Permit for Free {
    async fn enter(&self) -> Result<Entered, NoLeave> {
        Ok(Entered::Before)
    }

    async fn check(&self) -> Result<(), NoLeave> {
        Ok(())
    }

    async fn lapsed(&self) -> NoLeave {
        std::future::pending().await
    }
}

/// So many writes may be sent, and no more.
pub(crate) struct Limited(AtomicU32);

impl Limited {
    pub(crate) fn to(writes: u32) -> Self {
        Self(AtomicU32::new(writes))
    }
}

#[async_trait]
impl Permit for Limited {
    async fn enter(&self) -> Result<Entered, NoLeave> {
        Ok(Entered::Before)
    }

    async fn check(&self) -> Result<(), NoLeave> {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| NoLeave::ReadOnly)
    }

    async fn lapsed(&self) -> NoLeave {
        std::future::pending().await
    }
}
