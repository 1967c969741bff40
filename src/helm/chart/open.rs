//! Opening a chart that lies on this machine, a folder or an archive.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::directory::{self, DirectoryError};
use super::unpack::{Budget, UnpackError, unpack};
use super::{Chart, ChartError};

/// Why a path is no chart. The words are Helm's.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing there, or not readable.
    #[error("{}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder without `Chart.yaml`.
    #[error("unable to detect chart at {path}: open {path}: no such file or directory", path = .0.display())]
    NoChartFile(PathBuf),
    /// A folder that cannot be read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A YAML file, which is probably the user's values.
    #[error("file '{}' seems to be a YAML file, but expected a gzipped archive", .0.display())]
    Yaml(PathBuf),
    /// Not an archive.
    #[error("file '{}' {problem}", path.display())]
    NotGzip {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        problem: UnpackError,
    },
    /// An archive that cannot be unpacked.
    #[error(transparent)]
    Unpack(UnpackError),
    /// Files that are no chart.
    #[error(transparent)]
    Chart(#[from] ChartError),
}

impl Chart {
    /// Loads the chart at a path: a folder, or a `.tgz`. Reads the disk.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            let chart_file = path.join("Chart.yaml");
            if !chart_file.exists() {
                return Err(OpenError::NoChartFile(chart_file));
            }
            return Ok(Self::from_files(directory::read(path)?)?);
        }
        let bytes = fs::read(path).map_err(unreadable)?;
        let files = unpack(&bytes, &mut Budget::default()).map_err(|error| not_unpacked(path, error))?;
        Ok(Self::from_files(files)?)
    }
}

fn not_unpacked(path: &Path, error: UnpackError) -> OpenError {
    match error {
        UnpackError::NotGzip(_) if is_yaml(path) => OpenError::Yaml(path.to_owned()),
        problem @ UnpackError::NotGzip(_) => OpenError::NotGzip { path: path.to_owned(), problem },
        other => OpenError::Unpack(other),
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> String {
        Chart::open(path).unwrap_err().to_string()
    }

    #[test]
    fn a_folder_and_an_archive_are_the_same_chart() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Chart.yaml"), "apiVersion: v2\nname: demo\nversion: 1.0.0\n").unwrap();
        fs::write(folder.path().join("values.yaml"), "a: 1\n").unwrap();
        let chart = Chart::open(folder.path()).unwrap();
        let archive = super::super::package::package(&chart, 0, &super::super::Overrides::default()).unwrap();
        let path = folder.path().join("demo.tgz");
        fs::write(&path, archive.bytes()).unwrap();
        assert_eq!(Chart::open(&path).unwrap().defaults, chart.defaults);
    }

    #[test]
    fn what_is_no_chart_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refusal(folder.path()).starts_with("unable to detect chart at "));
        let values = folder.path().join("values.yaml");
        fs::write(&values, "a: 1\n").unwrap();
        assert!(refusal(&values).ends_with("seems to be a YAML file, but expected a gzipped archive"));
        let text = folder.path().join("text");
        fs::write(&text, "words").unwrap();
        assert!(refusal(&text).contains("does not appear to be a gzipped archive"));
        assert!(refusal(&folder.path().join("none")).ends_with("/none"));
    }
}
