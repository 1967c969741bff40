//! `release diff --cluster X`: what the chart would change, object by object. Publishes nothing, judges
//! nothing, changes nothing.

use clap::Args;

use crate::config::Settings;
use crate::failure::Failure;
use crate::helm::chart::ChartArchive;
use crate::plan::preflight::Allowed;
use crate::report;
use crate::report::exit_code::Exit;
use crate::report::format::Format;
use crate::site::preflight::{self, RolloutRequest};
use crate::site::{chart, connect, terms};

use super::Context;
use super::shared_args::{SelectionArgs, VersionArgs};

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Which version of the chart.
    #[command(flatten)]
    pub version: VersionArgs,
    /// Exit with 2 when there are differences
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// How the result is written to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
}

/// Compares every selected cluster with the chart.
pub async fn run(args: &DiffArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.version.on(args.selection.selection()))?;
    let clusters = connect::connect_with_values(&settings).await?;
    let (archive, origin) = archive(&settings).await?;
    // What another manager owns is shown as it would be taken over; whether that is allowed is not asked
    // here.
    let terms = terms::of(&settings, Allowed { conflicts: true, ..Allowed::default() });
    let planned = chart::identity(&archive, origin, None);
    let request = RolloutRequest {
        chart: &settings.chart,
        archive: &archive,
        planned: &planned,
        terms: &terms,
        matrix: settings.preflight.kubernetes_matrix,
        knowledge: None,
    };
    let mut differences = Vec::new();
    for one in &clusters {
        differences.push(preflight::difference(one, &request).await?);
    }
    context.printer.data(&report::render(&differences, args.output)?);
    let differ = differences.iter().any(|one| !one.objects.is_empty() || !one.notes.is_empty());
    Ok(if args.detailed_exitcode && differ { Exit::Changes } else { Exit::Success })
}

/// The repository is asked only for a version that has to come from there.
async fn archive(settings: &Settings) -> Result<(ChartArchive, String), Failure> {
    if settings.version.is_some() {
        let resolved = chart::resolve(settings).await?;
        return Ok((resolved.archive, resolved.planned.origin));
    }
    let (archive, origin) = chart::package_source(settings).await?;
    Ok((archive, origin.to_string()))
}
