//! Is the file of the form that its JSON Schema describes? The schema comes from the structs, so the two cannot differ.
//!
//! Serde stops at the first wrong key; this finds all of them.

use boon::{Compiler, ErrorKind, InstanceLocation, InstanceToken, SchemaIndex, Schemas, Type, ValidationError};
use serde_json::Value;

use super::document::Document;
use super::error::{Problem, did_you_mean};
use super::file::Config;

const SCHEMA_URL: &str = "release:config";

/// The JSON Schema (draft 2020-12) of `release.yaml`.
pub(super) fn schema() -> Value {
    schemars::schema_for!(Config).to_value()
}

/// Every place where the file is not of the form that the schema describes.
pub(super) fn problems(document: &Document) -> Vec<Problem> {
    let schema = schema();
    let (schemas, index) = compile(&schema);
    let mut problems = Vec::new();
    if let Err(error) = schemas.validate(&document.json(), index) {
        collect(&Judge { document, schema: &schema }, &error, &mut problems);
    }
    problems
}

fn compile(schema: &Value) -> (Schemas, SchemaIndex) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource(SCHEMA_URL, schema.clone()).expect("the URL is a constant");
    let index = compiler.compile(SCHEMA_URL, &mut schemas).expect("the schema is made from our own structs");
    (schemas, index)
}

struct Judge<'a> {
    document: &'a Document,
    schema: &'a Value,
}

/// The innermost errors are the ones that a person can act on; an "any of" is told as a whole.
fn collect(judge: &Judge<'_>, error: &ValidationError<'_, '_>, problems: &mut Vec<Problem>) {
    let whole = matches!(error.kind, ErrorKind::AnyOf | ErrorKind::OneOf(_));
    if error.causes.is_empty() || whole {
        problems.extend(judge.problems(error));
    } else {
        error.causes.iter().for_each(|cause| collect(judge, cause, problems));
    }
}

impl Judge<'_> {
    fn problems(&self, error: &ValidationError<'_, '_>) -> Vec<Problem> {
        let steps = steps(&error.instance_location);
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        match &error.kind {
            ErrorKind::AdditionalProperties { got } => got.iter().map(|key| self.unknown_key(&steps, key, error)).collect(),
            ErrorKind::Required { want } => want.iter().map(|key| self.missing_key(&steps, key)).collect(),
            _ => vec![self.wrong_value(&steps, error)],
        }
    }

    fn unknown_key(&self, steps: &[&str], key: &str, error: &ValidationError<'_, '_>) -> Problem {
        let known = self.subschema(error.schema_url)["properties"].as_object().cloned().unwrap_or_default();
        let near = did_you_mean(key, known.keys().map(String::as_str));
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let hint = if near.is_empty() { format!("; {} has {}", place(steps), names.join(", ")) } else { near };
        let location = self.document.key_location(&[steps, &[key]].concat());
        Problem { location, message: format!("unknown key `{key}` in {}{hint}", place(steps)) }
    }

    fn missing_key(&self, steps: &[&str], key: &str) -> Problem {
        let location = if steps.is_empty() { self.document.location(steps) } else { self.document.key_location(steps) };
        Problem { location, message: format!("missing key `{key}` in {}", place(steps)) }
    }

    fn wrong_value(&self, steps: &[&str], error: &ValidationError<'_, '_>) -> Problem {
        let subschema = self.subschema(error.schema_url);
        let message = match (subschema["title"].as_str(), &error.kind) {
            (Some(title), _) => format!("{} has to be {title}", place(steps)),
            (None, ErrorKind::Type { got, want }) => {
                let wanted = want.iter().filter(|want| *want != Type::Null).map(named).collect::<Vec<_>>().join(" or ");
                format!("{} has to be {wanted}, not {}", place(steps), named(*got))
            }
            (None, kind) => format!("{}: {kind}", place(steps)),
        };
        Problem { location: self.document.location(steps), message }
    }

    /// The schema that an error is about, from its URL with a JSON pointer.
    fn subschema(&self, url: &str) -> &Value {
        let pointer = url.split_once('#').map_or("", |(_, pointer)| pointer);
        self.schema.pointer(pointer).unwrap_or(&Value::Null)
    }
}

fn named(of: Type) -> &'static str {
    match of {
        Type::Null => "empty",
        Type::Boolean => "true or false",
        Type::Number | Type::Integer => "a number",
        Type::String => "a text",
        Type::Array => "a list",
        Type::Object => "a mapping",
    }
}

fn steps(location: &InstanceLocation<'_>) -> Vec<String> {
    let step = |token: &InstanceToken<'_>| match token {
        InstanceToken::Prop(name) => name.to_string(),
        InstanceToken::Item(index) => index.to_string(),
    };
    location.tokens.iter().map(step).collect()
}

/// `charts.cert-manager.gates`, `clusters[1].kube`, or "the file".
pub(super) fn place(steps: &[&str]) -> String {
    if steps.is_empty() {
        return "the file".to_owned();
    }
    let mut text = String::new();
    for step in steps {
        let (before, after) = if step.parse::<usize>().is_ok() {
            ("[", "]")
        } else if text.is_empty() {
            ("", "")
        } else {
            (".", "")
        };
        text.extend([before, step, after]);
    }
    format!("`{text}`")
}
