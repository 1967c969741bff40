//! Helm's verbs, carried out by ourselves: install, upgrade, roll back, uninstall, with Helm 4's statuses, descriptions and order of writes.
//!
//! Every verb runs under the lock of the release, which its caller holds, and asks before each write whether it still does. No policy.

mod request;

pub use request::{Conduct, Deployment, Reuse, Verb, Wait};
