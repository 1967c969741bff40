//! `release repair` as it is typed: what it says of a cluster whose API server is scripted.

use insta::assert_snapshot;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, path_regex, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::world::World;

const FLEET: &str = include_str!("../fixtures/fleet/release.yaml");
const CORE: &str = "/apis/cert-manager.io/v1";
const ACME: &str = "/apis/acme.cert-manager.io/v1";

fn metadata(name: &str, owner: Option<(&str, &str)>) -> Value {
    let owners: Vec<Value> = owner
        .map(|(kind, name)| json!({"apiVersion": "x/v1", "kind": kind, "name": name, "uid": name, "controller": true}))
        .into_iter()
        .collect();
    json!({"namespace": "web", "name": name, "uid": name, "resourceVersion": "7", "creationTimestamp": "2026-03-01T11:28:00Z",
        "ownerReferences": owners, "annotations": {"cert-manager.io/certificate-revision": "2"}})
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": ""})
}

fn certificate(name: &str) -> Value {
    json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": metadata(name, None),
        "spec": {"secretName": name, "dnsNames": [format!("{name}.example.com")], "issuerRef": {"name": "le", "kind": "ClusterIssuer"}},
        "status": {"revision": 1, "lastFailureTime": "2026-03-01T11:30:00Z", "failedIssuanceAttempts": 1,
            "conditions": [condition("Ready", "True", "Ready"), condition("Issuing", "False", "Failed")]}})
}

fn request(name: &str) -> Value {
    json!({"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest",
        "metadata": metadata(&format!("{name}-2"), Some(("Certificate", name))),
        "status": {"failureTime": "2026-03-01T11:30:00Z", "conditions": [condition("Ready", "False", "Failed")]}})
}

fn order(name: &str, reason: &str) -> Value {
    let owner = format!("{name}-2");
    json!({"apiVersion": "acme.cert-manager.io/v1", "kind": "Order",
        "metadata": metadata(&format!("{name}-2-1"), Some(("CertificateRequest", &owner))),
        "spec": {"dnsNames": [format!("{name}.example.com")], "issuerRef": {"name": "le", "kind": "ClusterIssuer"}},
        "status": {"state": "invalid", "reason": reason, "url": "x", "failureTime": "2026-03-01T11:30:00Z"}})
}

/// A cluster on which `shop` has failed, and what else is asked for.
async fn cluster(names: &[(&str, &str)]) -> (World, MockServer) {
    let server = MockServer::start().await;
    let list = |items: Vec<Value>| json!({"metadata": {"resourceVersion": "9"}, "items": items});
    let of = |make: fn(&str) -> Value| list(names.iter().map(|(name, _)| make(name)).collect());
    let issuer = json!({"metadata": {"name": "le"}, "spec": {"acme": {"server": "https://acme-v02.api.letsencrypt.org/directory", "solvers": [{"dns01": {}}]}},
        "status": {"conditions": [condition("Ready", "True", "ACMEAccountRegistered")]}});
    let orders = list(names.iter().map(|(name, reason)| order(name, reason)).collect());
    for (at, answer) in [
        ("/version".to_owned(), json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0"})),
        (format!("{CORE}/certificates"), of(certificate)),
        (format!("{CORE}/certificaterequests"), of(request)),
        (format!("{CORE}/issuers"), list(vec![])),
        (format!("{CORE}/clusterissuers"), list(vec![issuer])),
        (format!("{ACME}/orders"), orders),
        (format!("{ACME}/challenges"), list(vec![])),
        (format!("{CORE}/namespaces/web/certificates/shop"), certificate("shop")),
    ] {
        let answer = ResponseTemplate::new(200)
            .insert_header("date", "Sun, 01 Mar 2026 12:00:00 GMT")
            .set_body_json(answer);
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&server).await;
    }
    let allowed = ResponseTemplate::new(201).set_body_json(json!({"spec": {}, "status": {"allowed": true}}));
    let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    Mock::given(method("POST")).and(path(review)).respond_with(allowed).mount(&server).await;
    let world = World::new().env("KUBECONFIG", "kubeconfig");
    world.write("release.yaml", FLEET.replace(", server: https://ABC.eks.amazonaws.com", ""));
    world.write("kubeconfig", kubeconfig(&server.uri()));
    (world, server)
}

fn kubeconfig(server: &str) -> String {
    let name = "eks-development-1";
    format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: {name}, cluster: {{server: \"{server}\"}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\ncontexts: [{{name: {name}, context: {{cluster: {name}, user: u}}}}]\n"
    )
}

const WRONG_PROOF: &str = "Error accepting authorization: acme: authorization error for shop.example.com: 403 urn:ietf:params:acme:error:unauthorized: no TXT record found";
const LIMITED: &str = "Failed to create Order: 429 urn:ietf:params:acme:error:rateLimited: too many certificates already issued, retry after 2026-03-02 03:04:05 UTC";

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_would_be_done_and_asks_the_server_for_each() {
    let (world, server) = cluster(&[("shop", WRONG_PROOF), ("search", LIMITED)]).await;
    let taken = ResponseTemplate::new(200).set_body_json(certificate("shop"));
    let status = format!("{CORE}/namespaces/web/certificates/shop/status");
    let rehearsal = Mock::given(method("PUT")).and(path(status)).and(query_param("dryRun", "All"));
    rehearsal.respond_with(taken).expect(3).mount(&server).await;
    let dry_run = ["repair", "--cluster", "eks-development-1", "--dry-run"];
    assert_snapshot!(world.release(dry_run));
    let json = world.release([&dry_run[..], &["-o", "json"]].concat());
    assert_snapshot!(json);
    assert_eq!(world.release([&dry_run[..], &["--detailed-exitcode"]].concat()).code, Some(2));
    let changes = server.received_requests().await.unwrap();
    assert!(changes.iter().all(|request| request.method.as_str() != "DELETE"), "nothing is deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_touched_is_refused() {
    let (world, server) = cluster(&[("search", LIMITED)]).await;
    let missing = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound", "message": "no"});
    let nothing =
        Mock::given(path_regex("leases")).respond_with(ResponseTemplate::new(404).set_body_json(missing));
    nothing.mount(&server).await;
    assert_snapshot!(world.release([
        "repair",
        "--cluster",
        "eks-development-1",
        "--order",
        "web/search-2-1"
    ]));
    assert_snapshot!(world.release(["repair", "--cluster", "eks-development-1", "--order", "web/shop-2-1"]));
    let sent = server.received_requests().await.unwrap();
    let writes = sent.iter().filter(|request| !request.url.path().contains("selfsubjectaccessreviews"));
    assert!(writes.clone().all(|request| request.method.as_str() == "GET"), "nothing is written");
}

#[test]
fn a_wrong_order_and_another_chart_are_told() {
    let world = World::new();
    world.write("release.yaml", FLEET.replace("profile: cert-manager ", "profile: generic "));
    assert_snapshot!(world.release(["repair", "--cluster", "eks-development-1", "--order", "shop"]));
    assert_snapshot!(world.release(["repair", "--cluster", "eks-development-1"]));
}
