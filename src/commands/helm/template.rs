//! `release helm template [NAME] CHART`: renders a chart without a cluster.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::super::Context;
use super::chart_arg::{self, ChartArgs};
use super::kube_args::KubeArgs;
use super::name_args::NameArgs;
use super::show_only;
use super::template_files::Files;
use super::values_args::ValuesArgs;
use crate::failure::Failure;
use crate::helm::capabilities::{Capabilities, KubeVersionError};
use crate::helm::crds;
use crate::helm::engine::{NoCluster, ReleaseContext};
use crate::helm::release::{Hook, is_name};
use crate::helm::rendering::{self, Rendering, RenderingError, RenderingRequest, add};
use crate::report::exit_code::Exit;

/// The name of a release that has none.
const RELEASE_NAME: &str = "release-name";

/// The arguments.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "helm's arguments")]
pub struct TemplateArgs {
    /// Which release, of which chart.
    #[command(flatten)]
    pub name: NameArgs,
    /// How the chart is found.
    #[command(flatten)]
    pub chart: ChartArgs,
    /// With which values.
    #[command(flatten)]
    pub values: ValuesArgs,
    /// Kubernetes version used for Capabilities.KubeVersion
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// Kubernetes api versions used for Capabilities.APIVersions (multiple can be specified)
    #[arg(short, long, value_name = "VERSION", value_delimiter = ',')]
    pub api_versions: Vec<String>,
    /// Include CRDs in the templated output
    #[arg(long)]
    pub include_crds: bool,
    /// Only show manifests rendered from the given templates
    #[arg(short, long, value_name = "TEMPLATE")]
    pub show_only: Vec<String>,
    /// Leave hooks out
    #[arg(long)]
    pub no_hooks: bool,
    /// Leave tests out
    #[arg(long)]
    pub skip_tests: bool,
    /// Set .Release.IsUpgrade instead of .Release.IsInstall
    #[arg(long)]
    pub is_upgrade: bool,
    /// Write the executed templates to files in this directory instead of stdout
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// Use the release name in the path below the output directory
    #[arg(long)]
    pub release_name: bool,
    /// Do not check the values against the chart's schema
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// Enable DNS lookups when rendering templates
    #[arg(long)]
    pub enable_dns: bool,
    /// What helm takes too.
    #[command(flatten)]
    pub unneeded: UnneededArgs,
}

/// Arguments of helm that change nothing here, or need what this command does not have.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Accepted and not needed, or refused")]
#[expect(clippy::struct_excessive_bools, reason = "helm's arguments")]
pub struct UnneededArgs {
    /// Only `client` is supported
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    pub dry_run: Option<String>,
    /// Refused: needs a cluster
    #[arg(long)]
    pub validate: bool,
    /// Refused: pipe the output into the program instead
    #[arg(long, value_name = "PLUGIN")]
    pub post_renderer: Option<String>,
    /// An argument to the post-renderer
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub post_renderer_args: Vec<String>,
    /// For an installation
    #[arg(long)]
    pub create_namespace: bool,
    /// For an installation
    #[arg(long)]
    pub replace: bool,
    /// For an installation
    #[arg(long)]
    pub skip_crds: bool,
    /// For an installation
    #[arg(long)]
    pub disable_openapi_validation: bool,
    /// For an installation
    #[arg(long)]
    pub take_ownership: bool,
    /// For an installation
    #[arg(long)]
    pub force_conflicts: bool,
    /// For an installation
    #[arg(long, alias = "force")]
    pub force_replace: bool,
    /// For an installation
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    pub server_side: Option<Option<String>>,
    /// For an installation
    #[arg(long, alias = "atomic")]
    pub rollback_on_failure: bool,
    /// For an installation
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true)]
    pub wait: Option<Option<String>>,
    /// For an installation
    #[arg(long)]
    pub wait_for_jobs: bool,
    /// For an installation
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// For an installation
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// For an installation
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub labels: Vec<String>,
    /// For an installation
    #[arg(long)]
    pub hide_notes: bool,
    /// For an installation
    #[arg(long)]
    pub render_subchart_notes: bool,
}

/// What helm refuses, and what this program does not do.
#[derive(Debug, thiserror::Error)]
enum TemplateRefusal {
    #[error("invalid kube version '{version}': {problem}")]
    KubeVersion { version: String, problem: KubeVersionError },
    #[error("invalid dry-run value ({0:?}). Must be \"none\", \"server\", or \"client\"")]
    RevisionPreview(String),
    #[error("{0} needs a cluster, and this command renders without one: leave it out")]
    NeedsCluster(String),
    #[error("--post-renderer is not supported: pipe the output into the program instead")]
    PostRenderer,
    #[error("release name check failed: release name {0:?}: no name provided")]
    NoName(String),
    #[error(
        "release name check failed: release name {0:?}: invalid release name, must match regex \
         ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    )]
    Name(String),
    #[error("{0}\n\nUse --debug flag to render out invalid YAML")]
    Rendering(RenderingError),
}

/// Renders the chart and prints, or writes, what Helm would install.
pub fn run(args: &TemplateArgs, kube: &KubeArgs, context: &Context) -> Result<Exit, Failure> {
    let capabilities = capabilities(args)?;
    refuse(&args.unneeded)?;
    let (name, reference) =
        args.name.resolve("template", Some(RELEASE_NAME), Timestamp::now().as_second())?;
    let path = args.chart.locate(&reference)?;
    let values = args.values.read()?;
    let chart = chart_arg::load(&path, &context.printer)?;
    if !is_name(&name) {
        return Err(if name.is_empty() {
            TemplateRefusal::NoName(name)
        } else {
            TemplateRefusal::Name(name)
        }
        .into());
    }
    let (is_install, is_upgrade) = (!args.is_upgrade, args.is_upgrade);
    let request = RenderingRequest {
        release: ReleaseContext { name, namespace: kube.namespace(), revision: 1, is_install, is_upgrade },
        capabilities,
        skip_schema: args.skip_schema_validation,
        subchart_notes: false,
        dns: args.enable_dns,
    };
    let rendering = rendering::render(chart, values, &request, &mut NoCluster)
        .map_err(|error| failed(error, kube, context))?;
    rendering.warnings.iter().for_each(|warning| context.printer.warn(warning));
    show(args, &request.release.name, rendering, context)?;
    Ok(Exit::Success)
}

fn capabilities(args: &TemplateArgs) -> Result<Capabilities, TemplateRefusal> {
    let mut capabilities = Capabilities::without_cluster();
    if let Some(version) = args.kube_version.as_ref().filter(|version| !version.is_empty()) {
        let problem = |problem| TemplateRefusal::KubeVersion { version: version.clone(), problem };
        capabilities.kube_version = version.parse().map_err(problem)?;
    }
    capabilities.api_versions.extend(args.api_versions.iter().cloned());
    Ok(capabilities)
}

fn refuse(args: &UnneededArgs) -> Result<(), TemplateRefusal> {
    match args.dry_run.as_deref() {
        None | Some("client" | "true" | "unset") => {}
        Some(server @ ("server" | "none" | "false")) => {
            return Err(TemplateRefusal::NeedsCluster(format!("--dry-run={server}")));
        }
        Some(other) => return Err(TemplateRefusal::RevisionPreview(other.to_owned())),
    }
    if args.validate {
        return Err(TemplateRefusal::NeedsCluster("--validate".to_owned()));
    }
    if args.post_renderer.is_some() { Err(TemplateRefusal::PostRenderer) } else { Ok(()) }
}

/// With `--debug`, what was rendered is shown although a document of it is broken.
fn failed(error: RenderingError, kube: &KubeArgs, context: &Context) -> Failure {
    match error {
        RenderingError::Document { ref rendered, .. } if kube.unneeded.debug => {
            context.printer.text(&ended(rendered.clone()));
            error.into()
        }
        error if error.is_of_rendering() && !kube.unneeded.debug => TemplateRefusal::Rendering(error).into(),
        error => error.into(),
    }
}

/// Trimmed, with one final line break.
fn ended(mut manifest: String) -> String {
    manifest.truncate(manifest.trim_end().len());
    manifest.drain(..manifest.len() - manifest.trim_start().len());
    manifest.push('\n');
    manifest
}

fn show(args: &TemplateArgs, name: &str, mut rendering: Rendering, context: &Context) -> Result<(), Failure> {
    if let Some(directory) = args.output_dir.as_ref().filter(|directory| !directory.as_os_str().is_empty()) {
        let mut files = Files::new(directory);
        let written = write(args, name, &rendering, &mut files);
        context.printer.text(files.log());
        written?;
        return finish(args, "\n".to_owned(), context);
    }
    let mut output = std::mem::take(&mut rendering.manifest);
    if args.include_crds {
        let mut all = String::new();
        for crd in crds::of(&rendering.chart) {
            add(&mut all, &crd.path, &String::from_utf8_lossy(crd.data));
        }
        all.push_str(&output);
        output = all;
    }
    output = ended(output);
    for hook in hooks(args, &rendering) {
        add(&mut output, &hook.path, &hook.manifest);
    }
    finish(args, output, context)
}

fn finish(args: &TemplateArgs, output: String, context: &Context) -> Result<(), Failure> {
    let output =
        if args.show_only.is_empty() { output } else { show_only::select(&output, &args.show_only)? };
    context.printer.text(&output);
    Ok(())
}

fn hooks<'r>(args: &TemplateArgs, rendering: &'r Rendering) -> impl Iterator<Item = &'r Hook> {
    let (none, no_tests) = (args.no_hooks, args.skip_tests);
    rendering
        .hooks
        .iter()
        .filter(move |hook| !none && (!no_tests || hook.events.iter().all(|event| event != "test")))
}

fn write(
    args: &TemplateArgs,
    name: &str,
    rendering: &Rendering,
    files: &mut Files<'_>,
) -> Result<(), Failure> {
    let below = if args.release_name { name } else { "" };
    if args.include_crds {
        for crd in crds::of(&rendering.chart) {
            files.write("", &crd.path, &String::from_utf8_lossy(crd.data))?;
        }
    }
    for part in &rendering.parts {
        files.write(below, &part.source, &rendering.manifest[part.text.clone()])?;
    }
    for hook in hooks(args, rendering) {
        files.write(below, &hook.path, &hook.manifest)?;
    }
    Ok(())
}
