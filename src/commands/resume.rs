//! `release resume --cluster X`: takes up a run that was killed or interrupted, where its journal ends.

use std::time::Duration;

use clap::Args;

use crate::cluster::journal as stored;
use crate::config::Settings;
use crate::evidence::journal::Journal;
use crate::failure::Failure;
use crate::report::exit_code::Exit;
use crate::repository::{self, RepositoryError, publish};
use crate::rollout::ClusterOutcome;
use crate::rollout::execute::ClusterRun;
use crate::rollout::interrupt::Interrupt;
use crate::rollout::state::{ClusterState, replay};
use crate::site::live::{self, Memory};
use crate::site::signals;

use super::Context;
use super::job::{Run, Way};
use super::shared_args::{ReportArgs, RunArgs, SelectionArgs};
use crate::site::connect::{self, Connected};

/// A dead holder is seen as such after this long at the latest; waiting less would always find it alive.
const DEAD_HOLDER: Duration = Duration::from_secs(40);

/// Take up a run that was killed or interrupted
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// How it waits and what it does when something fails.
    #[command(flatten)]
    pub run: RunArgs,
    /// Where results go.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Resumes every selected cluster whose last run did not end, one after the other.
pub async fn run(args: &ResumeArgs, context: &Context) -> Result<Exit, Failure> {
    let settings = context.settings(&args.run.on(args.selection.selection()))?;
    let interrupt = signals::listen()?;
    for mut one in connect::connect(&settings).await? {
        let journal = live::read_journal(&one.cluster, &settings.chart.release).await?;
        match journal
            .map(|journal| {
                Ok::<_, Failure>((replay(journal.records.iter().map(|record| &record.event))?, journal))
            })
            .transpose()?
        {
            Some((state, journal)) if !state.is_final() => {
                // A return to an older revision deploys no values file.
                if journal.chart.is_some() {
                    one.values = one.settings.read_values()?;
                }
                let (run, outcome) =
                    resume(args, context, &settings, &one, journal, state, &interrupt).await?;
                run.finish(context, vec![outcome], &args.report)?;
            }
            Some((state, journal)) => {
                context.printer.line(&format!(
                    "{}: run {} ended as {}: nothing to resume",
                    one.cluster.name,
                    journal.run,
                    state.word()
                ));
            }
            None => context.printer.line(&format!("{}: no run has left a journal there", one.cluster.name)),
        }
    }
    Ok(Exit::Success)
}

async fn resume<'a>(
    args: &ResumeArgs,
    context: &Context,
    settings: &'a Settings,
    one: &Connected,
    journal: Journal,
    state: ClusterState,
    interrupt: &Interrupt,
) -> Result<(Run<'a>, ClusterOutcome), Failure> {
    let way = way(settings, &journal, args.run.lock_timeout).await?;
    let run = Run::start(context, settings, way, &args.report)?;
    let lock = live::take_lock(
        &one.cluster,
        &settings.chart.release,
        run.identity(),
        args.run.lock_timeout.max(DEAD_HOLDER),
    )
    .await?;
    // What is taken up is what the journal says once the lock is ours.
    let again = stored::read(&one.cluster, &settings.chart.release).await?;
    let site = run.site(one, &journal.plan, Memory::taken_up(lock, &journal));
    if again
        .as_deref()
        .map(Journal::decode)
        .transpose()?
        .is_none_or(|now| now.records.len() != journal.records.len())
    {
        crate::rollout::execute::ClusterPort::unlock(&site).await;
        return Err(Failure::refused(format!(
            "{}: run {} went on in the meantime",
            one.cluster.name, journal.run
        )));
    }
    let drive = ClusterRun::new(&site, &journal.plan, settings.on_failure, run.observer(), interrupt)
        .resume(state, journal.revision());
    let outcome = drive.run().await;
    Ok((run, outcome))
}

/// The chart that the killed run was deploying is taken from the repository: it was published before any
/// cluster was touched.
async fn way(settings: &Settings, journal: &Journal, lock_wait: Duration) -> Result<Way, Failure> {
    let Some(chart) = &journal.chart else { return Ok(Way::back(lock_wait)) };
    let repository =
        repository::for_settings(&settings.chart.repository).map_err(RepositoryError::failure)?;
    let archive = publish::published(repository.as_ref(), &chart.name, &chart.version)
        .await
        .map_err(RepositoryError::failure)?;
    if archive.content().digest().to_string() != chart.content {
        return Err(Failure::refused(format!(
            "{} {} in the repository is not what run {} was deploying",
            chart.name, chart.version, journal.run
        )));
    }
    Ok(Way::forward(archive, chart.clone(), lock_wait, false))
}
