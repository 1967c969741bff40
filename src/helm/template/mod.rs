//! Go's text/template: values, parser, executor, and the functions that Helm's charts call. Knows no chart
//! and no cluster.

mod builtin;
mod callable;
pub mod error;
mod exec;
pub mod function;
pub mod functions;
mod json;
mod outside;
mod parse;
pub mod print;
mod set;
mod stack;
mod templating;
pub mod text;
mod typed;
pub mod value;

pub use callable::Functions;
pub use error::TemplateError;
pub use exec::{Executor, without_no_value};
pub use function::{Arguments, Function, FunctionError, Host, Parameter};
pub use outside::{Lookup, NoCluster, Resolve, no_dns};
pub use set::Set;
pub use stack::{Stack, with_room};
pub use text::Text;
pub use value::{List, ListKind, Map, MapKind, Object, Value};
