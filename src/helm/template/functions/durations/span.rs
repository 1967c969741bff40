//! Go's `time.Duration`.

use std::any::Any;
use std::fmt;

use crate::helm::template::function::FunctionError;
use crate::helm::template::text::Text;
use crate::helm::template::value::{Object, Value};

/// Nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::helm::template::functions) struct Span(pub(in crate::helm::template::functions) i64);

impl Span {
    /// One second.
    pub(in crate::helm::template::functions) const SECOND: Self = Self(1_000_000_000);

    /// `time.ParseDuration`: `1h30m`, `-1.5s`; the error is Go's.
    pub(in crate::helm::template::functions) fn parse(text: &str) -> Result<Self, String> {
        let invalid = || format!("time: invalid duration {}", quoted(text));
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total = 0_u64;
        while !rest.is_empty() {
            let (number, after) =
                rest.split_at(rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len()));
            // A second point ends the number, where a unit is missing.
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            if whole.is_empty() && fraction.trim_start_matches('.').is_empty()
                || whole.is_empty() && fraction.starts_with('.')
            {
                return Err(invalid());
            }
            let length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
            if length == 0 || fraction.contains('.') {
                return Err(format!("time: missing unit in duration {}", quoted(text)));
            }
            let (unit, after) = after.split_at(length);
            let scale = scale(unit)
                .ok_or_else(|| format!("time: unknown unit {} in duration {}", quoted(unit), quoted(text)))?;
            let added = scaled(whole, fraction, scale).ok_or_else(invalid)?;
            total = total.checked_add(added).filter(|total| *total <= 1 << 63).ok_or_else(invalid)?;
            rest = after;
        }
        match i64::try_from(total) {
            Ok(total) => Ok(Self(if negative { -total } else { total })),
            Err(_) if negative => Ok(Self(i64::MIN)),
            Err(_) => Err(invalid()),
        }
    }

    pub(super) fn seconds(self) -> f64 {
        self.in_units(Self::SECOND.0)
    }

    pub(super) fn minutes(self) -> f64 {
        self.in_units(60 * Self::SECOND.0)
    }

    pub(super) fn hours(self) -> f64 {
        self.in_units(3600 * Self::SECOND.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds too")]
    fn in_units(self, unit: i64) -> f64 {
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }

    /// To the nearest multiple, halves away from zero; what is too large stays at the limit.
    pub(in crate::helm::template::functions) fn round(self, multiple: Self) -> Self {
        if multiple.0 <= 0 {
            return self;
        }
        let rest = self.0 % multiple.0;
        let down = self.0 - rest;
        if rest.unsigned_abs() * 2 < multiple.0.unsigned_abs() {
            return Self(down);
        }
        Self(down.saturating_add(if self.0 < 0 { -multiple.0 } else { multiple.0 }))
    }

    /// To the next multiple towards zero.
    pub(in crate::helm::template::functions) fn truncate(self, multiple: Self) -> Self {
        if multiple.0 <= 0 { self } else { Self(self.0 - self.0 % multiple.0) }
    }
}

fn scale(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// None where it does not fit into 64 bits.
fn scaled(whole: &str, fraction: &str, scale: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // More digits than these change nothing.
    let digits = &fraction[..fraction.len().min(18)];
    let part: u64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let exponent = i32::try_from(digits.len()).ok()?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "as Go calculates it"
    )]
    let part = (part as f64 * (scale as f64 / 10_f64.powi(exponent))) as u64;
    whole.checked_mul(scale)?.checked_add(part).filter(|total| *total <= 1 << 63)
}

/// The form of package `time`: everything but printable ASCII as bytes.
pub(in crate::helm::template::functions) fn quoted(text: &str) -> String {
    let shown = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    };
    format!("\"{}\"", text.bytes().map(shown).collect::<String>())
}

/// `1h0m5.5s`; below a second in one smaller unit.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let decimal = |scale: u64, unit: &str| {
            let digits = scale.ilog10() as usize;
            let fraction = format!("{:0digits$}", nanoseconds % 60_000_000_000 % scale);
            let fraction = if scale == 1 { "" } else { fraction.trim_end_matches('0') };
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{}{point}{fraction}{unit}", nanoseconds % 60_000_000_000 / scale)
        };
        match nanoseconds {
            0 => f.write_str("0s"),
            1..1_000 => f.write_str(&decimal(1, "ns")),
            1_000..1_000_000 => f.write_str(&decimal(1_000, "µs")),
            1_000_000..1_000_000_000 => f.write_str(&decimal(1_000_000, "ms")),
            _ => {
                let (hours, minutes) = (nanoseconds / 3_600_000_000_000, nanoseconds / 60_000_000_000);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                f.write_str(&decimal(1_000_000_000, "s"))
            }
        }
    }
}

impl Object for Span {
    fn type_name(&self) -> &'static str {
        "time.Duration"
    }

    fn kind(&self) -> &'static str {
        "int64"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let other = || match arguments {
            [Value::Object(object)] => object.as_any().downcast_ref::<Self>().copied(),
            _ => None,
        };
        let other = || other().ok_or_else(|| FunctionError::said("wants one time.Duration"));
        Some(Ok(match name {
            "Nanoseconds" => Value::Int64(self.0),
            "Microseconds" => Value::Int64(self.0 / 1_000),
            "Milliseconds" => Value::Int64(self.0 / 1_000_000),
            "Seconds" => Value::Float(self.seconds()),
            "Minutes" => Value::Float(self.minutes()),
            "Hours" => Value::Float(self.hours()),
            "String" => Value::from(self.to_string()),
            "Abs" => Self(self.0.saturating_abs()).into(),
            "Round" => return Some(other().map(|multiple| self.round(multiple).into())),
            "Truncate" => return Some(other().map(|multiple| self.truncate(multiple).into())),
            _ => return None,
        }))
    }

    fn print(&self) -> Text {
        self.to_string().into()
    }

    fn plain(&self) -> Value {
        Value::Int64(self.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let cases = [
            ("1h", "1h0m0s"),
            ("1h30m5.5s", "1h30m5.5s"),
            ("-1.5m", "-1m30s"),
            ("1500us", "1.5ms"),
            ("1µs2ns", "1.002µs"),
            ("0", "0s"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("59.999999999s", "59.999999999s"),
            ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
        ];
        for (text, expected) in cases {
            assert_eq!(Span::parse(text).map(|span| span.to_string()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors() {
        let cases = [
            ("", "time: invalid duration \"\""),
            ("5", "time: missing unit in duration \"5\""),
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
            ("x", "time: invalid duration \"x\""),
            (".s", "time: invalid duration \".s\""),
            ("1.2.3s", "time: missing unit in duration \"1.2.3s\""),
            ("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""),
            ("é", "time: invalid duration \"\\xc3\\xa9\""),
        ];
        for (text, expected) in cases {
            assert_eq!(Span::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn multiples() {
        let round = |span: i64, multiple: i64| Span(span).round(Span(multiple)).0;
        assert_eq!(
            [round(25, 10), round(-25, 10), round(24, 10), round(7, 0), round(i64::MAX, 10)],
            [30, -30, 20, 7, i64::MAX]
        );
        assert_eq!(Span(-25).truncate(Span(10)).0, -20);
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_parses(nanoseconds: i64) {
            proptest::prop_assert_eq!(Span::parse(&Span(nanoseconds).to_string()), Ok(Span(nanoseconds)));
        }
    }
}
