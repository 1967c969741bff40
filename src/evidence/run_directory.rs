//! `.release/runs/<id>/`: the journal line by line, and a folder for each cluster with what was captured
//! there. Only its owner reads it.
//!
//! It never stops a run: a disk that is full or read-only gives a note, once for each kind of trouble. A
//! directory that vanishes on the way is made again.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::event::Record;
use super::kept_file::KeptFile;
use crate::redact;

/// What existed on a cluster before the change, in its folder.
pub const BASELINE: &str = "baseline.json";
/// How many runs are kept, this one included.
const RUNS: usize = 20;

/// The directory of one run. Clones share what they remember.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    /// `.release` beside release.yaml.
    home: PathBuf,
    root: PathBuf,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    /// Every line of the journal so far.
    journal: String,
    /// How much of it is known to be on the disk.
    written: usize,
    /// The kinds of trouble that were told.
    told: Vec<io::ErrorKind>,
}

/// How the keeping of a text ended.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Kept {
    /// The file, relative to the run's directory.
    pub file: Option<String>,
    /// What a person should be told: why this, and maybe more, is not kept.
    pub note: Option<String>,
}

impl RunDirectory {
    /// `<base>/.release/runs/<run>`, made when something is kept in it. The oldest runs beside it are deleted.
    pub fn create(base: &Path, run: &str) -> Self {
        let home = base.join(".release");
        let root = home.join("runs").join(run);
        prune(&home, run);
        Self { home, root, memory: Arc::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Appends one line to `journal.jsonl` and waits until it is on the disk. Answers what a person should be
    /// told.
    #[must_use]
    pub fn append(&self, record: &Record) -> Option<String> {
        let path = self.root.join("journal.jsonl");
        let line = serde_json::to_string(record).map_err(io::Error::from);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let appended = line.and_then(|line| {
            memory.journal.push_str(&redact::text(&line));
            memory.journal.push('\n');
            self.write_journal(&path, &mut memory)
        });
        appended.err().and_then(|error| memory.news(&path, &error))
    }

    /// Keeps a text for a cluster (`.` for the whole run), with whatever looks like a secret hidden.
    pub fn keep(&self, cluster: &str, name: &str, text: &str) -> Kept {
        self.keep_exact(cluster, name, &redact::text(text))
    }

    /// Keeps a text as it is: a backup that is changed restores nothing.
    pub fn keep_exact(&self, cluster: &str, name: &str, text: &str) -> Kept {
        let relative = match cluster {
            "." => component(name),
            cluster => format!("{}/{}", component(cluster), component(name)),
        };
        let path = self.root.join(&relative);
        let written = self
            .folder(path.parent().unwrap_or(&self.root))
            .and_then(|()| private().truncate(true).open(&path)?.write_all(text.as_bytes()));
        match written {
            Ok(()) => Kept { file: Some(relative), note: None },
            Err(error) => Kept { file: None, note: self.news(&path, &error) },
        }
    }

    /// A text that was kept for a cluster, by this process or an earlier one of the same run.
    pub fn kept(&self, cluster: &str, name: &str) -> Option<String> {
        fs::read_to_string(self.root.join(component(cluster)).join(component(name))).ok()
    }

    /// A file that is written bit by bit, as it is; [`RunDirectory::written`] tells how that ended.
    pub fn file(&self, cluster: &str, name: &str) -> KeptFile {
        let path = self.root.join(component(cluster)).join(component(name));
        let opened = self
            .folder(path.parent().unwrap_or(&self.root))
            .and_then(|()| private().truncate(true).open(&path).map(BufWriter::new));
        KeptFile { path, opened }
    }

    /// What a person should be told of how the writing of a file ended.
    #[must_use]
    pub fn written(&self, file: &KeptFile, written: io::Result<()>) -> Option<String> {
        let error = written.err()?;
        self.news(&file.path, file.opened.as_ref().err().unwrap_or(&error))
    }

    fn news(&self, path: &Path, error: &io::Error) -> Option<String> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).news(path, error)
    }

    /// What is not on the disk yet; the whole journal where the file has vanished or a write failed half-way.
    fn write_journal(&self, path: &Path, memory: &mut Memory) -> io::Result<()> {
        self.folder(&self.root)?;
        let from = if path.exists() { std::mem::take(&mut memory.written) } else { 0 };
        let mut file = private().truncate(from == 0).append(from > 0).open(path)?;
        file.write_all(&memory.journal.as_bytes()[from..])?;
        file.sync_data()?;
        memory.written = memory.journal.len();
        Ok(())
    }

    /// Makes a folder below the run's directory, and tells git to leave all of it alone.
    fn folder(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let ignore = self.home.join(".gitignore");
        if ignore.exists() {
            return Ok(());
        }
        private().open(&ignore)?.write_all(b"*\n")
    }
}

impl Memory {
    /// The note for a trouble of a kind that was not told before.
    fn news(&mut self, path: &Path, error: &io::Error) -> Option<String> {
        if self.told.contains(&error.kind()) {
            return None;
        }
        self.told.push(error.kind());
        Some(format!("{} cannot be written, and what belongs there is not kept: {error}", path.display()))
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

/// A name as one part of a path: names of clusters are free texts.
fn component(name: &str) -> String {
    match name {
        ".." => "__".to_owned(),
        name => name.replace(['/', '\0'], "_"),
    }
}

/// Deletes the oldest runs, as far as they can be deleted. Only real directories that are named like a run;
/// what a link leads to belongs to somebody else.
fn prune(home: &Path, current: &str) {
    let runs = home.join("runs");
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    if !is_folder(home) || !is_folder(&runs) {
        return;
    }
    let entries = fs::read_dir(&runs).into_iter().flatten().flatten();
    let mut old: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_run(name) && name != current)
        .collect();
    // Ids begin with the time.
    old.sort_unstable_by(|a, b| b.cmp(a));
    for name in old.iter().skip(RUNS - 1) {
        if let Err(error) = fs::remove_dir_all(runs.join(name)) {
            tracing::debug!(run = name, %error, "an old run's directory stays");
        }
    }
}

/// `20261124-091603-3f2a`.
fn is_run(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    let hex = |part: &str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_hexdigit());
    matches!(parts[..], [day, time, random] if digits(day, 8) && digits(time, 6) && hex(random))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use jiff::Timestamp;

    use super::*;
    use crate::evidence::event::Event;

    fn record(event: Event) -> Record {
        Record { at: Timestamp::UNIX_EPOCH, cluster: "eks-development-1".to_owned(), event }
    }

    fn journal(directory: &RunDirectory) -> Vec<Record> {
        let text = fs::read_to_string(directory.path().join("journal.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn every_record_is_a_line_that_reads_back() {
        let base = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(base.path(), "r1");
        let records = [record(Event::Locked), record(Event::Changed { revision: 2 })];
        for record in &records {
            assert_eq!(directory.append(record), None);
        }
        assert_eq!(journal(&directory), records);
    }

    #[test]
    fn the_first_text_of_the_whole_run_makes_the_directory() {
        let base = tempfile::tempdir().unwrap();
        let kept = RunDirectory::create(base.path(), "r1").keep(".", "plan.json", "{}");
        assert_eq!(kept, Kept { file: Some("plan.json".to_owned()), note: None });
    }

    #[test]
    fn only_the_owner_reads_it_and_git_leaves_it_alone() {
        let base = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(base.path(), "r1");
        let kept = directory.keep("eks/../1", "a.txt", "--token=hunter2");
        assert_eq!(kept.file.as_deref(), Some("eks_.._1/a.txt"));
        let file = directory.path().join("eks_.._1/a.txt");
        assert_eq!(fs::read_to_string(&file).unwrap(), "--token=***");
        assert_eq!(
            (mode(&file), mode(file.parent().unwrap()), mode(directory.path())),
            (0o600, 0o700, 0o700)
        );
        assert_eq!(fs::read_to_string(base.path().join(".release/.gitignore")).unwrap(), "*\n");
        let exact = directory.keep_exact(".", "backup.yaml", "--token=hunter2").file.unwrap();
        assert_eq!(fs::read_to_string(directory.path().join(exact)).unwrap(), "--token=hunter2");
    }

    #[test]
    fn a_file_that_is_written_bit_by_bit_is_kept_to_the_letter() {
        let base = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(base.path(), "r1");
        let mut file = directory.file("c", "backup.yaml");
        let written = file.write_all(b"--token=hunter2").and_then(|()| file.flush());
        assert_eq!(directory.written(&file, written), None);
        let text = fs::read_to_string(directory.path().join("c/backup.yaml")).unwrap();
        assert_eq!((text.as_str(), directory.kept("c", "other")), ("--token=hunter2", None));
        assert_eq!(directory.kept("c", "backup.yaml"), Some(text));
        let blocked = tempfile::tempdir().unwrap();
        fs::write(blocked.path().join(".release"), "a file in the way").unwrap();
        let directory = RunDirectory::create(blocked.path(), "r1");
        let mut file = directory.file("c", "backup.yaml");
        let written = file.write_all(b"x");
        assert!(directory.written(&file, written).unwrap().contains("backup.yaml cannot be written"));
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_told_once_and_stops_nothing() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join(".release"), "a file in the way").unwrap();
        let directory = RunDirectory::create(base.path(), "r1");
        let told = directory.append(&record(Event::Locked)).unwrap();
        assert!(
            told.contains("journal.jsonl cannot be written, and what belongs there is not kept"),
            "{told}"
        );
        assert_eq!(directory.append(&record(Event::Locked)), None);
        assert_eq!(directory.clone().keep(".", "outcome.json", "{}"), Kept::default());
    }

    #[test]
    fn a_directory_that_vanishes_is_made_again_with_the_whole_journal() {
        let base = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(base.path(), "r1");
        let records = [record(Event::Locked), record(Event::Changed { revision: 2 })];
        assert_eq!(directory.append(&records[0]), None);
        fs::remove_dir_all(base.path().join(".release")).unwrap();
        assert_eq!(directory.append(&records[1]), None);
        assert_eq!(journal(&directory), records);
        fs::remove_dir_all(base.path().join(".release")).unwrap();
        assert_eq!(directory.keep("c", "a.txt", "").note, None);
    }

    #[test]
    fn the_newest_runs_stay_and_nothing_else_is_touched() {
        let base = tempfile::tempdir().unwrap();
        let runs = base.path().join(".release/runs");
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("file"), "").unwrap();
        for day in 10..32 {
            fs::create_dir_all(runs.join(format!("202611{day}-000000-00ff"))).unwrap();
        }
        fs::create_dir_all(runs.join("mine")).unwrap();
        symlink(elsewhere.path(), runs.join("20200101-000000-00ff")).unwrap();
        RunDirectory::create(base.path(), "20261110-000000-00ff");
        let mut left: Vec<String> = fs::read_dir(&runs)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left.len(), RUNS + 2, "{left:?}");
        assert_eq!(left[..3], ["20200101-000000-00ff", "20261110-000000-00ff", "20261113-000000-00ff"]);
        assert!(elsewhere.path().join("file").exists());
    }

    #[test]
    fn a_home_that_is_a_link_is_not_followed() {
        let (base, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for day in 0..30 {
            fs::create_dir_all(elsewhere.path().join(format!("runs/202601{day:02}-000000-00ff"))).unwrap();
        }
        symlink(elsewhere.path(), base.path().join(".release")).unwrap();
        RunDirectory::create(base.path(), "20261110-000000-00ff");
        assert_eq!(fs::read_dir(elsewhere.path().join("runs")).unwrap().count(), 30);
    }
}
