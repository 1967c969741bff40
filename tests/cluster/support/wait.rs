//! Waits that end: every one has a limit, and says what did not happen.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until a condition holds; fails when it does not within the limit.
#[track_caller]
pub(crate) fn until(
    what: &str,
    limit: Duration,
    mut holds: impl AsyncFnMut() -> bool,
) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        while !holds().await {
            assert!(begun.elapsed() < limit, "{place}: not within {limit:?}: {what}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Runs a test in a thread of its own and gives it up after the limit, also when it hangs in a call that
/// nobody can cancel. The thread is left behind; the end of the process ends it.
pub(crate) fn within(
    limit: Duration,
    name: &str,
    test: impl FnOnce() + Send + 'static,
) -> Result<(), Failed> {
    let (ended, end) = mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Dropped at the end of the test, also when it panics.
        let _ended = ended;
        test();
    })?;
    if end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
        return Err(format!("{name} has not ended after {limit:?}: it hangs").into());
    }
    thread.join().or_else(|panic| std::panic::resume_unwind(panic))
}
