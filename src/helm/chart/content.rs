//! What makes two archives the same chart: the names and bytes of the unpacked files, not the archive's
//! bytes.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::File;

/// A SHA-256 digest; displayed as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 64 hexadecimal digits alone, as a chart repository's index has them.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The names and digests of a chart's unpacked files. Archives saved again by other tools differ in their
/// bytes but not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content(BTreeMap<String, Digest>);

impl Content {
    /// The content of some files; of several with one name the last counts, as when they are unpacked.
    pub fn of(files: &[File]) -> Self {
        Self(files.iter().map(|file| (file.name.clone(), Digest::of(&file.data))).collect())
    }

    /// One digest for all names and bytes.
    pub fn digest(&self) -> Digest {
        // A length before the name keeps names with line breaks apart from two names.
        let line = |(name, digest): (&String, &Digest)| format!("{} {name} {}\n", name.len(), digest.hex());
        Digest::of(self.0.iter().map(line).collect::<String>().as_bytes())
    }

    /// The names of the files that only one side has or whose bytes differ, sorted.
    pub fn differences(&self, other: &Content) -> Vec<String> {
        let mut names: Vec<_> = self
            .0
            .keys()
            .chain(other.0.keys())
            .filter(|name| self.0.get(*name) != other.0.get(*name))
            .cloned()
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(files: &[(&str, &str)]) -> Content {
        Content::of(&files.iter().map(|(name, data)| File::new(*name, *data)).collect::<Vec<_>>())
    }

    #[test]
    fn the_order_of_files_does_not_matter() {
        let (one, other) = (content(&[("a", "1"), ("b", "2")]), content(&[("b", "2"), ("a", "1")]));
        assert_eq!(one, other);
        assert_eq!(one.digest(), other.digest());
        assert!(one.differences(&other).is_empty());
    }

    #[test]
    fn differences_name_the_files() {
        let (one, other) =
            (content(&[("a", "1"), ("b", "2"), ("c", "3")]), content(&[("a", "1"), ("b", "9"), ("d", "3")]));
        assert_eq!(one.differences(&other), ["b", "c", "d"]);
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn a_digest_names_its_algorithm() {
        assert_eq!(
            Digest::of(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
