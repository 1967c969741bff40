//! Helm's sentences about a rule that is broken, which are those of its validator in English.

use boon::ErrorKind;
use serde_json::{Number, Value};

use crate::helm::yaml::number::shortest;

/// The sentence.
pub(super) fn of(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::Group | ErrorKind::Reference { .. } | ErrorKind::Schema { .. } => {
            "validation failed".to_owned()
        }
        ErrorKind::ContentSchema => "'contentSchema' failed".to_owned(),
        ErrorKind::PropertyName { prop } => format!("invalid propertyName {}", quote(prop)),
        ErrorKind::RefCycle { url, kw_loc1, kw_loc2 } => {
            format!("both {kw_loc1} and {kw_loc2} resolve to {url:?} causing reference cycle")
        }
        ErrorKind::FalseSchema => "false schema".to_owned(),
        ErrorKind::Type { got, want } => {
            let want: Vec<String> = want.iter().map(|one| one.to_string()).collect();
            format!("got {got}, want {}", want.join(" or "))
        }
        ErrorKind::Enum { want } => values(want),
        ErrorKind::Const { want: Value::Array(_) | Value::Object(_) } => "'const' failed".to_owned(),
        ErrorKind::Const { want } => format!("value must be {}", display(want)),
        ErrorKind::Format { got, want, err } => format!("{} is not valid {want}: {err}", display(got)),
        ErrorKind::Required { want } if want.len() == 1 => format!("missing property {}", quoted(want)),
        ErrorKind::Required { want } => format!("missing properties {}", quoted(want)),
        ErrorKind::AdditionalProperties { got } => {
            format!("additional properties {} not allowed", quoted(got))
        }
        ErrorKind::Dependency { prop, missing } | ErrorKind::DependentRequired { prop, missing } => {
            format!("properties {} required, if {} exists", quoted(missing), quote(prop))
        }
        ErrorKind::AdditionalItems { got } => format!("last {} additionalItem(s) not allowed", grouped(*got)),
        ErrorKind::UniqueItems { got: [one, other] } => {
            format!("items at {} and {} are equal", grouped(*one), grouped(*other))
        }
        ErrorKind::Contains => "no items match contains schema".to_owned(),
        ErrorKind::MinContains { got, want } => contained("min", got, *want),
        ErrorKind::MaxContains { got, want } => contained("max", got, *want),
        ErrorKind::Pattern { got, want } => format!("{} does not match pattern {}", quote(got), quote(want)),
        ErrorKind::ContentEncoding { want, err } => format!("value is not {} encoded: {err}", quote(want)),
        ErrorKind::ContentMediaType { want, err, .. } => {
            format!("value is not of mediatype {}: {err}", quote(want))
        }
        ErrorKind::Not => "'not' failed".to_owned(),
        ErrorKind::AllOf => "'allOf' failed".to_owned(),
        ErrorKind::AnyOf => "'anyOf' failed".to_owned(),
        ErrorKind::OneOf(None) => "'oneOf' failed, none matched".to_owned(),
        ErrorKind::OneOf(Some((one, other))) => format!("'oneOf' failed, subschemas {one}, {other} matched"),
        limit => limits(limit),
    }
}

/// The rules that compare two numbers.
fn limits(kind: &ErrorKind<'_, '_>) -> String {
    let (rule, got, want) = match kind {
        ErrorKind::MinProperties { got, want } => ("minProperties", grouped(*got), grouped(*want)),
        ErrorKind::MaxProperties { got, want } => ("maxProperties", grouped(*got), grouped(*want)),
        ErrorKind::MinItems { got, want } => ("minItems", grouped(*got), grouped(*want)),
        ErrorKind::MaxItems { got, want } => ("maxItems", grouped(*got), grouped(*want)),
        ErrorKind::MinLength { got, want } => ("minLength", grouped(*got), grouped(*want)),
        ErrorKind::MaxLength { got, want } => ("maxLength", grouped(*got), grouped(*want)),
        ErrorKind::Minimum { got, want } => ("minimum", number(got), number(want)),
        ErrorKind::Maximum { got, want } => ("maximum", number(got), number(want)),
        ErrorKind::ExclusiveMinimum { got, want } => ("exclusiveMinimum", number(got), number(want)),
        ErrorKind::ExclusiveMaximum { got, want } => ("exclusiveMaximum", number(got), number(want)),
        ErrorKind::MultipleOf { got, want } => ("multipleOf", number(got), number(want)),
        other => return other.to_string(),
    };
    format!("{rule}: got {got}, want {want}")
}

fn values(want: &[Value]) -> String {
    if want.iter().any(|one| matches!(one, Value::Array(_) | Value::Object(_))) {
        return "'enum' failed".to_owned();
    }
    let words: Vec<String> = want.iter().map(display).collect();
    let one_of = if words.len() == 1 { "" } else { "one of " };
    format!("value must be {one_of}{}", words.join(", "))
}

fn contained(bound: &str, got: &[usize], want: usize) -> String {
    let want = grouped(want);
    if got.is_empty() {
        return format!("{bound} {want} items required to match contains schema, but none matched");
    }
    let places: Vec<String> = got.iter().map(ToString::to_string).collect();
    format!(
        "{bound} {want} items required to match contains schema, but matched {} items at {}",
        grouped(got.len()),
        places.join(" ")
    )
}

/// In single quotes, escaped as Go escapes.
pub(super) fn quote(text: &str) -> String {
    let escaped = format!("{text:?}").replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", &escaped[1..escaped.len() - 1])
}

fn quoted<T: AsRef<str>>(texts: &[T]) -> String {
    texts.iter().map(|text| quote(text.as_ref())).collect::<Vec<_>>().join(", ")
}

fn display(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => quote(text),
        Value::Array(_) | Value::Object(_) => "value".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// `1234` is `1,234`.
fn grouped(number: usize) -> String {
    group(&number.to_string())
}

fn group(digits: &str) -> String {
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// As English prints it: `1,234.5`, `1×10⁰⁶`.
fn number(number: &Number) -> String {
    let text = shortest(number.as_f64().unwrap_or_default());
    if let Some((mantissa, exponent)) = text.split_once('e') {
        let exponent: String = exponent.chars().filter_map(superscript).collect();
        return format!("{mantissa}×10{exponent}");
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    format!("{sign}{}{fraction}", group(whole))
}

fn superscript(character: char) -> Option<char> {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    match character {
        '-' => Some('⁻'),
        '+' => None,
        digit => digits.get(digit.to_digit(10)? as usize).copied(),
    }
}
