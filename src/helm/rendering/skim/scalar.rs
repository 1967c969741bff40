//! Keys and values that are written on one line.

use serde_json::Value;

use crate::helm::rendering::head;
use crate::helm::yaml;

/// Longer keys are left to the full reader: YAML has a limit for them.
const MAX_KEY: usize = 200;

/// A value on one line.
pub(super) enum Scalar<'t> {
    Plain {
        text: &'t str,
        ends_with_comment: bool,
    },
    /// What stands between the quotes.
    Quoted {
        text: &'t str,
        has_escapes: bool,
    },
}

impl<'t> Scalar<'t> {
    /// Reads a value, up to its end or a comment.
    pub(super) fn read(value: &'t str) -> Option<Self> {
        let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
        let Some(quote) = quote else { return plain(value) };
        let (text, has_escapes) = quoted(value, quote)?;
        let rest = &value[text.len() + 2..];
        (rest.is_empty() || rest.starts_with(' ') && rest.trim_start_matches(' ').starts_with('#'))
            .then_some(Self::Quoted { text, has_escapes })
    }

    /// The text of a field that is a string: numbers and booleans are written as Go writes them.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Quoted { has_escapes: true, .. } => None,
            Self::Quoted { text, .. } => Some((*text).to_owned()),
            Self::Plain { text, .. } => match yaml::read(text.as_bytes()).ok()? {
                Value::String(text) => Some(text),
                other => head::coerced(&other),
            },
        }
    }
}

/// The text between quotes, and whether it holds escapes.
fn quoted(value: &str, quote: char) -> Option<(&str, bool)> {
    let inner = &value[1..];
    let mut has_escapes = false;
    let mut characters = inner.char_indices().peekable();
    while let Some((place, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        if character == '\\' && quote == '"' {
            if !matches!(next?, '"' | '\\' | 'n' | 't') {
                return None;
            }
            has_escapes = true;
            characters.next();
        } else if character == quote {
            if quote == '"' || next != Some('\'') {
                return Some((&inner[..place], has_escapes));
            }
            has_escapes = true;
            characters.next();
        }
    }
    None
}

fn plain(value: &str) -> Option<Scalar<'_>> {
    let (text, ends_with_comment) =
        value.find(" #").map_or((value, false), |place| (value[..place].trim_end_matches(' '), true));
    let mut characters = text.chars();
    let starts_well = match characters.next()? {
        '-' => characters.next().is_some_and(|next| next != ' '),
        '?' | ':' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' => false,
        _ => true,
    };
    let is_one = starts_well && !text.contains(": ") && !text.ends_with(':') && !is_beyond_json(text);
    is_one.then_some(Scalar::Plain { text, ends_with_comment })
}

/// `.inf` and `.nan`, which YAML knows and JSON does not.
fn is_beyond_json(text: &str) -> bool {
    let word = text.trim_start_matches(['+', '-']);
    word.eq_ignore_ascii_case(".inf") || word.eq_ignore_ascii_case(".nan")
}

/// How the content of a line begins.
pub(super) enum Start<'t> {
    /// With a key, which its value follows.
    Pair(&'t str, &'t str),
    /// With a value that has no key.
    Value,
}

/// Splits `key: value`; nothing where it cannot be told.
pub(super) fn start(content: &str) -> Option<Start<'_>> {
    let (key, rest) = match content.chars().next()? {
        quote @ ('"' | '\'') => {
            let (key, has_escapes) = quoted(content, quote)?;
            if has_escapes {
                return None;
            }
            (key, &content[key.len() + 2..])
        }
        _ => {
            let is_of_key =
                |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
            content.split_at(content.bytes().take_while(is_of_key).count())
        }
    };
    let Some(value) = rest.strip_prefix(':').filter(|value| value.is_empty() || value.starts_with(' '))
    else {
        return Some(Start::Value);
    };
    let is_quoted = content.starts_with(['"', '\'']);
    let is_word = !key.is_empty()
        && !key.starts_with('-')
        && !is_beyond_json(key)
        && !matches!(key, "null" | "Null" | "NULL");
    if key.len() > MAX_KEY || !(is_quoted || is_word) {
        return None;
    }
    Some(Start::Pair(key, value.trim_start_matches(' ')))
}

/// `{}`, `[]` or a list of simple words.
pub(super) fn flow(value: &str) -> Option<()> {
    if value == "{}" || value == "[]" {
        return Some(());
    }
    let mut rest = value.strip_prefix('[').filter(|_| value.len() < 1000)?;
    loop {
        rest = rest.trim_start_matches(' ');
        rest = item(rest)?.trim_start_matches(' ');
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (rest == "]").then_some(()),
        }
    }
}

/// What follows an item of a list.
fn item(text: &str) -> Option<&str> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let (item, has_escapes) = quoted(text, quote)?;
        return if has_escapes { None } else { Some(&text[item.len() + 2..]) };
    }
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-');
    let length = text.bytes().take_while(is_of_word).count();
    let is_word = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    is_word.then(|| &text[length..])
}
