//! What Helm reads of every document before it sorts it: its kind, its name, its annotations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::skim::skim;
use crate::helm::yaml::number::shortest_32;
use crate::helm::yaml::{self, YamlError};

/// The head of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// `apiVersion`; empty where there is none.
    pub api_version: String,
    /// `kind`; empty where there is none.
    pub kind: String,
    /// `metadata.name`; empty where there is none.
    pub name: String,
    /// Helm's own of `metadata.annotations`, whose names start with `helm.sh/`.
    annotations: BTreeMap<String, String>,
}

/// A document that Helm cannot read. The words are Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not YAML.
    #[error("{}", .0.in_helms_words())]
    Yaml(YamlError),
    /// Not a map.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {0} into Go value of type util.SimpleHead"
    )]
    NotAMap(&'static str),
    /// A field that is of another type.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go struct field {field} of type {wanted}"
    )]
    Field {
        /// What stands there.
        found: &'static str,
        /// The field's path.
        field: &'static str,
        /// The Go type that is needed.
        wanted: &'static str,
    },
}

impl Head {
    /// Reads the head of a document. All of the document must be YAML.
    pub fn read(text: &str) -> Result<Self, HeadError> {
        // Most documents are so plain that their head can be read without building the rest of them.
        skim(text).map_or_else(|| Self::read_all(text), Ok)
    }

    pub(super) fn read_all(text: &str) -> Result<Self, HeadError> {
        Self::of(&yaml::read(text.as_bytes()).map_err(HeadError::Yaml)?)
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// Whether an annotation of this name is Helm's.
    pub(super) fn keeps(name: &str) -> bool {
        name.starts_with("helm.sh/")
    }

    /// Sets an annotation, if it is Helm's.
    pub(super) fn annotate(&mut self, name: &str, value: String) {
        if Self::keeps(name) {
            self.annotations.insert(name.to_owned(), value);
        }
    }

    fn of(document: &Value) -> Result<Self, HeadError> {
        let mut head = Self::default();
        match document {
            Value::Null => {}
            Value::Object(map) => {
                for (key, value) in in_order(map) {
                    head.set(key, value)?;
                }
            }
            other => return Err(HeadError::NotAMap(json_type(other))),
        }
        Ok(head)
    }

    fn set(&mut self, key: &str, value: &Value) -> Result<(), HeadError> {
        if key.eq_ignore_ascii_case("apiVersion") {
            return text(&mut self.api_version, ".apiVersion", value);
        }
        if key.eq_ignore_ascii_case("kind") {
            return text(&mut self.kind, ".kind", value);
        }
        if !key.eq_ignore_ascii_case("metadata") {
            return Ok(());
        }
        match value {
            Value::Null => Ok(()),
            Value::Object(map) => {
                in_order(map).into_iter().try_for_each(|(key, value)| self.set_metadata(key, value))
            }
            other => {
                let wanted = "struct { Name string \"json:\\\"name\\\"\"; Annotations map[string]string \"json:\\\"annotations\\\"\" }";
                Err(HeadError::Field { found: json_type(other), field: ".metadata", wanted })
            }
        }
    }

    fn set_metadata(&mut self, key: &str, value: &Value) -> Result<(), HeadError> {
        if key.eq_ignore_ascii_case("name") {
            return text(&mut self.name, ".metadata.name", value);
        }
        if !key.eq_ignore_ascii_case("annotations") {
            return Ok(());
        }
        match value {
            Value::Null => self.annotations.clear(),
            Value::Object(map) => {
                for (key, value) in map {
                    let mut annotation = String::new();
                    text(&mut annotation, ".metadata.annotations", value)?;
                    self.annotate(key, annotation);
                }
            }
            other => {
                return Err(HeadError::Field {
                    found: json_type(other),
                    field: ".metadata.annotations",
                    wanted: "map[string]string",
                });
            }
        }
        Ok(())
    }
}

/// In the order of the keys: of keys that differ only in case, the last counts.
fn in_order(map: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut entries: Vec<(&str, &Value)> = map.iter().map(|(key, value)| (&**key, value)).collect();
    entries.sort_by_key(|(key, _)| key.as_bytes());
    entries
}

/// What a number, a boolean or null becomes where text is wanted.
pub(super) fn coerced(value: &Value) -> Option<String> {
    let mut target = String::new();
    text(&mut target, "", value).ok().map(|()| target)
}

/// Numbers and booleans become text, null changes nothing.
fn text(target: &mut String, field: &'static str, value: &Value) -> Result<(), HeadError> {
    match value {
        Value::Null => {}
        Value::String(text) => target.clone_from(text),
        Value::Bool(truth) => *target = truth.to_string(),
        Value::Number(number) if number.is_f64() => {
            *target = shortest_32(number.as_f64().unwrap_or_default());
        }
        Value::Number(number) => *target = number.to_string(),
        Value::Array(_) | Value::Object(_) => {
            return Err(HeadError::Field { found: json_type(value), field, wanted: "string" });
        }
    }
    Ok(())
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_go_reads_them() {
        let head =
            Head::read("Kind: A\nkind: B\nmetadata:\n  name: 1.10\n  annotations: {helm.sh/a: 1, helm.sh/b: true, helm.sh/c: null, helm.sh/d: x, e: y}\nspec: [1]\n").unwrap();
        assert_eq!((&*head.kind, &*head.name), ("B", "1.1"));
        assert_eq!(
            ["helm.sh/a", "helm.sh/b", "helm.sh/c", "helm.sh/d", "e"].map(|name| head.annotation(name)),
            [Some("1"), Some("true"), Some(""), Some("x"), None]
        );
        assert_eq!(Head::read("# nothing\n"), Ok(Head::default()));
        assert_eq!(Head::read("metadata:\n"), Ok(Head::default()));
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_helms_words() {
        for (text, problem) in [
            ("- a", "json: cannot unmarshal array into Go value of type util.SimpleHead"),
            ("just text", "json: cannot unmarshal string into Go value of type util.SimpleHead"),
            ("kind: [a]", "json: cannot unmarshal array into Go struct field .kind of type string"),
            (
                "metadata: {name: {}}",
                "json: cannot unmarshal object into Go struct field .metadata.name of type string",
            ),
            (
                "metadata: {annotations: [a]}",
                "json: cannot unmarshal array into Go struct field .metadata.annotations of type map[string]string",
            ),
            (
                "metadata: {annotations: {a: [b]}}",
                "json: cannot unmarshal array into Go struct field .metadata.annotations of type string",
            ),
        ] {
            assert_eq!(
                Head::read(text).unwrap_err().to_string(),
                format!("error unmarshaling JSON: while decoding JSON: {problem}")
            );
        }
        assert!(
            Head::read("a: b: c")
                .unwrap_err()
                .to_string()
                .starts_with("error converting YAML to JSON: yaml: ")
        );
    }
}
