//! The tokens of a template.

use crate::helm::template::print;
use crate::helm::template::value::Value;

/// A token: what it is, its text and where it starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind,
    /// The text, with quotes; of an error the message is with the lexer.
    pub(super) text: &'s [u8],
    /// The byte that it starts at.
    pub(super) position: usize,
    /// The line that it starts on, from 1.
    pub(super) line: usize,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Eof,
    Text,
    LeftDelimiter,
    RightDelimiter,
    LeftParen,
    RightParen,
    Space,
    Assign,
    Declare,
    Pipe,
    Bool,
    Char,
    CharConstant,
    Number,
    Complex,
    String,
    RawString,
    Field,
    Variable,
    Identifier,
    Dot,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Kind {
    /// The keyword that a word is, if it is one.
    pub(super) fn keyword(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"nil" => Self::Nil,
            b"block" => Self::Block,
            b"break" => Self::Break,
            b"continue" => Self::Continue,
            b"define" => Self::Define,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"if" => Self::If,
            b"range" => Self::Range,
            b"template" => Self::Template,
            b"with" => Self::With,
            _ => return None,
        })
    }

    fn is_keyword(self) -> bool {
        let keywords = [
            Self::Dot,
            Self::Nil,
            Self::Block,
            Self::Break,
            Self::Continue,
            Self::Define,
            Self::Else,
            Self::End,
            Self::If,
            Self::Range,
            Self::Template,
            Self::With,
        ];
        keywords.contains(&self)
    }

    /// Whether an operand can begin with it.
    pub(super) fn starts_operand(self) -> bool {
        let starts = [
            Self::Bool,
            Self::CharConstant,
            Self::Complex,
            Self::Dot,
            Self::Field,
            Self::Identifier,
            Self::Number,
            Self::Nil,
            Self::RawString,
            Self::String,
            Self::Variable,
            Self::LeftParen,
        ];
        starts.contains(&self)
    }
}

impl Token<'_> {
    /// As Go's errors name it: `<end>`, `"}"`, `"some long t"...`, `EOF`.
    pub(super) fn describe(&self) -> String {
        if self.kind == Kind::Eof {
            return "EOF".to_owned();
        }
        let text = String::from_utf8_lossy(self.text);
        if self.kind.is_keyword() {
            return format!("<{text}>");
        }
        if self.text.len() > 10 {
            return print::printf(b"%.10q...", &[Value::Str(self.text.into())]).lossy().into_owned();
        }
        print::quote(self.text, false)
    }
}
