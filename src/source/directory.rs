//! A chart's folder on this machine. It is clean only when it is exactly what the current commit holds.
//!
//! What runs keep beside `release.yaml` never belongs to a chart.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use git2::Repository;

use super::{Fetched, Origin, tree};
use crate::helm::chart::File;
use crate::helm::chart::directory::{self, DirectoryError};

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectorySourceError {
    /// It cannot be read.
    #[error("read the chart in {}", path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: DirectoryError,
    },
}

/// `base_dir` is the folder of `release.yaml`.
pub(super) fn fetch(path: &Path, base_dir: &Path) -> Result<Fetched, DirectorySourceError> {
    let files = match runs_inside(path, base_dir) {
        Some(runs) => directory::read_without(path, &runs),
        None => directory::read(path),
    };
    let files = files.map_err(|source| DirectorySourceError::Read { path: path.to_owned(), source })?;
    let url = path.display().to_string();
    let origin = match committed(path) {
        Some(head) if head.files.as_ref() == Some(&files) => Origin {
            url,
            reference: head.branch,
            commit: Some(head.commit),
            dirty: false,
            time: head.time,
            stamped: false,
        },
        Some(head) => {
            let time = newest_change(path, &files);
            Origin {
                url,
                reference: head.branch,
                commit: Some(head.commit),
                dirty: true,
                time,
                stamped: false,
            }
        }
        None => Origin {
            url,
            reference: None,
            commit: None,
            dirty: true,
            time: newest_change(path, &files),
            stamped: false,
        },
    };
    Ok(Fetched { files, origin, archive: None })
}

/// Where the runs are kept, as a path inside the chart's folder; nothing where they are elsewhere.
fn runs_inside(chart: &Path, base_dir: &Path) -> Option<PathBuf> {
    let base_dir = if base_dir == Path::new("") { Path::new(".") } else { base_dir };
    let inside = base_dir.canonicalize().ok()?;
    Some(inside.strip_prefix(chart.canonicalize().ok()?).ok()?.join(".release"))
}

/// What the current commit holds at a path of its work tree.
struct Head {
    branch: Option<String>,
    commit: String,
    time: i64,
    /// Nothing where the commit has no such chart, or not all of it.
    files: Option<Vec<File>>,
}

fn committed(path: &Path) -> Option<Head> {
    let path = path.canonicalize().ok()?;
    let repository = Repository::discover(&path).ok()?;
    let inner = path.strip_prefix(repository.workdir()?.canonicalize().ok()?).ok()?.to_str()?.to_owned();
    let head = repository.head().ok()?;
    let commit = head.peel_to_commit().ok()?;
    Some(Head {
        branch: head.shorthand().ok().filter(|name| *name != "HEAD").map(str::to_owned),
        commit: commit.id().to_string(),
        time: commit.time().seconds(),
        files: tree::read(&repository, commit.tree_id(), &inner).ok(),
    })
}

/// The time of the file that changed last, in Unix seconds; the same files copied by git or tar may have
/// another one.
fn newest_change(folder: &Path, files: &[File]) -> i64 {
    let changed = |file: &File| {
        fs::metadata(folder.join(&file.name)).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()
    };
    files.iter().filter_map(changed).max().and_then(|age| i64::try_from(age.as_secs()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::chart::Overrides;
    use crate::source::fixture::{FILE, Fixture, TIME};

    #[test]
    fn a_folder_as_committed_is_clean_and_gives_the_commits_bytes() {
        let fixture = Fixture::with_chart();
        fixture.check_out();
        let fetched = fetch(&fixture.path().join("demo"), fixture.path()).unwrap();
        assert_eq!(
            (fetched.origin.dirty, fetched.origin.time, fetched.origin.reference.as_deref()),
            (false, TIME, Some("main"))
        );
        assert!(fetched.package(&Overrides::default()).is_ok());
    }

    #[test]
    fn changed_added_and_ignored_files_make_it_dirty() {
        let fixture = Fixture::with_chart();
        fixture.check_out();
        let chart = fixture.path().join("demo");
        let dirty = || fetch(&chart, fixture.path()).unwrap().origin.dirty;
        fs::write(fixture.path().join("README.md"), "outside the chart").unwrap();
        assert!(!dirty());
        fs::write(fixture.path().join(".gitignore"), "*.tgz\n").unwrap();
        fs::write(chart.join("extra.tgz"), "").unwrap();
        assert!(dirty(), "git ignores it, Helm packages it");
        fs::remove_file(chart.join("extra.tgz")).unwrap();
        fs::write(chart.join("values.yaml"), "a: 2\n").unwrap();
        assert!(dirty());
        fixture.commit(&[("demo/values.yaml", FILE, "a: 2\n")]);
        assert!(!dirty());
    }

    #[test]
    fn a_folder_outside_git_is_dirty() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Chart.yaml"), "").unwrap();
        let origin = fetch(folder.path(), folder.path()).unwrap().origin;
        assert!(origin.dirty && origin.commit.is_none() && origin.time > TIME);
        assert!(fetch(Path::new("no/such/folder"), Path::new("")).is_err());
    }

    #[test]
    fn what_runs_keep_beside_release_yaml_is_never_packaged() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["Chart.yaml", ".release/runs/r1/secret.txt", "sub/.release/x", "deploy/.release/y"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let names = |base: &str| -> Vec<String> {
            let fetched = fetch(folder.path(), &folder.path().join(base)).unwrap();
            fetched.files.into_iter().map(|file| file.name).collect()
        };
        assert_eq!(names(""), ["Chart.yaml", "deploy/.release/y", "sub/.release/x"]);
        assert_eq!(names("deploy"), [".release/runs/r1/secret.txt", "Chart.yaml", "sub/.release/x"]);
    }
}
