//! `release helm list`

use std::collections::BTreeMap;

use clap::Args;
use regex::Regex;
use serde_json::{Value, json};

use super::kube_args::KubeArgs;
use super::output::{Output, OutputArgs, table, text};
use super::{go_time, selector};
use crate::cluster::release_secrets;
use crate::commands::Context;
use crate::failure::Failure;
use crate::helm::release::{Release, Status};
use crate::helm::template::functions::in_layout;
use crate::report::exit_code::Exit;

/// Helm's word for what a record has lost.
const MISSING: &str = "MISSING";

/// The arguments.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of helm of its own")]
pub struct ListArgs {
    /// List releases across all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Sort by release date
    #[arg(short, long)]
    pub date: bool,
    /// Reverse the sort order
    #[arg(short, long)]
    pub reverse: bool,
    /// Output short (quiet) listing format
    // The id is that of the program's own -q, which it replaces here.
    #[arg(id = "quiet", short = 'q', long = "short")]
    pub short: bool,
    /// Don't print headers when using the default output format
    #[arg(long)]
    pub no_headers: bool,
    /// Format time using golang time formatter, for example "2006-01-02 15:04:05Z0700"
    #[arg(long, value_name = "LAYOUT")]
    pub time_format: Option<String>,
    /// Maximum number of releases to fetch; 0 = all
    #[arg(short, long, value_name = "NUMBER", default_value_t = 256)]
    pub max: usize,
    /// Next release index in the list, used to offset from start value
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub offset: usize,
    /// A regular expression; releases that match it are included in the results
    #[arg(short, long, value_name = "REGEX")]
    pub filter: Option<String>,
    /// Selector (label query) to filter on, for example key1=value1,key2!=value2
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Show deployed releases
    #[arg(long)]
    pub deployed: bool,
    /// Show failed releases
    #[arg(long)]
    pub failed: bool,
    /// Show pending releases
    #[arg(long)]
    pub pending: bool,
    /// Show superseded releases
    #[arg(long)]
    pub superseded: bool,
    /// Show uninstalled releases (if `uninstall --keep-history` was used)
    #[arg(long)]
    pub uninstalled: bool,
    /// Show releases that are currently being uninstalled
    #[arg(long)]
    pub uninstalling: bool,
    /// How it is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Prints the newest revision of every release that is asked for.
pub async fn run(args: &ListArgs, kube: &KubeArgs, context: &Context) -> Result<Exit, Failure> {
    let (cluster, namespace) = kube.connect().await?;
    let all = release_secrets::list(&cluster, (!args.all_namespaces).then_some(namespace.as_str())).await?;
    let chosen = choose(all, args)?;
    if args.short {
        return Ok(print_names(&chosen, args.output, context));
    }
    let layout = args.time_format.as_deref().filter(|layout| !layout.is_empty());
    let value: Value = chosen.iter().map(|release| element(release, layout)).collect();
    args.output.print(&context.printer, &value, || {
        let headers = ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"]
            .map(str::to_owned)
            .to_vec();
        table(
            &(!args.no_headers)
                .then_some(headers)
                .into_iter()
                .chain(chosen.iter().map(|release| cells(release, layout).to_vec()))
                .collect::<Vec<_>>(),
        )
    });
    Ok(Exit::Success)
}

/// The newest revision of each release, by the filters, in order, and no more than asked for. Pure.
fn choose(all: Vec<Release>, args: &ListArgs) -> Result<Vec<Release>, Failure> {
    let filter = args.filter.as_deref().filter(|filter| !filter.is_empty()).map(Regex::new).transpose()?;
    let selector = selector::parse(args.selector.as_deref().unwrap_or_default())?;
    let mut found: Vec<Release> = all
        .into_iter()
        .filter(|release| filter.as_ref().is_none_or(|filter| filter.is_match(release.name())))
        .collect();
    let statuses = statuses(args);
    // A superseded revision is never the newest one.
    if statuses != [Status::Superseded] {
        found = newest(found);
    }
    found.retain(|release| statuses.contains(&release.status()) && selector.matches(release.labels()));
    if args.date {
        found.sort_by_key(Release::last_deployed);
    } else {
        found.sort_by(|a, b| a.name().cmp(b.name()));
    }
    if args.reverse {
        found.reverse();
    }
    let limit = if args.max == 0 { usize::MAX } else { args.max };
    Ok(found.into_iter().skip(args.offset).take(limit).collect())
}

fn newest(all: Vec<Release>) -> Vec<Release> {
    let mut newest: BTreeMap<(String, String), Release> = BTreeMap::new();
    for release in all {
        let name = (release.namespace().to_owned(), release.name().to_owned());
        if newest.get(&name).is_none_or(|known| known.revision() <= release.revision()) {
            newest.insert(name, release);
        }
    }
    newest.into_values().collect()
}

/// Every status that helm knows by name, when none is asked for.
fn statuses(args: &ListArgs) -> Vec<Status> {
    let asked = [
        (args.deployed, vec![Status::Deployed]),
        (args.uninstalled, vec![Status::Uninstalled]),
        (args.uninstalling, vec![Status::Uninstalling]),
        (args.pending, vec![Status::PendingInstall, Status::PendingRollback, Status::PendingUpgrade]),
        (args.failed, vec![Status::Failed]),
        (args.superseded, vec![Status::Superseded]),
    ];
    let statuses: Vec<Status> =
        asked.into_iter().filter(|(asked, _)| *asked).flat_map(|(_, statuses)| statuses).collect();
    let known = || Status::ALL.into_iter().filter(|status| *status != Status::Unknown).collect();
    if statuses.is_empty() { known() } else { statuses }
}

fn print_names(releases: &[Release], output: OutputArgs, context: &Context) -> Exit {
    let names: Value = releases.iter().map(|release| json!(release.name())).collect();
    let lines = releases.iter().map(|release| format!("{}\n", release.name())).collect::<Vec<_>>().concat();
    match output.output {
        Output::Table => text(&context.printer, &lines),
        Output::Json | Output::Yaml => output.print(&context.printer, &names, String::new),
    }
    Exit::Success
}

fn element(release: &Release, layout: Option<&str>) -> Value {
    let [name, namespace, revision, updated, status, chart, app_version] = cells(release, layout);
    json!({"name": name, "namespace": namespace, "revision": revision, "updated": updated, "status": status, "chart": chart, "app_version": app_version})
}

fn cells(release: &Release, layout: Option<&str>) -> [String; 7] {
    let updated =
        |time: &str| layout.and_then(|layout| in_layout(time, layout)).unwrap_or_else(|| go_time::full(time));
    [
        release.name().to_owned(),
        release.namespace().to_owned(),
        release.revision().to_string(),
        release.last_deployed_text().map_or_else(|| "-".to_owned(), updated),
        release.status().to_string(),
        chart_title(release),
        app_version(release),
    ]
}

/// `name-version`; helm's own word where the record has lost its chart.
pub(super) fn chart_title(release: &Release) -> String {
    release.chart().map_or_else(
        || MISSING.to_owned(),
        |_| format!("{}-{}", release.chart_name(), release.chart_version()),
    )
}

/// The version of the application, or helm's own word where the record has lost its chart.
pub(super) fn app_version(release: &Release) -> String {
    release.chart().map_or_else(|| MISSING.to_owned(), |_| release.app_version().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn release(name: &str, revision: u32, status: &str, day: u32) -> Release {
        let json = format!(
            r#"{{"name":"{name}","info":{{"status":"{status}","last_deployed":"2026-01-0{day}T00:00:00Z"}},"chart":{{"metadata":{{"name":"c","version":"1"}}}},"version":{revision},"namespace":"n"}}"#
        );
        Release::from_json(&json).unwrap().with_labels([("team".to_owned(), name.to_owned())].into())
    }

    fn chosen(line: &str) -> Result<Vec<String>, String> {
        let all = vec![
            release("a", 1, "superseded", 1),
            release("a", 2, "deployed", 5),
            release("b", 10, "failed", 2),
            release("b", 9, "deployed", 1),
            release("c", 1, "uninstalled", 3),
            release("u", 1, "unknown", 3),
        ];
        let matches = ListArgs::augment_args(Command::new("list"))
            .get_matches_from(std::iter::once("list").chain(line.split_whitespace()));
        let args = ListArgs::from_arg_matches(&matches).unwrap();
        let names = |releases: Vec<Release>| {
            releases.iter().map(|release| format!("{}{}", release.name(), release.revision())).collect()
        };
        choose(all, &args).map(names).map_err(|failure| failure.chain().join(": "))
    }

    #[test]
    fn releases_are_chosen_as_helm_chooses_them() {
        let table: [(&str, &[&str]); 10] = [
            ("", &["a2", "b10", "c1"]),
            ("--deployed", &["a2"]),
            ("--failed --uninstalled", &["b10", "c1"]),
            ("--superseded", &["a1"]),
            ("-d", &["b10", "c1", "a2"]),
            ("-d -r", &["a2", "c1", "b10"]),
            ("-r -m 2", &["c1", "b10"]),
            ("--offset 1 --max 1", &["b10"]),
            ("-f ^[ac]$", &["a2", "c1"]),
            ("-l team!=a,team", &["b10", "c1"]),
        ];
        for (line, expected) in table {
            assert_eq!(chosen(line).unwrap(), expected, "{line}");
        }
        assert!(chosen("-f [").is_err() && chosen("-l =").is_err());
    }
}
