//! What this program reads of a record; everything else is kept as it was written.

use serde::Deserialize;
use serde_json::Value;

use super::{Hook, Revision, Status};

/// What of the record this program reads.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: String,
    pub(super) version: Revision,
    pub(super) info: Info,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) chart: ChartPart,
    #[serde(default)]
    pub(super) config: Value,
    #[serde(default)]
    pub(super) manifest: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) hooks: Vec<Hook>,
    #[serde(default)]
    pub(super) apply_method: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Info {
    pub(super) status: Status,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) first_deployed: Option<String>,
    #[serde(default)]
    pub(super) last_deployed: Option<String>,
    #[serde(default)]
    pub(super) notes: String,
    #[serde(default)]
    pub(super) rollback_revision: Revision,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ChartPart {
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) metadata: ChartMetadata,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ChartMetadata {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default, rename = "appVersion")]
    pub(super) app_version: String,
}

pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
