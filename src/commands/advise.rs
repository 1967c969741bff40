//! `release advise --from A --to B`: the way from one version of cert-manager to another. Asks no cluster.

use std::fmt::Write as _;

use clap::Args;

use super::Context;
use crate::certmanager::advice::path::{Stop, UpgradePath, plan_path};
use crate::certmanager::app_version::AppVersion;
use crate::failure::Failure;
use crate::report::exit_code::Exit;
use crate::report::format::Format;
use crate::report::{Shown, render};

/// Show the way from one version of cert-manager to another, without a cluster
#[derive(Debug, Clone, Args)]
pub struct AdviseArgs {
    /// The version that runs, such as v1.14.2
    #[arg(long, value_name = "VERSION", value_parser = cert_manager)]
    pub from: AppVersion,
    /// The version to go to
    #[arg(long, value_name = "VERSION", value_parser = cert_manager)]
    pub to: AppVersion,
    /// The version of Kubernetes, such as 1.33
    #[arg(long, value_name = "VERSION", value_parser = kubernetes)]
    pub kubernetes: Option<AppVersion>,
    /// How the way is written to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
}

fn cert_manager(text: &str) -> Result<AppVersion, String> {
    AppVersion::of_cert_manager(text)
        .ok_or_else(|| format!("`{text}` is no version of cert-manager such as v1.14.2"))
}

fn kubernetes(text: &str) -> Result<AppVersion, String> {
    AppVersion::try_from(text.to_owned())
}

impl Shown for UpgradePath {
    fn text(&self) -> String {
        if self.stops.is_empty() {
            return format!(
                "cert-manager {} is not older than {}: there is nowhere to go",
                self.from, self.to
            );
        }
        let mut text = format!("from cert-manager {}\n", self.from);
        self.stops.iter().for_each(|stop| text += &told(stop));
        text.trim_end().to_owned()
    }
}

fn told(stop: &Stop) -> String {
    let mut text = format!("to {}\n", stop.to);
    for advice in &stop.advice {
        let _ = writeln!(text, "  {} {}: {}", advice.severity.word(), advice.id, advice.line());
        for source in &advice.source {
            let _ = writeln!(text, "    {source}");
        }
    }
    text
}

/// Prints every stop with what to know before it.
pub fn run(args: &AdviseArgs, context: &Context) -> Result<Exit, Failure> {
    let path = plan_path(&context.knowledge()?, args.from, args.to, args.kubernetes);
    context.printer.data(&render(&path, args.output)?);
    Ok(Exit::Success)
}
