//! The conditions of an object.

use serde_json::Value;

/// One condition of an object.
#[derive(Debug, Clone, Copy)]
pub struct ObjectCondition<'o> {
    /// `True`, `False` or `Unknown`.
    pub status: &'o str,
    /// A word for machines.
    pub reason: &'o str,
    /// A sentence for people.
    pub message: &'o str,
    /// The generation that it speaks of, where it says so.
    pub generation: Option<i64>,
}

/// The condition of this type; `None` when the object does not have it.
pub fn condition<'o>(object: &'o Value, name: &str) -> Option<ObjectCondition<'o>> {
    let found =
        object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == name)?;
    let word = |field: &str| found[field].as_str().unwrap_or_default();
    let generation = found["observedGeneration"].as_i64();
    Some(ObjectCondition {
        status: word("status"),
        reason: word("reason"),
        message: word("message"),
        generation,
    })
}
