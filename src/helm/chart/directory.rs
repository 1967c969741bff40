//! Reading a chart's directory: Helm's walk, `.helmignore`, symbolic links followed.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::ignore::{RuleError, Rules};
use super::{File, MAX_CHART_SIZE, without_bom};

/// Links that lead back to a folder above would be followed for ever.
const MAX_DEPTH: usize = 255;

/// Why a directory is not read.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
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
    /// Folders nested without end, usually a link to a folder above.
    #[error("{} is nested deeper than {MAX_DEPTH} folders: does a link lead back to a folder above it?", .0.display())]
    TooDeep(PathBuf),
    /// More than a chart may hold.
    #[error("chart exceeds maximum decompressed size of {MAX_CHART_SIZE} bytes")]
    TooLarge,
    /// The `.helmignore` is wrong.
    #[error("read the rules of {}", path.display())]
    Ignore {
        /// The chart's folder.
        path: PathBuf,
        /// The line.
        #[source]
        source: RuleError,
    },
}

/// The files of a chart's directory in Helm's order: names sorted bytewise per folder, folders descended where they stand.
pub fn read(directory: &Path) -> Result<Vec<File>, DirectoryError> {
    let rules = rules_of(directory)?;
    let mut walk = Walk { rules, files: Vec::new(), left: MAX_CHART_SIZE };
    walk.folder(directory, "", 0)?;
    Ok(walk.files)
}

fn rules_of(directory: &Path) -> Result<Rules, DirectoryError> {
    let path = directory.join(".helmignore");
    match fs::read(&path) {
        Ok(text) => {
            Rules::parse(&String::from_utf8_lossy(&text)).map_err(|source| DirectoryError::Ignore { path: directory.to_owned(), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Rules::default()),
        Err(source) => Err(DirectoryError::Read { path, source }),
    }
}

struct Walk {
    rules: Rules,
    files: Vec<File>,
    left: u64,
}

impl Walk {
    fn folder(&mut self, path: &Path, inner: &str, depth: usize) -> Result<(), DirectoryError> {
        if depth > MAX_DEPTH {
            return Err(DirectoryError::TooDeep(path.to_owned()));
        }
        for name in sorted_names(path).map_err(|source| DirectoryError::Read { path: path.to_owned(), source })? {
            let path = path.join(&name);
            let name = name.to_str().ok_or_else(|| DirectoryError::Name(path.clone()))?;
            let inner = if inner.is_empty() { name.to_owned() } else { format!("{inner}/{name}") };
            self.entry(&path, inner, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, inner: String, depth: usize) -> Result<(), DirectoryError> {
        let metadata = followed(path)?;
        if self.rules.ignores(&inner, metadata.is_dir()) {
            return Ok(());
        }
        if metadata.is_dir() {
            return self.folder(path, &inner, depth + 1);
        }
        if !metadata.is_file() {
            return Err(DirectoryError::Irregular(path.to_owned()));
        }
        // The size is checked before anything is read, and again after: a file may grow.
        self.left.checked_sub(metadata.len()).ok_or(DirectoryError::TooLarge)?;
        let data = fs::read(path).map_err(|source| DirectoryError::Read { path: path.to_owned(), source })?;
        self.left = self.left.checked_sub(data.len() as u64).ok_or(DirectoryError::TooLarge)?;
        self.files.push(File { name: inner, data: without_bom(&data).to_vec() });
        Ok(())
    }
}

/// What a path is, links followed. A broken link is an error even where it would be ignored, as in Helm.
fn followed(path: &Path) -> Result<Metadata, DirectoryError> {
    fs::metadata(path).map_err(|source| {
        let path = path.to_owned();
        if path.is_symlink() { DirectoryError::BrokenLink { path, source } } else { DirectoryError::Read { path, source } }
    })
}

fn sorted_names(path: &Path) -> io::Result<Vec<OsString>> {
    let mut names: Vec<_> = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    names.sort();
    Ok(names)
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
    fn folders_stand_where_their_bare_name_sorts() {
        let directory =
            directory(&[("a.yaml", ""), ("a/z", ""), ("B", ""), (".helmignore", "*.md\n"), ("README.md", ""), ("templates/.x", "")]);
        fs::create_dir(directory.path().join("empty")).unwrap();
        assert_eq!(names(directory.path()), [".helmignore", "B", "a/z", "a.yaml"]);
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        let directory = directory(&[("a", "\u{feff}x")]);
        assert_eq!(read(directory.path()).unwrap()[0].data, b"x");
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
        let refusal = |chart: &Path| read(chart).unwrap_err().to_string().replace(chart.to_str().unwrap(), "CHART");
        symlink("nowhere", chart.path().join("broken")).unwrap();
        assert_eq!(refusal(chart.path()), "error evaluating symlink CHART/broken");
        fs::remove_file(chart.path().join("broken")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(chart.path().join("socket")).unwrap();
        assert_eq!(refusal(chart.path()), "cannot load irregular file CHART/socket as it has file mode type bits set");
        fs::remove_file(chart.path().join("socket")).unwrap();
        symlink(".", chart.path().join("loop")).unwrap();
        let refused = read(chart.path()).unwrap_err().to_string();
        assert!(refused.contains("nested deeper") || refused.contains("loop"), "{refused}");
        assert_eq!(read(Path::new("no/such/folder")).unwrap_err().to_string(), "read no/such/folder");
    }
}
