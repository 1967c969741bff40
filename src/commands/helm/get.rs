//! `release helm get all|hooks|manifest|metadata|notes|values RELEASE_NAME`

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::kube_args::KubeArgs;
use super::output::{Output, OutputArgs, text};
use super::release_text::{self, Parts};
use super::{go_names, go_time, stored};
use crate::commands::Context;
use crate::failure::Failure;
use crate::helm::engine::render_text_of;
use crate::helm::release::{Release, Revision};
use crate::helm::values::Values;
use crate::helm::values::coalesce::coalesce;
use crate::report::exit_code::Exit;

/// What to get.
#[derive(Debug, Clone, Subcommand)]
pub enum GetCommand {
    /// Download all information for a named release
    All(GetAllArgs),
    /// Download all hooks for a named release
    Hooks(RevisionArgs),
    /// Download the manifest for a named release
    Manifest(RevisionArgs),
    /// Fetch the metadata of a named release
    Metadata(MetadataArgs),
    /// Download the notes for a named release
    Notes(RevisionArgs),
    /// Download the values file for a named release
    Values(GetValuesArgs),
}

/// Which revision.
#[derive(Debug, Clone, Args)]
pub struct RevisionArgs {
    /// The release
    #[arg(value_name = "RELEASE_NAME")]
    pub release: String,
    /// Get this revision instead of the newest one
    #[arg(long, value_name = "REVISION", default_value_t = 0, hide_default_value = true)]
    pub revision: Revision,
}

/// The arguments of `get all`.
#[derive(Debug, Clone, Args)]
pub struct GetAllArgs {
    /// Which revision.
    #[command(flatten)]
    pub revision: RevisionArgs,
    /// Go template for formatting the output, for example {{.Release.Name}}
    #[arg(long, value_name = "TEMPLATE")]
    pub template: Option<String>,
}

/// The arguments of `get metadata`.
#[derive(Debug, Clone, Args)]
pub struct MetadataArgs {
    /// Which revision.
    #[command(flatten)]
    pub revision: RevisionArgs,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The arguments of `get values`.
#[derive(Debug, Clone, Args)]
pub struct GetValuesArgs {
    /// Which revision.
    #[command(flatten)]
    pub revision: RevisionArgs,
    /// Dump all (computed) values
    #[arg(short, long)]
    pub all: bool,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Prints what is asked for.
pub async fn run(command: &GetCommand, kube: &KubeArgs, context: &Context) -> Result<Exit, Failure> {
    let printer = &context.printer;
    match command {
        GetCommand::All(args) => {
            let release = args.revision.read(kube).await?;
            if let Some(template) = args.template.as_deref().filter(|template| !template.is_empty()) {
                printer.text(&render_text_of("_", template, &go_names::data(&release))?);
                return Ok(Exit::Success);
            }
            let parts = Parts {
                chart: true,
                manifest: true,
                computed_values: Some(computed_values(&release)?),
                ..Parts::default()
            };
            text(printer, &release_text::text(&release, &parts));
        }
        GetCommand::Hooks(args) => text(printer, &release_text::hooks(args.read(kube).await?.hooks())),
        GetCommand::Manifest(args) => printer.data(args.read(kube).await?.manifest()),
        GetCommand::Metadata(args) => {
            let release = args.revision.read(kube).await?;
            let metadata = metadata(&release);
            args.output.print(printer, &metadata, || metadata_text(&release, &metadata));
        }
        GetCommand::Notes(args) => {
            let release = args.read(kube).await?;
            if !release.notes().is_empty() {
                text(printer, &format!("NOTES:\n{}\n", release.notes()));
            }
        }
        GetCommand::Values(args) => print_values(args, &args.revision.read(kube).await?, context)?,
    }
    Ok(Exit::Success)
}

impl RevisionArgs {
    async fn read(&self, kube: &KubeArgs) -> Result<Release, Failure> {
        let (cluster, release) = kube.connect_to(&self.release).await?;
        stored::revision(&cluster, &release, self.revision).await
    }
}

/// The user's values over those of the stored chart.
fn computed_values(release: &Release) -> Result<Values, Failure> {
    Ok(coalesce(&release.stored_chart(), release.user_values(), &mut Vec::new())?)
}

fn print_values(args: &GetValuesArgs, release: &Release, context: &Context) -> Result<(), Failure> {
    let (title, values) = if args.all {
        ("COMPUTED VALUES", Value::Object(computed_values(release)?))
    } else {
        ("USER-SUPPLIED VALUES", release.config().clone())
    };
    match args.output.output {
        Output::Table => text(&context.printer, &format!("{title}:\n{}", release_text::values_text(&values))),
        Output::Json | Output::Yaml => {
            args.output.print(&context.printer, &release_text::go_values(&values), String::new);
        }
    }
    Ok(())
}

/// The fields in helm's order; empty ones that helm leaves out are left out.
fn metadata(release: &Release) -> Value {
    let chart = release.chart().unwrap_or_default();
    let of_chart = |field: &str| chart["metadata"].get(field).cloned().filter(|value| !value.is_null());
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), json!(release.name()));
    metadata.insert("chart".to_owned(), json!(release.chart_name()));
    metadata.insert("version".to_owned(), json!(release.chart_version()));
    metadata.insert("appVersion".to_owned(), json!(release.app_version()));
    metadata.extend(of_chart("annotations").map(|annotations| ("annotations".to_owned(), annotations)));
    if !release.labels().is_empty() {
        metadata.insert("labels".to_owned(), json!(release.labels()));
    }
    metadata.extend(of_chart("dependencies").map(|dependencies| ("dependencies".to_owned(), dependencies)));
    metadata.insert("namespace".to_owned(), json!(release.namespace()));
    metadata.insert("revision".to_owned(), json!(release.revision()));
    metadata.insert("status".to_owned(), json!(release.status()));
    metadata.insert(
        "deployedAt".to_owned(),
        json!(release.last_deployed_text().map(go_time::seconds).unwrap_or_default()),
    );
    metadata.extend(release.apply_method().map(|method| ("applyMethod".to_owned(), json!(method))));
    Value::Object(metadata)
}

fn metadata_text(release: &Release, metadata: &Value) -> String {
    let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
    let rows = [
        ("NAME", text("name")),
        ("CHART", text("chart")),
        ("VERSION", text("version")),
        ("APP_VERSION", text("appVersion")),
        ("ANNOTATIONS", pairs(&metadata["annotations"])),
        ("LABELS", pairs(&metadata["labels"])),
        ("DEPENDENCIES", names(&metadata["dependencies"])),
        ("NAMESPACE", text("namespace")),
        ("REVISION", release.revision().to_string()),
        ("STATUS", text("status")),
        ("DEPLOYED_AT", text("deployedAt")),
        ("APPLY_METHOD", method(release.apply_method())),
    ];
    rows.iter().map(|(title, value)| format!("{title}: {value}\n")).collect::<Vec<_>>().concat()
}

fn method(apply_method: Option<&str>) -> String {
    match apply_method {
        None => "client-side apply (defaulted)".to_owned(),
        Some("csa") => "client-side apply".to_owned(),
        Some("ssa") => "server-side apply".to_owned(),
        Some(other) => format!("unknown ({other:?})"),
    }
}

fn pairs(map: &Value) -> String {
    let mut pairs: Vec<String> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.sort();
    pairs.join(",")
}

fn names(dependencies: &Value) -> String {
    let mut names: Vec<&str> = dependencies
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|dependency| dependency["name"].as_str())
        .collect();
    names.sort_unstable();
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_told_as_helm_tells_it() {
        let record = r#"{"name":"r","info":{"last_deployed":"2026-11-24T12:30:25.6Z","status":"deployed"},"chart":{"metadata":{"name":"c","version":"1","appVersion":"2","annotations":{"b":"x","a":"y"},"dependencies":[{"name":"z"},{"name":"d"}]}},"version":2,"namespace":"n"}"#;
        let release =
            Release::from_json(record).unwrap().with_labels([("team".to_owned(), "sre".to_owned())].into());
        insta::assert_snapshot!(metadata_text(&release, &metadata(&release)), @r"
        NAME: r
        CHART: c
        VERSION: 1
        APP_VERSION: 2
        ANNOTATIONS: a=y,b=x
        LABELS: team=sre
        DEPENDENCIES: d,z
        NAMESPACE: n
        REVISION: 2
        STATUS: deployed
        DEPLOYED_AT: 2026-11-24T12:30:25Z
        APPLY_METHOD: client-side apply (defaulted)
        ");
    }
}
