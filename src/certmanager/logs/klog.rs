//! klog's lines: a header, then klogr's pairs (up to 1.11), a quoted message with pairs, or plain words.

use super::entry::{LogLevel, LogLine, resource, without_logger};

/// `E0812 10:47:20.110108       1 controller.go:163] …`; none for what has no such header.
pub(super) fn read(line: &str) -> Option<LogLine> {
    let level = match line.as_bytes() {
        [b'I', b'0'..=b'9', ..] => LogLevel::Info,
        [b'W', b'0'..=b'9', ..] => LogLevel::Warning,
        [b'E', b'0'..=b'9', ..] => LogLevel::Error,
        [b'F', b'0'..=b'9', ..] => LogLevel::Fatal,
        _ => return None,
    };
    let (header, rest) = line.split_once("] ")?;
    (header.len() < 120 && header.contains(".go:")).then(|| body(level, rest.trim()))
}

fn body(level: LogLevel, rest: &str) -> LogLine {
    let (message, logger, rest) = match rest.find("\"msg\"=") {
        Some(at) if !rest.starts_with('"') || at == 0 => (None, word(&rest[..at]), &rest[at..]),
        _ if rest.starts_with('"') => {
            let (message, rest) = value(rest);
            (Some(message), None, rest)
        }
        _ => (Some(rest.to_owned()), None, ""),
    };
    let pairs = pairs(rest);
    let text = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    let message = message.or_else(|| text("msg")).unwrap_or_default();
    let error = text("err").or_else(|| text("error")).filter(|error| !["null", "<nil>"].contains(&&**error));
    let object = text("key").or_else(|| resource(|key| text(&format!("resource_{key}"))));
    let (message, logger) = without_logger(&message, logger.or_else(|| text("logger")));
    LogLine { time: None, level, message, error, logger, object }
}

fn word(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// `key="value" "key"={"a":"b"} key=word`.
fn pairs(mut rest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((key, after)) = rest.trim_start().split_once('=') {
        let (value, after) = value(after);
        found.push((key.trim_matches('"').to_owned(), value));
        rest = after;
    }
    found
}

/// The value that a text begins with, and what follows it.
fn value(text: &str) -> (String, &str) {
    if let Some(inside) = text.strip_prefix('"') {
        return quoted(inside);
    }
    let (mut depth, mut quote) = (0_i32, false);
    let ends = |c: char| {
        quote ^= c == '"';
        depth += i32::from("{[".contains(c) && !quote) - i32::from("}]".contains(c) && !quote);
        c == ' ' && depth <= 0 && !quote
    };
    let end = text.find(ends).unwrap_or(text.len());
    (text[..end].to_owned(), &text[end..])
}

/// The text up to the closing quote, with Go's escapes resolved.
fn quoted(text: &str) -> (String, &str) {
    let (mut said, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match (escaped, c) {
            (true, c) => {
                said.push(match c {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
                escaped = false;
            }
            (false, '\\') => escaped = true,
            (false, '"') => return (said, &text[at + 1..]),
            (false, c) => said.push(c),
        }
    }
    (said, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_header_is_not_of_klog() {
        for line in ["", "Everything is well", "E-mail] x", "E1128 no header", "I am] here"] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn pairs_keep_what_is_in_brackets_together() {
        let found = pairs(r#" a="x \"y\"" "b"={"c": "d e"} e=f g=["h", "i"]"#);
        let expected = [("a", "x \"y\""), ("b", "{\"c\": \"d e\"}"), ("e", "f"), ("g", "[\"h\", \"i\"]")];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
