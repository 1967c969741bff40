//! A statement about one Kubernetes object, in the Common Expression Language (CEL) over the variable
//! `object`. Pure: it reads no cluster and knows no time.

mod functions;
mod mistake;
mod names;
mod place;
mod value;

use std::sync::Arc;

use cel::{Context, Env, ExecutionError, Program, extensions};
use serde_json::Value;

pub(super) use mistake::Mistake;
pub(super) use place::place;

use functions::ResultType;
use names::Names;

/// The variable that an expression is about.
const OBJECT: &str = "object";

/// CEL as it is understood here: its standard functions and macros, optional values, and the extension for
/// strings.
#[derive(Clone)]
pub struct Language(Arc<Env>);

/// What an expression has to result in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// True or false.
    Condition,
    /// A text.
    Message,
}

/// An expression whose names and types are right, as far as that can be told without an object.
#[derive(Debug)]
pub struct Expression(Program);

/// One object, as expressions see it.
pub struct Bindings(Context<'static, 'static>);

impl Default for Language {
    fn default() -> Self {
        let mut env = Env::stdlib();
        // Declared once, on an environment that is new, so it cannot be there already.
        env.add_extension(extensions::strings).expect("the strings are not declared yet");
        Self(Arc::new(env))
    }
}

impl Language {
    /// Reads an expression; the errors say where in it something is wrong.
    ///
    /// # Errors
    /// Its syntax, a name that does not exist, or a result of another type than what is wanted.
    pub fn compile(&self, text: &str, wanted: Purpose) -> Result<Expression, Vec<Mistake>> {
        let program = self.0.compile(text).map_err(|errors| vec![Mistake::of(text, &errors.errors)])?;
        let mistakes = Names::check(&program, wanted.form());
        if mistakes.is_empty() { Ok(Expression(program)) } else { Err(mistakes) }
    }

    /// The object as a value that expressions can be asked about.
    pub fn bind(&self, object: &Value) -> Bindings {
        let mut context = Context::with_env(self.0.clone());
        context.add_variable_from_value(OBJECT, value::of(object));
        Bindings(context)
    }
}

impl Purpose {
    fn form(self) -> ResultType {
        match self {
            Self::Condition => ResultType::Bool,
            Self::Message => ResultType::Text,
        }
    }
}

impl Expression {
    /// Whether it is true of an object; the error says why that cannot be told.
    ///
    /// # Errors
    /// A field is not there, a value is of another type, or the result is neither true nor false.
    pub fn holds(&self, object: &Bindings) -> Result<bool, String> {
        match self.0.execute(&object.0).map_err(|error| why(&error))? {
            cel::Value::Bool(holds) => Ok(holds),
            other => Err(format!("it results in a {}, not in true or false", other.type_of())),
        }
    }

    /// The text that it results in for an object; the error says why there is none.
    ///
    /// # Errors
    /// A field is not there, a value is of another type, or the result is no text.
    pub fn text(&self, object: &Bindings) -> Result<String, String> {
        match self.0.execute(&object.0).map_err(|error| why(&error))? {
            cel::Value::String(text) => Ok(text.to_string()),
            other => Err(format!("it results in a {}, not in a text", other.type_of())),
        }
    }
}

/// Without the values of the object, which may be long, or secret.
fn why(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("the object has no field `{key}` there"),
        ExecutionError::NoSuchOverload(overload) => overload.to_string(),
        ExecutionError::UndeclaredReference(name) => format!("there is no `{name}`"),
        ExecutionError::IndexOutOfBounds(_) => "a list is shorter than the index".to_owned(),
        ExecutionError::FunctionError { function, .. } => format!("`{function}` fails"),
        _ => "its values do not fit each other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Value {
        json!({
            "metadata": {"generation": 3, "labels": {"app": "x"}},
            "status": {"phase": "Running", "ready": 2, "share": 0.5, "conditions": [
                {"type": "Ready", "status": "True"}, {"type": "Stalled", "status": "False"},
            ]},
        })
    }

    fn holds(text: &str) -> Result<bool, String> {
        let language = Language::default();
        language.compile(text, Purpose::Condition).unwrap().holds(&language.bind(&object()))
    }

    #[test]
    fn a_condition_holds_or_not_or_it_cannot_be_told() {
        let table = [
            ("object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", Ok(true)),
            ("object.?status.?nothing.orValue([]).exists(c, c.type == 'Ready')", Ok(false)),
            ("object.metadata.generation + 1 == 4 && object.status.ready - 3 < 0", Ok(true)),
            ("object.status.share < 1.0 && object.status.phase.startsWith('Run')", Ok(true)),
            ("has(object.status.phase) && !has(object.status.other)", Ok(true)),
            ("object.status.other == 'x'", Err("the object has no field `other` there")),
            (
                "object.status.phase > 3",
                Err("found no matching overload for '_>_' applied to '(string, int)'"),
            ),
            ("object.status.phase", Err("it results in a string, not in true or false")),
            ("object.status.conditions[7].type == 'x'", Err("a list is shorter than the index")),
        ];
        for (text, expected) in table {
            assert_eq!(holds(text), expected.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_message_is_a_text_of_the_object() {
        let language = Language::default();
        let text = "object.status.conditions.map(c, c.type + '=' + c.status).join(', ')";
        let message = language.compile(text, Purpose::Message).unwrap();
        assert_eq!(message.text(&language.bind(&object())).unwrap(), "Ready=True, Stalled=False");
        let number = language.compile("object.status.ready", Purpose::Message).unwrap();
        assert_eq!(number.text(&language.bind(&object())).unwrap_err(), "it results in a int, not in a text");
    }
}
