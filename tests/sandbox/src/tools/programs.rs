//! Where every program of a sandbox is, once all of them are there.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{
    CERT_MANAGER_NEW, CERT_MANAGER_OLD, Cache, ETCD, Extras, HELM, HELM_3, KUBERNETES, PEBBLE, TABLE, Tool,
    build, chart, installed,
};
use crate::talk;

/// One version of cert-manager: its programs and its chart.
#[derive(Debug, Clone)]
pub struct CertManager {
    /// Version with the leading `v`.
    pub version: &'static str,
    /// Directory with `controller`, `webhook`, `cainjector` and `ctl` or `startupapicheck`.
    pub programs: PathBuf,
    /// The chart's directory.
    pub chart: PathBuf,
}

/// The programs, by absolute path.
#[derive(Debug, Clone)]
pub struct Programs {
    /// etcd.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub api_server: PathBuf,
    /// kube-controller-manager.
    pub controller_manager: PathBuf,
    /// kube-scheduler.
    pub scheduler: PathBuf,
    /// Pebble.
    pub pebble: PathBuf,
    /// Helm 4.
    pub helm: PathBuf,
    /// Helm 3.
    pub helm_3: PathBuf,
    /// The pair v1.10.2 and v1.11.5.
    pub cert_manager: Vec<CertManager>,
    /// Newer versions, where they are given.
    pub modern: Vec<CertManager>,
    /// The real `ChartMuseum`, where it is given or installed.
    pub chartmuseum: Option<PathBuf>,
}

/// Helm 4 alone, built if it is missing.
pub async fn helm(cache: &Cache) -> Result<PathBuf> {
    Ok(build::ensure(cache, &HELM).await?.join("helm"))
}

impl Programs {
    /// Builds what is missing, one after the other, since every build uses all cores.
    pub async fn ensure(cache: &Cache, extras: &Extras) -> Result<Self> {
        announce(cache);
        let pebble = build::ensure(cache, &PEBBLE).await?.join("pebble");
        let etcd = etcd(cache).await?;
        let helm = helm(cache).await?;
        let helm_3 = build::ensure(cache, &HELM_3).await?.join("helm");
        let cert_manager = vec![
            cert_manager(cache, &CERT_MANAGER_OLD).await?,
            cert_manager(cache, &CERT_MANAGER_NEW).await?,
        ];
        let modern = extras
            .modern(cache)
            .await?
            .into_iter()
            .map(|(version, directory)| modern(version, &directory))
            .collect();
        let kubernetes = build::ensure(cache, &KUBERNETES).await?;
        Ok(Self {
            etcd,
            api_server: api_server(&kubernetes).await,
            controller_manager: kubernetes.join("kube-controller-manager"),
            scheduler: kubernetes.join("kube-scheduler"),
            pebble,
            helm,
            helm_3,
            cert_manager,
            modern,
            chartmuseum: extras.file("chartmuseum").or_else(|| installed::look("chartmuseum")),
        })
    }
}

/// Says how much is to be built, before the first long silence.
fn announce(cache: &Cache) {
    let missing: Vec<String> = TABLE.iter().map(Tool::directory).filter(|name| !cache.has(name)).collect();
    if !missing.is_empty() {
        talk::line(&format!("to build once, about 14 min for all on 2 cores: {}", missing.join(", ")));
    }
}

async fn etcd(cache: &Cache) -> Result<PathBuf> {
    match installed::find("etcd", "etcd Version: 3.6.").await {
        Some(program) => Ok(program),
        None => Ok(build::ensure(cache, &ETCD).await?.join("server")),
    }
}

async fn api_server(built: &Path) -> PathBuf {
    let minor = KUBERNETES.version.rsplit_once('.').map_or(KUBERNETES.version, |(minor, _)| minor);
    let own = built.join("kube-apiserver");
    installed::find("kube-apiserver", &format!("Kubernetes {minor}.")).await.unwrap_or(own)
}

async fn cert_manager(cache: &Cache, tool: &Tool) -> Result<CertManager> {
    let programs = build::ensure(cache, tool).await?;
    Ok(CertManager { version: tool.version, programs, chart: chart::ensure(cache, tool).await? })
}

fn modern(version: &'static str, directory: &Path) -> CertManager {
    CertManager { version, programs: directory.to_owned(), chart: directory.join("chart") }
}
