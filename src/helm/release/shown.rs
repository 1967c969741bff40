//! A record as helm 4 shows it with `-o json`: Helm 4's fields in its order, whoever wrote the record.

use serde_json::{Map, Value, json};

use super::Release;
use crate::helm::json;
use crate::helm::values::make_floats;

const CHART: [&str; 8] =
    ["metadata", "lock", "templates", "values", "schema", "schemamodtime", "files", "modtime"];
const INFO: [&str; 7] =
    ["first_deployed", "last_deployed", "deleted", "description", "status", "rollback_revision", "notes"];

/// What of a record is shown.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// The chart too.
    pub chart: bool,
    /// The live objects, by `version/Kind`.
    pub resources: Map<String, Value>,
}

impl Release {
    /// The record as a JSON value; what this program does not know of is left out.
    pub fn shown(&self, shown: &Shown) -> Value {
        let mut record = Map::new();
        record.insert("name".to_owned(), json!(self.name()));
        record.insert("info".to_owned(), self.shown_info(&shown.resources));
        if let Some(chart) = self.chart().filter(|_| shown.chart) {
            record.insert("chart".to_owned(), chart_in_order(chart));
        }
        if let Value::Object(config) = self.config()
            && !config.is_empty()
        {
            record.insert("config".to_owned(), json::sorted(&floats(self.config())));
        }
        if !self.manifest().is_empty() {
            record.insert("manifest".to_owned(), json!(self.manifest()));
        }
        if !self.hooks().is_empty() {
            record.insert("hooks".to_owned(), json!(self.hooks()));
        }
        record.insert("version".to_owned(), json!(self.revision()));
        if !self.namespace().is_empty() {
            record.insert("namespace".to_owned(), json!(self.namespace()));
        }
        if let Some(method) = self.apply_method() {
            record.insert("apply_method".to_owned(), json!(method));
        }
        Value::Object(record)
    }

    fn shown_info(&self, resources: &Map<String, Value>) -> Value {
        let info = self.part("info").unwrap_or_default();
        let mut known = Map::new();
        for key in INFO {
            if let Some(value) = info.get(key).filter(|value| !is_empty(value)) {
                known.insert(key.to_owned(), value.clone());
            }
        }
        if !resources.is_empty() {
            known.insert("resources".to_owned(), json::sorted(&Value::Object(resources.clone())));
        }
        Value::Object(known)
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("") || value.as_i64() == Some(0)
}

fn chart_in_order(mut chart: Value) -> Value {
    if let Some(values) = chart.get_mut("values") {
        *values = json::sorted(&floats(values));
    }
    let absent = |key: &str| match key {
        "schemamodtime" => Some(json!(super::chart_record::NEVER)),
        "modtime" => None,
        _ => Some(Value::Null),
    };
    let member = |key: &str| Some((key.to_owned(), chart.get(key).cloned().or_else(|| absent(key))?));
    CHART.into_iter().filter_map(member).collect()
}

fn floats(value: &Value) -> Value {
    let mut value = value.clone();
    make_floats(&mut value);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_helm_3_is_shown_in_the_form_of_helm_4() {
        let record = r#"{"name":"a","info":{"first_deployed":"","last_deployed":"2026-01-03T03:04:05Z","deleted":"","description":"d","status":"failed","new":1},"chart":{"metadata":{"name":"c"},"lock":null,"templates":null,"values":{"b":1,"a":2.5},"schema":null,"files":null},"config":{"z":1,"y":1e6},"version":2,"namespace":"n","hooks":null}"#;
        let release = Release::from_json(record).unwrap();
        let plain = r#"{"name":"a","info":{"last_deployed":"2026-01-03T03:04:05Z","description":"d","status":"failed"},"config":{"y":1000000,"z":1},"version":2,"namespace":"n"}"#;
        assert_eq!(json::write(&release.shown(&Shown::default())), plain);
        let resources = json!({"v1/Pod": [{"b": 1, "a": 2}]}).as_object().unwrap().clone();
        let whole = json::write(&release.shown(&Shown { chart: true, resources }));
        assert!(whole.contains(r#""status":"failed","resources":{"v1/Pod":[{"a":2,"b":1}]}},"chart":{"metadata":{"name":"c"},"lock":null,"templates":null,"values":{"a":2.5,"b":1},"schema":null,"schemamodtime":"0001-01-01T00:00:00Z","files":null},"config""#), "{whole}");
    }
}
