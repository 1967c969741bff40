//! `release helm history RELEASE_NAME`

use clap::Args;
use serde_json::{Map, Value, json};

use super::kube_args::KubeArgs;
use super::list::{app_version, chart_title};
use super::output::{OutputArgs, table};
use super::{go_time, stored};
use crate::commands::Context;
use crate::failure::Failure;
use crate::helm::release::Release;
use crate::report::exit_code::Exit;

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// The release
    #[arg(value_name = "RELEASE_NAME")]
    pub release: String,
    /// Maximum number of revisions to include in history
    #[arg(long, value_name = "NUMBER", default_value_t = 256)]
    pub max: usize,
    /// Show the rollback revision column in table output
    #[arg(long)]
    pub show_rollback_revision: bool,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Prints the newest revisions, oldest first.
pub async fn run(args: &HistoryArgs, kube: &KubeArgs, context: &Context) -> Result<Exit, Failure> {
    let (cluster, release) = kube.connect_to(&args.release).await?;
    let history = stored::history(&cluster, &release).await?;
    let shown = &history[history.len().saturating_sub(args.max)..];
    let value: Value = shown.iter().map(element).collect();
    args.output.print(&context.printer, &value, || {
        let mut headers = vec!["REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION", "DESCRIPTION"];
        if args.show_rollback_revision {
            headers.insert(5, "ROLLBACK");
        }
        let headers = headers.into_iter().map(str::to_owned).collect();
        table(
            &std::iter::once(headers)
                .chain(shown.iter().map(|release| row(release, args.show_rollback_revision)))
                .collect::<Vec<_>>(),
        )
    });
    Ok(Exit::Success)
}

fn element(release: &Release) -> Value {
    let mut element = Map::new();
    element.insert("revision".to_owned(), json!(release.revision()));
    if let Some(time) = release.last_deployed_text() {
        element.insert("updated".to_owned(), json!(time));
    }
    element.insert("status".to_owned(), json!(release.status()));
    element.insert("chart".to_owned(), json!(chart_title(release)));
    element.insert("app_version".to_owned(), json!(app_version(release)));
    if let Some(revision) = release.rollback_revision() {
        element.insert("rollback_revision".to_owned(), json!(revision));
    }
    element.insert("description".to_owned(), json!(release.description()));
    Value::Object(element)
}

fn row(release: &Release, with_rollback: bool) -> Vec<String> {
    let mut row = vec![
        release.revision().to_string(),
        release.last_deployed_text().map_or_else(|| go_time::NEVER.to_owned(), go_time::short),
        release.status().to_string(),
        chart_title(release),
        app_version(release),
        release.description().to_owned(),
    ];
    if with_rollback {
        row.insert(5, release.rollback_revision().map(|revision| revision.to_string()).unwrap_or_default());
    }
    row
}
