//! The values files of a chart on a cluster: read once, their content remembered with its digest.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::error::Problem;
use super::file::{ChartConfig, ClusterConfig, Config};

/// A values file, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuesFile {
    /// As found from where the program runs.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    /// The SHA-256 of the content in hex.
    pub sha256: String,
}

/// The chart's files, then the cluster's (later ones win), and the ones that cannot be read with the places
/// that name them.
pub(super) fn read(
    config: &Config,
    (chart_name, chart): (&str, &ChartConfig),
    (index, cluster): (usize, &ClusterConfig),
) -> (Vec<ValuesFile>, Vec<Problem>) {
    let (index, mut files, mut problems) = (index.to_string(), Vec::new(), Vec::new());
    let lists = [
        (vec!["charts", chart_name, "values"], &chart.values),
        (vec!["clusters", &index, "values"], &cluster.values),
    ];
    for (steps, list) in lists {
        for (position, template) in list.iter().enumerate() {
            let path = template.replace("{chart}", chart_name).replace("{cluster}", &cluster.name);
            match ValuesFile::read(config.base_dir().join(&path)) {
                Ok(file) => files.push(file),
                Err(error) => {
                    let position = position.to_string();
                    let location = config.document.location(&[&steps[..], &[&position]].concat());
                    problems.push(Problem {
                        location,
                        message: format!("read the values file `{path}` of `{}`: {error}", cluster.name),
                    });
                }
            }
        }
    }
    (files, problems)
}

/// Every values file of every chart on every cluster that cannot be read.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for chart in &config.charts {
        for cluster in config.clusters.iter().enumerate() {
            for problem in read(config, (chart.0, chart.1), cluster).1 {
                if !problems.iter().any(|earlier| earlier.location == problem.location) {
                    problems.push(problem);
                }
            }
        }
    }
    problems
}

impl ValuesFile {
    fn read(path: PathBuf) -> std::io::Result<Self> {
        let bytes = std::fs::read(&path)?;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        Ok(Self { path, bytes, sha256 })
    }
}
