//! Executes templates: what `{{ }}` does, with Go's rules about nil, types and scopes, and with limits on
//! depth, work and size.

mod call;
mod evaluate;
mod field;
mod host;
#[cfg(test)]
mod hostile;
mod limits;
mod range;
mod run;
mod values;

use std::collections::HashMap;
use std::rc::Rc;

pub use host::without_no_value;
use limits::{LIMITS, Limits};
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

/// What lies outside of the templates: the cluster, the DNS, and how strict to be.
pub trait Outside {
    /// Objects of the cluster. The error is the one that Helm prints.
    fn lookup(&mut self, api_version: &str, kind: &str, namespace: &str, name: &str)
    -> Result<Value, String>;

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
    limits: Limits,
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
        Self {
            set: Rc::new(set),
            outside,
            strict,
            stack,
            limits: LIMITS,
            steps: 0,
            included: HashMap::new(),
            read: HashMap::new(),
        }
    }

    /// Executes the template of a name on some data; what it writes is added to `out`.
    pub fn execute(&mut self, name: &Text, data: Value, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        let Some(definition) = self.set.get(name).map(Rc::clone) else {
            let name = print::quote(name.bytes(), false);
            return Err(TemplateError::new(format!(
                "template: no template {name} associated with template \"gotpl\""
            )));
        };
        self.execute_definition(&definition, &Typed::concrete(data), out)
    }

    fn execute_definition(
        &mut self,
        definition: &Definition,
        dot: &Typed,
        out: &mut Vec<u8>,
    ) -> Result<(), TemplateError> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::helm::template::{Functions, functions, stack};

    struct Nowhere {
        strict: bool,
    }

    impl Outside for Nowhere {
        fn lookup(&mut self, _: &str, kind: &str, _: &str, _: &str) -> Result<Value, String> {
            Err(format!("no {kind} here"))
        }

        fn host_by_name(&mut self, _: &str) -> Text {
            Text::from("")
        }

        fn linting(&self) -> bool {
            false
        }

        fn strict(&self) -> bool {
            self.strict
        }
    }

    fn execute(text: &str, strict: bool) -> String {
        let values = json!({
            "map": {"z": 1.0, "a": "two", "none": null}, "list": ["x", 1.0, null, {"k": "v"}], "numbers": [1.0, 2.0, 3.0],
            "text": "text", "big": 1_000_000.0, "half": 1.5, "yes": true, "none": null, "empty": {}, "set": 3
        });
        stack::with_room(|stack| {
            let mut set = Set::new(Functions::new(functions::all()));
            if let Err(error) = set.parse(&"f".into(), text.into(), stack) {
                return TemplateError::parse(error).to_string();
            }
            let mut outside = Nowhere { strict };
            let mut executor = Executor::new(set, &mut outside, stack);
            executor.limits = Limits { steps: 1_000_000, bytes: 1_000_000 };
            let mut out = Vec::new();
            match executor.execute(&"f".into(), Value::from(&values), &mut out) {
                Ok(()) => String::from_utf8(out).unwrap(),
                Err(error) => error.to_string(),
            }
        })
        .unwrap()
    }

    /// What a text writes, or Helm's error.
    pub(super) fn render(text: &str) -> String {
        execute(text, false)
    }

    /// The last line of Helm's error: what happened, without where.
    pub(super) fn failure(text: &str) -> String {
        let error = render(text);
        let line = error.lines().last().unwrap_or_default();
        line.rsplit_once(">: ").map_or(line, |(_, message)| message).trim().to_owned()
    }

    #[test]
    fn strict_misses_keys() {
        assert_eq!(execute("{{ .map.a }}{{ with .none }}{{ end }}", true), "two");
        assert!(execute("{{ .map.x }}", true).ends_with("map has no entry for key \"x\""));
        assert!(execute("{{ (.none).x }}", true).ends_with("nil data; no entry for key \"x\""));
    }

    #[test]
    fn what_never_ends_is_stopped() {
        assert!(
            failure("{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}")
                .starts_with("exceeded maximum template depth")
        );
        assert!(
            failure("{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}")
                .contains("nested reference name: r")
        );
        assert!(
            render("{{ $t := \"{{ tpl .t . }}\" }}{{ tpl $t (dict \"t\" $t) }}")
                .contains("exceeded maximum template depth")
        );
        assert!(failure("{{ range 9000000000000 }}{{ end }}").starts_with("stopped after"));
        assert!(
            failure("{{ $x := \"xxxxxxxx\" }}{{ range 9000000000000 }}{{ $x = print $x $x }}{{ end }}")
                .contains("stopped at more than")
        );
        assert!(
            failure("{{ $x := list 1 }}{{ range 9000000000000 }}{{ $x = append $x 1 }}{{ end }}")
                .contains("stopped after")
        );
        assert!(
            failure("{{ $x := list 1 }}{{ range 12 }}{{ $x = concat $x $x }}{{ end }}{{ range 9000000000000 }}{{ $y := len $x }}{{ end }}")
                .contains("stopped after")
        );
        assert!(
            failure("{{ range 9000000000000 }}0123456789abcdef{{ . | toString | repeat 1000 }}{{ end }}")
                .starts_with("stopped at more than")
        );
    }
}
