//! What the tests share.

pub(crate) mod charts;
pub(crate) mod client;
pub(crate) mod faulty;
pub(crate) mod git_server;
pub(crate) mod log_store;
pub(crate) mod museum;
pub(crate) mod plans;
pub(crate) mod rust_paths;
pub(crate) mod scripted;
pub(crate) mod world;
