//! A chart's folder inside a commit, read without a work tree. Symbolic links inside the commit lead where
//! they would in one.

use std::collections::VecDeque;

use git2::{ErrorCode, Oid, Repository};

use crate::helm::chart::File;
use crate::helm::chart::walk::{Kind, Tree, WalkError, walk};

/// As many links in one path as Linux follows.
const MAX_LINKS: usize = 40;

/// Git LFS leaves a small text in place of a large file; it begins so.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Why a chart cannot be read from a commit. Paths are inside the repository.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Nothing is there.
    #[error("{path:?} does not exist at this commit{}", beside(.names))]
    Missing {
        /// The path.
        path: String,
        /// What is there instead, in the last folder that exists.
        names: Vec<String>,
    },
    /// A file where a folder is needed, or the other way round.
    #[error("{0:?} is not a {1}")]
    Not(String, &'static str),
    /// A submodule, whose content is in another repository.
    #[error(
        "{0:?} is a git submodule: its files are not in this commit; copy the chart into the repository or name the other one as the source"
    )]
    Submodule(String),
    /// A file whose content is in Git LFS.
    #[error("{0:?} is a Git LFS pointer: its content is not in git; keep the files of a chart in git itself")]
    Lfs(String),
    /// A path or a symbolic link that leads out of the repository.
    #[error("{0:?} leads out of the repository")]
    LeadsOut(String),
    /// Links without end.
    #[error("{0:?} leads through more than {MAX_LINKS} symbolic links")]
    TooManyLinks(String),
    /// A name that is not UTF-8.
    #[error("a name in {0:?} is not UTF-8")]
    Name(String),
    /// An object of the repository cannot be read.
    #[error("read {0:?} from the commit")]
    Git(String, #[source] git2::Error),
}

fn beside(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!("; there are: {}", names.join(", ")),
    }
}

/// The files of the chart at a path of a commit's tree.
pub(super) fn read(
    repository: &Repository,
    root: Oid,
    path: &str,
) -> Result<Vec<File>, WalkError<TreeError>> {
    let tree = CommitTree { repository, root, chart: path.to_owned() };
    match tree.find("")? {
        Found::Folder(_) => walk(&tree),
        Found::Submodule => Err(TreeError::Submodule(path.to_owned()).into()),
        Found::File(_) => Err(TreeError::Not(path.to_owned(), "folder").into()),
    }
}

struct CommitTree<'a> {
    repository: &'a Repository,
    root: Oid,
    chart: String,
}

#[derive(Clone, Copy)]
enum Found {
    Folder(Oid),
    File(Oid),
    Submodule,
}

/// One step of a path: the folders on the way to where it stands, from the root on.
struct Way {
    folders: Vec<Oid>,
    names: Vec<String>,
}

impl CommitTree<'_> {
    fn full(&self, path: &str) -> String {
        if path.is_empty() { self.chart.clone() } else { format!("{}/{path}", self.chart) }
    }

    /// What a path inside the chart leads to, every link on the way followed.
    fn find(&self, path: &str) -> Result<Found, TreeError> {
        let full = self.full(path);
        let mut ahead: VecDeque<String> = full.split('/').map(str::to_owned).collect();
        let mut way = Way { folders: vec![self.root], names: Vec::new() };
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    way.names.pop().ok_or_else(|| TreeError::LeadsOut(full.clone()))?;
                    way.folders.pop();
                    continue;
                }
                _ => {}
            }
            let (id, mode) = self.entry(&way, &part, &full)?;
            match mode {
                0o040_000 => {
                    way.folders.push(id);
                    way.names.push(part);
                }
                0o120_000 => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(TreeError::TooManyLinks(full));
                    }
                    self.follow(id, &full)?
                        .split('/')
                        .rev()
                        .for_each(|part| ahead.push_front(part.to_owned()));
                }
                0o160_000 => return Ok(Found::Submodule),
                _ if ahead.iter().all(String::is_empty) => return Ok(Found::File(id)),
                _ => {
                    way.names.push(part);
                    return Err(TreeError::Not(way.names.join("/"), "folder"));
                }
            }
        }
        Ok(Found::Folder(way.folders.pop().unwrap_or(self.root)))
    }

    fn entry(&self, way: &Way, name: &str, full: &str) -> Result<(Oid, i32), TreeError> {
        let folder = way.folders.last().copied().unwrap_or(self.root);
        let tree =
            self.repository.find_tree(folder).map_err(|source| TreeError::Git(full.to_owned(), source))?;
        tree.get_name(name).map(|entry| (entry.id(), entry.filemode())).ok_or_else(|| TreeError::Missing {
            path: full.to_owned(),
            names: tree
                .iter()
                .filter_map(|entry| entry.name().ok().map(str::to_owned))
                .filter(|name| !name.starts_with('.'))
                .take(20)
                .collect(),
        })
    }

    /// Where a link leads, relative to the folder that it stands in.
    fn follow(&self, link: Oid, full: &str) -> Result<String, TreeError> {
        let blob =
            self.repository.find_blob(link).map_err(|source| TreeError::Git(full.to_owned(), source))?;
        let target = str::from_utf8(blob.content()).map_err(|_| TreeError::Name(full.to_owned()))?;
        if target.starts_with('/') {
            Err(TreeError::LeadsOut(full.to_owned()))
        } else {
            Ok(target.to_owned())
        }
    }
}

impl Tree for CommitTree<'_> {
    type Error = TreeError;

    fn names(&self, folder: &str) -> Result<Vec<String>, TreeError> {
        let full = self.full(folder);
        let id = match self.find(folder)? {
            Found::Folder(id) => id,
            Found::Submodule => return Err(TreeError::Submodule(full)),
            Found::File(_) => return Err(TreeError::Not(full, "folder")),
        };
        let tree = self.repository.find_tree(id).map_err(|source| TreeError::Git(full.clone(), source))?;
        tree.iter()
            .map(|entry| entry.name().map(str::to_owned).map_err(|_| TreeError::Name(full.clone())))
            .collect()
    }

    /// A submodule is an empty folder in a work tree without it, so rules for folders apply; one that is not
    /// ignored is refused.
    fn kind(&self, path: &str) -> Result<Kind, TreeError> {
        match self.find(path)? {
            Found::Folder(_) | Found::Submodule => Ok(Kind::Folder),
            Found::File(id) => {
                let odb = self.repository.odb().and_then(|odb| odb.read_header(id));
                let (size, _) = odb.map_err(|source| TreeError::Git(self.full(path), source))?;
                Ok(Kind::File(size as u64))
            }
        }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, TreeError> {
        let full = self.full(path);
        let Found::File(id) = self.find(path)? else { return Err(TreeError::Not(full, "file")) };
        let blob = self.repository.find_blob(id).map_err(|source| match source.code() {
            ErrorCode::NotFound => TreeError::Missing { path: full.clone(), names: Vec::new() },
            _ => TreeError::Git(full.clone(), source),
        })?;
        if blob.size() < 1024 && blob.content().starts_with(LFS_POINTER) {
            return Err(TreeError::Lfs(full));
        }
        Ok(blob.content().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fixture::{FILE, Fixture, LINK, SUBMODULE};

    const CHART: (&str, u32, &str) = ("demo/Chart.yaml", FILE, "name: demo");

    fn read_demo(files: &[(&str, u32, &str)]) -> Result<Vec<File>, WalkError<TreeError>> {
        let fixture = Fixture::new();
        fixture.commit(&[CHART]);
        let commit = fixture.commit(files);
        let tree = fixture.repository.find_commit(commit).unwrap().tree_id();
        read(&fixture.repository, tree, "demo")
    }

    fn names(files: &[(&str, u32, &str)]) -> Vec<String> {
        read_demo(files).unwrap().into_iter().map(|file| file.name).collect()
    }

    fn refusal(files: &[(&str, u32, &str)]) -> String {
        read_demo(files).unwrap_err().to_string()
    }

    #[test]
    fn files_in_helms_order_not_gits() {
        // Git sorts the folder `a` as `a/`, which is after `a.yaml`.
        let files = [
            ("demo/a.yaml", FILE, ""),
            ("demo/a/z", FILE, ""),
            ("demo/.helmignore", FILE, "*.md\n"),
            ("demo/x.md", FILE, ""),
            ("other", FILE, ""),
        ];
        assert_eq!(names(&files), [".helmignore", "Chart.yaml", "a/z", "a.yaml"]);
    }

    #[test]
    fn links_lead_where_they_would_in_a_work_tree() {
        let files = [
            ("shared/values.yaml", FILE, "shared"),
            ("shared/lib/_a.tpl", FILE, "a"),
            ("demo/values.yaml", LINK, "../shared/values.yaml"),
            ("demo/templates", LINK, "../shared/lib"),
            ("demo/again", LINK, "templates/../values.yaml"),
        ];
        assert_eq!(names(&files), ["Chart.yaml", "again", "templates/_a.tpl", "values.yaml"]);
        assert_eq!(read_demo(&files).unwrap().last().unwrap().data, b"shared");
    }

    #[test]
    fn links_that_lead_nowhere_are_named() {
        assert_eq!(
            refusal(&[("demo/x", LINK, "nowhere")]),
            "\"demo/x\" does not exist at this commit; there are: Chart.yaml, x"
        );
        assert_eq!(
            refusal(&[("demo/x", LINK, "../../etc/passwd")]),
            "\"demo/x\" leads out of the repository"
        );
        assert_eq!(refusal(&[("demo/x", LINK, "/etc/passwd")]), "\"demo/x\" leads out of the repository");
        assert_eq!(refusal(&[("demo/x", LINK, "x")]), "\"demo/x\" leads through more than 40 symbolic links");
        assert!(refusal(&[("demo/x", LINK, ".")]).contains("leads through more than 40 symbolic links"));
        assert_eq!(refusal(&[("demo/x", LINK, "Chart.yaml/y")]), "\"demo/Chart.yaml\" is not a folder");
    }

    #[test]
    fn what_is_not_in_git_is_refused_by_name() {
        assert_eq!(
            refusal(&[("demo/charts/sub", SUBMODULE, "")]),
            "\"demo/charts/sub\" is a git submodule: its files are not in this commit; copy the chart into the repository or name the other one as the source"
        );
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
        assert_eq!(
            refusal(&[("demo/icon.png", FILE, pointer)]),
            "\"demo/icon.png\" is a Git LFS pointer: its content is not in git; keep the files of a chart in git itself"
        );
        assert_eq!(
            names(&[
                ("demo/.helmignore", FILE, "icon.png\nsub\n"),
                ("demo/icon.png", FILE, pointer),
                ("demo/sub", SUBMODULE, "")
            ]),
            [".helmignore", "Chart.yaml"]
        );
    }

    #[test]
    fn a_path_that_is_no_chart_folder() {
        let fixture = Fixture::new();
        let commit = fixture.commit(&[CHART, ("sub", SUBMODULE, "")]);
        let tree = fixture.repository.find_commit(commit).unwrap().tree_id();
        let refusal = |path: &str| read(&fixture.repository, tree, path).unwrap_err().to_string();
        assert_eq!(refusal("demos"), "\"demos\" does not exist at this commit; there are: demo, sub");
        assert_eq!(refusal("demo/Chart.yaml"), "\"demo/Chart.yaml\" is not a folder");
        assert_eq!(refusal("../demo"), "\"../demo\" leads out of the repository");
        assert!(refusal("sub").contains("is a git submodule"));
        for path in ["demo", "./demo/", "demo/."] {
            assert_eq!(read(&fixture.repository, tree, path).unwrap().len(), 1, "{path}");
        }
    }
}
