//! The values files of a chart on a cluster: named without being read, and read once, with their digests.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::document::Document;
use super::error::{ConfigError, Location, Problem};
use super::file::{ChartConfig, ClusterConfig, Config};

/// A values file, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuesFile {
    /// As `release.yaml` writes it, with `{chart}` and `{cluster}` replaced: the same on every machine, so
    /// that two plans can be compared.
    pub name: String,
    /// As found from where the program runs.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    /// The SHA-256 of the content in hex.
    pub sha256: String,
}

/// The values files of a chart on one cluster: the chart's, then the cluster's (later ones win). Nothing of
/// them is read before [`ValuesList::read`].
#[derive(Debug, Clone)]
pub struct ValuesList {
    document: Arc<Document>,
    cluster: String,
    files: Vec<Named>,
}

/// A file and the place in `release.yaml` that names it.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    location: Location,
}

impl ValuesList {
    /// What `release.yaml` names for a chart on a cluster, which is the `index`-th of the file.
    pub(super) fn of(
        document: &Arc<Document>,
        (chart_name, chart): (&str, &ChartConfig),
        (index, cluster): (usize, &ClusterConfig),
    ) -> Self {
        let index = index.to_string();
        let lists = [
            (vec!["charts", chart_name, "values"], &chart.values),
            (vec!["clusters", &index, "values"], &cluster.values),
        ];
        let mut files = Vec::new();
        for (steps, list) in lists {
            for (position, template) in list.iter().enumerate() {
                let name = template.replace("{chart}", chart_name).replace("{cluster}", &cluster.name);
                let position = position.to_string();
                files.push(Named { name, location: document.location(&[&steps[..], &[&position]].concat()) });
            }
        }
        Self { document: Arc::clone(document), cluster: cluster.name.clone(), files }
    }

    /// The names, in the order in which the files apply.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// Reads the files; the error names every one that cannot be read, each with its line.
    pub fn read(&self) -> Result<Vec<ValuesFile>, ConfigError> {
        let (files, problems) = self.read_all();
        self.refuse(problems)?;
        Ok(files)
    }

    /// Nothing, or an error that shows the lines of these problems.
    pub(super) fn refuse(&self, problems: Vec<Problem>) -> Result<(), ConfigError> {
        self.document.refuse(problems)
    }

    /// The files that can be read, and the ones that cannot.
    pub(super) fn read_all(&self) -> (Vec<ValuesFile>, Vec<Problem>) {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        for Named { name, location } in &self.files {
            match ValuesFile::read(name, self.document.base_dir().join(name)) {
                Ok(file) => files.push(file),
                Err(error) => {
                    let message = format!("read the values file `{name}` of `{}`: {error}", self.cluster);
                    problems.push(Problem { location: *location, message });
                }
            }
        }
        (files, problems)
    }
}

/// Every values file of every chart on every cluster that cannot be read.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let document = Arc::new(config.document.clone());
    let mut problems: Vec<Problem> = Vec::new();
    for chart in &config.charts {
        for cluster in config.clusters.iter().enumerate() {
            for problem in ValuesList::of(&document, (chart.0, chart.1), cluster).read_all().1 {
                if !problems.iter().any(|earlier| earlier.location == problem.location) {
                    problems.push(problem);
                }
            }
        }
    }
    problems
}

impl ValuesFile {
    fn read(name: &str, path: PathBuf) -> std::io::Result<Self> {
        let bytes = std::fs::read(&path)?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Ok(Self { name: name.to_owned(), path, bytes, sha256 })
    }
}
