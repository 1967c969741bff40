//! Functions on points in time, with Go's layouts.

use super::durations::{self, Span};
use super::{Answer, fixed, text};
use crate::helm::template::function::{
    Arguments, Function, FunctionError,
    Parameter::{Any, Named, Str},
};
use crate::helm::template::value::Value;

mod format;
mod layout;
mod moment;
mod names;
mod parse;
mod zone;

pub(super) use moment::Moment;
use zone::Zone;

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("now", &[], |_, _| Ok(Moment::now().into())),
    fixed("ago", &[Any], |_, a| text(ago(a.value(0)))),
    fixed("date", &[Str, Any], |_, a| in_zone(a.text(0), a.value(1), b"Local")),
    fixed("date_in_zone", &[Str, Any, Str], |_, a| in_zone(a.text(0), a.value(1), a.text(2))),
    fixed("dateInZone", &[Str, Any, Str], |_, a| in_zone(a.text(0), a.value(1), a.text(2))),
    fixed("htmlDate", &[Any], |_, a| in_zone(b"2006-01-02", a.value(0), b"Local")),
    fixed("htmlDateInZone", &[Any, Str], |_, a| in_zone(b"2006-01-02", a.value(0), a.text(1))),
    fixed("date_modify", &[Str, Named("time.Time")], |_, a| modified(a).or_else(|_| Ok(a.value(1).clone()))),
    fixed("dateModify", &[Str, Named("time.Time")], |_, a| modified(a).or_else(|_| Ok(a.value(1).clone()))),
    fixed("must_date_modify", &[Str, Named("time.Time")], |_, a| modified(a)),
    fixed("mustDateModify", &[Str, Named("time.Time")], |_, a| modified(a)),
    fixed("toDate", &[Str, Str], |_, a| {
        Ok(parse::parse(a.text(0), a.text(1)).unwrap_or_else(|_| Moment::zero()).into())
    }),
    fixed("mustToDate", &[Str, Str], |_, a| {
        Ok(parse::parse(a.text(0), a.text(1)).map_err(FunctionError::said)?.into())
    }),
    fixed("unixEpoch", &[Named("time.Time")], |_, a| {
        text(moment(a.value(0)).map_or(0, Moment::unix).to_string())
    }),
];

/// A time (RFC 3339) in one of Go's layouts, in the zone that it was written in; `None` when it is no time.
pub fn in_layout(time: &str, layout: &str) -> Option<String> {
    let moment = parse::parse(b"2006-01-02T15:04:05Z07:00", time.as_bytes()).ok()?;
    Some(String::from_utf8_lossy(&format::format(&moment, layout.as_bytes())).into_owned())
}

fn moment(value: &Value) -> Option<&Moment> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref(),
        _ => None,
    }
}

/// A time, or a whole number of seconds since 1970; now for everything else.
fn point(value: &Value) -> Moment {
    match value {
        Value::Int(seconds) | Value::Int64(seconds) => {
            Moment::from_unix(*seconds).unwrap_or_else(Moment::zero)
        }
        other => moment(other).cloned().unwrap_or_else(Moment::now),
    }
}

/// An unknown zone counts as UTC.
fn in_zone(layout: &[u8], value: &Value, zone: &[u8]) -> Answer {
    let zone = Zone::named(&String::from_utf8_lossy(zone)).unwrap_or(Zone::Utc);
    text(format::format(&point(value).within(zone), layout))
}

fn modified(a: Arguments<'_>) -> Answer {
    let span = durations::parse(a.text(0))?;
    let moment = moment(a.value(1)).cloned().unwrap_or_else(Moment::zero);
    Ok(moment.plus(span)?.into())
}

fn ago(value: &Value) -> String {
    point(value).elapsed().round(Span::SECOND).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::template::print;

    #[test]
    fn zones() {
        let shown = |zone: &str| {
            print::display(
                &in_zone(b"2006-01-02 15:04 MST", &Value::Int(1_700_000_000), zone.as_bytes()).unwrap(),
            )
        };
        assert_eq!(shown("UTC").lossy(), "2023-11-14 22:13 UTC");
        assert_eq!(shown("No/Where").lossy(), "2023-11-14 22:13 UTC");
    }

    #[test]
    fn modification() {
        let moment: Value = Moment::from_unix(0).unwrap().within(Zone::Utc).into();
        let shown = |text: &str| {
            let arguments = [Value::from(text), moment.clone()];
            modified(Arguments(&arguments)).map(|value| print::display(&value).lossy().into_owned())
        };
        assert_eq!(shown("-1.5h").unwrap(), "1969-12-31 22:30:00 +0000 UTC");
        assert!(shown("1x").is_err());
    }
}
