//! Go's `time.Time`.

use std::any::Any;
use std::rc::Rc;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::format::format;
use super::names::{DAYS, MONTHS};
use super::zone::Zone;
use crate::helm::template::function::FunctionError;
use crate::helm::template::functions::durations::Span;
use crate::helm::template::text::Text;
use crate::helm::template::value::{Object, Value};

/// A point in time, and the zone whose clocks show it.
#[derive(Clone, Debug)]
pub(in crate::helm::template::functions) struct Moment {
    pub(super) time: Timestamp,
    pub(super) zone: Zone,
}

/// The year 1, Go's zero time, in seconds since 1970.
const YEAR_1: i64 = -62_135_596_800;

impl Moment {
    /// Now, here.
    pub(super) fn now() -> Self {
        Self { time: Timestamp::now(), zone: Zone::local() }
    }

    /// The zero time.
    pub(super) fn zero() -> Self {
        Self { time: Timestamp::from_second(YEAR_1).unwrap_or(Timestamp::MIN), zone: Zone::Utc }
    }

    /// Seconds since 1970, here; none beyond the year 9999.
    pub(super) fn from_unix(seconds: i64) -> Option<Self> {
        Timestamp::from_second(seconds).ok().map(|time| Self { time, zone: Zone::local() })
    }

    /// What clocks show that go so many seconds before UTC.
    pub(in crate::helm::template::functions) fn at_offset(civil: DateTime, seconds: i32) -> Option<Self> {
        let zone = if seconds == 0 { Zone::Utc } else { Zone::Fixed(String::new(), seconds) };
        zone.timestamp(civil).map(|time| Self { time, zone })
    }

    /// What local clocks show, in a zone of this name.
    pub(in crate::helm::template::functions) fn local(civil: DateTime, name: &str) -> Option<Self> {
        let (_, offset) = Zone::local().at(Timestamp::now());
        let zone = Zone::Fixed(name.to_owned(), offset);
        zone.timestamp(civil).map(|time| Self { time, zone })
    }

    /// As TOML has it.
    pub(in crate::helm::template::functions) fn in_toml(&self) -> Vec<u8> {
        let layout = match &self.zone {
            Zone::Fixed(name, _) if name == "datetime-local" => "2006-01-02T15:04:05.999999999",
            Zone::Fixed(name, _) if name == "date-local" => "2006-01-02",
            Zone::Fixed(name, _) if name == "time-local" => "15:04:05.999999999",
            _ => "2006-01-02T15:04:05.999999999Z07:00",
        };
        format(self, layout.as_bytes())
    }

    /// The same time on other clocks.
    #[must_use]
    pub(super) fn within(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// Seconds since 1970.
    pub(super) fn unix(&self) -> i64 {
        self.time.as_nanosecond().div_euclid(1_000_000_000).try_into().unwrap_or(0)
    }

    /// How long ago it was.
    pub(in crate::helm::template::functions) fn elapsed(&self) -> Span {
        Self::now().since(self)
    }

    fn since(&self, earlier: &Self) -> Span {
        let nanoseconds = self.time.as_nanosecond() - earlier.time.as_nanosecond();
        Span(i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX }))
    }

    /// A later time, or an earlier one.
    pub(super) fn plus(&self, span: Span) -> Result<Self, FunctionError> {
        let time = self.time.checked_add(SignedDuration::from_nanos(span.0)).map_err(|_| out_of_range())?;
        Ok(Self { time, zone: self.zone.clone() })
    }

    /// What the zone's clocks show, their name and their seconds east of UTC.
    pub(super) fn shown(&self) -> (DateTime, String, i32) {
        let (name, seconds) = self.zone.at(self.time);
        let offset = Offset::from_seconds(seconds).unwrap_or(Offset::UTC);
        (offset.to_datetime(self.time), name, seconds)
    }

    fn add_date(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let [Value::Int(years), Value::Int(months), Value::Int(days)] = arguments else {
            return Err(FunctionError::said("wants years, months and days"));
        };
        // Go counts the days on from the first of the month, so 31 January and one month is 3 March.
        let (civil, ..) = self.shown();
        let first = civil.date().first_of_month();
        let months = years
            .checked_mul(12)
            .and_then(|all| all.checked_add(*months))
            .filter(|months| months.abs() < 240_000);
        let days = days.checked_add(i64::from(civil.day()) - 1).filter(|days| days.abs() < 7_300_000);
        let (Some(months), Some(days)) = (months, days) else { return Err(out_of_range()) };
        let date = first
            .checked_add(months.months())
            .and_then(|date| date.checked_add(days.days()))
            .map_err(|_| out_of_range())?;
        let time = self.zone.timestamp(DateTime::from_parts(date, civil.time())).ok_or_else(out_of_range)?;
        Ok(Self { time, zone: self.zone.clone() }.into())
    }

    fn clock(&self, name: &str) -> Option<Value> {
        let (civil, ..) = self.shown();
        Some(Value::Int(match name {
            "Year" => i64::from(civil.year()),
            "Day" => i64::from(civil.day()),
            "YearDay" => i64::from(civil.date().day_of_year()),
            "Hour" => i64::from(civil.hour()),
            "Minute" => i64::from(civil.minute()),
            "Second" => i64::from(civil.second()),
            "Nanosecond" => i64::from(civil.subsec_nanosecond()),
            "Month" => return Some(NamedNumber::month(civil.month()).into()),
            "Weekday" => {
                return Some(NamedNumber::weekday(civil.date().weekday().to_sunday_zero_offset()).into());
            }
            _ => return None,
        }))
    }

    fn epoch(&self, name: &str) -> Option<Value> {
        let nanoseconds = self.time.as_nanosecond();
        let unit = match name {
            "Unix" => 1_000_000_000,
            "UnixMilli" => 1_000_000,
            "UnixMicro" => 1_000,
            "UnixNano" => 1,
            _ => return None,
        };
        Some(Value::Int64(i64::try_from(nanoseconds.div_euclid(unit)).unwrap_or(0)))
    }

    fn compared(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        let answer: fn(&Self, &Self) -> Value = match name {
            "Before" => |one, other| (one.time < other.time).into(),
            "After" => |one, other| (one.time > other.time).into(),
            "Equal" => |one, other| (one.time == other.time).into(),
            "Compare" => |one, other| Value::Int(one.time.cmp(&other.time) as i64),
            "Sub" => |one, other| one.since(other).into(),
            _ => return None,
        };
        let other = match arguments {
            [Value::Object(object)] => object.as_any().downcast_ref::<Self>(),
            _ => None,
        };
        Some(other.map(|other| answer(self, other)).ok_or_else(|| FunctionError::said("wants one time.Time")))
    }

    /// To a multiple since the zero time.
    fn to_multiple(&self, name: &str, span: Span) -> Result<Value, FunctionError> {
        let since_zero = self.time.as_nanosecond() - i128::from(YEAR_1) * 1_000_000_000;
        let multiple = i128::from(span.0);
        let rest = if multiple > 0 { since_zero.rem_euclid(multiple) } else { 0 };
        let up = name == "Round" && rest * 2 >= multiple && multiple > 0;
        let moved = if up { multiple - rest } else { -rest };
        Ok(self.plus(Span(i64::try_from(moved).map_err(|_| out_of_range())?))?.into())
    }
}

fn out_of_range() -> FunctionError {
    FunctionError::said("the time is not between the years -9999 and 9999")
}

impl From<Moment> for Value {
    fn from(moment: Moment) -> Self {
        Self::Object(Rc::new(moment))
    }
}

fn span(arguments: &[Value]) -> Result<Span, FunctionError> {
    match arguments {
        [Value::Object(object)] => object.as_any().downcast_ref::<Span>().copied(),
        _ => None,
    }
    .ok_or_else(|| FunctionError::said("wants one time.Duration"))
}

impl Object for Moment {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn kind(&self) -> &'static str {
        "struct"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, FunctionError>> {
        if let Some(value) = self.clock(name).or_else(|| self.epoch(name)) {
            return Some(Ok(value));
        }
        if let Some(answer) = self.compared(name, arguments) {
            return Some(answer);
        }
        Some(match name {
            "Format" => match arguments {
                [Value::Str(layout)] => Ok(Value::Str(format(self, layout.bytes()).into())),
                _ => Err(FunctionError::said("wants one layout")),
            },
            "UTC" => Ok(self.clone().within(Zone::Utc).into()),
            "Local" => Ok(self.clone().within(Zone::local()).into()),
            "IsZero" => Ok((self.time.as_nanosecond() == i128::from(YEAR_1) * 1_000_000_000).into()),
            "String" => Ok(Value::Str(self.print())),
            "Add" => span(arguments).and_then(|span| Ok(self.plus(span)?.into())),
            "AddDate" => self.add_date(arguments),
            "Round" | "Truncate" => span(arguments).and_then(|span| self.to_multiple(name, span)),
            _ => return None,
        })
    }

    fn print(&self) -> Text {
        format(self, b"2006-01-02 15:04:05.999999999 -0700 MST").into()
    }

    fn plain(&self) -> Value {
        Value::Str(format(self, b"2006-01-02T15:04:05.999999999Z07:00").into())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Go's `time.Month` and `time.Weekday`: numbers that print as names.
#[derive(Clone, Copy, Debug)]
struct NamedNumber {
    type_name: &'static str,
    name: &'static str,
    number: i64,
}

impl NamedNumber {
    fn month(number: i8) -> Self {
        let name =
            usize::try_from(number - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
        Self { type_name: "time.Month", name, number: i64::from(number) }
    }

    fn weekday(number: i8) -> Self {
        let name = usize::try_from(number).ok().and_then(|at| DAYS.get(at)).copied().unwrap_or_default();
        Self { type_name: "time.Weekday", name, number: i64::from(number) }
    }
}

impl From<NamedNumber> for Value {
    fn from(number: NamedNumber) -> Self {
        Self::Object(Rc::new(number))
    }
}

impl Object for NamedNumber {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn kind(&self) -> &'static str {
        "int"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn call(&self, name: &str, _: &[Value]) -> Option<Result<Value, FunctionError>> {
        (name == "String").then(|| Ok(self.name.into()))
    }

    fn print(&self) -> Text {
        self.name.into()
    }

    fn plain(&self) -> Value {
        Value::Int(self.number)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::template::print;

    fn called(moment: &Moment, name: &str, arguments: &[Value]) -> String {
        match moment.call(name, arguments) {
            Some(Ok(value)) => print::display(&value).lossy().into_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn methods() {
        let moment = Moment::from_unix(1_706_700_645).unwrap().within(Zone::Utc);
        let cases = [
            ("Year", "2024"),
            ("Month", "January"),
            ("Weekday", "Wednesday"),
            ("YearDay", "31"),
            ("Unix", "1706700645"),
            ("UnixMilli", "1706700645000"),
            ("String", "2024-01-31 11:30:45 +0000 UTC"),
            ("IsZero", "false"),
        ];
        for (name, expected) in cases {
            assert_eq!(called(&moment, name, &[]), expected, "{name}");
        }
        assert_eq!(
            called(&moment, "AddDate", &[Value::Int(0), Value::Int(1), Value::Int(0)]),
            "2024-03-02 11:30:45 +0000 UTC"
        );
        assert_eq!(called(&moment, "Add", &[Span(1).into()]), "2024-01-31 11:30:45.000000001 +0000 UTC");
        assert_eq!(
            called(&moment, "Truncate", &[Span::parse("1h").unwrap().into()]),
            "2024-01-31 11:00:00 +0000 UTC"
        );
        assert_eq!(called(&moment, "Sub", &[Moment::zero().into()]), "2562047h47m16.854775807s");
        assert_eq!(called(&Moment::zero(), "IsZero", &[]), "true");
        assert!(moment.call("Nope", &[]).is_none());
    }

    #[test]
    fn far_away_is_an_error_not_a_panic() {
        let far = Moment::from_unix(253_402_207_000).unwrap();
        assert!(far.plus(Span(i64::MAX)).is_err());
        assert!(Moment::from_unix(i64::MAX).is_none());
        assert!(far.add_date(&[Value::Int(i64::MAX), Value::Int(0), Value::Int(0)]).is_err());
    }
}
