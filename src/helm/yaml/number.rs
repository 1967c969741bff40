//! Numbers as Go reads and prints them.

/// A float as Go's `%g` with the shortest digits prints it: an exponent below -4 or above 5 is written as
/// one.
pub fn shortest(value: f64) -> String {
    general(&format!("{value:e}"))
}

/// Like [`shortest`], but rounded to 32 bits first: how a float becomes a string where a string is expected
/// (`appVersion: 1.10` is "1.1").
pub fn shortest_32(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "the rounding to 32 bits is the rule")]
    general(&format!("{:e}", value as f32))
}

/// Turns Rust's `-1.5e7` into Go's `-1.5e+07` or `0.0015`.
fn general(scientific: &str) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific.to_owned() };
    let Ok(exponent) = exponent.parse::<i32>() else { return scientific.to_owned() };
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    format!("{sign}{}", place_point(&digits, exponent))
}

fn place_point(digits: &str, exponent: i32) -> String {
    let Ok(whole) = usize::try_from(exponent + 1) else {
        return format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1));
    };
    if whole == 0 {
        format!("0.{digits}")
    } else if digits.len() <= whole {
        format!("{digits:0<whole$}")
    } else {
        format!("{}.{}", &digits[..whole], &digits[whole..])
    }
}

/// An integer with Go's base prefixes (`0x`, `0o`, `0b`, a leading `0` is octal), wide enough for `i64` and
/// `u64`.
pub fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = i128::from(unsigned(digits)?);
    // Go parses a sign only into 64 signed bits; without one, 64 unsigned bits fit too.
    let signed = digits.len() != text.len();
    let fits = if negative {
        magnitude <= i128::from(i64::MAX) + 1
    } else {
        !signed || magnitude <= i128::from(i64::MAX)
    };
    fits.then_some(if negative { -magnitude } else { magnitude })
}

fn unsigned(digits: &str) -> Option<u64> {
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // Rust would accept a second sign here.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, base).ok()
}

/// A decimal float: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, nothing else, and not one too
/// large for 64 bits.
pub fn float(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) =
        body.split_once(['e', 'E']).map_or((body, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    if !(digits(whole) && digits(fraction) && exponent_fits) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (1.1, "1.1"),
            (123_456.0, "123456"),
            (1_000_000.0, "1e+06"),
            (12_345_678.5, "1.23456785e+07"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (-0.15, "-0.15"),
            (1e100, "1e+100"),
        ];
        for (value, expected) in cases {
            assert_eq!(shortest(value), expected);
        }
        assert_eq!(shortest_32(1.10), "1.1");
        assert_eq!(shortest_32(1.234_567_89), "1.2345679");
    }

    #[test]
    fn integers_have_go_bases() {
        let cases = [
            ("10", Some(10)),
            ("010", Some(8)),
            ("0o10", Some(8)),
            ("0x1F", Some(31)),
            ("-0b11", Some(-3)),
            ("+5", Some(5)),
            ("0", Some(0)),
            ("08", None),
            ("0x", None),
            ("-+5", None),
            ("--5", None),
            ("", None),
            ("-", None),
            ("18446744073709551615", Some(i128::from(u64::MAX))),
            ("+18446744073709551615", None),
            ("-9223372036854775808", Some(i128::from(i64::MIN))),
            ("18446744073709551616", None),
        ];
        for (text, expected) in cases {
            assert_eq!(integer(text), expected, "{text}");
        }
    }

    #[test]
    fn floats_are_decimal_only() {
        assert_eq!(float("1e3"), Some(1000.0));
        assert_eq!(float(".5"), Some(0.5));
        assert_eq!(float("1."), Some(1.0));
        for text in [".", "e3", "1e", "inf", "nan", "0x1p1", "1e400", "1_0", "1:30"] {
            assert_eq!(float(text), None, "{text}");
        }
    }
}
