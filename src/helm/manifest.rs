//! A rendered manifest, split into its objects. Helm's own rules of splitting; never sorts and never renders.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::helm::yaml::{self, YamlError};

/// One object of a manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// The template that it came from, as the `# Source:` comment says.
    pub source: Option<String>,
    /// The object as JSON.
    pub value: Value,
}

/// What identifies an object in a cluster. The API version is left out: Helm matches without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// API group, empty for the core group.
    pub group: String,
    /// For example `Deployment`.
    pub kind: String,
    /// As written; `None` where the manifest names none (cluster-scoped, or the release's own namespace).
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// A document of a manifest that is not a Kubernetes object.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not YAML.
    #[error("read document {number} of the manifest ({source_name})")]
    Yaml {
        /// 1-based number of the document.
        number: usize,
        /// The template, or what stands in for it.
        source_name: String,
        /// Why.
        #[source]
        error: YamlError,
    },
    /// YAML without what every object has.
    #[error("document {number} of the manifest ({source_name}) has no {field}")]
    Missing {
        /// 1-based number of the document.
        number: usize,
        /// The template, or what stands in for it.
        source_name: String,
        /// `apiVersion`, `kind` or `metadata.name`.
        field: &'static str,
    },
}

impl Object {
    /// An object that no template is known for.
    pub fn new(value: Value) -> Self {
        Self { source: None, value }
    }

    /// `apiVersion`, for example `apps/v1`.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion").unwrap_or_default()
    }

    /// API group, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// API version without the group, for example `v1`.
    pub fn version(&self) -> &str {
        self.api_version().rsplit('/').next().unwrap_or_default()
    }

    /// For example `Deployment`.
    pub fn kind(&self) -> &str {
        self.text("/kind").unwrap_or_default()
    }

    /// `metadata.name`; empty for an object that has only `generateName`.
    pub fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    /// `metadata.namespace` as written.
    pub fn namespace(&self) -> Option<&str> {
        self.text("/metadata/namespace").filter(|namespace| !namespace.is_empty())
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.value.pointer("/metadata/annotations")?.get(name)?.as_str()
    }

    /// Whether it is a `CustomResourceDefinition`.
    pub fn is_crd(&self) -> bool {
        self.kind() == "CustomResourceDefinition" && self.group() == "apiextensions.k8s.io"
    }

    /// What identifies it.
    pub fn key(&self) -> Key {
        Key {
            group: self.group().to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().map(str::to_owned),
            name: self.name().to_owned(),
        }
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }
}

/// Splits a manifest into its objects, in order; `List` kinds are flattened, documents without content
/// dropped.
pub fn split(manifest: &str) -> Result<Vec<Object>, ManifestError> {
    let documents = texts(manifest).into_iter().enumerate().map(|(index, text)| document(index + 1, &text));
    Ok(documents.collect::<Result<Vec<_>, _>>()?.concat())
}

fn document(number: usize, text: &str) -> Result<Vec<Object>, ManifestError> {
    let source =
        text.lines().find_map(|line| line.strip_prefix("# Source: ")).map(|source| source.trim().to_owned());
    let source_name = source.clone().unwrap_or_else(|| "no source".to_owned());
    let mut objects = Vec::new();
    match yaml::from_str(text) {
        Err(error) => return Err(ManifestError::Yaml { number, source_name, error }),
        Ok(Value::Null) => {}
        Ok(value) => {
            check(&value).map_err(|field| ManifestError::Missing { number, source_name, field })?;
            flatten(source, value, &mut objects);
        }
    }
    Ok(objects)
}

/// A line that starts with `---` starts a document; what follows the dashes on that line belongs to it.
fn texts(manifest: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    for line in manifest.split_inclusive('\n') {
        let line = match line.strip_prefix("---") {
            Some(rest) => {
                texts.push(String::new());
                // The separator's own line end belongs to nobody.
                rest.trim_start_matches([' ', '\t', '\r'])
                    .strip_prefix('\n')
                    .unwrap_or(rest.trim_start_matches([' ', '\t']))
            }
            None => line,
        };
        if let Some(text) = texts.last_mut() {
            text.push_str(line);
        }
    }
    texts.retain(|text| !text.trim().is_empty());
    texts
}

fn check(value: &Value) -> Result<(), &'static str> {
    let given =
        |pointer: &str| value.pointer(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if !given("/apiVersion") {
        return Err("apiVersion");
    }
    if !given("/kind") {
        return Err("kind");
    }
    if !is_list(value) && !given("/metadata/name") && !given("/metadata/generateName") {
        return Err("metadata.name");
    }
    Ok(())
}

fn is_list(value: &Value) -> bool {
    value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && value["items"].is_array()
}

fn flatten(source: Option<String>, value: Value, objects: &mut Vec<Object>) {
    if !is_list(&value) {
        objects.push(Object { source, value });
        return;
    }
    for item in value["items"].as_array().into_iter().flatten() {
        flatten(source.clone(), item.clone(), objects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "---\n# Source: a/templates/x.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: ns, annotations: {k: v}}\n\n---\n# Source: a/templates/y.yaml\napiVersion: v1\nkind: Service\nmetadata:\n  name: w\n";

    fn names(manifest: &str) -> Vec<String> {
        split(manifest).unwrap().iter().map(|object| object.key().to_string()).collect()
    }

    #[test]
    fn every_document_is_an_object_with_its_source() {
        let objects = split(TWO).unwrap();
        assert_eq!(names(TWO), ["Deployment ns/x", "Service w"]);
        assert_eq!(objects[0].source.as_deref(), Some("a/templates/x.yaml"));
        assert_eq!(
            (objects[0].group(), objects[0].version(), objects[0].annotation("k")),
            ("apps", "v1", Some("v"))
        );
        assert_eq!((objects[1].group(), objects[1].version(), objects[1].namespace()), ("", "v1", None));
    }

    #[test]
    fn separators_of_every_helm_split_alike() {
        let object = |name: &str| format!("apiVersion: v1\nkind: A\nmetadata: {{name: {name}}}\n");
        let table = [
            format!("{}---\n{}", object("a"), object("b")),
            format!("---\n\n---\n{}---   \n# only a comment\n---\n{}", object("a"), object("b")),
            format!("---{}\n\n---\t\n{}---\n", object("a"), object("b")),
            format!("{}\r\n--- \n{}", object("a"), object("b")),
        ];
        for manifest in table {
            assert_eq!(names(&manifest), ["A a", "A b"], "{manifest:?}");
        }
    }

    #[test]
    fn dashes_inside_a_block_scalar_do_not_split() {
        let manifest =
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: |\n    ---\n    y: 1\n";
        assert_eq!(split(manifest).unwrap()[0].value["data"]["x"], "---\ny: 1\n");
    }

    #[test]
    fn lists_are_flattened() {
        let item = |name: &str| format!("- {{apiVersion: v1, kind: A, metadata: {{name: {name}}}}}\n");
        assert_eq!(
            names(&format!("apiVersion: v1\nkind: List\nitems:\n{}{}", item("a"), item("b"))),
            ["A a", "A b"]
        );
    }

    #[test]
    fn what_is_no_object_is_named() {
        let of = |manifest: &str| split(manifest).unwrap_err().to_string();
        assert_eq!(
            of("---\n# Source: c/t.yaml\nkind: A\n"),
            "document 1 of the manifest (c/t.yaml) has no apiVersion"
        );
        assert_eq!(
            of("apiVersion: v1\nkind: A\nmetadata: {}\n"),
            "document 1 of the manifest (no source) has no metadata.name"
        );
        assert_eq!(of("apiVersion: v1\nkind: [\n"), "read document 1 of the manifest (no source)");
    }
}
