//! What a function of the template language is: a name, the Go types of its parameters, and its code.
//!
//! The executor checks the arguments against the parameters, with Go's words, before the code runs.

use std::fmt;

use super::text::Text;
use super::value::{List, ListKind, Map, MapKind, Value};

/// A function that templates can call.
#[derive(Clone, Copy)]
pub struct Function {
    /// The name in templates.
    pub name: &'static str,
    /// The parameters that must be given.
    pub parameters: &'static [Parameter],
    /// The type of any number of further arguments.
    pub variadic: Option<Parameter>,
    /// The code.
    pub run: Run,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The code of a function; `host` is for the few that render templates or ask the cluster.
pub type Run = fn(host: &mut dyn Host, arguments: Arguments<'_>) -> Result<Value, FunctionError>;

/// The Go type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// `interface {}`: anything, nil too.
    Any,
    /// `string`.
    Str,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `int64`.
    Int64,
    /// `uint32`: takes whole numbers written in the template only.
    Uint32,
    /// `float64`.
    Float,
    /// `map[string]interface {}`.
    Map,
    /// `[]interface {}`.
    List,
    /// `[]string`.
    Strings,
    /// A Go type of this name, for example `time.Time`: an [`Object`](super::value::Object) whose type name
    /// is the same.
    Named(&'static str),
}

impl Parameter {
    /// What Go calls the type.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Str => "string",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint32 => "uint32",
            Self::Float => "float64",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Named(name) => name,
        }
    }

    /// Whether nil is a value of the type.
    pub fn can_be_nil(self) -> bool {
        match self {
            Self::Any | Self::Map | Self::List | Self::Strings => true,
            Self::Named(name) => name.starts_with('*'),
            Self::Str | Self::Bool | Self::Int | Self::Int64 | Self::Uint32 | Self::Float => false,
        }
    }

    /// Whether a value that is not nil can be assigned to the type.
    pub fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Str, Value::Str(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Int64, Value::Int64(_))
            | (Self::Float, Value::Float(_)) => true,
            (Self::Map, Value::Map(map)) => !matches!(map.kind, MapKind::Strings | MapKind::NilStrings),
            (Self::List, Value::List(list)) => matches!(list.kind, ListKind::Any | ListKind::Nil),
            (Self::Strings, Value::List(list)) => {
                matches!(list.kind, ListKind::Strings | ListKind::NilStrings)
            }
            // A pointer is followed once.
            (Self::Named(name), Value::Object(object)) => {
                object.type_name() == name || object.type_name().strip_prefix('*') == Some(name)
            }
            _ => false,
        }
    }
}

/// What a function may ask of the one who executes the template.
pub trait Host {
    /// Renders a named template.
    fn include(&mut self, name: &Text, data: Value) -> Result<Text, FunctionError>;

    /// Renders a text as a template.
    fn tpl(&mut self, template: &Text, data: Value) -> Result<Text, FunctionError>;

    /// Reads objects of the cluster; an empty map where there is no cluster.
    fn lookup(
        &mut self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Value, FunctionError>;

    /// The address of a host name; empty unless DNS is allowed.
    fn host_by_name(&mut self, name: &str) -> Text;
}

/// Why a function did not answer.
#[derive(Debug)]
pub enum FunctionError {
    /// The function's own error (or what Go would have recovered from a panic): "error calling f: …" is put
    /// before it.
    Said(String),
    /// `fail` and `required`: the text alone matters, and the place of the outermost call.
    Refused(String),
    /// A template that the function rendered failed.
    Template(Box<super::error::TemplateError>),
}

impl FunctionError {
    /// The function's own error.
    pub fn said(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }
}

/// The arguments of a call, already of the types that the function declares.
#[derive(Clone, Copy)]
pub struct Arguments<'a>(pub &'a [Value]);

impl<'a> Arguments<'a> {
    /// Any argument; nil when it was not given.
    pub fn value(&self, index: usize) -> &'a Value {
        self.0.get(index).unwrap_or(&Value::Nil)
    }

    /// A `string`.
    pub fn text(&self, index: usize) -> &'a [u8] {
        match self.value(index) {
            Value::Str(text) => text.bytes(),
            _ => b"",
        }
    }

    /// A `float64`.
    pub fn float(&self, index: usize) -> f64 {
        match self.value(index) {
            Value::Float(number) => *number,
            _ => 0.0,
        }
    }

    /// A `bool`.
    pub fn bool(&self, index: usize) -> bool {
        matches!(self.value(index), Value::Bool(true))
    }

    /// A whole number of either Go type.
    pub fn int(&self, index: usize) -> i64 {
        match self.value(index) {
            Value::Int(number) | Value::Int64(number) => *number,
            _ => 0,
        }
    }

    /// A `map[string]interface {}`.
    pub fn map(&self, index: usize) -> Option<&'a Map> {
        match self.value(index) {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// A slice.
    pub fn list(&self, index: usize) -> Option<&'a List> {
        match self.value(index) {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The arguments from here on.
    pub fn rest(&self, index: usize) -> &'a [Value] {
        self.0.get(index..).unwrap_or(&[])
    }
}
