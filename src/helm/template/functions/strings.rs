//! Functions on texts: cutting, joining, quoting, indenting. Texts are bytes, so what is cut may be no
//! character any more.

use std::collections::BTreeMap;

use memchr::memmem;

use super::lists::items;
use super::runes::{runes, trim};
use super::{Answer, fixed, not_too_long, text, variadic};
use crate::helm::template::function::{
    Arguments, Function, FunctionError,
    Parameter::{Any, Int, Str},
};
use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::value::{List, Map, MapKind, Value};

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("trim", &[Str], |_, a| text(trim(a.text(0), char::is_whitespace))),
    fixed("trimAll", &[Str, Str], |_, a| text(trim_all(a))),
    fixed("trimall", &[Str, Str], |_, a| text(trim_all(a))),
    fixed("trimPrefix", &[Str, Str], |_, a| text(a.text(1).strip_prefix(a.text(0)).unwrap_or(a.text(1)))),
    fixed("trimSuffix", &[Str, Str], |_, a| text(a.text(1).strip_suffix(a.text(0)).unwrap_or(a.text(1)))),
    fixed("nospace", &[Str], |_, a| text(without_space(a.text(0)))),
    fixed("trunc", &[Int, Str], |_, a| text(truncated(a.int(0), a.text(1)))),
    fixed("substr", &[Int, Int, Str], |_, a| substring(a.int(0), a.int(1), a.text(2))),
    fixed("repeat", &[Int, Str], |_, a| text(repeated(a.text(1), a.int(0))?)),
    fixed("contains", &[Str, Str], |_, a| Ok(find(a.text(1), a.text(0)).is_some().into())),
    fixed("hasPrefix", &[Str, Str], |_, a| Ok(a.text(1).starts_with(a.text(0)).into())),
    fixed("hasSuffix", &[Str, Str], |_, a| Ok(a.text(1).ends_with(a.text(0)).into())),
    variadic("quote", &[], Any, |_, a| {
        text(each_quoted(a.0, |value| print::quote(string(value).bytes(), false).into_bytes()))
    }),
    variadic("squote", &[], Any, |_, a| {
        text(each_quoted(a.0, |value| [b"'", print::display(value).bytes(), b"'"].concat()))
    }),
    variadic("cat", &[], Any, |_, a| text(each_quoted(a.0, |value| print::display(value).bytes().to_vec()))),
    fixed("indent", &[Int, Str], |_, a| text(indented(a, b"")?)),
    fixed("nindent", &[Int, Str], |_, a| text(indented(a, b"\n")?)),
    fixed("replace", &[Str, Str, Str], |_, a| text(replaced(a.text(2), a.text(0), a.text(1))?)),
    fixed("plural", &[Str, Str, Int], |_, a| Ok(a.value(usize::from(a.int(2) != 1)).clone())),
    fixed("toString", &[Any], |_, a| text(string(a.value(0)))),
    fixed("toStrings", &[Any], |_, a| Ok(List::strings(strings(a.value(0))).into())),
    fixed("join", &[Str, Any], |_, a| text(joined(a)?)),
    fixed("split", &[Str, Str], |_, a| Ok(numbered(split(a.text(1), a.text(0))))),
    fixed("splitn", &[Str, Int, Str], |_, a| Ok(numbered(split_at_most(a.text(2), a.text(0), a.int(1))))),
    fixed("splitList", &[Str, Str], |_, a| {
        Ok(List::strings(split(a.text(1), a.text(0)).into_iter().map(Text::from)).into())
    }),
    fixed("sortAlpha", &[Any], |_, a| Ok(sorted(a.value(0)))),
    fixed("hello", &[], |_, _| text("Hello!")),
    fixed("getHostByName", &[Str], |host, a| text(host.host_by_name(&String::from_utf8_lossy(a.text(0))))),
];

/// `toString`: texts and bytes as they are, everything else as `%v` prints it.
pub(super) fn string(value: &Value) -> Text {
    match value {
        Value::Str(text) | Value::Bytes(text) => text.clone(),
        other => print::display(other),
    }
}

/// `toStrings`: nil items are left out; what is no list is one item.
pub(super) fn strings(value: &Value) -> Vec<Text> {
    match items(value) {
        Some(items) => items.iter().filter(|item| !matches!(item, Value::Nil)).map(string).collect(),
        None if matches!(value, Value::Nil) => Vec::new(),
        None => vec![string(value)],
    }
}

fn sorted(value: &Value) -> Value {
    let mut texts = strings(value);
    if items(value).is_some() {
        texts.sort();
    } else {
        texts = vec![string(value)];
    }
    List::strings(texts).into()
}

fn trim_all(a: Arguments<'_>) -> &[u8] {
    let cut: Vec<char> = runes(a.text(0)).map(|(c, _)| c).collect();
    trim(a.text(1), |c| cut.contains(&c))
}

/// Sprig takes every byte for a character here, unless there is no space at all.
fn without_space(bytes: &[u8]) -> Vec<u8> {
    let kept: Vec<char> = bytes.iter().map(|byte| char::from(*byte)).filter(|c| !c.is_whitespace()).collect();
    if kept.len() == bytes.len() { bytes.to_vec() } else { kept.into_iter().collect::<String>().into_bytes() }
}

fn truncated(count: i64, bytes: &[u8]) -> &[u8] {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    match bytes.len().checked_sub(wanted) {
        Some(over) if count < 0 && over > 0 => &bytes[over..],
        Some(_) if count >= 0 => &bytes[..wanted],
        _ => bytes,
    }
}

fn substring(start: i64, end: i64, bytes: &[u8]) -> Answer {
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let out_of_range =
        |what: String| Err(FunctionError::said(format!("runtime error: slice bounds out of range [{what}")));
    let (from, to) = if start < 0 {
        (0, end)
    } else if end < 0 || end > length {
        (start, length)
    } else {
        (start, end)
    };
    if to < 0 {
        return out_of_range(format!(":{to}]"));
    }
    if to > length {
        return out_of_range(format!(":{to}] with length {length}"));
    }
    if from > to {
        return out_of_range(format!("{from}:{to}]"));
    }
    let at = |position: i64| usize::try_from(position).unwrap_or(0);
    text(&bytes[at(from)..at(to)])
}

fn repeated(bytes: &[u8], count: i64) -> Result<Vec<u8>, FunctionError> {
    let count = usize::try_from(count).map_err(|_| FunctionError::said("strings: negative Repeat count"))?;
    not_too_long(bytes.len().saturating_mul(count))?;
    Ok(bytes.repeat(count))
}

fn indented(a: Arguments<'_>, before: &[u8]) -> Result<Vec<u8>, FunctionError> {
    let pad = repeated(b" ", a.int(0))?;
    let bytes = a.text(1);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    not_too_long(pad.len().saturating_mul(lines).saturating_add(bytes.len()))?;
    let mut out = Vec::with_capacity(before.len() + pad.len() * lines + bytes.len());
    out.extend_from_slice(before);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    if bytes.is_empty() || bytes.ends_with(b"\n") {
        out.extend_from_slice(&pad);
    }
    Ok(out)
}

fn each_quoted(values: &[Value], quote: impl Fn(&Value) -> Vec<u8>) -> Vec<u8> {
    values
        .iter()
        .filter(|value| !matches!(value, Value::Nil))
        .map(quote)
        .collect::<Vec<_>>()
        .join(b" ".as_slice())
}

fn joined(a: Arguments<'_>) -> Result<Vec<u8>, FunctionError> {
    let texts = strings(a.value(1));
    let total = texts.iter().map(|text| text.bytes().len() + a.text(0).len()).fold(0, usize::saturating_add);
    not_too_long(total)?;
    Ok(texts.iter().map(Text::bytes).collect::<Vec<_>>().join(a.text(0)))
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    memmem::find(bytes, part)
}

/// `strings.Split`: nothing as separator splits into characters.
pub(super) fn split<'a>(bytes: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    split_at_most(bytes, separator, -1)
}

/// `strings.SplitN`: a negative limit is none, 0 gives nothing.
fn split_at_most<'a>(bytes: &'a [u8], separator: &[u8], limit: i64) -> Vec<&'a [u8]> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut parts, mut rest) = (Vec::new(), bytes);
    if limit == 0 || (separator.is_empty() && bytes.is_empty()) {
        return parts;
    }
    let next = |rest: &[u8]| {
        if separator.is_empty() {
            runes(rest).next().map(|(_, raw)| raw.len()).filter(|size| *size < rest.len())
        } else {
            find(rest, separator)
        }
    };
    while let Some(at) = next(rest).filter(|_| parts.len() + 1 < limit) {
        parts.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    parts.push(rest);
    parts
}

/// `split` and `splitn` name the parts `_0`, `_1` …
fn numbered(parts: Vec<&[u8]>) -> Value {
    let entries: BTreeMap<Text, Value> = parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| (Text::from(format!("_{index}")), Value::Str(part.into())))
        .collect();
    Map::new(entries).with_kind(MapKind::Strings).into()
}

/// `strings.ReplaceAll`: nothing stands before every character and at the end.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Result<Vec<u8>, FunctionError> {
    if old.is_empty() {
        let count = runes(bytes).count() + 1;
        not_too_long(new.len().saturating_mul(count))?;
        let mut out = new.to_vec();
        runes(bytes).for_each(|(_, raw)| out.extend([raw, new].concat()));
        return Ok(out);
    }
    let parts = split(bytes, old);
    not_too_long(new.len().saturating_mul(parts.len()).saturating_add(bytes.len()))?;
    Ok(parts.join(new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_cut() {
        assert_eq!(truncated(2, "héllo".as_bytes()), b"h\xc3");
        assert_eq!(truncated(-2, b"hello"), b"lo");
        assert_eq!(truncated(-9, b"hello"), b"hello");
        assert_eq!(truncated(-5, b"hello"), b"hello");
        assert_eq!(truncated(i64::MIN, b"hello"), b"hello");
    }

    #[test]
    fn splitting() {
        let texts = |parts: Vec<&[u8]>| {
            parts.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>().join("|")
        };
        assert_eq!(texts(split(b"a,b,,c", b",")), "a|b||c");
        assert_eq!(texts(split("aéb".as_bytes(), b"")), "a|é|b");
        assert_eq!(texts(split_at_most(b"abc", b"", 2)), "a|bc");
        assert_eq!(texts(split_at_most(b"a.b.c", b".", 2)), "a|b.c");
        assert_eq!(split(b"", b"").len() + split_at_most(b"a", b",", 0).len(), 0);
    }

    #[test]
    fn replacing_nothing_stands_between_characters() {
        assert_eq!(replaced("aé".as_bytes(), b"", b"-").unwrap(), "-a-é-".as_bytes());
        assert_eq!(replaced(b"aXbX", b"X", b"yy").unwrap(), b"ayybyy");
    }

    #[test]
    fn space_is_found_byte_by_byte() {
        assert_eq!(without_space("é".as_bytes()), "é".as_bytes());
        assert_eq!(without_space("é ".as_bytes()), "Ã©".as_bytes());
    }
}
