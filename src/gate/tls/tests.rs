use super::*;
use crate::config::{ProbeSettings, SecretName};
use crate::gate::catalogue::catalogue;
use crate::gate::seen::{EntranceKind, NoHandshake, Presented, SeenEntrance, Staple, Tally};
use crate::gate::tests::{World, attributed, certificate, with_status};
use crate::gate::verdict::Verdict;
use serde_json::{Value, json};

fn presented() -> Presented {
    Presented {
        at: "2026-06-01T00:00:00Z".parse().unwrap(),
        subject: "CN=shop.example.com".to_owned(),
        issuer: "Let's Encrypt R10".to_owned(),
        serial: "0a".to_owned(),
        names: vec!["shop.example.com".to_owned()],
        not_before: "2026-05-01T00:00:00Z".parse().unwrap(),
        not_after: "2026-07-30T00:00:00Z".parse().unwrap(),
        sent: 2,
        distrusted: None,
        staple: Staple::Absent,
    }
}

/// A probe of one host.
fn probe(expect: &Value) -> Vec<ProbeSettings> {
    vec![serde_json::from_value(json!({"tls": {"host": "shop.example.com", "expect": expect}})).unwrap()]
}

fn host(expect: &Value, answer: Result<Presented, NoHandshake>) -> ProbedHost {
    let probed = probed::hosts(&probe(expect), &[]).remove(0);
    let mut tally = Tally::default();
    tally.count(answer.is_ok(), Duration::ZERO);
    ProbedHost { probed, answer, secret: None, tally }
}

fn seen(host: ProbedHost) -> Seen {
    let hosts = [(host.probed.label.clone(), host)].into();
    Seen { hosts: HostsSeen { asked: true, unread: None, hosts }, ..Seen::default() }
}

fn problem_of(host: &ProbedHost) -> Option<(&'static str, String)> {
    problem::of(host, &Store::default()).map(|problem| (problem.rule, problem.message))
}

#[test]
fn every_thing_that_is_wrong_has_its_rule_and_its_words() {
    let at = |text: &str| text.parse().unwrap();
    let good = presented;
    let none = json!({});
    let table = [
        (none.clone(), good(), None),
        (json!({"days": 58, "issuer": "Let's Encrypt", "names": ["shop.example.com"]}), good(), None),
        (
            none.clone(),
            Presented { not_after: at("2026-05-29T00:00:00Z"), ..good() },
            Some((
                "expired",
                "its certificate has expired on 2026-05-29, 3 days ago (serial 0a, of Let's Encrypt R10)",
            )),
        ),
        (
            none.clone(),
            Presented { not_before: at("2026-06-02T00:00:00Z"), ..good() },
            Some(("not-yet", "by this machine's clock it is")),
        ),
        (
            none.clone(),
            Presented { distrusted: Some("it leads to no CA that is trusted".to_owned()), sent: 1, ..good() },
            Some(("chain", "the host sent its certificate alone")),
        ),
        (
            none.clone(),
            Presented {
                subject: "CN=Kubernetes Ingress Controller Fake Certificate".to_owned(),
                distrusted: Some("x".to_owned()),
                ..good()
            },
            Some(("default", "the Secret of the host is missing")),
        ),
        (
            none.clone(),
            Presented { names: vec!["*.other.example.com".to_owned()], ..good() },
            Some(("names", "is for *.other.example.com, not for shop.example.com")),
        ),
        (none.clone(), Presented { names: vec!["*.example.com".to_owned()], ..good() }, None),
        (json!({"names": ["www.shop.example.com"]}), good(), Some(("names", "not for www.shop.example.com"))),
        (json!({"issuer": "DigiCert"}), good(), Some(("issuer", "is not of `DigiCert`"))),
        (
            json!({"days": 60}),
            good(),
            Some(("days", "is valid for 59 days only, until 2026-07-30; 60 days are expected")),
        ),
        (json!({"ocsp": true}), good(), Some(("ocsp", "no OCSP answer is stapled"))),
        (json!({"ocsp": true}), Presented { staple: Staple::Good(None), ..good() }, None),
        (
            none.clone(),
            Presented { staple: Staple::Good(Some(at("2026-05-31T00:00:00Z"))), ..good() },
            Some(("ocsp", "was valid until 2026-05-31")),
        ),
        (
            none,
            Presented { staple: Staple::Bad("the certificate is revoked".to_owned()), ..good() },
            Some(("ocsp", "revoked")),
        ),
    ];
    for (expect, presented, expected) in table {
        let told = problem_of(&host(&expect, Ok(presented)));
        match (told, expected) {
            (None, None) => {}
            (Some((rule, message)), Some((wanted, words))) => {
                assert!(rule == wanted && message.contains(words), "{expect}: {rule}: {message}");
            }
            (told, expected) => panic!("{expect}: {told:?} {expected:?}"),
        }
    }
}

#[test]
fn a_serial_number_other_than_the_secrets_is_told_with_both() {
    let expect = json!({"secret": "web/shop-tls"});
    let with = |secret: Result<&str, &str>| ProbedHost {
        secret: Some(secret.map(str::to_owned).map_err(str::to_owned)),
        ..host(&expect, Ok(presented()))
    };
    assert_eq!(problem_of(&with(Ok("0a"))), None);
    let (rule, message) = problem_of(&with(Ok("0b"))).unwrap();
    let words = "it serves another certificate than Secret web/shop-tls holds (serial 0b): what serves the host has not loaded it (serial 0a, of Let's Encrypt R10)";
    assert_eq!((rule, &*message), ("serial", words));
    assert_eq!(problem_of(&with(Err("forbidden"))).unwrap().0, "secret");
    let expired = Presented { not_after: "2026-05-29T00:00:00Z".parse().unwrap(), ..presented() };
    let (rule, message) = problem_of(&ProbedHost { answer: Ok(expired), ..with(Ok("0b")) }).unwrap();
    assert!(
        rule == "expired" && message.contains("Secret web/shop-tls holds another one (serial 0b)"),
        "{message}"
    );
}

#[test]
fn a_host_of_an_ingress_serves_what_its_certificate_says() {
    let ingress = json!({
        "metadata": {"name": "shop", "namespace": "web", "annotations": {"cert-manager.io/cluster-issuer": "le"}},
        "spec": {"tls": [{"hosts": ["shop.example.com", "*.example.com"], "secretName": "shop-tls"}]},
    });
    let ingress =
        SeenEntrance { kind: EntranceKind::Ingress, entrance: serde_json::from_value(ingress).unwrap() };
    let found = vec![serde_json::from_value(json!({"tls": {"discover": "ingress", "port": 8443}})).unwrap()];
    let hosts = probed::hosts(&found, std::slice::from_ref(&ingress));
    assert_eq!(hosts.len(), 1, "a wildcard is no host: {hosts:?}");
    assert_eq!((&*hosts[0].label, hosts[0].duty), ("shop.example.com:8443", ProbeDuty::Report));
    let gateways = vec![serde_json::from_value(json!({"tls": {"discover": "gateway"}})).unwrap()];
    assert!(probed::hosts(&gateways, &[ingress]).is_empty());
    let made = |until: &str| {
        let status = json!({"notAfter": until, "conditions": [{"type": "Ready", "status": "True"}]});
        let mut made = with_status(certificate("shop-tls", Some(1)), &status);
        made.spec.secret_name = "shop-tls".to_owned();
        [made].into_iter().collect::<Store<Certificate>>()
    };
    let origin = Some(SecretName { namespace: "web".to_owned(), name: "shop-tls".to_owned() });
    let mut host = host(&json!({}), Ok(presented()));
    host.probed.origin = origin;
    assert_eq!(problem::of(&host, &made("2026-07-30T00:00:00Z")), None);
    let stale = problem::of(&host, &made("2026-08-30T00:00:00Z")).unwrap();
    assert!(stale.rule == "stale" && stale.message.contains("has not loaded it"), "{stale:?}");
}

#[test]
fn what_was_so_before_is_a_remark_and_what_got_worse_blocks() {
    let state = |rule: &str| HostState {
        rule: rule.to_owned(),
        why: "as it was".to_owned(),
        serial: "09".to_owned(),
    };
    let expired = || Ok(Presented { not_after: "2026-05-29T00:00:00Z".parse().unwrap(), ..presented() });
    let silent = || Err(NoHandshake("connect to shop.example.com port 443: Connection refused".to_owned()));
    let (required, report) = (json!({}), "report");
    let table = [
        ("well", None, required.clone(), Ok(presented()), (Verdict::Passed, None)),
        (
            "worked before",
            Some(state("")),
            required.clone(),
            expired(),
            (Verdict::Waiting, Some(Cause::Unknown)),
        ),
        ("expired before", Some(state("expired")), required.clone(), expired(), (Verdict::Passed, None)),
        (
            "wrong in another way before",
            Some(state("chain")),
            required.clone(),
            expired(),
            (Verdict::Passed, None),
        ),
        (
            "about to expire before",
            Some(state("days")),
            required.clone(),
            expired(),
            (Verdict::Waiting, Some(Cause::Unknown)),
        ),
        (
            "silent now",
            Some(state("expired")),
            required.clone(),
            silent(),
            (Verdict::Waiting, Some(Cause::Environment)),
        ),
        ("not known before", None, required, expired(), (Verdict::Waiting, Some(Cause::Unknown))),
    ];
    for (what, before, expect, answer, (verdict, cause)) in table {
        let mut world = World::new(vec![]);
        world.baseline.hosts =
            before.map(|state| ("shop.example.com".to_owned(), state)).into_iter().collect();
        let mut host = host(&expect, answer);
        let judgement = attributed(&world, "tls", &seen(host.clone()), judge);
        assert_eq!(judgement.verdict(), verdict, "{what}: {judgement:?}");
        let blocking = judgement.opinions.iter().find(|opinion| opinion.verdict == Verdict::Waiting);
        assert_eq!(blocking.map(|opinion| opinion.cause), cause, "{what}");
        host.probed.duty = serde_json::from_value(json!(report)).unwrap();
        assert_eq!(
            attributed(&world, "tls", &seen(host), judge).verdict(),
            Verdict::Passed,
            "{what}, reported"
        );
    }
}

#[test]
fn nothing_is_passed_before_the_hosts_were_asked() {
    let world = World::new(vec![]);
    assert_eq!(judge(&Seen::default(), &world.context()).verdict(), Verdict::Waiting);
    let told = judge(&seen(host(&json!({}), Ok(presented()))), &world.context()).facts;
    let words = "shop.example.com: of Let's Encrypt R10, serial 0a, valid until 2026-07-30; asked 1 times, no answer 0 times";
    assert_eq!(told, ["1 of 1 hosts serve what they should", words]);
}

#[test]
fn only_what_is_configured_takes_permissions() {
    let told = |world: &World| {
        let scope = Scope::of(world.context(), true);
        needs(&scope).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut world = World::new(vec![]);
    world.settings.probes = probe(&json!({}));
    assert!(told(&world).is_empty());
    world.settings.probes = probe(&json!({"secret": "web/shop-tls"}));
    assert_eq!(told(&world), ["get secrets `shop-tls` in namespace web"]);
    world.settings.probes = vec![serde_json::from_value(json!({"tls": {"discover": "ingress"}})).unwrap()];
    assert_eq!(told(&world), ["list ingresses.networking.k8s.io in the whole cluster"]);
}

#[test]
fn every_rule_is_explained() {
    let all = catalogue();
    let rules = [
        "silent", "expired", "not-yet", "default", "chain", "names", "issuer", "serial", "secret", "stale",
        "ocsp", "days",
    ];
    for rule in rules {
        assert!(all.iter().any(|text| text.id == format!("tls/{rule}")), "{rule}");
    }
}
