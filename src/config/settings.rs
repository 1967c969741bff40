//! [`Config`] and [`Selection`] with every name resolved: one chart and the clusters in the order of the
//! rollout.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::error::{ConfigError, did_you_mean};
use super::file::{
    ChartConfig, ClusterConfig, Config, GateSettings, KubeTarget, OnFailure, PreflightSettings, Profile,
    ReleaseId, RepositoryConfig, WaveSettings,
};
use super::secret::{Credential, SecretError, SecretRef};
use super::selection::Selection;
use super::source::Source;
use super::values::{self, ValuesFile};
use crate::redact::{RedactedUrl, Secret};

/// What one run works with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The chart.
    pub chart: ChartSettings,
    /// The selected clusters, first to last: by wave, then in the order of the file.
    pub clusters: Vec<ClusterSettings>,
    /// The waves, first to last.
    pub waves: Vec<WaveSettings>,
    /// What happens to a cluster whose upgrade or gates fail.
    pub on_failure: OnFailure,
    /// What is checked before anything is changed.
    pub preflight: PreflightSettings,
    /// The folder of `release.yaml`.
    pub base_dir: PathBuf,
    /// `--ref`.
    pub reference: Option<String>,
    /// `--version`: deploy this published version.
    pub version: Option<String>,
}

/// One chart: where it comes from, where it goes, and how it is judged.
#[derive(Debug, Clone)]
pub struct ChartSettings {
    /// Its name in `release.yaml`.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// Where it is published.
    pub repository: RepositorySettings,
    /// The Helm release in every cluster.
    pub release: ReleaseId,
    /// What is known about it.
    pub profile: Profile,
    /// What has to hold after an upgrade.
    pub gates: GateSettings,
}

/// A chart repository.
#[derive(Debug, Clone)]
pub struct RepositorySettings {
    /// Its name in `release.yaml`.
    pub name: String,
    /// Its address, without user information.
    pub url: RedactedUrl,
    /// The path under which ChartMuseum's API is served, if it is not the one of the address.
    pub context_path: Option<String>,
    /// User name for basic authentication.
    pub username: Option<Credential>,
    /// Password for basic authentication.
    pub password: Option<SecretRef>,
    /// Bearer token.
    pub token: Option<SecretRef>,
    /// Certificates (PEM) of the authority that signed the server's certificate.
    pub ca_file: Option<PathBuf>,
    /// How long one request may take.
    pub timeout: Duration,
}

/// How requests to a repository are authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Not at all.
    None,
    /// Basic authentication.
    Basic {
        /// User name.
        username: Secret,
        /// Password.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
}

/// One cluster.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// Its name in `release.yaml`.
    pub name: String,
    /// How its API is reached.
    pub kube: KubeTarget,
    /// Its wave.
    pub wave: Option<String>,
    /// The chart's values files, then the cluster's; later ones win.
    pub values: Vec<ValuesFile>,
}

impl Settings {
    /// Gives every name its meaning and reads the values files of the selected clusters.
    pub fn resolve(config: &Config, selection: &Selection) -> Result<Self, ConfigError> {
        let (name, chart) = chart(config, selection)?;
        let clusters = clusters(config, selection)?;
        let mut settings = Self {
            chart: ChartSettings::resolve(config, name, chart, selection)?,
            clusters: Vec::with_capacity(clusters.len()),
            waves: config.waves.clone(),
            on_failure: selection.on_failure.unwrap_or(config.on_failure),
            preflight: config.preflight.clone(),
            base_dir: config.base_dir().to_owned(),
            reference: selection.reference.clone(),
            version: selection.version.clone(),
        };
        let mut problems = Vec::new();
        for (index, cluster) in clusters {
            let (values, missing) = values::read(config, (name, chart), (index, cluster));
            problems.extend(missing);
            let (name, kube, wave) = (cluster.name.clone(), cluster.kube.clone(), cluster.wave.clone());
            settings.clusters.push(ClusterSettings { name, kube, wave, values });
        }
        // A chart's own file is missed once for every cluster.
        problems.dedup();
        config.document.refuse(problems)?;
        Ok(settings)
    }
}

impl ChartSettings {
    /// The selected chart alone, for what needs no cluster.
    pub fn of(config: &Config, selection: &Selection) -> Result<Self, ConfigError> {
        let (name, chart) = chart(config, selection)?;
        Self::resolve(config, name, chart, selection)
    }

    fn resolve(
        config: &Config,
        name: &str,
        chart: &ChartConfig,
        selection: &Selection,
    ) -> Result<Self, ConfigError> {
        let source = chart
            .source
            .resolve(config.base_dir())
            .expect("a loaded file has exactly one source for each chart");
        if selection.reference.is_some() && !matches!(source, Source::Git(_)) {
            return Err(refused(format!(
                "--ref selects a commit of a git source, but `{name}` comes from {source}"
            )));
        }
        let repository =
            config.repositories.get(&chart.repository).expect("a loaded file names repositories that exist");
        let mut gates = chart.gates.clone();
        gates.timeout = selection.timeout.unwrap_or(gates.timeout);
        let known = if name == "cert-manager" { Profile::CertManager } else { Profile::Generic };
        Ok(Self {
            name: name.to_owned(),
            source,
            repository: RepositorySettings::resolve(&chart.repository, repository, config.base_dir()),
            release: chart.release.clone(),
            profile: chart.profile.unwrap_or(known),
            gates,
        })
    }
}

impl RepositorySettings {
    fn resolve(name: &str, repository: &RepositoryConfig, base_dir: &Path) -> Self {
        let secret =
            |reference: &Option<SecretRef>| reference.as_ref().map(|reference| reference.anchored(base_dir));
        Self {
            name: name.to_owned(),
            url: RedactedUrl::new(
                Url::parse(&repository.url).expect("a loaded file has addresses that are URLs"),
            ),
            context_path: repository.context_path.clone(),
            username: repository.username.as_ref().map(|username| username.anchored(base_dir)),
            password: secret(&repository.password),
            token: secret(&repository.token),
            ca_file: repository.ca_file.as_ref().map(|file| base_dir.join(file)),
            timeout: repository.timeout,
        }
    }

    /// Reads the secrets, for the one place that sends them.
    pub fn credentials(&self) -> Result<Credentials, SecretError> {
        let purpose = format!("repository `{}`", self.name);
        Ok(match (&self.username, &self.password, &self.token) {
            (_, _, Some(token)) => Credentials::Bearer(token.read(&purpose)?),
            (Some(username), Some(password), None) => {
                Credentials::Basic { username: username.read(&purpose)?, password: password.read(&purpose)? }
            }
            (None, _, None) | (_, None, None) => Credentials::None,
        })
    }
}

fn refused(message: String) -> ConfigError {
    ConfigError::Selection { message }
}

/// The chart that was asked for, or the only one.
fn chart<'a>(
    config: &'a Config,
    selection: &'a Selection,
) -> Result<(&'a str, &'a ChartConfig), ConfigError> {
    let names: Vec<&str> = config.charts.keys().map(String::as_str).collect();
    let name = match (&selection.chart, &names[..]) {
        (Some(name), _) => name,
        (None, [only]) => *only,
        (None, _) => {
            return Err(refused(format!(
                "several charts are configured; select one with --chart: {}",
                list(&names)
            )));
        }
    };
    unknown("chart", &[name.to_owned()], &names)?;
    Ok((name, &config.charts[name]))
}

/// The selected clusters with their places in the file, in the order of the rollout.
fn clusters<'a>(
    config: &'a Config,
    selection: &Selection,
) -> Result<Vec<(usize, &'a ClusterConfig)>, ConfigError> {
    let names: Vec<&str> = config.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let waves: Vec<&str> = config.waves.iter().map(|wave| wave.name.as_str()).collect();
    unknown("cluster", &selection.clusters, &names)?;
    unknown("wave", &selection.waves, &waves)?;
    let selected = |cluster: &ClusterConfig| {
        selection.all
            || selection.clusters.contains(&cluster.name)
            || cluster.wave.as_ref().is_some_and(|wave| selection.waves.contains(wave))
    };
    let mut clusters: Vec<_> =
        config.clusters.iter().enumerate().filter(|(_, cluster)| selected(cluster)).collect();
    let position = |cluster: &ClusterConfig| {
        waves.iter().position(|wave| Some(*wave) == cluster.wave.as_deref()).unwrap_or(usize::MAX)
    };
    clusters.sort_by_key(|(index, cluster)| (position(cluster), *index));
    if clusters.is_empty() {
        let message = if selection.waves.is_empty() {
            "no cluster is selected"
        } else {
            "no cluster belongs to the selected waves"
        };
        return Err(refused(format!(
            "{message}; use --cluster NAME, --wave NAME or --all\nconfigured clusters: {}",
            list(&names)
        )));
    }
    Ok(clusters)
}

/// Refuses the first name that is not known.
fn unknown(what: &str, asked: &[String], known: &[&str]) -> Result<(), ConfigError> {
    let Some(name) = asked.iter().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
    let near = did_you_mean(name, known.iter().copied());
    Err(refused(format!("there is no {what} `{name}`{near}\nconfigured {what}s: {}", list(known))))
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fleet of the fixtures, where it stands.
    fn fleet() -> Config {
        Config::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fleet/release.yaml"))
            .unwrap()
    }

    fn names(selection: &Selection) -> Vec<String> {
        Settings::resolve(&fleet(), selection)
            .unwrap()
            .clusters
            .into_iter()
            .map(|cluster| cluster.name)
            .collect()
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn clusters_come_by_wave_and_then_in_the_order_of_the_file() {
        let in_order = ["eks-development-1", "eks-staging-1", "eks-production-1"];
        assert_eq!(names(&Selection { all: true, ..Selection::default() }), in_order);
        assert_eq!(
            names(&Selection { waves: strings(&["production", "development"]), ..Selection::default() }),
            [in_order[0], in_order[2]]
        );
        let twice = Selection {
            clusters: strings(&[in_order[1], in_order[0], in_order[1]]),
            waves: strings(&["staging"]),
            ..Selection::default()
        };
        assert_eq!(names(&twice), in_order[..2]);
    }

    #[test]
    fn the_clusters_values_come_after_the_charts_and_are_read_once() {
        let settings = Settings::resolve(&fleet(), &Selection { all: true, ..Selection::default() }).unwrap();
        let values: Vec<Vec<&str>> = settings
            .clusters
            .iter()
            .map(|cluster| cluster.values.iter().map(|file| &file.sha256[..8]).collect())
            .collect();
        assert_eq!(values, [vec!["aa931a27", "5495eb69"], vec!["aa931a27"], vec!["aa931a27"]]);
        assert_eq!(settings.clusters[0].values[1].bytes, b"replicaCount: 1\n");
    }

    #[test]
    fn what_is_typed_wins_over_what_is_configured() {
        let config = fleet();
        let all = Selection { all: true, ..Selection::default() };
        let as_configured = Settings::resolve(&config, &all).unwrap();
        assert_eq!(
            (as_configured.on_failure, as_configured.chart.gates.timeout),
            (OnFailure::Halt, Duration::from_mins(10))
        );
        let typed =
            Selection { on_failure: Some(OnFailure::Rollback), timeout: Some(Duration::from_secs(5)), ..all };
        let settings = Settings::resolve(&config, &typed).unwrap();
        assert_eq!(
            (settings.on_failure, settings.chart.gates.timeout),
            (OnFailure::Rollback, Duration::from_secs(5))
        );
        assert_eq!(settings.chart.gates.settle, Duration::from_mins(2));
    }

    #[test]
    fn credentials_are_read_only_when_they_are_needed() {
        let path = fleet().document.path().to_owned();
        let text = std::fs::read_to_string(&path).unwrap().replace("env: CHARTMUSEUM_", "env: NOBODY_SETS_");
        let config = Config::parse(&path, &text).unwrap();
        let settings = Settings::resolve(&config, &Selection { all: true, ..Selection::default() }).unwrap();
        let error = settings.chart.repository.credentials().unwrap_err().to_string();
        assert!(error.contains("NOBODY_SETS_USERNAME") && error.contains("`chartmuseum`"), "{error}");
    }
}
