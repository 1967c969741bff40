//! What cert-manager's states, versions and log lines mean, as data and pure rules. No I/O, no clock, no
//! verdict.

pub mod acme_names;
pub mod advice;
pub mod annotations;
pub mod app_version;
pub mod blame;
pub mod deployed;
pub mod domains;
pub mod expiry;
pub mod ingress;
pub mod logs;
pub mod metrics;
pub mod production;
pub mod reissue;
pub mod repair;
pub mod resources;
pub(crate) mod slim;
pub mod solver;
pub mod states;
