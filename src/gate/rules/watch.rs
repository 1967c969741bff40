//! Watching the objects of a rule: its kind is looked up among what the cluster serves, until it is there. Judges
//! nothing.

use std::time::Duration;

use kube::Resource as _;
use kube::api::DynamicObject;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::late;
use crate::cluster::discovery::Kinds;
use crate::cluster::{ApiError, Cluster};
use crate::gate::follow::{Follow, Watch};
use crate::gate::seen::{Change, RuleSeen, RuledObject, Seen};
use crate::gate::start::Start;
use crate::helm::manifest::Object;

/// A chart may bring the kind.
const AGAIN: Duration = Duration::from_secs(2);

/// From now on every rule sees its objects.
pub(in crate::gate) fn start(start: &mut Start) {
    late::learn(start);
    let rules = start.context.rules;
    for rule in rules.iter() {
        for namespace in &rule.namespaces {
            let part = start.seen.rules.entry(rule.name().to_owned()).or_default().objects.open();
            let watching = Watching {
                cluster: start.cluster.clone(),
                rule: rule.name().to_owned(),
                sample: rule.sample(),
                namespace: namespace.clone(),
                labels: rule.selector(),
                fields: rule.fields(namespace.as_deref()),
                part,
                changes: start.changes.clone(),
            };
            start.task(watching.forever());
        }
    }
}

/// The path of a kind's list in a namespace, or in the whole cluster; `None` where the kind is not served.
pub(super) fn path(kinds: &Kinds, sample: &Object, namespace: Option<&str>) -> Option<String> {
    let (resource, namespaced) = kinds.find(sample)?;
    Some(DynamicObject::url_path(resource, namespace.filter(|_| namespaced)))
}

struct Watching {
    cluster: Cluster,
    rule: String,
    sample: Object,
    namespace: Option<String>,
    labels: Option<String>,
    fields: Option<String>,
    part: usize,
    changes: mpsc::Sender<Change>,
}

impl Watching {
    async fn forever(self) {
        let Some(path) = self.found().await else { return };
        let rule = self.rule.clone();
        let client = self.cluster.client.clone();
        let watch =
            Watch::<RuledObject>::at(&self.what(), path, move |seen| &mut seen_by(seen, &rule).objects);
        let watch = Watch { labels: self.labels, fields: self.fields, ..watch };
        Follow { client, watch, part: self.part, changes: self.changes }.forever().await;
    }

    /// The path of the list, once the kind is served; nothing when nobody listens any more.
    async fn found(&self) -> Option<String> {
        loop {
            let asked = Kinds::load(&self.cluster).await;
            let path = asked.as_ref().ok().and_then(|kinds| self.path(kinds));
            self.changes.send(self.told(asked.err(), path.is_none())).await.ok()?;
            if path.is_some() {
                return path;
            }
            sleep(AGAIN).await;
        }
    }

    fn path(&self, kinds: &Kinds) -> Option<String> {
        path(kinds, &self.sample, self.namespace.as_deref())
    }

    /// Whether the kind is served, as far as the cluster answers.
    fn told(&self, error: Option<ApiError>, is_missing: bool) -> Change {
        let (what, rule) = (self.what(), self.rule.clone());
        Box::new(move |seen| match error {
            Some(error) => drop(seen.broken.insert(what, error.to_string())),
            None => {
                seen.broken.remove(&what);
                seen_by(seen, &rule).unserved = is_missing;
            }
        })
    }

    fn what(&self) -> String {
        let place = self.namespace.as_deref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
        format!("{} of rule {}{place}", self.sample.kind(), self.rule)
    }
}

fn seen_by<'s>(seen: &'s mut Seen, rule: &str) -> &'s mut RuleSeen {
    seen.rules.entry(rule.to_owned()).or_default()
}
