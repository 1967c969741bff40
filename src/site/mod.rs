//! Real clusters for the loop of [`crate::rollout`]: what Kubernetes, Helm's verbs, the gates and the journal
//! have to do with it. Decides nothing about the order of steps, and prints nothing.

pub mod chart;
pub mod connect;
mod draft;
mod examine;
pub mod identity;
pub mod live;
mod permissions;
pub mod plan;
pub mod preflight;
pub mod signals;
