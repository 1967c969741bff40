//! Certificates that a new version issues again although nobody has touched them: which ones it will be, and how
//! many are too many. Pure; never asks a cluster.

pub mod budget;
pub mod counted;
pub mod foreseen;
pub mod reader;
