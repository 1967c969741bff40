//! Ctrl-C and its relatives: work that is cut short still cleans up.

use std::fmt;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// The error of work that a signal cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct Interrupted {
    signal: i32,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted by signal {}", self.signal)
    }
}

impl Interrupted {
    /// What a shell says of a program that ended by this signal: 130 for SIGINT, 143 for SIGTERM.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        u8::try_from(128 + self.signal).unwrap_or(u8::MAX)
    }
}

/// Runs `work` until it ends or SIGINT, SIGTERM or SIGHUP arrives; then it is dropped where it waits. Later
/// signals no longer end the program, so that what follows can clean up.
pub async fn or_signal<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let listen = |kind| signal(kind).context("listen for signals");
    let (mut interrupt, mut terminate, mut hangup) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
    let kind = tokio::select! {
        done = work => return done,
        _ = interrupt.recv() => SignalKind::interrupt(),
        _ = terminate.recv() => SignalKind::terminate(),
        _ = hangup.recv() => SignalKind::hangup(),
    };
    Err(Interrupted { signal: kind.as_raw_value() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_a_shell() {
        assert_eq!(Interrupted { signal: 2 }.exit_code(), 130);
        assert_eq!(Interrupted { signal: 15 }.exit_code(), 143);
    }
}
