//! SIGINT, SIGTERM and SIGHUP: the run finishes what it is writing, records, releases the lock, and ends.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::rollout::interrupt::Interrupt;

/// Listens from now on. The first signal names the exit code; later ones change nothing.
pub fn listen() -> io::Result<Interrupt> {
    let (sender, receiver) = watch::channel(None);
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    for kind in kinds {
        let (mut stream, sender) = (signal(kind)?, sender.clone());
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                sender.send_if_modified(|seen: &mut Option<i32>| {
                    seen.is_none().then(|| *seen = Some(kind.as_raw_value())).is_some()
                });
            }
        });
    }
    Ok(Interrupt::from(receiver))
}
