//! The fields that a server-side apply sets and that others own. Pure.

use std::fmt;

use kube::core::Status;

/// A field that somebody else owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedField {
    /// For example `.spec.replicas`.
    pub field: String,
    /// The field manager.
    pub manager: String,
}

impl fmt::Display for OwnedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (owned by {})", self.field, self.manager)
    }
}

/// The fields that the server names as the reason of a conflict; none when it refuses for another reason.
///
/// It names the manager in quotes, in a message.
pub fn owned_fields(status: &Status) -> Vec<OwnedField> {
    let causes = status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .filter(|cause| cause.reason == "FieldManagerConflict");
    let manager = |message: &str| message.split('"').nth(1).unwrap_or(message).to_owned();
    causes.map(|cause| OwnedField { field: cause.field.clone(), manager: manager(&cause.message) }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn field_and_manager_are_read_from_the_causes() {
        let causes = json!([{"reason": "FieldManagerConflict", "message": "conflict with \"hand\" using apps/v1", "field": ".spec.replicas"},
            {"reason": "FieldValueInvalid", "message": "no", "field": "x"}]);
        let status: Status =
            serde_json::from_value(json!({"code": 409, "details": {"causes": causes}})).unwrap();
        let told: Vec<String> = owned_fields(&status).iter().map(ToString::to_string).collect();
        assert_eq!(told, [".spec.replicas (owned by hand)"]);
    }
}
