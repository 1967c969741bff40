//! What Helm writes, compared with what we write. The goldens were written by a real helm; its version is the
//! name of their folder.
//!
//! `RECORD_FROM=/path/to/helm cargo test --test conformance` writes them anew.

mod case;
mod cases;
mod expressions;
mod golden;
mod package;
mod traps;
