//! What a name in a template calls: one of Go's builtins or a function of Helm.

use std::collections::HashMap;

use super::builtin::{self, Builtin};
use super::function::Function;
use super::templating;

/// What a name calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callable {
    /// `and`, which evaluates no more arguments than it must.
    And,
    /// `or`, likewise.
    Or,
    /// Another builtin.
    Builtin(&'static Builtin),
    /// A function of Helm.
    Function(&'static Function),
}

impl Callable {
    /// The name in templates.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Builtin(builtin) => builtin.name,
            Self::Function(function) => function.name,
        }
    }
}

/// The names that templates may call.
#[derive(Clone, Debug)]
pub struct Functions(HashMap<&'static str, Callable>);

impl Functions {
    /// Go's builtins, `include` and its like, and these functions; of two with one name the later counts.
    pub fn new(functions: impl IntoIterator<Item = &'static Function>) -> Self {
        let builtins = [Callable::And, Callable::Or].into_iter().chain(builtin::all().map(Callable::Builtin));
        let functions = templating::ALL.iter().chain(functions);
        let all = builtins.chain(functions.map(Callable::Function));
        Self(all.map(|callable| (callable.name(), callable)).collect())
    }

    /// What a name calls.
    pub(super) fn get(&self, name: &str) -> Option<Callable> {
        self.0.get(name).copied()
    }
}
