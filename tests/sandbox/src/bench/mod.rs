//! `cargo xtask bench`: release beside real Helm in the same run, on the same chart and the same cluster: time,
//! memory, and the requests that the API server gets.

mod counting;
pub mod measure;
mod race;
mod requests;
pub mod scale;
mod upgrade;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::process::Command;

use crate::museum::workspace;
use crate::tools::{Cache, Extras, Programs};
use crate::{external, interrupt, talk};
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
    /// Only measure a verdict on this many Certificates beside the runbook's commands [default: 10000]
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "10000",
        conflicts_with_all = ["no_clusters", "requests"], value_parser = clap::value_parser!(u32).range(1..))]
    pub scale: Option<u32>,
    /// Measure the scale in this sandbox, which is left as it is then [default: one of its own]
    #[arg(long, value_name = "DIR", requires = "scale")]
    pub sandbox: Option<PathBuf>,
    /// Measure this release program, for example an older one [default: the one of this repository]
    #[arg(long, value_name = "PROGRAM")]
    pub release: Option<PathBuf>,
}

/// Measures template, package and upgrade, and counts requests; the tables go to stdout.
pub async fn run(args: Args) -> Result<()> {
    interrupt::or_signal(Box::pin(bench(&args))).await
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
    if let Some(count) = args.scale {
        return Box::pin(bench.scale(count, args)).await;
    }
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
