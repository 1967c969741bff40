//! The sandbox: real Kubernetes clusters, cert-manager, an ACME server, DNS and a chart repository on one machine, without root and without
//! containers. The demo, the cluster tests and the benchmarks of `release` run against it.
//!
//! It never touches a cluster that it did not start, and it ends processes only by the pids that it recorded.

pub mod dns;
mod external;
pub mod images;
pub mod node;
pub mod pebble;
pub mod ports;
pub mod processes;
pub mod proxy;
pub mod talk;
pub mod tools;
