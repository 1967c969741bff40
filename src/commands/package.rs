//! `release package`: the chart of `release.yaml` as an archive on this machine.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::Context;
use crate::config::{ChartSettings, Selection};
use crate::failure::Failure;
use crate::helm::chart::ChartArchive;
use crate::report::exit_code::Exit;
use crate::report::format::Format;
use crate::site::chart::packaged;
use crate::source::Origin;

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct PackageArgs {
    /// The chart, by its name in release.yaml; needed when several are configured
    #[arg(long, value_name = "NAME")]
    pub chart: Option<String>,
    /// Package this branch, tag or commit instead of the configured one
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Write the archive into this directory
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub destination: PathBuf,
    /// How the result is written to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
}

/// Fetches the chart, packages it and writes the archive.
pub async fn run(args: &PackageArgs, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let selection =
        Selection { chart: args.chart.clone(), reference: args.reference.clone(), ..Selection::default() };
    let chart = ChartSettings::of(&config, &selection)?;
    let (fetched, archive) = packaged(&chart, args.reference.as_deref(), config.base_dir()).await?;
    for warning in fetched.chart()?.warnings {
        context.printer.warn(&warning);
    }
    let path = write(&archive, &args.destination)
        .map_err(|error| Failure::refused(WriteError(args.destination.clone(), error)))?;
    context.printer.line(&format!(
        "packaged {} {} from {}",
        archive.name(),
        archive.version(),
        fetched.origin
    ));
    context.printer.data(&told(&archive, &path, &fetched.origin, args.output)?);
    Ok(Exit::Success)
}

/// The archive's file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("write the archive into {}", .0.display())]
struct WriteError(PathBuf, #[source] io::Error);

/// Writes an archive under its own name, whole or not at all; the directory is made where it is missing.
pub(super) fn write(archive: &ChartArchive, directory: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new().prefix(".release-").tempfile_in(directory)?;
    file.write_all(archive.bytes())?;
    let path = directory.join(archive.file_name());
    readable_by_all(file.as_file())?;
    file.persist(&path)?;
    Ok(path)
}

/// Temporary files are private; an archive is not.
fn readable_by_all(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

fn told(archive: &ChartArchive, path: &Path, origin: &Origin, output: Format) -> Result<String, Failure> {
    let (digest, content) = (archive.digest().to_string(), archive.content().digest().to_string());
    let value = json!({
        "path": path,
        "name": archive.name(),
        "version": archive.version(),
        "appVersion": archive.metadata().app_version,
        "digest": digest,
        "contentDigest": content,
        "source": { "url": origin.url, "reference": origin.reference, "commit": origin.commit, "dirty": origin.dirty, "time": origin.time },
    });
    Ok(match output {
        Format::Table => format!("archive  {}\ndigest   {digest}\ncontent  {content}", path.display()),
        Format::Json => serde_json::to_string_pretty(&value)?,
        Format::Yaml => serde_norway::to_string(&value)?.trim_end().to_owned(),
    })
}
