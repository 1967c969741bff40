//! What became of a canary: created, or why it could not be.

use crate::gate::opinion::Target;
use crate::gate::verdict::Cause;

/// How the report calls the issuer of our own canary.
pub(crate) const SELF_SIGNED: &str = "self-signed";

/// One canary.
#[derive(Debug, Clone)]
pub(crate) struct Canary {
    /// The issuer that is asked, as in `release.yaml`; `self-signed` for our own.
    pub(crate) issuer: String,
    pub(crate) acme: bool,
    pub(crate) state: State,
}

/// Whether it could be created.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// The Certificate, with its uid.
    Created(Target),
    /// It could not be, and why.
    Refused(String, Cause),
}

impl Canary {
    /// Of our own self-signed issuer.
    pub(crate) fn is_own(&self) -> bool {
        self.issuer == SELF_SIGNED
    }
}
