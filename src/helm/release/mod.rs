//! A stored release: the record of one revision, as Helm 3 and Helm 4 write it. Never talks to a cluster.

mod chart_record;
mod codec;
mod fields;
mod hook;
mod name;
mod new;
mod record;
mod shown;
mod status;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::helm::chart::{Chart, Metadata};
use crate::helm::values::{Values, make_floats};

pub use codec::CodecError;
use fields::Fields;
pub use hook::{Hook, HookRun};
pub use name::is_name;
pub use new::{NewRecord, RollbackRecord, stamp};
use record::Record;
pub use shown::Shown;
pub use status::{Status, UnknownStatus};

/// The labels of a record's Secret that Helm sets itself; a user's label may have none of these names.
pub const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// A revision's number, from 1.
pub type Revision = u32;

/// The record of one revision. What this program does not know of is kept, byte for byte.
#[derive(Debug, Clone)]
pub struct Release {
    fields: Fields,
    record: Record,
    /// The labels of its Secret; they are not in the record.
    labels: BTreeMap<String, String>,
}

impl Release {
    /// Reads what `data.release` of the Secret holds (base64 of gzip, or of plain JSON).
    pub fn decode(data: &[u8]) -> Result<Self, CodecError> {
        Self::from_json(&codec::decode(data)?)
    }

    /// Reads the JSON of a record, for example what `helm … -o json` prints.
    pub fn from_json(json: &str) -> Result<Self, CodecError> {
        let fields: Fields = serde_json::from_str(json).map_err(CodecError::Json)?;
        let record: Record = serde_json::from_str(json).map_err(CodecError::Json)?;
        Ok(Self { fields, record, labels: BTreeMap::new() })
    }

    /// What to store as `data.release`.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(&serde_json::to_string(&self.fields).map_err(CodecError::Json)?)
    }

    /// The same record with another status and description; everything else stays as it was written.
    pub fn with_status(&self, status: Status, description: &str) -> Result<Self, CodecError> {
        let mut fields = self.fields.clone();
        let mut info: Fields = fields
            .get("info")
            .map_or(Ok(Fields::default()), serde_json::from_str)
            .map_err(CodecError::Json)?;
        info.set_raw("status", new::raw(&Value::from(status.as_str()))?);
        info.set_raw("description", new::raw(&Value::from(description))?);
        fields.set("info", &info).map_err(CodecError::Json)?;
        let mut record = self.record.clone();
        record.info.status = status;
        description.clone_into(&mut record.info.description);
        Ok(Self { fields, record, labels: self.labels.clone() })
    }

    /// The same record with the time of its deletion (RFC 3339), see [`stamp`].
    pub fn with_deleted(&self, time: &str) -> Result<Self, CodecError> {
        let mut fields = self.fields.clone();
        let mut info: Fields = fields
            .get("info")
            .map_or(Ok(Fields::default()), serde_json::from_str)
            .map_err(CodecError::Json)?;
        info.set_after("deleted", new::raw(&Value::from(time))?, "last_deployed");
        fields.set("info", &info).map_err(CodecError::Json)?;
        Ok(Self { fields, ..self.clone() })
    }

    /// The same record with what became of its hooks.
    pub fn with_hooks(&self, hooks: &[Hook]) -> Result<Self, CodecError> {
        let mut release = self.clone();
        if !hooks.is_empty() {
            release
                .fields
                .set_raw("hooks", new::raw(&serde_json::to_value(hooks).map_err(CodecError::Json)?)?);
        }
        release.record.hooks = hooks.to_vec();
        Ok(release)
    }

    /// The same record with these labels on its Secret.
    #[must_use]
    pub fn with_labels(self, labels: BTreeMap<String, String>) -> Self {
        Self { labels, ..self }
    }

    /// Name of the release.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Namespace of the release.
    pub fn namespace(&self) -> &str {
        &self.record.namespace
    }

    /// Number of this revision.
    pub fn revision(&self) -> Revision {
        self.record.version
    }

    /// Status of this revision.
    pub fn status(&self) -> Status {
        self.record.info.status
    }

    /// What Helm (or this program) says about it.
    pub fn description(&self) -> &str {
        &self.record.info.description
    }

    /// When the first revision was installed; absent where the writer left it out.
    pub fn first_deployed(&self) -> Option<Timestamp> {
        self.record.info.first_deployed.as_deref()?.parse().ok()
    }

    /// When this revision was written; absent where the writer left it out.
    pub fn last_deployed(&self) -> Option<Timestamp> {
        self.record.info.last_deployed.as_deref()?.parse().ok()
    }

    /// All labels of its Secret; empty when it was not read from one.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// The labels that the user gave it.
    pub fn user_labels(&self) -> BTreeMap<String, String> {
        let is_user = |name: &&String| !SYSTEM_LABELS.contains(&name.as_str());
        self.labels
            .iter()
            .filter(|(name, _)| is_user(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The stored chart: `metadata`, `values`, `templates` and so on; subcharts are not stored. `None` when
    /// it is lost.
    pub fn chart(&self) -> Option<Value> {
        self.part("chart").filter(|chart| chart["metadata"].is_object())
    }

    /// The stored chart as far as values go: its name and its defaults, those of its subcharts included.
    pub fn stored_chart(&self) -> Chart {
        let stored = self.chart().unwrap_or_default();
        let mut defaults = stored.get("values").and_then(Value::as_object).cloned().unwrap_or_default();
        defaults.values_mut().for_each(make_floats);
        let metadata = Metadata {
            name: self.chart_name().to_owned(),
            version: self.chart_version().to_owned(),
            ..Metadata::default()
        };
        Chart { defaults, ..Chart::of_metadata(metadata) }
    }

    /// The user's values, with Go's numbers.
    pub fn user_values(&self) -> Values {
        let mut values = self.record.config.as_object().cloned().unwrap_or_default();
        values.values_mut().for_each(make_floats);
        values
    }

    /// `ssa`, `csa`, or `None` where the writer did not say (it was a merge by the client then).
    pub fn apply_method(&self) -> Option<&str> {
        self.record.apply_method.as_deref().filter(|method| !method.is_empty())
    }

    fn part(&self, name: &str) -> Option<Value> {
        self.fields.get(name).and_then(|text| serde_json::from_str(text).ok())
    }

    /// The revision that this one returned to, if it was a rollback of Helm 4.3 or later.
    pub fn rollback_revision(&self) -> Option<Revision> {
        (self.record.info.rollback_revision != 0).then_some(self.record.info.rollback_revision)
    }

    /// When the first revision was installed, as written.
    pub fn first_deployed_text(&self) -> Option<&str> {
        self.record.info.first_deployed.as_deref().filter(|time| !time.is_empty())
    }

    /// When this revision was written, as written.
    pub fn last_deployed_text(&self) -> Option<&str> {
        self.record.info.last_deployed.as_deref().filter(|time| !time.is_empty())
    }

    /// The rendered notes of the chart.
    pub fn notes(&self) -> &str {
        &self.record.info.notes
    }

    /// Name of the chart.
    pub fn chart_name(&self) -> &str {
        &self.record.chart.metadata.name
    }

    /// Version of the chart.
    pub fn chart_version(&self) -> &str {
        &self.record.chart.metadata.version
    }

    /// Version of the application in the chart.
    pub fn app_version(&self) -> &str {
        &self.record.chart.metadata.app_version
    }

    /// The values that the user gave, merged.
    pub fn config(&self) -> &Value {
        &self.record.config
    }

    /// The rendered manifest, hooks not included.
    pub fn manifest(&self) -> &str {
        &self.record.manifest
    }

    /// The hooks.
    pub fn hooks(&self) -> &[Hook] {
        &self.record.hooks
    }

    /// Whether both say the same, to the last byte and label: nobody has written this revision meanwhile.
    pub fn is_same_record(&self, other: &Self) -> bool {
        let text = |release: &Self| serde_json::to_string(&release.fields).ok();
        self.labels == other.labels && text(self) == text(other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RECORD: &str = r#"{"name":"cert-manager","info":{"first_deployed":"2026-01-02T03:04:05.678901234+01:00","last_deployed":"2026-01-03T03:04:05Z","deleted":"","description":"Upgrade complete","status":"deployed","notes":"n","unknown":{"x":1e+06}},"chart":{"metadata":{"name":"cert-manager","version":"v1.11.5","appVersion":"v1.11.5"},"values":{"big":12345678901234567890123,"f":1e+06,"html":"\u003ca\u003e"}},"config":{"a":1},"manifest":"---\n","hooks":null,"version":7,"namespace":"cert-manager","labels":{"later":"field"}}"#;

    #[test]
    fn the_fields_are_read() {
        let release = Release::from_json(RECORD).unwrap();
        assert_eq!(
            (release.name(), release.namespace(), release.revision()),
            ("cert-manager", "cert-manager", 7)
        );
        assert_eq!((release.status(), release.description()), (Status::Deployed, "Upgrade complete"));
        assert_eq!(
            (release.chart_name(), release.chart_version(), release.app_version()),
            ("cert-manager", "v1.11.5", "v1.11.5")
        );
        assert_eq!(release.first_deployed().unwrap().to_string(), "2026-01-02T02:04:05.678901234Z");
        assert_eq!((release.config(), release.hooks().len()), (&json!({"a": 1}), 0));
    }

    #[test]
    fn a_new_status_changes_nothing_else_not_even_how_a_number_is_written() {
        let failed = Release::from_json(RECORD)
            .unwrap()
            .with_status(Status::Failed, "the \"webhook\" gate failed")
            .unwrap();
        let expected = RECORD
            .replace(r#""status":"deployed""#, r#""status":"failed""#)
            .replace(r#""description":"Upgrade complete""#, r#""description":"the \"webhook\" gate failed""#);
        assert_eq!(codec::decode(&failed.encode().unwrap()).unwrap(), expected);
        assert_eq!((failed.status(), failed.description()), (Status::Failed, "the \"webhook\" gate failed"));
    }

    #[test]
    fn records_of_older_writers_are_read() {
        let old = r#"{"name":"a","info":{"first_deployed":"","last_deployed":null,"status":"pending-upgrade"},"chart":null,"config":null,"manifest":"","version":1}"#;
        let release = Release::from_json(old).unwrap();
        assert_eq!(
            (release.first_deployed(), release.last_deployed(), release.chart_name()),
            (None, None, "")
        );
        assert_eq!(release.status(), Status::PendingUpgrade);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_stored_is_read_or_refused(bytes: Vec<u8>, text in r#"[{}\[\]:,"a-z0-9null.\-]{0,80}"#) {
            let _ = Release::decode(&bytes);
            let _ = Release::from_json(&text);
        }

        #[test]
        fn a_record_with_any_part_replaced_never_panics(at in 0..400_usize, with in r#"(null|\[\]|\{\}|"x"|-1|1e999|"0001-01-01T00:00:00Z")"#) {
            let at = at.min(RECORD.len());
            let end = RECORD[at..].find([',', '}']).map_or(RECORD.len(), |end| at + end);
            let start = RECORD[..at].rfind(':').map_or(0, |start| start + 1);
            if let Ok(release) = Release::from_json(&format!("{}{with}{}", &RECORD[..start], &RECORD[end..])) {
                let _ = (release.shown(&Shown { chart: true, ..Shown::default() }), release.stored_chart(), release.user_values());
                let _ = (release.with_status(Status::Failed, "x"), release.with_deleted("y"), release.encode());
            }
        }
    }
}
