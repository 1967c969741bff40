//! Which move works for a Certificate in its state (cert-manager's `trigger`, `requestmanager`, `issuing` and
//! `acmeorders` controllers).

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::limits::next_try;
use super::moves::{Before, Move, Repair, Touched};
use super::obstacle::{self, Obstacle};
use super::scene::Scene;
use super::stuck::Stuck;
use crate::certmanager::resources::{Certificate, CertificateRequest, Object, Order};
use crate::certmanager::states::{self, RequestResult};

/// Approvers, signers and an ACME server answer within seconds.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(2);
/// A proof by DNS takes minutes; one that takes longer hangs.
const LONG: SignedDuration = SignedDuration::from_mins(10);

/// What to do about a Certificate; nothing where it is well, or on its way for the first time.
pub fn judge(scene: &Scene, certificate: &Certificate) -> Option<Repair> {
    if certificate.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let stuck = Stuck::of(scene, certificate);
    let result = stuck.request.map(states::result);
    if stuck.is_issuing() || result.is_some_and(RequestResult::is_open) {
        return under_way(&stuck);
    }
    if result.is_some_and(RequestResult::is_bad) || stuck.last_failure().is_some() {
        return Some(failed(&stuck));
    }
    (!stuck.is_ready()).then(|| {
        let wait = "cert-manager begins by itself; if it does not, see whether its controller is up (`release gate`)";
        obstacle::present(&stuck).map_or_else(|| waiting(&stuck, wait, None), |found| refused(&stuck, found))
    })
}

/// It failed, and cert-manager pauses.
fn failed(stuck: &Stuck) -> Repair {
    if let Some(found) = obstacle::past(stuck).or_else(|| obstacle::present(stuck)) {
        return refused(stuck, found);
    }
    if let Some(request) = stuck.request.filter(|request| stays(request)) {
        let why = "cert-manager would not delete this request, and would fail at once with it: it is deleted, and an issuance is started";
        let touched = vec![Touched::of(request), Touched::of(stuck.certificate)];
        return acting(stuck, Move::DeleteRequestAndRenew, why, touched);
    }
    let due = stuck.last_failure().map(|failed| next_try(failed, stuck.attempts()));
    let soon = stuck.scene.now.checked_add(stuck.scene.patience).unwrap_or(Timestamp::MAX);
    if due.is_some_and(|due| due <= soon) {
        return waiting(stuck, "cert-manager tries again by itself in time", due);
    }
    let pause = due.map_or_else(String::new, |due| format!(" before {due}"));
    let why = format!(
        "nothing is made again{pause}, whatever is deleted; a renewal starts at once, and cert-manager then deletes the failed request itself"
    );
    acting(stuck, Move::Renew, why, vec![Touched::of(stuck.certificate)])
}

/// cert-manager deletes a failed request by the time of its failure, and no other.
fn stays(request: &CertificateRequest) -> bool {
    states::result(request) != RequestResult::Failed || request.status.failure_time.is_none()
}

/// cert-manager is at work, or believes so.
fn under_way(stuck: &Stuck) -> Option<Repair> {
    let Some(request) = stuck.request else { return on_its_way(stuck) };
    let late = stuck.scene.age(request) > AT_ONCE;
    match states::result(request) {
        RequestResult::Unapproved if late => Some(refused(stuck, unanswered("approver", stuck))),
        RequestResult::Signing if late => Some(refused(stuck, unanswered("signer", stuck))),
        RequestResult::Pending => pending(stuck),
        _ => on_its_way(stuck),
    }
}

fn unanswered(who: &str, stuck: &Stuck) -> Obstacle {
    let issuer = &stuck.certificate.spec.issuer_ref;
    Obstacle::told(format!(
        "no {who} has answered, and a new request would not be answered either; see whether what approves and signs for {}.{} runs and may do so",
        issuer.kind(),
        issuer.group()
    ))
}

fn pending(stuck: &Stuck) -> Option<Repair> {
    if let Some(found) = obstacle::present(stuck) {
        return Some(refused(stuck, found));
    }
    let Some(order) = stuck.order.filter(|order| hangs(stuck, order)) else { return on_its_way(stuck) };
    if let Some(found) = obstacle::past(stuck) {
        return Some(refused(stuck, found));
    }
    let why = "its request is pending, so cert-manager makes the Order again at once, under the same name, and forgets its pause";
    Some(acting(stuck, Move::DeleteOrder, why, vec![Touched::of(order)]))
}

/// It does not move, or cert-manager looks at it only after long pauses.
fn hangs(stuck: &Stuck, order: &Order) -> bool {
    let (age, status) = (stuck.scene.age(order), &order.status);
    if order.metadata.deletion_timestamp.is_some() || status.state == "valid" {
        return false;
    }
    let unaccepted = status.state.is_empty() && status.url.is_empty();
    let unproven = status.state == "pending" && stuck.scene.challenges_of(order).next().is_none();
    age > LONG || (age > AT_ONCE && (unaccepted || unproven || states::is_failed(&status.state)))
}

/// An ordinary renewal is nobody's business.
fn on_its_way(stuck: &Stuck) -> Option<Repair> {
    let troubled = !stuck.is_ready() || stuck.attempts() > 0;
    troubled.then(|| waiting(stuck, "it is being issued", None))
}

fn waiting(stuck: &Stuck, why: &str, until: Option<Timestamp>) -> Repair {
    Repair { until: until.map(|until| until.to_string()), ..acting(stuck, Move::Wait, why, Vec::new()) }
}

fn refused(stuck: &Stuck, obstacle: Obstacle) -> Repair {
    let Obstacle { reason, until, allow } = obstacle;
    Repair {
        until: until.map(|until| until.to_string()),
        allow,
        before: None,
        ..acting(stuck, Move::Refuse, reason, Vec::new())
    }
}

fn acting(stuck: &Stuck, planned: Move, reason: impl Into<String>, touches: Vec<Touched>) -> Repair {
    Repair {
        object: stuck.certificate.title(),
        state: stuck.state(),
        planned,
        reason: reason.into(),
        until: None,
        allow: None,
        touches,
        before: Some(Before::of(stuck.certificate)),
    }
}
