//! What Helm writes, compared with what we write, each case a test of its own. The goldens were written by a
//! real helm; its version is the name of their folder.
//!
//! `cargo test --test conformance traps::12` runs one case, and
//! `RECORD_FROM=/path/to/helm cargo test --test conformance` writes the goldens anew.

mod case;
mod cases;
mod expressions;
mod golden;
mod package;
mod traps;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let groups = [expressions::trials(), package::trials(), traps::trials()];
    let trials = groups.into_iter().flatten().collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
