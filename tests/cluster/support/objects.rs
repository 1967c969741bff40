//! Objects of a release, written by this program, and what the cluster says about them afterwards.

use kube::Api;
use kube::api::{DynamicObject, ObjectMeta};
use release::action::apply::{Applied, ApplyOptions, Detail, Failed, Prepared, Refused, prepare};
use release::cluster::Cluster;
use release::cluster::discovery::Kinds;
use release::config::ReleaseId;
use release::helm::manifest::{self, Object};
use serde_json::Value;

use super::permit::Free;

/// The objects of these texts, in order.
pub(crate) fn objects<T: AsRef<str>>(texts: &[T]) -> Vec<Object> {
    texts.iter().flat_map(|text| manifest::split(text.as_ref()).unwrap()).collect()
}

/// A release in its namespace on a cluster.
pub(crate) struct Place {
    pub(crate) cluster: Cluster,
    pub(crate) release: ReleaseId,
}

impl Place {
    /// In a namespace of its own.
    pub(crate) async fn new() -> Self {
        let (cluster, release) = super::world().await;
        Self { cluster, release }
    }

    pub(crate) async fn kinds(&self) -> Kinds {
        Kinds::load(&self.cluster).await.unwrap()
    }

    pub(crate) async fn prepare(
        &self,
        old: &[Object],
        new: &[Object],
        options: ApplyOptions,
    ) -> Result<Prepared, Refused> {
        self.ask(old, new, options).await.accept()
    }

    /// What would become of every object, also of those that are refused.
    pub(crate) async fn ask(&self, old: &[Object], new: &[Object], options: ApplyOptions) -> Prepared {
        prepare(&self.cluster, &self.kinds().await, &self.release, old, new, &options).await.unwrap()
    }

    /// The same with both sides of every object.
    pub(crate) async fn sides(&self, old: &[Object], new: &[Object], options: ApplyOptions) -> Prepared {
        self.ask(old, new, ApplyOptions { detail: Detail::Sides, ..options }).await
    }

    /// Prepares and writes.
    pub(crate) async fn apply(&self, old: &[Object], new: &[Object]) -> Result<Applied, Failed> {
        self.prepare(old, new, ApplyOptions::default()).await.unwrap().execute(&Free).await
    }

    /// The live object, if there is one.
    pub(crate) async fn live(&self, text: &str) -> Option<Value> {
        let object = objects(&[text]).remove(0);
        let api = self.api(&object).await;
        api.get_opt(object.name()).await.unwrap().map(|live| serde_json::to_value(live).unwrap())
    }

    pub(crate) async fn api(&self, object: &Object) -> Api<DynamicObject> {
        self.kinds().await.api(&self.cluster, object, &self.release.namespace).expect("a kind that is served")
    }

    pub(crate) async fn metadata(&self, text: &str) -> ObjectMeta {
        let object = objects(&[text]).remove(0);
        self.api(&object).await.get_metadata(object.name()).await.unwrap().metadata
    }
}

/// `manager operation` of every entry of the managed fields, without those of a subresource.
pub(crate) fn managers(live: &ObjectMeta) -> Vec<String> {
    let entries = live.managed_fields.iter().flatten().filter(|entry| entry.subresource.is_none());
    let word = |text: &Option<String>| text.clone().unwrap_or_default();
    entries.map(|entry| format!("{} {}", word(&entry.manager), word(&entry.operation))).collect()
}

/// The names of some keys.
pub(crate) fn names(keys: &[manifest::Key]) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

/// uid of a live object.
pub(crate) fn uid(live: &ObjectMeta) -> String {
    live.uid.clone().unwrap()
}
