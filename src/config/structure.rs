//! Is the file of the form that its JSON Schema describes? The schema comes from the structs, so the two
//! cannot differ.
//!
//! Serde stops at the first wrong key; this finds all of them.

use boon::{
    Compiler, ErrorKind, InstanceLocation, InstanceToken, SchemaIndex, Schemas, Type, ValidationError,
};
use serde_json::Value;

use super::document::Document;
use super::error::{Problem, nearest};
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
    let mut findings = Vec::new();
    if let Err(error) = schemas.validate(&document.json(), index) {
        Judge { document, schema: &schema }.collect(&error, &mut findings);
    }
    without_followers(findings)
}

fn compile(schema: &Value) -> (Schemas, SchemaIndex) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource(SCHEMA_URL, schema.clone()).expect("the URL is a constant");
    let index = compiler.compile(SCHEMA_URL, &mut schemas).expect("the schema is made from our own structs");
    (schemas, index)
}

/// A problem, with the key that is missing or that an unknown one was meant to be.
struct Finding {
    problem: Problem,
    missing: Option<String>,
    meant: Option<String>,
}

/// A misspelt key is told once, not also as a missing one.
fn without_followers(findings: Vec<Finding>) -> Vec<Problem> {
    let meant: Vec<String> = findings.iter().filter_map(|finding| finding.meant.clone()).collect();
    let follows = |finding: &Finding| finding.missing.as_ref().is_some_and(|key| meant.contains(key));
    findings.into_iter().filter(|finding| !follows(finding)).map(|finding| finding.problem).collect()
}

struct Judge<'a> {
    document: &'a Document,
    schema: &'a Value,
}

impl Judge<'_> {
    /// The innermost errors are the ones that a person can act on. What has a title or a list of choices is
    /// told as a whole.
    fn collect(&self, error: &ValidationError<'_, '_>, findings: &mut Vec<Finding>) {
        let subschema = self.subschema(error.schema_url);
        let whole = match error.kind {
            ErrorKind::OneOf(_) => true,
            ErrorKind::AnyOf => subschema["title"].is_string(),
            _ => error.causes.is_empty(),
        };
        if whole {
            findings.extend(self.findings(error, subschema));
        } else {
            error
                .causes
                .iter()
                .filter(|cause| !wants_nothing(cause))
                .for_each(|cause| self.collect(cause, findings));
        }
    }

    fn findings(&self, error: &ValidationError<'_, '_>, subschema: &Value) -> Vec<Finding> {
        let steps = steps(&error.instance_location);
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        match &error.kind {
            ErrorKind::AdditionalProperties { got } => {
                got.iter().map(|key| self.unknown_key(&steps, key, subschema)).collect()
            }
            ErrorKind::Required { want } => want.iter().map(|key| self.missing_key(&steps, key)).collect(),
            kind => {
                let problem = Problem {
                    location: self.document.location(&steps),
                    message: wrong_value(&steps, kind, subschema),
                };
                vec![Finding { problem, missing: None, meant: None }]
            }
        }
    }

    fn unknown_key(&self, steps: &[&str], key: &str, subschema: &Value) -> Finding {
        let known: Vec<&str> = subschema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let near = nearest(key, known.iter().copied());
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", known.join(", ")),
        };
        let location = self.document.key_location(&[steps, &[key]].concat());
        let problem =
            Problem { location, message: format!("unknown key `{key}` in {}; {hint}", place(steps)) };
        Finding { problem, missing: None, meant: near.map(|near| place(&[steps, &[near]].concat())) }
    }

    fn missing_key(&self, steps: &[&str], key: &str) -> Finding {
        let problem = Problem {
            location: self.document.key_location(steps),
            message: format!("missing key `{key}` in {}", place(steps)),
        };
        Finding { problem, missing: Some(place(&[steps, &[key]].concat())), meant: None }
    }

    /// The schema that an error is about, from its URL with a JSON pointer.
    fn subschema(&self, url: &str) -> &Value {
        let pointer = url.split_once('#').map_or("", |(_, pointer)| pointer);
        self.schema.pointer(pointer).unwrap_or(&Value::Null)
    }
}

/// The branch of an optional value that only nothing fits.
fn wants_nothing(error: &ValidationError<'_, '_>) -> bool {
    matches!(&error.kind, ErrorKind::Type { want, .. } if want.iter().all(|want| want == Type::Null))
}

fn wrong_value(steps: &[&str], kind: &ErrorKind<'_, '_>, subschema: &Value) -> String {
    let place = place(steps);
    let choices: Vec<String> = subschema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|choice| format!("`{}`", choice["const"].as_str().unwrap_or_default()))
        .collect();
    match (subschema["title"].as_str().filter(|_| !steps.is_empty()), kind) {
        (Some(title), _) => format!("{place} has to be {title}"),
        (None, ErrorKind::OneOf(_)) => format!("{place} has to be {}", choices.join(" or ")),
        (None, ErrorKind::Type { got, want }) => {
            let wanted =
                want.iter().filter(|want| *want != Type::Null).map(named).collect::<Vec<_>>().join(" or ");
            format!("{place} has to be {wanted}, not {}", named(*got))
        }
        (None, kind) => format!("{place}: {kind}"),
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
