//! `release helm package PATH...`

use std::io;
use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::super::Context;
use super::super::package::write;
use crate::config::{DirectorySource, Source};
use crate::failure::Failure;
use crate::helm::chart::{ChartArchive, Overrides, PackageError};
use crate::report::exit_code::Exit;
use crate::site::chart::source_failure;
use crate::source::{self, DirectorySourceError, SourceError};

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct PackageArgs {
    /// Chart directories
    #[arg(value_name = "CHART_PATH")]
    pub paths: Vec<PathBuf>,
    /// Location to write the chart
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub destination: PathBuf,
    /// Set the version on the chart to this semver version
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Set the appVersion on the chart to this version
    #[arg(long, value_name = "VERSION")]
    pub app_version: Option<String>,
    /// Refused for a chart that has dependencies: update them with `helm dependency update` first
    #[arg(short = 'u', long)]
    pub dependency_update: bool,
    /// Refused: sign the archive with `helm package --sign`
    #[arg(long)]
    pub sign: bool,
    /// What only those two need.
    #[command(flatten)]
    pub unneeded: UnneededArgs,
}

/// Arguments of helm that mean something only with `--sign` or `--dependency-update`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Accepted and not needed without --sign and --dependency-update")]
pub struct UnneededArgs {
    /// Name of the key to use when signing
    #[arg(long, value_name = "NAME")]
    pub key: Option<String>,
    /// Location of a public keyring
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
    /// File which contains the passphrase for the signing key
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Chart repository username
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Chart repository password
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,
    /// Client certificate for chart repositories
    #[arg(long, value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// Client key for chart repositories
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Certificate authorities for chart repositories
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Skip TLS certificate checks for the chart download
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
    /// Use insecure HTTP connections for the chart download
    #[arg(long)]
    pub plain_http: bool,
}

/// What helm refuses, and what this program does not do.
#[derive(Debug, thiserror::Error)]
enum PackageRefusal {
    #[error("need at least one argument, the path to the chart")]
    NoPath,
    #[error("--sign is not supported: sign the archive with a helm program")]
    Sign,
    #[error(
        "--dependency-update is not supported for a chart with dependencies: update them with a helm program, then package"
    )]
    DependencyUpdate,
    #[error("stat {}: no such file or directory", .0.display())]
    NoSuchPath(PathBuf),
    #[error("unable to detect chart at {path}: open {path}: {problem}", path = .path.display())]
    NoChart { path: PathBuf, problem: &'static str },
    #[error("failed to save")]
    Save(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Packages one chart after the other, as helm does: those before a failing one are written.
pub async fn run(args: PackageArgs, context: Context) -> Result<Exit, Failure> {
    tokio::task::spawn_blocking(move || package_all(&args, &context)).await?
}

fn package_all(args: &PackageArgs, context: &Context) -> Result<Exit, Failure> {
    if args.paths.is_empty() {
        return Err(PackageRefusal::NoPath.into());
    }
    if args.sign {
        return Err(PackageRefusal::Sign.into());
    }
    for path in &args.paths {
        let archive = package(args, path, context)?;
        let directory = destination(&args.destination).map_err(save)?;
        let written = write(&archive, &directory).map_err(save)?;
        context.printer.data(&format!("Successfully packaged chart and saved it to: {}", written.display()));
    }
    Ok(Exit::Success)
}

fn package(args: &PackageArgs, path: &Path, context: &Context) -> Result<ChartArchive, Failure> {
    let absolute = std::path::absolute(path)?;
    look_for_chart(path, &absolute)?;
    let source = Source::Directory(DirectorySource { path: absolute });
    let fetched = source::fetch(&source, None, Path::new("")).map_err(in_helms_words)?;
    let chart = fetched.chart().map_err(in_helms_words)?;
    chart.warnings.iter().for_each(|warning| context.printer.warn(warning));
    if args.dependency_update && !chart.metadata.dependencies.is_empty() {
        return Err(PackageRefusal::DependencyUpdate.into());
    }
    fetched.package(&overrides(args)).map_err(in_helms_words)
}

/// An empty override is none, as in helm.
fn overrides(args: &PackageArgs) -> Overrides {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Overrides { version: given(&args.version), app_version: given(&args.app_version) }
}

fn look_for_chart(path: &Path, absolute: &Path) -> Result<(), PackageRefusal> {
    let chart_file = absolute.join("Chart.yaml");
    match std::fs::metadata(path) {
        Err(_) => Err(PackageRefusal::NoSuchPath(path.to_owned())),
        Ok(metadata) if !metadata.is_dir() => {
            Err(PackageRefusal::NoChart { path: chart_file, problem: "not a directory" })
        }
        Ok(_) if !chart_file.exists() => {
            Err(PackageRefusal::NoChart { path: chart_file, problem: "no such file or directory" })
        }
        Ok(_) => Ok(()),
    }
}

/// `.` is shown as the absolute path, anything else as it was given, cleaned.
fn destination(given: &Path) -> io::Result<PathBuf> {
    if given == Path::new(".") {
        return std::env::current_dir();
    }
    if given.exists() && !given.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            format!("is not a directory: {}", given.display()),
        ));
    }
    let mut clean = PathBuf::new();
    for part in given.components() {
        match (part, clean.components().next_back()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                clean.pop();
            }
            (part, _) => clean.push(part),
        }
    }
    Ok(clean)
}

fn save(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    PackageRefusal::Save(error.into()).into()
}

/// The same errors without our frame around them, and with helm's where helm has one.
fn in_helms_words(error: SourceError) -> Failure {
    match error {
        SourceError::Chart(_, error) => error.into(),
        SourceError::Directory(DirectorySourceError::Read { source, .. }) => source.into(),
        SourceError::Package(_, PackageError::Version { source, .. }) => source.into(),
        SourceError::Package(_, error @ (PackageError::Schema { .. } | PackageError::Metadata(_))) => {
            save(error)
        }
        SourceError::Package(_, error) => error.into(),
        other => source_failure(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_shown_clean() {
        for (given, shown) in
            [("./out", "out"), ("out/sub/", "out/sub"), ("a/../b", "b"), ("../x", "../x"), ("/a/./b", "/a/b")]
        {
            assert_eq!(destination(Path::new(given)).unwrap(), Path::new(shown));
        }
        assert!(destination(Path::new(".")).unwrap().is_absolute());
    }
}
