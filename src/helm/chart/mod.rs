//! A chart: its files, its metadata, and how it is packaged. No cluster, no network.
//!
//! [`directory`] and [`archive`] turn a directory or a `.tgz` into [`File`]s, [`load`] sorts those into a
//! [`Chart`], and [`package`] writes a chart as an archive: same input, same bytes, on every machine.

pub mod archive;
pub mod content;
pub mod decode;
pub mod dependency;
pub mod directory;
pub mod ignore;
pub mod load;
pub mod lock;
pub mod metadata;
pub mod open;
pub mod package;
mod tar;
pub mod unpack;
pub mod walk;

pub use archive::{ArchiveError, ChartArchive};
pub use content::{Content, Digest};
pub use dependency::Dependency;
pub use load::{Chart, ChartError};
pub use lock::Lock;
pub use metadata::Metadata;
pub use open::OpenError;
pub use package::{Overrides, PackageError};

use jiff::Timestamp;

/// A file of a chart: its path inside the chart, with `/` between the parts, and its bytes. Files with both
/// alike are equal.
#[derive(Clone)]
pub struct File {
    /// The path inside the chart, for example `templates/service.yaml`.
    pub name: String,
    /// The bytes.
    pub data: Vec<u8>,
    /// When it was changed last, where that is known: Helm 4 keeps it in the record of a release.
    pub modified: Option<Timestamp>,
}

impl PartialEq for File {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.data == other.data
    }
}

impl Eq for File {}

impl File {
    /// A file of a chart.
    pub fn new(name: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), data: data.into(), modified: None }
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.data.len())
    }
}

/// The most bytes that the files of one chart may have together, 100 MiB as in Helm 4.
pub const MAX_CHART_SIZE: u64 = 100 * 1024 * 1024;

/// Helm drops a byte order mark from every file that it reads.
fn without_bom(data: &[u8]) -> &[u8] {
    data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data)
}
