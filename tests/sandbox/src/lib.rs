//! The sandbox: real Kubernetes clusters, cert-manager, an ACME server, DNS and a chart repository on one
//! machine, without root and without containers. The demo, the cluster tests and the benchmarks of `release`
//! run against it.
//!
//! It never touches a cluster that it did not start, and it ends processes only by the pids that it recorded.

pub mod acme;
pub mod bench;
mod cert_manager;
pub mod charts;
pub mod check;
pub mod cluster;
mod counts;
pub mod demo;
pub mod dns;
pub mod down;
pub mod environment;
mod external;
mod http;
pub mod images;
pub mod interrupt;
mod museum;
pub mod node;
mod object;
pub mod parity;
pub mod pebble;
mod pipelines;
pub mod pods;
pub mod ports;
pub mod process;
pub mod processes;
pub mod proxy;
mod ready;
mod spoken;
pub mod state;
pub mod talk;
pub mod tools;
pub mod up;
