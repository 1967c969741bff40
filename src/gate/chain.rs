//! Certificate → `CertificateRequest` → Order → Challenge: who belongs to whom.

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::context::Context;
use super::mark;
use super::seen::Seen;
use super::whose::Whose;
use crate::certmanager::resources::{Certificate, CertificateRequest, Challenge, Object, Order};
use crate::certmanager::states::{self, Role};

/// The object is a canary's, of this run or another one.
pub(crate) fn is_canary(metadata: &ObjectMeta) -> bool {
    mark::run_of(metadata).is_some()
}

pub(crate) fn certificate_of<'s>(seen: &'s Seen, request: &CertificateRequest) -> Option<&'s Certificate> {
    seen.certificates.get(&request.owner("Certificate")?.uid)
}

pub(crate) fn request_of<'s>(seen: &'s Seen, order: &Order) -> Option<&'s CertificateRequest> {
    seen.requests.get(&order.owner("CertificateRequest")?.uid)
}

pub(crate) fn order_of<'s>(seen: &'s Seen, challenge: &Challenge) -> Option<&'s Order> {
    seen.orders.get(&challenge.owner("Order")?.uid)
}

pub(crate) fn requests_of<'s>(
    seen: &'s Seen,
    certificate: &'s Certificate,
) -> impl Iterator<Item = &'s CertificateRequest> {
    seen.requests.owned_by(certificate.uid()).filter(|request| request.owner("Certificate").is_some())
}

pub(crate) fn orders_of<'s>(
    seen: &'s Seen,
    request: &'s CertificateRequest,
) -> impl Iterator<Item = &'s Order> {
    seen.orders.owned_by(request.uid()).filter(|order| order.owner("CertificateRequest").is_some())
}

pub(crate) fn challenges_of<'s>(seen: &'s Seen, order: &'s Order) -> impl Iterator<Item = &'s Challenge> {
    seen.challenges.owned_by(order.uid()).filter(|challenge| challenge.owner("Order").is_some())
}

/// Whose `request` is; nothing for what is not judged: history, a canary's, or about to be collected.
pub(super) fn whose_request(seen: &Seen, request: &CertificateRequest, context: &Context) -> Option<Whose> {
    let owner = certificate_of(seen, request);
    match states::role(request, owner) {
        Role::Superseded | Role::Orphan => None,
        // Nobody retries it, so an old failure stays for ever and says nothing about now.
        Role::Standalone => {
            let is_old = context.strict() || context.baseline.requests.contains_key(request.uid());
            (!is_old).then_some(Whose::New)
        }
        Role::Current | Role::Next | Role::Anomaly => {
            let whose = whose(seen, owner?, context)?;
            let was_open = context.baseline.requests.get(request.uid()).is_some_and(|before| before.open);
            Some(if whose == Whose::Known && was_open { Whose::InFlight } else { whose })
        }
    }
}

/// Whose `certificate`, and what belongs to it, is; nothing for a canary.
pub(super) fn whose(seen: &Seen, certificate: &Certificate, context: &Context) -> Option<Whose> {
    if is_canary(&certificate.metadata) {
        return None;
    }
    let before = context.baseline.certificates.get(certificate.uid());
    Some(match before {
        _ if context.strict() => Whose::Now,
        None => Whose::New,
        Some(before) if before.is_broken() => Whose::Before,
        Some(_) if had_failed(seen, certificate, context) => Whose::Before,
        Some(_) if !certificate.spec.issuer_ref.is_internal() => Whose::External,
        Some(before) if before.generation != certificate.metadata.generation => Whose::Edited,
        Some(before) if before.issuing => Whose::InFlight,
        Some(_) => Whose::Known,
    })
}

/// The issuance that is under way had failed before, and its Certificate did not know it yet: cert-manager
/// tells of a failed Order first, then of its request, then of its Certificate.
fn had_failed(seen: &Seen, certificate: &Certificate, context: &Context) -> bool {
    let before = context.baseline;
    let order_failed =
        |order: &Order| before.orders.get(order.uid()).is_some_and(|before| states::is_failed(&before.state));
    let failed = |request: &CertificateRequest| {
        before.requests.get(request.uid()).is_some_and(|before| before.broken)
            || orders_of(seen, request).any(order_failed)
    };
    requests_of(seen, certificate)
        .any(|request| states::role(request, Some(certificate)).matters() && failed(request))
}

/// How often presenting the proof of `challenge` failed, and what was said the last time.
pub(crate) fn present_errors<'s>(seen: &'s Seen, challenge: &Challenge) -> Option<(i32, &'s str)> {
    let mut events: Vec<&Event> = seen
        .present_errors
        .iter()
        .filter(|event| event.involved_object.uid.as_deref() == Some(challenge.uid()))
        .collect();
    events.sort_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
    let count = events.iter().map(|event| count(event)).sum();
    events.last().map(|event| (count, event.message.as_deref().unwrap_or_default()))
}

fn count(event: &Event) -> i32 {
    event.series.as_ref().and_then(|series| series.count).or(event.count).unwrap_or(1).max(1)
}

/// What the Challenges of `order` say, for a message.
pub(crate) fn challenges_say(seen: &Seen, order: &Order) -> String {
    let says = challenges_of(seen, order).filter(|challenge| !challenge.status.reason.is_empty());
    let says = says.map(|challenge| {
        let (spec, reason) = (&challenge.spec, &challenge.status.reason);
        format!("; {} ({} {}): {reason}", challenge.title(), spec.kind, spec.dns_name)
    });
    says.collect::<Vec<_>>().concat()
}
