//! Which upgrade of cert-manager is wise: what is known of its versions as a file of rules, and pure judges on
//! them. Never asks a cluster.

pub mod condition;
pub mod judge;
pub mod known;
pub mod overlay;
pub mod path;
pub mod rule;
