//! Helm's formats and rules. Knows no fleet, no gate and no terminal.

pub mod capabilities;
pub mod chart;
pub mod engine;
pub mod json;
pub mod manifest;
pub mod release;
pub mod semver;
pub mod template;
pub mod values;
pub mod yaml;
