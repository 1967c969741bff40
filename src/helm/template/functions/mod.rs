//! The functions that Helm's templates call: sprig's, and Helm's own that need neither the chart nor the
//! cluster.
//!
//! One file a family; each function is declared with the Go types of its parameters. `include`, `tpl`,
//! `required`, `fail`, `lookup` and what Go itself brings belong to the executor. No function here reads a
//! file or asks the cluster.

pub use dates::in_layout;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::function::{Function, FunctionError, Parameter, Run};
use super::text::Text;
use super::value::Value;

mod case;
mod cast;
mod certificates;
mod dates;
mod defaults;
mod dicts;
mod durations;
mod encoding;
mod equality;
mod json;
mod lists;
mod merge;
mod numbers;
mod paths;
mod random;
mod regex;
mod runes;
mod secrets;
mod semantic;
mod strings;
mod toml;
mod types;
mod urls;
mod words;
mod wrap;
mod yaml;

/// A longer text or list is refused: a chart with such a mistake must not take the machine's memory.
const LONGEST: usize = 64 << 20;

/// Deeper values are refused: only a map that holds itself is deeper, and the stack has an end.
const DEEPEST: usize = 200;

/// What a function gives.
type Answer = Result<Value, FunctionError>;

const FAMILIES: &[&[Function]] = &[
    case::ALL,
    certificates::ALL,
    dates::ALL,
    defaults::ALL,
    dicts::ALL,
    durations::ALL,
    encoding::ALL,
    json::ALL,
    lists::ALL,
    numbers::ALL,
    paths::ALL,
    random::ALL,
    regex::ALL,
    secrets::ALL,
    semantic::ALL,
    strings::ALL,
    toml::ALL,
    types::ALL,
    urls::ALL,
    wrap::ALL,
    yaml::ALL,
];

/// Every function, by family.
pub fn all() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().copied().flatten()
}

/// The function of this name.
pub fn find(name: &str) -> Option<&'static Function> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> =
        LazyLock::new(|| all().map(|function| (function.name, function)).collect());
    BY_NAME.get(name).copied()
}

/// A function with exactly these parameters.
const fn fixed(name: &'static str, parameters: &'static [Parameter], run: Run) -> Function {
    Function { name, parameters, variadic: None, run }
}

/// A function that takes any number of further arguments of one type.
const fn variadic(
    name: &'static str,
    parameters: &'static [Parameter],
    rest: Parameter,
    run: Run,
) -> Function {
    Function { name, parameters, variadic: Some(rest), run }
}

#[expect(clippy::unnecessary_wraps, reason = "the code of every function gives an answer")]
fn text(bytes: impl Into<Text>) -> Answer {
    Ok(Value::Str(bytes.into()))
}

/// What Go says when a function takes the type of nil.
fn nil_dereference() -> FunctionError {
    FunctionError::said("runtime error: invalid memory address or nil pointer dereference")
}

/// Refuses a result that nobody can want.
fn not_too_long(length: usize) -> Result<(), FunctionError> {
    if length > LONGEST {
        return Err(FunctionError::said(format!("the result would be longer than {} MiB", LONGEST >> 20)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
