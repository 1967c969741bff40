//! TOML as Go's `BurntSushi/toml` writes and reads it. What a wrong document is told is in this program's own
//! words.

use std::str::FromStr as _;

use jiff::civil::{Date, DateTime, Time};
use toml_edit::{Datetime, DocumentMut, Item, Offset, Value as Toml};

use super::dates::Moment;
use super::json::error_map;
use super::{fixed, text};
use crate::helm::template::function::{
    Function, FunctionError,
    Parameter::{Any, Str},
};
use crate::helm::template::text::Text;
use crate::helm::template::value::{List, ListKind, Map, Value};

mod write;

use write::{WriteError, write};

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("toToml", &[Any], |_, a| match write(a.value(0)) {
        Err(WriteError::Returned(error)) => text(error),
        other => text(other.map_err(said)?),
    }),
    fixed("mustToToml", &[Any], |_, a| text(write(a.value(0)).map_err(said)?)),
    fixed("fromToml", &[Str], |_, a| Ok(read(&String::from_utf8_lossy(a.text(0))))),
];

fn said(error: WriteError) -> FunctionError {
    match error {
        WriteError::Returned(text) | WriteError::Panicked(text) => FunctionError::said(text),
    }
}

fn read(document: &str) -> Value {
    match DocumentMut::from_str(document) {
        Ok(document) => table(document.iter()),
        Err(error) => {
            let line = error
                .span()
                .map_or(1, |span| document[..span.start.min(document.len())].matches('\n').count() + 1);
            error_map(&format!("toml: line {line}: {}", error.message()))
        }
    }
}

fn table<'a>(entries: impl Iterator<Item = (&'a str, &'a Item)>) -> Value {
    Value::Map(entries.map(|(key, item)| (Text::from(key), item_value(item))).collect::<Map>())
}

fn item_value(item: &Item) -> Value {
    match item {
        Item::None => Value::Nil,
        Item::Value(value) => plain_value(value),
        Item::Table(entries) => table(entries.iter()),
        Item::ArrayOfTables(tables) => {
            List::new(tables.iter().map(|entries| table(entries.iter())).collect())
                .with_kind(ListKind::Maps)
                .into()
        }
    }
}

fn plain_value(value: &Toml) -> Value {
    match value {
        Toml::String(text) => Value::from(text.value().as_str()),
        Toml::Integer(number) => Value::Int64(*number.value()),
        Toml::Float(number) => Value::Float(*number.value()),
        Toml::Boolean(truth) => Value::Bool(*truth.value()),
        Toml::Datetime(time) => moment(time.value()).map_or(Value::Nil, Value::from),
        Toml::Array(items) => List::new(items.iter().map(plain_value).collect()).into(),
        Toml::InlineTable(entries) => Value::Map(
            entries.iter().map(|(key, value)| (Text::from(key), plain_value(value))).collect::<Map>(),
        ),
    }
}

/// A time; what is no point in time is in a zone that says so.
fn moment(time: &Datetime) -> Option<Moment> {
    let date = match time.date {
        Some(date) => Date::new(
            i16::try_from(date.year).ok()?,
            i8::try_from(date.month).ok()?,
            i8::try_from(date.day).ok()?,
        )
        .ok()?,
        None => Date::new(0, 1, 1).ok()?,
    };
    let part = |part: u8| i8::try_from(part).ok();
    let clock = match time.time {
        Some(clock) => {
            let nanosecond = i32::try_from(clock.nanosecond.unwrap_or(0)).ok()?;
            Time::new(part(clock.hour)?, part(clock.minute)?, part(clock.second.unwrap_or(0))?, nanosecond)
                .ok()?
        }
        None => Time::midnight(),
    };
    let civil = DateTime::from_parts(date, clock);
    match (time.offset, time.date, time.time) {
        (Some(Offset::Z), ..) => Moment::at_offset(civil, 0),
        (Some(Offset::Custom { minutes }), ..) => Moment::at_offset(civil, i32::from(minutes) * 60),
        (None, Some(_), Some(_)) => Moment::local(civil, "datetime-local"),
        (None, Some(_), None) => Moment::local(civil, "date-local"),
        (None, None, _) => Moment::local(civil, "time-local"),
    }
}
