//! What was built once and is used by every sandbox of this user: `~/.cache/release-sandbox`.
//!
//! An entry appears complete or not at all. Two builders of one entry wait for each other.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::talk;

const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The cache directory.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache of this user; created when it is missing.
    pub fn open() -> Result<Self> {
        let home = std::env::home_dir().context("find the home directory: set HOME")?;
        Self::at(&home.join(".cache/release-sandbox"))
    }

    /// A cache in a directory of one's own.
    pub fn at(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).with_context(|| format!("create {}", root.display()))?;
        Ok(Self { root: root.to_owned() })
    }

    /// Whether the entry is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.root.join(name).exists()
    }

    /// The entry `name` (which may be inside another entry, as in `tool-v1/chart`). When it is missing,
    /// `make` fills a directory aside, which then takes the entry's name.
    pub async fn provide(&self, name: &str, make: impl AsyncFnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let entry = self.root.join(name);
        if entry.exists() {
            return Ok(entry);
        }
        let flat = name.replace('/', "-");
        let _lock = self.lock(&flat).await?;
        if entry.exists() {
            return Ok(entry);
        }
        self.sweep(&flat)?;
        // The directory is removed when `make` fails or is cancelled.
        let aside = tempfile::Builder::new()
            .prefix(&prefix(&flat))
            .tempdir_in(&self.root)
            .context("create a directory in the cache")?;
        make(aside.path()).await?;
        fs::rename(aside.keep(), &entry)
            .with_context(|| format!("put {} into its place", entry.display()))?;
        Ok(entry)
    }

    /// Waits without blocking the thread, so that Ctrl-C ends the wait.
    async fn lock(&self, flat: &str) -> Result<File> {
        let path = self.root.join(format!(".{flat}.lock"));
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let locked = match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let what = format!("waiting for another build of {flat}");
                talk::line(&what);
                talk::when_slow(&what, free(&file)).await
            }
            locked => locked,
        };
        locked.with_context(|| format!("lock {}", path.display()))?;
        Ok(file)
    }

    /// Removes what a killed builder of this entry left. The caller holds the lock.
    fn sweep(&self, flat: &str) -> Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix(flat)) {
                fs::remove_dir_all(entry.path())
                    .with_context(|| format!("remove {}", entry.path().display()))?;
            }
        }
        Ok(())
    }
}

/// Asks again and again, since a lock that is waited for would block the thread.
async fn free(file: &File) -> Result<(), TryLockError> {
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK_AGAIN).await,
            locked => return locked,
        }
    }
}

fn prefix(flat: &str) -> String {
    format!(".{flat}.aside-")
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let entries = fs::read_dir(root).expect("the cache");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_failed_build_leaves_no_entry_and_the_next_one_succeeds_once() {
        let root = tempfile::tempdir().expect("a directory");
        let cache = Cache::at(root.path()).expect("a cache");
        let fail = async |aside: &Path| {
            fs::write(aside.join("half"), "")?;
            bail!("the build broke")
        };
        assert!(cache.provide("x-v1", fail).await.is_err());
        assert_eq!(names(root.path()), [".x-v1.lock"]);

        let make = async |aside: &Path| Ok(fs::write(aside.join("program"), "")?);
        let entry = cache.provide("x-v1", make).await.expect("built");
        assert!(entry.join("program").exists());
        cache.provide("x-v1", async |_| bail!("built twice")).await.expect("taken from the cache");
    }

    #[tokio::test]
    async fn two_builders_build_once_and_leftovers_are_removed() {
        let root = tempfile::tempdir().expect("a directory");
        let cache = Cache::at(root.path()).expect("a cache");
        fs::create_dir(root.path().join(".x-v1.aside-dead")).expect("a leftover");
        let slow = async |aside: &Path| {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(fs::write(aside.join("program"), "")?)
        };
        let (first, second) = tokio::join!(cache.provide("x-v1", slow), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            cache.provide("x-v1", async |_| bail!("built twice")).await
        });
        assert_eq!(first.expect("built"), second.expect("waited"));
        assert_eq!(names(root.path()), [".x-v1.lock", "x-v1"]);
    }
}
