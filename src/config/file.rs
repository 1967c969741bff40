//! `release.yaml` as written. The doc comments below are the descriptions in its JSON Schema.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::advice_files::AdviceFiles;
use super::canary::CanarySettings;
use super::document::Document;
use super::duration::{self, DurationText};
use super::error::ConfigError;
use super::logs::LogsConfig;
use super::probe::ProbeSettings;
use super::rule::RuleSettings;
use super::secret::{Credential, SecretRef};
use super::source::SourceConfig;
use super::{structure, validate, values};

/// Which charts go from where to where, and what has to hold before the next cluster is touched.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "release.yaml")]
pub struct Config {
    /// The charts by name.
    #[schemars(extend("minProperties" = 1))]
    pub charts: BTreeMap<String, ChartConfig>,
    /// The chart repositories by name.
    pub repositories: BTreeMap<String, RepositoryConfig>,
    /// The clusters; inside a wave they are upgraded in this order.
    #[schemars(extend("minItems" = 1))]
    pub clusters: Vec<ClusterConfig>,
    /// The waves, first to last; clusters without a wave come after them.
    #[serde(default)]
    pub waves: Vec<WaveSettings>,
    /// What happens to a cluster whose upgrade or gates fail.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// What is checked before anything is published or changed.
    #[serde(default)]
    pub preflight: PreflightSettings,
    /// Where the logs of all clusters are kept.
    #[serde(default)]
    pub logs: LogsConfig,
    #[serde(skip)]
    pub(super) document: Document,
}

impl Config {
    /// Reads `release.yaml` and reports everything that is wrong with it at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Reads the text of a `release.yaml` that stands at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let config = Self::parse_form(path, text)?;
        config.document.refuse(validate::problems(&config))?;
        Ok(config)
    }

    /// Like [`Config::load`], and every values file of every chart and cluster can be read.
    pub fn check(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        let config = Self::parse_form(path, &text)?;
        config.document.refuse([validate::problems(&config), values::problems(&config)].concat())?;
        Ok(config)
    }

    /// The JSON Schema (draft 2020-12) of `release.yaml`.
    pub fn schema() -> serde_json::Value {
        structure::schema()
    }

    fn parse_form(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(path, text)?;
        document.refuse(structure::problems(&document))?;
        let mut config: Self = document.read()?;
        config.document = document;
        Ok(config)
    }

    /// The files of `preflight.advice`; none of them is read yet.
    pub fn advice_files(&self) -> AdviceFiles {
        AdviceFiles::of(Arc::new(self.document.clone()), &self.preflight.advice)
    }

    /// The folder that every path in the file is relative to.
    pub fn base_dir(&self) -> &Path {
        self.document.base_dir()
    }
}

/// One chart: where it comes from, where it goes, and how it is judged.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChartConfig {
    /// The chart's own name (`name` of its Chart.yaml), under which it is published. Needed only for
    /// `--version`, and only where it is not the last part of the source's path.
    #[serde(default)]
    pub name: Option<String>,
    /// Where the chart comes from.
    pub source: SourceConfig,
    /// The name of the repository that it is published to.
    pub repository: String,
    /// The Helm release in every cluster.
    pub release: ReleaseId,
    /// Values files for every cluster, relative to `release.yaml`; later ones win. `{cluster}` stands for the
    /// cluster's name.
    #[serde(default)]
    pub values: Vec<String>,
    /// What is known about the chart. Without it: `cert-manager` for the chart of that name, else `generic`.
    #[serde(default)]
    pub profile: Option<Profile>,
    /// What has to hold after an upgrade.
    #[serde(default)]
    pub gates: GateSettings,
    /// How many revisions of the release are kept in a cluster, the new one included; 0 keeps all. Without
    /// it: `HELM_MAX_HISTORY`, else 10, as for helm.
    #[serde(default)]
    #[schemars(title = "a number of revisions, 0 for all of them")]
    pub history_max: Option<u32>,
    /// How long one hook of the chart may take.
    #[serde(default = "five_minutes", with = "duration")]
    #[schemars(with = "DurationText")]
    pub hook_timeout: Duration,
}

/// Helm's own default for `--timeout`, which is for each hook.
fn five_minutes() -> Duration {
    Duration::from_mins(5)
}

/// A Helm release: its name and its namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseId {
    /// The name of the Helm release.
    #[schemars(title = "a release name: lower case letters, digits and `-`, at most 53 characters")]
    #[schemars(extend("pattern" = "^[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?$"))]
    pub name: String,
    /// Its namespace.
    #[schemars(title = "a namespace: lower case letters, digits and `-`, at most 63 characters")]
    #[schemars(extend("pattern" = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub namespace: String,
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is known about a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// cert-manager: issuers, requests, orders, the webhook, a canary certificate.
    CertManager,
    /// Any other chart: its workloads.
    Generic,
}

/// What has to hold after an upgrade, and for how long it may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GateSettings {
    /// All gates of one cluster together, except a running ACME chain.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub timeout: Duration,
    /// An ACME chain (Order, Challenges) of the canary.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub acme_timeout: Duration,
    /// Healthy without a break for this long.
    #[serde(with = "duration")]
    #[schemars(with = "DurationText")]
    pub settle: Duration,
    /// So many certificates may be issued again without a reason of their own; more of them stop the fleet.
    /// Without it: one in a hundred.
    pub max_reissue: Option<usize>,
    /// What happens when more are issued again.
    pub on_reissue: OnReissue,
    /// What errors in cert-manager's logs do that were not there before.
    pub logs: LogsGate,
    /// The certificate that is issued to prove that issuing works.
    pub canary: CanarySettings,
    /// The controller's own counters.
    pub metrics: MetricsGate,
    /// What Ingresses and Gateways ask of cert-manager.
    pub ingress: IngressGate,
    /// Hosts whose certificates are looked at from here, as a client sees them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<ProbeSettings>,
    /// Objects of any kind that have to be well, and when they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleSettings>,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(10),
            acme_timeout: Duration::from_mins(30),
            settle: Duration::from_mins(2),
            max_reissue: None,
            on_reissue: OnReissue::Halt,
            logs: LogsGate::Report,
            canary: CanarySettings::default(),
            metrics: MetricsGate::Auto,
            ingress: IngressGate::Auto,
            probes: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// A chart repository.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RepositoryConfig {
    /// Its address: `https://…` (ChartMuseum's API).
    pub url: String,
    /// The path under which ChartMuseum's API is served, if it is not the one of the address
    /// (`--context-path` of ChartMuseum).
    #[serde(default)]
    pub context_path: Option<String>,
    /// User name for basic authentication.
    #[serde(default)]
    pub username: Option<Credential>,
    /// Password for basic authentication.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Bearer token, instead of user name and password.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// Certificates (PEM) of the authority that signed the server's certificate, relative to `release.yaml`.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How long one request may take.
    #[serde(default = "a_minute", with = "duration")]
    #[schemars(with = "DurationText")]
    pub timeout: Duration,
}

fn a_minute() -> Duration {
    Duration::from_mins(1)
}

/// One cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ClusterConfig {
    /// Its name here; `--cluster` takes it.
    #[schemars(extend("minLength" = 1))]
    pub name: String,
    /// How its API is reached.
    pub kube: KubeTarget,
    /// The wave that it belongs to.
    #[serde(default)]
    pub wave: Option<String>,
    /// Values files of this cluster, relative to `release.yaml`; they win over the chart's. `{chart}` stands
    /// for the chart's name.
    #[serde(default)]
    pub values: Vec<String>,
}

/// A context of the kubeconfig, and the API server that it has to lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KubeTarget {
    /// The context of the kubeconfig. The current context is never used.
    #[schemars(extend("minLength" = 1))]
    pub context: String,
    /// The address of the API server; a kubeconfig that leads elsewhere is refused.
    #[serde(default)]
    pub server: Option<String>,
}

/// Clusters that are upgraded before those of the next wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WaveSettings {
    /// Its name; `--wave` takes it.
    #[schemars(extend("minLength" = 1))]
    pub name: String,
    /// How long to wait after the last cluster of the wave.
    #[serde(default, with = "duration")]
    #[schemars(with = "DurationText")]
    pub soak: Duration,
    /// How many of its clusters at most are upgraded at the same time.
    #[serde(default = "one")]
    #[schemars(range(min = 1), title = "a number that is at least 1")]
    pub max_parallel: usize,
}

fn one() -> usize {
    1
}

/// What happens to a cluster whose upgrade or gates fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Leave it as it is, for a person to look at.
    #[default]
    Halt,
    /// Bring it back to the last good revision, if the cause lies in the release.
    Rollback,
}

/// What happens to a controller that issues certificates again without a reason of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnReissue {
    /// It goes on; the fleet is stopped.
    #[default]
    Halt,
    /// The fleet is stopped, and the controller scaled to nothing, so that it asks the CA for no more.
    StopController,
}

/// Whether the controller's own counters are judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MetricsGate {
    /// Where the cluster lets us read them through its API server.
    #[default]
    Auto,
    /// A cluster that does not let us read them is not proven.
    Required,
    /// They are not read.
    Off,
}

/// What errors in cert-manager's logs do that were not there before the upgrade.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogsGate {
    /// Nothing: the logs are not read.
    Off,
    /// They are told; objects judge.
    #[default]
    Report,
    /// They fail the gate when they repeat.
    Block,
}

/// Whether what Ingresses and Gateways ask of cert-manager is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IngressGate {
    /// Where the cluster lets us list them; what is found is told, and in nobody's way.
    #[default]
    Auto,
    /// They have to be listed, and what was well before the upgrade has to be well after it.
    Required,
    /// They are not looked at.
    Off,
}

/// What is checked before anything is published or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PreflightSettings {
    /// What happens when the chart's version is not tested with the cluster's Kubernetes version.
    pub kubernetes_matrix: KubernetesMatrix,
    /// Files with rules of your own on versions of cert-manager, and changes of the rules that the program
    /// has, relative to `release.yaml`; later ones win.
    pub advice: Vec<String>,
}

/// What happens when the chart's version is not tested with the cluster's Kubernetes version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KubernetesMatrix {
    /// Say so and go on.
    #[default]
    Warn,
    /// Stop before anything is changed.
    Refuse,
}
