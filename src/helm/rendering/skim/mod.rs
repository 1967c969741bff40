//! The head of a document that is written in the plain YAML of most charts, read without building the rest.
//!
//! It never decides that a document is wrong: what it does not fully understand it leaves to the full reader.
//! What it accepts, the full reader would accept with the same head.

mod line;
mod scalar;

use super::head::Head;
use line::{Lines, is_plain_text};
use scalar::{Scalar, Start, flow, start};

/// Deeper documents are left to the full reader, which has a limit of its own.
const MAX_DEPTH: usize = 100;

/// The head, or nothing where the full reader must look.
pub(super) fn skim(text: &str) -> Option<Head> {
    let mut skimmer = Skimmer {
        lines: Lines::new(text),
        open: Vec::new(),
        last: Last::Done,
        section: Section::Other,
        seen: Seen::default(),
        head: Head::default(),
    };
    while let Some(line) = skimmer.lines.next() {
        if !is_plain_text(line) {
            return None;
        }
        let content = line.trim_start_matches(' ');
        let column = line.len() - content.len();
        match content.trim_end_matches(' ') {
            "" => {}
            comment if comment.starts_with('#') => skimmer.end_plain(),
            content => skimmer.line(column, content)?,
        }
    }
    Some(skimmer.head)
}

/// An open collection.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Open {
    column: usize,
    is_sequence: bool,
}

/// What the last entry may be followed by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// It has its value.
    Done,
    /// It has none yet: null, or a collection in the lines below.
    Empty,
    /// It has none, and must not become a collection.
    EmptyText,
    /// A plain scalar, which more deeply indented lines continue.
    Plain,
}

/// Where in the head the skimmer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Other,
    Metadata,
    Annotations,
}

/// Which fields of the head were there, each of which may be there once.
#[derive(Default)]
struct Seen(Vec<String>);

impl Seen {
    fn once(&mut self, field: &str) -> Option<()> {
        if self.0.iter().any(|seen| seen == field) {
            return None;
        }
        self.0.push(field.to_owned());
        Some(())
    }
}

/// What a key means for the head.
enum Field {
    None,
    ApiVersion,
    Kind,
    Name,
    /// An annotation, by its name.
    Annotation(String),
    /// `metadata` or `annotations`: null or a mapping.
    Mapping(Section),
}

struct Skimmer<'t> {
    lines: Lines<'t>,
    open: Vec<Open>,
    last: Last,
    section: Section,
    seen: Seen,
    head: Head,
}

impl Skimmer<'_> {
    fn end_plain(&mut self) {
        if self.last == Last::Plain {
            self.last = Last::Done;
        }
    }

    fn line(&mut self, column: usize, content: &str) -> Option<()> {
        if column == 0 && content.starts_with("...") {
            return None;
        }
        let is_entry = is_entry(content);
        match self.open.last().copied() {
            None if is_entry => return None,
            None => self.push(column, false)?,
            Some(top) if column > top.column => match self.last {
                Last::Plain => return continues(content),
                Last::Empty => self.push(column, is_entry)?,
                Last::Done | Last::EmptyText => return None,
            },
            Some(top) => self.come_back(top, column, is_entry)?,
        }
        self.entry(column, content)
    }

    fn push(&mut self, column: usize, is_sequence: bool) -> Option<()> {
        // A section of the head is a mapping.
        let is_wrong = is_sequence && self.section == Section::Metadata && self.open.len() == 1
            || is_sequence && self.section == Section::Annotations && self.open.len() == 2;
        if is_wrong || self.open.len() == MAX_DEPTH {
            return None;
        }
        self.open.push(Open { column, is_sequence });
        Some(())
    }

    /// A line that is not indented more than the innermost collection belongs to an outer one, or starts the
    /// sequence of a key above it.
    fn come_back(&mut self, top: Open, column: usize, is_entry: bool) -> Option<()> {
        while self.open.last()?.column > column {
            self.open.pop();
        }
        if self.open.last()?.is_sequence && !is_entry {
            self.open.pop();
        }
        let open = *self.open.last()?;
        if open.column != column {
            return None;
        }
        if is_entry && !open.is_sequence {
            let is_its_value = open == top && self.last == Last::Empty;
            return if is_its_value { self.push(column, true) } else { None };
        }
        (open.is_sequence == is_entry).then_some(())
    }

    fn entry(&mut self, mut column: usize, mut content: &str) -> Option<()> {
        while is_entry(content) {
            let rest = content[1..].trim_start_matches(' ');
            column += content.len() - rest.len();
            if rest.is_empty() {
                self.last = Last::Empty;
                return Some(());
            }
            if is_entry(rest) {
                self.push(column, true)?;
                content = rest;
                continue;
            }
            return match start(rest)? {
                Start::Pair(key, value) => {
                    self.push(column, false)?;
                    self.pair(key, value)
                }
                Start::Value => self.value(rest, &Field::None),
            };
        }
        match start(content)? {
            Start::Pair(key, value) => self.pair(key, value),
            Start::Value => None,
        }
    }

    fn pair(&mut self, key: &str, value: &str) -> Option<()> {
        let field = self.field(key)?;
        self.value(value, &field)
    }

    /// Go's decoder takes the names of fields in any case; whoever writes them so is left to the full reader.
    fn field(&mut self, key: &str) -> Option<Field> {
        let named = |name: &str| {
            key.eq_ignore_ascii_case(name)
                .then(|| (key == name).then_some(()))
                .map_or(Some(false), |exact| exact.map(|()| true))
        };
        let in_mapping =
            |depth: usize, open: &[Open]| open.len() == depth && open.iter().all(|open| !open.is_sequence);
        if in_mapping(1, &self.open) {
            self.section = Section::Other;
            for (name, field) in [
                ("apiVersion", Field::ApiVersion),
                ("kind", Field::Kind),
                ("metadata", Field::Mapping(Section::Metadata)),
            ] {
                if named(name)? {
                    self.seen.once(name)?;
                    if let Field::Mapping(section) = field {
                        self.section = section;
                    }
                    return Some(field);
                }
            }
        } else if self.section != Section::Other && in_mapping(2, &self.open) {
            self.section = Section::Metadata;
            if named("name")? {
                self.seen.once("metadata.name")?;
                return Some(Field::Name);
            }
            if named("annotations")? {
                self.seen.once("metadata.annotations")?;
                self.section = Section::Annotations;
                return Some(Field::Mapping(Section::Annotations));
            }
        } else if self.section == Section::Annotations && in_mapping(3, &self.open) {
            if Head::keeps(key) {
                self.seen.once(key)?;
            }
            return Some(Field::Annotation(key.to_owned()));
        }
        Some(Field::None)
    }

    fn value(&mut self, value: &str, field: &Field) -> Option<()> {
        self.last = Last::Done;
        if value.is_empty() || value.starts_with('#') {
            let may_be_collection = matches!(field, Field::None | Field::Mapping(_));
            self.last = if may_be_collection { Last::Empty } else { Last::EmptyText };
            if let Field::Annotation(name) = field {
                self.head.annotate(name, String::new());
            }
            return Some(());
        }
        let is_other = matches!(field, Field::None);
        if value.starts_with(['|', '>']) {
            let is_kept = !is_other && !matches!(field, Field::Annotation(name) if !Head::keeps(name));
            return if is_kept { None } else { self.block(value) };
        }
        if value.starts_with(['[', '{']) {
            return if is_other { flow(value) } else { None };
        }
        let scalar = Scalar::read(value)?;
        if matches!(scalar, Scalar::Plain { ends_with_comment: false, .. }) && is_other {
            self.last = Last::Plain;
        }
        self.keep(&scalar, field)
    }

    fn keep(&mut self, scalar: &Scalar<'_>, field: &Field) -> Option<()> {
        match field {
            Field::Mapping(_) => return None,
            Field::ApiVersion => self.head.api_version = scalar.text()?,
            Field::Kind => self.head.kind = scalar.text()?,
            Field::Name => self.head.name = scalar.text()?,
            Field::Annotation(name) if Head::keeps(name) => self.head.annotate(name, scalar.text()?),
            Field::None | Field::Annotation(_) => {}
        }
        Some(())
    }

    /// Passes the lines of a block scalar: its header may say how the end is cut, nothing else.
    fn block(&mut self, header: &str) -> Option<()> {
        if !matches!(&header[1..], "" | "-" | "+") {
            return None;
        }
        self.lines.skip_block(self.open.last()?.column)
    }
}

/// A `-` that starts an entry of a sequence.
fn is_entry(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

/// Whether a line is nothing but more words of a plain scalar.
fn continues(content: &str) -> Option<()> {
    let is_more = !content.contains(": ") && !content.ends_with(':') && !content.contains(" #");
    is_more.then_some(())
}

#[cfg(test)]
mod tests;
