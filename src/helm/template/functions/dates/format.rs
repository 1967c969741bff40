//! Writes a time in a layout.

use super::layout::{OffsetForm, Part, next};
use super::moment::Moment;
use super::names::{DAYS, MONTHS};

/// The text of a time.
pub(super) fn format(moment: &Moment, layout: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), layout);
    loop {
        let (before, part, after) = next(rest);
        out.extend_from_slice(before);
        let Some((part, _)) = part else { return out };
        out.extend_from_slice(written(moment, part).as_bytes());
        rest = after;
    }
}

fn written(moment: &Moment, part: Part) -> String {
    let (civil, zone, offset) = moment.shown();
    let hour12 = if civil.hour() % 12 == 0 { 12 } else { civil.hour() % 12 };
    let year_day = civil.date().day_of_year();
    match part {
        Part::LongYear => year(civil.year()),
        Part::Year => format!("{:02}", civil.year().unsigned_abs() % 100),
        Part::LongMonth => month(civil.month()).to_owned(),
        Part::Month => month(civil.month())[..3].to_owned(),
        Part::NumberMonth => civil.month().to_string(),
        Part::ZeroMonth => format!("{:02}", civil.month()),
        Part::LongWeekday => weekday(civil).to_owned(),
        Part::Weekday => weekday(civil)[..3].to_owned(),
        Part::Day => civil.day().to_string(),
        Part::SpaceDay => format!("{:2}", civil.day()),
        Part::ZeroDay => format!("{:02}", civil.day()),
        Part::SpaceYearDay => format!("{year_day:3}"),
        Part::ZeroYearDay => format!("{year_day:03}"),
        Part::Hour => format!("{:02}", civil.hour()),
        Part::Hour12 => hour12.to_string(),
        Part::ZeroHour12 => format!("{hour12:02}"),
        Part::Minute => civil.minute().to_string(),
        Part::ZeroMinute => format!("{:02}", civil.minute()),
        Part::Second => civil.second().to_string(),
        Part::ZeroSecond => format!("{:02}", civil.second()),
        Part::UpperHalf => if civil.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        Part::LowerHalf => if civil.hour() < 12 { "am" } else { "pm" }.to_owned(),
        Part::ZoneName if zone.is_empty() => {
            written_offset(offset, OffsetForm { z: false, colons: false, parts: 2 })
        }
        Part::ZoneName => zone,
        Part::Offset(form) => written_offset(offset, form),
        Part::Fraction { point, digits, zeros } => fraction(civil.subsec_nanosecond(), point, digits, zeros),
    }
}

/// At least four digits; a sign does not count.
fn year(year: i16) -> String {
    format!("{}{:04}", if year < 0 { "-" } else { "" }, year.unsigned_abs())
}

fn month(number: i8) -> &'static str {
    usize::try_from(number - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or("January")
}

fn weekday(civil: jiff::civil::DateTime) -> &'static str {
    let number = civil.date().weekday().to_sunday_zero_offset();
    usize::try_from(number).ok().and_then(|at| DAYS.get(at)).copied().unwrap_or("Sunday")
}

fn written_offset(offset: i32, form: OffsetForm) -> String {
    if offset == 0 && form.z {
        return "Z".to_owned();
    }
    let minutes = (offset / 60).abs();
    let colon = if form.colons { ":" } else { "" };
    // Go looks at the minutes for the sign.
    let mut out = format!("{}{:02}", if offset / 60 < 0 { '-' } else { '+' }, minutes / 60);
    if form.parts > 1 {
        out.push_str(colon);
        out.push_str(&two_digits(minutes % 60));
    }
    if form.parts > 2 {
        out.push_str(colon);
        out.push_str(&two_digits(offset.abs() % 60));
    }
    out
}

fn two_digits(number: i32) -> String {
    format!("{number:02}")
}

fn fraction(nanoseconds: i32, point: char, digits: usize, zeros: bool) -> String {
    let all = format!("{nanoseconds:09}");
    let cut = &all[..digits.min(9)];
    let cut = if zeros { cut } else { cut.trim_end_matches('0') };
    if cut.is_empty() { String::new() } else { format!("{point}{cut}") }
}

#[cfg(test)]
mod tests {
    use super::super::zone::Zone;
    use super::*;

    #[test]
    fn layouts() {
        let zone = Zone::Fixed(String::new(), -12_600);
        let moment = Moment { time: jiff::Timestamp::new(1_136_214_245, 120_000_000).unwrap(), zone };
        let cases = [
            ("Mon Jan _2 15:04:05 2006", "Mon Jan  2 11:34:05 2006"),
            ("Monday, 02-Jan-06 3:4:5 pm", "Monday, 02-Jan-06 11:34:5 am"),
            ("2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T11:34:05.12-03:30"),
            ("05.000 05,99 002 __2 MST -07 Z07:00:00", "05.120 05,12 002   2 -0330 -03 -03:30:00"),
            ("1/2 03PM", "1/2 11AM"),
            ("no layout", "no layout"),
        ];
        for (layout, expected) in cases {
            assert_eq!(String::from_utf8(format(&moment, layout.as_bytes())).unwrap(), expected);
        }
    }
}
