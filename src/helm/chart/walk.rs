//! Helm's walk over a chart's folder, wherever that folder is: on disk or in a commit.

use jiff::Timestamp;

use super::ignore::{RuleError, Rules};
use super::{File, MAX_CHART_SIZE, without_bom};

/// Links that lead back to a folder above would be followed for ever.
const MAX_DEPTH: usize = 255;

/// A place that holds a chart's folder. Paths are relative to that folder, with `/` between the parts; the
/// folder itself is the empty path.
///
/// Symbolic links are followed by whoever implements this.
pub trait Tree {
    /// Why something cannot be read.
    type Error;

    /// The names in a folder, in any order.
    fn names(&self, folder: &str) -> Result<Vec<String>, Self::Error>;

    /// What a path leads to.
    fn kind(&self, path: &str) -> Result<Kind, Self::Error>;

    /// The bytes of a file; called only for files that belong to the chart.
    fn read(&self, path: &str) -> Result<Vec<u8>, Self::Error>;

    /// When a file was changed last; a place that does not know says nothing.
    fn modified(&self, _path: &str) -> Option<Timestamp> {
        None
    }
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file of this many bytes.
    File(u64),
    /// Neither; refused with [`Tree::read`]'s error unless it is ignored.
    Other,
}

/// Why a folder is not walked to its end.
#[derive(Debug, thiserror::Error)]
pub enum WalkError<E: std::error::Error + 'static> {
    /// Something in it cannot be read.
    #[error(transparent)]
    Tree(#[from] E),
    /// More than a chart may hold.
    #[error("chart exceeds maximum decompressed size of {MAX_CHART_SIZE} bytes")]
    TooLarge,
    /// Folders nested without end, usually a link to a folder above.
    #[error("{0} is nested deeper than {MAX_DEPTH} folders: does a link lead back to a folder above it?")]
    TooDeep(String),
    /// The `.helmignore` is wrong.
    #[error(transparent)]
    Ignore(RuleError),
}

/// The files of a chart in Helm's order: names sorted bytewise per folder, folders descended where they
/// stand, ignored ones left out.
pub fn walk<T: Tree>(tree: &T) -> Result<Vec<File>, WalkError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    let mut walk = Walk { tree, rules: rules(tree)?, files: Vec::new(), left: MAX_CHART_SIZE };
    walk.folder("", 0)?;
    Ok(walk.files)
}

fn rules<T: Tree>(tree: &T) -> Result<Rules, WalkError<T::Error>>
where
    T::Error: std::error::Error + 'static,
{
    if !tree.names("")?.iter().any(|name| name == ".helmignore") {
        return Ok(Rules::default());
    }
    let text = tree.read(".helmignore")?;
    Rules::parse(&String::from_utf8_lossy(&text)).map_err(WalkError::Ignore)
}

struct Walk<'a, T> {
    tree: &'a T,
    rules: Rules,
    files: Vec<File>,
    left: u64,
}

impl<T: Tree> Walk<'_, T>
where
    T::Error: std::error::Error + 'static,
{
    fn folder(&mut self, folder: &str, depth: usize) -> Result<(), WalkError<T::Error>> {
        if depth > MAX_DEPTH {
            return Err(WalkError::TooDeep(folder.to_owned()));
        }
        let mut names = self.tree.names(folder)?;
        names.sort();
        for name in names {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            self.entry(path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: String, depth: usize) -> Result<(), WalkError<T::Error>> {
        let kind = self.tree.kind(&path)?;
        if self.rules.ignores(&path, kind == Kind::Folder) {
            return Ok(());
        }
        match kind {
            Kind::Folder => return self.folder(&path, depth + 1),
            // The size is checked before anything is read, and again after: a file may grow.
            Kind::File(size) if size > self.left => return Err(WalkError::TooLarge),
            Kind::File(_) | Kind::Other => {}
        }
        let data = self.tree.read(&path)?;
        self.left = self.left.checked_sub(data.len() as u64).ok_or(WalkError::TooLarge)?;
        let modified = self.tree.modified(&path);
        self.files.push(File { name: path, data: without_bom(&data).to_vec(), modified });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// Files by their paths; those that start with `+` claim to be as large as a chart may be.
    struct Paths(&'static [&'static str]);

    impl Tree for Paths {
        type Error = Infallible;

        fn names(&self, folder: &str) -> Result<Vec<String>, Infallible> {
            let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let inner = self.0.iter().filter_map(|path| path.strip_prefix(&prefix));
            let mut names: Vec<String> =
                inner.map(|path| path.split('/').next().unwrap().to_owned()).collect();
            names.reverse();
            names.dedup();
            Ok(names)
        }

        fn kind(&self, path: &str) -> Result<Kind, Infallible> {
            let size = if path.starts_with('+') { MAX_CHART_SIZE } else { 0 };
            Ok(if self.0.contains(&path) { Kind::File(size) } else { Kind::Folder })
        }

        fn read(&self, path: &str) -> Result<Vec<u8>, Infallible> {
            Ok(if path == ".helmignore" { b"*.md\ndocs/\n".to_vec() } else { b"\xEF\xBB\xBFx".to_vec() })
        }
    }

    #[test]
    fn folders_stand_where_their_bare_name_sorts() {
        let files = walk(&Paths(&[
            ".helmignore",
            "B",
            "README.md",
            "a.yaml",
            "a/z",
            "docs/x",
            "templates/.x",
            "templates/y",
        ]))
        .unwrap();
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, [".helmignore", "B", "a/z", "a.yaml", "templates/y"]);
        assert_eq!(files[1].data, b"x", "without its byte order mark");
    }

    #[test]
    fn sizes_count_together() {
        assert!(walk(&Paths(&["+a"])).is_ok());
        assert!(matches!(walk(&Paths(&["+a", "+b"])), Err(WalkError::TooLarge)));
    }
}
