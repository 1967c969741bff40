//! What is wrong with an expression, and where in its text.

use cel::ParseError;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it begins, in characters from the start of the expression.
    pub offset: usize,
    /// How many characters it takes.
    pub length: usize,
    /// What is wrong, in plain words.
    pub message: String,
    /// The name that does not exist, and those that would.
    pub unknown: Option<(String, Vec<String>)>,
}

impl Mistake {
    pub(super) fn new(offset: usize, length: usize, message: impl Into<String>) -> Self {
        Self { offset, length, message: message.into(), unknown: None }
    }

    /// What the parser stumbled over first; what it says of its own state afterwards is left out.
    pub(super) fn of(text: &str, errors: &[ParseError]) -> Self {
        if text.trim().is_empty() {
            return Self::new(0, 1, "the expression is empty");
        }
        let syntax = errors.iter().find(|error| error.msg.starts_with(SYNTAX));
        let Some(error) = syntax.or(errors.first()) else {
            return Self::new(0, 1, "the expression cannot be read");
        };
        let offset = offset(text, error.pos);
        let is_end = offset >= text.trim_end().chars().count();
        Self::new(offset, 1, if is_end { ENDS.to_owned() } else { said(&error.msg) })
    }
}

const SYNTAX: &str = "Syntax error: ";
const ENDS: &str = "the expression ends too early";

/// The parser lists every token that it would have taken, which helps nobody.
fn said(message: &str) -> String {
    let message = message.strip_prefix(SYNTAX).unwrap_or(message);
    let message = message.split(" expecting ").next().unwrap_or(message);
    message.trim_end().to_owned()
}

/// From a line and a column, both from 1.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let number = |place: isize| usize::try_from(place - 1).unwrap_or_default();
    let before = text.split_inclusive('\n').take(number(line)).map(|line| line.chars().count());
    before.sum::<usize>() + number(column)
}

#[cfg(test)]
mod tests {
    use super::super::{Language, Purpose};

    #[test]
    fn the_first_error_is_told_where_it_is() {
        let table = [
            ("", 0, "the expression is empty"),
            ("object.a &&", 11, "the expression ends too early"),
            ("object.a ? 1", 12, "the expression ends too early"),
            ("object.b\n  .foo(", 16, "the expression ends too early"),
            ("object.a == = 3", 12, "token recognition error at: '= '"),
            ("has(object)", 4, "invalid argument to has() macro"),
            ("object.a)", 8, "extraneous input ')'"),
        ];
        for (text, offset, message) in table {
            let mistakes = Language::default().compile(text, Purpose::Condition).unwrap_err();
            assert_eq!((mistakes[0].offset, mistakes[0].message.as_str()), (offset, message), "{text:?}");
        }
    }
}
