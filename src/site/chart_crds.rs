//! The CRDs that a chart of cert-manager has, but does not bring with the values of a cluster: what a live CRD
//! without a label of its version is compared with. Writes nothing.

use kube::Api;
use serde_json::{Map, Value, json};

use super::draft::{RolloutRequest, in_context};
use crate::action::verb::{self, ActionContext, Deployment};
use crate::certmanager::advice::condition::LiveCrd;
use crate::certmanager::deployed::CHART;
use crate::cluster::{Cluster, live_crd};
use crate::helm::chart::Chart;
use crate::helm::chart::metadata::Metadata;
use crate::helm::manifest::Object;
use crate::plan::crd;

/// Adds to CRDs that nobody knows the version of what they lack beside the chart's own; nothing where the chart
/// has none, as one that was packaged from a checkout before 1.19.
pub(super) async fn compare(
    cluster: &Cluster,
    request: &RolloutRequest<'_>,
    observed: &verb::Observed,
    deployment: &Deployment,
    crds: &mut [LiveCrd],
) {
    let mut unknown = crds.iter_mut().filter(|crd| crd.is_unknown()).peekable();
    if unknown.peek().is_none() {
        return;
    }
    let of_chart = rendered(cluster, request, observed, deployment).await;
    let live: Api<_> = live_crd::api(cluster);
    for crd in unknown {
        let Some(wanted) = of_chart.iter().find(|wanted| wanted.name() == crd.name) else { continue };
        let Ok(Some(whole)) = live.get_opt(&crd.name).await else { continue };
        let Ok(whole) = serde_json::to_value(whole) else { continue };
        crd.lacks = Some(crd::lost(&wanted.value, &whole));
    }
}

/// The chart rendered as if it brought them.
async fn rendered(
    cluster: &Cluster,
    request: &RolloutRequest<'_>,
    observed: &verb::Observed,
    deployment: &Deployment,
) -> Vec<Object> {
    let mut deployment = deployment.clone();
    let metadata = &deployment.chart.metadata;
    let subchart = own_key(metadata).map(ToOwned::to_owned);
    let own = if metadata.name == CHART { Some(&deployment.chart) } else { wrapped(&deployment.chart) };
    let Some(has_crds) = own.map(|own| own.defaults.contains_key("crds")) else { return Vec::new() };
    switch_on(&mut deployment.values, subchart.as_deref(), has_crds);
    let drafting = async |verb: ActionContext<'_>| verb::draft(verb, &deployment, observed).await;
    let Ok(drafted) = in_context(cluster, request, drafting).await else { return Vec::new() };
    drafted.objects.into_iter().filter(Object::is_crd).collect()
}

fn wrapped(chart: &Chart) -> Option<&Chart> {
    chart.dependencies.iter().find(|chart| chart.metadata.name == CHART)
}

/// `crds.enabled` since 1.15, `installCRDs` before.
fn switch_on(values: &mut Map<String, Value>, subchart: Option<&str>, has_crds: bool) {
    let own = match subchart {
        None => values,
        Some(key) => {
            let below = values.entry(key).or_insert_with(|| json!({}));
            let Value::Object(below) = below else { return };
            below
        }
    };
    if has_crds {
        own.insert("crds".to_owned(), json!({"enabled": true}));
    } else {
        own.insert("installCRDs".to_owned(), json!(true));
    }
}

/// The key that the values of cert-manager's chart are below, where another chart wraps it: its name or alias.
pub(super) fn own_key(chart: &Metadata) -> Option<&str> {
    let wrapped = chart.dependencies.iter().find(|dependency| dependency.name == CHART);
    let wrapped = wrapped.filter(|_| chart.name != CHART)?;
    Some(if wrapped.alias.is_empty() { CHART } else { &wrapped.alias })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_is_asked_for_its_crds_where_its_own_values_are() {
        let table = [
            (None, true, json!({"crds": {"enabled": true}, "cm": {"a": 1}})),
            (None, false, json!({"installCRDs": true, "cm": {"a": 1}})),
            (Some("cm"), true, json!({"cm": {"a": 1, "crds": {"enabled": true}}})),
            (Some("other"), false, json!({"cm": {"a": 1}, "other": {"installCRDs": true}})),
        ];
        for (subchart, has_crds, expected) in table {
            let Value::Object(mut values) = json!({"cm": {"a": 1}}) else { panic!("a mapping") };
            switch_on(&mut values, subchart, has_crds);
            assert_eq!(Value::Object(values), expected);
        }
    }
}
