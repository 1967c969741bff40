//! Reading a chart's directory on this machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::File;
use super::walk::{Kind, Tree, WalkError, walk};

/// Why a directory is not read.
pub type DirectoryError = WalkError<EntryError>;

/// Why an entry of a directory is not read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// A file or folder cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A symbolic link that leads nowhere.
    #[error("error evaluating symlink {}", path.display())]
    BrokenLink {
        /// The link.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A device, socket or pipe.
    #[error("cannot load irregular file {} as it has file mode type bits set", .0.display())]
    Irregular(PathBuf),
    /// A name that is not UTF-8.
    #[error("the name of {} is not UTF-8", .0.display())]
    Name(PathBuf),
}

/// The files of a chart's directory, symbolic links followed, by the rules of [`walk`].
pub fn read(directory: &Path) -> Result<Vec<File>, DirectoryError> {
    walk(&Directory { root: directory, left_out: None })
}

/// Like [`read`], but as if one entry (a path inside the directory) were not there.
pub fn read_without(directory: &Path, left_out: &Path) -> Result<Vec<File>, DirectoryError> {
    walk(&Directory { root: directory, left_out: Some(left_out) })
}

struct Directory<'a> {
    root: &'a Path,
    left_out: Option<&'a Path>,
}

impl Directory<'_> {
    fn path(&self, inner: &str) -> PathBuf {
        if inner.is_empty() { self.root.to_owned() } else { self.root.join(inner) }
    }
}

impl Tree for Directory<'_> {
    type Error = EntryError;

    fn names(&self, folder: &str) -> Result<Vec<String>, EntryError> {
        let left_out = self.left_out.filter(|path| path.parent() == Some(Path::new(folder)));
        let folder = self.path(folder);
        let unreadable = |source| EntryError::Read { path: folder.clone(), source };
        let name = |entry: io::Result<fs::DirEntry>| {
            let name = entry.map_err(unreadable)?.file_name();
            name.into_string().map_err(|name| EntryError::Name(folder.join(name)))
        };
        let entries = fs::read_dir(&folder).map_err(unreadable)?;
        let stays = |entry: &io::Result<fs::DirEntry>| {
            entry
                .as_ref()
                .map_or(true, |entry| left_out.and_then(Path::file_name) != Some(&entry.file_name()))
        };
        entries.filter(stays).map(name).collect()
    }

    /// A broken link is an error even where it would be ignored, as in Helm.
    fn kind(&self, path: &str) -> Result<Kind, EntryError> {
        let path = self.path(path);
        if path.is_symlink() {
            tracing::info!(path = %path.display(), "found symbolic link in path. Contents of linked file included and used");
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Ok(Kind::Folder),
            Ok(metadata) if metadata.is_file() => Ok(Kind::File(metadata.len())),
            Ok(_) => Ok(Kind::Other),
            Err(source) if path.is_symlink() => Err(EntryError::BrokenLink { path, source }),
            Err(source) => Err(EntryError::Read { path, source }),
        }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, EntryError> {
        if self.kind(path)? == Kind::Other {
            return Err(EntryError::Irregular(self.path(path)));
        }
        let path = self.path(path);
        fs::read(&path).map_err(|source| EntryError::Read { path, source })
    }

    fn modified(&self, path: &str) -> Option<Timestamp> {
        fs::metadata(self.path(path)).ok()?.modified().ok()?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, data) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, data).unwrap();
        }
        directory
    }

    fn names(directory: &Path) -> Vec<String> {
        read(directory).unwrap().into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn empty_folders_vanish_and_ignored_files_are_left_out() {
        let directory = directory(&[
            ("a.yaml", ""),
            ("a/z", ""),
            (".helmignore", "*.md\n"),
            ("README.md", ""),
            ("templates/.x", ""),
        ]);
        fs::create_dir(directory.path().join("empty")).unwrap();
        assert_eq!(names(directory.path()), [".helmignore", "a/z", "a.yaml"]);
    }

    #[test]
    fn links_are_followed() {
        let elsewhere = directory(&[("file", "content"), ("folder/inner", "")]);
        let chart = directory(&[("Chart.yaml", "")]);
        symlink(elsewhere.path().join("file"), chart.path().join("link")).unwrap();
        symlink(elsewhere.path().join("folder"), chart.path().join("linked")).unwrap();
        assert_eq!(names(chart.path()), ["Chart.yaml", "link", "linked/inner"]);
        assert_eq!(read(chart.path()).unwrap()[1].data, b"content");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let chart = directory(&[("Chart.yaml", "")]);
        let refusal =
            |chart: &Path| read(chart).unwrap_err().to_string().replace(chart.to_str().unwrap(), "CHART");
        symlink("nowhere", chart.path().join("broken")).unwrap();
        assert_eq!(refusal(chart.path()), "error evaluating symlink CHART/broken");
        fs::remove_file(chart.path().join("broken")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(chart.path().join("socket")).unwrap();
        assert_eq!(
            refusal(chart.path()),
            "cannot load irregular file CHART/socket as it has file mode type bits set"
        );
        fs::remove_file(chart.path().join("socket")).unwrap();
        symlink(".", chart.path().join("loop")).unwrap();
        assert!(refusal(chart.path()).starts_with("error evaluating symlink CHART/loop/loop"));
        assert_eq!(read(Path::new("no/such/folder")).unwrap_err().to_string(), "read no/such/folder");
    }
}
