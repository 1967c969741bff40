//! A new revision's record, field by field in Helm 4's order. Times come from the caller.

use std::collections::BTreeMap;

use jiff::ZonedDateTime;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::{CodecError, Hook, Release, Revision, Status, chart_record};
use crate::helm::chart::Chart;
use crate::helm::json;

/// What a new revision is made of.
#[derive(Debug, Clone)]
pub struct NewRecord<'a> {
    /// Name of the release.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// The revision's number.
    pub revision: Revision,
    /// Its first status.
    pub status: Status,
    /// What is said about it.
    pub description: &'a str,
    /// When the first revision was installed, see [`stamp`].
    pub first_deployed: &'a str,
    /// When this one was made, see [`stamp`].
    pub last_deployed: &'a str,
    /// The chart, with its dependencies processed.
    pub chart: &'a Chart,
    /// The user's values, merged.
    pub config: &'a Map<String, Value>,
    /// The rendered manifest, hooks not included.
    pub manifest: &'a str,
    /// The rendered hooks.
    pub hooks: &'a [Hook],
    /// The rendered notes.
    pub notes: &'a str,
    /// The user's labels of the record.
    pub labels: BTreeMap<String, String>,
}

/// What differs between the revision to return to and the new one that does the same.
#[derive(Debug, Clone)]
pub struct RollbackRecord<'a> {
    /// The new revision's number.
    pub revision: Revision,
    /// What is said about it.
    pub description: &'a str,
    /// When the first revision was installed.
    pub first_deployed: Option<&'a str>,
    /// When this one is made, see [`stamp`].
    pub last_deployed: &'a str,
}

/// A time as Go writes it: RFC 3339 with the writer's own zone and only the digits that count.
pub fn stamp(time: &ZonedDateTime) -> String {
    let text = time.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string();
    text.strip_suffix("+00:00").map_or(text.clone(), |utc| format!("{utc}Z"))
}

impl Release {
    /// The record of a new revision, applied by the server.
    pub fn new(new: &NewRecord<'_>) -> Result<Self, CodecError> {
        let mut fields = Fields::default();
        set(&mut fields, "name", &new.name)?;
        let info =
            info(Some(new.first_deployed), new.last_deployed, new.description, new.status, None, new.notes);
        fields.set_raw("info", raw(&info)?);
        fields.set_raw("chart", raw(&chart_record::chart(new.chart))?);
        if !new.config.is_empty() {
            fields.set_raw("config", raw(&Value::Object(json::sorted_map(new.config)))?);
        }
        set_text(&mut fields, "manifest", new.manifest)?;
        if !new.hooks.is_empty() {
            fields.set_raw("hooks", raw(&hooks(new.hooks)?)?);
        }
        finish(&mut fields, new.revision, new.namespace)?;
        Ok(Self::of_fields(&fields)?.with_labels(new.labels.clone()))
    }

    /// The record of a new revision that does the same as this one: its chart, values, manifest, hooks, notes
    /// and labels.
    pub fn returned_to(&self, new: &RollbackRecord<'_>) -> Result<Self, CodecError> {
        let mut fields = Fields::default();
        set(&mut fields, "name", &self.name())?;
        let status = Status::PendingRollback;
        let info = info(
            new.first_deployed,
            new.last_deployed,
            new.description,
            status,
            Some(self.revision()),
            self.notes(),
        );
        fields.set_raw("info", raw(&info)?);
        for name in ["chart", "config", "manifest"] {
            self.fields.copy(name, &mut fields);
        }
        if !self.hooks().is_empty() {
            fields.set_raw("hooks", raw(&hooks(self.hooks())?)?);
        }
        finish(&mut fields, new.revision, self.namespace())?;
        Ok(Self::of_fields(&fields)?.with_labels(self.user_labels()))
    }

    fn of_fields(fields: &Fields) -> Result<Self, CodecError> {
        Self::from_json(&serde_json::to_string(fields).map_err(CodecError::Json)?)
    }
}

fn finish(fields: &mut Fields, revision: Revision, namespace: &str) -> Result<(), CodecError> {
    set(fields, "version", &revision)?;
    set_text(fields, "namespace", namespace)?;
    set(fields, "apply_method", &"ssa")
}

/// As Helm 4 writes it: times that are not known are left out.
fn info(
    first_deployed: Option<&str>,
    last_deployed: &str,
    description: &str,
    status: Status,
    rollback_revision: Option<Revision>,
    notes: &str,
) -> Value {
    let mut info = Map::new();
    if let Some(first) = first_deployed {
        info.insert("first_deployed".to_owned(), json!(first));
    }
    info.insert("last_deployed".to_owned(), json!(last_deployed));
    info.insert("description".to_owned(), json!(description));
    info.insert("status".to_owned(), json!(status));
    if let Some(revision) = rollback_revision {
        info.insert("rollback_revision".to_owned(), json!(revision));
    }
    if !notes.is_empty() {
        info.insert("notes".to_owned(), json!(notes));
    }
    Value::Object(info)
}

fn hooks(hooks: &[Hook]) -> Result<Value, CodecError> {
    serde_json::to_value(hooks).map_err(CodecError::Json)
}

fn set(fields: &mut Fields, name: &str, value: &impl Serialize) -> Result<(), CodecError> {
    fields.set_raw(name, raw(&serde_json::to_value(value).map_err(CodecError::Json)?)?);
    Ok(())
}

fn set_text(fields: &mut Fields, name: &str, text: &str) -> Result<(), CodecError> {
    if text.is_empty() { Ok(()) } else { set(fields, name, &text) }
}

/// A value in Go's JSON.
pub(super) fn raw(value: &Value) -> Result<Box<RawValue>, CodecError> {
    RawValue::from_string(json::write(value)).or_else(|_| to_raw_value(value)).map_err(CodecError::Json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::chart::File;
    use crate::helm::release::codec;

    fn chart() -> Chart {
        let files = [
            (
                "Chart.yaml",
                "apiVersion: v2\nname: demo\nversion: 1.0.0\ndescription: <b>\nmaintainers: [{name: m}]\nannotations: {b: x, a: 'y'}\ndependencies: [{name: sub, version: '1', alias: x}]\n",
            ),
            ("values.yaml", "z: 1\na: {d: true, c: null}"),
            ("templates/a.yaml", "hi"),
            ("crds/c.yaml", "c"),
        ];
        Chart::from_files(files.into_iter().map(|(name, data)| File::new(name, data)).collect()).unwrap()
    }

    fn release() -> Release {
        let config = json!({"n": 1e6});
        let new = NewRecord {
            name: "r",
            namespace: "ns",
            revision: 3,
            status: Status::PendingUpgrade,
            description: "Preparing upgrade",
            first_deployed: "2026-01-02T03:04:05.5+01:00",
            last_deployed: "2026-01-03T03:04:05Z",
            chart: &chart(),
            config: config.as_object().unwrap(),
            manifest: "---\nkind: A & B\n",
            hooks: &[Hook { name: "j".to_owned(), weight: 2, ..Hook::default() }],
            notes: "",
            labels: [("team".to_owned(), "sre".to_owned())].into(),
        };
        Release::new(&new).unwrap()
    }

    #[test]
    fn a_record_has_the_fields_of_helm_4_in_their_order() {
        insta::assert_snapshot!(codec::decode(&release().encode().unwrap()).unwrap(), @r#"{"name":"r","info":{"first_deployed":"2026-01-02T03:04:05.5+01:00","last_deployed":"2026-01-03T03:04:05Z","description":"Preparing upgrade","status":"pending-upgrade"},"chart":{"metadata":{"name":"demo","version":"1.0.0","description":"\u003cb\u003e","maintainers":[{"name":"m"}],"apiVersion":"v2","annotations":{"a":"y","b":"x"},"dependencies":[{"name":"sub","version":"1","repository":"","alias":"x"}]},"lock":null,"templates":[{"name":"templates/a.yaml","data":"aGk="}],"values":{"a":{"c":null,"d":true},"z":1},"schema":null,"schemamodtime":"0001-01-01T00:00:00Z","files":[{"name":"crds/c.yaml","data":"Yw=="}]},"config":{"n":1000000},"manifest":"---\nkind: A \u0026 B\n","hooks":[{"name":"j","last_run":{"phase":""},"weight":2}],"version":3,"namespace":"ns","apply_method":"ssa"}"#);
    }

    #[test]
    fn a_return_takes_all_but_the_dates_and_names_its_revision() {
        let new = RollbackRecord {
            revision: 9,
            description: "Rollback to 3",
            first_deployed: None,
            last_deployed: "2026-02-01T00:00:00Z",
        };
        let returned = release().returned_to(&new).unwrap();
        assert_eq!(
            (returned.revision(), returned.status(), returned.description()),
            (9, Status::PendingRollback, "Rollback to 3")
        );
        assert_eq!(
            (returned.manifest(), returned.config(), returned.hooks().len()),
            (release().manifest(), release().config(), 1)
        );
        assert_eq!(returned.user_labels()["team"], "sre");
        let json = codec::decode(&returned.encode().unwrap()).unwrap();
        assert!(json.contains(r#""info":{"last_deployed":"2026-02-01T00:00:00Z","description":"Rollback to 3","status":"pending-rollback","rollback_revision":3}"#), "{json}");
    }

    #[test]
    fn a_time_keeps_its_zone_and_drops_zeros() {
        let stamped = |text: &str| stamp(&text.parse::<ZonedDateTime>().unwrap());
        assert_eq!(
            stamped("2026-11-24T12:00:00.120000000+01:00[Europe/Paris]"),
            "2026-11-24T12:00:00.12+01:00"
        );
        assert_eq!(stamped("2026-11-24T12:00:00+00:00[UTC]"), "2026-11-24T12:00:00Z");
    }
}
