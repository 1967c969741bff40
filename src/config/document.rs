//! A YAML file whose every value knows where it stands, so that every complaint can point at it.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde_saphyr::localizer::Localizer;
use serde_saphyr::{DefaultMessageFormatter, Spanned};

use super::error::{ConfigError, Location, Problem, nearest};

/// The text of a YAML file and the tree of its values.
#[derive(Debug, Clone, Default)]
pub struct Document {
    path: PathBuf,
    text: String,
    root: Node,
}

/// A value and where it stands.
#[derive(Debug, Clone, Default)]
struct Node {
    location: Location,
    value: Value,
}

#[derive(Debug, Clone)]
enum Value {
    Scalar(serde_json::Value),
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
struct Key {
    location: Location,
    name: String,
}

impl Default for Value {
    fn default() -> Self {
        Value::Scalar(serde_json::Value::Null)
    }
}

impl Document {
    /// Reads the text of the file at `path`; the error is the place where it stops being YAML.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut document = Self { path: path.to_owned(), text: text.to_owned(), root: Node::default() };
        document.root = document.read()?;
        Ok(document)
    }

    /// The whole file as a typed value.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        serde_saphyr::from_str(&self.text).map_err(|error| self.invalid(vec![problem_of(&error)]))
    }

    /// Nothing, or an error with all these problems in the order of the file.
    pub fn refuse(&self, problems: Vec<Problem>) -> Result<(), ConfigError> {
        if problems.is_empty() { Ok(()) } else { Err(self.invalid(problems)) }
    }

    fn invalid(&self, mut problems: Vec<Problem>) -> ConfigError {
        problems.sort_by_key(|problem| (problem.location.line, problem.location.column));
        ConfigError::Invalid { path: self.path.clone(), text: self.text.clone(), problems }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The folder of the file.
    pub fn base_dir(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// The file as JSON, for a schema to judge.
    pub fn json(&self) -> serde_json::Value {
        self.root.json()
    }

    /// Where the value at these keys (and indices) stands, or the nearest value above it.
    pub fn location(&self, steps: &[&str]) -> Location {
        self.find(steps).location
    }

    /// Where the last of these keys stands, or the nearest value above it.
    pub fn key_location(&self, steps: &[&str]) -> Location {
        let Some((last, above)) = steps.split_last() else { return self.root.location };
        let node = self.find(above);
        match &node.value {
            Value::Mapping(entries) => entries
                .iter()
                .find(|(key, _)| key.name == *last)
                .map_or(node.location, |(key, _)| key.location),
            Value::Scalar(_) | Value::Sequence(_) => node.location,
        }
    }

    fn find(&self, steps: &[&str]) -> &Node {
        let mut node = &self.root;
        for step in steps {
            match node.child(step) {
                Some(child) => node = child,
                None => return node,
            }
        }
        node
    }
}

impl Node {
    fn child(&self, step: &str) -> Option<&Node> {
        match &self.value {
            Value::Scalar(_) => None,
            Value::Sequence(items) => items.get(step.parse::<usize>().ok()?),
            Value::Mapping(entries) => entries.iter().find(|(key, _)| key.name == step).map(|(_, node)| node),
        }
    }

    fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(scalar) => scalar.clone(),
            Value::Sequence(items) => items.iter().map(Node::json).collect(),
            Value::Mapping(entries) => {
                entries.iter().map(|(key, node)| (key.name.clone(), node.json())).collect()
            }
        }
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self { location: location_of(&spanned.referenced), value: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::<Value>::deserialize(deserializer).map(Node::from)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::default())
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::default())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Sequence(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<Spanned<String>>()? {
            let key = Key { location: location_of(&key.referenced), name: key.value };
            entries.push((key, access.next_value()?));
        }
        Ok(Value::Mapping(entries))
    }
}

fn location_of(location: &serde_saphyr::Location) -> Location {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    Location {
        line: number(location.line()),
        column: number(location.column()),
        length: number(location.span().len()),
    }
}

fn problem_of(error: &serde_saphyr::Error) -> Problem {
    let location = error.location().map(|location| location_of(&location)).unwrap_or_default();
    let message = match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key `{key}` is there already")
        }
        serde_saphyr::Error::MultipleDocuments { .. } => {
            "a second YAML document begins here; keep one".to_owned()
        }
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
            format!("unknown key `{field}`; {}", instead(field, expected))
        }
        serde_saphyr::Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` is not known here; {}", instead(variant, expected))
        }
        other => other.render_with_formatter(&DefaultMessageFormatter.with_localizer(&PlaceSaidElsewhere)),
    };
    Problem { location, message }
}

/// The nearest of the words that are known, or all of them.
fn instead(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.join(", ")),
    }
}

/// Keeps the line and column out of the message: every problem says them itself.
struct PlaceSaidElsewhere;

impl Localizer for PlaceSaidElsewhere {
    fn attach_location<'a>(&self, message: Cow<'a, str>, _: serde_saphyr::Location) -> Cow<'a, str> {
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "clusters:\n  - name: one\n    kube: { context: a }\n  - { name: two }\n";

    #[test]
    fn every_value_and_key_knows_its_place() {
        let document = Document::parse(Path::new("conf/release.yaml"), TEXT).unwrap();
        let place = |location: Location| (location.line, location.column, location.length);
        assert_eq!(place(document.location(&["clusters", "0", "kube", "context"])), (3, 22, 1));
        assert_eq!(place(document.key_location(&["clusters", "0", "kube", "context"])), (3, 13, 7));
        assert_eq!(place(document.location(&["clusters", "1", "name"])), (4, 13, 3));
        assert_eq!(
            document.location(&["clusters", "1", "kube"]),
            document.location(&["clusters", "1"]),
            "the nearest value above"
        );
        assert_eq!(document.json()["clusters"][1]["name"], "two");
        assert_eq!(document.base_dir(), Path::new("conf"));
    }

    #[test]
    fn a_file_that_is_no_yaml_says_where() {
        let error =
            Document::parse(Path::new("release.yaml"), "charts:\n  a: [1, 2\nclusters: []\n").unwrap_err();
        insta::assert_snapshot!(error, @"
        release.yaml:3:9: illegal placement of ':' indicator
          |
        3 | clusters: []
          |         ^
        ");
    }
}
