//! `.Chart`: a map with Go's names of all fields of `Chart.yaml`, the empty ones too.

use crate::helm::chart::{Dependency, Metadata};
use crate::helm::template::{List, Map, MapKind, Text, Value};

/// `.Chart` of a chart.
pub(in crate::helm::engine) fn chart_map(metadata: &Metadata, is_root: bool) -> Map {
    let texts = [
        ("Name", &metadata.name),
        ("Home", &metadata.home),
        ("Version", &metadata.version),
        ("Description", &metadata.description),
        ("Icon", &metadata.icon),
        ("APIVersion", &metadata.api_version),
        ("Condition", &metadata.condition),
        ("Tags", &metadata.tags),
        ("AppVersion", &metadata.app_version),
        ("KubeVersion", &metadata.kube_version),
        ("Type", &metadata.chart_type),
    ];
    let annotations: Map =
        metadata.annotations.iter().map(|(key, value)| entry(key, Value::from(value.as_str()))).collect();
    let annotations_kind = if annotations.is_empty() { MapKind::NilStrings } else { MapKind::Strings };
    let maintainer = |maintainer: &crate::helm::chart::metadata::Maintainer| {
        let fields = [("Name", &maintainer.name), ("Email", &maintainer.email), ("URL", &maintainer.url)];
        Value::Map(fields.into_iter().map(|(key, text)| entry(key, Value::from(text.as_str()))).collect())
    };
    let others = [
        ("Sources", strings(&metadata.sources)),
        ("Keywords", strings(&metadata.keywords)),
        ("Maintainers", list(metadata.maintainers.iter().map(maintainer))),
        ("Deprecated", Value::Bool(metadata.deprecated)),
        ("Annotations", Value::Map(annotations.with_kind(annotations_kind))),
        ("Dependencies", list(metadata.dependencies.iter().map(dependency))),
        ("IsRoot", Value::Bool(is_root)),
    ];
    let texts = texts.into_iter().map(|(key, text)| entry(key, Value::from(text.as_str())));
    texts.chain(others.into_iter().map(|(key, value)| entry(key, value))).collect()
}

fn dependency(dependency: &Dependency) -> Value {
    let fields = [
        ("Name", Value::from(dependency.name.as_str())),
        ("Version", Value::from(dependency.version.as_str())),
        ("Repository", Value::from(dependency.repository.as_str())),
        ("Condition", Value::from(dependency.condition.as_str())),
        ("Tags", strings(&dependency.tags)),
        ("Enabled", Value::Bool(dependency.enabled)),
        ("ImportValues", list(dependency.import_values.iter().map(Value::from))),
        ("Alias", Value::from(dependency.alias.as_str())),
    ];
    Value::Map(fields.into_iter().map(|(key, value)| entry(key, value)).collect())
}

fn entry(key: &str, value: Value) -> (Text, Value) {
    (Text::from(key), value)
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    Value::List(List::new(items.collect()))
}

fn strings(items: &[String]) -> Value {
    list(items.iter().map(|item| Value::from(item.as_str())))
}
