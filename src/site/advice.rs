//! What is known about an upgrade of cert-manager: from which version to which, and what the live cluster says
//! to the rules. Reads only; the rules judge.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::chart_crds::own_key;
use super::draft::{Draft, RolloutRequest};
use super::{chart_crds, facts, reissue};
use crate::action::apply::{Effect, Prepared};
use crate::action::verb;
use crate::certmanager::advice::condition::{Facts, LiveCrd};
use crate::certmanager::advice::judge::{Advice, asked, judge_upgrade, readings};
use crate::certmanager::advice::known::Knowledge;
use crate::certmanager::advice::rule::{KUBERNETES_MATRIX, Severity};
use crate::certmanager::app_version::AppVersion;
use crate::certmanager::deployed::{ChartSays, deployed, labelled_version, of_crds};
use crate::certmanager::reissue::budget::ReissueBudget;
use crate::cluster::Cluster;
use crate::config::KubernetesMatrix;
use crate::helm::chart::metadata::Metadata;
use crate::helm::manifest::Object;
use crate::helm::release::{Release, Status};
use crate::helm::semver;
use crate::plan::preflight::Observed;

/// What is known of versions, for a chart of cert-manager.
pub(super) struct Advisor<'a> {
    knowledge: &'a Knowledge,
    request: &'a RolloutRequest<'a>,
    observed: &'a verb::Observed,
    facts: Facts,
    from: Option<AppVersion>,
}

impl<'a> Advisor<'a> {
    /// With what is known without a look at the cluster's objects; `values` are those that the user sets. Only
    /// for a chart of cert-manager.
    pub(super) fn new(
        request: &'a RolloutRequest<'a>,
        observed: &'a verb::Observed,
        values: &Map<String, Value>,
    ) -> Option<Self> {
        let knowledge = request.knowledge?;
        let is_openshift = |version: &String| version.starts_with("route.openshift.io/");
        let facts = Facts {
            kubernetes: AppVersion::parse(&observed.version.version),
            openshift: Some(observed.kinds.api_versions().iter().any(is_openshift)),
            values: Some(own_values(request.archive.metadata(), values)),
            ..Facts::default()
        };
        let from = current(&observed.history).and_then(runs);
        Some(Self { knowledge, request, observed, facts, from })
    }

    /// What is known before anything is rendered.
    pub(super) fn at_once(&self) -> Vec<Advice> {
        self.judge(&[])
    }

    /// Looks at the cluster, and adds what is known of an upgrade to this draft.
    pub(super) async fn look(
        mut self,
        cluster: &Cluster,
        draft: &Draft,
        prepared: &Prepared,
        seen: &mut Observed,
    ) {
        let objects = &draft.subject.objects;
        let Some(to) = self.to(objects) else {
            let told = "nothing is known of this upgrade: neither the chart's images nor its labels tell cert-manager's version";
            return seen.hints.push(told.to_owned());
        };
        if self.from.is_none() && current(&self.observed.history).is_some() {
            self.facts.crds = facts::crds(cluster).await.ok();
            self.from = self.facts.crds.as_deref().and_then(of_crds);
        }
        let asked = asked(self.knowledge, self.from, to);
        let readings = readings(self.knowledge, self.from, to);
        let gathered = facts::gather(cluster, &asked, !readings.is_empty(), &mut self.facts).await;
        seen.hints.extend(gathered.unread);
        let budget = ReissueBudget(self.request.terms.gates.max_reissue);
        seen.reissue =
            reissue::on_cluster(cluster, &readings, gathered.certificates, budget, &mut seen.hints).await;
        let crds = self.facts.crds.as_deref_mut().unwrap_or_default();
        brought(crds, prepared, to);
        chart_crds::compare(cluster, self.request, self.observed, &draft.deployment, crds).await;
        seen.advice = self.judge(objects);
        if let Some(from) = self.from.filter(|from| *from > to) {
            seen.downgrade = Some(format!("from cert-manager {from} to {to}"));
        }
    }

    fn judge(&self, objects: &[Object]) -> Vec<Advice> {
        let Some(to) = self.to(objects) else { return Vec::new() };
        let mut advice = judge_upgrade(self.knowledge, self.from, to, &self.facts);
        advice.retain(|item| !item.is_unseen);
        let hardened = self.request.matrix == KubernetesMatrix::Refuse;
        for item in advice.iter_mut().filter(|item| hardened && item.class == Some(KUBERNETES_MATRIX)) {
            item.severity = Severity::Refuse;
        }
        advice
    }

    fn to(&self, objects: &[Object]) -> Option<AppVersion> {
        let metadata = self.request.archive.metadata();
        deployed(ChartSays { name: &metadata.name, app_version: &metadata.app_version }, objects)
    }
}

/// The revision that runs; none where nothing was ever good, as after a first install that failed.
pub(super) fn current(history: &[Release]) -> Option<&Release> {
    let good = |record: &Release| matches!(record.status(), Status::Deployed | Status::Superseded);
    verb::replaced(history).filter(|_| history.iter().any(good))
}

/// The version that a revision runs.
pub(super) fn runs(record: &Release) -> Option<AppVersion> {
    let objects = verb::objects(record).unwrap_or_default();
    deployed(ChartSays { name: record.chart_name(), app_version: record.app_version() }, &objects)
}

/// Whether the chart's own version goes back; two charts of different names have nothing to compare.
pub(super) fn chart_goes_back(current: Option<&Release>, to: &Metadata) -> Option<String> {
    let current = current.filter(|current| current.chart_name() == to.name)?;
    let from = current.chart_version();
    semver::is_newer(from, &to.version).then(|| format!("from {from} to {}", to.version))
}

/// The values that reach cert-manager's chart.
fn own_values(chart: &Metadata, values: &Map<String, Value>) -> Value {
    match own_key(chart) {
        Some(key) => values.get(key).cloned().unwrap_or_default(),
        None => Value::Object(values.clone()),
    }
}

/// Which version the chart would give to CRDs; those that it keeps as they are stay behind.
fn brought(crds: &mut [LiveCrd], prepared: &Prepared, to: AppVersion) {
    let steps = prepared.steps.iter().filter(|step| step.object.is_crd() && step.effect != Effect::KeptCrd);
    let brought: BTreeMap<&str, AppVersion> =
        steps.map(|step| (step.object.name(), labelled_version(&step.object.value).unwrap_or(to))).collect();
    for crd in crds {
        crd.becomes = brought.get(crd.name.as_str()).copied();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::certmanager::deployed::CHART;
    use crate::helm::chart::dependency::Dependency;

    fn record(chart: &str, version: &str, app_version: &str, manifest: &str) -> Release {
        let record = json!({"name": "r", "version": 1, "info": {"status": "deployed"}, "manifest": manifest,
            "chart": {"metadata": {"name": chart, "version": version, "appVersion": app_version}}});
        Release::from_json(&record.to_string()).unwrap()
    }

    fn history(statuses: &[&str]) -> Vec<Release> {
        let record = |(number, status): (usize, &&str)| {
            let record = json!({"name": "r", "version": number + 1, "info": {"status": status}});
            Release::from_json(&record.to_string()).unwrap()
        };
        statuses.iter().enumerate().map(record).collect()
    }

    #[test]
    fn what_runs_is_the_last_deployed_revision() {
        let table: [(&[&str], Option<u32>); 6] = [
            (&[], None),
            (&["deployed", "failed", "failed"], Some(1)),
            (&["superseded", "deployed"], Some(2)),
            (&["superseded", "failed"], Some(2)),
            (&["failed"], None),
            (&["superseded", "uninstalled"], None),
        ];
        for (statuses, expected) in table {
            let history = history(statuses);
            assert_eq!(current(&history).map(Release::revision), expected, "{statuses:?}");
        }
    }

    #[test]
    fn the_image_of_the_deployed_revision_tells_what_runs() {
        let manifest = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cm}\nspec: {template: {spec: {containers: [{image: 'r/cert-manager-controller:v1.14.2'}]}}}\n";
        assert_eq!(runs(&record("platform", "0.3.1", "1.0.0", manifest)), AppVersion::parse("1.14.2"));
        assert_eq!(runs(&record("platform", "0.3.1", "1.0.0", "")), None);
    }

    #[test]
    fn only_one_and_the_same_chart_can_go_back() {
        let to = Metadata { name: "platform".to_owned(), version: "0.3.0".to_owned(), ..Metadata::default() };
        let back = |chart: &str, version: &str| chart_goes_back(Some(&record(chart, version, "", "")), &to);
        assert_eq!(back("platform", "0.3.1").as_deref(), Some("from 0.3.1 to 0.3.0"));
        assert_eq!((back("platform", "0.2.9"), back("cert-manager", "v1.14.2")), (None, None));
        assert_eq!(chart_goes_back(None, &to), None);
    }

    #[test]
    fn a_wrappers_values_are_below_the_name_of_the_wrapped_chart() {
        let wrapping = |name: &str, alias: &str| Metadata {
            name: name.to_owned(),
            dependencies: vec![Dependency {
                name: CHART.to_owned(),
                alias: alias.to_owned(),
                ..Dependency::default()
            }],
            ..Metadata::default()
        };
        let values = json!({"a": 1, "cert-manager": {"b": 1}, "cm": {"c": 1}});
        let values = values.as_object().unwrap();
        assert_eq!(own_values(&wrapping("platform", ""), values), json!({"b": 1}));
        assert_eq!(own_values(&wrapping("platform", "cm"), values), json!({"c": 1}));
        assert_eq!(own_values(&wrapping(CHART, ""), values)["a"], 1);
    }
}
