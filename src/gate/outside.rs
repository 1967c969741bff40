//! What public reports describe as outside is never called the release's fault: their objects are put before the gates
//! that judge them, as they are and when it has lasted too long.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::attribution::attribute;
use super::baseline::CertificateState;
use super::canary;
use super::certificate;
use super::certificate_request;
use super::context::Context;
use super::corroboration::Corroboration;
use super::opinion::{Judgement, Target};
use super::order;
use super::seen::{Canary, SELF_SIGNED, Seen, State};
use super::tests::{World, certificate as issued, order as acme_order, request, with_status};
use super::verdict::{Cause, Verdict};
use super::workload;

type Judge = fn(&Seen, &Context) -> Judgement;

fn from<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

/// The worst verdict and the causes of what blocks: now, and after every wait has been in vain.
fn said(world: &World, gate: &'static str, seen: &Seen, judge: Judge) -> [(Verdict, Vec<Cause>); 2] {
    let context = world.context();
    let mut judgement = judge(seen, &context);
    let corroboration = Corroboration::of(seen, &context);
    let mut look = |in_vain: bool| {
        let waits = judgement.opinions.iter_mut().filter(|opinion| opinion.verdict == Verdict::Waiting);
        waits.filter(|_| in_vain).for_each(|opinion| {
            (opinion.verdict, opinion.overdue) = (opinion.ends, true);
        });
        attribute(gate, &mut judgement.opinions, &corroboration);
        let blocking = judgement.opinions.iter().filter(|opinion| opinion.verdict > Verdict::Passed);
        (judgement.verdict(), blocking.map(|opinion| opinion.cause).collect())
    };
    [look(false), look(true)]
}

/// Outages, by the words that they leave in a request, an Order and a Certificate. Sources: cert-manager#7097, #4620,
/// #2159, #6308; hashicorp/vault-csi-provider#168; acmesh-official/acme.sh#2382. The last one is a policy's.
const OUTAGES: [&str; 12] = [
    "Vault failed to sign certificate: Code: 503. Errors: * Vault is sealed",
    "Vault failed to sign certificate: Code: 403. Errors: * permission denied",
    "api error Throttling: Rate exceeded",
    "api error PriorRequestNotComplete: the earlier one is still under way",
    "api error ExpiredTokenException: the token has expired",
    "InvalidIdentityToken: No OpenIDConnect provider found",
    "502 Bad Gateway",
    "504 Gateway Time-out",
    "Post \"https://vault.example.com:8200/v1/pki\": EOF",
    "read: no route to host",
    "x509: certificate has expired or is not yet valid",
    "admission webhook \"quota.example.com\" denied the request: quota refused",
];

/// Certificates of two issuers that were Ready, with their next requests, Orders and conditions saying `message`.
fn failing(message: &str) -> (World, Seen) {
    let (mut world, mut seen) = (World::new(vec![]), Seen::default());
    let condition =
        |kind: &str| json!([{"type": kind, "status": "False", "reason": "Failed", "message": message}]);
    let (mut certificates, mut requests, mut orders) = (Vec::new(), Vec::new(), Vec::new());
    for name in ["one", "two"] {
        let mut before = issued(name, Some(3));
        before.spec.issuer_ref.name = name.to_owned();
        world.baseline.certificates.insert(name.to_owned(), CertificateState::of(&before));
        let status = json!({"revision": 3, "lastFailureTime": "2026-01-01T00:00:00Z", "conditions": condition("Issuing")});
        certificates.push(with_status(before, &status));
        let id = format!("request-{name}");
        requests.push(request(&id, Some(name), "4", &condition("Ready")));
        orders.push(acme_order(
            &format!("order-{name}"),
            &id,
            &json!({"state": "errored", "reason": message}),
        ));
    }
    seen.certificates = certificates.into_iter().collect();
    seen.requests = requests.into_iter().collect();
    seen.orders = orders.into_iter().collect();
    seen.challenges = std::iter::empty().collect();
    (world, seen)
}

#[test]
fn an_outage_is_not_the_releases_fault_however_many_issuers_it_hits() {
    let gates: [(&'static str, Judge); 3] = [
        ("certificate", certificate::judge),
        ("certificate-request", certificate_request::judge),
        ("order", order::judge),
    ];
    for message in OUTAGES {
        let (world, seen) = failing(message);
        for (gate, judge) in gates {
            for (verdict, causes) in said(&world, gate, &seen, judge) {
                assert_eq!(verdict, Verdict::Failed, "{gate} {message}");
                assert!(!causes.contains(&Cause::Release), "{gate} {message}: {causes:?}");
            }
        }
    }
}

fn rendered() -> World {
    let template = json!({"spec": {"containers": [{"name": "main", "image": "quay.io/q/x:v2"}]}});
    World::new(vec![
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "n"},
        "spec": {"replicas": 1, "template": template}}),
    ])
}

/// A Deployment whose revision has one pod, both in these states.
fn rollout(image: &str, status: &Value, pod_status: &Value) -> Seen {
    let annotations = json!({"deployment.kubernetes.io/revision": "2"});
    let owner = |kind: &str, uid: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": uid, "controller": true}]);
    let containers = json!({"containers": [{"name": "main", "image": image}]});
    let deployment: Deployment = from(json!({
        "metadata": {"name": "web", "namespace": "n", "uid": "d", "generation": 2, "annotations": annotations},
        "spec": {"replicas": 1, "selector": {}, "strategy": {"type": "Recreate"}, "template": {"spec": containers}}, "status": status,
    }));
    let set: ReplicaSet = from(json!({
        "metadata": {"name": "web-2", "namespace": "n", "uid": "s", "annotations": annotations, "ownerReferences": owner("Deployment", "d")},
        "spec": {"selector": {}},
    }));
    let pod: Pod = from(json!({
        "metadata": {"name": "web-2-x", "namespace": "n", "uid": "p", "ownerReferences": owner("ReplicaSet", "s")},
        "spec": containers, "status": pod_status,
    }));
    Seen {
        deployments: [deployment].into_iter().collect(),
        replica_sets: [set].into_iter().collect(),
        pods: [pod].into_iter().collect(),
        ..Seen::default()
    }
}

/// ministryofjustice/modernisation-platform-environments#17679, kubernetes-sigs/aws-load-balancer-controller#1563.
#[test]
fn a_cluster_without_room_is_not_the_releases_fault() {
    let status = json!({"observedGeneration": 2, "conditions": [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"},
    ]});
    let pod = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient memory"}]});
    let [now, in_vain] =
        said(&rendered(), "workload", &rollout("quay.io/q/x:v2", &status, &pod), workload::judge);
    assert_eq!(now, (Verdict::Waiting, vec![Cause::Unknown]));
    assert_eq!(in_vain, (Verdict::Failed, vec![Cause::Unknown]));
}

/// kyverno/policies#1293, kyverno/kyverno#11167, sse-secure-systems/connaisseur#1705.
#[test]
fn a_digest_that_admission_adds_is_no_other_image() {
    let status = json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1});
    for (image, verdict) in
        [("quay.io/q/x:v2@sha256:70f5", Verdict::Passed), ("quay.io/q/x:v3@sha256:70f5", Verdict::Waiting)]
    {
        let seen = rollout(image, &status, &json!({"phase": "Running"}));
        assert_eq!(said(&rendered(), "workload", &seen, workload::judge)[0].0, verdict, "{image}");
    }
}

/// cert-manager/approver-policy#849, #638, #179: with its own approver or without one, nobody approves our canary.
#[test]
fn a_canary_that_nobody_approves_proves_nothing() {
    for controllers in ["*", "*,-certificaterequests-approver"] {
        let arguments = json!([format!("--controllers={controllers}")]);
        let mut world = World::new(vec![json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "cert-manager", "namespace": "cert-manager", "labels": {"app.kubernetes.io/component": "controller"}},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "x:1", "args": arguments}]}}}})]);
        world.settings.canary.issuers = Vec::new();
        let target =
            Target { uid: Some("own".to_owned()), ..Target::named("Certificate", Some("web"), "own") };
        let state = State::Created(target);
        let waits = json!({"conditions": [{"type": "Issuing", "status": "True", "reason": "DoesNotExist"}]});
        let seen = Seen {
            canaries: vec![Canary::new(SELF_SIGNED, false, state)],
            certificates: [with_status(issued("own", None), &waits)].into_iter().collect(),
            requests: [request("r", Some("own"), "1", &json!([]))].into_iter().collect(),
            ..Seen::default()
        };
        let [_, in_vain] = said(&world, "canary", &seen, canary::judge);
        assert_eq!(in_vain, (Verdict::Inconclusive, vec![Cause::Environment]), "{controllers}");
    }
}

/// cert-manager/cert-manager#6799: waited for as long as an ACME chain may take; alone it is nobody's fault then.
#[test]
fn an_order_that_stays_ready_is_waited_for() {
    let mut world = World::new(vec![]);
    world.baseline.certificates.insert("c".to_owned(), CertificateState::of(&issued("c", Some(3))));
    let status = json!({"url": "https://ca.example.com/o/1", "finalizeURL": "https://ca.example.com/f/1", "state": "ready",
        "authorizations": [{"identifier": "a.example.com", "initialState": "valid"}]});
    let pending = json!([{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "False", "reason": "Pending"}]);
    let seen = Seen {
        certificates: [issued("c", Some(3))].into_iter().collect(),
        requests: [request("next", Some("c"), "4", &pending)].into_iter().collect(),
        orders: [acme_order("o", "next", &status)].into_iter().collect(),
        challenges: std::iter::empty().collect(),
        ..Seen::default()
    };
    assert_eq!(said(&world, "order", &seen, order::judge)[0].0, Verdict::Passed);
    let [_, in_vain] = said(&world, "certificate-request", &seen, certificate_request::judge);
    assert_eq!(in_vain, (Verdict::Passed, Vec::new()));
}
