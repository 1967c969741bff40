//! A Certificate that is not issued, with the request and the Order that say why.

use k8s_openapi::jiff::Timestamp;

use super::scene::{Scene, SeenIssuer, time};
use crate::certmanager::resources::{Certificate, CertificateRequest, Condition, Object, Order, condition};
use crate::certmanager::states;

/// One chain.
#[derive(Debug, Clone, Copy)]
pub struct Stuck<'s> {
    /// Everything else.
    pub scene: &'s Scene,
    /// The wish.
    pub certificate: &'s Certificate,
    /// Its request of the next revision.
    pub request: Option<&'s CertificateRequest>,
    /// The newest Order of that.
    pub order: Option<&'s Order>,
}

impl<'s> Stuck<'s> {
    /// With its request and Order, where there are any.
    pub fn of(scene: &'s Scene, certificate: &'s Certificate) -> Self {
        let request = scene.next_request(certificate);
        let order = request.and_then(|request| scene.order_of(request));
        Self { scene, certificate, request, order }
    }

    /// Its namespace.
    pub fn namespace(&self) -> &'s str {
        self.certificate.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Who signs; nothing where it does not exist, or is another controller's.
    pub fn issuer(&self) -> Option<SeenIssuer<'s>> {
        let reference = &self.certificate.spec.issuer_ref;
        reference.is_internal().then(|| self.scene.issuer(reference, self.namespace())).flatten()
    }

    /// An issuance is under way.
    pub fn is_issuing(&self) -> bool {
        self.condition("Issuing").is_some_and(Condition::is_true)
    }

    /// Its Secret holds what is wished.
    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(Condition::is_true)
    }

    /// How often it failed in a row.
    pub fn attempts(&self) -> i64 {
        self.certificate.status.failed_issuance_attempts.unwrap_or(0)
    }

    /// When it failed last, for cert-manager.
    pub fn last_failure(&self) -> Option<Timestamp> {
        time(self.certificate.status.last_failure_time.as_ref())
    }

    /// When the Order or the request failed.
    pub fn failed_at(&self) -> Option<Timestamp> {
        let order = self.order.and_then(|order| time(order.status.failure_time.as_ref()));
        let request = || time(self.request?.status.failure_time.as_ref());
        order.or_else(request).or_else(|| self.last_failure())
    }

    /// Why, in the words of who failed.
    pub fn message(&self) -> String {
        if let Some(order) = self.order.filter(|order| !order.status.reason.is_empty()) {
            return order.status.reason.clone();
        }
        if let Some(request) = self.request {
            return states::explained(request);
        }
        self.condition("Issuing").map(|issuing| issuing.message.clone()).unwrap_or_default()
    }

    /// How it stands, for a person.
    pub fn state(&self) -> String {
        if let Some(order) = self.order {
            return self.of_order(order);
        }
        if let Some(request) = self.request {
            return format!("{} is {}", request.title(), states::explained(request));
        }
        let message = self.message();
        match self.certificate.status.last_failure_time.as_ref().filter(|_| !self.is_issuing()) {
            Some(at) if message.is_empty() => format!("it failed at {at}, and its request is gone"),
            Some(at) => format!("it failed at {at}, and its request is gone: {message}"),
            None => self.condition("Ready").map_or_else(
                || "it was never issued".to_owned(),
                |ready| format!("it is not Ready ({}): {}", ready.reason, ready.message),
            ),
        }
    }

    fn of_order(&self, order: &Order) -> String {
        let word = if order.status.state.is_empty() { "not accepted" } else { &order.status.state };
        let reason = Some(&order.status.reason).filter(|reason| !reason.is_empty());
        let challenges = self.scene.challenges_of(order).filter(|one| !one.status.reason.is_empty());
        let says = challenges.map(|one| format!("{}: {}", one.title(), one.status.reason));
        let told: Vec<String> = reason.cloned().into_iter().chain(says).collect();
        let told = if told.is_empty() { String::new() } else { format!(": {}", told.join("; ")) };
        format!("{} is {word}{told}", order.title())
    }

    fn condition(&self, kind: &str) -> Option<&'s Condition> {
        condition(&self.certificate.status.conditions, kind)
    }
}
