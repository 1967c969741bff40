//! YAML as Helm reads and writes it: go-yaml v2 (YAML 1.1), by way of JSON.
//!
//! [`from_str`] gives a JSON value, [`read`] the same with whole floats still floats, [`write`] the text that
//! Helm would write for one, [`write_pretty`] that of its `toYamlPretty`.
//! None knows what a chart is.

pub mod number;
pub mod read;
pub mod scalar;
pub mod write;

pub use read::{YamlError, from_str, read};
pub use write::{write, write_pretty};
