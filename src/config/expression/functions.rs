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

/// By name; a namespace belongs to the name.
pub(super) const FUNCTIONS: [(&str, ResultType); 31] = [
    ("bool", ResultType::Bool),
    ("bytes", ResultType::Any),
    ("charAt", ResultType::Text),
    ("contains", ResultType::Bool),
    ("double", ResultType::Number),
    ("dyn", ResultType::Any),
    ("endsWith", ResultType::Bool),
    ("hasValue", ResultType::Bool),
    ("indexOf", ResultType::Number),
    ("int", ResultType::Number),
    ("join", ResultType::Text),
    ("lastIndexOf", ResultType::Number),
    ("lowerAscii", ResultType::Text),
    ("matches", ResultType::Bool),
    ("optional.none", ResultType::Any),
    ("optional.of", ResultType::Any),
    ("optional.ofNonZeroValue", ResultType::Any),
    ("or", ResultType::Any),
    ("orValue", ResultType::Any),
    ("replace", ResultType::Text),
    ("reverse", ResultType::Text),
    ("size", ResultType::Number),
    ("split", ResultType::List),
    ("startsWith", ResultType::Bool),
    ("string", ResultType::Text),
    ("substring", ResultType::Text),
    ("trim", ResultType::Text),
    ("type", ResultType::Any),
    ("uint", ResultType::Number),
    ("upperAscii", ResultType::Text),
    ("value", ResultType::Any),
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
