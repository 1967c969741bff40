//! `html`, `js` and `urlquery`.

use std::fmt::Write as _;

use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::value::Value;

/// The printed arguments; nil is `<no value>` here.
fn printed(values: &[Value]) -> Text {
    let value =
        |value: &Value| if matches!(value, Value::Nil) { Value::from("<no value>") } else { value.clone() };
    print::print(&values.iter().map(value).collect::<Vec<_>>())
}

/// Escapes for HTML.
pub(super) fn html(values: &[Value]) -> Text {
    let mut out = Vec::new();
    for byte in printed(values).bytes() {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            _ => out.push(*byte),
        }
    }
    Text::from(out)
}

/// Escapes for JavaScript.
pub(super) fn js(values: &[Value]) -> Text {
    let mut out = Vec::new();
    for chunk in printed(values).bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' | '\'' | '"' => out.extend([b'\\', letter as u8]),
                '<' | '>' | '&' | '=' | '\0'..' ' => {
                    out.extend(format!("\\u{:04X}", u32::from(letter)).bytes());
                }
                _ if letter.is_ascii() || print::is_print(letter) => {
                    out.extend(letter.encode_utf8(&mut [0; 4]).bytes());
                }
                _ => out.extend(format!("\\u{:04X}", u32::from(letter)).bytes()),
            }
        }
        out.extend(chunk.invalid());
    }
    Text::from(out)
}

/// Escapes for the query of a URL.
pub(super) fn urlquery(values: &[Value]) -> Text {
    let mut out = String::new();
    for byte in printed(values).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte));
            }
            b' ' => out.push('+'),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    Text::from(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::helm::template::builtin::tests::run;

    #[test]
    fn as_go_escapes() {
        let cases = [
            ("html", json!(["<a href='x'>\"&\u{0}"]), "&lt;a href=&#39;x&#39;&gt;&#34;&amp;\u{fffd}"),
            ("html", json!([null]), "&lt;no value&gt;"),
            (
                "js",
                json!(["a'b\"c\\<>&=\n\u{e9}\u{200b}\u{7f}"]),
                "a\\'b\\\"c\\\\\\u003C\\u003E\\u0026\\u003D\\u000A\u{e9}\\u200B\u{7f}",
            ),
            ("urlquery", json!(["a b&c/\u{e9}~"]), "a+b%26c%2F%C3%A9~"),
            ("urlquery", json!([1, 2]), "1+2"),
        ];
        for (name, arguments, text) in cases {
            assert_eq!(run(name, &arguments), text, "{name} {arguments}");
        }
    }
}
