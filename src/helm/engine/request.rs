//! What is to be rendered, and what comes out.

use std::collections::BTreeMap;

use crate::helm::capabilities::Capabilities;
use crate::helm::chart::Chart;
use crate::helm::values::Values;

/// A chart and everything that its templates can see.
#[derive(Clone, Copy, Debug)]
pub struct Render<'a> {
    /// The chart, its dependencies processed: all that are left are enabled and bear their aliases.
    pub chart: &'a Chart,
    /// The coalesced values.
    pub values: &'a Values,
    /// `.Release`.
    pub release: &'a ReleaseContext,
    /// `.Capabilities`.
    pub capabilities: &'a Capabilities,
    /// `getHostByName` may ask the DNS.
    pub dns: bool,
}

/// What templates see as `.Release`; `Service` is always `Helm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseContext {
    /// The release's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its revision, 1 for the first.
    pub revision: i64,
    /// Whether it is being installed.
    pub is_install: bool,
    /// Whether it is being upgraded or rolled back.
    pub is_upgrade: bool,
}

/// What the templates became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Every executed file by its full path, for example `web/charts/db/templates/service.yaml`. `NOTES.txt`
    /// is among them.
    pub files: BTreeMap<String, String>,
}
