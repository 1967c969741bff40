//! Is this cluster healthy enough to go on?
//!
//! A gate observes (I/O, no opinion), then judges (pure: no I/O, no clock). Everything observed is one value,
//! `Seen`; watches and probes fill it, every judge reads it and nothing else. What must not last too long is
//! an opinion with a limit; `Clock` holds the time, [`run()`] the loop.
//!
//! Invariants: nothing observed is never `Passed`. `Waiting` at the deadline is `Failed`. A verdict is bound
//! to the new revision. The worst verdict wins. A gate changes nothing in the cluster but the canary's own
//! objects, and those only while the lock is held; nobody deletes the canary of a run that may be alive.

pub mod baseline;
pub mod canary;
pub mod catalogue;
mod error;
mod gates;
mod lock;
pub mod names;
mod request;
pub mod subject;
pub mod verdict;
pub mod webhook;

mod approval;
mod arriving;
mod attribution;
mod availability;
mod blueprint;
mod ca_bundle;
mod certificate;
mod certificate_request;
mod chain;
mod clock;
mod context;
mod corroboration;
mod crds;
mod denial;
mod ending;
mod entrances;
mod explain;
mod follow;
mod ingress;
mod issuance;
mod issuer;
mod lease;
mod logs;
mod mark;
mod mass;
mod meanwhile;
mod metrics;
mod needs;
mod opinion;
mod order;
mod outlook;
mod pages;
mod pod;
mod pod_logs;
mod pulse;
mod reissue;
mod round;
mod rounds;
mod rows;
mod rules;
mod run;
mod scope;
mod seen;
mod settle;
mod source;
mod start;
mod tls;
mod told;
mod watch;
mod whose;
mod workload;

#[cfg(test)]
mod outside;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod scripted_api;
#[cfg(test)]
mod tests;

pub use baseline::Baseline;
pub use canary::{Canaries, LeftCanary};
pub use error::GateError;
pub use gates::{every_gate, gates_for};
pub use lock::{NoLock, StillOurs};
pub use needs::needs;
pub use outlook::observe_outlook;
pub use pod_logs::{entries, pod_logs};
pub use request::GateRequest;
pub use rules::{HealthRules, ShippedRule, shipped_rules};
pub use run::{issue_before, run};
pub use subject::Subject;
pub use verdict::{Availability, Cause, Finding, GateOutcome, GateReport, Progress, Verdict};

// What Helm's own waiting judges by, too.
pub(crate) use clock::Clock;
pub(crate) use explain::explain;
pub(crate) use opinion::{Holds, Judgement, Limit, Opinion, Target};
pub(crate) use pod::{controller, is_ended, is_terminating, problems};
pub(crate) use pulse::server_time;
