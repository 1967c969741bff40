//! The functions of CEL that an expression may call, and what each results in. A test calls all of them.

/// What an expression results in, as far as that is known without an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResultType {
    Bool,
    Text,
    Number,
    List,
    Map,
    /// Whatever the object says.
    Any,
}

impl ResultType {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Any => "anything",
        }
    }

    /// It may be what is wanted.
    pub(super) fn may_be(self, wanted: Self) -> bool {
        self == wanted || self == Self::Any || wanted == Self::Any
    }
}

/// How a function is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// `name(x)`
    Alone,
    /// `x.name()`
    AfterValue,
    /// Both ways.
    Either,
}

/// A function that an expression may call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    /// A namespace belongs to the name.
    pub(super) name: &'static str,
    pub(super) result: ResultType,
    written: Written,
    /// The least and the most arguments; the value before the dot counts as one.
    takes: (usize, usize),
}

impl Function {
    /// What is wrong with a call that has so many arguments in its parentheses.
    pub(super) fn misuse(&self, after_value: bool, arguments: usize) -> Option<String> {
        let name = self.name;
        match (self.written, after_value) {
            (Written::Alone, true) => return Some(format!("`{name}` is called as `{name}(x)`")),
            (Written::AfterValue, false) => return Some(format!("`{name}` is called as `x.{name}(...)`")),
            _ => {}
        }
        let before = usize::from(after_value);
        let (least, most) = (self.takes.0 - before, self.takes.1 - before);
        let fits = (least..=most).contains(&arguments);
        (!fits).then(|| format!("`{name}` takes {}, not {arguments}", counted(least, most)))
    }
}

fn counted(least: usize, most: usize) -> String {
    match (least, most) {
        (0, 0) => "no argument".to_owned(),
        (1, 1) => "1 argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} or {most} arguments"),
    }
}

const fn alone(name: &'static str, result: ResultType, takes: usize) -> Function {
    Function { name, result, written: Written::Alone, takes: (takes, takes) }
}

/// The arguments without the value before the dot.
const fn after(name: &'static str, result: ResultType, least: usize, most: usize) -> Function {
    Function { name, result, written: Written::AfterValue, takes: (least + 1, most + 1) }
}

/// The arguments with the value before the dot.
const fn either(name: &'static str, result: ResultType, takes: usize) -> Function {
    Function { name, result, written: Written::Either, takes: (takes, takes) }
}

/// By name. Source: the definition of CEL, and its extensions for strings and optional values.
pub(super) const FUNCTIONS: [Function; 31] = [
    alone("bool", ResultType::Bool, 1),
    alone("bytes", ResultType::Any, 1),
    after("charAt", ResultType::Text, 1, 1),
    after("contains", ResultType::Bool, 1, 1),
    alone("double", ResultType::Number, 1),
    alone("dyn", ResultType::Any, 1),
    after("endsWith", ResultType::Bool, 1, 1),
    after("hasValue", ResultType::Bool, 0, 0),
    after("indexOf", ResultType::Number, 1, 2),
    alone("int", ResultType::Number, 1),
    after("join", ResultType::Text, 0, 1),
    after("lastIndexOf", ResultType::Number, 1, 2),
    after("lowerAscii", ResultType::Text, 0, 0),
    either("matches", ResultType::Bool, 2),
    alone("optional.none", ResultType::Any, 0),
    alone("optional.of", ResultType::Any, 1),
    alone("optional.ofNonZeroValue", ResultType::Any, 1),
    after("or", ResultType::Any, 1, 1),
    after("orValue", ResultType::Any, 1, 1),
    after("replace", ResultType::Text, 2, 3),
    after("reverse", ResultType::Text, 0, 0),
    either("size", ResultType::Number, 1),
    after("split", ResultType::List, 1, 2),
    after("startsWith", ResultType::Bool, 1, 1),
    alone("string", ResultType::Text, 1),
    after("substring", ResultType::Text, 1, 2),
    after("trim", ResultType::Text, 0, 0),
    alone("type", ResultType::Any, 1),
    alone("uint", ResultType::Number, 1),
    after("upperAscii", ResultType::Text, 0, 0),
    after("value", ResultType::Any, 0, 0),
];

/// What the parser turns into loops; here only to be suggested.
pub(super) const MACROS: [&str; 8] =
    ["all", "exists", "exists_one", "filter", "has", "map", "optFlatMap", "optMap"];

/// The names of types, for `type(x) == string`.
pub(super) const TYPES: [&str; 8] = ["bool", "bytes", "double", "int", "list", "map", "string", "uint"];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cel::{Context, Env, ExecutionError, extensions};

    use super::*;

    #[test]
    fn every_function_is_known_to_the_library() {
        let mut env = Env::stdlib();
        env.add_extension(extensions::strings).unwrap();
        let env = Arc::new(env);
        for Function { name, .. } in FUNCTIONS {
            let undeclared = |text: String| {
                let program = env.compile(&text).unwrap();
                let error = program.execute(&Context::with_env(env.clone())).unwrap_err();
                matches!(error, ExecutionError::UndeclaredReference(_))
            };
            let is_global = !undeclared(format!("{name}(1, 2, 3, 4)"));
            assert!(is_global || !undeclared(format!("'x'.{name}(1, 2, 3, 4)")), "{name}");
        }
    }

    /// With the least and the most arguments that it takes.
    #[test]
    fn every_function_takes_what_the_table_says() {
        let calls = [
            "bool('true')",
            "bytes('a')",
            "'abc'.charAt(1)",
            "'abc'.contains('b')",
            "double(1)",
            "dyn(1)",
            "'abc'.endsWith('c')",
            "optional.none().hasValue()",
            "'abc'.indexOf('c')",
            "'abc'.indexOf('c', 1)",
            "int('1')",
            "['a'].join()",
            "['a'].join(',')",
            "'abc'.lastIndexOf('c')",
            "'abc'.lastIndexOf('c', 2)",
            "'A'.lowerAscii()",
            "'abc'.matches('b')",
            "matches('abc', 'b')",
            "optional.none()",
            "optional.of(1)",
            "optional.ofNonZeroValue(0)",
            "optional.none().or(optional.of(1))",
            "optional.none().orValue(1)",
            "'abc'.replace('a', 'b')",
            "'aaa'.replace('a', 'b', 1)",
            "'abc'.reverse()",
            "size('a')",
            "'a'.size()",
            "'a b'.split(' ')",
            "'a b c'.split(' ', 2)",
            "'abc'.startsWith('a')",
            "string(1)",
            "'abc'.substring(1)",
            "'abc'.substring(1, 2)",
            "' a '.trim()",
            "type(1)",
            "uint(1)",
            "'a'.upperAscii()",
            "optional.of(1).value()",
        ];
        let language = super::super::Language::default();
        for call in calls {
            language.compile(&format!("{call} == {call}"), super::super::Purpose::Condition).unwrap();
            let mut env = Env::stdlib();
            env.add_extension(extensions::strings).unwrap();
            let env = Arc::new(env);
            let program = env.compile(call).unwrap();
            let result = program.execute(&Context::with_env(env.clone()));
            assert!(result.is_ok(), "{call}: {result:?}");
        }
        for Function { name, takes, .. } in FUNCTIONS {
            let of = calls.iter().filter(|call| call.contains(&format!("{name}(")));
            assert!(of.count() > takes.1 - takes.0, "{name}");
        }
    }
}
