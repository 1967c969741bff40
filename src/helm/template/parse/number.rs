//! Number literals in every form of Go: decimal, hexadecimal, octal and binary, with `_`, with an exponent,
//! and characters.

use super::unquote;

/// A number as written, and as which Go types it can be used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    /// As written.
    pub(crate) text: Box<str>,
    /// As a whole number.
    pub(crate) int: Option<i64>,
    /// Whether it is a whole number from 0 to 2^64-1.
    pub(crate) unsigned: bool,
    /// As a `float64`.
    pub(crate) float: f64,
}

impl Number {
    /// A number without context: whether Go makes it a `float64`.
    pub(crate) fn is_float(&self) -> bool {
        let hexadecimal =
            (self.text.starts_with("0x") || self.text.starts_with("0X")) && !self.text.contains(['p', 'P']);
        !hexadecimal && !self.text.starts_with('\'') && self.text.contains(['.', 'e', 'E', 'p', 'P'])
    }

    /// Reads a number literal.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "as Go converts constants; the range is checked"
    )]
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let boxed = Box::from(text);
        if let Some((unsigned, int)) = whole(text) {
            let float = int.map_or(unsigned.unwrap_or_default() as f64, |int| int as f64);
            return Ok(Self { text: boxed, int, unsigned: unsigned.is_some() || int == Some(0), float });
        }
        let Some(float) = float(text) else { return Err(format!("illegal number syntax: {text:?}")) };
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {text:?}"));
        }
        let exact = |low: f64, high: f64| float.fract() == 0.0 && (low..high).contains(&float);
        let int = exact(-9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0).then_some(float as i64);
        Ok(Self { text: boxed, int, unsigned: exact(0.0, 18_446_744_073_709_551_616.0), float })
    }

    /// Reads a character literal.
    pub(super) fn read_char(text: &[u8]) -> Result<Self, String> {
        let shown = String::from_utf8_lossy(text);
        let inner = text.get(1..).unwrap_or_default();
        let (letter, length) = unquote::character(inner, b'\'').ok_or("invalid syntax")?;
        if inner.get(length..) != Some(b"'") {
            return Err(format!("malformed character constant: {shown}"));
        }
        let number = i64::from(letter.code());
        Ok(Self {
            text: Box::from(shown.as_ref()),
            int: Some(number),
            unsigned: true,
            float: f64::from(letter.code()),
        })
    }
}

/// The value as `uint64` (only without a sign) and as `int64`, as Go reads integers whose prefix says the
/// base.
fn whole(text: &str) -> Option<(Option<u64>, Option<i64>)> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (Some(-1), &text[1..]),
        b'+' => (Some(1), &text[1..]),
        _ => (None, text),
    };
    let (base, digits) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !underscores_are_good(text) {
        return None;
    }
    let digits = digits.replace('_', "");
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let number = u64::from_str_radix(&digits, base).ok()?;
    let signed = i128::from(number) * i128::from(sign.unwrap_or(1));
    let found = (sign.is_none().then_some(number), i64::try_from(signed).ok());
    (found != (None, None)).then_some(found)
}

/// `_` may stand between digits, and after the prefix of the base.
fn underscores_are_good(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    let prefixed = matches!(text.get(..2).map(str::to_ascii_lowercase).as_deref(), Some("0x" | "0o" | "0b"));
    let hexadecimal = prefixed && text.as_bytes().get(1).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'x'));
    let mut before = if prefixed { '0' } else { '^' };
    for letter in text.chars().skip(if prefixed { 2 } else { 0 }) {
        let is_digit = letter.is_ascii_digit() || hexadecimal && letter.is_ascii_hexdigit();
        if letter == '_' && before != '0' || before == '_' && !is_digit {
            return false;
        }
        before = match letter {
            _ if is_digit => '0',
            '_' => '_',
            _ => '!',
        };
    }
    before != '_'
}

fn float(text: &str) -> Option<f64> {
    if text.contains('_') && !underscores_are_good(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let unsigned = plain.trim_start_matches(['+', '-']);
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        let number = hexadecimal(&unsigned[2..])?;
        return Some(if plain.starts_with('-') { -number } else { number });
    }
    // Rust reads words such as `inf` too.
    let digits = unsigned.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.');
    plain.parse::<f64>().ok().filter(|number| digits && number.is_finite())
}

/// Hexadecimal digits, perhaps with a point, and a power of two.
#[expect(clippy::cast_precision_loss, reason = "more digits than a float has are rounded")]
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = u64::from_str_radix(&format!("{before}{after}"), 16).ok()?;
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(after.len()).ok()? * 4)?;
    Some(digits as f64 * 2f64.powi(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_every_form() {
        let cases = [
            ("0", Some(0), 0.0, false),
            ("1_000", Some(1000), 1000.0, false),
            ("-7", Some(-7), -7.0, false),
            ("+7", Some(7), 7.0, false),
            ("0x1F", Some(31), 31.0, false),
            ("0x_1e", Some(30), 30.0, false),
            ("0b101", Some(5), 5.0, false),
            ("0o17", Some(15), 15.0, false),
            ("017", Some(15), 15.0, false),
            ("1.5", None, 1.5, true),
            (".5", None, 0.5, true),
            ("1e3", Some(1000), 1000.0, true),
            ("1E-2", None, 0.01, true),
            ("0x1p4", Some(16), 16.0, true),
            ("089.5", None, 89.5, true),
            ("9223372036854775807", Some(i64::MAX), 9.223_372_036_854_776e18, false),
            ("18446744073709551615", None, 1.844_674_407_370_955_2e19, false),
        ];
        for (text, int, float, is_float) in cases {
            let number = Number::read(text).unwrap();
            assert_eq!(
                (number.int, number.float.to_bits(), number.is_float()),
                (int, f64::to_bits(float), is_float),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in ["089", "1__0", "0x", "1_", ".", "0b12", "1.2.3"] {
            assert_eq!(
                Number::read(text).unwrap_err(),
                format!("illegal number syntax: {text:?}")
                    .replace("illegal number syntax: \"089\"", "integer overflow: \"089\"")
            );
        }
        assert_eq!(
            Number::read("99999999999999999999").unwrap_err(),
            "integer overflow: \"99999999999999999999\""
        );
    }

    #[test]
    fn characters_are_numbers() {
        assert_eq!(Number::read_char(b"'a'").unwrap().int, Some(97));
        assert_eq!(Number::read_char(b"'\\n'").unwrap().int, Some(10));
        assert_eq!(Number::read_char("'\u{20ac}'".as_bytes()).unwrap().int, Some(0x20ac));
        assert_eq!(Number::read_char(b"'ab'").unwrap_err(), "malformed character constant: 'ab'");
        assert_eq!(Number::read_char(b"''").unwrap_err(), "invalid syntax");
    }
}
