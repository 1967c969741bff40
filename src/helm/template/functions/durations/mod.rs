//! Lengths of time: Helm's own functions, and sprig's `duration` and `durationRound`.

use super::{fixed, text};
use crate::helm::template::function::{Arguments, Function, FunctionError, Parameter::Any};
use crate::helm::template::value::Value;

mod span;

pub(super) use span::{Span, quoted};

use super::cast::parse_float;
use super::dates::Moment;

/// The family. Helm's functions give 0 for what is no duration; only `mustToDuration` fails.
pub(super) const ALL: &[Function] = &[
    fixed("mustToDuration", &[Any], |_, a| Ok(given(a)?.into())),
    fixed("durationNanoseconds", &[Any], |_, a| Ok(Value::Int64(or_zero(a).0))),
    fixed("durationMicroseconds", &[Any], |_, a| Ok(Value::Int64(or_zero(a).0 / 1_000))),
    fixed("durationMilliseconds", &[Any], |_, a| Ok(Value::Int64(or_zero(a).0 / 1_000_000))),
    fixed("durationSeconds", &[Any], |_, a| Ok(Value::Float(or_zero(a).seconds()))),
    fixed("durationMinutes", &[Any], |_, a| Ok(Value::Float(or_zero(a).minutes()))),
    fixed("durationHours", &[Any], |_, a| Ok(Value::Float(or_zero(a).hours()))),
    fixed("durationDays", &[Any], |_, a| Ok(Value::Float(or_zero(a).hours() / 24.0))),
    fixed("durationWeeks", &[Any], |_, a| Ok(Value::Float(or_zero(a).hours() / 24.0 / 7.0))),
    fixed("durationRoundTo", &[Any, Any], |_, a| Ok(to_multiple(a, Span::round).into())),
    fixed("durationTruncateTo", &[Any, Any], |_, a| Ok(to_multiple(a, Span::truncate).into())),
    fixed("duration", &[Any], |_, a| {
        text(Span(whole_seconds(a.value(0)).wrapping_mul(Span::SECOND.0)).to_string())
    }),
    fixed("durationRound", &[Any], |_, a| text(rough(a.value(0)))),
];

fn given(a: Arguments<'_>) -> Result<Span, FunctionError> {
    from_value(a.value(0)).map_err(FunctionError::said)
}

fn or_zero(a: Arguments<'_>) -> Span {
    from_value(a.value(0)).unwrap_or(Span(0))
}

fn to_multiple(a: Arguments<'_>, turn: fn(Span, Span) -> Span) -> Span {
    let Ok(span) = from_value(a.value(0)) else { return Span(0) };
    from_value(a.value(1)).map_or(span, |multiple| turn(span, multiple))
}

/// Texts with units or of seconds, and numbers of seconds.
fn from_value(value: &Value) -> Result<Span, String> {
    match value {
        Value::Nil => Err("invalid duration".to_owned()),
        Value::Str(text) => from_text(&text.lossy()),
        Value::Int(seconds) | Value::Int64(seconds) => from_whole(*seconds),
        Value::Float(seconds) => from_float(*seconds),
        Value::Object(object) => match (object.as_any().downcast_ref::<Span>(), object.plain()) {
            (Some(span), _) => Ok(*span),
            (None, Value::Int(seconds)) => from_whole(seconds),
            (None, _) => Err(format!("unsupported duration type {}", value.type_name())),
        },
        other => Err(format!("unsupported duration type {}", other.type_name())),
    }
}

fn from_text(text: &str) -> Result<Span, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err("empty duration".to_owned());
    }
    if let Ok(span) = Span::parse(trimmed) {
        return Ok(span);
    }
    let unknown = || {
        format!("could not parse duration {}", crate::helm::template::print::quote(text.as_bytes(), false))
    };
    from_float(parse_float(trimmed).ok_or_else(unknown)?)
}

fn from_whole(seconds: i64) -> Result<Span, String> {
    seconds
        .checked_mul(Span::SECOND.0)
        .map(Span)
        .ok_or_else(|| format!("duration seconds overflow: {seconds}"))
}

fn from_float(seconds: f64) -> Result<Span, String> {
    // 2^63 nanoseconds.
    const LIMIT: f64 = 9_223_372_036.854_776;
    let shown = || crate::helm::template::print::display(&Value::Float(seconds)).lossy().into_owned();
    if !seconds.is_finite() {
        return Err(format!("invalid duration seconds: {}", shown()));
    }
    if seconds.abs() > LIMIT {
        return Err(format!("duration seconds overflow: {}", shown()));
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 2^63, and Go cuts off too")]
    Ok(Span((seconds * 1e9) as i64))
}

/// `duration` takes texts of digits and `int64`; all else is 0, an `int` too.
fn whole_seconds(value: &Value) -> i64 {
    match value {
        Value::Str(text) => super::numbers::decimal_digits(text.bytes(), 10),
        Value::Int64(seconds) => *seconds,
        _ => 0,
    }
}

const HOUR: u64 = 3600;

/// The greatest unit that a duration exceeds.
fn rough(value: &Value) -> String {
    let span = match value {
        Value::Str(text) => Span::parse(&text.lossy()).unwrap_or(Span(0)),
        Value::Int64(nanoseconds) => Span(*nanoseconds),
        Value::Object(object) => object.as_any().downcast_ref::<Moment>().map_or(Span(0), Moment::elapsed),
        _ => Span(0),
    };
    let units =
        [(365 * 24 * HOUR, "y"), (30 * 24 * HOUR, "mo"), (24 * HOUR, "d"), (HOUR, "h"), (60, "m"), (1, "s")];
    let nanoseconds = span.0.unsigned_abs();
    let unit = units.iter().find(|(seconds, _)| nanoseconds > seconds * 1_000_000_000);
    unit.map_or_else(
        || "0s".to_owned(),
        |(seconds, name)| format!("{}{name}", nanoseconds / (seconds * 1_000_000_000)),
    )
}

/// A [`Span`] as the answer of a function.
impl From<Span> for Value {
    fn from(span: Span) -> Self {
        Self::Object(std::rc::Rc::new(span))
    }
}

/// Kept for the functions on dates: what `time.ParseDuration` says.
pub(super) fn parse(text: &[u8]) -> Result<Span, FunctionError> {
    Span::parse(&String::from_utf8_lossy(text)).map_err(FunctionError::said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_durations() {
        let cases = [
            (Value::from(" 1h30m "), "1h30m0s"),
            (Value::from("2.5"), "2.5s"),
            (Value::Int(90), "1m30s"),
            (Value::Float(0.25), "250ms"),
            (Value::from(Span(5)), "5ns"),
        ];
        for (value, expected) in cases {
            assert_eq!(from_value(&value).unwrap().to_string(), expected);
        }
        let errors = [
            (Value::Nil, "invalid duration"),
            (Value::from(" "), "empty duration"),
            (Value::from("1x"), "could not parse duration \"1x\""),
            (Value::Bool(true), "unsupported duration type bool"),
            (Value::Int64(i64::MAX), "duration seconds overflow: 9223372036854775807"),
            (Value::Float(1e10), "duration seconds overflow: 1e+10"),
        ];
        for (value, expected) in errors {
            assert_eq!(from_value(&value).unwrap_err(), expected);
        }
    }

    #[test]
    fn the_greatest_unit() {
        let cases = [
            ("2400h", "3mo"),
            ("24h", "24h"),
            ("25h", "1d"),
            ("-90s", "1m"),
            ("1s", "0s"),
            ("nope", "0s"),
            ("9000h", "1y"),
        ];
        for (text, expected) in cases {
            assert_eq!(rough(&Value::from(text)), expected, "{text}");
        }
        assert_eq!(whole_seconds(&Value::from("95")), 95);
        assert_eq!(whole_seconds(&Value::Int(95)), 0);
    }
}
