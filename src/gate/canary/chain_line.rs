//! The chain of a canary in one line.

use crate::certmanager::resources::{Certificate, Condition, Object, condition};
use crate::certmanager::states;
use crate::gate::chain;
use crate::gate::seen::Seen;

/// `Certificate a/b Ready → CertificateRequest a/b-1 issued → Order a/b-1-2 valid → Challenge …`.
pub(super) fn chain_line(seen: &Seen, certificate: &Certificate) -> String {
    let ready = condition(&certificate.status.conditions, "Ready").is_some_and(Condition::is_true);
    let mut links = vec![format!("{} {}", certificate.title(), if ready { "Ready" } else { "not Ready" })];
    for request in chain::requests_of(seen, certificate) {
        links.push(format!("{} {}", request.title(), states::result(request).word()));
        for order in chain::orders_of(seen, request) {
            links.push(format!(
                "{} {}{}",
                order.title(),
                or_new(&order.status.state),
                because(&order.status.reason)
            ));
            for challenge in chain::challenges_of(seen, order) {
                let presented = if challenge.status.presented { ", presented" } else { "" };
                let (spec, status) = (&challenge.spec, &challenge.status);
                let state = format!("{}{presented}{}", or_new(&status.state), because(&status.reason));
                links.push(format!("{} ({} {}) {state}", challenge.title(), spec.kind, spec.dns_name));
            }
        }
    }
    links.join(" → ")
}

/// Only how far each link is: `; request pending → order pending → DNS-01 challenge for x pending`.
pub(super) fn progress(seen: &Seen, certificate: &Certificate) -> String {
    let mut links = Vec::new();
    for request in chain::requests_of(seen, certificate) {
        links.push(format!("request {}", states::result(request).word()));
        for order in chain::orders_of(seen, request) {
            links.push(format!("order {}", or_new(&order.status.state)));
            for challenge in chain::challenges_of(seen, order) {
                let (spec, status) = (&challenge.spec, &challenge.status);
                links.push(format!(
                    "{} challenge for {} {}{}",
                    spec.kind,
                    spec.dns_name,
                    or_new(&status.state),
                    because(&status.reason)
                ));
            }
        }
    }
    if links.is_empty() { String::new() } else { format!("; {}", links.join(" → ")) }
}

fn or_new(state: &str) -> &str {
    if state.is_empty() { "new" } else { state }
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}
