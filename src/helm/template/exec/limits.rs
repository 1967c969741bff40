//! How much a template may do, far beyond what any chart does: what would not end, or would fill the memory,
//! is stopped.

use super::Executor;
use crate::helm::template::value::Value;

/// How much may be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Actions, texts, rounds of loops, and what functions read and give.
    pub(super) steps: u64,
    /// Bytes that one template writes, and bytes of one value.
    pub(super) bytes: usize,
}

/// What real rendering allows.
pub(super) const LIMITS: Limits = Limits { steps: 100_000_000, bytes: 64 * 1024 * 1024 };

impl Executor<'_> {
    /// Counts work that is done. The error says what does not end.
    pub(super) fn spend(&mut self, steps: u64) -> Result<(), String> {
        self.steps += steps;
        if self.steps > self.limits.steps {
            return Err(format!(
                "stopped after {} steps: the template does not seem to end",
                self.limits.steps
            ));
        }
        Ok(())
    }

    /// Counts the work of a function that got or gave a value.
    pub(super) fn spend_on(&mut self, value: &Value) -> Result<(), String> {
        let steps = match value {
            Value::Str(text) | Value::Bytes(text) => {
                self.check_size(text.bytes().len())?;
                text.bytes().len() / 512
            }
            Value::List(list) => list.items.len() / 16,
            Value::Map(map) => map.len() / 16,
            Value::Nil
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Int64(_)
            | Value::Float(_)
            | Value::Object(_) => 0,
        };
        self.spend(u64::try_from(steps).unwrap_or(u64::MAX))
    }

    /// Refuses too many bytes.
    pub(super) fn check_size(&self, bytes: usize) -> Result<(), String> {
        if bytes > self.limits.bytes {
            return Err(format!(
                "stopped at more than {} bytes: no cluster takes so much",
                self.limits.bytes
            ));
        }
        Ok(())
    }
}
