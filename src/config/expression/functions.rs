//! The functions of CEL that an expression may call, and what each results in. A test calls all of them.

/// What an expression results in, as far as that is known without an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bool,
    Text,
    Number,
    List,
    Map,
    /// Whatever the object says.
    Any,
}

impl Form {
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

/// By name; a namespace belongs to the name.
pub(super) const FUNCTIONS: [(&str, Form); 31] = [
    ("bool", Form::Bool),
    ("bytes", Form::Any),
    ("charAt", Form::Text),
    ("contains", Form::Bool),
    ("double", Form::Number),
    ("dyn", Form::Any),
    ("endsWith", Form::Bool),
    ("hasValue", Form::Bool),
    ("indexOf", Form::Number),
    ("int", Form::Number),
    ("join", Form::Text),
    ("lastIndexOf", Form::Number),
    ("lowerAscii", Form::Text),
    ("matches", Form::Bool),
    ("optional.none", Form::Any),
    ("optional.of", Form::Any),
    ("optional.ofNonZeroValue", Form::Any),
    ("or", Form::Any),
    ("orValue", Form::Any),
    ("replace", Form::Text),
    ("reverse", Form::Text),
    ("size", Form::Number),
    ("split", Form::List),
    ("startsWith", Form::Bool),
    ("string", Form::Text),
    ("substring", Form::Text),
    ("trim", Form::Text),
    ("type", Form::Any),
    ("uint", Form::Number),
    ("upperAscii", Form::Text),
    ("value", Form::Any),
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
        for (name, _) in FUNCTIONS {
            let undeclared = |text: String| {
                let program = env.compile(&text).unwrap();
                let error = program.execute(&Context::with_env(env.clone())).unwrap_err();
                matches!(error, ExecutionError::UndeclaredReference(_))
            };
            let is_global = !undeclared(format!("{name}(1, 2, 3, 4)"));
            assert!(is_global || !undeclared(format!("'x'.{name}(1, 2, 3, 4)")), "{name}");
        }
    }
}
