//! `values.schema.json`: whether the values of a chart and its subcharts fit, with Helm's words for what does
//! not.
//!
//! Nothing is loaded from the network or the disk: a `$ref` to another place is an error, one to an unknown
//! `urn:` permits everything.

mod words;

use std::error::Error;

use boon::{Compiler, Schemas, UrlLoader, ValidationError};
use serde_json::Value;

use super::{Values, go_type};
use crate::helm::chart::Chart;

const LOCATION: &str = "file:///values.schema.json";

/// Checks the coalesced values of a chart and its subcharts. The error lists, chart by chart, what does not
/// fit.
pub fn validate(chart: &Chart, values: &Values) -> Result<(), String> {
    let mut problems = String::new();
    check(chart, values, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn check(chart: &Chart, values: &Values, problems: &mut String) {
    if let Some(schema) = &chart.schema
        && let Err(problem) = fits(values, schema)
    {
        problems.extend([&chart.metadata.name, ":\n", &problem]);
    }
    for subchart in &chart.dependencies {
        let name = &subchart.metadata.name;
        match values.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Object(section)) => check(subchart, section, problems),
            Some(other) => {
                let found = go_type(other);
                problems.extend([
                    name,
                    ":\ninvalid type for values: expected object (map), got ",
                    found,
                    "\n",
                ]);
            }
        }
    }
}

fn fits(values: &Values, schema: &[u8]) -> Result<(), String> {
    let schema: Value = serde_json::from_slice(schema)
        .map_err(|error| format!("values.schema.json is not valid JSON: {error}\n"))?;
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.use_loader(Box::new(Nowhere));
    compiler.add_resource(LOCATION, schema).map_err(|error| format!("{error:#}\n"))?;
    let index = compiler.compile(LOCATION, &mut schemas).map_err(|error| format!("{error:#}\n"))?;
    let values = Value::Object(values.clone());
    schemas.validate(&values, index).map_err(|error| told(&error))
}

/// The causes below the line that names the schema.
fn told(error: &ValidationError<'_, '_>) -> String {
    let mut text = String::new();
    error.causes.iter().for_each(|cause| tell(cause, 0, &mut text));
    text
}

fn tell(error: &ValidationError<'_, '_>, depth: usize, text: &mut String) {
    let is_mere_reference =
        matches!(error.kind, boon::ErrorKind::Reference { .. }) && error.causes.len() == 1;
    if !is_mere_reference {
        let place = words::quote(&error.instance_location.to_string());
        text.extend([&*"  ".repeat(depth), "- at ", &place, ": ", &words::of(&error.kind), "\n"]);
    }
    let depth = if is_mere_reference { depth } else { depth + 1 };
    error.causes.iter().for_each(|cause| tell(cause, depth, text));
}

/// Loads nothing.
struct Nowhere;

impl UrlLoader for Nowhere {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        if url.starts_with("urn:") {
            return Ok(Value::Bool(true));
        }
        Err("a schema is not loaded from elsewhere: put it into values.schema.json, or pass --skip-schema-validation".into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::helm::chart::File;

    fn chart(name: &str, schema: &Value) -> Chart {
        let chart_file = format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
        Chart::from_files(vec![
            File::new("Chart.yaml", chart_file),
            File::new("values.schema.json", schema.to_string()),
        ])
        .unwrap()
    }

    fn problems(schema: &Value, values: &Value) -> String {
        validate(&chart("demo", schema), values.as_object().unwrap()).err().unwrap_or_default()
    }

    #[test]
    fn helms_words_for_one_rule_each() {
        for (schema, value, problem) in [
            (json!({"type": "integer"}), json!(1.5), "got number, want integer"),
            (json!({"type": ["string", "null"]}), json!(5.0), "got number, want null or string"),
            (json!({"minLength": 3000}), json!("b"), "minLength: got 1, want 3,000"),
            (json!({"pattern": "^a'\"+$"}), json!("b"), r#"'b' does not match pattern '^a\'"+$'"#),
            (json!({"minimum": 1_000_000}), json!(1234.0), "minimum: got 1,234, want 1×10⁰⁶"),
            (json!({"maximum": -5.5}), json!(1_234_567.5), "maximum: got 1.2345675×10⁰⁶, want -5.5"),
            (json!({"maximum": -5.5}), json!(1e-7), "maximum: got 1×10⁻⁰⁷, want -5.5"),
            (
                json!({"enum": ["a", 1, 1.5, null, true]}),
                json!("b"),
                "value must be one of 'a', 1, 1.5, <nil>, true",
            ),
            (json!({"const": "x"}), json!("b"), "value must be 'x'"),
            (json!({"not": {"type": "string"}}), json!("b"), "'not' failed"),
            (json!({"maxItems": 1}), json!([1, 2]), "maxItems: got 2, want 1"),
            (json!({"uniqueItems": true}), json!([1, 1]), "items at 0 and 1 are equal"),
            (json!({"multipleOf": 0.01}), json!(0.005), "multipleOf: got 0.005, want 0.01"),
            (json!(false), json!(1), "false schema"),
        ] {
            let schema = json!({"properties": {"t~/x": schema}});
            assert_eq!(
                problems(&schema, &json!({"t~/x": value})),
                format!("demo:\n- at '/t~0~1x': {problem}\n")
            );
        }
    }

    #[test]
    fn causes_are_indented_and_a_reference_with_one_cause_is_not_told() {
        let schema = json!({
            "required": ["a", "b"], "additionalProperties": false,
            "properties": {"o": {"oneOf": [{"type": "string"}, {"required": ["x"]}]}, "r": {"$ref": "#/$defs/r"}},
            "$defs": {"r": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["z"]}}
        });
        let values = json!({"q": 1, "o": {}, "r": {"x": 1}});
        insta::assert_snapshot!(problems(&schema, &values), @r"
        demo:
        - at '': missing properties 'a', 'b'
        - at '/o': 'oneOf' failed, none matched
          - at '/o': got object, want string
          - at '/o': missing property 'x'
        - at '/r': validation failed
          - at '/r': missing property 'z'
          - at '/r/x': got number, want string
        - at '': additional properties 'q' not allowed
        ");
        let object = json!({"properties": {"r": {"$ref": "#/$defs/r"}}, "$defs": {"r": {"type": "object"}}});
        assert_eq!(problems(&object, &json!({"r": 5})), "demo:\n- at '/r': got number, want object\n");
    }

    #[test]
    fn subcharts_have_their_own_schema() {
        let mut top = chart("top", &json!({}));
        top.dependencies = vec![chart("sub", &json!({"required": ["x"]}))];
        let of = |values: Value| validate(&top, values.as_object().unwrap()).err().unwrap_or_default();
        assert_eq!(of(json!({"sub": {}})), "sub:\n- at '': missing property 'x'\n");
        assert_eq!(
            of(json!({"sub": 5})),
            "sub:\ninvalid type for values: expected object (map), got int64\n"
        );
        assert_eq!(of(json!({"sub": null})), "");
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        assert!(
            problems(&json!({"$ref": "https://example.com/schema.json"}), &json!({}))
                .contains("--skip-schema-validation")
        );
        assert_eq!(problems(&json!({"$ref": "urn:example:unknown"}), &json!({})), "");
    }
}
