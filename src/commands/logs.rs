//! `release logs --cluster X`: the lines of cert-manager's logs that matter, with the rule that made them matter.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Context;
use super::shared_args::SelectionArgs;
use crate::certmanager::logs::{LogRules, UNKNOWN};
use crate::config::{LogStoreKind, LogStoreSettings, Settings, duration, nearest};
use crate::failure::Failure;
use crate::monitoring::{LogStore, LogStoreError};
use crate::report;
use crate::report::exit_code::Exit;
use crate::report::format::Format;
use crate::report::logs::LogsReport;
use crate::repository::Backoff;
use crate::site::connect;
use crate::site::logs::{self, ClusterLogs};

/// Show what matters in cert-manager's logs, by rule, with why and what to do; nothing is changed
#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// How far back, such as 15m
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "1h", help_heading = "How")]
    pub since: Duration,
    /// Only what this rule knows; `unknown` for errors that none knows (repeatable)
    #[arg(long = "rule", value_name = "RULE", value_parser = rule, help_heading = "How")]
    pub rules: Vec<String>,
    /// Show a line of what is benign, too
    #[arg(long, help_heading = "How")]
    pub benign: bool,
    /// Where to read [default: the log store of release.yaml, else cluster]
    #[arg(long, value_name = "WHERE", help_heading = "How")]
    pub from: Option<LogsFrom>,
    /// How the result is written to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub output: Format,
}

/// `--from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogsFrom {
    /// The API server of the cluster
    Cluster,
    /// `logs.elasticsearch` of release.yaml
    Elasticsearch,
    /// `logs.opensearch` of release.yaml
    Opensearch,
}

fn rule(text: &str) -> Result<String, String> {
    let rules = LogRules::built_in();
    let names = || rules.iter().map(|rule| rule.id.as_str()).chain([UNKNOWN]);
    if names().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    let near = nearest(text, names()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Err(format!("no rule of logs has this name{near}"))
}

/// Prints what the logs of the selected clusters come to.
pub async fn run(args: &LogsArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.selection.selection())?;
    let mut clusters = match store(args.from, settings.logs.as_ref())? {
        Some(store) => of_store(args, &settings, store).await?,
        None => of_clusters(args, &settings).await?,
    };
    if !args.rules.is_empty() {
        let named = |rule: &String| args.rules.contains(rule);
        for logs in &mut clusters {
            logs.groups.retain(|group| named(&group.rule));
        }
    }
    let report = LogsReport { clusters, all: args.benign, only: !args.rules.is_empty() };
    context.printer.data(&report::render(&report, args.output)?);
    Ok(Exit::Success)
}

/// Which store to read; none for the clusters themselves.
fn store(
    from: Option<LogsFrom>,
    store: Option<&LogStoreSettings>,
) -> Result<Option<&LogStoreSettings>, Failure> {
    let (kind, key) = match from {
        None => return Ok(store),
        Some(LogsFrom::Cluster) => return Ok(None),
        Some(LogsFrom::Elasticsearch) => (LogStoreKind::Elasticsearch, "elasticsearch"),
        Some(LogsFrom::Opensearch) => (LogStoreKind::OpenSearch, "opensearch"),
    };
    let missing = || {
        let hint = format!("write `logs: {{ {key}: {{ url: https://…, index: … }} }}`");
        Failure::refused(format!("release.yaml has no `logs.{key}`")).hint(hint)
    };
    store.filter(|store| store.kind == kind).map(Some).ok_or_else(missing)
}

async fn of_store(
    args: &LogsArgs,
    settings: &Settings,
    store: &LogStoreSettings,
) -> Result<Vec<ClusterLogs>, Failure> {
    let store = LogStore::new(store, Backoff::REQUEST).map_err(LogStoreError::failure)?;
    let namespace = &settings.chart.release.namespace;
    let mut found = Vec::new();
    for cluster in &settings.clusters {
        found.push(logs::of_store(&store, &cluster.name, namespace, args.since).await?);
    }
    Ok(found)
}

async fn of_clusters(args: &LogsArgs, settings: &Settings) -> Result<Vec<ClusterLogs>, Failure> {
    let (release, profile) = (&settings.chart.release, settings.chart.profile);
    let mut found = Vec::new();
    for one in &connect::connect(settings).await? {
        found.push(logs::of_cluster(one, release, profile, args.since).await?);
    }
    Ok(found)
}
