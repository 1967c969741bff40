//! What cert-manager's own kinds look like, all lists at the same time. Of each page only the states are kept.

use std::collections::{BTreeMap, BTreeSet};

use futures::try_join;
use kube::Api;
use kube::api::ListParams;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Baseline;
use super::backup::Backup;
use super::observe::Reader;
use super::state::{CertificateState, IssuerState, OrderState, RequestState};
use crate::certmanager::resources::{
    Certificate, CertificateRequest, Challenge, ClusterIssuer, Issuer, Object, Order,
};
use crate::certmanager::states::{self, Role};
use crate::gate::pages::Pages;
use crate::gate::{GateError, chain, rows};

impl Reader<'_> {
    pub(super) async fn issuance(&self, backup: &mut Backup<'_>) -> Result<Baseline, GateError> {
        let client = || self.cluster.client.clone();
        let (requests, orders) = (Api::<CertificateRequest>::all(client()), Api::<Order>::all(client()));
        let requests = Pages::of(&requests, ListParams::default(), Some(&rows::REQUESTS));
        let orders = Pages::of(&orders, ListParams::default(), Some(&rows::ORDERS));
        let challenges = Pages::of(&Api::<Challenge>::all(client()), ListParams::default(), None);
        let ((certificates, mut baseline), requests, orders, challenges) = try_join!(
            self.wishes(backup),
            self.pages(requests, "CertificateRequests"),
            self.pages(orders, "Orders"),
            self.pages(challenges, "Challenges"),
        )?;
        let roles = baseline.note_requests(&certificates, &requests);
        let matters = baseline.note_orders(&roles, &orders);
        for challenge in challenges {
            let matters = challenge.owner("Order").is_some_and(|owner| matters.contains(owner.uid.as_str()));
            let status = &challenge.status;
            let state = OrderState::of(&challenge, &status.state, &status.reason, matters);
            baseline.challenges.insert(challenge.uid().to_owned(), state);
        }
        Ok(baseline)
    }

    /// What users wrote: issuers and Certificates. Canaries of earlier runs are ours, and about to be
    /// deleted.
    async fn wishes(
        &self,
        backup: &mut Backup<'_>,
    ) -> Result<(BTreeMap<String, Certificate>, Baseline), GateError> {
        let mut baseline = Baseline::default();
        let issuers = &mut baseline.issuers;
        self.each::<Issuer>(backup, |issuer| {
            issuers.insert(issuer.uid().to_owned(), IssuerState::of(&issuer, &issuer.status.conditions));
        })
        .await?;
        self.each::<ClusterIssuer>(backup, |issuer| {
            issuers.insert(issuer.uid().to_owned(), IssuerState::of(&issuer, &issuer.status.conditions));
        })
        .await?;
        let mut certificates = BTreeMap::new();
        let at = self.each::<Certificate>(backup, |certificate| {
            let state = CertificateState::of(&certificate);
            baseline.certificates.insert(certificate.uid().to_owned(), state);
            certificates.insert(certificate.uid().to_owned(), certificate);
        });
        baseline.certificates_at = Some(at.await?).filter(|at| !at.is_empty());
        Ok((certificates, baseline))
    }

    /// Each object of a kind goes into the backup and to `see`. What cannot be read is in the backup, and judged
    /// by nobody. The place of the list among all changes; empty where the kind is not served.
    async fn each<K: Object + DeserializeOwned>(
        &self,
        backup: &mut Backup<'_>,
        mut see: impl FnMut(K),
    ) -> Result<String, GateError> {
        let path = format!("/apis/{}/{}", K::API_VERSION, K::URL_PATH_SEGMENT);
        let client = self.cluster.client.clone();
        let mut pages = Pages::<Box<RawValue>>::at(client, path, ListParams::default(), None);
        while let Some(page) = self.page(&mut pages, &format!("{}s", K::KIND)).await? {
            for raw in page {
                let object = serde_json::from_str::<K>(raw.get()).ok();
                if object.as_ref().is_some_and(|object| chain::is_canary(object.metadata())) {
                    continue;
                }
                if backup.is_wanted() {
                    let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
                    backup.add(K::KIND, &value);
                }
                object.into_iter().for_each(&mut see);
            }
        }
        Ok(pages.version().to_owned())
    }
}

impl Baseline {
    /// The requests by uid, with the role that each has.
    fn note_requests<'r>(
        &mut self,
        certificates: &BTreeMap<String, Certificate>,
        requests: &'r [CertificateRequest],
    ) -> BTreeMap<&'r str, Role> {
        let mut roles = BTreeMap::new();
        for request in requests {
            let owner = request.owner("Certificate").and_then(|owner| certificates.get(&owner.uid));
            let role = states::role(request, owner);
            let kept = RequestState::kept(request, role);
            self.requests.extend(kept.map(|state| (request.uid().to_owned(), state)));
            roles.insert(request.uid(), role);
        }
        roles
    }

    /// The Orders that matter, by uid; what is valid is not written down.
    fn note_orders<'o>(&mut self, roles: &BTreeMap<&str, Role>, orders: &'o [Order]) -> BTreeSet<&'o str> {
        let matters = |order: &Order| {
            let role = order.owner("CertificateRequest").and_then(|owner| roles.get(owner.uid.as_str()));
            role.copied().is_some_and(Role::matters)
        };
        let mut matter = BTreeSet::new();
        for order in orders.iter().filter(|order| matters(order)) {
            let status = &order.status;
            if status.state != "valid" {
                let state = OrderState::of(order, &status.state, &status.reason, true);
                self.orders.insert(order.uid().to_owned(), state);
            }
            matter.insert(order.uid());
        }
        matter
    }
}
