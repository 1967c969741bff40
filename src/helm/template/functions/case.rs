//! Functions that change the case of letters.

use super::runes::{is_title, lower, map, title, upper};
use super::words::{kebab, pascal, snake};
use super::{fixed, text};
use crate::helm::template::function::{Function, Parameter::Str};

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("upper", &[Str], |_, a| text(map(a.text(0), upper))),
    fixed("lower", &[Str], |_, a| text(map(a.text(0), lower))),
    fixed("title", &[Str], |_, a| text(titled(a.text(0)))),
    fixed("untitle", &[Str], |_, a| text(untitled(a.text(0)))),
    fixed("swapcase", &[Str], |_, a| text(swapped(a.text(0)))),
    fixed("snakecase", &[Str], |_, a| text(snake(a.text(0)))),
    fixed("kebabcase", &[Str], |_, a| text(kebab(a.text(0)))),
    fixed("camelcase", &[Str], |_, a| text(pascal(a.text(0)))),
    fixed("initials", &[Str], |_, a| text(initials(a.text(0)))),
];

/// `strings.Title`: what follows anything but a letter, a digit or `_` becomes a capital.
fn titled(bytes: &[u8]) -> String {
    let mut begins = true;
    map(bytes, |c| {
        let written = if begins { title(c) } else { c };
        begins = separates(c);
        written
    })
}

fn separates(c: char) -> bool {
    if c.is_ascii() {
        !(c.is_ascii_alphanumeric() || c == '_')
    } else {
        !c.is_alphanumeric() && c.is_whitespace()
    }
}

fn untitled(bytes: &[u8]) -> String {
    let mut begins = true;
    map(bytes, |c| {
        if c.is_whitespace() {
            begins = true;
            return c;
        }
        if std::mem::take(&mut begins) { lower(c) } else { c }
    })
}

/// Capitals become small, small letters capitals, but a title at the start of a word.
fn swapped(bytes: &[u8]) -> String {
    let mut begins = true;
    map(bytes, |c| {
        if c.is_uppercase() || is_title(c) {
            begins = false;
            lower(c)
        } else if c.is_lowercase() {
            if std::mem::take(&mut begins) { title(c) } else { upper(c) }
        } else {
            begins = c.is_whitespace();
            c
        }
    })
}

/// The first of each word. Sprig takes every byte for a character, so other letters than ASCII come out as
/// Latin-1.
fn initials(bytes: &[u8]) -> String {
    let mut begins = true;
    let mut first = |byte: &u8| {
        let c = char::from(*byte);
        if c.is_whitespace() {
            begins = true;
            return None;
        }
        std::mem::take(&mut begins).then_some(c)
    };
    bytes.iter().filter_map(&mut first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_with_capitals() {
        assert_eq!(titled("hello wORLD-foo_bar 1st ñu's ﬁ".as_bytes()), "Hello WORLD-Foo_bar 1st Ñu'S ﬁ");
        assert_eq!(untitled(b"Hello World-Foo"), "hello world-Foo");
        assert_eq!(swapped(b"Hello world 1a"), "hELLO WORLD 1A");
    }

    #[test]
    fn initials_are_bytes() {
        assert_eq!(initials(b"First Second  third"), "FSt");
        assert_eq!(initials("é b".as_bytes()), "Ãb");
    }
}
