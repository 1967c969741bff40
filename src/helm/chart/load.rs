//! Sorting files into a chart, by Helm's rules.

use jiff::Timestamp;
use serde_json::Value;

use super::decode::FieldError;
use super::metadata::MetadataError;
use super::unpack::{Budget, UnpackError, unpack};
use super::{File, Lock, Metadata};
use crate::helm::values::{self, Values, ValuesError};
use crate::helm::yaml::{self, YamlError};

/// Subcharts below subcharts, deeper than any real chart.
const MAX_DEPTH: usize = 64;

/// A chart, sorted.
#[derive(Debug, Clone)]
pub struct Chart {
    /// `Chart.yaml`, with what a `requirements.yaml` adds.
    pub metadata: Metadata,
    /// `Chart.lock` or `requirements.lock`.
    pub lock: Option<Lock>,
    /// `values.yaml` as it is.
    pub values: Option<Vec<u8>>,
    /// `values.yaml` as it is read; once dependencies are processed, also what they bring.
    pub defaults: Values,
    /// `values.schema.json` as it is.
    pub schema: Option<Vec<u8>>,
    /// Everything below `templates/`, in the order of the files.
    pub templates: Vec<File>,
    /// Everything else: `crds/`, `README.md`, `.helmignore`…
    pub files: Vec<File>,
    /// The charts below `charts/`, sorted by the name of their folder or archive.
    pub dependencies: Vec<Chart>,
    /// When `Chart.yaml` was changed last, where that is known.
    pub modified: Option<Timestamp>,
    /// The same of `values.schema.json`.
    pub schema_modified: Option<Timestamp>,
    /// What Helm warns about while it loads the chart.
    pub warnings: Vec<String>,
}

/// Why files are not a chart.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// There is no `Chart.yaml`.
    #[error("Chart.yaml file is missing")]
    NoChartFile,
    /// A file is not YAML.
    #[error("cannot load {file}")]
    Yaml {
        /// The file.
        file: String,
        /// What is wrong with it.
        #[source]
        source: YamlError,
    },
    /// A field of a file holds the wrong kind of value.
    #[error("cannot load {file}")]
    Field {
        /// The file.
        file: String,
        /// The field.
        #[source]
        source: FieldError,
    },
    /// `values.yaml` cannot be read.
    #[error("cannot load values.yaml")]
    Values(#[source] ValuesError),
    /// `Chart.yaml` breaks a rule.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The experimental `apiVersion: v3`, which Helm 4 neither packages nor installs.
    #[error("invalid chart apiVersion")]
    ExperimentalApiVersion,
    /// An `apiVersion` that nobody knows.
    #[error("unsupported chart version: apiVersion {0:?}")]
    UnknownApiVersion(String),
    /// A chart inside the chart is not one.
    #[error("error unpacking subchart {subchart} in {chart}")]
    Subchart {
        /// Its folder or archive below `charts/`.
        subchart: String,
        /// The chart around it.
        chart: String,
        /// What is wrong with it.
        #[source]
        source: Box<ChartError>,
    },
    /// An archive inside the chart cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// A folder that is named like an archive.
    #[error("expected an archive, got the folder {0}")]
    NotAnArchive(String),
    /// More than 64 charts inside each other.
    #[error("subcharts are nested deeper than {MAX_DEPTH}")]
    TooDeep,
}

impl Chart {
    /// Sorts files into a chart and validates it.
    pub fn from_files(files: Vec<File>) -> Result<Self, ChartError> {
        let chart = load(files, &mut Budget::default(), 0)?;
        match chart.metadata.api_version.as_str() {
            "v1" | "v2" => Ok(chart),
            "v3" => Err(ChartError::ExperimentalApiVersion),
            other => Err(ChartError::UnknownApiVersion(other.to_owned())),
        }
    }

    /// Helm's stamp for `SOURCE_DATE_EPOCH` (Unix seconds): the locks of the chart and its subcharts count as
    /// generated then.
    pub fn stamp(&mut self, seconds: i64) {
        if let Some(lock) = &mut self.lock {
            lock.stamp(seconds);
        }
        self.dependencies.iter_mut().for_each(|chart| chart.stamp(seconds));
    }

    /// The names of declared dependencies that are not below `charts/`, in the order of `Chart.yaml`.
    /// Versions are not compared.
    pub fn missing_dependencies(&self) -> Vec<&str> {
        let is_loaded = |name: &str| self.dependencies.iter().any(|chart| chart.metadata.name == name);
        self.metadata
            .dependencies
            .iter()
            .map(|dependency| dependency.name.as_str())
            .filter(|name| !is_loaded(name))
            .collect()
    }

    pub(in crate::helm) fn of_metadata(metadata: Metadata) -> Self {
        Self {
            metadata,
            lock: None,
            values: None,
            defaults: Values::new(),
            schema: None,
            templates: vec![],
            files: vec![],
            dependencies: vec![],
            modified: None,
            schema_modified: None,
            warnings: vec![],
        }
    }
}

fn load(files: Vec<File>, budget: &mut Budget, depth: usize) -> Result<Chart, ChartError> {
    if depth > MAX_DEPTH {
        return Err(ChartError::TooDeep);
    }
    let mut chart = Chart::of_metadata(metadata_of(&files)?);
    let mut subcharts = Subcharts::default();
    for file in files {
        chart.sort_in(file, &mut subcharts)?;
    }
    chart.metadata.validate()?;
    for (name, files) in subcharts.sorted() {
        let subchart = load_subchart(&name, files, budget, depth);
        let subchart = subchart.map_err(|source| ChartError::Subchart {
            subchart: name,
            chart: chart.metadata.name.clone(),
            source: Box::new(source),
        })?;
        chart.dependencies.push(subchart);
    }
    Ok(chart)
}

/// `Chart.yaml` counts wherever it stands among the files; without `apiVersion` it is a v1 chart.
fn metadata_of(files: &[File]) -> Result<Metadata, ChartError> {
    let mut metadata = None;
    for file in files.iter().filter(|file| file.name == "Chart.yaml") {
        overlay(metadata.get_or_insert_with(Metadata::default), file)?;
    }
    let mut metadata = metadata.ok_or(ChartError::NoChartFile)?;
    if metadata.api_version.is_empty() {
        "v1".clone_into(&mut metadata.api_version);
    }
    Ok(metadata)
}

fn overlay(metadata: &mut Metadata, file: &File) -> Result<(), ChartError> {
    metadata
        .overlay(&read_yaml(file)?)
        .map_err(|source| ChartError::Field { file: file.name.clone(), source })
}

fn read_yaml(file: &File) -> Result<Value, ChartError> {
    yaml::read(&file.data).map_err(|source| ChartError::Yaml { file: file.name.clone(), source })
}

impl Chart {
    fn sort_in(&mut self, file: File, subcharts: &mut Subcharts) -> Result<(), ChartError> {
        match file.name.as_str() {
            "Chart.yaml" => self.modified = file.modified,
            "Chart.lock" => self.set_lock(&file)?,
            "values.yaml" => {
                self.defaults = values::read(&file.data).map_err(ChartError::Values)?;
                self.values = Some(file.data);
            }
            "values.schema.json" => {
                self.schema_modified = file.modified;
                self.schema = Some(file.data);
            }
            "requirements.yaml" => {
                overlay(&mut self.metadata, &file)?;
                self.keep_of_v1(
                    file,
                    "Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend migrating dependencies to Chart.yaml.",
                );
            }
            "requirements.lock" => {
                self.set_lock(&file)?;
                self.keep_of_v1(
                    file,
                    "Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend migrating to Chart.lock.",
                );
            }
            name if name.starts_with("templates/") => self.templates.push(file),
            name if name.starts_with("charts/") && name.strip_suffix(".prov").is_none() => {
                subcharts.push(file);
            }
            _ => self.files.push(file),
        }
        Ok(())
    }

    /// An empty file is no lock.
    fn set_lock(&mut self, file: &File) -> Result<(), ChartError> {
        let value = read_yaml(file)?;
        let lock =
            Lock::decode(&value).map_err(|source| ChartError::Field { file: file.name.clone(), source })?;
        self.lock = Some(lock).filter(|_| !value.is_null());
        Ok(())
    }

    /// The files of Helm 2's time stay in a v1 chart only.
    fn keep_of_v1(&mut self, file: File, warning: &str) {
        if self.metadata.api_version == "v1" {
            self.files.push(file);
        } else {
            self.warnings.push(warning.to_owned());
        }
    }
}

/// The files below `charts/`, by folder or archive.
#[derive(Default)]
struct Subcharts(std::collections::BTreeMap<String, Vec<File>>);

impl Subcharts {
    fn push(&mut self, file: File) {
        let inner = file.name["charts/".len()..].to_owned();
        let folder = inner.split('/').next().unwrap_or_default().to_owned();
        self.0.entry(folder).or_default().push(File { name: inner, ..file });
    }

    /// Even a loose file is expected to be a chart, unless its name starts with `_` or `.`; Helm is that
    /// strict.
    fn sorted(self) -> impl Iterator<Item = (String, Vec<File>)> {
        self.0.into_iter().filter(|(name, _)| !name.starts_with(['_', '.']))
    }
}

fn is_archive(name: &str) -> bool {
    name.strip_suffix(".tgz").is_some()
}

fn load_subchart(
    name: &str,
    files: Vec<File>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Chart, ChartError> {
    if is_archive(name) {
        let archive = files
            .into_iter()
            .next()
            .filter(|file| file.name == name)
            .ok_or_else(|| ChartError::NotAnArchive(name.to_owned()))?;
        return load(unpack(&archive.data, budget)?, budget, depth + 1);
    }
    let inside = |file: File| Some(File { name: file.name.split_once('/')?.1.to_owned(), ..file });
    load(files.into_iter().filter_map(inside).collect(), budget, depth + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHART: &str = "apiVersion: v2\nname: demo\nversion: 1.0.0\n";

    fn chart(files: &[(&str, &str)]) -> Result<Chart, ChartError> {
        let files = files.iter().map(|(name, data)| File::new(*name, *data)).collect();
        Chart::from_files(files)
    }

    fn names(files: &[File]) -> Vec<&str> {
        files.iter().map(|file| file.name.as_str()).collect()
    }

    /// The message and its causes, as a person reads them.
    fn refusal(files: &[(&str, &str)]) -> String {
        crate::failure::Failure::from(chart(files).unwrap_err()).chain().join(": ")
    }

    #[test]
    fn files_find_their_place_in_any_order() {
        let chart = chart(&[
            ("templates/a.yaml", ""),
            ("charts/.README.md", "not a chart"),
            ("charts/_skipped/Chart.yaml", "broken: ["),
            ("charts/sub/Chart.yaml", "name: sub\nversion: 1"),
            ("charts/sub/templates/b.yaml", ""),
            ("charts/sub-1.tgz.prov", "signature"),
            ("crds/c.yaml", ""),
            ("values.yaml", "a: 1"),
            ("values.schema.json", "{}"),
            ("Chart.yaml", CHART),
        ])
        .unwrap();
        assert_eq!(names(&chart.templates), ["templates/a.yaml"]);
        assert_eq!(names(&chart.files), ["charts/sub-1.tgz.prov", "crds/c.yaml"]);
        assert_eq!(chart.dependencies.len(), 1);
        assert_eq!(names(&chart.dependencies[0].templates), ["templates/b.yaml"]);
        assert_eq!(chart.dependencies[0].metadata.api_version, "v1");
        assert!(chart.values.is_some() && chart.schema.is_some());
    }

    #[test]
    fn requirements_belong_to_v1() {
        let requirements = ("requirements.yaml", "dependencies: [{name: sub, version: '1'}]");
        let old = chart(&[("Chart.yaml", "name: demo\nversion: 1"), requirements]).unwrap();
        assert_eq!((names(&old.files), old.missing_dependencies()), (vec!["requirements.yaml"], vec!["sub"]));
        let new = chart(&[("Chart.yaml", CHART), requirements]).unwrap();
        assert_eq!((new.files.len(), new.missing_dependencies(), new.warnings.len()), (0, vec!["sub"], 1));
    }

    #[test]
    fn refusals_say_which_file() {
        assert_eq!(refusal(&[("values.yaml", "")]), "Chart.yaml file is missing");
        assert_eq!(
            refusal(&[("Chart.yaml", "name: [")]),
            "cannot load Chart.yaml: error converting YAML to JSON: yaml: line 2, column 1: did not find expected node content"
        );
        assert_eq!(
            refusal(&[("Chart.yaml", CHART), ("values.yaml", "- a")]),
            "cannot load values.yaml: cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"
        );
        assert_eq!(
            refusal(&[("Chart.yaml", "apiVersion: v3\nname: x\nversion: 1")]),
            "invalid chart apiVersion"
        );
        assert_eq!(
            refusal(&[("Chart.yaml", "apiVersion: v9\nname: x\nversion: 1")]),
            "unsupported chart version: apiVersion \"v9\""
        );
        assert_eq!(
            refusal(&[("Chart.yaml", CHART), ("charts/sub/values.yaml", "")]),
            "error unpacking subchart sub in demo: Chart.yaml file is missing"
        );
        assert_eq!(
            refusal(&[("Chart.yaml", CHART), ("charts/README.md", "")]),
            "error unpacking subchart README.md in demo: Chart.yaml file is missing"
        );
        assert_eq!(
            refusal(&[("Chart.yaml", CHART), ("charts/sub.tgz", "text")]),
            "error unpacking subchart sub.tgz in demo: does not appear to be a gzipped archive; got 'text/plain; charset=utf-8'"
        );
        assert_eq!(
            refusal(&[("Chart.yaml", CHART), ("charts/sub.tgz/Chart.yaml", CHART)]),
            "error unpacking subchart sub.tgz in demo: expected an archive, got the folder sub.tgz"
        );
        let deep = format!("{}Chart.yaml", "charts/a/".repeat(10_000));
        assert!(refusal(&[("Chart.yaml", CHART), (&deep, CHART)]).ends_with("Chart.yaml file is missing"));
    }

    #[test]
    fn values_may_hold_several_documents() {
        assert!(chart(&[("Chart.yaml", CHART), ("values.yaml", "a: 1\n---\nb: 2\n---\n")]).is_ok());
        assert!(chart(&[("Chart.yaml", CHART), ("values.yaml", "a: 1\n---\n[]\n")]).is_err());
        let latin = vec![File::new("Chart.yaml", CHART), File::new("values.yaml", b"a: \xff".to_vec())];
        assert!(matches!(Chart::from_files(latin), Err(ChartError::Values(ValuesError::Yaml(_)))));
    }
}
