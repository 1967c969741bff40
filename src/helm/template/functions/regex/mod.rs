//! Regular expressions in RE2's syntax, over bytes.

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::{Answer, fixed, not_too_long, text};
use crate::helm::template::function::{
    Arguments, Function, FunctionError,
    Parameter::{Int, Str},
};
use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::value::{List, ListKind, Value};

mod translate;

/// The family. The functions without `must` panic in Go, with a longer text.
pub(super) const ALL: &[Function] = &[
    fixed("regexMatch", &[Str, Str], |_, a| {
        Ok(compile(a.text(0)).is_ok_and(|compiled| compiled.regex.is_match(a.text(1))).into())
    }),
    fixed("mustRegexMatch", &[Str, Str], |_, a| Ok(returned(a)?.regex.is_match(a.text(1)).into())),
    fixed("regexFind", &[Str, Str], |_, a| text(found(&panicked(a)?.regex, a))),
    fixed("mustRegexFind", &[Str, Str], |_, a| text(found(&returned(a)?.regex, a))),
    fixed("regexFindAll", &[Str, Str, Int], |_, a| Ok(all_found(&panicked(a)?.regex, a))),
    fixed("mustRegexFindAll", &[Str, Str, Int], |_, a| Ok(all_found(&returned(a)?.regex, a))),
    fixed("regexReplaceAll", &[Str, Str, Str], |_, a| replaced(&panicked(a)?, a, expand)),
    fixed("mustRegexReplaceAll", &[Str, Str, Str], |_, a| replaced(&returned(a)?, a, expand)),
    fixed("regexReplaceAllLiteral", &[Str, Str, Str], |_, a| replaced(&panicked(a)?, a, literal)),
    fixed("mustRegexReplaceAllLiteral", &[Str, Str, Str], |_, a| replaced(&returned(a)?, a, literal)),
    fixed("regexSplit", &[Str, Str, Int], |_, a| Ok(split(&panicked(a)?.regex, a))),
    fixed("mustRegexSplit", &[Str, Str, Int], |_, a| Ok(split(&returned(a)?.regex, a))),
    fixed("regexQuoteMeta", &[Str], |_, a| text(quoted(a.text(0)))),
];

/// A pattern ready to search with.
struct Compiled {
    regex: Regex,
    names: Vec<(String, usize)>,
}

fn compile(pattern: &[u8]) -> Result<Compiled, String> {
    let translated = translate::translate(pattern)?;
    let too_large = |_| translate::error("expression too large", &String::from_utf8_lossy(pattern));
    let regex = RegexBuilder::new(&translated.pattern).nest_limit(1000).build().map_err(too_large)?;
    Ok(Compiled { regex, names: translated.names })
}

/// For the functions that return the error.
fn returned(a: Arguments<'_>) -> Result<Compiled, FunctionError> {
    compile(a.text(0)).map_err(FunctionError::said)
}

/// For the functions that panic.
fn panicked(a: Arguments<'_>) -> Result<Compiled, FunctionError> {
    let shown = || print::printf(b"%#q", &a.0[..1]);
    compile(a.text(0))
        .map_err(|error| FunctionError::said(format!("regexp: Compile({}): {error}", shown().lossy())))
}

fn found<'a>(regex: &Regex, a: Arguments<'a>) -> &'a [u8] {
    regex.find(a.text(1)).map_or(b"".as_slice(), |found| found.as_bytes())
}

/// A negative limit is none.
fn limit(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The matches; no match at all is a nil list.
fn all_found(regex: &Regex, a: Arguments<'_>) -> Value {
    let texts: Vec<Text> =
        regex.find_iter(a.text(1)).take(limit(a.int(2))).map(|found| Text::from(found.as_bytes())).collect();
    let kind = if texts.is_empty() { ListKind::NilStrings } else { ListKind::Strings };
    List::strings(texts).with_kind(kind).into()
}

type Replace = fn(&mut Vec<u8>, &[u8], &Captures<'_>, &[(String, usize)]);

fn replaced(compiled: &Compiled, a: Arguments<'_>, replace: Replace) -> Answer {
    let subject = a.text(1);
    let (mut out, mut end) = (Vec::with_capacity(subject.len()), 0);
    for captures in compiled.regex.captures_iter(subject) {
        let whole = captures.get_match();
        out.extend_from_slice(&subject[end..whole.start()]);
        replace(&mut out, a.text(2), &captures, &compiled.names);
        end = whole.end();
        not_too_long(out.len())?;
    }
    out.extend_from_slice(&subject[end..]);
    text(out)
}

fn literal(out: &mut Vec<u8>, replacement: &[u8], _: &Captures<'_>, _: &[(String, usize)]) {
    out.extend_from_slice(replacement);
}

/// `$1`, `${1}` and `$name` stand for groups, the longest name counts (`$1x` is the group "1x"); `$$` is `$`.
fn expand(out: &mut Vec<u8>, template: &[u8], captures: &Captures<'_>, names: &[(String, usize)]) {
    let mut rest = template;
    while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(b"$") {
            out.push(b'$');
            rest = after;
        } else if let Some((name, after)) = group_name(rest) {
            out.extend_from_slice(group(name, captures, names));
            rest = after;
        } else {
            out.push(b'$');
        }
    }
    out.extend_from_slice(rest);
}

fn group_name(text: &[u8]) -> Option<(&str, &[u8])> {
    let (in_braces, body) = text.strip_prefix(b"{").map_or((false, text), |body| (true, body));
    let valid = body.utf8_chunks().next()?.valid();
    let length = valid.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(valid.len());
    let after = if in_braces { body[length..].strip_prefix(b"}")? } else { &body[length..] };
    (length > 0).then_some((&valid[..length], after))
}

fn group<'a>(name: &str, captures: &Captures<'a>, names: &[(String, usize)]) -> &'a [u8] {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
    let found = if is_number {
        name.parse().ok().and_then(|index: usize| captures.get(index))
    } else {
        names.iter().filter(|(known, _)| known == name).find_map(|(_, index)| captures.get(*index))
    };
    found.map_or(b"", |found| found.as_bytes())
}

/// At most so many parts; a match of nothing at the start does not split.
fn split(regex: &Regex, a: Arguments<'_>) -> Value {
    let (subject, limit) = (a.text(1), limit(a.int(2)));
    if limit == 0 {
        return List::strings([]).with_kind(ListKind::NilStrings).into();
    }
    if subject.is_empty() && !a.text(0).is_empty() {
        return List::strings([Text::from("")]).into();
    }
    let (mut parts, mut begin, mut end) = (Vec::new(), 0, 0);
    for found in regex.find_iter(subject).take(limit) {
        if parts.len() + 1 == limit {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(Text::from(&subject[begin..end]));
        }
        begin = found.end();
    }
    if end != subject.len() {
        parts.push(Text::from(&subject[begin..]));
    }
    List::strings(parts).into()
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    let escaped =
        |byte: &u8| if br"\.+*?()|[]{}^$".contains(byte) { vec![b'\\', *byte] } else { vec![*byte] };
    bytes.iter().flat_map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(pattern: &str, subject: &str, replacement: &str) -> String {
        let arguments = [pattern, subject, replacement].map(Value::from);
        let regex = compile(pattern.as_bytes()).unwrap();
        print::display(&replaced(&regex, Arguments(&arguments), expand).unwrap()).lossy().into_owned()
    }

    #[test]
    fn groups_in_replacements() {
        assert_eq!(replace("a(x*)b", "-ab-axxb-", "${1}W"), "-W-xxW-");
        assert_eq!(replace("a(x*)b", "-ab-axxb-", "$1W"), "---");
        assert_eq!(replace("(?P<n>.)b", "ab", "$n$$$x$"), "a$$");
        assert_eq!(replace("x*", "abc", "-"), "-a-b-c-");
    }

    #[test]
    fn parts() {
        let split = |pattern: &str, subject: &str, limit: i64| {
            let arguments = [Value::from(pattern), Value::from(subject), Value::Int(limit)];
            print::display(&split(&compile(pattern.as_bytes()).unwrap().regex, Arguments(&arguments)))
                .lossy()
                .into_owned()
        };
        assert_eq!(split("z+", "pizza", -1), "[pi a]");
        assert_eq!(split("", "abc", -1), "[a b c]");
        assert_eq!(split("a", "banana", 2), "[b nana]");
        assert_eq!(split("a", "banana", 0), "[]");
    }

    #[test]
    fn meta_characters() {
        assert_eq!(quoted(b"a.b[c]$"), br"a\.b\[c\]\$");
    }
}
