//! How sprig turns any value into a number: the rules of Go's `spf13/cast`, where what cannot be a number is
//! 0.

use crate::helm::template::value::Value;
use crate::helm::yaml::number;

/// `int` and `int64`: texts with Go's base prefixes, floats cut off, true is 1.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Float(number) => truncated(*number),
        Value::Bool(truth) => i64::from(*truth),
        Value::Str(text) => str::from_utf8(text.bytes()).ok().and_then(whole).unwrap_or(0),
        // Of Go's named numbers only months and weekdays count.
        Value::Object(object) if object.kind() == "int" => to_int(&object.plain()),
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Object(_) => 0,
    }
}

/// `float64`.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds too")]
        Value::Int(number) | Value::Int64(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::Str(text) => str::from_utf8(text.bytes()).ok().and_then(parse_float).unwrap_or(0.0),
        Value::Object(object) if object.kind() == "int" => to_float(&object.plain()),
        Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Object(_) => 0.0,
    }
}

/// A float that does not fit becomes the smallest number, as on Go's amd64.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn truncated(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}

fn whole(text: &str) -> Option<i64> {
    parse_int(without_zero_fraction(text))
}

/// `1.0` counts as `1`, and so do `1.` followed by zeros only.
fn without_zero_fraction(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    }
}

/// `strconv.ParseInt(text, 0, 64)`.
pub(super) fn parse_int(text: &str) -> Option<i64> {
    let plain = without_underscores(text)?;
    number::integer(&plain).and_then(|number| i64::try_from(number).ok())
}

/// Underscores stand between digits, or between a base prefix and a digit; without one they are left alone.
fn without_underscores(text: &str) -> Option<String> {
    if !text.contains('_') {
        return Some(text.to_owned());
    }
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let based = body.len() > 1
        && body.starts_with('0')
        && matches!(body.as_bytes()[1], b'x' | b'X' | b'o' | b'O' | b'b' | b'B');
    let digits = if based { &body[2..] } else { body };
    let misplaced = digits.ends_with('_') || digits.contains("__") || (!based && digits.starts_with('_'));
    (!misplaced).then(|| text.replace('_', ""))
}

/// `strconv.ParseFloat(text, 64)`; what is out of range is no number here.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match body.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        "nan" => return (body.len() == text.len()).then_some(f64::NAN),
        _ => {}
    }
    let plain = without_underscores(body)?;
    match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(digits) => hexadecimal(digits).map(|number| sign * number),
        None => number::float(&plain).filter(|_| !plain.starts_with(['+', '-'])).map(|number| sign * number),
    }
}

/// `1.8p-3`: the exponent of two must be there.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let mantissa = u64::from_str_radix(&digits, 16).ok()?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(4 * i32::try_from(fraction.len()).ok()?)?;
    #[expect(clippy::cast_precision_loss, reason = "a float of more than 53 bits is rounded by Go too")]
    Some(mantissa as f64 * 2_f64.powi(exponent)).filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_as_integers() {
        let cases = [
            ("010", 8),
            ("08", 0),
            ("0x1f", 31),
            ("0b11", 3),
            ("0o17", 15),
            ("1.0", 1),
            ("1.5", 0),
            ("1.", 0),
            ("1_000", 1000),
            ("_1", 0),
            ("0x_1", 1),
            ("-5", -5),
            ("+5", 5),
            (" 5", 0),
            ("9223372036854775807", i64::MAX),
            ("9223372036854775808", 0),
            ("1e3", 0),
        ];
        for (text, number) in cases {
            assert_eq!(to_int(&Value::from(text)), number, "{text}");
        }
    }

    #[test]
    fn texts_as_floats() {
        let cases = [
            ("1_000.5", Some(1000.5)),
            ("-1e3", Some(-1000.0)),
            ("0x1.8p4", Some(24.0)),
            ("-Inf", Some(f64::NEG_INFINITY)),
        ];
        for (text, number) in cases {
            assert_eq!(parse_float(text), number, "{text}");
        }
        for text in ["", "-", "+-1", "0x1", "1e400", " 1", "1.2.3"] {
            assert_eq!(parse_float(text), None, "{text}");
        }
    }

    #[test]
    fn floats_are_cut_off() {
        assert_eq!(to_int(&Value::Float(-1.9)), -1);
        assert_eq!(to_int(&Value::Float(1e30)), i64::MIN);
        assert_eq!(to_int(&Value::Float(f64::NAN)), i64::MIN);
    }
}
