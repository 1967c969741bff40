//! One entry of a log store as the line that a pod wrote. Pure.

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::config::LogFields;

/// A line that a pod wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// When.
    pub time: Option<Timestamp>,
    /// Which pod.
    pub pod: String,
    /// The line.
    pub text: String,
}

/// The line in an entry; none where no field has one. A collector may have taken a JSON line apart: then the entry
/// itself is the line.
pub(super) fn line(fields: &LogFields, hit: &Value) -> Option<StoredLine> {
    let source = &hit["_source"];
    let text = |name: &str| field(source, name).and_then(Value::as_str).map(str::to_owned);
    let whole = || field(source, "msg").is_some().then(|| source.to_string());
    Some(StoredLine {
        time: time(field(source, &fields.time)),
        pod: text(&fields.pod).unwrap_or_default(),
        text: text(&fields.message).or_else(|| text("message")).or_else(whole)?,
    })
}

fn time(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::String(text) => text.parse().ok(),
        number => Timestamp::from_millisecond(number.as_i64()?).ok(),
    }
}

/// A field by its name; what stands between dots may be nested or not.
fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).or_else(|| {
        name.match_indices('.').find_map(|(at, _)| field(value.get(&name[..at])?, &name[at + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_is_found_however_the_collector_wrote_it() {
        let nested = json!({"_source": {"@timestamp": "2026-11-28T10:00:00Z", "log": "a", "kubernetes": {"pod_name": "p"}}});
        let flat = json!({"_source": {"@timestamp": 1_795_860_000_000_i64, "message": "a", "kubernetes.pod_name": "p"}});
        let at = "2026-11-28T10:00:00Z".parse().ok();
        let expected = Some(StoredLine { time: at, pod: "p".to_owned(), text: "a".to_owned() });
        assert_eq!(line(&LogFields::default(), &nested), expected);
        assert_eq!(line(&LogFields::default(), &flat), expected);
        let apart = json!({"_source": {"msg": "m", "err": "e"}});
        let text = line(&LogFields::default(), &apart).unwrap().text;
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({"msg": "m", "err": "e"}));
        assert_eq!(line(&LogFields::default(), &json!({"_source": {"other": "x"}})), None);
    }
}
