//! Go's layouts: a form is described by how the second of January 2006, 15:04:05 would look in it.

/// A part of a layout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    LongMonth,
    Month,
    NumberMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Offset(OffsetForm),
    /// So many digits after this point; trailing zeros only where `zeros`.
    Fraction {
        point: char,
        digits: usize,
        zeros: bool,
    },
}

/// How an offset from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OffsetForm {
    /// `Z` for UTC itself.
    pub(super) z: bool,
    pub(super) colons: bool,
    /// Hours only, minutes too, or seconds too.
    pub(super) parts: u8,
}

/// Fixed texts and what they stand for; the longer of two with one beginning comes first.
const PARTS: &[(&str, Part)] = &[
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::ZoneName),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("002", Part::ZeroYearDay),
    ("15", Part::Hour),
    ("1", Part::NumberMonth),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("_2", Part::SpaceDay),
    ("__2", Part::SpaceYearDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperHalf),
    ("pm", Part::LowerHalf),
    ("-070000", offset(false, false, 3)),
    ("-07:00:00", offset(false, true, 3)),
    ("-0700", offset(false, false, 2)),
    ("-07:00", offset(false, true, 2)),
    ("-07", offset(false, false, 1)),
    ("Z070000", offset(true, false, 3)),
    ("Z07:00:00", offset(true, true, 3)),
    ("Z0700", offset(true, false, 2)),
    ("Z07:00", offset(true, true, 2)),
    ("Z07", offset(true, false, 1)),
];

const fn offset(z: bool, colons: bool, parts: u8) -> Part {
    Part::Offset(OffsetForm { z, colons, parts })
}

/// The text before a part, the part with its own text, and what follows.
type Next<'a> = (&'a [u8], Option<(Part, &'a [u8])>, &'a [u8]);

/// The next part of a layout; none where only text is left.
pub(super) fn next(layout: &[u8]) -> Next<'_> {
    for at in 0..layout.len() {
        // The underscore of `_2006` is text.
        if layout[at..].starts_with(b"_2006") {
            continue;
        }
        if let Some((part, length)) = part_at(&layout[at..]) {
            let (before, rest) = layout.split_at(at);
            let (own, after) = rest.split_at(length);
            return (before, Some((part, own)), after);
        }
    }
    (layout, None, b"")
}

fn part_at(layout: &[u8]) -> Option<(Part, usize)> {
    if let Some(fraction) = fraction(layout) {
        return Some(fraction);
    }
    let (name, part) = PARTS.iter().find(|(name, _)| layout.starts_with(name.as_bytes()))?;
    // `Janet` and `Monk` are words.
    let is_word = matches!(part, Part::Month | Part::Weekday)
        && layout.get(name.len()).is_some_and(u8::is_ascii_lowercase);
    (!is_word).then_some((*part, name.len()))
}

/// `.000` or `,999`: digits of one kind after a point, and none after them.
fn fraction(layout: &[u8]) -> Option<(Part, usize)> {
    let (point @ (b'.' | b','), digit @ (b'0' | b'9')) = (*layout.first()?, *layout.get(1)?) else {
        return None;
    };
    let digits = layout[1..].iter().take_while(|byte| **byte == digit).count();
    let ends = !layout.get(1 + digits).is_some_and(u8::is_ascii_digit);
    ends.then_some((Part::Fraction { point: char::from(point), digits, zeros: digit == b'0' }, 1 + digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let read = |layout: &str| {
            let (mut rest, mut parts) = (layout.as_bytes(), Vec::new());
            while let (_, Some((part, _)), after) = next(rest) {
                parts.push(part);
                rest = after;
            }
            parts
        };
        assert_eq!(read("2006-01-02"), [Part::LongYear, Part::ZeroMonth, Part::ZeroDay]);
        assert_eq!(read("Janet _2006 Jan Monk"), [Part::LongYear, Part::Month]);
        assert_eq!(
            read("05.000 .0001"),
            [Part::ZeroSecond, Part::Fraction { point: '.', digits: 3, zeros: true }, Part::ZeroMonth]
        );
        assert_eq!(read("Z07:00-0700"), [offset(true, true, 2), offset(false, false, 2)]);
    }
}
