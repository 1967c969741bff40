//! A chart directory to be packaged.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A chart by its files; content that starts with `-> ` is a symbolic link.
pub(crate) struct Case {
    /// Names the golden.
    pub(crate) name: &'static str,
    /// Path and content.
    pub(crate) files: &'static [(&'static str, &'static [u8])],
}

impl Case {
    /// Writes the chart into a folder named `chart`, which lives as long as the temporary directory.
    pub(crate) fn written(&self) -> (TempDir, PathBuf) {
        let directory = TempDir::new().expect("a temporary directory");
        let chart = directory.path().join("chart");
        for (path, content) in self.files {
            write(&chart.join(path), content);
        }
        (directory, chart)
    }
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("create the folders");
    match content.strip_prefix(b"-> ") {
        Some(target) => symlink(str::from_utf8(target).expect("a path"), path).expect("make the link"),
        None => fs::write(path, content).expect("write the file"),
    }
}
