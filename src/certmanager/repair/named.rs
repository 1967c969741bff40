//! What to do about one Order, whatever it is to anybody.

use super::judge::judge;
use super::moves::{Move, Repair, Touched};
use super::scene::Scene;
use crate::certmanager::resources::{Certificate, CertificateRequest, Object, Order};
use crate::certmanager::states::{self, Role};

/// What to do about `order`; `by_name`: a person has named it, so that one that belongs to nobody may go.
pub fn of_order(scene: &Scene, order: &Order, by_name: bool) -> Repair {
    let failed = states::is_failed(&order.status.state);
    if !failed && order.status.state == "valid" {
        return nothing(order, "it is valid");
    }
    let Some(owner) = order.owner("CertificateRequest") else { return orphan(order, failed && by_name) };
    let Some(request) = scene.requests.iter().find(|request| request.uid() == owner.uid) else {
        return nothing(order, "its request is gone, so Kubernetes deletes it");
    };
    let Some(certificate) = certificate_of(scene, request) else {
        return nothing(
            order,
            "no Certificate owns its request: whoever made that asks again, as a new request",
        );
    };
    match states::role(request, Some(certificate)) {
        Role::Next | Role::Anomaly => judge(scene, certificate).unwrap_or_else(|| {
            let told = format!("{} is well, or being issued without trouble", certificate.title());
            nothing(order, &told)
        }),
        _ => {
            let told = format!("it is history: {} has been issued since", certificate.title());
            nothing(order, &told)
        }
    }
}

fn certificate_of<'s>(scene: &'s Scene, request: &CertificateRequest) -> Option<&'s Certificate> {
    let owner = request.owner("Certificate")?;
    scene.certificates.iter().find(|certificate| certificate.uid() == owner.uid)
}

fn orphan(order: &Order, goes: bool) -> Repair {
    if !goes {
        return nothing(
            order,
            "it belongs to no request; name it with `--order` to have it deleted if it has failed",
        );
    }
    let why = "it belongs to no request and has failed, so nobody needs it";
    Repair { planned: Move::DeleteOrphan, touches: vec![Touched::of(order)], ..nothing(order, why) }
}

fn nothing(order: &Order, why: &str) -> Repair {
    let word = if order.status.state.is_empty() { "not accepted" } else { &order.status.state };
    let reason = &order.status.reason;
    let state = if reason.is_empty() { word.to_owned() } else { format!("{word}: {reason}") };
    Repair {
        object: order.title(),
        state,
        planned: Move::Nothing,
        reason: why.to_owned(),
        until: None,
        allow: None,
        touches: Vec::new(),
        before: None,
    }
}
