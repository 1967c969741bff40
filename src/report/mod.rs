//! Everything that a person or a CI system reads. A report is a function of the plan and the evidence; it judges nothing.

pub mod exit_code;
pub mod format;
pub mod printer;
