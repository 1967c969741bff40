//! The fields that the server refuses to change on an object that exists. Pure.

use kube::core::Status;

/// A field that cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImmutableField {
    /// For example `spec.selector`; empty where the server names none.
    pub field: String,
    /// The server's words, without the value.
    pub told: String,
}

/// What the validations of Kubernetes (and rules of CRDs, by custom) say of a field that cannot be changed.
const WORDS: [&str; 8] = [
    "immutable",
    "may not change",
    "may not be changed",
    "cannot change",
    "cannot be changed",
    "updates to ",
    "updates may not",
    "can't be changed",
];

/// The fields that the server names because they cannot be changed; none when it refuses for another reason
/// too, since deleting the object would not help then.
pub fn immutable_fields(status: &Status) -> Vec<ImmutableField> {
    let causes: Vec<_> = status.details.iter().flat_map(|details| &details.causes).collect();
    if status.code != 422 || !causes.iter().all(|cause| says_so(&cause.message)) {
        return Vec::new();
    }
    let field = |cause: &&kube::core::response::StatusCause| ImmutableField {
        field: cause.field.clone(),
        told: without_value(&cause.message).to_owned(),
    };
    causes.iter().map(field).collect()
}

fn says_so(message: &str) -> bool {
    let words = without_value(message).to_lowercase();
    WORDS.iter().any(|known| words.contains(known))
}

/// `Invalid value: <the whole value, which may be long or secret>: field is immutable`
fn without_value(message: &str) -> &str {
    match message.strip_prefix("Invalid value: ") {
        Some(rest) => rest.rsplit_once(": ").map_or(rest, |(_, words)| words),
        None => message.strip_prefix("Forbidden: ").unwrap_or(message),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(code: u16, causes: &[(&str, &str)]) -> Vec<String> {
        let cause = |(field, message): &(&str, &str)| json!({"field": field, "message": message});
        let causes: Vec<Value> = causes.iter().map(cause).collect();
        let status: Status =
            serde_json::from_value(json!({"code": code, "details": {"causes": causes}})).unwrap();
        let fields = immutable_fields(&status);
        fields.iter().map(|field| format!("{}: {}", field.field, field.told)).collect()
    }

    #[test]
    fn what_kubernetes_says_of_fields_that_cannot_be_changed_is_known() {
        let table = [
            (
                "spec.selector",
                r#"Invalid value: {"matchLabels":{"a":"b: c"}}: field is immutable"#,
                "field is immutable",
            ),
            (
                "spec.template",
                "Invalid value: core.PodTemplateSpec{…}: field is immutable",
                "field is immutable",
            ),
            (
                "spec.clusterIPs[0]",
                r#"Invalid value: ["10.0.0.9"]: may not change once set"#,
                "may not change once set",
            ),
            ("roleRef", "Invalid value: rbac.RoleRef{}: cannot change roleRef", "cannot change roleRef"),
            (
                "spec",
                "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden",
                "updates to statefulset spec for fields other than 'replicas' are forbidden",
            ),
            (
                "data",
                "Forbidden: field is immutable when `immutable` is set",
                "field is immutable when `immutable` is set",
            ),
            (
                "spec",
                "Forbidden: pod updates may not change fields other than `spec.containers[*].image`",
                "pod updates may not change fields other than `spec.containers[*].image`",
            ),
        ];
        for (field, message, words) in table {
            assert_eq!(told(422, &[(field, message)]), [format!("{field}: {words}")]);
        }
    }

    #[test]
    fn an_object_that_is_wrong_as_well_would_be_refused_after_its_deletion_too() {
        let (fixed, wrong) = (
            ("spec.selector", "Invalid value: {}: field is immutable"),
            ("spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
        );
        assert!(told(422, &[fixed, wrong]).is_empty() && told(422, &[wrong]).is_empty());
        assert!(told(400, &[fixed]).is_empty() && told(422, &[]).is_empty());
        let value = ("spec.x", r#"Invalid value: "updates to immutable": must be a number"#);
        assert!(told(422, &[value]).is_empty(), "the value itself says nothing");
    }
}
