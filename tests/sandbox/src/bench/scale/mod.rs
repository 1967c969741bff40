//! A cluster with ten thousand Certificates: the runbook's two kubectl commands beside `release gate`, and how long
//! a change takes to reach the verdict.

mod goal;
mod objects;
mod populate;
mod quiet;
mod runbook;
pub mod tables;
mod verdict;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::measure::Contender;
use super::race::Race;
use super::{Args, Bench};
use crate::cluster;
use crate::state::State;
use crate::{down, talk, up};

impl Bench {
    /// In a sandbox of its own, which is stopped whatever happens, or in one that runs.
    pub(super) async fn scale(&self, count: u32, args: &Args) -> Result<()> {
        if let Some(directory) = &args.sandbox {
            return Box::pin(self.at_scale(count, args, directory)).await;
        }
        let state = State::claim(&self.work.path().join("sandbox"))?;
        up::start(&state, &self.programs, 1).await?;
        let measured = Box::pin(self.at_scale(count, args, state.directory())).await;
        down::stop(&state, &state.ledger()?).await?;
        measured
    }

    async fn at_scale(&self, count: u32, args: &Args, directory: &Path) -> Result<()> {
        let context = cluster::names(1).concat();
        let kubeconfig = directory.join("kubeconfig");
        let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
        let file = Kubeconfig::read_from(&kubeconfig).context("read the sandbox's kubeconfig")?;
        let client = Client::try_from(Config::from_custom_kubeconfig(file, &options).await?)?;
        if populate::count(&client).await? < count {
            let what = format!("create {count} Certificates, each with its request and Order");
            let populated = quiet::without_controllers(&client, populate::populate(&client, count));
            Box::pin(talk::while_waiting(&what, populated)).await?;
        }
        let gate = Gate { program: self.release.clone(), directory: directory.to_owned(), context };
        let (kubectl, how) = runbook::contender(&kubeconfig, &gate.context)?;
        let race = Race {
            title: format!("{count} Certificates: the runbook's two commands, and a verdict"),
            floor: format!(
                "{how} lists requests, then Orders; `release gate` reads Certificates and issuers, too"
            ),
            contenders: vec![kubectl, gate.contender()],
        };
        let medians = race.measured(args.rounds, |contender, _| contender.clone()).await?;
        let latency = verdict::race(&client, &gate, args.rounds.min(5)).await?;
        let [runbook, own] = medians[..] else { bail!("two contenders were to be measured") };
        for line in goal::of(runbook, own, latency) {
            talk::data(&line);
        }
        Ok(())
    }
}

/// How `release gate` is called.
struct Gate {
    program: PathBuf,
    directory: PathBuf,
    context: String,
}

impl Gate {
    fn contender(&self) -> Contender {
        Contender {
            name: "release",
            program: self.program.clone(),
            args: ["gate", "--cluster", &self.context].map(Into::into).into(),
            env: self.env(),
        }
    }

    fn env(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        vec![
            ("KUBECONFIG", self.directory.join("kubeconfig").into()),
            ("RELEASE_CONFIG", self.directory.join("release.yaml").into()),
        ]
    }
}
