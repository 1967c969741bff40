//! Why an object cannot be applied, told for each object.

use std::fmt;

use thiserror::Error;

use crate::cluster::ApiError;
use crate::cluster::conflict::{OwnedField, owned_fields};
use crate::cluster::error::Cause;
use crate::cluster::objects::FIELD_MANAGER;
use crate::helm::manifest::Key;

/// One object that cannot be applied.
#[derive(Debug)]
pub struct Problem {
    /// The object.
    pub key: Key,
    /// Why.
    pub why: Why,
}

/// Why an object cannot be applied.
#[derive(Debug)]
pub enum Why {
    /// It exists and belongs to nobody or to another release; Helm's words for what is missing.
    Foreign(String),
    /// Fields that the manifest sets and others own, with their managers.
    Conflict(Vec<OwnedField>),
    /// Its kind is not served, and no CRD of the release brings it.
    Unserved {
        /// For example `example.com/v1`.
        api_version: String,
    },
    /// The request failed, or the server refused the object.
    Api(Cause),
}

/// The objects cannot be applied; nothing was changed.
#[derive(Debug, Error)]
#[error("{}", self.text())]
pub struct Refused {
    /// Every object that cannot be applied.
    pub problems: Vec<Problem>,
    installing: bool,
    /// A request that is about no object of the new manifest.
    #[source]
    api: Option<ApiError>,
}

impl Refused {
    pub(super) fn new(problems: Vec<Problem>, installing: bool) -> Self {
        Self { problems, installing, api: None }
    }

    pub(super) fn api(error: ApiError, installing: bool) -> Self {
        Self { problems: Vec::new(), installing, api: Some(error) }
    }

    /// Whose the objects are is decided first, as in Helm; the other problems would only hide it.
    fn text(&self) -> String {
        let foreign: Vec<String> = self
            .problems
            .iter()
            .filter(|problem| matches!(problem.why, Why::Foreign(_)))
            .map(ToString::to_string)
            .collect();
        if !foreign.is_empty() {
            let verb = if self.installing { "install" } else { "update" };
            return format!("unable to continue with {verb}: {}", foreign.join("\n"));
        }
        if self.problems.is_empty() {
            return "the objects of the release cannot be compared with the cluster; nothing was changed"
                .to_owned();
        }
        let conflicts = self.problems.iter().any(|problem| matches!(problem.why, Why::Conflict(_)));
        let hint =
            if conflicts { "\n--force-conflicts takes the fields away from their managers" } else { "" };
        format!(
            "the API server would not take {} of the objects; nothing was changed{}{hint}",
            self.problems.len(),
            lines(&self.problems)
        )
    }
}

/// An indented line for each problem.
pub(super) fn lines(problems: &[Problem]) -> String {
    problems.iter().flat_map(|problem| ["\n  ".to_owned(), problem.to_string()]).collect()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, why } = self;
        match why {
            Why::Foreign(text) => {
                let namespace = key.namespace.as_deref().unwrap_or_default();
                let (kind, name) = (&key.kind, &key.name);
                write!(
                    f,
                    "{kind} {name:?} in namespace {namespace:?} exists and cannot be imported into the current release: {text}"
                )
            }
            Why::Conflict(fields) => {
                let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
                write!(f, "{key}: {}", fields.join(", "))
            }
            Why::Unserved { api_version } => {
                write!(
                    f,
                    "{key}: no matches for kind {:?} in version {api_version:?}; is its CRD installed?",
                    key.kind
                )
            }
            Why::Api(cause) => write!(f, "{key}: {cause}"),
        }
    }
}

impl Why {
    /// Sorts the answer to an apply.
    pub(super) fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if !owned_fields(status).is_empty() => {
                Why::Conflict(owned_fields(status))
            }
            error => Why::Api(Cause::of(error)),
        }
    }

    /// The object itself is wrong for the schema that the server has now.
    pub(super) fn is_invalid(&self) -> bool {
        match self {
            Why::Api(Cause::Refused { code: 400 | 422, .. }) => true,
            // The API server's own answer to a field that the schema does not have.
            Why::Api(Cause::Refused { code: 500, message }) => {
                message.starts_with("failed to create typed patch object")
            }
            _ => false,
        }
    }

    /// Fields are owned by Helm's own updates alone: the object is of a release of Helm 3, and is to be
    /// migrated.
    pub(super) fn is_own_conflict(&self) -> bool {
        matches!(self, Why::Conflict(fields) if fields.iter().all(|field| field.manager == FIELD_MANAGER))
    }

    /// The conflicts with others than Helm itself.
    pub(super) fn without_own(self) -> Self {
        match self {
            Why::Conflict(fields) => {
                Why::Conflict(fields.into_iter().filter(|field| field.manager != FIELD_MANAGER).collect())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    fn key(kind: &str, namespace: Option<&str>) -> Key {
        Key {
            group: String::new(),
            kind: kind.into(),
            namespace: namespace.map(str::to_owned),
            name: "x".into(),
        }
    }

    fn conflict(managers: &[&str]) -> Why {
        let cause = |manager: &&str| json!({"reason": "FieldManagerConflict", "message": format!("conflict with \"{manager}\" using v1"), "field": ".data.k"});
        let causes: Vec<_> = managers.iter().map(cause).collect();
        let status: Status =
            serde_json::from_value(json!({"code": 409, "details": {"causes": causes}})).unwrap();
        Why::of(&kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn ownership_is_told_in_helms_words_and_first() {
        let problems = |why| {
            vec![
                Problem { key: key("A", Some("ns")), why: conflict(&["hand"]) },
                Problem { key: key("Node", None), why },
            ]
        };
        let foreign = || Why::Foreign("invalid ownership metadata; …".into());
        insta::assert_snapshot!(Refused::new(problems(foreign()), true), @r#"unable to continue with install: Node "x" in namespace "" exists and cannot be imported into the current release: invalid ownership metadata; …"#);
        insta::assert_snapshot!(Refused::new(problems(Why::Unserved { api_version: "g/v1".into() }), false), @r#"
        the API server would not take 2 of the objects; nothing was changed
          A ns/x: .data.k (owned by hand)
          Node x: no matches for kind "Node" in version "g/v1"; is its CRD installed?
        --force-conflicts takes the fields away from their managers
        "#);
    }

    #[test]
    fn conflicts_with_helm_itself_are_a_release_of_helm_3() {
        assert!(conflict(&["helm", "helm"]).is_own_conflict());
        assert!(!conflict(&["helm", "hand"]).is_own_conflict());
        let Why::Conflict(fields) = conflict(&["helm", "hand"]).without_own() else { panic!("a conflict") };
        assert_eq!(fields, [OwnedField { field: ".data.k".into(), manager: "hand".into() }]);
    }
}
