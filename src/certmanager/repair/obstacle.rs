//! What keeps a new try from ending well: it is said, with what to do first, and nothing is touched.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::limits::{self, Tries};
use super::moves::Allowance;
use super::scene::{SeenIssuer, time};
use super::stuck::Stuck;
use super::trouble::{OrderTrouble, trouble};
use crate::certmanager::production;
use crate::certmanager::resources::{AcmeSolver, AcmeSpec, Object, Order, condition};
use crate::certmanager::solver;
use crate::certmanager::states::{self, RequestResult};

/// Why it is not touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obstacle {
    /// What it is, and what to do first.
    pub reason: String,
    /// When it is over by itself.
    pub until: Option<Timestamp>,
    /// What a person can say that no look can tell.
    pub allow: Option<Allowance>,
}

impl Obstacle {
    pub(super) fn told(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }
}

/// What can be seen now: the cause is still there.
pub fn present(stuck: &Stuck) -> Option<Obstacle> {
    shared_secret(stuck).or_else(|| issuer(stuck)).or_else(|| solvers(stuck)).map(Obstacle::told)
}

/// What the last failure says about another try, and how many there were.
pub fn past(stuck: &Stuck) -> Option<Obstacle> {
    let is_over =
        |obstacle: &Obstacle| obstacle.allow.is_some_and(|allow| stuck.scene.allowed.contains(&allow));
    let all = [answered(stuck), by_the_ca(stuck), too_many(stuck)];
    all.into_iter().flatten().find(|obstacle| !is_over(obstacle))
}

fn shared_secret(stuck: &Stuck) -> Option<String> {
    let (own, secret) = (stuck.certificate, &stuck.certificate.spec.secret_name);
    let other = stuck.scene.certificates.iter().find(|other| {
        other.metadata.namespace == own.metadata.namespace
            && other.uid() != own.uid()
            && !secret.is_empty()
            && &other.spec.secret_name == secret
    })?;
    Some(format!(
        "{} writes the same Secret {secret}, so that each overwrites the other's; give one of them a Secret of its own first",
        other.title()
    ))
}

fn issuer(stuck: &Stuck) -> Option<String> {
    let reference = &stuck.certificate.spec.issuer_ref;
    if !reference.is_internal() {
        return None;
    }
    let name = format!("{} {}", reference.kind(), reference.name);
    let Some(issuer) = stuck.issuer() else {
        return Some(format!("its {name} does not exist; create it first"));
    };
    let ready = condition(issuer.conditions, "Ready").filter(|ready| !ready.is_true())?;
    Some(format!("its {name} is not Ready ({}): {}; repair that first", ready.reason, ready.message))
}

fn solvers(stuck: &Stuck) -> Option<String> {
    let (issuer, acme) = acme(stuck)?;
    let labels = stuck.certificate.metadata.labels.clone().unwrap_or_default();
    names(stuck).iter().find_map(|name| match solver::select(&acme.solvers, name, &labels) {
        None => Some(format!(
            "no solver of its issuer selects {name}: they select {}; add one to the issuer first",
            solver::told(&acme.solvers)
        )),
        Some(solver) => missing_secret(stuck, &issuer, solver),
    })
}

fn missing_secret(stuck: &Stuck, issuer: &SeenIssuer, solver: &AcmeSolver) -> Option<String> {
    let missing = secrets_of(solver)
        .into_iter()
        .find(|name| stuck.scene.secrets.get(&(issuer.namespace.to_owned(), name.clone())) == Some(&false))?;
    Some(format!(
        "the Secret {}/{missing} that the solver of its issuer needs does not exist; create it first",
        issuer.namespace
    ))
}

/// The Secrets that a solver by DNS reads.
pub fn secrets_of(solver: &AcmeSolver) -> Vec<String> {
    let mut found = Vec::new();
    solver.dns01.iter().for_each(|dns01| references(dns01, &mut found));
    found
}

/// Every field whose name ends with `SecretRef` has the name of a Secret, or an empty one for none; what a
/// webhook's `config` means only the webhook knows.
fn references(value: &Value, found: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        if key.ends_with("SecretRef") {
            let name = value["name"].as_str().filter(|name| !name.is_empty());
            found.extend(name.map(ToOwned::to_owned));
        } else if key != "webhook" {
            references(value, found);
        }
    }
}

/// An approver or a signer said no to what was asked for.
fn answered(stuck: &Stuck) -> Option<Obstacle> {
    let request = stuck.request?;
    let (who, what, allow) = match states::result(request) {
        RequestResult::Denied => {
            ("an approver denied it", "change its policy, or the Certificate", Allowance::Denied)
        }
        RequestResult::Invalid => {
            ("the signer rejects what it asks for", "change the Certificate", Allowance::Rejected)
        }
        _ => return None,
    };
    let reason = format!("{who}, and would again; {what} first, then `--allow {allow}`");
    Some(Obstacle { reason, until: None, allow: Some(allow) })
}

fn by_the_ca(stuck: &Stuck) -> Option<Obstacle> {
    let (message, now) = (stuck.message(), stuck.scene.now);
    let allowed = |reason: String, allow| Some(Obstacle { reason, until: None, allow: Some(allow) });
    match trouble(&message) {
        OrderTrouble::Passing => None,
        OrderTrouble::RateLimit => {
            let until = limits::opens(&message, stuck.failed_at());
            until.is_none_or(|until| until > now).then(|| Obstacle {
                reason: "the CA limits the rate, and every further try makes it worse; wait".to_owned(),
                until,
                allow: None,
            })
        }
        OrderTrouble::Rejected => allowed(
            "the CA does not issue what it asks for; change the Certificate, and cert-manager asks at once; if the CA would take it now, `--allow rejected`".to_owned(),
            Allowance::Rejected,
        ),
        OrderTrouble::Account => allowed(
            "the CA does not take the issuer's account; repair the issuer first, then `--allow account`".to_owned(),
            Allowance::Account,
        ),
    }
}

/// Only the production of a public CA counts who asks how often.
fn too_many(stuck: &Stuck) -> Option<Obstacle> {
    let (_, acme) = acme(stuck)?;
    let whose = production::whose(&acme.server)?;
    let (told, until) = tries(stuck, &acme.server).too_many(stuck.scene.now)?;
    let reason = format!(
        "its issuer is {whose} production, which limits how often it is asked, and {told}; repair the cause, try it on a staging issuer, and wait"
    );
    Some(Obstacle { reason, until, allow: None })
}

fn tries(stuck: &Stuck, server: &str) -> Tries {
    let (scene, names) = (stuck.scene, sorted(names(stuck)));
    let asked = scene.orders.iter().filter(|order| server_of(stuck, order) == Some(server));
    let within = |order: &Order, at: Option<Timestamp>, hours: i64| {
        let at = at.or_else(|| order.metadata.creation_timestamp.as_ref().map(|time| time.0));
        at.is_some_and(|at| scene.now.duration_since(at) < SignedDuration::from_hours(hours))
    };
    let (mut failed_orders, mut issued_orders) = (0, 0);
    for order in asked {
        let status = &order.status;
        let has_one = order.spec.dns_names.iter().any(|name| names.contains(name));
        let failed = states::is_failed(&status.state) && has_one;
        failed_orders += usize::from(failed && within(order, time(status.failure_time.as_ref()), 1));
        let issued = status.state == "valid" && sorted(&order.spec.dns_names) == names;
        issued_orders += usize::from(issued && within(order, None, 168));
    }
    Tries { attempts: stuck.attempts(), failed: stuck.last_failure(), failed_orders, issued_orders }
}

fn server_of<'s>(stuck: &Stuck<'s>, order: &Order) -> Option<&'s str> {
    let namespace = order.metadata.namespace.as_deref().unwrap_or_default();
    let issuer = stuck.scene.issuer(&order.spec.issuer_ref, namespace)?;
    issuer.spec.acme.as_ref().map(|acme| acme.server.as_str())
}

fn acme<'s>(stuck: &Stuck<'s>) -> Option<(SeenIssuer<'s>, &'s AcmeSpec)> {
    let issuer = stuck.issuer()?;
    Some((issuer, issuer.spec.acme.as_ref()?))
}

/// The Order has the common name too.
fn names<'s>(stuck: &Stuck<'s>) -> &'s [String] {
    stuck.order.map_or(&stuck.certificate.spec.dns_names, |order| &order.spec.dns_names)
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_secrets_of_a_solver_are_those_that_it_names() {
        let table = [
            (json!({"rfc2136": {"nameserver": "n", "tsigSecretSecretRef": {"name": ""}}}), vec![]),
            (
                json!({"rfc2136": {"nameserver": "n", "tsigSecretSecretRef": {"name": "tsig", "key": "k"}}}),
                vec!["tsig"],
            ),
            (
                json!({"route53": {"accessKeyIDSecretRef": {"name": "a"}, "secretAccessKeySecretRef": {"name": "b"}}}),
                vec!["a", "b"],
            ),
            (json!({"webhook": {"config": {"passwordSecretRef": {"name": "unknown"}}}}), vec![]),
            (json!({"route53": {"region": "us-east-1"}}), vec![]),
        ];
        for (dns01, expected) in table {
            let solver = AcmeSolver { dns01: Some(dns01.clone()), ..AcmeSolver::default() };
            assert_eq!(secrets_of(&solver), expected, "{dns01}");
        }
        assert!(secrets_of(&AcmeSolver::default()).is_empty());
    }
}
