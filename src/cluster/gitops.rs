//! Does somebody else manage this release? Argo CD, Flux and Rancher Fleet would undo what this program does.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::helm::manifest::Object;
use crate::helm::release::Release;

/// A controller that manages an object, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `Argo CD`, `Flux` or `Rancher Fleet`.
    pub controller: String,
    /// The controller's own name for it, for example the Application's.
    pub name: String,
    /// The object that shows it.
    pub object: String,
    /// The label or annotation that shows it.
    pub mark: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (`{}`, as {} of {} says)", self.controller, self.name, self.mark, self.object)
    }
}

/// Labels and annotations that only the controllers set; `app.kubernetes.io/instance` is not among them,
/// since charts set it too.
const MARKS: [(&str, &str, &str); 5] = [
    ("Argo CD", "annotations", "argocd.argoproj.io/tracking-id"),
    ("Argo CD", "labels", "argocd.argoproj.io/instance"),
    ("Flux", "labels", "helm.toolkit.fluxcd.io/name"),
    ("Flux", "labels", "kustomize.toolkit.fluxcd.io/name"),
    ("Flux", "annotations", "helm.toolkit.fluxcd.io/name"),
];

/// Rancher Fleet packs what it deploys into a chart of its own making, whose metadata name the bundle.
const BUNDLE: &str = "fleet.cattle.io/bundle-id";

/// Who manages the release besides this program: as its newest record says, or else the first of the live
/// objects that is marked by a controller.
pub fn find<'o>(newest: Option<&Release>, live: impl IntoIterator<Item = &'o Value>) -> Option<Owner> {
    newest.and_then(of_record).or_else(|| live.into_iter().find_map(of_object))
}

fn of_record(record: &Release) -> Option<Owner> {
    let chart = record.chart()?;
    let bundle = chart["metadata"]["annotations"][BUNDLE].as_str()?;
    let object = format!("the chart of revision {}", record.revision());
    Some(owner("Rancher Fleet", bundle, object, BUNDLE))
}

fn of_object(live: &Value) -> Option<Owner> {
    MARKS.into_iter().find_map(|(controller, place, mark)| {
        let name = live["metadata"][place][mark].as_str()?;
        let object = Object::new(live.clone()).key().to_string();
        Some(owner(controller, name.split(':').next()?, object, mark))
    })
}

fn owner(controller: &str, name: &str, object: String, mark: &str) -> Owner {
    Owner { controller: controller.to_owned(), name: name.to_owned(), object, mark: mark.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(metadata: &Value) -> Value {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "ns"}});
        object["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        object
    }

    #[test]
    fn the_marks_of_argo_and_flux_are_known_and_a_charts_own_labels_are_not() {
        let plain = object(&json!({"labels": {"app.kubernetes.io/instance": "x"}}));
        let argo =
            object(&json!({"annotations": {"argocd.argoproj.io/tracking-id": "certs:apps/Deployment:ns/x"}}));
        let flux = object(&json!({"labels": {"helm.toolkit.fluxcd.io/name": "cert-manager"}}));
        assert_eq!(find(None, [&plain]), None);
        assert_eq!(
            find(None, [&plain, &argo]).unwrap().to_string(),
            "Argo CD (`certs`, as argocd.argoproj.io/tracking-id of Deployment ns/x says)"
        );
        assert_eq!(find(None, [&flux]).unwrap().controller, "Flux");
    }

    #[test]
    fn a_bundle_of_fleet_is_known_by_the_record_alone() {
        let record = |annotations: &Value| {
            let chart = json!({"metadata": {"name": "c", "version": "1.0.0", "annotations": annotations}});
            let record = json!({"name": "r", "info": {"status": "deployed"}, "chart": chart, "version": 3});
            Release::from_json(&record.to_string()).unwrap()
        };
        let fleet = record(&json!({"fleet.cattle.io/bundle-id": "infra-certs"}));
        assert_eq!(
            find(Some(&fleet), []).unwrap().to_string(),
            "Rancher Fleet (`infra-certs`, as fleet.cattle.io/bundle-id of the chart of revision 3 says)"
        );
        let other = record(&json!({"artifacthub.io/prerelease": "false"}));
        assert_eq!(find(Some(&other), [&object(&json!({}))]), None);
    }
}
