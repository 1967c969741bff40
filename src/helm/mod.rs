//! Helm's formats and rules. Knows no fleet, no gate and no terminal.

pub mod capabilities;
pub mod chart;
pub mod crds;
pub mod engine;
pub mod json;
pub mod kind_order;
pub mod manifest;
pub mod release;
pub mod rendering;
pub mod semver;
pub mod template;
pub mod values;
pub mod yaml;
