//! [`Config`] and [`Selection`] with every name resolved: one chart and the clusters in the order of the
//! rollout.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::advice_files::AdviceFiles;
use super::credentials::Credentials;
use super::error::{ConfigError, Problem, did_you_mean};
use super::file::{
    ChartConfig, ClusterConfig, Config, GateSettings, KubeTarget, OnFailure, PreflightSettings, Profile,
    ReleaseId, RepositoryConfig, WaveSettings,
};
use super::logs::LogStoreSettings;
use super::secret::{Credential, SecretError, SecretRef};
use super::selection::Selection;
use super::source::Source;
use super::values::{ValuesFile, ValuesList};
use crate::redact::RedactedUrl;

/// What one run works with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The chart.
    pub chart: ChartSettings,
    /// The selected clusters, first to last: by wave, then in the order of the file.
    pub clusters: Vec<ClusterSettings>,
    /// All clusters of `release.yaml`, in the same order, selected or not.
    pub fleet: Vec<ClusterSettings>,
    /// The waves, first to last.
    pub waves: Vec<WaveSettings>,
    /// What happens to a cluster whose upgrade or gates fail.
    pub on_failure: OnFailure,
    /// What is checked before anything is changed.
    pub preflight: PreflightSettings,
    /// The files of `preflight.advice`; none of them is read yet.
    pub advice: AdviceFiles,
    /// Where the logs of all clusters are kept, where that is configured.
    pub logs: Option<LogStoreSettings>,
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
    /// `name` of its Chart.yaml, under which it is published, as far as that can be told without reading it.
    pub chart_name: String,
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
    /// How many revisions are kept in a cluster, the new one included; 0 = all.
    pub history_max: u32,
    /// How long one hook may take.
    pub hook_timeout: Duration,
}

/// Helm's own default for `--history-max`.
const HISTORY_MAX: u32 = 10;

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

/// One cluster.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// Its name in `release.yaml`.
    pub name: String,
    /// How its API is reached.
    pub kube: KubeTarget,
    /// Its wave.
    pub wave: Option<String>,
    /// The chart's values files, then the cluster's; later ones win. None of them is read yet.
    pub values: ValuesList,
}

impl ClusterSettings {
    /// Reads the values files, for what deploys them; the error names every missing one with its line.
    pub fn read_values(&self) -> Result<Vec<ValuesFile>, ConfigError> {
        self.values.read()
    }
}

impl Settings {
    /// Gives every name its meaning. Values files are only named, so that what deploys none of them (unlock,
    /// rollback, gate) does not need them.
    pub fn resolve(config: &Config, selection: &Selection) -> Result<Self, ConfigError> {
        let (name, chart) = chart(config, selection)?;
        let selected = clusters(config, selection)?;
        let all = clusters(config, &Selection { all: true, ..Selection::default() })?;
        let document = Arc::new(config.document.clone());
        let cluster = |(index, cluster): (usize, &ClusterConfig)| ClusterSettings {
            name: cluster.name.clone(),
            kube: cluster.kube.clone(),
            wave: cluster.wave.clone(),
            values: ValuesList::of(&document, (name, chart), (index, cluster)),
        };
        Ok(Self {
            chart: ChartSettings::resolve(config, name, chart, selection)?,
            clusters: selected.into_iter().map(cluster).collect(),
            fleet: all.into_iter().map(cluster).collect(),
            waves: config.waves.clone(),
            on_failure: selection.on_failure.unwrap_or(config.on_failure),
            preflight: config.preflight.clone(),
            advice: config.advice_files(),
            logs: LogStoreSettings::resolve(&config.logs, config.base_dir()),
            base_dir: config.base_dir().to_owned(),
            reference: selection.reference.clone(),
            version: selection.version.clone(),
        })
    }

    /// Reads the values files of every selected cluster, in their order; the error names every missing one.
    pub fn read_values(&self) -> Result<Vec<Vec<ValuesFile>>, ConfigError> {
        let (mut values, mut problems): (Vec<_>, Vec<Problem>) = (Vec::new(), Vec::new());
        for cluster in &self.clusters {
            let (files, missing) = cluster.values.read_all();
            // A chart's own file is missed once for every cluster.
            let told = |problem: &Problem| problems.iter().any(|told| told.location == problem.location);
            let news: Vec<Problem> = missing.into_iter().filter(|problem| !told(problem)).collect();
            problems.extend(news);
            values.push(files);
        }
        match self.clusters.first() {
            Some(cluster) => cluster.values.refuse(problems).map(|()| values),
            None => Ok(values),
        }
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
        gates.probes.iter_mut().try_for_each(|probe| probe.tls.read(config.base_dir()).map_err(refused))?;
        let known = if name == "cert-manager" { Profile::CertManager } else { Profile::Generic };
        Ok(Self {
            name: name.to_owned(),
            chart_name: chart_name(name, chart.name.as_deref(), &source),
            source,
            repository: RepositorySettings::resolve(&chart.repository, repository, config.base_dir()),
            release: chart.release.clone(),
            profile: chart.profile.unwrap_or(known),
            gates,
            history_max: chart
                .history_max
                .unwrap_or_else(|| history_max_of_helm(std::env::var("HELM_MAX_HISTORY").ok().as_deref())),
            hook_timeout: chart.hook_timeout,
        })
    }
}

/// What Helm itself makes of `HELM_MAX_HISTORY` (`pkg/cli/environment.go`): its default where the text is no
/// number, and no limit for a negative one.
fn history_max_of_helm(variable: Option<&str>) -> u32 {
    let number = variable.and_then(|text| text.trim().parse::<i64>().ok());
    number.map_or(HISTORY_MAX, |number| u32::try_from(number.max(0)).unwrap_or(0))
}

/// The chart's own name: as written, else its folder's, which is the chart's by Helm's habit, else the key.
fn chart_name(key: &str, written: Option<&str>, source: &Source) -> String {
    let folder = match source {
        Source::Git(git) => Path::new(&git.path).file_name(),
        Source::Directory(directory) => directory.path.file_name(),
        Source::Archive(_) => None,
    };
    let folder = folder.and_then(|folder| folder.to_str());
    written.or(folder).unwrap_or(key).to_owned()
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
    use crate::config::SourceConfig;

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
        let read = settings.read_values().unwrap();
        let values: Vec<Vec<&str>> =
            read.iter().map(|files| files.iter().map(|file| &file.sha256[..8]).collect()).collect();
        assert_eq!(values, [vec!["aa931a27", "5495eb69"], vec!["aa931a27"], vec!["aa931a27"]]);
        assert_eq!(read[0][1].bytes, b"replicaCount: 1\n");
        assert_eq!(settings.clusters[0].read_values().unwrap(), read[0]);
    }

    /// The fleet of the fixtures with its text changed, where it stands.
    fn changed(from: &str, to: &str) -> Config {
        let path = fleet().document.path().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        Config::parse(&path, &text.replace(from, to)).unwrap()
    }

    #[test]
    fn a_values_file_is_named_as_it_is_written_and_missed_only_when_it_is_read() {
        let config = changed("values/cert-manager/common.yaml", "\"values/{chart}/{cluster}.yaml\"");
        let settings = Settings::resolve(&config, &Selection { all: true, ..Selection::default() }).unwrap();
        let names: Vec<&str> = settings.clusters[0].values.names().collect();
        assert_eq!(names[0], "values/cert-manager/eks-development-1.yaml");
        assert_eq!(settings.clusters[0].read_values().unwrap()[0].name, names[0]);
        let missing = settings.clusters[1].read_values().unwrap_err().to_string();
        assert!(
            missing.contains("read the values file `values/cert-manager/eks-staging-1.yaml`"),
            "{missing}"
        );
        assert_eq!(settings.read_values().unwrap_err().count(), 1, "one line of the file, one problem");
    }

    #[test]
    fn revisions_are_kept_as_configured_else_as_helm_is_told() {
        for (variable, kept) in [
            (None, 10),
            (Some("50"), 50),
            (Some("0"), 0),
            (Some("-1"), 0),
            (Some("many"), 10),
            (Some(""), 10),
        ] {
            assert_eq!(history_max_of_helm(variable), kept, "{variable:?}");
        }
        let chart = |config: &Config| {
            let chart = ChartSettings::of(config, &Selection::default()).unwrap();
            (chart.history_max, chart.hook_timeout)
        };
        assert_eq!(chart(&fleet()).1, Duration::from_mins(5));
        let written = changed("profile:", "history-max: 0\n    hook-timeout: 30m\n    profile:");
        assert_eq!(chart(&written), (0, Duration::from_mins(30)));
    }

    #[test]
    fn the_chart_s_own_name_is_the_written_one_then_the_folder_s_then_the_key() {
        let git = |path: &str| {
            let source =
                SourceConfig { git: Some("x".into()), path: Some(path.into()), ..SourceConfig::default() };
            source.resolve(Path::new(".")).unwrap()
        };
        let archive = SourceConfig { archive: Some("a/b-1.0.0.tgz".into()), ..SourceConfig::default() };
        for (written, source, name) in [
            (None, git("charts/ingress-nginx"), "ingress-nginx"),
            (None, git("charts/ingress-nginx/"), "ingress-nginx"),
            (Some("nginx"), git("charts/ingress-nginx"), "nginx"),
            (None, git("."), "key"),
            (None, git(".."), "key"),
            (None, archive.resolve(Path::new(".")).unwrap(), "key"),
        ] {
            assert_eq!(chart_name("key", written, &source), name);
        }
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
