//! A value as the executor and Go's builtins see it: with what Go knows about its type before looking inside.

use super::value::{ListKind, MapKind, Value};

/// A value, and whether Go reached it through an `interface {}`: an element of a `map[string]interface {}` is
/// one, the result of a pipeline is not. It decides what nil means (`nil pointer evaluating interface {}.x`,
/// or nothing) and what errors name.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    /// The value itself.
    pub(super) value: Value,
    /// Whether its type is `interface {}` as far as Go knows.
    pub(super) interface: bool,
}

impl Typed {
    /// A value of its own type.
    pub(super) fn concrete(value: Value) -> Self {
        Self { value, interface: false }
    }

    /// An element of a map.
    pub(super) fn in_map(value: Value, kind: MapKind) -> Self {
        Self { value, interface: !matches!(kind, MapKind::Strings | MapKind::NilStrings) }
    }

    /// What Go gives for a key that a map does not have.
    pub(super) fn absent_from(kind: MapKind) -> Self {
        match kind {
            MapKind::Strings | MapKind::NilStrings => Self::concrete(Value::from("")),
            MapKind::Any | MapKind::Values | MapKind::Nil => Self { value: Value::Nil, interface: true },
        }
    }

    /// An element of a slice.
    pub(super) fn in_list(value: Value, kind: ListKind) -> Self {
        Self { value, interface: matches!(kind, ListKind::Any | ListKind::Nil) }
    }

    /// Go's invalid value: nothing at all, not even a nil of some type.
    pub(super) fn is_invalid(&self) -> bool {
        matches!(self.value, Value::Nil) && !self.interface
    }

    /// A nil in an `interface {}`.
    pub(super) fn is_nil_interface(&self) -> bool {
        matches!(self.value, Value::Nil) && self.interface
    }

    /// What errors call the type.
    pub(super) fn type_name(&self) -> &str {
        if self.interface { "interface {}" } else { self.value.type_name() }
    }
}
