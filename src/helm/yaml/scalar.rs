//! What a plain scalar means, by go-yaml v2's rules (YAML 1.1).

use super::number;

/// A plain scalar's meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// `~`, `null` or nothing.
    Null,
    /// `yes`, `off`, `true`, `n`…
    Bool(bool),
    /// An integer that fits into 64 bits, signed or not.
    Int(i128),
    /// A float; may be infinite or not a number.
    Float(f64),
    /// A date or a time: kept as text by Helm, but quoted when written.
    Timestamp,
    /// Anything else.
    Text,
}

/// Resolves an untagged plain scalar.
pub fn resolve(text: &str) -> Resolved {
    if let Some(word) = word(text) {
        return word;
    }
    match text.as_bytes().first() {
        Some(b'.') => number::float(text).map_or(Resolved::Text, Resolved::Float),
        Some(b'0'..=b'9' | b'+' | b'-') => resolve_number(text),
        _ => Resolved::Text,
    }
}

fn word(text: &str) -> Option<Resolved> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn resolve_number(text: &str) -> Resolved {
    if is_timestamp(text) {
        return Resolved::Timestamp;
    }
    let plain = text.replace('_', "");
    if let Some(integer) = number::integer(&plain) {
        return Resolved::Int(integer);
    }
    number::float(&plain).map_or(Resolved::Text, Resolved::Float)
}

/// `2001-1-1`, `2001-01-01T10:00:00Z`, `2001-01-01 10:00:00.5`: a real date of a four-digit year, as Go's
/// `time.Parse` takes it.
fn is_timestamp(text: &str) -> bool {
    let Some((date, clock)) = split_date(text) else { return false };
    let date_is_real = || {
        i8::try_from(date.1)
            .ok()
            .zip(i8::try_from(date.2).ok())
            .is_some_and(|(month, day)| jiff::civil::Date::new(date.0, month, day).is_ok())
    };
    match clock.as_bytes().first() {
        None => date_is_real(),
        Some(b' ') => clock_rest(&clock[1..]).is_some_and(str::is_empty) && date_is_real(),
        Some(b'T' | b't') => clock_rest(&clock[1..]).is_some_and(is_zone) && date_is_real(),
        Some(_) => false,
    }
}

/// Year, month, day and what follows; the year has exactly four digits.
fn split_date(text: &str) -> Option<((i16, u8, u8), &str)> {
    let (year, rest) = text.split_once('-')?;
    if year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (month, rest) = one_or_two_digits(rest)?;
    let (day, rest) = one_or_two_digits(rest.strip_prefix('-')?)?;
    Some(((year.parse().ok()?, month, day), rest))
}

/// What follows `15:4:5.999`.
fn clock_rest(text: &str) -> Option<&str> {
    let (hour, rest) = one_or_two_digits(text)?;
    let (minute, rest) = one_or_two_digits(rest.strip_prefix(':')?)?;
    let (second, rest) = one_or_two_digits(rest.strip_prefix(':')?)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return Some(rest) };
    let after = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (after.len() < fraction.len()).then_some(after)
}

fn is_zone(text: &str) -> bool {
    let Some(offset) = text.strip_prefix(['+', '-']) else { return text == "Z" };
    let Some((hours, minutes)) = offset.split_once(':') else { return false };
    let below = |part: &str, limit: u8| {
        part.len() == 2
            && one_or_two_digits(part).is_some_and(|(value, rest)| rest.is_empty() && value < limit)
    };
    below(hours, 25) && below(minutes, 60)
}

fn one_or_two_digits(text: &str) -> Option<(u8, &str)> {
    let digits = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest))
}

/// Whether a text is a base-60 number of YAML 1.1 (`1:30`): read as text, but quoted when written.
pub fn is_base_60(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (body, fraction) = body.split_once('.').unwrap_or((body, ""));
    let mut parts = body.split(':');
    let whole = parts.next().unwrap_or_default();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let sixtieths: Vec<_> = parts.collect();
    let is_sixtieth = |part: &&str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    whole.starts_with(|first: char| first.is_ascii_digit())
        && digits(whole)
        && digits(fraction)
        && !sixtieths.is_empty()
        && sixtieths.iter().all(is_sixtieth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_of_yaml_1_1() {
        let cases = [
            ("y", Resolved::Bool(true)),
            ("Off", Resolved::Bool(false)),
            ("yEs", Resolved::Text),
            ("", Resolved::Null),
            ("~", Resolved::Null),
            ("0x1F", Resolved::Int(31)),
            ("010", Resolved::Int(8)),
            ("08", Resolved::Float(8.0)),
            ("1_000", Resolved::Int(1000)),
            ("1e3", Resolved::Float(1000.0)),
            (".5", Resolved::Float(0.5)),
            ("1:30", Resolved::Text),
            ("v1.2.3", Resolved::Text),
            ("1.2.3", Resolved::Text),
            ("<<", Resolved::Text),
            ("-", Resolved::Text),
            ("2001-01-01", Resolved::Timestamp),
            ("18446744073709551616", Resolved::Float(18_446_744_073_709_551_616.0)),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }

    #[test]
    fn only_real_dates_are_timestamps() {
        for text in [
            "2001-1-1",
            "2001-01-01T1:2:3Z",
            "2001-01-01t10:00:00.5+02:00",
            "2001-01-01 10:00:00",
            "2024-02-29",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "2023-02-29",
            "2001-13-01",
            "01-01-01",
            "20010-1-1",
            "2001-01-01T10:00:00",
            "2001-01-01 10:00:00 -5",
            "2001-01-01x",
            "2001-1",
            "2001-01-01 24:00:00",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }

    #[test]
    fn base_60() {
        for text in ["1:30", "-1:2:3", "190:20:30.15", "1_0:5"] {
            assert!(is_base_60(text), "{text}");
        }
        for text in ["1:60", "1:", "a:30", "1.5", "12", "_1:30", ""] {
            assert!(!is_base_60(text), "{text}");
        }
    }
}
