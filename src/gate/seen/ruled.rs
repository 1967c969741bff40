//! An object of any kind, as a whole: what rules of `release.yaml` are asked about.

use std::sync::OnceLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::store::Store;

/// What a rule says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RuleAnswer {
    /// It is as it should be.
    Ready,
    /// It will not come right by itself; what is told of it.
    Failed(String),
    /// Not yet; what is told of it.
    NotReady(String),
    /// Its controller has not looked at what is wished now.
    Unobserved(String),
    /// It cannot be told, and why.
    Unknown(String),
}

/// An object of a kind that only `release.yaml` names.
#[derive(Debug, Clone)]
pub(crate) struct RuledObject {
    pub(crate) metadata: ObjectMeta,
    /// The whole object, without the fields' managers.
    pub(crate) value: Value,
    /// What its rule says of it, once that was asked.
    pub(crate) answer: OnceLock<RuleAnswer>,
}

/// What one rule sees.
#[derive(Default)]
pub(crate) struct RuleSeen {
    pub(crate) objects: Store<RuledObject>,
    /// The cluster does not serve the kind.
    pub(crate) unserved: bool,
}

impl<'de> Deserialize<'de> for RuledObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        let metadata = ObjectMeta::deserialize(&value["metadata"]).map_err(de::Error::custom)?;
        Ok(Self { metadata, value, answer: OnceLock::new() })
    }
}

// What a kind is called is known only while the program runs; nobody asks these.
impl k8s_openapi::Resource for RuledObject {
    const API_VERSION: &'static str = "";
    const GROUP: &'static str = "";
    const KIND: &'static str = "Object";
    const VERSION: &'static str = "";
    const URL_PATH_SEGMENT: &'static str = "";
    type Scope = k8s_openapi::NamespaceResourceScope;
}

impl k8s_openapi::Metadata for RuledObject {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
