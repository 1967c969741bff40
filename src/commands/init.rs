//! `release init`: a first `release.yaml`, with comments on what else it can say.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::Context;
use crate::config::{Config, ConfigError, IssuerRef};
use crate::failure::Failure;
use crate::report::exit_code::Exit;

const EXAMPLE: &str = "\
Example:
  release init --git https://git.example.com/sre/sre-helm-charts.git --path cert-manager \\
      --chartmuseum https://chartmuseum.example.com \\
      --cluster eks-development-1 --cluster eks-staging-1=staging-context";

/// The arguments.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLE)]
pub struct InitArgs {
    #[command(flatten)]
    source: InitSource,
    /// Branch, tag or commit of the git repository
    #[arg(long = "ref", value_name = "REF", requires = "git")]
    reference: Option<String>,
    /// Folder of the chart inside the git repository
    #[arg(long, value_name = "FOLDER", requires = "git")]
    path: Option<String>,
    /// Name of the chart [default: the last part of the folder or address]
    #[arg(long, value_name = "NAME")]
    chart: Option<String>,
    /// Namespace of the release [default: the name of the chart]
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Address of the ChartMuseum
    #[arg(long, value_name = "URL")]
    chartmuseum: String,
    /// A cluster and its context in the kubeconfig, if that has another name (repeatable)
    #[arg(long = "cluster", value_name = "NAME[=CONTEXT]", required = true)]
    clusters: Vec<InitCluster>,
    /// A values file for every cluster, relative to release.yaml (repeatable)
    #[arg(long, value_name = "FILE")]
    values: Vec<String>,
    /// An issuer that the canary certificate is asked from (repeatable)
    #[arg(long = "canary-issuer", value_name = "KIND/NAME", requires = "canary_dns_name")]
    canary_issuers: Vec<IssuerRef>,
    /// The name on the canary certificate, with {run} in it
    #[arg(long, value_name = "NAME")]
    canary_dns_name: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
struct InitSource {
    /// URL of the git repository that the chart comes from
    #[arg(long, value_name = "URL")]
    git: Option<String>,
    /// Folder of the chart on this machine
    #[arg(long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
    /// Packaged chart on this machine
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
}

#[derive(Debug, Clone)]
struct InitCluster {
    name: String,
    context: String,
}

impl FromStr for InitCluster {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, context) = text.split_once('=').unwrap_or((text, text));
        if name.is_empty() || context.is_empty() {
            return Err("write NAME or NAME=CONTEXT");
        }
        Ok(Self { name: name.to_owned(), context: context.to_owned() })
    }
}

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error("`{}` is there already, and is not overwritten", .0.display())]
    Exists(PathBuf),
    #[error("write `{}`", path.display())]
    Unwritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("these arguments make a release.yaml that is wrong")]
    Wrong(#[source] ConfigError),
}

/// Writes the file, unless one is there.
pub fn run(args: &InitArgs, context: &Context) -> Result<Exit, Failure> {
    let path = &context.config;
    let text = render(args);
    Config::parse(path, &text).map_err(InitError::Wrong)?;
    let unwritable = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::from(InitError::Exists(path.clone())).hint("name another file with --config")
        }
        _ => InitError::Unwritable { path: path.clone(), source }.into(),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(unwritable)?;
    file.write_all(text.as_bytes()).map_err(unwritable)?;
    context.printer.line(&format!("Wrote {}.", path.display()));
    context.printer.line(&format!("Next: release --cluster {} --dry-run", args.clusters[0].name));
    Ok(Exit::Success)
}

fn render(args: &InitArgs) -> String {
    let chart = args.chart.clone().unwrap_or_else(|| chart_name(args));
    let (name, namespace) = (scalar(&chart), scalar(args.namespace.as_deref().unwrap_or(&chart)));
    let profile = if chart == "cert-manager" { "cert-manager" } else { "generic" };
    format!(
        "\
# What `release` takes where. `release config check` says what is wrong with this file, `release config schema` prints its JSON Schema.
charts:
  {name}:
    source: # or `directory:` or `archive:`, relative to this file
{source}    repository: chartmuseum
    release: {{ name: {name}, namespace: {namespace} }}
    values: {values} # for every cluster, relative to this file; later ones win
    profile: {profile} # what is known about the chart: cert-manager or generic
    gates:
      timeout: 10m # all gates of one cluster
      acme-timeout: 30m # an ACME chain of the canary
      settle: 2m # healthy without a break for this long
{canary}
repositories:
  chartmuseum:
    url: {url}
    # username: {{ env: CHARTMUSEUM_USERNAME }}
    # password: {{ env: CHARTMUSEUM_PASSWORD }} # or `token:` alone

clusters: # upgraded one after the other, in this order
{clusters}
# Waves are upgraded one after the other; a cluster joins one with `wave: NAME`.
# waves: [{{ name: development }}, {{ name: production, soak: 30m }}]

on-failure: halt # or rollback: back to the last good revision, if the cause lies in the release
",
        source = source(args),
        values = list(&args.values),
        canary = canary(args),
        url = scalar(&args.chartmuseum),
        clusters = clusters(args),
    )
}

/// The last part of the folder or address.
fn chart_name(args: &InitArgs) -> String {
    let (git, path) = (args.source.git.as_deref(), args.path.as_deref());
    let file = args
        .source
        .directory
        .as_ref()
        .or(args.source.archive.as_ref())
        .and_then(|path| path.file_stem()?.to_str());
    let text = path.or(git).or(file).unwrap_or_default().trim_end_matches('/');
    let last = text.rsplit(['/', ':']).next().unwrap_or(text);
    last.strip_suffix(".git").unwrap_or(last).to_owned()
}

fn source(args: &InitArgs) -> String {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let keys = [
        ("git", args.source.git.clone()),
        ("ref", args.reference.clone()),
        ("path", args.path.clone()),
        ("directory", path(&args.source.directory)),
        ("archive", path(&args.source.archive)),
    ];
    keys.iter()
        .filter_map(|(key, value)| Some(format!("      {key}: {}\n", scalar(value.as_ref()?))))
        .collect()
}

fn canary(args: &InitArgs) -> String {
    let Some(dns_name) = &args.canary_dns_name else {
        return "      # A self-signed certificate is always issued to prove that issuing works. To prove ACME as well:\n      \
            # canary: { issuers: [ClusterIssuer/letsencrypt-staging], dns-name: \"{run}.canary.example.com\" }\n"
            .to_owned();
    };
    let issuers: Vec<String> = args.canary_issuers.iter().map(IssuerRef::to_string).collect();
    format!(
        "      canary: # a self-signed certificate is always issued\n        issuers: {}\n        dns-name: {}\n",
        list(&issuers),
        scalar(dns_name)
    )
}

fn clusters(args: &InitArgs) -> String {
    let mut text = String::new();
    for cluster in &args.clusters {
        let (name, context) = (scalar(&cluster.name), scalar(&cluster.context));
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  - name: {name}\n    kube: {{ context: {context} }} # `server: https://…` refuses a context that leads elsewhere\n    values: []"
        );
    }
    text
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| scalar(item)).collect::<Vec<_>>().join(", "))
}

/// A text as YAML: plain where no reader could take it for anything else, else in double quotes as in JSON.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:".contains(c);
    let starts_like_a_text = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let word =
        ["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&text.to_lowercase().as_str());
    if starts_like_a_text && !word && !text.ends_with(':') && text.chars().all(plain) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_reads_back_as_the_same_text() {
        for text in [
            "cert-manager",
            "1.11",
            "true",
            "{run}.canary.example.com",
            "git@host:charts.git",
            "a: b",
            "x #y",
            "",
            "a:",
            "\"q\"",
            "~",
            "no",
        ] {
            let read: String = serde_saphyr::from_str(&scalar(text)).unwrap();
            assert_eq!(read, text);
        }
    }
}
