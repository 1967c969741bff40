//! The arguments that name a chart, and how the chart is found.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::helm::chart::Chart;
use crate::report::printer::Printer;

/// How to find the chart.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Chart")]
pub struct ChartArgs {
    /// A version constraint for a chart from a repository; a chart on disk is what it is
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Use development versions, too
    #[arg(long)]
    pub devel: bool,
    /// Refused: update the dependencies with `helm dependency update` first
    #[arg(long)]
    pub dependency_update: bool,
    /// Refused: verify the archive with `helm verify` first
    #[arg(long)]
    pub verify: bool,
    /// For charts that are downloaded.
    #[command(flatten)]
    pub download: DownloadArgs,
}

/// Arguments of helm for charts that are downloaded, which this program does not do: name a folder or an
/// archive.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Accepted, and refused where a chart would have to be downloaded")]
pub struct DownloadArgs {
    /// Chart repository URL
    #[arg(long, value_name = "URL")]
    pub repo: Option<String>,
    /// Chart repository username
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Chart repository password
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,
    /// Pass credentials to all domains
    #[arg(long)]
    pub pass_credentials: bool,
    /// Client certificate for chart repositories
    #[arg(long, value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// Client key for chart repositories
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Certificate authorities for chart repositories
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Location of public keys used for verification
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// Skip TLS certificate checks for the chart download
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
    /// Use insecure HTTP connections for the chart download
    #[arg(long)]
    pub plain_http: bool,
}

/// What helm refuses, and what this program does not do.
#[derive(Debug, thiserror::Error)]
enum ChartRefusal {
    #[error("path {0:?} not found")]
    NotFound(String),
    #[error("{0}: charts are not downloaded here: name a folder or an archive")]
    Download(String),
    #[error("non-absolute URLs should be in form of repo_name/path_to_chart, got: {0}")]
    NoSuchChart(String),
    #[error("--verify is not supported: verify the archive with `helm verify` first")]
    Verify,
    #[error("library charts are not installable")]
    Library,
    #[error("{0} charts are not installable")]
    Type(String),
    #[error(
        "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies: \
         found in Chart.yaml, but missing in charts/ directory: {0}"
    )]
    MissingDependencies(String),
}

impl ChartArgs {
    /// Where the chart is on disk. Helm does this before it reads the values.
    pub fn locate(&self, reference: &str) -> Result<PathBuf, Failure> {
        let reference = reference.trim();
        if let Some(repository) = &self.download.repo {
            return Err(ChartRefusal::Download(format!("{reference} of {repository}")).into());
        }
        let path = Path::new(reference);
        if path.exists() {
            return if self.verify {
                Err(ChartRefusal::Verify.into())
            } else {
                Ok(std::path::absolute(path)?)
            };
        }
        if path.is_absolute() || reference.starts_with('.') {
            return Err(ChartRefusal::NotFound(reference.to_owned()).into());
        }
        Err(if reference.contains('/') {
            ChartRefusal::Download(reference.to_owned())
        } else {
            ChartRefusal::NoSuchChart(reference.to_owned())
        }
        .into())
    }
}

/// Loads the chart and refuses one that cannot be installed; what Helm warns about is said. Reads the disk.
pub fn load(path: &Path, printer: &Printer) -> Result<Chart, Failure> {
    let chart = Chart::open(path)?;
    chart.warnings.iter().for_each(|warning| printer.warn(warning));
    match chart.metadata.chart_type.as_str() {
        "" | "application" => {}
        "library" => return Err(ChartRefusal::Library.into()),
        other => return Err(ChartRefusal::Type(other.to_owned()).into()),
    }
    if chart.metadata.deprecated {
        printer.warn("this chart is deprecated");
    }
    match chart.missing_dependencies() {
        missing if missing.is_empty() => Ok(chart),
        missing => Err(ChartRefusal::MissingDependencies(missing.join(", ")).into()),
    }
}
