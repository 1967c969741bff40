//! Why an object cannot be applied, told for each object.

use std::fmt;

use thiserror::Error;

use super::remedy;
use crate::cluster::conflict::{OwnedField, owned_fields};
use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::immutable::{ImmutableField, immutable_fields};
use crate::cluster::objects::FIELD_MANAGER;
use crate::helm::manifest::{Key, Object};

/// One object that cannot be applied.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The object.
    pub key: Key,
    /// Why.
    pub why: Why,
}

/// Why an object cannot be applied.
#[derive(Debug, Clone)]
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
    /// Its kind is not served in this version of its API, and in others.
    OtherVersion {
        /// As the manifest has it, for example `extensions/v1beta1`.
        api_version: String,
        /// As the server has it, for example `networking.k8s.io/v1`.
        served: Vec<String>,
    },
    /// Its kind would be served by an aggregated API that does not answer.
    DeadApi {
        /// For example `metrics.k8s.io/v1beta1`.
        api_version: String,
    },
    /// The manifest changes fields that cannot be changed on an object that exists.
    Immutable(Vec<ImmutableField>),
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
}

impl Refused {
    pub(super) fn new(problems: Vec<Problem>, installing: bool) -> Self {
        Self { problems, installing }
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
        let conflicts = self.problems.iter().any(|problem| matches!(problem.why, Why::Conflict(_)));
        let hint = if conflicts { format!("\n{}", remedy::FORCE) } else { String::new() };
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
            Why::OtherVersion { api_version, served } => write!(
                f,
                "{key}: no matches for kind {:?} in version {api_version:?}; this server has it in {}: change the chart",
                key.kind,
                served.join(", ")
            ),
            Why::DeadApi { api_version } => write!(
                f,
                "{key}: no matches for kind {:?} in version {api_version:?}: {}",
                key.kind,
                remedy::dead(api_version)
            ),
            Why::Immutable(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|field| format!("{} ({})", field.field, field.told)).collect();
                write!(
                    f,
                    "{key}: the manifest changes {}, which cannot be changed on an object that exists; {}",
                    fields.join(", "),
                    remedy::replace(key)
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
            kube::Error::Api(status) if !immutable_fields(status).is_empty() => {
                Why::Immutable(immutable_fields(status))
            }
            error => Why::Api(Cause::of(error)),
        }
    }

    /// What is known of a kind that is not served.
    pub(super) fn unserved(kinds: &Kinds, object: &Object) -> Self {
        let api_version = object.api_version().to_owned();
        let served = kinds.versions_of(object.kind());
        if kinds.is_dead(object) {
            Why::DeadApi { api_version }
        } else if served.is_empty() {
            Why::Unserved { api_version }
        } else {
            Why::OtherVersion { api_version, served }
        }
    }

    /// Whether hooks that run before can make it go away. See [`super::ApplyOptions::hook`].
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Why::Foreign(_) | Why::Conflict(_) => false,
            Why::Unserved { .. }
            | Why::OtherVersion { .. }
            | Why::DeadApi { .. }
            | Why::Immutable(_)
            | Why::Api(Cause::Forbidden(_) | Cause::NotFound(_) | Cause::Conflict(_)) => true,
            Why::Api(_) => self.is_invalid(),
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
        --force-conflicts takes the fields away from their managers; or a manager gives its fields up: `kubectl apply --server-side --field-manager=MANAGER` without them
        "#);
    }

    #[test]
    fn what_cannot_be_changed_is_told_without_its_value() {
        let message = "Invalid value: {\"matchLabels\":{\"a\":\"b\"}}: field is immutable";
        let status: Status = serde_json::from_value(json!({"code": 422, "message": message,
            "details": {"causes": [{"reason": "FieldValueInvalid", "message": message, "field": "spec.selector"}]}}))
        .unwrap();
        let why = Why::of(&kube::Error::Api(Box::new(status)));
        let key = Key { group: "apps".into(), ..key("Deployment", Some("ns")) };
        insta::assert_snapshot!(Problem { key, why }, @"Deployment ns/x: the manifest changes spec.selector (field is immutable), which cannot be changed on an object that exists; it has to be deleted first, and its pods stop until the release has made it anew: `kubectl delete deployment.apps x --namespace ns`");
    }

    #[test]
    fn a_kind_that_is_not_served_comes_with_the_nearest_remedy() {
        let told = |why: Why| Problem { key: key("Ingress", Some("ns")), why }.to_string();
        let api_version = || "extensions/v1beta1".to_owned();
        let other =
            Why::OtherVersion { api_version: api_version(), served: vec!["networking.k8s.io/v1".into()] };
        insta::assert_snapshot!(told(other), @r#"Ingress ns/x: no matches for kind "Ingress" in version "extensions/v1beta1"; this server has it in networking.k8s.io/v1: change the chart"#);
        insta::assert_snapshot!(told(Why::DeadApi { api_version: api_version() }), @r#"Ingress ns/x: no matches for kind "Ingress" in version "extensions/v1beta1": the aggregated API extensions/v1beta1 does not answer; `kubectl get apiservice v1beta1.extensions` tells why"#);
    }

    #[test]
    fn conflicts_with_helm_itself_are_a_release_of_helm_3() {
        assert!(conflict(&["helm", "helm"]).is_own_conflict());
        assert!(!conflict(&["helm", "hand"]).is_own_conflict());
        let Why::Conflict(fields) = conflict(&["helm", "hand"]).without_own() else { panic!("a conflict") };
        assert_eq!(fields, [OwnedField { field: ".data.k".into(), manager: "hand".into() }]);
    }
}
