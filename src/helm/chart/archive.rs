//! A packaged chart: the bytes of a `.tgz` together with what they hold, checked once.

use super::unpack::{Budget, UnpackError, unpack};
use super::{Chart, ChartError, Content, Digest, File, Metadata};

/// A packaged chart that Helm would accept. The bytes are the truth; everything else was read from them.
#[derive(Debug, Clone)]
pub struct ChartArchive {
    bytes: Vec<u8>,
    files: Vec<File>,
    metadata: Metadata,
}

/// Why bytes are not a packaged chart.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// They cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// What they hold is not a chart.
    #[error(transparent)]
    Chart(#[from] ChartError),
}

impl ChartArchive {
    /// Reads a packaged chart; sizes are limited and hostile names refused.
    pub fn read(bytes: Vec<u8>) -> Result<Self, ArchiveError> {
        let files = unpack(&bytes, &mut Budget::default())?;
        let metadata = Chart::from_files(files.clone())?.metadata;
        Ok(Self { bytes, files, metadata })
    }

    /// The bytes of the `.tgz`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The chart's name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The chart's version as written.
    pub fn version(&self) -> &str {
        &self.metadata.version
    }

    /// `<name>-<version>.tgz`
    pub fn file_name(&self) -> String {
        format!("{}-{}.tgz", self.name(), self.version())
    }

    /// What the chart says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The unpacked files in the archive's order.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The digest of the bytes, as a repository's index has it.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// What makes two archives the same chart.
    pub fn content(&self) -> Content {
        Content::of(&self.files)
    }
}
