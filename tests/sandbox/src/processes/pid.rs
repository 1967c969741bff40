//! One process, named so that its successor under the same number is never mistaken for it.
//!
//! Reads `/proc`, so Linux only.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use serde::{Deserialize, Serialize};

/// A process id with the moment at which that process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pid {
    /// The number.
    pub pid: i32,
    /// Start time in clock ticks since boot (`/proc/PID/stat`, field 22): differs for every process that ever
    /// had this number.
    pub started: u64,
}

impl Pid {
    /// The process that has this number now; `None` when there is none, or only its unreaped remains.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        started(&stat).map(|started| Self { pid, started })
    }

    /// Whether this very process still runs. A zombie does not.
    #[must_use]
    pub fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal, unless the process has ended.
    pub fn signal(self, signal: Signal) -> Result<(), Errno> {
        if !self.alive() {
            return Ok(());
        }
        match kill(nix::unistd::Pid::from_raw(self.pid), signal) {
            Err(Errno::ESRCH) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes the exit status if the process was our child, so that no zombie stays.
    pub fn reap(self) {
        let _ = waitpid(nix::unistd::Pid::from_raw(self.pid), Some(WaitPidFlag::WNOHANG));
    }
}

/// The start time in a line of `/proc/PID/stat`; `None` when the process has ended. The name before it may
/// contain spaces and brackets.
fn started(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    // State is field 3, the number of threads field 20, the start time field 22.
    let [state, threads, ticks] = [0, 17, 19].map(|index| fields.get(index).copied().unwrap_or_default());
    // The first thread of a killed program is a zombie while others still hold its ports.
    let ended = matches!(state, "Z" | "X") && matches!(threads, "0" | "1");
    if ended { None } else { ticks.parse().ok() }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    const TAIL: &str = "1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 11 12";

    #[test]
    fn the_start_time_is_found_after_a_name_with_brackets() {
        assert_eq!(started(&format!("7 (a b) c) S {TAIL}")), Some(98765));
    }

    #[test]
    fn a_zombie_has_no_start_time() {
        assert_eq!(started(&format!("7 (x) Z {TAIL}")), None);
    }

    #[test]
    fn a_program_that_still_has_threads_has_not_ended() {
        assert_eq!(started(&format!("7 (x) Z {}", TAIL.replace(" 1 0 98765", " 4 0 98765"))), Some(98765));
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let own = Pid::of(nix::unistd::getpid().as_raw()).expect("this process runs");
        assert!(own.alive());
        assert!(!Pid { started: own.started + 1, ..own }.alive());
    }

    #[test]
    fn a_killed_child_is_not_alive_even_before_it_is_reaped() {
        let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().expect("start sleep");
        let pid = Pid::of(i32::try_from(child.id()).expect("a pid")).expect("sleep runs");
        pid.signal(Signal::SIGKILL).expect("kill sleep");
        while pid.alive() {
            std::thread::yield_now();
        }
        child.wait().expect("reap sleep");
    }
}
