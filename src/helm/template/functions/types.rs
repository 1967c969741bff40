//! Functions that tell what Go type a value has.

use super::equality::deep_equal;
use super::{fixed, text};
use crate::helm::template::function::{
    Function,
    Parameter::{Any, Str},
};

/// The family.
pub(super) const ALL: &[Function] = &[
    fixed("typeOf", &[Any], |_, a| text(a.value(0).type_name())),
    fixed("typeIs", &[Str, Any], |_, a| Ok((a.text(0) == a.value(1).type_name().as_bytes()).into())),
    fixed("typeIsLike", &[Str, Any], |_, a| Ok(is_like(a.text(0), a.value(1).type_name().as_bytes()).into())),
    fixed("kindOf", &[Any], |_, a| text(a.value(0).kind())),
    fixed("kindIs", &[Str, Any], |_, a| Ok((a.text(0) == a.value(1).kind().as_bytes()).into())),
    fixed("deepEqual", &[Any, Any], |_, a| Ok(deep_equal(a.value(0), a.value(1)).into())),
];

/// A pointer to the type counts as the type.
fn is_like(wanted: &[u8], name: &[u8]) -> bool {
    name == wanted || name.strip_prefix(b"*") == Some(wanted)
}
