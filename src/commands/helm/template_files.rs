//! `--output-dir`: every template's documents in a file of its own.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::helm::rendering::add;

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("write {}", path.display())]
pub(super) struct FileError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The files below a directory. The first document of a template replaces a file that was there before; the
/// others are appended.
pub(super) struct Files<'d> {
    directory: &'d Path,
    written: HashSet<PathBuf>,
    log: String,
}

impl<'d> Files<'d> {
    /// Nothing is written yet.
    pub(super) fn new(directory: &'d Path) -> Self {
        Self { directory, written: HashSet::new(), log: String::new() }
    }

    /// What was written, a line for every document.
    pub(super) fn log(&self) -> &str {
        &self.log
    }

    /// Writes a document of a template; `below` is a folder between the directory and the template's path, or
    /// empty.
    pub(super) fn write(&mut self, below: &str, template: &str, text: &str) -> Result<(), FileError> {
        let path = self.directory.join(below).join(template);
        let failed = |source| FileError { path: path.clone(), source };
        let mut document = String::new();
        add(&mut document, template, text);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let first = self.written.insert(path.clone());
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(first).append(!first).mode(0o644);
        options.open(&path).and_then(|mut file| file.write_all(document.as_bytes())).map_err(failed)?;
        self.log.extend(["wrote ", &path.to_string_lossy(), "\n"]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_one_template_share_a_file_that_is_new() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r/demo/templates/a.yaml");
        for _ in 0..2 {
            let mut files = Files::new(directory.path());
            files.write("r", "demo/templates/a.yaml", "kind: A\n").unwrap();
            files.write("r", "demo/templates/a.yaml", "kind: B").unwrap();
            assert_eq!(files.log(), format!("wrote {0}\nwrote {0}\n", path.display()));
        }
        let text = "---\n# Source: demo/templates/a.yaml\nkind: A\n\n---\n# Source: demo/templates/a.yaml\nkind: B\n";
        assert_eq!(fs::read_to_string(path).unwrap(), text);
    }
}
