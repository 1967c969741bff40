//! Lines read from the three formats that cert-manager has had. What has none of them is text.

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::entry::{LogLevel, LogLine, resource, without_logger};
use super::klog;

impl LogLine {
    /// Reads one line; `at` is when it was received, which klog's own header says without a year.
    pub fn read(line: &str, at: Option<Timestamp>) -> Self {
        let line = line.trim();
        let read = if line.starts_with('{') { json(line) } else { klog::read(line) };
        let read = read.unwrap_or_else(|| plain(line));
        Self { time: at.or(read.time), ..read }
    }

    /// The entries of a log, oldest first: the stack of a panic belongs to the line that begins it.
    pub fn read_all<'l>(lines: impl IntoIterator<Item = (Option<Timestamp>, &'l str)>) -> Vec<Self> {
        let mut entries: Vec<Self> = Vec::new();
        let mut in_panic = false;
        for (at, text) in lines.into_iter().filter(|(_, text)| !text.trim().is_empty()) {
            let line = Self::read(text, at);
            if in_panic && line.level == LogLevel::Unmarked {
                continue;
            }
            in_panic = line.level >= LogLevel::Error && is_panic(&line.message);
            entries.push(line);
        }
        entries
    }
}

fn is_panic(message: &str) -> bool {
    ["panic: ", "fatal error: ", "Observed a panic"].iter().any(|start| message.starts_with(start))
}

/// What Go itself and the command line write when a program ends.
fn plain(line: &str) -> LogLine {
    let level = match () {
        () if is_panic(line) => LogLevel::Fatal,
        () if line.starts_with("Error: ") || line.starts_with("error: ") => LogLevel::Error,
        () => LogLevel::Unmarked,
    };
    LogLine { time: None, level, message: line.to_owned(), error: None, logger: None, object: None }
}

fn json(line: &str) -> Option<LogLine> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| entry[key].as_str().map(str::to_owned);
    let error = text("err").or_else(|| text("error"));
    let object = text("key").or_else(|| resource(|key| text(&format!("resource_{key}"))));
    // Only errors have no verbosity.
    let level = if entry.get("v").is_none() { LogLevel::Error } else { LogLevel::Info };
    let (message, logger) = without_logger(&text("msg")?, text("logger"));
    Some(LogLine { time: written(&entry["ts"]), level, message, error, logger, object })
}

/// Milliseconds since 1970, with a fraction.
fn written(value: &Value) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is far below what i64 holds")]
    let milliseconds = value.as_f64()? as i64;
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (LogLevel, String, Option<String>, Option<String>, Option<String>) {
        let LogLine { level, message, error, logger, object, .. } = LogLine::read(line, None);
        (level, message, error, logger, object)
    }

    #[test]
    fn the_three_formats_say_the_same() {
        let expected = (
            LogLevel::Error,
            "re-queuing item due to error processing".to_owned(),
            Some("certificates \"x\" not found\nat all".to_owned()),
            Some("cert-manager/orders".to_owned()),
            Some("web/x".to_owned()),
        );
        for line in [
            r#"E0812 10:47:20.110108       1 controller.go:163] cert-manager/orders "msg"="re-queuing item due to error processing" "error"="certificates \"x\" not found\nat all" "key"="web/x" "#,
            r#"E0812 10:47:20.110108       1 controller.go:163] "cert-manager/orders: re-queuing item due to error processing" err="certificates \"x\" not found\nat all" key="web/x""#,
            r#"E0812 10:47:20.110108       1 controller.go:163] "re-queuing item due to error processing" err="certificates \"x\" not found\nat all" logger="cert-manager/orders" key="web/x""#,
            r#"{"ts":1731962429714.193,"caller":"controller.go:163","msg":"re-queuing item due to error processing","logger":"cert-manager/orders","key":"web/x","err":"certificates \"x\" not found\nat all"}"#,
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn an_object_may_be_told_by_its_parts_and_a_null_error_is_none() {
        let klog = r#"W1128 10:47:20.1 1 s.go:1] cert-manager/x "msg"="m" "error"=null "resource_kind"="Issuer" "resource_name"="ca" "resource_namespace"="" "secret"={"Namespace":"a b","Name":"c"}"#;
        let json =
            r#"{"ts":1731962429714.193,"msg":"m","v":0,"resource_name":"y","resource_namespace":"web"}"#;
        assert_eq!(read(klog).4.as_deref(), Some("ca"));
        assert_eq!(read(klog).2, None);
        let line = LogLine::read(json, None);
        assert_eq!((line.level, line.object.as_deref()), (LogLevel::Info, Some("web/y")));
        assert_eq!(line.time.unwrap().to_string(), "2024-11-18T20:40:29.714Z");
    }

    #[test]
    fn the_stack_of_a_panic_is_part_of_it_and_a_text_is_a_line() {
        let log = "I1128 10:47:20.1 1 a.go:1] starting\npanic: boom\n\ngoroutine 1 [running]:\n\tmain.go:1\nE1128 10:47:21.1 1 a.go:2] next\nplain\nError: bad flag";
        let entries = LogLine::read_all(log.lines().map(|line| (None, line)));
        let told: Vec<(LogLevel, &str)> =
            entries.iter().map(|entry| (entry.level, entry.message.as_str())).collect();
        let expected = [
            (LogLevel::Info, "starting"),
            (LogLevel::Fatal, "panic: boom"),
            (LogLevel::Error, "next"),
            (LogLevel::Unmarked, "plain"),
            (LogLevel::Error, "Error: bad flag"),
        ];
        assert_eq!(told, expected);
    }
}
