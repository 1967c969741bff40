//! Repositories for the tests of this module, made without a git program.

use std::path::Path;

use git2::{IndexEntry, IndexTime, Oid, Repository, Signature, Time};
use tempfile::TempDir;

/// The time of every commit.
pub(super) const TIME: i64 = 1_700_000_000;

pub(super) const FILE: u32 = 0o100_644;
pub(super) const LINK: u32 = 0o120_000;
pub(super) const SUBMODULE: u32 = 0o160_000;

/// A repository in a temporary directory.
pub(super) struct Fixture {
    pub(super) repository: Repository,
    directory: TempDir,
}

impl Fixture {
    /// An empty repository whose first branch is `main`.
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let mut options = git2::RepositoryInitOptions::new();
        let repository = Repository::init_opts(directory.path(), options.initial_head("main")).unwrap();
        Self { repository, directory }
    }

    /// One with a chart `demo` in the folder `demo`, committed.
    pub(super) fn with_chart() -> Self {
        let fixture = Self::new();
        fixture.commit(&[
            ("demo/Chart.yaml", FILE, "apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            ("demo/values.yaml", FILE, "a: 1\n"),
            ("README.md", FILE, ""),
        ]);
        fixture
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Commits files (path, mode, content) on top of what is there.
    pub(super) fn commit(&self, files: &[(&str, u32, &str)]) -> Oid {
        let mut index = self.repository.index().unwrap();
        for (path, mode, content) in files {
            let id = if *mode == SUBMODULE {
                Oid::from_str(&"1".repeat(40)).unwrap()
            } else {
                self.repository.blob(content.as_bytes()).unwrap()
            };
            index.add(&entry(path, *mode, id)).unwrap();
        }
        index.write().unwrap();
        let tree = self.repository.find_tree(index.write_tree().unwrap()).unwrap();
        let author = Signature::new("A", "a@example.com", &Time::new(TIME, 0)).unwrap();
        let parent = self.repository.head().ok().map(|head| head.peel_to_commit().unwrap());
        self.repository
            .commit(Some("HEAD"), &author, &author, "Change", &tree, &parent.iter().collect::<Vec<_>>())
            .unwrap()
    }

    /// Tags a commit with an object of its own.
    pub(super) fn tag(&self, name: &str, commit: Oid) {
        let author = Signature::new("A", "a@example.com", &Time::new(TIME, 0)).unwrap();
        let object = self.repository.find_object(commit, None).unwrap();
        self.repository.tag(name, &object, &author, "Tag", false).unwrap();
    }

    /// Writes the files of the current commit into the work tree.
    pub(super) fn check_out(&self) {
        self.repository.checkout_head(Some(git2::build::CheckoutBuilder::new().force())).unwrap();
    }
}

fn entry(path: &str, mode: u32, id: Oid) -> IndexEntry {
    let time = IndexTime::new(0, 0);
    IndexEntry {
        ctime: time,
        mtime: time,
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.into(),
    }
}
