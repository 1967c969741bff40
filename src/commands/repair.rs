//! `release repair --cluster X`: Certificates whose Orders or requests failed are issued, where another try
//! helps.

use std::time::Duration;

use clap::Args;

use super::Context;
use super::job::before_touching;
use super::shared_args::{DryRunArgs, SelectionArgs};
use crate::certmanager::repair::moves::Allowance;
use crate::config::{Profile, Settings, duration};
use crate::failure::{Failure, Kind};
use crate::plan::repair::{ClusterRepair, RepairEnding, ending};
use crate::report::exit_code::Exit;
use crate::report::format::Format;
use crate::report::{Shown, render};
use crate::rollout::interrupt::Interrupt;
use crate::site::connect::{self, Connected, refuse_locked};
use crate::site::repair::{self, RepairTerms};
use crate::site::signals;

/// Do what gets each Certificate issued whose Order or request failed, and wait for the result
///
/// Each is tried once. What cert-manager does by itself in time is only waited for, and what would fail
/// again, or ask a public CA too often, is left alone with the reason.
#[derive(Debug, Clone, Args)]
pub struct RepairArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Only what this Order is about
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = order_name, help_heading = "What")]
    pub order: Option<(String, String)>,
    /// Look first.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// Try again although this was the cause: only a person knows that it is gone (repeatable)
    #[arg(long, value_name = "CAUSE", help_heading = "How")]
    pub allow: Vec<Allowance>,
    /// How long to wait for the new certificates, such as 5m; one by DNS takes some minutes
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "10m", help_heading = "How")]
    pub timeout: Duration,
    /// How long to wait for somebody else's lock, such as 5m; 0s exits with 6 at once
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "0s", help_heading = "How")]
    pub lock_timeout: Duration,
    /// How the result is written to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub output: Format,
}

impl Shown for Vec<ClusterRepair> {
    fn text(&self) -> String {
        self.iter().flat_map(ClusterRepair::lines).collect::<Vec<_>>().join("\n")
    }
}

fn order_name(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('/').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
    let parts = parts.filter(|(_, name)| !name.contains('/'));
    let (namespace, name) = parts.ok_or("write it as NAMESPACE/NAME, as in web/shop-1-123456")?;
    Ok((namespace.to_owned(), name.to_owned()))
}

/// All clusters are rehearsed before anything is changed on any.
pub async fn run(args: &RepairArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.selection.selection())?;
    knows_cert_manager(&settings)?;
    let interrupt = signals::listen()?;
    let (clusters, mut shown) = before_touching(&interrupt, Box::pin(rehearsed(args, &settings))).await?;
    if args.dry_run.dry_run {
        context.printer.data(&render(&shown, args.output)?);
        return looked(args, &shown);
    }
    let work = repaired(args, &settings, &clusters, &mut shown, &interrupt, context);
    let ended = Box::pin(work).await;
    context.printer.data(&render(&shown, args.output)?);
    ended?;
    match ending(&shown) {
        RepairEnding::Good => Ok(Exit::Success),
        RepairEnding::Untouched(left) => Err(Failure::refused(left).hint(LEFT)),
        RepairEnding::Left(left) => Err(Failure::new(Kind::Halted, left).hint(LEFT)),
    }
}

const LEFT: &str = "what is said of each above says what to do first, and when to try again";

/// The end of a dry run: refused where a run would change nothing of what is broken.
fn looked(args: &RepairArgs, shown: &[ClusterRepair]) -> Result<Exit, Failure> {
    match (ending(shown), shown.iter().any(ClusterRepair::acts)) {
        (_, true) if args.dry_run.detailed_exitcode => Ok(Exit::Changes),
        (RepairEnding::Good, _) | (_, true) => Ok(Exit::Success),
        (RepairEnding::Untouched(left) | RepairEnding::Left(left), false) => {
            Err(Failure::refused(left).hint(LEFT))
        }
    }
}

fn knows_cert_manager(settings: &Settings) -> Result<(), Failure> {
    match settings.chart.profile {
        Profile::CertManager => Ok(()),
        Profile::Generic => {
            let told = format!(
                "chart {} has the profile generic: only cert-manager has Orders to repair",
                settings.chart.name
            );
            Err(Failure::refused(told)
                .hint("choose another chart with --chart, or set `profile: cert-manager` if it is one"))
        }
    }
}

fn terms(args: &RepairArgs, settings: &Settings) -> RepairTerms {
    RepairTerms {
        release: settings.chart.release.clone(),
        order: args.order.clone(),
        allowed: args.allow.iter().copied().collect(),
        timeout: args.timeout,
        lock_timeout: args.lock_timeout,
    }
}

async fn rehearsed(
    args: &RepairArgs,
    settings: &Settings,
) -> Result<(Vec<Connected>, Vec<ClusterRepair>), Failure> {
    let clusters = connect::connect(settings).await?;
    if !args.dry_run.dry_run {
        refuse_locked(settings, &clusters, args.lock_timeout).await?;
    }
    let (terms, mut shown) = (terms(args, settings), Vec::with_capacity(clusters.len()));
    for one in &clusters {
        shown.push(repair::rehearse(one, &terms).await?);
    }
    Ok((clusters, shown))
}

/// One cluster after the other; what is done before a failure is shown.
async fn repaired(
    args: &RepairArgs,
    settings: &Settings,
    clusters: &[Connected],
    shown: &mut [ClusterRepair],
    interrupt: &Interrupt,
    context: &Context,
) -> Result<(), Failure> {
    let (terms, tell) = (terms(args, settings), |text: &str| context.printer.line(text));
    for (one, repair) in clusters.iter().zip(shown) {
        let work = repair::repair(one, &terms, repair.clone(), interrupt, &tell);
        let (done, ended) = Box::pin(work).await;
        *repair = done;
        ended?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_a_namespace_and_a_name() {
        assert_eq!(order_name("web/shop-1-2"), Ok(("web".to_owned(), "shop-1-2".to_owned())));
        for wrong in ["shop", "/shop", "web/", "a/b/c", ""] {
            assert!(order_name(wrong).is_err(), "{wrong}");
        }
    }
}
