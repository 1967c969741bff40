//! Why a template cannot be read or executed, in the words and the form of Helm 4.

use std::fmt::{self, Display, Formatter};

/// A template could not be parsed or executed. The text is the one that Helm 4 prints.
#[derive(Debug)]
pub struct TemplateError {
    kind: Kind,
    /// What Go's chain of errors says: the innermost first. Each is what stands before the one inside it.
    levels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Helm prints it as it is.
    Plain,
    /// Go's parser refused a file.
    Parse,
    /// Go's executor stopped.
    Execution,
}

/// What Helm puts around the texts of `fail` and `required`, to find them again.
const REFUSED: (&str, &str) = ("HELM_ERR_START", "HELM_ERR_END");

impl TemplateError {
    /// An error with the text that Helm 4 prints.
    pub fn new(text: impl Into<String>) -> Self {
        Self { kind: Kind::Plain, levels: vec![text.into()] }
    }

    /// Go's parser refused a file with this text.
    pub(crate) fn parse(text: String) -> Self {
        Self { kind: Kind::Parse, levels: vec![text] }
    }

    /// Go's executor stopped with this text, its place included.
    pub(super) fn execution(text: String) -> Self {
        Self { kind: Kind::Execution, levels: vec![text] }
    }

    /// A text that `fail` or `required` was called with.
    pub(super) fn refused(text: &str) -> Self {
        Self::new(format!("{}{text}{}", REFUSED.0, REFUSED.1))
    }

    /// Puts a text before this error, as a function that does not execute templates.
    pub(super) fn within(mut self, before: String) -> Self {
        self.levels.push(before);
        self
    }

    /// Puts the place of a call before this error.
    pub(super) fn called_at(self, place: String) -> Self {
        let mut error = self.within(place);
        error.kind = Kind::Execution;
        error
    }

    /// The whole text, and where the texts of the levels begin in it, outermost first.
    fn chain(&self) -> (String, Vec<usize>) {
        let mut text = String::new();
        let mut starts = Vec::with_capacity(self.levels.len());
        for level in self.levels.iter().rev() {
            starts.push(text.len());
            text.push_str(level);
        }
        (text, starts)
    }
}

impl std::error::Error for TemplateError {}

impl Display for TemplateError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (text, starts) = self.chain();
        match self.kind {
            Kind::Plain => f.write_str(&text),
            Kind::Parse => f.write_str(&parse_form(&text)),
            Kind::Execution => f.write_str(&execution_form(text, &starts)),
        }
    }
}

/// The place, then only what follows the last colon.
fn parse_form(text: &str) -> String {
    let mut parts = text.split(": ").skip(1);
    let location = parts.next().unwrap_or_default();
    format!("parse error at ({location}): {}", parts.last().unwrap_or(location))
}

/// One block for each template that was being executed, or the raw text if a function's own words are at the
/// bottom.
fn execution_form(text: String, starts: &[usize]) -> String {
    let mut parts = text.splitn(3, ": ").skip(1);
    let (location, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if let Some(message) = between(rest, REFUSED) {
        return format!("execution error at ({location}): {message}");
    }
    let blocks: Option<Vec<String>> = starts.iter().map(|start| text.get(*start..).and_then(block)).collect();
    let Some(mut blocks) = blocks else { return text };
    blocks.dedup();
    blocks.concat().trim().to_owned()
}

fn between<'t>(text: &'t str, (start, end): (&str, &str)) -> Option<&'t str> {
    let (_, after) = text.split_once(start)?;
    after.rfind(end).and_then(|end| after.get(..end))
}

/// `file:line:column`, what was executed there, and what happened, each on a line of its own.
fn block(text: &str) -> Option<String> {
    let rest = text.strip_prefix("template: ")?;
    if rest.starts_with("no template ") {
        return Some(format!("{text}\n"));
    }
    if let Some((location, after)) = rest.split_once(": executing ") {
        let (name, after) = after.strip_prefix('"')?.split_once('"')?;
        let (place, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
        return Some(format!(
            "{location}\n  executing \"{name}\" at <{place}>:\n    {}\n",
            without_inner(message)
        ));
    }
    let (location, message) = rest.rsplit_once(": ")?;
    Some(format!("{location}\n  {}\n", without_inner(message)))
}

/// The message without the error of the template inside.
fn without_inner(message: &str) -> &str {
    message.split_once(" template:").map_or(message, |(message, _)| message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, message: &str) -> String {
        format!("template: {file}:1:3: executing \"{file}\" at <x>: {message}")
    }

    #[test]
    fn errors_of_the_parser_keep_the_place_and_the_end() {
        let error =
            TemplateError::parse("template: c/templates/a.yaml:3: function \"foo\" not defined".to_owned());
        assert_eq!(error.to_string(), "parse error at (c/templates/a.yaml:3): function \"foo\" not defined");
        let error =
            TemplateError::parse("template: a:3: template: multiple definition of template \"x\"".to_owned());
        assert_eq!(error.to_string(), "parse error at (a:3): multiple definition of template \"x\"");
    }

    #[test]
    fn errors_of_the_executor_are_blocks() {
        let error = TemplateError::execution(at("b", "nil pointer evaluating interface {}.y"));
        let error = error.called_at(at("a", "error calling include: "));
        insta::assert_snapshot!(error, @r#"
        a:1:3
          executing "a" at <x>:
            error calling include:
        b:1:3
          executing "b" at <x>:
            nil pointer evaluating interface {}.y
        "#);
    }

    #[test]
    fn errors_of_functions_are_one_line() {
        let error = TemplateError::new("no such thing").called_at(at("b", "error calling f: "));
        let error = error.called_at(at("a", "error calling include: "));
        let text = "template: a:1:3: executing \"a\" at <x>: error calling include: \
                    template: b:1:3: executing \"b\" at <x>: error calling f: no such thing";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn a_template_that_is_not_there() {
        let error = TemplateError::new("template: no template \"nope\" associated with template \"gotpl\"");
        insta::assert_snapshot!(error.called_at(at("a", "error calling include: ")), @r#"
        a:1:3
          executing "a" at <x>:
            error calling include:
        template: no template "nope" associated with template "gotpl"
        "#);
    }

    #[test]
    fn what_a_chart_refuses_is_at_the_outermost_place() {
        let error = TemplateError::refused("set: x").called_at(at("b", "error calling fail: "));
        let error = error.called_at(at("a", "error calling include: "));
        assert_eq!(error.to_string(), "execution error at (a:1:3): set: x");
    }
}
