//! `.release/runs/<id>/`: the journal line by line, and a folder for each cluster with what was captured
//! there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::event::Record;

/// The directory of one run.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    root: PathBuf,
}

/// Something could not be kept.
#[derive(Debug, Error)]
#[error("write {}", path.display())]
pub struct RunDirectoryError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl RunDirectory {
    /// Creates `<base>/.release/runs/<run>`.
    pub fn create(base: &Path, run: &str) -> Result<Self, RunDirectoryError> {
        let root = base.join(".release").join("runs").join(run);
        fs::create_dir_all(&root).map_err(|source| RunDirectoryError { path: root.clone(), source })?;
        Ok(Self { root })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Appends one line to `journal.jsonl` and waits until it is on the disk.
    pub fn append(&self, record: &Record) -> Result<(), RunDirectoryError> {
        let path = self.root.join("journal.jsonl");
        let line = serde_json::to_string(record).map_err(io::Error::from);
        let write = |line: String| -> io::Result<()> {
            let mut file: File = OpenOptions::new().create(true).append(true).open(&path)?;
            writeln!(file, "{line}")?;
            file.sync_data()
        };
        line.and_then(write).map_err(|source| RunDirectoryError { path, source })
    }

    /// Keeps a text for a cluster; answers its path relative to this directory.
    pub fn keep(&self, cluster: &str, name: &str, text: &str) -> Result<String, RunDirectoryError> {
        let relative = format!("{cluster}/{name}");
        let path = self.root.join(&relative);
        let write = || {
            fs::create_dir_all(self.root.join(cluster))?;
            fs::write(&path, text)
        };
        write().map_err(|source| RunDirectoryError { path: path.clone(), source })?;
        Ok(relative)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::evidence::event::Event;

    #[test]
    fn every_record_is_a_line_that_reads_back() {
        let base = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(base.path(), "r1").unwrap();
        let record =
            |event| Record { at: Timestamp::UNIX_EPOCH, cluster: "eks-development-1".to_owned(), event };
        let records = [record(Event::Locked), record(Event::Changed { revision: 2 })];
        for record in &records {
            directory.append(record).unwrap();
        }
        let text = fs::read_to_string(directory.path().join("journal.jsonl")).unwrap();
        let read: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, records);
    }
}
