//! The chart inside a record: the fields of Helm's structs in their order, files as base64. Subcharts are not
//! stored.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::helm::chart::metadata::Maintainer;
use crate::helm::chart::{Chart, Dependency, File, Lock, Metadata};
use crate::helm::json;

use super::stamp;

/// Go's zero time: Helm 4 writes it where a chart has no schema file.
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

/// The chart, its dependencies processed.
pub(super) fn chart(chart: &Chart) -> Value {
    let mut record = json!({
        "metadata": metadata(&chart.metadata),
        "lock": chart.lock.as_ref().map(lock),
        "templates": files(&chart.templates),
        "values": json::sorted_map(&chart.defaults),
        "schema": chart.schema.as_ref().map(|schema| STANDARD.encode(schema)),
        "schemamodtime": chart.schema_modified.map_or_else(|| NEVER.to_owned(), local),
        "files": files(&chart.files),
    });
    if let (Some(modified), Some(record)) = (chart.modified, record.as_object_mut()) {
        record.insert("modtime".to_owned(), json!(local(modified)));
    }
    record
}

/// A file's time as Go writes it, in this machine's zone.
fn local(time: Timestamp) -> String {
    stamp(&time.to_zoned_datetime(TimeZone::system()))
}

fn files(files: &[File]) -> Value {
    if files.is_empty() {
        return Value::Null;
    }
    files.iter().map(file).collect()
}

fn file(file: &File) -> Value {
    let mut record = json!({"name": file.name, "data": STANDARD.encode(&file.data)});
    if let (Some(modified), Some(record)) = (file.modified, record.as_object_mut()) {
        record.insert("modtime".to_owned(), json!(local(modified)));
    }
    record
}

/// Only what is not empty, in the order of Helm's struct.
fn metadata(metadata: &Metadata) -> Value {
    let mut record = Record::default();
    record.text("name", &metadata.name).text("home", &metadata.home).list("sources", &metadata.sources);
    record
        .text("version", &metadata.version)
        .text("description", &metadata.description)
        .list("keywords", &metadata.keywords);
    record.values("maintainers", metadata.maintainers.iter().map(maintainer));
    record
        .text("icon", &metadata.icon)
        .text("apiVersion", &metadata.api_version)
        .text("condition", &metadata.condition);
    record
        .text("tags", &metadata.tags)
        .text("appVersion", &metadata.app_version)
        .truth("deprecated", metadata.deprecated);
    if !metadata.annotations.is_empty() {
        record.0.insert("annotations".to_owned(), json!(metadata.annotations));
    }
    record.text("kubeVersion", &metadata.kube_version);
    record.values("dependencies", metadata.dependencies.iter().map(dependency));
    record.text("type", &metadata.chart_type);
    Value::Object(record.0)
}

fn maintainer(maintainer: &Maintainer) -> Value {
    let mut record = Record::default();
    record.text("name", &maintainer.name).text("email", &maintainer.email).text("url", &maintainer.url);
    Value::Object(record.0)
}

fn dependency(dependency: &Dependency) -> Value {
    let mut record = Record::default();
    record.0.insert("name".to_owned(), json!(dependency.name));
    record.text("version", &dependency.version);
    record.0.insert("repository".to_owned(), json!(dependency.repository));
    record
        .text("condition", &dependency.condition)
        .list("tags", &dependency.tags)
        .truth("enabled", dependency.enabled);
    record.values("import-values", dependency.import_values.iter().map(json::sorted));
    record.text("alias", &dependency.alias);
    Value::Object(record.0)
}

fn lock(lock: &Lock) -> Value {
    let dependencies = lock.dependencies.as_ref().map(|all| all.iter().map(dependency).collect::<Vec<_>>());
    json!({"generated": lock.generated, "digest": lock.digest, "dependencies": dependencies})
}

/// A struct whose empty fields are left out.
#[derive(Default)]
struct Record(Map<String, Value>);

impl Record {
    fn text(&mut self, key: &str, text: &str) -> &mut Self {
        if !text.is_empty() {
            self.0.insert(key.to_owned(), json!(text));
        }
        self
    }

    fn list(&mut self, key: &str, list: &[String]) -> &mut Self {
        self.values(key, list.iter().map(|text| json!(text)));
        self
    }

    fn values(&mut self, key: &str, values: impl Iterator<Item = Value>) {
        let values: Vec<Value> = values.collect();
        if !values.is_empty() {
            self.0.insert(key.to_owned(), Value::Array(values));
        }
    }

    fn truth(&mut self, key: &str, truth: bool) {
        if truth {
            self.0.insert(key.to_owned(), json!(true));
        }
    }
}
