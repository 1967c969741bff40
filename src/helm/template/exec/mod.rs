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
use super::outside::{Lookup, Resolve};
use super::parse::tree::Definition;
use super::print;
use super::set::Set;
use super::stack::Stack;
use super::text::Text;
use super::typed::Typed;
use super::value::Value;

/// Executes the templates of a set, one after the other.
pub struct Executor<'o> {
    set: Rc<Set>,
    cluster: &'o mut dyn Lookup,
    resolve: Resolve,
    stack: Stack,
    limits: Limits,
    steps: u64,
    /// How often each template is being included right now.
    included: HashMap<Text, usize>,
    /// The texts that `tpl` has read.
    read: HashMap<Text, Vec<Rc<Definition>>>,
}

impl<'o> Executor<'o> {
    /// An executor for a set of templates; `cluster` answers `lookup`, `resolve` answers `getHostByName`.
    pub fn new(set: Set, cluster: &'o mut dyn Lookup, resolve: Resolve, stack: Stack) -> Self {
        Self {
            set: Rc::new(set),
            cluster,
            resolve,
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
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::helm::template::outside::no_dns;
    use crate::helm::template::{Functions, functions, stack};

    /// A cluster that refuses.
    struct NoPods;

    impl Lookup for NoPods {
        fn lookup(&mut self, _: &str, kind: &str, _: &str, _: &str) -> Result<Json, String> {
            Err(format!("no {kind} here"))
        }
    }

    /// What a text writes, or Helm's error.
    pub(super) fn render(text: &str) -> String {
        let values = json!({
            "map": {"z": 1.0, "a": "two", "none": null}, "list": ["x", 1.0, null, {"k": "v"}], "numbers": [1.0, 2.0, 3.0],
            "text": "text", "big": 1_000_000.0, "half": 1.5, "yes": true, "none": null, "empty": {}, "set": 3
        });
        stack::with_room(|stack| {
            let mut set = Set::new(Functions::new(functions::all()));
            if let Err(error) = set.parse(&"f".into(), text.into(), stack) {
                return TemplateError::parse(error).to_string();
            }
            let mut cluster = NoPods;
            let mut executor = Executor::new(set, &mut cluster, no_dns, stack);
            executor.limits = Limits { steps: 1_000_000, bytes: 1_000_000 };
            let mut out = Vec::new();
            match executor.execute(&"f".into(), Value::from(&values), &mut out) {
                Ok(()) => String::from_utf8(out).unwrap(),
                Err(error) => error.to_string(),
            }
        })
        .unwrap()
    }

    /// The last line of Helm's error: what happened, without where.
    pub(super) fn failure(text: &str) -> String {
        let error = render(text);
        let line = error.lines().last().unwrap_or_default();
        line.rsplit_once(">: ").map_or(line, |(_, message)| message).trim().to_owned()
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
