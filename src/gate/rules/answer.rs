//! How one object is, by one rule: its controller's generation before everything, then the expressions. Pure.

use serde_json::Value;

use super::statements::Statements;
use crate::config::expression::{Bindings, Language};
use crate::gate::seen::RuleAnswer;
use crate::health::{self, Health, HealthState};

/// A status may hold a whole log.
const LONGEST: usize = 400;

/// What the statements of a rule say of an object.
pub(super) fn answer(statements: &Statements, language: &Language, object: &Value) -> RuleAnswer {
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
    let observed = object.pointer("/status/observedGeneration").and_then(number);
    if let (Some(generation), Some(observed)) = (generation, observed)
        && observed < generation
    {
        return RuleAnswer::Unobserved(format!(
            "its controller has seen generation {observed}, not {generation}"
        ));
    }
    let current = current(object, generation.unwrap_or_default());
    asked(statements, &language.bind(&current), &current).unwrap_or_else(RuleAnswer::Unknown)
}

/// What Kubernetes itself says of an object.
pub(super) fn of_health(object: &Value) -> RuleAnswer {
    let Health { state, message } = health::of_promised(object);
    match state {
        HealthState::Ready => RuleAnswer::Ready,
        HealthState::InProgress => RuleAnswer::NotReady(with("is not ready", &message)),
        HealthState::Failed => RuleAnswer::Failed(with("has failed", &message)),
    }
}

/// What is under way is not judged, and what has failed is not ready.
fn asked(statements: &Statements, object: &Bindings, value: &Value) -> Result<RuleAnswer, String> {
    let holds = |key: &str| match statements.condition(key) {
        Some(condition) => condition.holds(object).map_err(|why| format!("`{key}` cannot be told: {why}")),
        None => Ok(false),
    };
    let (in_progress, failed, ready) = (holds("in-progress")?, holds("failed")?, holds("ready")?);
    let told = || match statements.message() {
        Some(message) => {
            message.text(object).unwrap_or_else(|why| format!("`message` cannot be told: {why}"))
        }
        None => by_condition(value).unwrap_or_default(),
    };
    Ok(match (in_progress, failed, ready) {
        (true, _, _) => RuleAnswer::NotReady(with("is in progress", &told())),
        (false, true, _) => RuleAnswer::Failed(with("has failed", &told())),
        (false, false, true) => RuleAnswer::Ready,
        (false, false, false) => RuleAnswer::NotReady(with("is not ready", &told())),
    })
}

fn with(state: &str, told: &str) -> String {
    let told = told.trim();
    let cut = told.char_indices().nth(LONGEST).map_or("", |_| "…");
    let shown: String = told.chars().take(LONGEST).collect();
    if told.is_empty() { state.to_owned() } else { format!("{state}: {shown}{cut}") }
}

/// The condition that most kinds have.
fn by_condition(object: &Value) -> Option<String> {
    let ready = health::condition(object, "Ready")?;
    Some(format!("Ready={} ({}): {}", ready.status, ready.reason, ready.message))
}

/// Some controllers write the generation as a text.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The object without the conditions that speak of an older generation: they are no evidence.
fn current(object: &Value, generation: i64) -> Value {
    let mut object = object.clone();
    if let Some(status) = object.get_mut("status") {
        drop_older(status, generation);
    }
    object
}

fn drop_older(value: &mut Value, generation: i64) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(conditions)) = fields.get_mut("conditions") {
                let observed = |condition: &Value| condition.get("observedGeneration").and_then(number);
                conditions
                    .retain(|condition| observed(condition).is_none_or(|observed| observed >= generation));
            }
            fields.values_mut().for_each(|value| drop_older(value, generation));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_older(item, generation)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
