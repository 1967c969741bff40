//! `index.yaml` of a chart repository, as Helm reads it: one broken entry does not spoil the others. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The charts that a repository lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    entries: BTreeMap<String, Vec<Entry>>,
    context_path: Option<String>,
    skipped: usize,
}

/// One version of a chart as the index lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// The chart's name.
    pub name: String,
    /// Its version, verbatim.
    pub version: String,
    /// The sha256 of the archive, in hex; other tools than ChartMuseum write `sha256:` before it, or nothing
    /// at all.
    #[serde(default)]
    pub digest: Option<String>,
    /// Where the archive is: absolute, or relative to the repository.
    #[serde(default)]
    pub urls: Vec<String>,
}

impl Entry {
    /// The digest as `sha256:<hex>`.
    pub fn digest(&self) -> Option<String> {
        let digest = self.digest.as_deref()?.trim();
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        (!hex.is_empty()).then(|| format!("sha256:{}", hex.to_ascii_lowercase()))
    }
}

/// Why a text is no index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Neither YAML nor JSON of the expected form.
    #[error("it is not an index.yaml")]
    Malformed(#[source] serde_norway::Error),
    /// Helm refuses an index without it too.
    #[error("it has no apiVersion")]
    NoApiVersion,
}

impl Index {
    /// Reads the YAML or JSON text. Entries without a name or a version, and entries of another form, are
    /// left out and counted.
    pub fn read(text: &[u8]) -> Result<Self, IndexError> {
        let raw = Raw::read(text).map_err(IndexError::Malformed)?;
        if raw.api_version.unwrap_or_default().is_empty() {
            return Err(IndexError::NoApiVersion);
        }
        let mut index = Self {
            entries: BTreeMap::new(),
            context_path: raw.server_info.unwrap_or_default().context_path,
            skipped: 0,
        };
        for (name, versions) in raw.entries.unwrap_or_default() {
            index.keep(name, versions.unwrap_or_default());
        }
        Ok(index)
    }

    fn keep(&mut self, name: String, versions: Vec<Lenient>) {
        let all = versions.len();
        let is_whole = |entry: &Entry| !entry.name.is_empty() && !entry.version.is_empty();
        let kept: Vec<Entry> = versions.into_iter().filter_map(Lenient::entry).filter(is_whole).collect();
        self.skipped += all - kept.len();
        self.entries.insert(name, kept);
    }

    /// The entry with exactly this version text, as Helm prefers it to any version that merely matches.
    pub fn exact(&self, name: &str, version: &str) -> Option<&Entry> {
        self.entries.get(name)?.iter().find(|entry| entry.version == version)
    }

    /// The versions of every chart, in the order of the index.
    pub fn versions(&self) -> BTreeMap<String, Vec<String>> {
        let versions = |entries: &[Entry]| entries.iter().map(|entry| entry.version.clone()).collect();
        let charts = self.entries.iter().filter(|(_, entries)| !entries.is_empty());
        charts.map(|(name, entries)| (name.clone(), versions(entries))).collect()
    }

    /// The path under which ChartMuseum serves its API, when it is not the root.
    pub fn context_path(&self) -> Option<&str> {
        self.context_path.as_deref()
    }

    /// How many entries were left out because they could not be read.
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    entries: Option<BTreeMap<String, Option<Vec<Lenient>>>>,
    #[serde(default)]
    server_info: Option<ServerInfo>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerInfo {
    #[serde(default)]
    context_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient {
    Entry(Entry),
    Other(IgnoredAny),
}

impl Lenient {
    fn entry(self) -> Option<Entry> {
        match self {
            Lenient::Entry(entry) => Some(entry),
            Lenient::Other(_) => None,
        }
    }
}

impl Raw {
    /// ChartMuseum writes JSON with `--json-index`, which is faster to read as what it is.
    fn read(text: &[u8]) -> Result<Self, serde_norway::Error> {
        match text.trim_ascii_start().first() {
            Some(b'{') => serde_json::from_slice(text).or_else(|_| serde_norway::from_slice(text)),
            _ => serde_norway::from_slice(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
apiVersion: v1
entries:
  demo:
  - {name: demo, version: 1.2.3+build.5, digest: 57A6, urls: [charts/demo-1.2.3+build.5.tgz], created: \"2026-11-24T08:43:52Z\"}
  - {name: demo, version: v1.2, digest: \"sha256:57a7\"}
  - {name: demo, version: [1]}
  - {name: '', version: 1.0.0}
  - null
  - {name: demo, version: 0.9.0}
  empty: null
generated: \"2026-11-24T08:43:53Z\"
serverInfo:
  contextPath: /ctx
";

    #[test]
    fn an_exact_version_is_found_and_a_broken_entry_spoils_nothing() {
        let index = Index::read(TEXT.as_bytes()).unwrap();
        let digest = |version| index.exact("demo", version).map(Entry::digest);
        assert_eq!(digest("1.2.3+build.5"), Some(Some("sha256:57a6".to_owned())));
        assert_eq!(digest("v1.2"), Some(Some("sha256:57a7".to_owned())));
        assert_eq!(digest("0.9.0"), Some(None));
        assert_eq!(digest("1.2.3"), None);
        assert_eq!(index.exact("empty", "1.0.0"), None);
        let versions = index.versions();
        assert_eq!(
            (versions.len(), &versions["demo"][..]),
            (1, &["1.2.3+build.5", "v1.2", "0.9.0"].map(String::from)[..])
        );
        assert_eq!(index.skipped(), 3);
        assert_eq!(index.context_path(), Some("/ctx"));
    }

    #[test]
    fn the_json_form_is_read_too() {
        let index = Index::read(
            br#"{"apiVersion":"v1","entries":{"demo":[{"name":"demo","version":"1.0.0"}]},"serverInfo":{}}"#,
        )
        .unwrap();
        assert!(index.exact("demo", "1.0.0").is_some());
        assert_eq!(index.context_path(), None);
    }

    #[test]
    fn a_page_that_is_no_index_is_refused() {
        for (text, message) in [
            ("<!DOCTYPE html>\n<html></html>", "it is not an index.yaml"),
            ("", "it has no apiVersion"),
            ("entries: {}", "it has no apiVersion"),
            ("{\"error\":\"not found\"}", "it has no apiVersion"),
        ] {
            assert_eq!(Index::read(text.as_bytes()).unwrap_err().to_string(), message, "{text:?}");
        }
    }
}
