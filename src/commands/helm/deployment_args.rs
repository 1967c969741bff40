//! What `install` and `upgrade` take alike: how a chart is rendered, recorded and shown.

use std::collections::BTreeMap;

use clap::Args;

use super::chart_arg::{self, ChartArgs};
use super::conduct_args::ConductArgs;
use super::dry_run_args::DryRunArgs;
use super::output::{Output, OutputArgs, text};
use super::release_text::{self, Parts};
use super::values_args::ValuesArgs;
use crate::action::verb::Deployment;
use crate::commands::Context;
use crate::failure::Failure;
use crate::helm::release::{Release, Shown};
use crate::report::printer::Printer;

/// The arguments.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "helm's arguments")]
pub struct DeploymentArgs {
    /// How the chart is found.
    #[command(flatten)]
    pub chart: ChartArgs,
    /// With which values.
    #[command(flatten)]
    pub values: ValuesArgs,
    /// How the cluster is treated.
    #[command(flatten)]
    pub conduct: ConductArgs,
    /// Look first.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// Create the release namespace if not present
    #[arg(long)]
    pub create_namespace: bool,
    /// Add a custom description
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Labels that would be added to release metadata (key=value,key=value); in an upgrade `null` removes one
    #[arg(short, long, value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// Take ownership of existing resources, whoever they belong to
    #[arg(long)]
    pub take_ownership: bool,
    /// If it fails, undo it: uninstall, or roll back; waits as --wait does
    #[arg(long, alias = "atomic")]
    pub rollback_on_failure: bool,
    /// Install no CRDs of the chart's crds/ folder
    #[arg(long)]
    pub skip_crds: bool,
    /// Hide Kubernetes Secrets when also using the --dry-run flag
    #[arg(long)]
    pub hide_secret: bool,
    /// Do not show notes; they are stored all the same
    #[arg(long)]
    pub hide_notes: bool,
    /// Render subchart notes along with the parent
    #[arg(long)]
    pub render_subchart_notes: bool,
    /// Do not check the values against the chart's schema
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// Enable DNS lookups when rendering templates
    #[arg(long)]
    pub enable_dns: bool,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputArgs,
    /// What helm takes too.
    #[command(flatten)]
    pub unneeded: UnneededDeploymentArgs,
}

/// Arguments of helm that change nothing here, or need what this command does not have.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Accepted and not needed, or refused")]
pub struct UnneededDeploymentArgs {
    /// The server checks every object before the first one is written
    #[arg(long)]
    pub disable_openapi_validation: bool,
    /// Refused
    #[arg(long, value_name = "PLUGIN")]
    pub post_renderer: Option<String>,
    /// An argument to the post-renderer
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub post_renderer_args: Vec<String>,
}

/// What helm refuses, and what this program does not do.
#[derive(Debug, thiserror::Error)]
enum DeploymentRefusal {
    #[error("hiding Kubernetes secrets requires a dry-run mode")]
    HideSecret,
    #[error("--post-renderer is not supported")]
    PostRenderer,
    #[error(
        "--dependency-update is not supported: update the dependencies with `helm dependency update` first"
    )]
    DependencyUpdate,
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("{text} must be formatted as key=value")),
    }
}

impl DeploymentArgs {
    /// Refuses what cannot be done, before anything is read.
    pub fn check(&self) -> Result<(), Failure> {
        if self.hide_secret && self.dry_run.rehearsal().is_none() {
            return Err(DeploymentRefusal::HideSecret.into());
        }
        if self.unneeded.post_renderer.is_some() {
            return Err(DeploymentRefusal::PostRenderer.into());
        }
        if self.chart.dependency_update {
            return Err(DeploymentRefusal::DependencyUpdate.into());
        }
        self.conduct.conduct().map(drop)
    }

    /// Reads the chart and the values. Helm reads the values first.
    pub fn read(&self, reference: &str, context: &Context) -> Result<Deployment, Failure> {
        let path = self.chart.locate(reference)?;
        let values = self.values.read()?;
        let chart = chart_arg::load(&path, &context.printer)?;
        let mut conduct = self.conduct.conduct()?;
        conduct.take_ownership = self.take_ownership;
        Ok(Deployment {
            description: self.description.clone().filter(|text| !text.is_empty()),
            labels: self.labels.iter().cloned().collect::<BTreeMap<_, _>>(),
            create_namespace: self.create_namespace,
            skip_crds: self.skip_crds,
            rollback_on_failure: self.rollback_on_failure,
            skip_schema_validation: self.skip_schema_validation,
            render_subchart_notes: self.render_subchart_notes,
            enable_dns: self.enable_dns,
            hide_secrets: self.hide_secret,
            conduct,
            ..Deployment::new(chart, values)
        })
    }

    /// Shows a revision that was made, or would be.
    pub fn show(&self, release: &Release, printer: &Printer) {
        match self.output.output {
            Output::Table => text(
                printer,
                &release_text::text(release, &Parts { hide_notes: self.hide_notes, ..Parts::default() }),
            ),
            Output::Json | Output::Yaml => {
                self.output.print(
                    printer,
                    &release.shown(&Shown { chart: true, ..Shown::default() }),
                    String::new,
                );
            }
        }
    }
}
