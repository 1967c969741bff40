//! Executes templates: what `{{ }}` does, with Go's rules about nil, types and scopes, and with limits on depth, work and size.

mod call;
mod evaluate;
mod field;
mod host;
mod range;
mod run;

use std::collections::HashMap;
use std::rc::Rc;

pub use host::without_no_value;
use run::Run;

use super::error::TemplateError;
use super::function::FunctionError;
use super::parse::tree::Definition;
use super::print;
use super::set::Set;
use super::stack::Stack;
use super::text::Text;
use super::typed::Typed;
use super::value::Value;

/// More steps than any chart takes; a loop without end is stopped here.
const MAX_STEPS: u64 = 200_000_000;

/// More text than any cluster takes, in bytes.
const MAX_OUTPUT: usize = 256 * 1024 * 1024;

/// What lies outside of the templates: the cluster, the DNS, and how strict to be.
pub trait Outside {
    /// Objects of the cluster. The error is the one that Helm prints.
    fn lookup(&mut self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Value, String>;

    /// The address of a host name; empty unless DNS is allowed.
    fn host_by_name(&mut self, name: &str) -> Text;

    /// Whether the chart is only being linted.
    fn linting(&self) -> bool;

    /// Whether an absent key of a map is an error.
    fn strict(&self) -> bool;
}

/// Executes the templates of a set, one after the other.
pub struct Executor<'o> {
    set: Rc<Set>,
    outside: &'o mut dyn Outside,
    strict: bool,
    stack: Stack,
    steps: u64,
    /// How often each template is being included right now.
    included: HashMap<Text, usize>,
    /// The texts that `tpl` has read.
    read: HashMap<Text, Vec<Rc<Definition>>>,
}

impl<'o> Executor<'o> {
    /// An executor for a set of templates.
    pub fn new(set: Set, outside: &'o mut dyn Outside, stack: Stack) -> Self {
        let strict = outside.strict();
        Self { set: Rc::new(set), outside, strict, stack, steps: 0, included: HashMap::new(), read: HashMap::new() }
    }

    /// Executes the template of a name on some data; what it writes is added to `out`.
    pub fn execute(&mut self, name: &Text, data: Value, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        let Some(definition) = self.set.get(name).map(Rc::clone) else {
            let name = print::quote(name.bytes(), false);
            return Err(TemplateError::new(format!("template: no template {name} associated with template \"gotpl\"")));
        };
        self.execute_definition(&definition, &Typed::concrete(data), out)
    }

    fn execute_definition(&mut self, definition: &Definition, dot: &Typed, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        let mut run = Run::new(self, definition, dot.clone(), out);
        run.walk(dot, &definition.body).map(|_| ())
    }
}

impl From<FunctionError> for TemplateError {
    fn from(error: FunctionError) -> Self {
        match error {
            FunctionError::Said(text) => Self::new(text),
            FunctionError::Refused(text) => Self::refused(&text),
            FunctionError::Template(error) => *error,
        }
    }
}
