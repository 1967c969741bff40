//! Go's text/template: values, parser, executor, and the functions that Helm's charts call. Knows no chart and no cluster.

pub mod error;
pub mod function;
pub mod functions;
mod json;
pub mod print;
pub mod text;
pub mod value;

pub use error::TemplateError;
pub use function::{Arguments, Function, FunctionError, Host, Parameter};
pub use text::Text;
pub use value::{List, ListKind, Map, MapKind, Object, Value};
