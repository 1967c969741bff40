//! Which CRDs a rollback puts into the older manifest, so that none is deleted and none goes back. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::helm::manifest::{self, Document};
use crate::plan::crd;

/// The live CRDs by name; `None` = not there.
pub(super) type Live = BTreeMap<String, Option<Value>>;

/// Names of the CRDs of a manifest.
pub(super) fn names(documents: &[Document]) -> impl Iterator<Item = &str> {
    documents.iter().filter_map(name)
}

/// The older manifest with the newest CRDs; `None` when it needs none of them.
///
/// `forward`: the "older" revision holds the newer chart. Its CRDs are wanted then, unless they would take something away.
pub(super) fn keep(older: &[Document], newest: &[Document], live: &Live, forward: bool) -> Option<String> {
    let newer = |wanted: &str| newest.iter().find(|document| name(document) == Some(wanted));
    let mut changed = false;
    let mut kept: Vec<&Document> =
        newest.iter().filter(|document| name(document).is_some_and(|name| !names(older).any(|own| own == name))).collect();
    changed |= !kept.is_empty();
    for document in older {
        let live = name(document).and_then(|name| live.get(name)?.as_ref().map(|live| (name, live)));
        match live {
            Some((name, live)) if goes_back(live, document, newer(name), forward) => {
                changed = true;
                // Without a newer text the CRD is left out: then Helm does not touch it.
                kept.extend(newer(name));
            }
            Some(_) | None => kept.push(document),
        }
    }
    changed.then(|| manifest::join(kept))
}

/// Backward, whatever is different is older; forward, only a loss is.
fn goes_back(live: &Value, own: &Document, newer: Option<&Document>, forward: bool) -> bool {
    let value = |document: &Document| document.objects.first().map(|object| object.value.clone());
    let loses = value(own).is_some_and(|own| !crd::lost(live, &own).is_empty());
    loses || (!forward && newer.is_some_and(|newer| value(newer) != value(own)))
}

fn name(document: &Document) -> Option<&str> {
    document.objects.first().filter(|object| object.is_crd()).map(manifest::Object::name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd_value(name: &str, properties: &[&str], description: &str) -> Value {
        let properties: serde_json::Map<String, Value> = properties.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
            "spec": {"versions": [{"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"description": description, "properties": properties}}}]}})
    }

    fn document(value: &Value) -> Document {
        manifest::documents(&value.to_string()).unwrap().remove(0)
    }

    fn service() -> Document {
        document(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}))
    }

    fn live(crds: &[&Value]) -> Live {
        crds.iter().map(|crd| (crd["metadata"]["name"].as_str().unwrap().to_owned(), Some((*crd).clone()))).collect()
    }

    #[test]
    fn a_crd_that_would_lose_a_field_stays_as_it_is() {
        let (small, large) = (crd_value("a", &["x"], ""), crd_value("a", &["x", "y"], ""));
        let kept = keep(&[service(), document(&small)], &[document(&large)], &live(&[&large]), false).unwrap();
        assert_eq!(
            manifest::documents(&kept).unwrap().iter().map(|d| d.objects[0].value.clone()).collect::<Vec<_>>(),
            [service().objects[0].value.clone(), large]
        );
    }

    #[test]
    fn a_crd_that_the_older_revision_lacks_is_not_deleted() {
        let own = crd_value("a", &["x"], "");
        let kept = keep(&[service()], &[document(&own)], &live(&[&own]), false).unwrap();
        assert_eq!(names(&manifest::documents(&kept).unwrap()).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn equal_crds_need_no_change_and_newer_ones_of_the_other_revision_are_applied() {
        let (small, large) = (crd_value("a", &["x"], ""), crd_value("a", &["x", "y"], ""));
        assert_eq!(keep(&[document(&small)], &[document(&small)], &live(&[&small]), false), None);
        assert_eq!(keep(&[document(&large)], &[document(&small)], &live(&[&small]), true), None);
    }

    #[test]
    fn even_another_description_is_not_put_back() {
        let (old, new) = (crd_value("a", &["x"], "old"), crd_value("a", &["x"], "new"));
        assert!(keep(&[document(&old)], &[document(&new)], &live(&[&new]), false).unwrap().contains("new"));
    }

    #[test]
    fn a_live_crd_that_the_newest_revision_lacks_is_left_out_rather_than_put_back() {
        let (small, large) = (crd_value("a", &["x"], ""), crd_value("a", &["x", "y"], ""));
        let kept = keep(&[service(), document(&small)], &[], &live(&[&large]), false).unwrap();
        assert_eq!(names(&manifest::documents(&kept).unwrap()).count(), 0);
    }

    #[test]
    fn a_crd_that_is_gone_comes_back() {
        let own = crd_value("a", &["x"], "");
        assert_eq!(keep(&[document(&own)], &[], &Live::from([("a".to_owned(), None)]), false), None);
    }
}
