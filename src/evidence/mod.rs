//! What happened: the journal of a run, and what a failure left behind. Decides nothing.

pub mod capture;
pub mod event;
pub mod journal;
pub mod repairs;
pub mod run_directory;

mod belonging;
mod kept_file;
mod masked;
