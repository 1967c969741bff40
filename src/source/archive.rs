//! A packaged chart on this machine. It is deployed as it is; nothing is packaged again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{Fetched, Origin};
use crate::helm::chart::{ArchiveError, ChartArchive, MAX_CHART_SIZE};

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveSourceError {
    /// The file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is larger than the chart inside may be.
    #[error("{} is larger than a chart may be ({MAX_CHART_SIZE} bytes)", .0.display())]
    TooLarge(PathBuf),
    /// It is not a packaged chart.
    #[error("file '{}'", path.display())]
    NotAChart {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ArchiveError,
    },
}

pub(super) fn fetch(path: &Path) -> Result<Fetched, ArchiveSourceError> {
    let unreadable = |source| ArchiveSourceError::Read { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.len() > MAX_CHART_SIZE {
        return Err(ArchiveSourceError::TooLarge(path.to_owned()));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let archive = ChartArchive::read(bytes)
        .map_err(|source| ArchiveSourceError::NotAChart { path: path.to_owned(), source })?;
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let origin = Origin {
        url: path.display().to_string(),
        reference: None,
        commit: None,
        dirty: true,
        time: changed.and_then(|age| i64::try_from(age.as_secs()).ok()).unwrap_or(0),
        stamped: false,
    };
    Ok(Fetched { files: archive.files().to_vec(), origin, archive: Some(archive) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::chart::{Chart, File, Overrides, package};

    #[test]
    fn an_archive_stays_as_it_is() {
        let chart =
            Chart::from_files(vec![File::new("Chart.yaml", "apiVersion: v2\nname: demo\nversion: 1.0.0")])
                .unwrap();
        let packaged = package::package(&chart, 5, &Overrides::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.tgz");
        fs::write(&path, packaged.bytes()).unwrap();
        let fetched = fetch(&path).unwrap();
        assert_eq!(fetched.package(&Overrides::default()).unwrap().bytes(), packaged.bytes());
        let bumped = Overrides { version: Some("2.0.0".to_owned()), app_version: None };
        assert_eq!(fetched.package(&bumped).unwrap().version(), "2.0.0");
    }

    #[test]
    fn a_text_file_is_no_archive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("values.yaml");
        fs::write(&path, "a: 1").unwrap();
        let error = fetch(&path).unwrap_err();
        let chain = crate::failure::Failure::from(error)
            .chain()
            .join(" ")
            .replace(folder.path().to_str().unwrap(), "DIR");
        assert_eq!(
            chain,
            "file 'DIR/values.yaml' does not appear to be a gzipped archive; got 'text/plain; charset=utf-8'"
        );
        assert!(matches!(fetch(Path::new("no/such.tgz")), Err(ArchiveSourceError::Read { .. })));
    }
}
