//! `release doctor --cluster X`: everything that only looks, and what to do next. Changes nothing.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Context;
use super::shared_args::{ReportArgs, SelectionArgs};
use crate::config::duration;
use crate::diagnosis::{Diagnosis, Gravity};
use crate::failure::{Failure, Kind};
use crate::report::exit_code::Exit;
use crate::report::printer::{Printer, Verbosity};
use crate::report::{self, render};
use crate::site::connect;
use crate::site::daily_check::DailyCheck;
use crate::site::doctor::Doctor;
use crate::site::identity::Identity;

/// Look at everything on clusters, the worst first, and say what to do next; nothing is changed
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Which chart, on which clusters.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Tell Certificates that end within this time
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "336h", help_heading = "How")]
    pub expires_within: Duration,
    /// How long to wait for what is not healthy yet, such as 5m [default: 20s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = "How")]
    pub timeout: Option<Duration>,
    /// From which gravity on the exit code is 4
    #[arg(long, value_name = "GRAVITY", default_value = "critical", help_heading = "How")]
    pub fail_on: FailOn,
    /// Where results go.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// From which gravity on a cluster fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Something does not work.
    Critical,
    /// It will become a failure, or hides one.
    Warning,
}

impl FailOn {
    fn fails(self, gravity: Gravity) -> bool {
        match self {
            Self::Critical => gravity >= Gravity::Critical,
            Self::Warning => gravity >= Gravity::Warning,
        }
    }
}

/// Looks at every selected cluster; the first one with something grave names the failure.
pub async fn run(args: &DoctorArgs, context: &Context) -> Result<Exit, Failure> {
    let diagnoses = Box::pin(diagnose(args, context)).await?;
    context.printer.data(&render(&diagnoses, args.report.output)?);
    report::write(&args.report.report, &diagnoses)?;
    let grave = |one: &&Diagnosis| one.gravity().is_some_and(|gravity| args.fail_on.fails(gravity));
    match diagnoses.iter().find(grave) {
        None => Ok(Exit::Success),
        Some(one) => Err(ill(one)),
    }
}

async fn diagnose(args: &DoctorArgs, context: &Context) -> Result<Vec<Diagnosis>, Failure> {
    let settings = context.settings(&args.selection.selection())?;
    let (knowledge, chart) = (context.knowledge()?, &settings.chart);
    let observer = report::observer(&Printer::from_env(Verbosity::Quiet));
    let run = Identity::of_this_process().run;
    let mut diagnoses = Vec::new();
    for one in &connect::connect(&settings).await? {
        let check = DailyCheck {
            release: &chart.release,
            profile: chart.profile,
            gates: &chart.gates,
            run: &run,
            timeout: args.timeout,
            observer: observer.as_ref(),
        };
        let doctor = Doctor { check, knowledge: &knowledge, expires_within: args.expires_within };
        let missing =
            || Failure::refused(format!("{}: release {} does not exist", one.cluster.name, chart.release));
        diagnoses.push(Diagnosis::of(doctor.examine(one).await?.ok_or_else(missing)?));
    }
    Ok(diagnoses)
}

fn ill(diagnosis: &Diagnosis) -> Failure {
    let worst = diagnosis.symptoms.first();
    let told = worst.map(|symptom| format!("{}: {}", symptom.object, symptom.message)).unwrap_or_default();
    let next = worst.map(|symptom| symptom.next.clone()).unwrap_or_default();
    Failure::new(Kind::Halted, format!("{}: {told}", diagnosis.cluster)).hint(next)
}
