use super::*;
use crate::gate::catalogue::catalogue;
use crate::gate::seen::EntranceKind;
use crate::gate::tests::{World, attributed};
use crate::gate::verdict::Verdict;
use serde_json::{Value, json};

const LE: &str = "cert-manager.io/cluster-issuer";

fn ingress(name: &str, annotations: &Value, spec: &Value) -> SeenEntrance {
    let metadata = json!({
        "name": name, "namespace": "web", "uid": name, "annotations": annotations, "creationTimestamp": "2026-01-01T00:00:00Z",
    });
    let entrance = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap();
    SeenEntrance { kind: EntranceKind::Ingress, entrance }
}

/// An Ingress for one host, with its certificate in a Secret.
fn usual(name: &str, host: &str, secret: &str) -> SeenEntrance {
    ingress(
        name,
        &json!({LE: "le"}),
        &json!({
            "ingressClassName": "nginx-internal",
            "tls": [{"hosts": [host], "secretName": secret}], "rules": [{"host": host}],
        }),
    )
}

fn made(owner: &str, secret: &str, names: &[&str]) -> Certificate {
    serde_json::from_value(json!({
        "metadata": {"name": secret, "namespace": "web", "uid": format!("c-{secret}"), "ownerReferences": [
            {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": owner, "uid": owner, "controller": true},
        ]},
        "spec": {"secretName": secret, "dnsNames": names},
    }))
    .unwrap()
}

fn issuer(solvers: &Value) -> ClusterIssuer {
    serde_json::from_value(
        json!({"metadata": {"name": "le", "uid": "le"}, "spec": {"acme": {"solvers": solvers}}}),
    )
    .unwrap()
}

fn seen(entrances: Vec<SeenEntrance>, certificates: Vec<Certificate>, issuers: Vec<ClusterIssuer>) -> Seen {
    Seen {
        entrances: EntrancesSeen::Listed(entrances),
        certificates: certificates.into_iter().collect(),
        cluster_issuers: issuers.into_iter().collect(),
        ..Seen::default()
    }
}

fn told(seen: &Seen) -> Vec<String> {
    let judgement = judge(seen, &World::new(vec![]).context());
    judgement
        .opinions
        .iter()
        .map(|opinion| format!("{} {}: {}", opinion.rule, opinion.target, opinion.message))
        .collect()
}

#[test]
fn every_thing_that_is_wrong_is_told_of_its_ingress() {
    let host = "shop.example.com";
    let dns = || vec![issuer(&json!([{"dns01": {}}]))];
    let shop = || usual("shop", host, "shop-tls");
    let good = || made("shop", "shop-tls", &[host]);
    let asks = json!({LE: "le"});
    let http = |class: &str| vec![issuer(&json!([{"http01": {"ingress": {"ingressClassName": class}}}]))];
    let table = [
        ("well", seen(vec![shop()], vec![good()], dns()), vec![]),
        (
            "nobody asks",
            seen(vec![ingress("a", &json!({}), &json!({"rules": [{"host": host}]}))], vec![], dns()),
            vec![],
        ),
        (
            "no Certificate",
            seen(vec![shop()], vec![], dns()),
            vec![
                "no-certificate Ingress web/shop: shop.example.com: there is no Certificate for Secret shop-tls",
            ],
        ),
        (
            "a name is missing",
            seen(vec![shop()], vec![made("shop", "shop-tls", &["www.example.com"])], dns()),
            vec![
                "no-certificate Ingress web/shop: shop.example.com: Certificate web/shop-tls has not got it",
            ],
        ),
        (
            "no tls",
            seen(vec![ingress("a", &asks, &json!({"rules": [{"host": host}]}))], vec![], dns()),
            vec![
                "no-certificate Ingress web/a: no certificate is asked for shop.example.com: no entry of its `tls` has the host and a `secretName`",
            ],
        ),
        (
            "no host",
            seen(vec![ingress("a", &asks, &json!({}))], vec![], dns()),
            vec![
                "no-certificate Ingress web/a: it names an issuer, and no host with a Secret: cert-manager makes no Certificate for it",
            ],
        ),
        (
            "two for one",
            seen(vec![shop(), usual("www", host, "shop-tls")], vec![good()], dns()),
            vec![
                "shared-secret Ingress web/shop: Ingress web/www names Secret shop-tls, too: cert-manager makes the Certificate of one of them only",
                "shared-secret Ingress web/www: Ingress web/shop names Secret shop-tls, too: cert-manager makes the Certificate of one of them only",
            ],
        ),
        (
            "no issuer",
            seen(vec![shop()], vec![good()], vec![]),
            vec!["no-issuer Ingress web/shop: there is no ClusterIssuer le, which its annotation names"],
        ),
        (
            "no solver",
            seen(
                vec![shop()],
                vec![good()],
                vec![issuer(&json!([{"dns01": {}, "selector": {"dnsZones": ["example.org"]}}]))],
            ),
            vec![
                "no-solver Ingress web/shop: no solver of ClusterIssuer le selects shop.example.com: they select zone example.org",
            ],
        ),
        ("its class", seen(vec![shop()], vec![good()], http("nginx-internal")), vec![]),
        (
            "another class",
            seen(vec![shop()], vec![good()], http("nginx")),
            vec![
                "class Ingress web/shop: its class is `nginx-internal`, and ClusterIssuer le proves shop.example.com through Ingresses of class `nginx`: does the host lead there?",
            ],
        ),
    ];
    for (what, seen, expected) in table {
        assert_eq!(told(&seen), expected, "{what}");
    }
}

#[test]
fn it_is_told_from_which_ingress_a_certificate_comes() {
    let host = "shop.example.com";
    let solvers = vec![issuer(&json!([{"dns01": {}}]))];
    let seen = seen(vec![usual("shop", host, "shop-tls")], vec![made("shop", "shop-tls", &[host])], solvers);
    let facts = judge(&seen, &World::new(vec![]).context()).facts;
    assert_eq!(
        facts,
        [
            "1 of 1 Ingresses and Gateways that ask for certificates have them",
            "Certificate web/shop-tls comes from Ingress web/shop",
        ]
    );
}

#[test]
fn only_what_got_worse_blocks_and_only_where_it_is_asked_for() {
    let solvers = || vec![issuer(&json!([{"dns01": {}}]))];
    let broken = || seen(vec![usual("shop", "shop.example.com", "shop-tls")], vec![], solvers());
    let key = "no-certificate Ingress web/shop shop.example.com";
    let table = [
        (IngressGate::Auto, "2026-02-01T00:00:00Z", "", Verdict::Passed),
        (IngressGate::Required, "2026-02-01T00:00:00Z", "", Verdict::Waiting),
        (IngressGate::Required, "2026-02-01T00:00:00Z", key, Verdict::Passed),
        (IngressGate::Required, "2025-12-31T00:00:00Z", "", Verdict::Passed),
    ];
    for (gate, taken, before, verdict) in table {
        let mut world = World::new(vec![]);
        world.settings.ingress = gate;
        world.baseline.taken = taken.parse().ok();
        world.baseline.entrances.insert(before.to_owned());
        assert_eq!(
            attributed(&world, "ingress", &broken(), judge).verdict(),
            verdict,
            "{gate:?} {taken} {before}"
        );
    }
    let unread = || Seen { entrances: EntrancesSeen::Unread("forbidden".to_owned()), ..Seen::default() };
    let mut world = World::new(vec![]);
    assert_eq!(judge(&unread(), &world.context()).opinions[0].verdict, Verdict::Passed);
    world.settings.ingress = IngressGate::Required;
    assert_eq!(judge(&unread(), &world.context()).verdict(), Verdict::Waiting);
}

#[test]
fn every_rule_is_explained() {
    let all = catalogue();
    for rule in ["no-certificate", "shared-secret", "class", "no-solver", "no-issuer", "unread"] {
        assert!(all.iter().any(|text| text.id == format!("ingress/{rule}")), "{rule}");
    }
}
