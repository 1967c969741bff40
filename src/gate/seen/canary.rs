//! What became of a canary: created, or why it could not be.

use crate::gate::opinion::Target;

/// How the report calls the issuer of our own canary.
pub(crate) const SELF_SIGNED: &str = "self-signed";

/// How the report calls the Ingress for which cert-manager has to make a Certificate.
pub(crate) const BY_INGRESS: &str = "ingress";

/// One canary.
#[derive(Debug, Clone)]
pub(crate) struct Canary {
    /// The issuer that is asked, as in `release.yaml`; `self-signed` for our own.
    pub(crate) issuer: String,
    pub(crate) acme: bool,
    pub(crate) state: State,
    /// What its first try failed with, when this is the second one.
    pub(crate) first_failure: Option<String>,
}

/// Whether it could be created.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// The Certificate, or the Ingress for which cert-manager makes one, with its uid.
    Created(Target),
    /// It could not be.
    Refused(Refusal),
    /// Another one is being created in its place.
    Asked,
}

/// Why an object of a canary could not be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) by: RefusedBy,
}

/// Who or what stood in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefusedBy {
    /// cert-manager's own webhook, which does not answer or finds fault with what it should take.
    Webhook,
    /// A policy of the cluster: it says nothing about the release.
    Policy,
    /// What `release.yaml` says about the canary does not fit the cluster.
    Settings,
    /// Nobody answers.
    Silence,
    /// Something else.
    Other,
}

impl Canary {
    /// A first try.
    pub(crate) fn new(issuer: impl Into<String>, acme: bool, state: State) -> Self {
        Self { issuer: issuer.into(), acme, state, first_failure: None }
    }

    /// Of our own self-signed issuer.
    pub(crate) fn is_own(&self) -> bool {
        self.issuer == SELF_SIGNED
    }

    /// cert-manager makes its Certificate.
    pub(crate) fn is_by_ingress(&self) -> bool {
        self.issuer == BY_INGRESS
    }
}
