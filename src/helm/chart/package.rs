//! Writing a chart as an archive: Helm's entries in Helm's order, the same bytes for the same chart and time
//! on every machine.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};

use super::metadata::MetadataError;
use super::{ArchiveError, Chart, ChartArchive, Metadata, tar};
use crate::helm::semver::{Version, VersionError};
use crate::helm::yaml;

/// The extra field that Helm 4 puts into the gzip header, and the comment; readers pass over both.
const EXTRA: &[u8] = b"rr\x28\x00aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";
const COMMENT: &str = "Helm";

/// Fields of `Chart.yaml` that are replaced on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The chart's version.
    pub version: Option<String>,
    /// The version of the application inside.
    pub app_version: Option<String>,
}

/// Why a chart is not packaged.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The version is not one.
    #[error("chart version {version:?} is refused")]
    Version {
        /// The version.
        version: String,
        /// Why.
        #[source]
        source: VersionError,
    },
    /// Dependencies that `Chart.yaml` declares are not below `charts/`.
    #[error("found in Chart.yaml, but missing in charts/ directory: {}", .0.join(", "))]
    MissingDependencies(Vec<String>),
    /// The metadata breaks a rule, perhaps only with the overrides.
    #[error("chart validation")]
    Metadata(#[source] MetadataError),
    /// The schema of the values is not JSON.
    #[error("invalid JSON in values.schema.json of chart {chart}")]
    Schema {
        /// The chart.
        chart: String,
        /// Where it stops being JSON.
        #[source]
        source: serde_json::Error,
    },
    /// Compressing failed.
    #[error("compress the chart")]
    Compress(#[source] io::Error),
    /// The archive could not be read back: it is larger than charts may be.
    #[error("read the packaged chart back")]
    ReadBack(#[source] ArchiveError),
}

/// Packages a chart. `mtime` (Unix seconds) stamps every entry; nothing else from outside goes into the
/// bytes.
pub fn package(chart: &Chart, mtime: i64, overrides: &Overrides) -> Result<ChartArchive, PackageError> {
    let metadata = overridden(chart, overrides)?;
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        return Err(PackageError::MissingDependencies(missing.into_iter().map(str::to_owned).collect()));
    }
    let mut entries = Vec::new();
    append_chart(&mut entries, chart, &metadata, "", mtime)?;
    tar::finish(&mut entries);
    let bytes = compressed(&entries).map_err(PackageError::Compress)?;
    ChartArchive::read(bytes).map_err(PackageError::ReadBack)
}

fn overridden(chart: &Chart, overrides: &Overrides) -> Result<Metadata, PackageError> {
    let mut metadata = chart.metadata.clone();
    if let Some(version) = &overrides.version {
        metadata.version.clone_from(version);
    }
    if let Some(app_version) = &overrides.app_version {
        metadata.app_version.clone_from(app_version);
    }
    if let Err(source) = metadata.version.parse::<Version>() {
        return Err(PackageError::Version { version: metadata.version, source });
    }
    metadata.validate().map_err(PackageError::Metadata)?;
    Ok(metadata)
}

fn append_chart(
    out: &mut Vec<u8>,
    chart: &Chart,
    metadata: &Metadata,
    parent: &str,
    mtime: i64,
) -> Result<(), PackageError> {
    let folder = format!("{parent}{}", metadata.name);
    let mut append = |name: &str, data: &[u8]| tar::append(out, &format!("{folder}/{name}"), data, mtime);
    append("Chart.yaml", yaml::write(&metadata.encode()).as_bytes());
    if let Some(lock) = chart.lock.as_ref().filter(|_| metadata.api_version == "v2") {
        append("Chart.lock", yaml::write(&lock.encode()).as_bytes());
    }
    if let Some(values) = &chart.values {
        append("values.yaml", values);
    }
    if let Some(schema) = &chart.schema {
        serde_json::from_slice::<serde::de::IgnoredAny>(schema)
            .map_err(|source| PackageError::Schema { chart: metadata.name.clone(), source })?;
        append("values.schema.json", schema);
    }
    for file in chart.templates.iter().chain(&chart.files) {
        append(&file.name, &file.data);
    }
    let inner = format!("{folder}/charts/");
    chart
        .dependencies
        .iter()
        .try_for_each(|subchart| append_chart(out, subchart, &subchart.metadata, &inner, mtime))
}

fn compressed(entries: &[u8]) -> io::Result<Vec<u8>> {
    // Time 0 and system 255 (unknown): the header says nothing about where and when it was written.
    let header = GzBuilder::new().extra(EXTRA).comment(COMMENT).mtime(0).operating_system(255);
    let mut encoder = header.write(Vec::new(), Compression::default());
    encoder.write_all(entries)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::chart::File;

    fn chart(files: &[(&str, &str)]) -> Chart {
        let base = [("Chart.yaml", "apiVersion: v2\nname: demo\nversion: v1.0.0\n")];
        let files = base.iter().chain(files).map(|(name, data)| File::new(*name, *data)).collect();
        Chart::from_files(files).unwrap()
    }

    fn names(archive: &ChartArchive) -> Vec<&str> {
        archive.files().iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn entries_in_helms_order_and_subcharts_expanded() {
        let packed = package(&chart(&[("Chart.yaml", "name: sub\nversion: 1")]), 0, &Overrides::default());
        assert!(packed.is_ok(), "the later of two Chart.yaml wins");
        let subchart = package(
            &Chart::from_files(vec![File::new("Chart.yaml", "name: inner\nversion: 2")]).unwrap(),
            0,
            &Overrides::default(),
        )
        .unwrap();
        let mut files = vec![File::new("charts/z.tgz", subchart.bytes())];
        for (name, data) in [
            ("charts/source-name/Chart.yaml", "name: sub\nversion: 1"),
            ("values.yaml", "# kept\na: 1"),
            ("README.md", "x"),
            ("templates/a.yaml", ""),
            ("Chart.lock", "digest: x"),
            ("values.schema.json", "{}"),
            ("Chart.yaml", "apiVersion: v2\nname: demo\nversion: v1.0.0\n"),
        ] {
            files.push(File::new(name, data));
        }
        let archive = package(&Chart::from_files(files).unwrap(), 0, &Overrides::default()).unwrap();
        let expected = [
            "Chart.yaml",
            "Chart.lock",
            "values.yaml",
            "values.schema.json",
            "templates/a.yaml",
            "README.md",
            "charts/sub/Chart.yaml",
            "charts/inner/Chart.yaml",
        ];
        assert_eq!(names(&archive), expected);
        assert_eq!(archive.file_name(), "demo-v1.0.0.tgz");
    }

    #[test]
    fn the_header_tells_nothing_about_the_machine() {
        let archive = package(&chart(&[]), 1_700_000_000, &Overrides::default()).unwrap();
        let header = &archive.bytes()[..=12 + EXTRA.len() + COMMENT.len()];
        assert_eq!(header[..10], [0x1f, 0x8b, 8, 0x14, 0, 0, 0, 0, 0, 255]);
        assert_eq!(&header[12..12 + EXTRA.len()], EXTRA);
        assert!(header.ends_with(b"Helm\0"));
    }

    #[test]
    fn the_bytes_never_change() {
        let chart = chart(&[("values.yaml", "a: 1\n"), ("templates/a.yaml", "kind: ConfigMap\n")]);
        let archive = package(&chart, 1_700_000_000, &Overrides::default()).unwrap();
        // Recorded once; another compressor or another header is another archive for everybody.
        insta::assert_snapshot!(archive.digest(), @"sha256:7fe828c01d494dbaf91cd7bc1319a22b21da0a181359674f7968766f76dd7313");
        assert_eq!(archive.bytes(), package(&chart, 1_700_000_000, &Overrides::default()).unwrap().bytes());
    }

    #[test]
    fn overrides() {
        let overrides =
            Overrides { version: Some("2.0.0+build".to_owned()), app_version: Some("9".to_owned()) };
        let archive = package(&chart(&[]), 0, &overrides).unwrap();
        assert_eq!(
            (archive.file_name().as_str(), archive.metadata().app_version.as_str()),
            ("demo-2.0.0+build.tgz", "9")
        );
        let refused =
            package(&chart(&[]), 0, &Overrides { version: Some("latest".to_owned()), app_version: None });
        assert_eq!(refused.unwrap_err().to_string(), "chart version \"latest\" is refused");
    }

    #[test]
    fn refusals() {
        let missing = chart(&[("requirements.yaml", "dependencies: [{name: a}, {name: b}]")]);
        assert_eq!(
            package(&missing, 0, &Overrides::default()).unwrap_err().to_string(),
            "found in Chart.yaml, but missing in charts/ directory: a, b"
        );
        let schema = chart(&[("values.schema.json", "{")]);
        assert_eq!(
            package(&schema, 0, &Overrides::default()).unwrap_err().to_string(),
            "invalid JSON in values.schema.json of chart demo"
        );
    }
}
