//! What of a cluster decides whether a rule speaks, as plain data.

use serde::Deserialize;
use serde_json::Value;

use crate::certmanager::app_version::AppVersion;
use crate::several::first_of;

/// How many fields that a CRD lacks are named.
const LACKING: usize = 2;

/// What must be seen in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// It is an `OpenShift` cluster.
    Openshift,
    /// The chart's values set both `webhook.config` and `webhook.volumes`.
    WebhookConfigAndVolumes,
    /// A Certificate with `isCA` leaves `privateKey.rotationPolicy` unset.
    CaWithoutRotationPolicy,
    /// Two Certificates name one Secret.
    SharedSecrets,
    /// An Order has not come to its end.
    OrdersInFlight,
    /// A CRD that the chart leaves as it is is labelled with an older version than the target.
    CrdsBehind,
    /// A CRD that the chart leaves as it is has no label that tells its version.
    CrdsUnlabelled,
    /// A CRD may still hold objects in a version other than v1.
    OldStoredVersions,
}

/// One CRD of cert-manager, as the cluster has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveCrd {
    /// Its name.
    pub name: String,
    /// Its label `app.kubernetes.io/version`.
    pub version: Option<AppVersion>,
    /// `status.storedVersions`.
    pub stored: Vec<String>,
    /// The version that the chart would give it; absent where the chart does not bring it.
    pub becomes: Option<AppVersion>,
    /// Versions and fields of the target's CRD that this one has not; absent where nobody has compared them.
    pub lacks: Option<Vec<String>>,
}

impl LiveCrd {
    /// Nothing tells its version: neither a label nor the chart.
    pub fn is_unknown(&self) -> bool {
        self.becomes.max(self.version).is_none()
    }
}

/// What was observed. What is absent nobody has looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The version of Kubernetes.
    pub kubernetes: Option<AppVersion>,
    /// The cluster is an `OpenShift` cluster.
    pub openshift: Option<bool>,
    /// The values of the chart that were set.
    pub values: Option<Value>,
    /// CAs without a rotation policy, as people name them.
    pub cas: Option<Vec<String>>,
    /// Secrets with the Certificates that name them, where these are several.
    pub shared_secrets: Option<Vec<String>>,
    /// Orders that have not come to their end.
    pub orders: Option<Vec<String>>,
    /// The CRDs of cert-manager.
    pub crds: Option<Vec<LiveCrd>>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// No.
    No,
    /// Nobody has looked.
    Unknown,
    /// Yes, for these; without names it holds for the cluster as a whole.
    Yes(Vec<String>),
}

impl Holds {
    fn of(seen: Option<bool>) -> Self {
        match seen {
            None => Self::Unknown,
            Some(false) => Self::No,
            Some(true) => Self::Yes(Vec::new()),
        }
    }

    fn named(seen: Option<Vec<String>>) -> Self {
        match seen {
            None => Self::Unknown,
            Some(names) if names.is_empty() => Self::No,
            Some(names) => Self::Yes(names),
        }
    }
}

impl Condition {
    /// The condition in words, behind "cert-manager 1.20.0, ".
    pub fn words(self) -> &'static str {
        match self {
            Self::Openshift => "on OpenShift",
            Self::WebhookConfigAndVolumes => "with both webhook.config and webhook.volumes set",
            Self::CaWithoutRotationPolicy => "where a Certificate of a CA has no rotation policy",
            Self::SharedSecrets => "where two Certificates name one Secret",
            Self::OrdersInFlight => "while Orders are in flight",
            Self::CrdsBehind => "where the CRDs are managed apart and older",
            Self::CrdsUnlabelled => "where CRDs that are managed apart have no label of their version",
            Self::OldStoredVersions => "where status.storedVersions of a CRD is not [v1]",
        }
    }

    /// Whether it holds for an upgrade to `to`.
    pub fn holds(self, facts: &Facts, to: AppVersion) -> Holds {
        match self {
            Self::Openshift => Holds::of(facts.openshift),
            Self::WebhookConfigAndVolumes => {
                Holds::of(facts.values.as_ref().map(|values| {
                    is_set(&values["webhook"]["config"]) && is_set(&values["webhook"]["volumes"])
                }))
            }
            Self::CaWithoutRotationPolicy => Holds::named(facts.cas.clone()),
            Self::SharedSecrets => Holds::named(facts.shared_secrets.clone()),
            Self::OrdersInFlight => Holds::named(facts.orders.clone()),
            Self::CrdsBehind => Holds::named(facts.crds.as_ref().map(|crds| behind(crds, to))),
            Self::CrdsUnlabelled => Holds::named(facts.crds.as_ref().map(|crds| unlabelled(crds))),
            Self::OldStoredVersions => Holds::named(facts.crds.as_ref().map(|crds| old_stored(crds))),
        }
    }
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        _ => true,
    }
}

/// Patches of one minor have the same fields, as far as an upgrade is concerned.
fn behind(crds: &[LiveCrd], to: AppVersion) -> Vec<String> {
    let older = |crd: &&LiveCrd| {
        let version = crd.becomes.max(crd.version);
        version.is_some_and(|version| version < to && !version.is_same_minor(to))
    };
    let lacking = |crd: &&LiveCrd| crd.is_unknown() && crd.lacks.iter().flatten().next().is_some();
    let told = |crd: &LiveCrd| match (crd.version, &crd.lacks) {
        (Some(version), _) => format!("{} of {version}", crd.name),
        (None, Some(lacks)) => format!("{} without {}", crd.name, first_of(lacks, LACKING)),
        (None, None) => crd.name.clone(),
    };
    crds.iter().filter(|crd| older(crd) || lacking(crd)).map(told).collect()
}

fn unlabelled(crds: &[LiveCrd]) -> Vec<String> {
    let unknown = crds.iter().filter(|crd| crd.is_unknown() && crd.lacks.is_none());
    unknown.map(|crd| crd.name.clone()).collect()
}

fn old_stored(crds: &[LiveCrd]) -> Vec<String> {
    let old = crds.iter().filter(|crd| crd.stored.iter().any(|version| version != "v1"));
    old.map(|crd| format!("{} [{}]", crd.name, crd.stored.join(", "))).collect()
}
