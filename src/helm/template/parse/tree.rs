//! A template as a tree. Every part knows the byte that it starts at and can write itself as Go's errors
//! quote it.

use std::fmt::{self, Display, Formatter};
use std::rc::Rc;

use memchr::{memchr_iter, memrchr};

use super::number::Number;
use crate::helm::template::callable::Callable;
use crate::helm::template::print;
use crate::helm::template::text::Text;
use crate::helm::template::value::Value;

/// A named template.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Its name: that of a `define`, or that of the file.
    pub(crate) name: Text,
    /// The text that it was read from.
    pub(crate) source: Rc<Source>,
    /// What it does.
    pub(crate) body: Vec<Node>,
}

/// A text that templates were read from.
#[derive(Debug)]
pub(crate) struct Source {
    /// What errors call it.
    pub(crate) name: Text,
    /// The bytes.
    pub(crate) text: Text,
}

impl Definition {
    /// Whether there is nothing but white space in it: such a definition replaces no other.
    pub(crate) fn is_empty(&self) -> bool {
        let blank = |node: &Node| match node {
            Node::Text { start, end } => {
                String::from_utf8_lossy(self.source.slice(*start, *end)).trim().is_empty()
            }
            _ => false,
        };
        self.body.iter().all(blank)
    }
}

impl Source {
    /// A part of the text.
    pub(crate) fn slice(&self, start: usize, end: usize) -> &[u8] {
        self.text.bytes().get(start..end).unwrap_or_default()
    }

    /// `file:line:column`; the column counts bytes from 0.
    pub(crate) fn location(&self, position: usize) -> String {
        let before = self.slice(0, position);
        let line = memchr_iter(b'\n', before).count() + 1;
        let column = memrchr(b'\n', before).map_or(position, |index| position - index - 1);
        format!("{}:{line}:{column}", self.name.lossy())
    }
}

/// A step of a template.
#[derive(Debug)]
pub(crate) enum Node {
    /// Text between actions.
    Text { start: usize, end: usize },
    /// `{{pipeline}}`.
    Action(Pipe),
    /// `{{if}}`, or `{{with}}` where the value becomes the dot.
    Branch { with: bool, pipe: Pipe, body: Vec<Node>, otherwise: Vec<Node> },
    /// `{{range}}`.
    Range { pipe: Pipe, body: Vec<Node>, otherwise: Vec<Node> },
    /// `{{template "name" pipeline}}`.
    Template(Call),
    /// `{{break}}`.
    Break,
    /// `{{continue}}`.
    Continue,
}

/// `{{template "name" pipeline}}`.
#[derive(Debug)]
pub(crate) struct Call {
    /// Where the name is.
    pub(crate) position: usize,
    /// The template's name.
    pub(crate) name: Text,
    /// What it gets as its dot.
    pub(crate) pipe: Option<Pipe>,
}

/// Commands, each of which gets the value of the one before, perhaps kept in variables.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// Where it starts.
    pub(crate) position: usize,
    /// The variables that are declared or assigned.
    pub(crate) variables: Vec<Rc<str>>,
    /// Whether they are assigned (`=`), not declared (`:=`).
    pub(crate) assign: bool,
    /// The commands; never empty.
    pub(crate) commands: Vec<Command>,
}

/// An operand and its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    /// Where it starts.
    pub(crate) position: usize,
    /// The operand, then the arguments; never empty.
    pub(crate) operands: Vec<Operand>,
}

/// A term of a command.
#[derive(Debug)]
pub(crate) struct Operand {
    /// Where it starts; of `.a.b` and `$x.b` where the second name is.
    pub(crate) position: usize,
    /// What it is.
    pub(crate) term: Term,
}

/// What a term is.
#[derive(Debug)]
pub(crate) enum Term {
    /// `.`
    Dot,
    /// `nil`
    Nil,
    /// `true`
    Bool(bool),
    /// `1`
    Number(Number),
    /// `"text"`: as written, and its value.
    Text { quoted: Text, value: Value },
    /// `.a.b`
    Field(Vec<Rc<str>>),
    /// `$x.a.b`
    Variable { name: Rc<str>, fields: Vec<Rc<str>> },
    /// `name`
    Function(Callable),
    /// `(pipeline)`
    Pipe(Pipe),
    /// `(pipeline).a.b`
    Chain { inner: Box<Operand>, fields: Vec<Rc<str>> },
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", print::quote(self.name.bytes(), false))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl Display for Pipe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            f.write_str(&self.variables.join(", "))?;
            f.write_str(if self.assign { " = " } else { " := " })?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if index > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, operand) in self.operands.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            match &operand.term {
                Term::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => operand.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Dot => f.write_str("."),
            Term::Nil => f.write_str("nil"),
            Term::Bool(truth) => truth.fmt(f),
            Term::Number(number) => f.write_str(&number.text),
            Term::Text { quoted, .. } => f.write_str(&quoted.lossy()),
            Term::Field(fields) => chain(f, fields),
            Term::Variable { name, fields } => f.write_str(name).and_then(|()| chain(f, fields)),
            Term::Function(function) => f.write_str(function.name()),
            Term::Pipe(pipe) => pipe.fmt(f),
            Term::Chain { inner, fields } => {
                match &inner.term {
                    Term::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => inner.fmt(f)?,
                }
                chain(f, fields)
            }
        }
    }
}

fn chain(f: &mut Formatter<'_>, fields: &[Rc<str>]) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(f, ".{field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_counts_lines_from_one_and_bytes_from_zero() {
        let source = Source { name: "f".into(), text: "a\nb\u{e9}c\n".into() };
        assert_eq!(
            [0, 1, 2, 5].map(|position| source.location(position)),
            ["f:1:0", "f:1:1", "f:2:0", "f:2:3"]
        );
    }
}
