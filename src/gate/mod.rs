//! Is this cluster healthy enough to go on?
//!
//! A gate observes (I/O, no opinion), then judges (pure: no I/O, no clock). Everything observed is one value, `seen::Seen`; every judge reads it
//! and nothing else. What must not last too long is a finding with patience; the loop in `run` holds the clock.
//!
//! Invariants: nothing observed is never `Passed`. `Waiting` at the deadline is `Failed`. A verdict is bound to the new revision. The worst verdict
//! wins. A gate changes nothing in the cluster but the canary's own objects.

pub mod verdict;

pub use verdict::{Cause, Finding, GateOutcome, GateReport, Progress, Verdict};
