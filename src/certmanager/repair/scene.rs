//! Everything that a plan is made from, and who belongs to whom.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::moves::Allowance;
use crate::certmanager::resources::{
    Certificate, CertificateRequest, Challenge, ClusterIssuer, Condition, Issuer, IssuerReference,
    IssuerSpec, Object, Order,
};
use crate::certmanager::states;

/// What was seen of a cluster, and under which terms it is planned.
#[derive(Debug, Clone)]
pub struct Scene {
    /// All Certificates.
    pub certificates: Vec<Certificate>,
    /// All requests.
    pub requests: Vec<CertificateRequest>,
    /// All Orders.
    pub orders: Vec<Order>,
    /// All Challenges.
    pub challenges: Vec<Challenge>,
    /// All Issuers.
    pub issuers: Vec<Issuer>,
    /// All `ClusterIssuers`.
    pub cluster_issuers: Vec<ClusterIssuer>,
    /// Whether a Secret exists, by namespace and name; what is not in here is not known.
    pub secrets: BTreeMap<(String, String), bool>,
    /// Where the Secrets of a `ClusterIssuer` are.
    pub cluster_namespace: String,
    /// The API server's clock.
    pub now: Timestamp,
    /// What cert-manager begins by itself within this time is waited for.
    pub patience: SignedDuration,
    /// The causes that a person knows to be gone.
    pub allowed: BTreeSet<Allowance>,
}

/// An issuer of either kind.
#[derive(Debug, Clone, Copy)]
pub struct SeenIssuer<'s> {
    /// Its spec.
    pub spec: &'s IssuerSpec,
    /// Its conditions.
    pub conditions: &'s [Condition],
    /// Where its Secrets are.
    pub namespace: &'s str,
}

impl Scene {
    /// The request of the issuance that runs, or that failed last.
    pub fn next_request(&self, certificate: &Certificate) -> Option<&CertificateRequest> {
        let owned = self.requests.iter().filter(|request| {
            request.owner("Certificate").is_some_and(|owner| owner.uid == certificate.uid())
        });
        let next = owned.filter(|request| states::role(request, Some(certificate)) == states::Role::Next);
        next.max_by_key(|request| request.metadata.creation_timestamp.as_ref().map(|time| time.0))
    }

    /// The newest Order of a request.
    pub fn order_of(&self, request: &CertificateRequest) -> Option<&Order> {
        let owned = self.orders.iter().filter(|order| {
            order.owner("CertificateRequest").is_some_and(|owner| owner.uid == request.uid())
        });
        owned.max_by_key(|order| order.metadata.creation_timestamp.as_ref().map(|time| time.0))
    }

    /// The Challenges of an Order.
    pub fn challenges_of<'s>(&'s self, order: &'s Order) -> impl Iterator<Item = &'s Challenge> {
        let owned =
            |challenge: &&Challenge| challenge.owner("Order").is_some_and(|owner| owner.uid == order.uid());
        self.challenges.iter().filter(owned)
    }

    /// The issuer that a reference in `namespace` means; one of another controller is not known.
    pub fn issuer(&self, reference: &IssuerReference, namespace: &str) -> Option<SeenIssuer<'_>> {
        if reference.kind() == "ClusterIssuer" {
            let named = |issuer: &&ClusterIssuer| issuer.metadata.name.as_ref() == Some(&reference.name);
            let ClusterIssuer { spec, status, .. } = self.cluster_issuers.iter().find(named)?;
            return Some(SeenIssuer {
                spec,
                conditions: &status.conditions,
                namespace: &self.cluster_namespace,
            });
        }
        let named = |issuer: &&Issuer| {
            issuer.metadata.name.as_ref() == Some(&reference.name)
                && issuer.metadata.namespace.as_deref() == Some(namespace)
        };
        let Issuer { spec, status, metadata } = self.issuers.iter().find(named)?;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        Some(SeenIssuer { spec, conditions: &status.conditions, namespace })
    }

    /// How long ago an object was created.
    pub fn age<K: Object>(&self, object: &K) -> SignedDuration {
        let created = object.metadata().creation_timestamp.as_ref().map(|time| time.0);
        created.map_or(SignedDuration::ZERO, |created| self.now.duration_since(created))
    }
}

/// A time of a status.
pub fn time(text: Option<&String>) -> Option<Timestamp> {
    text?.parse().ok()
}
