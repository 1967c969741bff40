//! What needs a cluster: the time of an upgrade, and the requests of everything that upgrades.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::process::Command;

use super::counting::Counting;
use super::measure::Contender;
use super::race::Race;
use super::requests::Asked;
use super::{Args, Bench, requests};
use crate::cluster;
use crate::state::State;
use crate::{down, talk, up};

impl Bench {
    /// A sandbox of its own, which is stopped whatever happens.
    pub(super) async fn upgrade(&self, args: &Args) -> Result<()> {
        let state = State::claim(&self.work.path().join("sandbox"))?;
        up::start(&state, &self.programs, 1).await?;
        let measured = async {
            self.requests(&state).await?;
            if args.requests { Ok(()) } else { self.upgrades(args, &state).await }
        };
        let measured = measured.await;
        down::stop(&state, &state.ledger()?).await?;
        measured
    }

    /// First the whole job, which leaves a healthy release of the newer chart, then the verbs on it.
    async fn requests(&self, state: &State) -> Result<()> {
        let context = cluster::names(1).concat();
        let counting = Counting::before(state, &context).await?;
        let release = |args: &[&str]| {
            let mut command = Command::new(&self.release);
            command.args(args);
            command
        };
        let job = ["--cluster", &context];
        let dry_run =
            counting.run("release --cluster X --dry-run", release(&job).arg("--dry-run"), 0).await?;
        let job = counting.run("release --cluster X", &mut release(&job), 0).await?;
        let mut columns = self.verbs(&counting, &context).await?;
        columns.extend([dry_run, job]);
        talk::data(&requests::table(&columns));
        Ok(())
    }

    /// An upgrade that changes one annotation, by Helm 4 and by `release helm`.
    async fn verbs(&self, counting: &Counting, context: &str) -> Result<Vec<Asked>> {
        let chart = self.upgraded_chart()?;
        let contenders = self.contenders(&upgrade(context), &[chart.into()], &[]);
        let [helm_4, _, release] = contenders.as_slice() else { bail!("not three contenders") };
        let mut verbs = Vec::new();
        for (what, contender) in [("helm 4's upgrade", helm_4), ("release helm upgrade", release)] {
            let mut command = Command::new(&contender.program);
            command.args(&contender.args).envs(contender.env.iter().cloned());
            command.args(["--reuse-values", "--set-string"]);
            command.arg(format!("deploymentAnnotations.count={}", verbs.len()));
            verbs.push(counting.run(what, &mut command, 0).await?);
        }
        Ok(verbs)
    }

    /// The chart that the job has upgraded to.
    fn upgraded_chart(&self) -> Result<&Path> {
        Ok(&self.programs.cert_manager.last().context("a chart to upgrade to")?.chart)
    }

    /// Helm 3 comes last: it merges on the client, and the two others would have to migrate after each of its
    /// turns.
    async fn upgrades(&self, args: &Args, state: &State) -> Result<()> {
        let chart = self.upgraded_chart()?;
        let context = cluster::names(1).concat();
        let words = [&upgrade(&context)[..], &["--set", "installCRDs=true"]].concat();
        let env = [("KUBECONFIG", OsString::from(state.file("kubeconfig")))];
        let mut contenders = self.contenders(&words, &[chart.into()], &env);
        let helm_3 = contenders.remove(1);
        contenders[0].args.push("--server-side=true".into());
        let floor = floor_of_upgrade(state, &context).await?;
        let title = "upgrade of cert-manager without waiting, one annotation changes".to_owned();
        let fresh = |contender: &Contender, number: u32| {
            let mut contender = contender.clone();
            contender
                .args
                .extend(["--set-string".into(), format!("deploymentAnnotations.round={number}").into()]);
            contender
        };
        let own = contenders[1].clone();
        Race { title: title.clone(), floor: floor.clone(), contenders }.run(args.rounds, fresh).await?;
        let after = |contender: &Contender, number: u32| fresh(contender, 1000 + number);
        // Its own records, so that nobody pays for the migration of the other's.
        Race { title: format!("{title}, after Helm 3"), floor, contenders: vec![helm_3, own] }
            .run(args.rounds, after)
            .await
    }
}

/// The words of an upgrade of the sandbox's release.
fn upgrade(context: &str) -> [&str; 6] {
    ["upgrade", "cert-manager", "--namespace", "cert-manager", "--kube-context", context]
}

/// How long one request to the API server takes, and which ones nobody can avoid.
async fn floor_of_upgrade(state: &State, context: &str) -> Result<String> {
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let kubeconfig = Kubeconfig::read_from(state.file("kubeconfig"))?;
    let client = Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &options).await?)?;
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = std::time::Instant::now();
        client.apiserver_version().await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let milliseconds = times[times.len() / 2].as_secs_f64() * 1e3;
    Ok(format!(
        "one request to the API server takes {milliseconds:.1} ms; each object is written once, and the record twice"
    ))
}
