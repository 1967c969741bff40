//! Reads a time that is written in a layout; the errors are Go's.

use jiff::civil::{Date, DateTime, Time};

use super::layout::{OffsetForm, Part, next};
use super::moment::Moment;
use super::names::{DAYS, MONTHS};
use super::zone::Zone;
use crate::helm::template::functions::durations::quoted;

/// `time.ParseInLocation` with the local zone.
pub(super) fn parse(layout: &[u8], value: &[u8]) -> Result<Moment, String> {
    let (whole, layout_text) = (String::from_utf8_lossy(value), String::from_utf8_lossy(layout));
    let cannot = |part: &[u8], at: &[u8]| {
        let [part, at] = [part, at].map(String::from_utf8_lossy);
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quoted(&whole),
            quoted(&layout_text),
            quoted(&at),
            quoted(&part)
        )
    };
    let message = |text: &str| format!("parsing time {}: {text}", quoted(&whole));
    let (mut read, mut rest, mut layout) = (Read::default(), value, layout);
    loop {
        let (before, part, after) = next(layout);
        rest = skipped(rest, before).map_err(|at| cannot(before, at))?;
        let Some((part, own)) = part else {
            if !rest.is_empty() {
                return Err(message(&format!("extra text: {}", quoted(&String::from_utf8_lossy(rest)))));
            }
            return read.finish().map_err(|text| message(&text));
        };
        rest = read.part(part, rest, after).map_err(|wrong| match wrong {
            Wrong::Form => cannot(own, rest),
            Wrong::Range(what) => message(&format!("{what} out of range")),
        })?;
        layout = after;
    }
}

/// What is wrong with one part.
enum Wrong {
    Form,
    Range(&'static str),
}

/// The text between two parts; any number of spaces stands for any other.
fn skipped<'a>(mut value: &'a [u8], mut text: &[u8]) -> Result<&'a [u8], &'a [u8]> {
    while let Some(first) = text.first() {
        if *first == b' ' {
            if value.first().is_some_and(|byte| *byte != b' ') {
                return Err(value);
            }
            (text, value) = (without_spaces(text), without_spaces(value));
        } else if value.first() == Some(first) {
            (text, value) = (&text[1..], &value[1..]);
        } else {
            return Err(value);
        }
    }
    Ok(value)
}

fn without_spaces(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|byte| **byte == b' ').count()..]
}

#[derive(Default)]
struct Read {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    year_day: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone: String,
}

type Rest<'a> = Result<&'a [u8], Wrong>;

impl Read {
    /// Takes one part from the text and gives what follows it.
    fn part<'a>(&mut self, part: Part, value: &'a [u8], layout: &[u8]) -> Rest<'a> {
        match part {
            Part::Year => {
                let (year, rest) = digits(value, 2)?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
                Ok(rest)
            }
            Part::LongYear => {
                let (year, rest) = digits(value, 4)?;
                self.year = year;
                Ok(rest)
            }
            Part::Month | Part::LongMonth => {
                let (index, rest) = name(&MONTHS, value, part == Part::Month)?;
                self.month = Some(index + 1);
                Ok(rest)
            }
            Part::NumberMonth | Part::ZeroMonth => {
                let (month, rest) = number(value, part == Part::ZeroMonth)?;
                self.month = Some(month);
                in_range((1..=12).contains(&month), "month", rest)
            }
            Part::Weekday | Part::LongWeekday => {
                name(&DAYS, value, part == Part::Weekday).map(|(_, rest)| rest)
            }
            Part::Day | Part::SpaceDay | Part::ZeroDay => {
                let value =
                    if part == Part::SpaceDay { value.strip_prefix(b" ").unwrap_or(value) } else { value };
                let (day, rest) = number(value, part == Part::ZeroDay)?;
                self.day = Some(day);
                Ok(rest)
            }
            Part::SpaceYearDay | Part::ZeroYearDay => self.year_day(part, value),
            Part::Hour | Part::Hour12 | Part::ZeroHour12 => {
                let (hour, rest) = number(value, part == Part::ZeroHour12)?;
                self.hour = hour;
                in_range(hour <= if part == Part::Hour { 23 } else { 12 }, "hour", rest)
            }
            Part::Minute | Part::ZeroMinute => {
                let (minute, rest) = number(value, part == Part::ZeroMinute)?;
                self.minute = minute;
                in_range(minute < 60, "minute", rest)
            }
            Part::Second | Part::ZeroSecond => self.second(part, value, layout),
            Part::UpperHalf => self.half(value, b"AM", b"PM"),
            Part::LowerHalf => self.half(value, b"am", b"pm"),
            Part::Offset(form) => self.offset(form, value),
            Part::ZoneName => self.zone_name(value),
            Part::Fraction { digits, zeros, .. } => self.fraction(value, digits, zeros),
        }
    }

    fn year_day<'a>(&mut self, part: Part, value: &'a [u8]) -> Rest<'a> {
        let mut value = value;
        if part == Part::SpaceYearDay {
            for _ in 0..2 {
                value = value.strip_prefix(b" ").unwrap_or(value);
            }
        }
        let count = value.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || part == Part::ZeroYearDay && count < 3 {
            return Err(Wrong::Form);
        }
        let (day, rest) = digits(value, count)?;
        self.year_day = Some(day);
        Ok(rest)
    }

    /// A fraction that the layout does not have is taken with the seconds.
    fn second<'a>(&mut self, part: Part, value: &'a [u8], layout: &[u8]) -> Rest<'a> {
        let (second, rest) = number(value, part == Part::ZeroSecond)?;
        self.second = second;
        let rest = in_range(second < 60, "second", rest)?;
        let in_layout = matches!(next(layout).1, Some((Part::Fraction { .. }, _)));
        if in_layout { Ok(rest) } else { self.fraction(rest, 0, false) }
    }

    fn fraction<'a>(&mut self, value: &'a [u8], wanted: usize, exactly: bool) -> Rest<'a> {
        let has_point = matches!(value.first(), Some(b'.' | b','));
        let found =
            if has_point { value[1..].iter().take_while(|byte| byte.is_ascii_digit()).count() } else { 0 };
        if exactly && (!has_point || found < wanted) {
            return Err(Wrong::Form);
        }
        if found == 0 {
            return Ok(value);
        }
        let count = if exactly { wanted } else { found };
        let text: String = value[1..=count].iter().take(9).map(|byte| char::from(*byte)).collect();
        self.nanosecond = format!("{text:0<9}").parse().map_err(|_| Wrong::Form)?;
        Ok(&value[1 + count..])
    }

    fn half<'a>(&mut self, value: &'a [u8], before: &[u8], after: &[u8]) -> Rest<'a> {
        let half = value.get(..2).filter(|half| *half == before || *half == after).ok_or(Wrong::Form)?;
        self.afternoon = Some(half == after);
        Ok(&value[2..])
    }

    fn offset<'a>(&mut self, form: OffsetForm, value: &'a [u8]) -> Rest<'a> {
        if let Some(rest) = value.strip_prefix(b"Z").filter(|_| form.z) {
            self.utc = true;
            return Ok(rest);
        }
        let sign = match value.first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(Wrong::Form),
        };
        let (mut rest, mut seconds) = (&value[1..], 0);
        let parts = [
            (3600, 24, "time zone offset hour"),
            (60, 60, "time zone offset minute"),
            (1, 60, "time zone offset second"),
        ];
        for (scale, most, what) in parts.into_iter().take(usize::from(form.parts)) {
            if scale < 3600 && form.colons {
                rest = rest.strip_prefix(b":").ok_or(Wrong::Form)?;
            }
            let (part, after) = number(rest, true)?;
            in_range(part <= most, what, rest)?;
            seconds += i32::from(part) * scale;
            rest = after;
        }
        self.offset = Some(sign * seconds);
        Ok(rest)
    }

    fn zone_name<'a>(&mut self, value: &'a [u8]) -> Rest<'a> {
        if let Some(rest) = value.strip_prefix(b"UTC") {
            self.utc = true;
            return Ok(rest);
        }
        let length = zone_length(value).ok_or(Wrong::Form)?;
        self.zone = String::from_utf8_lossy(&value[..length]).into_owned();
        Ok(&value[length..])
    }

    fn finish(mut self) -> Result<Moment, String> {
        self.hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let date = self.date()?;
        let time = Time::new(self.hour, self.minute, self.second, self.nanosecond)
            .map_err(|_| "hour out of range".to_owned())?;
        let civil = DateTime::from_parts(date, time);
        let out_of_range = || "year out of range".to_owned();
        if self.utc {
            return Ok(Moment {
                time: Zone::Utc.timestamp(civil).ok_or_else(out_of_range)?,
                zone: Zone::Utc,
            });
        }
        let local = Zone::local();
        if let Some(offset) = self.offset {
            let fixed = Zone::Fixed(self.zone.clone(), offset);
            let time = fixed.timestamp(civil).ok_or_else(out_of_range)?;
            let (name, here) = local.at(time);
            let is_local = here == offset && (self.zone.is_empty() || self.zone == name);
            return Ok(Moment { time, zone: if is_local { local } else { fixed } });
        }
        if self.zone.is_empty() {
            return Ok(Moment { time: local.timestamp(civil).ok_or_else(out_of_range)?, zone: local });
        }
        // A name without an offset: the local zone's own, `GMT+3`, or an unknown one that counts as UTC.
        let here = local.offset_of(&self.zone, civil);
        let of_gmt = || {
            self.zone
                .strip_prefix("GMT")
                .and_then(|hours| hours.parse::<i32>().ok())
                .map_or(0, |hours| hours * 3600)
        };
        let fixed = Zone::Fixed(self.zone.clone(), here.unwrap_or_else(of_gmt));
        let time = fixed.timestamp(civil).ok_or_else(out_of_range)?;
        Ok(Moment { time, zone: if here.is_some() { local } else { fixed } })
    }

    fn date(&self) -> Result<Date, String> {
        let Some(year_day) = self.year_day else {
            let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
            return Date::new(self.year, month, day).map_err(|_| "day out of range".to_owned());
        };
        let first = Date::new(self.year, 1, 1).map_err(|_| "day-of-year out of range".to_owned())?;
        let date =
            first.with().day_of_year(year_day).build().map_err(|_| "day-of-year out of range".to_owned())?;
        if self.month.is_some_and(|month| month != date.month()) {
            return Err("day-of-year does not match month".to_owned());
        }
        if self.day.is_some_and(|day| day != date.day()) {
            return Err("day-of-year does not match day".to_owned());
        }
        Ok(date)
    }
}

fn in_range<'a>(fits: bool, what: &'static str, rest: &'a [u8]) -> Rest<'a> {
    if fits { Ok(rest) } else { Err(Wrong::Range(what)) }
}

/// Exactly so many digits.
fn digits(value: &[u8], count: usize) -> Result<(i16, &[u8]), Wrong> {
    let found =
        value.get(..count).filter(|digits| digits.iter().all(u8::is_ascii_digit)).ok_or(Wrong::Form)?;
    Ok((found.iter().fold(0, |number, digit| number * 10 + i16::from(digit - b'0')), &value[count..]))
}

/// Two digits, or one unless `fixed`.
fn number(value: &[u8], fixed: bool) -> Result<(i8, &[u8]), Wrong> {
    let count = value.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || fixed && count < 2 {
        return Err(Wrong::Form);
    }
    let (number, rest) = digits(value, count)?;
    Ok((i8::try_from(number).map_err(|_| Wrong::Form)?, rest))
}

/// A name of any case, whole or its first three letters.
fn name<'a>(names: &[&str], value: &'a [u8], short: bool) -> Result<(i8, &'a [u8]), Wrong> {
    let written = |name: &str| if short { 3 } else { name.len() };
    let found = names.iter().position(|name| {
        let length = written(name);
        value.get(..length).is_some_and(|text| text.eq_ignore_ascii_case(&name.as_bytes()[..length]))
    });
    let index = found.ok_or(Wrong::Form)?;
    Ok((i8::try_from(index).map_err(|_| Wrong::Form)?, &value[written(names[index])..]))
}

/// How long the abbreviation of a zone is, by its looks.
fn zone_length(value: &[u8]) -> Option<usize> {
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(hours) = value.strip_prefix(b"GMT") {
        return Some(3 + signed_length(hours));
    }
    if value.len() >= 3 && matches!(value[0], b'+' | b'-') {
        return Some(signed_length(value)).filter(|length| *length > 0);
    }
    match value.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count() {
        3 => Some(3),
        4 if value[3] == b'T' || value.starts_with(b"WITA") => Some(4),
        5 if value[4] == b'T' => Some(5),
        _ => None,
    }
}

/// `+3`: 0 where it is none, or beyond a day.
fn signed_length(value: &[u8]) -> usize {
    let Some((b'+' | b'-', digits)) = value.split_first() else { return 0 };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hours = String::from_utf8_lossy(&digits[..count]).parse::<u32>();
    if hours.is_ok_and(|hours| hours <= 23) { 1 + count } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::format::format;
    use super::*;

    fn shown(layout: &str, value: &str) -> Result<String, String> {
        let moment = parse(layout.as_bytes(), value.as_bytes())?;
        Ok(String::from_utf8(format(&moment, b"2006-01-02T15:04:05.999999999Z07:00 MST")).unwrap())
    }

    #[test]
    fn times() {
        let cases = [
            ("2006-01-02T15:04:05Z07:00", "2024-02-29T01:02:03.5Z", "2024-02-29T01:02:03.5Z UTC"),
            ("2006-01-02T15:04:05Z07:00", "2024-02-29T01:02:03-03:30", "2024-02-29T01:02:03-03:30 -0330"),
            ("Jan _2 2006 3:04PM MST", "feb  3 2024 11:05PM UTC", "2024-02-03T23:05:00Z UTC"),
            ("2006 002 15 UTC MST", "2024 060 12 UTC XYZ", "2024-02-29T12:00:00Z XYZ"),
            ("06-1-2 MST", "69-7-4 GMT+3", "1969-07-04T00:00:00+03:00 GMT+3"),
        ];
        for (layout, value, expected) in cases {
            assert_eq!(shown(layout, value).as_deref(), Ok(expected), "{layout}");
        }
    }

    #[test]
    fn errors() {
        let cases = [
            ("2006-01-02", "x", r#"parsing time "x" as "2006-01-02": cannot parse "x" as "2006""#),
            (
                "2006-01-02",
                "2024/01/02",
                r#"parsing time "2024/01/02" as "2006-01-02": cannot parse "/01/02" as "-""#,
            ),
            ("2006-01-02", "2024-13-02", r#"parsing time "2024-13-02": month out of range"#),
            ("2006-01-02", "2023-02-29", r#"parsing time "2023-02-29": day out of range"#),
            ("2006-01-02", "2024-01-02 x", r#"parsing time "2024-01-02 x": extra text: " x""#),
        ];
        for (layout, value, expected) in cases {
            assert_eq!(shown(layout, value).unwrap_err(), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(layout in "[-0-9_:.,ZJanuMoSTPp ]{0,24}", value in "[-0-9_:.,ZJanuMoSTPpGMT+ ]{0,24}") {
            let _ = parse(layout.as_bytes(), value.as_bytes());
        }
    }
}
