//! What templates see beside values: `.Files`, `.Capabilities`, `.Chart`.

mod capabilities;
mod chart;
mod files;
mod glob;

pub(super) use capabilities::CapabilitiesObject;
pub(super) use chart::chart_map;
pub(super) use files::Files;
