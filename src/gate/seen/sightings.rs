//! Why certificates were seen to be issued: remembered from every look, because no later one shows it.

use std::collections::{BTreeMap, BTreeSet};

use crate::certmanager::resources::{Certificate, Object, condition};

/// Why certificates were seen to be issued, by uid: the condition is gone again within a second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sightings(BTreeMap<String, BTreeSet<String>>);

impl Sightings {
    /// Remembers the reason for which `certificate` is issued right now.
    pub(crate) fn note(&mut self, certificate: &Certificate) {
        if let Some(issuing) =
            condition(&certificate.status.conditions, "Issuing").filter(|issuing| issuing.is_true())
        {
            self.0.entry(certificate.uid().to_owned()).or_default().insert(issuing.reason.clone());
        }
    }

    /// Every reason for which the Certificate with this uid was seen to be issued.
    pub(crate) fn reasons(&self, uid: &str) -> Option<&BTreeSet<String>> {
        self.0.get(uid)
    }
}
