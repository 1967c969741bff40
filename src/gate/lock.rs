//! Whether the gates may still act, and still matter. A run that lost its lock judges for nobody, and what it
//! would delete may be its successor's.

use crate::cluster::lease::{Held, LockLost};

/// The lock under which the gates run. It is asked at every look, and before every write.
pub trait StillOurs: Send + Sync {
    /// The lock is still held; else why not.
    fn check(&self) -> Result<(), LockLost>;
}

impl StillOurs for Held {
    fn check(&self) -> Result<(), LockLost> {
        Self::check(self)
    }
}

/// For gates that write nothing, such as `release gate`: there is no lock that could be lost.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLock;

impl StillOurs for NoLock {
    fn check(&self) -> Result<(), LockLost> {
        Ok(())
    }
}
