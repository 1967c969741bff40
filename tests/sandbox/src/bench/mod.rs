//! `cargo xtask bench`: release beside real Helm in the same run, on the same chart and the same cluster: time,
//! memory, and the requests that the API server gets.

mod counting;
pub mod measure;
mod race;
mod requests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tempfile::TempDir;
use tokio::process::Command;

use crate::cluster;
use crate::museum::workspace;
use crate::state::State;
use crate::tools::{Cache, Extras, Programs};
use crate::{down, external, interrupt, talk, up};
use counting::Counting;
use measure::Contender;
use race::Race;

/// For every render: otherwise each program assumes a Kubernetes of its own.
const KUBERNETES: &str = "v1.33.4";

/// Both names of the switch: older charts know only the second one.
const WITH_CRDS: [&str; 4] = ["--set", "crds.enabled=true", "--set", "installCRDs=true"];

/// Arguments of `xtask bench`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The cert-manager chart to render [default: the newest one of the sandbox]
    #[arg(long, value_name = "PATH")]
    pub chart: Option<PathBuf>,
    /// How often everybody runs
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Leave out what needs a cluster
    #[arg(long)]
    pub no_clusters: bool,
    /// Only count the requests of an upgrade
    #[arg(long, conflicts_with = "no_clusters")]
    pub requests: bool,
    /// Measure this release program, for example an older one [default: the one of this repository]
    #[arg(long, value_name = "PROGRAM")]
    pub release: Option<PathBuf>,
}

/// Measures template, package and upgrade, and counts requests; the tables go to stdout.
pub async fn run(args: Args) -> Result<()> {
    interrupt::or_signal(bench(&args)).await
}

async fn bench(args: &Args) -> Result<()> {
    let programs = Programs::ensure(&Cache::open()?, &Extras::from_env()).await?;
    let work = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir()
        .context("create a directory for the benchmarks")?;
    let release = match &args.release {
        Some(program) => std::path::absolute(program).context("find the program to measure")?,
        None => release_program().await?,
    };
    let bench = Bench { release, programs, work };
    if !args.requests {
        bench.template(args).await?;
        bench.package(args).await?;
    }
    if args.no_clusters { Ok(()) } else { bench.upgrade(args).await }
}

struct Bench {
    release: PathBuf,
    programs: Programs,
    work: TempDir,
}

impl Bench {
    async fn template(&self, args: &Args) -> Result<()> {
        let newest =
            self.programs.modern.last().or(self.programs.cert_manager.last()).context("a chart to render")?;
        let chart = args.chart.as_deref().unwrap_or(&newest.chart);
        let words = [
            &["template", "cert-manager"],
            &WITH_CRDS[..],
            &["--kube-version", KUBERNETES, "--namespace", "cert-manager"],
        ]
        .concat();
        let contenders = self.contenders(&words, &[chart.as_os_str().to_owned()], &[]);
        let mut helm = Command::new(&contenders[0].program);
        helm.args(&contenders[0].args).envs(contenders[0].env.clone());
        let rendered = external::run("render the chart", &mut helm).await?;
        let floor = format!(
            "{} KB of chart to read, {} KB of manifest to write",
            kilobytes(size(chart)?),
            kilobytes(rendered.len() as u64)
        );
        let name = chart.file_name().unwrap_or_default().display().to_string();
        let race = Race { title: format!("template {name} with its CRDs"), floor, contenders };
        race.run(args.rounds, |contender, _| contender.clone()).await
    }

    async fn package(&self, args: &Args) -> Result<()> {
        let chart = &self.programs.cert_manager.last().context("a chart to package")?.chart;
        let destination = self.work.path().join("packages");
        let contenders =
            self.contenders(&["package", "--destination"], &[destination.into(), chart.into()], &[]);
        let floor = format!("{} KB of chart to read and to compress", kilobytes(size(chart)?));
        Race { title: "package".to_owned(), floor, contenders }
            .run(args.rounds, |contender, _| contender.clone())
            .await
    }

    /// A sandbox of its own, which is stopped whatever happens.
    async fn upgrade(&self, args: &Args) -> Result<()> {
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
        let chart = self.upgraded_chart()?;
        let mut verbs = Vec::new();
        for (number, contender) in
            self.contenders(&upgrade(&context), &[chart.into()], &[]).iter().enumerate()
        {
            if contender.name == "helm 3" {
                continue;
            }
            let mut command = Command::new(&contender.program);
            command.args(&contender.args).envs(contender.env.iter().cloned());
            command.args([
                "--reuse-values",
                "--set-string",
                &format!("deploymentAnnotations.count={number}"),
            ]);
            let what = if contender.name == "release" { "release helm upgrade" } else { "helm 4's upgrade" };
            verbs.push(counting.run(what, &mut command, 0).await?);
        }
        verbs.extend([dry_run, job]);
        talk::data(&requests::table(&verbs));
        Ok(())
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

    /// Helm 4, Helm 3 and release, in this order.
    fn contenders(
        &self,
        words: &[&str],
        more: &[OsString],
        env: &[(&'static str, OsString)],
    ) -> Vec<Contender> {
        let contender = |name, program: &Path, first: &[&str]| {
            let args = first.iter().chain(words).map(OsString::from).chain(more.iter().cloned()).collect();
            let homes = ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"];
            let homes = homes.map(|variable| (variable, self.work.path().join("helm").into_os_string()));
            Contender {
                name,
                program: program.to_owned(),
                args,
                env: homes.into_iter().chain(env.iter().cloned()).collect(),
            }
        };
        vec![
            contender("helm 4", &self.programs.helm, &[]),
            contender("helm 3", &self.programs.helm_3, &[]),
            contender("release", &self.release, &["helm"]),
        ]
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

/// The program as users get it: optimised.
pub(crate) async fn release_program() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--quiet", "--bin", "release"]).current_dir(workspace());
    talk::while_waiting("build release, optimised", external::run("build release", &mut build)).await?;
    let own = std::env::current_exe().context("find this program")?;
    let target = own.ancestors().nth(2).context("find the target directory")?;
    let program = target.join("release/release");
    if !program.is_file() {
        bail!("cargo has built release, but not as {}: run it through `cargo xtask`", program.display());
    }
    Ok(program)
}

/// The bytes of a file, or of all files below a directory.
fn size(path: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(path).with_context(|| format!("read {}", path.display()))?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        sum += size(&entry?.path())?;
    }
    Ok(sum)
}

fn kilobytes(bytes: u64) -> u64 {
    bytes.div_ceil(1000)
}
