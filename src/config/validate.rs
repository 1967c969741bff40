//! What a schema cannot say: names that exist, names that are unique, addresses that are addresses. Pure.

use std::collections::HashMap;

use url::Url;

use super::canary::CanaryIngress;
use super::error::{Problem, did_you_mean};
use super::expression::place;
use super::file::{ChartConfig, ClusterConfig, Config, KubeTarget, RepositoryConfig};
use super::logs;
use crate::redact;

/// Everything that is wrong with a file of the right form.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut found = Findings { config, problems: Vec::new() };
    for (name, chart) in &config.charts {
        found.chart(name, chart);
    }
    for (name, repository) in &config.repositories {
        found.repository(name, repository);
    }
    for (index, cluster) in config.clusters.iter().enumerate() {
        found.cluster(&index.to_string(), cluster);
    }
    found.logs();
    found.waves();
    found.same_cluster_twice();
    found.problems
}

struct Findings<'a> {
    config: &'a Config,
    problems: Vec<Problem>,
}

impl Findings<'_> {
    fn at(&mut self, steps: &[&str], message: String) {
        self.problems.push(Problem { location: self.config.document.location(steps), message });
    }

    fn at_key(&mut self, steps: &[&str], message: String) {
        self.problems.push(Problem { location: self.config.document.key_location(steps), message });
    }

    fn chart(&mut self, name: &str, chart: &ChartConfig) {
        let steps = ["charts", name];
        let here = |more: &[&'static str]| [&steps[..], more].concat();
        if !self.config.repositories.contains_key(&chart.repository) {
            let near = did_you_mean(&chart.repository, self.config.repositories.keys().map(String::as_str));
            self.at(&here(&["repository"]), format!("there is no repository `{}`{near}", chart.repository));
        }
        if chart.hook_timeout.is_zero() {
            let told = "no hook ends within `0s`; leave it out for 5m, or write more".to_owned();
            self.at(&here(&["hook-timeout"]), told);
        }
        self.source(name, chart);
        self.canary(name, chart);
        self.rules(name, chart);
        self.probes(name, chart);
    }

    /// What a probe cannot be.
    fn probes(&mut self, name: &str, chart: &ChartConfig) {
        for (index, probe) in chart.gates.probes.iter().enumerate() {
            let index = index.to_string();
            let here = ["charts", name, "gates", "probes", &index, "tls"];
            for (key, message) in probe.tls.mistakes() {
                match key {
                    "" => self.at_key(&here, message),
                    "secret" => self.at_key(&[&here[..], &["expect", key]].concat(), message),
                    key => self.at_key(&[&here[..], &[key]].concat(), message),
                }
            }
        }
    }

    /// Names that are there twice, and expressions that cannot be right.
    fn rules(&mut self, name: &str, chart: &ChartConfig) {
        let rules = &chart.gates.rules;
        for (index, rule) in rules.iter().enumerate() {
            let index_text = index.to_string();
            let here = |key| ["charts", name, "gates", "rules", &index_text, key];
            if rules[..index].iter().any(|other| other.name == rule.name) {
                self.at(&here("name"), format!("there is a rule `{}` already", rule.name));
            }
            for (key, text, mistake) in rule.mistakes() {
                let start = self.config.document.location(&here(key));
                let location =
                    place(self.config.document.text(), start, text, mistake.offset, mistake.length);
                let near = mistake.unknown.as_ref();
                let near = near.map(|(name, known)| did_you_mean(name, known.iter().map(String::as_str)));
                let told = format!(
                    "`{key}` of rule `{}`: {}{}",
                    rule.name,
                    mistake.message,
                    near.unwrap_or_default()
                );
                self.problems.push(Problem { location, message: told });
            }
        }
    }

    fn source(&mut self, name: &str, chart: &ChartConfig) {
        let source = &chart.source;
        let here = |key: &'static str| ["charts", name, "source", key];
        if source.resolve(self.config.base_dir()).is_none() {
            self.at_key(
                &["charts", name, "source"],
                format!("the source of `{name}` has to be one of `git`, `directory` and `archive`"),
            );
        }
        if source.git.is_none() {
            let only_git = [
                ("ref", source.reference.is_some()),
                ("path", source.path.is_some()),
                ("username", source.username.is_some()),
                ("token", source.token.is_some()),
                ("ssh-key", source.ssh_key.is_some()),
            ];
            for (key, _) in only_git.into_iter().filter(|(_, written)| *written) {
                self.at_key(
                    &here(key),
                    format!("`{key}` belongs to a `git` source; a directory or an archive has none"),
                );
            }
        }
        if let Some(what) = source.git.as_deref().and_then(secret_in_url) {
            let told = format!("a {what} in a URL ends up in logs; write `token: {{ env: NAME }}` instead");
            self.at(&here("git"), told);
        }
    }

    fn canary(&mut self, name: &str, chart: &ChartConfig) {
        let canary = &chart.gates.canary;
        let here = ["charts", name, "gates", "canary"];
        match &canary.dns_name {
            None if !canary.issuers.is_empty() => {
                self.at_key(&here, "a canary with `issuers` needs a `dns-name`, such as `\"{run}.canary.example.com\"`".to_owned());
            }
            Some(template) if !template.contains("{run}") => self.at(
                &["charts", name, "gates", "canary", "dns-name"],
                format!(
                    "`{template}` is the same name in every run, which proves nothing: authorizations are reused; put `{{run}}` into it"
                ),
            ),
            Some(_) | None => {}
        }
        if let Some(ingress) = &canary.ingress {
            self.canary_ingress(&here, canary.self_signed, ingress);
        }
        if !canary.self_signed && canary.issuers.is_empty() && canary.ingress.is_none() {
            let told = "without a self-signed canary nothing is issued: name an issuer in `issuers`, or leave `self-signed` out";
            self.at(&[&here[..], &["self-signed"]].concat(), told.to_owned());
        }
        for misfit in canary.certificate.misfits() {
            let below = misfit.path.iter().map(String::as_str);
            let steps: Vec<&str> = here.iter().copied().chain(["certificate"]).chain(below).collect();
            self.at_key(&steps, misfit.message);
        }
    }

    fn canary_ingress(&mut self, canary: &[&str], self_signed: bool, ingress: &CanaryIngress) {
        let here = |key| [canary, &["ingress", key]].concat();
        if !ingress.host.contains("{run}") {
            let told = format!(
                "`{}` is the same host in every run, and may be somebody's; put `{{run}}` into it",
                ingress.host
            );
            self.at(&here("host"), told);
        }
        if !self_signed && !ingress.names_issuer() {
            let told = "without a self-signed canary the Ingress has to name an issuer, such as `cert-manager.io/cluster-issuer: letsencrypt-staging`";
            self.at_key(&[canary, &["ingress"]].concat(), told.to_owned());
        }
    }

    fn repository(&mut self, name: &str, repository: &RepositoryConfig) {
        let here = |key: &'static str| ["repositories", name, key];
        match Url::parse(&repository.url) {
            Err(error) => self.at(&here("url"), format!("the address of repository `{name}` is not a URL: {error}")),
            Ok(url) if !url.username().is_empty() || url.password().is_some() => self.at(
                &here("url"),
                "a password in a URL ends up in logs; write `username:` and `password: { env: NAME }` instead".to_owned(),
            ),
            Ok(url) if !["http", "https"].contains(&url.scheme()) => {
                self.at(&here("url"), format!("`{}` is not a kind of repository; write `https://…` for ChartMuseum", url.scheme()));
            }
            Ok(_) => {}
        }
        if repository.token.is_some() && (repository.username.is_some() || repository.password.is_some()) {
            self.at_key(
                &here("token"),
                format!("repository `{name}` has both a token and a user name or password; keep one of them"),
            );
        } else if repository.username.is_some() != repository.password.is_some() {
            self.at_key(
                &["repositories", name],
                format!("repository `{name}` needs both `username` and `password`, or none of them"),
            );
        }
    }

    fn cluster(&mut self, index: &str, cluster: &ClusterConfig) {
        if let Some(wave) = &cluster.wave
            && !self.config.waves.iter().any(|known| known.name == *wave)
        {
            let near = did_you_mean(wave, self.config.waves.iter().map(|wave| wave.name.as_str()));
            self.at(&["clusters", index, "wave"], format!("there is no wave `{wave}`{near}"));
        }
        if let Some(server) = &cluster.kube.server
            && let Err(error) = Url::parse(server)
        {
            self.at(
                &["clusters", index, "kube", "server"],
                format!("the API server of `{}` is not a URL: {error}", cluster.name),
            );
        }
        for (position, file) in cluster.values.iter().enumerate() {
            if self.config.charts.len() > 1 && !file.contains("{chart}") {
                let message = format!(
                    "with several charts, `{file}` would be used for each of them; write it in quotes, with `{{chart}}` where the chart's name stands"
                );
                self.at(&["clusters", index, "values", &position.to_string()], message);
            }
        }
    }

    fn logs(&mut self) {
        let stores = &self.config.logs;
        let of = [("elasticsearch", &stores.elasticsearch), ("opensearch", &stores.opensearch)];
        for (name, store) in of {
            for (key, told) in store.iter().flat_map(logs::mistakes) {
                self.at(&["logs", name, key], told);
            }
        }
        if stores.elasticsearch.is_some() && stores.opensearch.is_some() {
            self.at_key(
                &["logs", "opensearch"],
                "the logs are in one store; leave one of the two out".to_owned(),
            );
        }
    }

    fn waves(&mut self) {
        let mut seen = HashMap::new();
        for (index, wave) in self.config.waves.iter().enumerate() {
            if seen.insert(wave.name.as_str(), index).is_some() {
                self.at(
                    &["waves", &index.to_string(), "name"],
                    format!("there are two waves `{}`", wave.name),
                );
            }
            if wave.max_parallel > 1 {
                let told = "clusters are upgraded strictly one after the other in this version; write `max-parallel: 1`, or leave it out";
                self.at(&["waves", &index.to_string(), "max-parallel"], told.to_owned());
            }
        }
    }

    /// By name, by API server and by context: an upgrade of the "next" cluster must not be a second one of
    /// the same.
    fn same_cluster_twice(&mut self) {
        let clusters = &self.config.clusters;
        for (index, cluster) in clusters.iter().enumerate() {
            let earlier = &clusters[..index];
            let index = index.to_string();
            if earlier.iter().any(|other| other.name == cluster.name) {
                self.at(&["clusters", &index, "name"], format!("there are two clusters `{}`", cluster.name));
            } else if let Some(other) = earlier.iter().find(|other| same_server(&other.kube, &cluster.kube)) {
                let message = format!(
                    "`{}` has the API server of `{}`: they are one cluster",
                    cluster.name, other.name
                );
                self.at(&["clusters", &index, "kube", "server"], message);
            } else if let Some(other) =
                earlier.iter().find(|other| other.kube.context == cluster.kube.context)
            {
                let message =
                    format!("`{}` has the context of `{}`: they are one cluster", cluster.name, other.name);
                self.at(&["clusters", &index, "kube", "context"], message);
            }
        }
    }
}

/// What a git server's URL should not hold. The user name alone may be a token, as GitHub takes it.
fn secret_in_url(url: &str) -> Option<&'static str> {
    match Url::parse(url) {
        Ok(url) if url.password().is_some() => Some("password"),
        Ok(url) if redact::looks_like_token(url.username()) => Some("token"),
        Ok(_) => None,
        // An unescaped character in a password makes it no URL.
        Err(_) => (redact::text(url) != url).then_some("password"),
    }
}

fn same_server(one: &KubeTarget, other: &KubeTarget) -> bool {
    match (&one.server, &other.server) {
        (Some(one), Some(other)) => same_address(one, other),
        (None, _) | (_, None) => false,
    }
}

/// Do two URLs lead to the same server? Case of the host, default ports and a final slash do not matter.
pub fn same_address(one: &str, other: &str) -> bool {
    let normal = |url: &str| {
        Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.as_str().trim_end_matches('/').to_owned())
    };
    normal(one) == normal(other)
}
