//! Go's builtin functions, without `and` and `or` (the executor does those) and without `slice` (Helm's
//! replaces it).

mod compare;
mod escape;
mod index;

use super::print;
use super::text::Text;
use super::typed::Typed;
use super::value::Value;

/// A builtin function.
pub(super) struct Builtin {
    /// The name in templates.
    pub(super) name: &'static str,
    /// Whether the first argument must be a string (`printf`).
    pub(super) text_first: bool,
    /// How many arguments it must get.
    pub(super) fixed: usize,
    /// Whether it takes more.
    pub(super) variadic: bool,
    /// The code; the error is Go's text.
    pub(super) run: fn(&[Typed]) -> Result<Typed, String>,
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Builtin {
    const fn new(
        name: &'static str,
        fixed: usize,
        variadic: bool,
        run: fn(&[Typed]) -> Result<Typed, String>,
    ) -> Self {
        Self { name, text_first: false, fixed, variadic, run }
    }
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Builtin> {
    ALL.iter()
}

static ALL: [Builtin; 16] = [
    Builtin::new("eq", 1, true, |arguments| boolean(compare::eq(arguments))),
    Builtin::new("ne", 2, false, |arguments| boolean(compare::eq(arguments).map(|equal| !equal))),
    Builtin::new("lt", 2, false, |arguments| boolean(compare::lt(arguments))),
    Builtin::new("le", 2, false, |arguments| boolean(compare::le(arguments))),
    Builtin::new("gt", 2, false, |arguments| boolean(compare::le(arguments).map(|less| !less))),
    Builtin::new("ge", 2, false, |arguments| boolean(compare::lt(arguments).map(|less| !less))),
    Builtin::new("not", 1, false, |arguments| {
        boolean(Ok(!arguments.iter().any(|argument| argument.value.truth())))
    }),
    Builtin::new("index", 1, true, index::index),
    Builtin::new("len", 1, false, index::len),
    Builtin::new("call", 1, true, call),
    Builtin::new("print", 0, true, |arguments| text(print::print(&values(arguments)))),
    Builtin::new("println", 0, true, |arguments| text(print::println(&values(arguments)))),
    Builtin { text_first: true, ..Builtin::new("printf", 1, true, printf) },
    Builtin::new("html", 0, true, |arguments| text(escape::html(&values(arguments)))),
    Builtin::new("js", 0, true, |arguments| text(escape::js(&values(arguments)))),
    Builtin::new("urlquery", 0, true, |arguments| text(escape::urlquery(&values(arguments)))),
];

fn values(arguments: &[Typed]) -> Vec<Value> {
    arguments.iter().map(|argument| argument.value.clone()).collect()
}

fn boolean(result: Result<bool, String>) -> Result<Typed, String> {
    result.map(|truth| Typed::concrete(Value::Bool(truth)))
}

#[expect(clippy::unnecessary_wraps, reason = "the type of every builtin")]
fn text(text: Text) -> Result<Typed, String> {
    Ok(Typed::concrete(Value::Str(text)))
}

fn printf(arguments: &[Typed]) -> Result<Typed, String> {
    let values = values(arguments);
    match values.split_first() {
        Some((Value::Str(format), rest)) => text(print::printf(format.bytes(), rest)),
        _ => text("".into()),
    }
}

/// No value of a chart is a function, so there is nothing to call.
fn call(arguments: &[Typed]) -> Result<Typed, String> {
    match arguments.first().map(|argument| &argument.value) {
        None | Some(Value::Nil) => Err("call of nil".to_owned()),
        Some(value) => Err(format!("non-function of type {}", value.type_name())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    /// Runs a builtin on values out of a map; what it prints, or its error.
    pub(super) fn run(name: &str, arguments: &Json) -> String {
        let arguments: Vec<Typed> = arguments
            .as_array()
            .unwrap()
            .iter()
            .map(|json| Typed { value: Value::from(json), interface: true })
            .collect();
        let builtin = all().find(|builtin| builtin.name == name).unwrap();
        (builtin.run)(&arguments).map_or_else(
            |error| format!("error: {error}"),
            |typed| print::display(&typed.value).lossy().into_owned(),
        )
    }

    #[test]
    fn logic_and_printing() {
        let cases = [
            ("not", json!([""]), "true"),
            ("not", json!([[0]]), "false"),
            ("print", json!(["a", 1, 2, null]), "a1 2 <nil>"),
            ("println", json!(["a", 1]), "a 1\n"),
            ("printf", json!(["%s=%d", "a", 1]), "a=1"),
            ("call", json!([null]), "error: call of nil"),
        ];
        for (name, arguments, text) in cases {
            assert_eq!(run(name, &arguments), text, "{name} {arguments}");
        }
    }
}
