//! A release as a Go template sees it: the fields of Helm's structs by their Go names, those that are empty
//! too.

use serde_json::{Map, Value, json};

use super::release_text::go_values;
use crate::helm::release::{Release, Shown};

/// A field: its JSON name, its Go name, and what it is when it is empty.
type Field = (&'static str, &'static str, fn() -> Value);

const RELEASE: &[Field] = &[
    ("name", "Name", text),
    ("info", "Info", Value::default),
    ("chart", "Chart", Value::default),
    ("config", "Config", map),
    ("manifest", "Manifest", text),
    ("hooks", "Hooks", list),
    ("version", "Version", Value::default),
    ("namespace", "Namespace", text),
    ("apply_method", "ApplyMethod", text),
];
const INFO: &[Field] = &[
    ("first_deployed", "FirstDeployed", text),
    ("last_deployed", "LastDeployed", text),
    ("deleted", "Deleted", text),
    ("description", "Description", text),
    ("status", "Status", text),
    ("rollback_revision", "RollbackRevision", || json!(0)),
    ("notes", "Notes", text),
];
const CHART: &[Field] = &[
    ("metadata", "Metadata", Value::default),
    ("lock", "Lock", Value::default),
    ("templates", "Templates", list),
    ("values", "Values", map),
    ("schema", "Schema", list),
    ("files", "Files", list),
];
const METADATA: &[Field] = &[
    ("name", "Name", text),
    ("home", "Home", text),
    ("sources", "Sources", list),
    ("version", "Version", text),
    ("description", "Description", text),
    ("keywords", "Keywords", list),
    ("maintainers", "Maintainers", list),
    ("icon", "Icon", text),
    ("apiVersion", "APIVersion", text),
    ("condition", "Condition", text),
    ("tags", "Tags", text),
    ("appVersion", "AppVersion", text),
    ("deprecated", "Deprecated", || json!(false)),
    ("annotations", "Annotations", map),
    ("kubeVersion", "KubeVersion", text),
    ("dependencies", "Dependencies", list),
    ("type", "Type", text),
];
const HOOK: &[Field] = &[
    ("name", "Name", text),
    ("kind", "Kind", text),
    ("path", "Path", text),
    ("manifest", "Manifest", text),
    ("events", "Events", list),
    ("last_run", "LastRun", Value::default),
    ("weight", "Weight", || json!(0)),
    ("delete_policies", "DeletePolicies", list),
    ("output_log_policies", "OutputLogPolicies", list),
];

/// `.Release`
pub(super) fn data(release: &Release) -> Value {
    let mut shown = release.shown(&Shown { chart: true, ..Shown::default() });
    shown["config"] = go_values(&shown["config"]);
    shown["info"] = named(&shown["info"], INFO);
    let metadata = named(&shown["chart"]["metadata"], METADATA);
    shown["chart"] = named(&shown["chart"], CHART);
    shown["chart"]["Metadata"] = metadata;
    shown["hooks"] = shown["hooks"].as_array().into_iter().flatten().map(|hook| named(hook, HOOK)).collect();
    let mut named = named(&shown, RELEASE);
    named["Labels"] = json!(release.labels());
    json!({"Release": named})
}

fn named(value: &Value, fields: &[Field]) -> Value {
    let field = |(json, go, empty): &Field| {
        let given = value.get(*json).filter(|given| !given.is_null()).cloned();
        ((*go).to_owned(), given.unwrap_or_else(empty))
    };
    Value::Object(fields.iter().map(field).collect())
}

fn text() -> Value {
    Value::String(String::new())
}

fn list() -> Value {
    Value::Array(Vec::new())
}

fn map() -> Value {
    Value::Object(Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::engine::render_text_of;

    #[test]
    fn a_template_names_fields_as_go_does() {
        let record = r#"{"name":"r","info":{"status":"deployed"},"chart":{"metadata":{"name":"c","version":"1"},"values":{"a":1}},"config":{"b":{"c":2}},"hooks":[{"name":"h"}],"version":7,"namespace":"n"}"#;
        let data = data(
            &Release::from_json(record).unwrap().with_labels([("team".to_owned(), "sre".to_owned())].into()),
        );
        let shown = |template: &str| render_text_of("_", template, &data).map_err(|error| error.to_string());
        let template = "{{.Release.Name}} {{.Release.Version}} {{.Release.Info.Status}} {{.Release.Chart.Metadata.Version}}[{{.Release.Chart.Metadata.Home}}] {{.Release.Config.b.c}} {{range .Release.Hooks}}{{.Name}}{{end}} {{.Release.Labels.team}}";
        assert_eq!(shown(template).unwrap(), "r 7 deployed 1[] 2 h sre");
        assert!(shown("{{").is_err());
    }
}
