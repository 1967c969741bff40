//! Does somebody else manage this release? Argo CD and Flux would undo what this program does.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::helm::manifest::Object;

/// A controller that manages an object, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `Argo CD` or `Flux`.
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

/// The first of the live objects that is marked by a controller.
pub fn find<'o>(live: impl IntoIterator<Item = &'o Value>) -> Option<Owner> {
    live.into_iter().find_map(of)
}

fn of(live: &Value) -> Option<Owner> {
    MARKS.into_iter().find_map(|(controller, place, mark)| {
        let name = live["metadata"][place][mark].as_str()?;
        let object = Object::new(live.clone()).key().to_string();
        Some(Owner {
            controller: controller.to_owned(),
            name: name.split(':').next()?.to_owned(),
            object,
            mark: mark.to_owned(),
        })
    })
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
        assert_eq!(find([&plain]), None);
        assert_eq!(
            find([&plain, &argo]).unwrap().to_string(),
            "Argo CD (`certs`, as argocd.argoproj.io/tracking-id of Deployment ns/x says)"
        );
        assert_eq!(find([&flux]).unwrap().controller, "Flux");
    }
}
