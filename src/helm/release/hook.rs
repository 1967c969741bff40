//! A hook as a release record keeps it, with its last run.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

/// A hook of a release: an object that Helm runs at an event instead of keeping it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Hook {
    /// Name of the object.
    #[serde(default)]
    pub name: String,
    /// Kind of the object.
    #[serde(default)]
    pub kind: String,
    /// The template that it came from.
    #[serde(default)]
    pub path: String,
    /// The object as YAML.
    #[serde(default)]
    pub manifest: String,
    /// For example `post-install`.
    #[serde(default, deserialize_with = "super::record::null_as_default")]
    pub events: Vec<String>,
    /// Its last run.
    #[serde(default, deserialize_with = "super::record::null_as_default")]
    pub last_run: HookRun,
    /// Lower weights run first.
    #[serde(default)]
    pub weight: i64,
    /// When the object is deleted, for example `hook-succeeded`.
    #[serde(default, deserialize_with = "super::record::null_as_default")]
    pub delete_policies: Vec<String>,
    /// When its logs are shown, for example `hook-failed`.
    #[serde(default, deserialize_with = "super::record::null_as_default")]
    pub output_log_policies: Vec<String>,
}

/// One run of a hook. Times are texts as in the record, RFC 3339.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookRun {
    /// When it started; `None` when it never did.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "empty_as_none")]
    pub completed_at: Option<String>,
    /// `Unknown`, `Running`, `Succeeded`, `Failed`, or empty before the first run.
    #[serde(default)]
    pub phase: String,
}

/// Helm 3 writes a time that is not known as an empty text.
pub(super) fn empty_as_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|time| !time.is_empty()))
}

impl Serialize for Hook {
    /// As Helm 4 writes it: empty fields left out, `last_run` always.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut record = Map::new();
        let texts =
            [("name", &self.name), ("kind", &self.kind), ("path", &self.path), ("manifest", &self.manifest)];
        record.extend(
            texts
                .into_iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(key, text)| (key.to_owned(), json!(text))),
        );
        add_list(&mut record, "events", &self.events);
        record.insert(
            "last_run".to_owned(),
            serde_json::to_value(&self.last_run).map_err(serde::ser::Error::custom)?,
        );
        if self.weight != 0 {
            record.insert("weight".to_owned(), json!(self.weight));
        }
        add_list(&mut record, "delete_policies", &self.delete_policies);
        add_list(&mut record, "output_log_policies", &self.output_log_policies);
        Value::Object(record).serialize(serializer)
    }
}

fn add_list(record: &mut Map<String, Value>, key: &str, list: &[String]) {
    if !list.is_empty() {
        record.insert(key.to_owned(), json!(list));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_written_as_helm_4_writes_it_whoever_wrote_it_before() {
        let helm3 = r#"{"name":"j","kind":"Job","path":"c/templates/j.yaml","manifest":"x","events":["pre-install"],"last_run":{"started_at":"2026-01-02T03:04:05Z","completed_at":"","phase":"Running"},"weight":-5,"delete_policies":null}"#;
        let hook: Hook = serde_json::from_str(helm3).unwrap();
        assert_eq!((hook.weight, hook.last_run.completed_at.as_deref()), (-5, None));
        assert_eq!(
            serde_json::to_string(&hook).unwrap(),
            r#"{"name":"j","kind":"Job","path":"c/templates/j.yaml","manifest":"x","events":["pre-install"],"last_run":{"started_at":"2026-01-02T03:04:05Z","phase":"Running"},"weight":-5}"#
        );
        assert_eq!(serde_json::to_string(&Hook::default()).unwrap(), r#"{"last_run":{"phase":""}}"#);
    }
}
