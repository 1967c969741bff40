//! Which solver of an ACME issuer proves a name, as cert-manager chooses: the one that names the name itself
//! before one that names a longer zone, before one with more labels; a solver that selects nothing takes all.
//! Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::certmanager::resources::{AcmeSolver, SolverSelector};

/// How closely a selector names a name: by itself, by the labels of its zone, by labels of the object.
type Closeness = (usize, usize, usize);

/// The solver for `name` on a Certificate with these labels.
pub(in crate::gate) fn select<'s>(
    solvers: &'s [AcmeSolver],
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Option<&'s AcmeSolver> {
    // Only DNS proves a wildcard.
    let able = |solver: &&AcmeSolver| !name.starts_with("*.") || solver.dns01.is_some();
    let ranked = solvers.iter().filter(able).enumerate().filter_map(|(place, solver)| {
        let closeness = closeness(solver.selector.as_ref(), name, labels)?;
        // Among equals the first.
        Some(((closeness, Reverse(place)), solver))
    });
    ranked.max_by_key(|(rank, _)| *rank).map(|(_, solver)| solver)
}

/// Absent when it does not select the name.
fn closeness(
    selector: Option<&SolverSelector>,
    name: &str,
    labels: &BTreeMap<String, String>,
) -> Option<Closeness> {
    let Some(selector) = selector else { return Some((0, 0, 0)) };
    let by_name =
        (selector.dns_names.is_empty(), usize::from(selector.dns_names.iter().any(|wanted| wanted == name)));
    let bare = name.trim_start_matches("*.");
    let in_zone = |zone: &&String| bare == zone.as_str() || bare.ends_with(&format!(".{zone}"));
    let zones = selector.dns_zones.iter().filter(in_zone).map(|zone| zone.split('.').count());
    let by_zone = (selector.dns_zones.is_empty(), zones.max().unwrap_or(0));
    let by_labels = selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value));
    let matches = |(all, closeness): (bool, usize)| all || closeness > 0;
    (matches(by_name) && matches(by_zone) && by_labels).then_some((
        by_name.1,
        by_zone.1,
        selector.match_labels.len(),
    ))
}

/// The zones and names that the solvers select, for a message.
pub(in crate::gate) fn told(solvers: &[AcmeSolver]) -> String {
    let selectors = solvers.iter().filter_map(|solver| solver.selector.as_ref());
    let told: Vec<String> = selectors
        .flat_map(|selector| {
            let zones = selector.dns_zones.iter().map(|zone| format!("zone {zone}"));
            let labels = selector.match_labels.iter().map(|(key, value)| format!("label {key}={value}"));
            zones.chain(selector.dns_names.iter().cloned()).chain(labels)
        })
        .collect();
    if told.is_empty() { "nothing that fits".to_owned() } else { told.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn chosen(solvers: &Value, name: &str, labels: &Value) -> Option<String> {
        let solvers: Vec<AcmeSolver> = serde_json::from_value(solvers.clone()).unwrap();
        let labels = serde_json::from_value(labels.clone()).unwrap();
        select(&solvers, name, &labels)
            .map(|solver| solver.dns01.as_ref().map_or("http", |_| "dns").to_owned())
    }

    #[test]
    fn the_closest_selector_wins() {
        let dns = |selector: Value| json!({"dns01": {}, "selector": selector});
        let http = |selector: Value| json!({"http01": {}, "selector": selector});
        let zone = |zone: &str| json!({"dnsZones": [zone]});
        let (any, none) = (json!({"http01": {}}), json!({}));
        let name = "a.canary.example.com";
        let table = [
            ("no solver", json!([]), name, none.clone(), None),
            ("one that takes all", json!([any]), name, none.clone(), Some("http")),
            ("an empty selector takes all", json!([http(json!({}))]), name, none.clone(), Some("http")),
            ("another zone", json!([dns(zone("example.org"))]), name, none.clone(), None),
            ("a zone is no suffix", json!([dns(zone("ample.com"))]), name, none.clone(), None),
            ("a zone before all", json!([any, dns(zone("example.com"))]), name, none.clone(), Some("dns")),
            (
                "the longer zone",
                json!([http(zone("example.com")), dns(zone("canary.example.com"))]),
                name,
                none.clone(),
                Some("dns"),
            ),
            (
                "the name itself before a zone",
                json!([dns(zone("canary.example.com")), http(json!({"dnsNames": [name]}))]),
                name,
                none.clone(),
                Some("http"),
            ),
            (
                "labels that are not there",
                json!([dns(json!({"matchLabels": {"a": "b"}}))]),
                name,
                none.clone(),
                None,
            ),
            (
                "labels",
                json!([any, dns(json!({"matchLabels": {"a": "b"}}))]),
                name,
                json!({"a": "b"}),
                Some("dns"),
            ),
            (
                "both have to fit",
                json!([dns(json!({"dnsZones": ["example.com"], "matchLabels": {"a": "b"}}))]),
                name,
                none.clone(),
                None,
            ),
            ("the first of equals", json!([any, dns(json!({}))]), name, none.clone(), Some("http")),
            (
                "a wildcard needs DNS",
                json!([any, dns(json!({}))]),
                "*.example.com",
                none.clone(),
                Some("dns"),
            ),
            ("a wildcard without DNS", json!([any]), "*.example.com", none.clone(), None),
        ];
        for (what, solvers, name, labels, expected) in table {
            assert_eq!(chosen(&solvers, name, &labels).as_deref(), expected, "{what}");
        }
    }
}
