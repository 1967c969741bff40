//! Versions and constraints by Masterminds' rules, which are Helm's: `v1.11.5` and `1.2` are versions,
//! `>=1.22.0-0` admits prereleases.
//!
//! Not Cargo's rules: `1.2.3` as a constraint means exactly that version, and a space or a comma means "and".

pub mod constraint;
pub mod version;

pub use constraint::{Constraint, ConstraintError};
pub use version::{Version, VersionError};

/// Whether one version is newer than another; texts that are no versions are not.
pub fn is_newer(one: &str, other: &str) -> bool {
    matches!((one.parse::<Version>(), other.parse::<Version>()), (Ok(one), Ok(other)) if one > other)
}
