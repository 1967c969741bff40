//! The moves that there are, and one of them planned.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::certmanager::resources::{Certificate, Object};

/// What is done about a Certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Move {
    /// It needs nothing.
    Nothing,
    /// cert-manager is at work, or begins by itself soon: only the result is waited for.
    Wait,
    /// The Order is deleted; its request is pending, so cert-manager makes it again at once.
    DeleteOrder,
    /// The Order is deleted; it belongs to nobody.
    DeleteOrphan,
    /// An issuance is started, as `cmctl renew` does.
    Renew,
    /// The request that cert-manager would not delete is deleted, then an issuance is started.
    DeleteRequestAndRenew,
    /// It must not be touched now.
    Refuse,
}

impl Move {
    /// The word as shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing to do",
            Self::Wait => "wait",
            Self::DeleteOrder => "delete the Order",
            Self::DeleteOrphan => "delete the orphaned Order",
            Self::Renew => "renew",
            Self::DeleteRequestAndRenew => "delete the request and renew",
            Self::Refuse => "refused",
        }
    }

    /// It changes something.
    pub fn acts(self) -> bool {
        matches!(self, Self::DeleteOrder | Self::DeleteOrphan | Self::Renew | Self::DeleteRequestAndRenew)
    }

    /// A Certificate is to come of it.
    pub fn is_awaited(self) -> bool {
        matches!(self, Self::Wait) || (self.acts() && self != Self::DeleteOrphan)
    }
}

/// A cause that no look can tell to be gone; only a person knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Allowance {
    /// The approver that said no would now say yes
    Denied,
    /// The CA or the signer that rejected what was asked for would now take it
    Rejected,
    /// The CA's account works again
    Account,
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Account => "account",
        })
    }
}

/// An object as it was when the plan was made; it is only changed if it is still so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Touched {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its `metadata.uid`.
    pub uid: String,
    /// Its `metadata.resourceVersion`.
    pub resource_version: String,
}

impl Touched {
    /// As `object` is.
    pub fn of<K: Object>(object: &K) -> Self {
        let metadata = object.metadata();
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Self {
            kind: K::KIND.to_owned(),
            namespace: text(&metadata.namespace),
            name: text(&metadata.name),
            uid: text(&metadata.uid),
            resource_version: text(&metadata.resource_version),
        }
    }
}

impl fmt::Display for Touched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// A Certificate before the move, which its result is told from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// The revision in its Secret.
    pub revision: i64,
    /// When it failed the last time.
    pub failed: Option<String>,
    /// How often in a row.
    pub attempts: i64,
    /// Kind and name of who signs; the namespace too, where that is one of a namespace.
    pub issuer: String,
}

impl Before {
    /// As `certificate` is.
    pub fn of(certificate: &Certificate) -> Self {
        let Touched { namespace, name, uid, .. } = Touched::of(certificate);
        let (status, issuer) = (&certificate.status, &certificate.spec.issuer_ref);
        let place = if issuer.kind() == "Issuer" { format!("{namespace}/") } else { String::new() };
        Self {
            issuer: format!("{} {place}{}", issuer.kind(), issuer.name),
            namespace,
            name,
            uid,
            revision: status.revision.unwrap_or(0),
            failed: status.last_failure_time.clone(),
            attempts: status.failed_issuance_attempts.unwrap_or(0),
        }
    }
}

/// What is planned for one Certificate, or for an Order that no Certificate needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Repair {
    /// `Certificate namespace/name`.
    pub object: String,
    /// What is wrong with it, in the words of its chain.
    pub state: String,
    /// What is done.
    #[serde(rename = "move")]
    pub planned: Move,
    /// Why this, in one sentence.
    pub reason: String,
    /// Until then it is refused, or cert-manager begins by itself then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What the refusal can be overridden with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<Allowance>,
    /// What is changed.
    pub touches: Vec<Touched>,
    /// What its result is told from; absent where no Certificate is to come of it.
    #[serde(skip)]
    pub before: Option<Before>,
}
