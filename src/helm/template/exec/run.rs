//! One template being executed: its variables, its place, and the steps of its body.

use std::fmt::Display;
use std::rc::Rc;

use super::Executor;
use crate::helm::template::error::TemplateError;
use crate::helm::template::parse::tree::{Call, Definition, Node, Pipe};
use crate::helm::template::print;
use crate::helm::template::typed::Typed;
use crate::helm::template::value::Value;

/// How a list of nodes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Done,
    Break,
    Continue,
}

/// A variable; the innermost of a name is the last.
pub(super) struct Variable<'t> {
    pub(super) name: &'t str,
    pub(super) value: Typed,
}

/// Where the execution is, for errors.
#[derive(Clone, Copy)]
struct Place<'t> {
    position: usize,
    shown: &'t dyn Display,
}

/// One template being executed.
pub(super) struct Run<'t, 'r, 'o> {
    pub(super) executor: &'r mut Executor<'o>,
    definition: &'t Definition,
    pub(super) variables: Vec<Variable<'t>>,
    place: Option<Place<'t>>,
    out: &'r mut Vec<u8>,
}

impl<'t, 'r, 'o> Run<'t, 'r, 'o> {
    pub(super) fn new(
        executor: &'r mut Executor<'o>,
        definition: &'t Definition,
        dot: Typed,
        out: &'r mut Vec<u8>,
    ) -> Self {
        Self { executor, definition, variables: vec![Variable { name: "$", value: dot }], place: None, out }
    }

    /// Says where the execution is.
    pub(super) fn at(&mut self, position: usize, shown: &'t dyn Display) {
        self.place = Some(Place { position, shown });
    }

    /// An error here.
    pub(super) fn error(&self, message: impl AsRef<str>) -> TemplateError {
        TemplateError::execution(self.message(message.as_ref()))
    }

    /// What Go says of an error here.
    pub(super) fn message(&self, message: &str) -> String {
        let name = self.definition.name.bytes();
        let Some(place) = self.place else {
            return format!("template: {}: {message}", self.definition.name.lossy());
        };
        let (location, name) = (self.definition.source.location(place.position), print::quote(name, false));
        format!("template: {location}: executing {name} at <{}>: {message}", place.shown)
    }

    /// Executes nodes one after the other.
    pub(super) fn walk(&mut self, dot: &Typed, nodes: &'t [Node]) -> Result<Flow, TemplateError> {
        if self.executor.stack.is_full() {
            return Err(self.error("exceeded maximum template depth (100000)"));
        }
        for node in nodes {
            self.step()?;
            let flow = match node {
                Node::Text { start, end } => self.text(*start, *end),
                Node::Action(pipe) => self.action(dot, pipe)?,
                Node::Branch { with, pipe, body, otherwise } => {
                    self.branch(dot, *with, pipe, body, otherwise)?
                }
                Node::Range { pipe, body, otherwise } => self.range(dot, pipe, body, otherwise)?,
                Node::Template(call) => self.template(dot, call)?,
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Done {
                return Ok(flow);
            }
        }
        Ok(Flow::Done)
    }

    /// Stops what would never end.
    pub(super) fn step(&mut self) -> Result<(), TemplateError> {
        let checked = self.executor.spend(1).and_then(|()| self.executor.check_size(self.out.len()));
        checked.map_err(|text| self.error(text))
    }

    fn text(&mut self, start: usize, end: usize) -> Flow {
        self.out.extend_from_slice(self.definition.source.slice(start, end));
        Flow::Done
    }

    fn action(&mut self, dot: &Typed, pipe: &'t Pipe) -> Result<Flow, TemplateError> {
        let result = self.pipeline(dot, pipe)?;
        if pipe.variables.is_empty() {
            match &result.value {
                Value::Nil => self.out.extend_from_slice(b"<no value>"),
                Value::Str(text) => self.out.extend_from_slice(text.bytes()),
                Value::Object(object) => self.out.extend_from_slice(object.in_braces().bytes()),
                value => print::write(self.out, value),
            }
        }
        Ok(Flow::Done)
    }

    fn branch(
        &mut self,
        dot: &Typed,
        with: bool,
        pipe: &'t Pipe,
        body: &'t [Node],
        otherwise: &'t [Node],
    ) -> Result<Flow, TemplateError> {
        let mark = self.variables.len();
        let condition = self.pipeline(dot, pipe)?;
        let flow = match (condition.value.truth(), with) {
            (true, true) => self.walk(&condition, body),
            (true, false) => self.walk(dot, body),
            (false, _) => self.walk(dot, otherwise),
        };
        self.variables.truncate(mark);
        flow
    }

    /// `{{template}}`: the other template sees nothing of this one's variables.
    fn template(&mut self, dot: &Typed, call: &'t Call) -> Result<Flow, TemplateError> {
        self.at(call.position, call);
        let Some(definition) = self.executor.set.get(&call.name).map(Rc::clone) else {
            return Err(
                self.error(format!("template {} not defined", print::quote(call.name.bytes(), false)))
            );
        };
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Typed::concrete(Value::Nil),
        };
        let mut run = Run::new(self.executor, &definition, dot.clone(), self.out);
        run.walk(&dot, &definition.body).map(|_| Flow::Done)
    }
}

#[cfg(test)]
mod tests {
    use crate::helm::template::exec::tests::{failure, render};

    #[test]
    fn conditions_and_scopes() {
        let cases = [
            ("{{ if .empty }}a{{ else if .none }}b{{ else }}c{{ end }}", "c"),
            ("{{ with .map }}{{ .a }}{{ else }}b{{ end }}", "two"),
            ("{{ with .none }}a{{ else with .text }}{{ . }}{{ else }}c{{ end }}", "text"),
            ("{{ with $x := .text }}{{ $x }}{{ . }}{{ end }}", "texttext"),
            ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}", "2"),
            ("{{ .none }} {{ .missing }} {{ print .none }}", "<no value> <no value> <nil>"),
            (
                "{{ .big }} {{ .half }} {{ .yes }} {{ .list }} {{ .set }}",
                "1e+06 1.5 true [x 1 <nil> map[k:v]] 3",
            ),
            ("a {{- /* c */ -}} b", "ab"),
        ];
        for (text, out) in cases {
            assert_eq!(render(text), out, "{text}");
        }
    }

    #[test]
    fn templates_see_no_variables_of_others() {
        assert_eq!(
            render("{{ define \"d\" }}[{{ . }}]{{ end }}{{ template \"d\" 1 }}{{ template \"d\" }}"),
            "[1][<no value>]"
        );
        assert_eq!(render("{{ block \"b\" .text }}[{{ . }}]{{ end }}"), "[text]");
        assert_eq!(failure("{{ template \"nope\" . }}"), "template \"nope\" not defined");
        assert_eq!(
            render("{{ $x := 1 }}{{ define \"d\" }}{{ $x }}{{ end }}"),
            "parse error at (f:1): undefined variable \"$x\""
        );
    }
}
