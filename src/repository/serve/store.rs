//! The archives of one directory. Files are written aside and then given their name, so that no reader ever
//! sees half an archive.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::helm::chart::archive::ChartArchive;
use crate::helm::semver::Version;

/// The directory and what is known about its archives.
pub(super) struct Store {
    directory: PathBuf,
    limit: Option<usize>,
    known: Mutex<HashMap<String, Known>>,
    /// Held while files are written, so that two uploads cannot both be the last one that fits.
    writing: Mutex<()>,
}

/// An archive as it was when it was read; a file that changed since is read again.
struct Known {
    length: u64,
    modified: SystemTime,
    /// `None` for a file that is no chart.
    entry: Option<Arc<Entry>>,
}

/// One version as the index lists it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) version: String,
    /// The chart's metadata with `urls`, `created` and `digest`.
    pub(super) listing: Value,
}

/// Why nothing was stored.
#[derive(Debug)]
pub(super) enum Unsaved {
    /// One of the files exists.
    Exists,
    /// There are as many archives as there may be.
    Full,
}

impl Store {
    pub(super) fn new(directory: PathBuf, limit: Option<usize>) -> Self {
        Self { directory, limit, known: Mutex::default(), writing: Mutex::default() }
    }

    /// Every readable archive: by chart name, newest version first.
    pub(super) fn charts(&self) -> io::Result<BTreeMap<String, Vec<Arc<Entry>>>> {
        let mut charts: BTreeMap<String, Vec<Arc<Entry>>> = BTreeMap::new();
        let archives = self.archives()?;
        self.known().retain(|file, _| archives.contains(file));
        for file in archives {
            if let Some(entry) = self.entry(&file)? {
                charts.entry(entry.name.clone()).or_default().push(entry);
            }
        }
        for versions in charts.values_mut() {
            // Versions of equal precedence are ordered by their text.
            versions.sort_by_cached_key(|entry| {
                std::cmp::Reverse((entry.version.parse::<Version>().ok(), entry.version.clone()))
            });
        }
        Ok(charts)
    }

    /// The bytes of an archive or a provenance file; `None` for every other name.
    pub(super) fn read(&self, file: &str) -> io::Result<Option<Vec<u8>>> {
        if !is_servable(file) {
            return Ok(None);
        }
        match std::fs::read(self.directory.join(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Stores files under their names, all or none of them as far as existing ones are concerned.
    pub(super) fn save(&self, files: &[(String, Bytes)], overwrite: bool) -> io::Result<Result<(), Unsaved>> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let exists = |file: &String| self.directory.join(file).exists();
        if !overwrite && files.iter().any(|(file, _)| exists(file)) {
            return Ok(Err(Unsaved::Exists));
        }
        let added = files.iter().filter(|(file, _)| is_archive(Path::new(file)) && !exists(file)).count();
        if self.limit.is_some_and(|limit| {
            added > 0 && self.archives().is_ok_and(|archives| archives.len() + added > limit)
        }) {
            return Ok(Err(Unsaved::Full));
        }
        for (file, bytes) in files {
            self.write(file, bytes)?;
        }
        Ok(Ok(()))
    }

    /// Removes an archive and its provenance; false when there is no such archive.
    pub(super) fn remove(&self, file: &str) -> io::Result<bool> {
        if !is_servable(file) {
            return Ok(false);
        }
        let remove = |file: &str| match std::fs::remove_file(self.directory.join(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| true),
        };
        let removed = remove(file)?;
        remove(&format!("{file}.prov"))?;
        Ok(removed)
    }

    fn write(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let mut aside = tempfile::Builder::new().prefix(".upload-").tempfile_in(&self.directory)?;
        io::Write::write_all(&mut aside, bytes)?;
        aside.as_file().sync_all()?;
        aside.persist(self.directory.join(file))?;
        std::fs::File::open(&self.directory)?.sync_all()
    }

    /// The names of the archives, sorted.
    fn archives(&self) -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if is_archive(Path::new(&name)) && is_servable(&name) {
                names.insert(name);
            }
        }
        Ok(names)
    }

    /// A thread that panicked leaves nothing half done here.
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, file: &str) -> io::Result<Option<Arc<Entry>>> {
        let path = self.directory.join(file);
        let (length, modified) = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => (metadata.len(), metadata.modified()?),
            Ok(_) => return Ok(None),
            // Deleted since the directory was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut known = self.known();
        match known.get(file) {
            Some(known) if known.length == length && known.modified == modified => Ok(known.entry.clone()),
            _ => {
                let Ok(bytes) = std::fs::read(&path).inspect_err(|error| left_out(file, error)) else {
                    return Ok(None);
                };
                let entry = describe(file, bytes, modified).map(Arc::new);
                known.insert(file.to_owned(), Known { length, modified, entry: entry.clone() });
                Ok(entry)
            }
        }
    }
}

/// One file that is no chart, or cannot be read, spoils no index.
fn left_out(file: &str, error: &dyn std::fmt::Display) {
    tracing::warn!(file, %error, "left out of the index");
}

/// What the index says about an archive; `None`, with a warning, when it is no chart.
fn describe(file: &str, bytes: Vec<u8>, modified: SystemTime) -> Option<Entry> {
    let archive = match ChartArchive::read(bytes) {
        Ok(archive) => archive,
        Err(error) => {
            left_out(file, &error);
            return None;
        }
    };
    let mut listing = archive.metadata().encode();
    listing["urls"] = json!([format!("charts/{file}")]);
    listing["created"] = json!(jiff::Timestamp::try_from(modified).unwrap_or_default().to_string());
    listing["digest"] = json!(archive.digest().hex());
    Some(Entry { name: archive.name().to_owned(), version: archive.version().to_owned(), listing })
}

/// A plain name of an archive or its provenance: nothing hidden, nothing in another directory.
fn is_servable(file: &str) -> bool {
    let plain = !file.starts_with('.') && !file.contains(['/', '\\', '\0']);
    plain && is_archive(Path::new(file.strip_suffix(".prov").unwrap_or(file)))
}

fn is_archive(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("tgz"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_of_archives_are_served() {
        for (file, servable) in [
            ("demo-1.0.0.tgz", true),
            ("demo-1.0.0.tgz.prov", true),
            ("demo-1.0.0+build.5.tgz", true),
            ("../demo-1.0.0.tgz", false),
            ("a\\demo-1.0.0.tgz", false),
            (".upload-1.tgz", false),
            ("index-cache.yaml", false),
            ("release.yaml.prov", false),
            ("", false),
        ] {
            assert_eq!(is_servable(file), servable, "{file:?}");
        }
    }

    #[test]
    fn a_file_is_stored_once_and_the_limit_counts_archives() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path().to_owned(), Some(1));
        let file = |name: &str| vec![(name.to_owned(), Bytes::from_static(b"bytes"))];
        assert!(matches!(store.save(&file("a-1.tgz"), false), Ok(Ok(()))));
        assert!(matches!(store.save(&file("a-1.tgz"), false), Ok(Err(Unsaved::Exists))));
        assert!(matches!(store.save(&file("a-1.tgz"), true), Ok(Ok(()))));
        assert!(matches!(store.save(&file("a-1.tgz.prov"), false), Ok(Ok(()))));
        assert!(matches!(store.save(&file("a-2.tgz"), false), Ok(Err(Unsaved::Full))));
        assert!(store.remove("a-1.tgz").unwrap());
        assert!(!store.remove("a-1.tgz").unwrap());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn of_many_uploads_at_once_one_wins() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path().to_owned(), None);
        let store = &store;
        let save = |content: u8| {
            store.save(&[("a-1.tgz".to_owned(), Bytes::from(vec![content; 4096]))], false).unwrap().is_ok()
        };
        let won = std::thread::scope(|scope| {
            let uploads: Vec<_> =
                (0..8).map(|content| scope.spawn(move || (content, save(content)))).collect();
            uploads
                .into_iter()
                .map(|upload| upload.join().unwrap())
                .filter(|(_, won)| *won)
                .map(|(content, _)| content)
                .collect::<Vec<_>>()
        });
        assert_eq!(won.len(), 1);
        assert_eq!(store.read("a-1.tgz").unwrap(), Some(vec![won[0]; 4096]));
    }

    #[test]
    fn a_file_that_is_no_chart_is_not_listed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("junk-1.0.0.tgz"), "junk").unwrap();
        std::fs::create_dir(directory.path().join("folder-1.0.0.tgz")).unwrap();
        std::os::unix::fs::symlink("nowhere", directory.path().join("link-1.0.0.tgz")).unwrap();
        // A file that cannot be read, for root as well.
        std::os::unix::fs::symlink("/proc/self/mem", directory.path().join("unreadable-1.0.0.tgz")).unwrap();
        assert!(Store::new(directory.path().to_owned(), None).charts().unwrap().is_empty());
    }
}
