//! One table over the states of a chain.

use serde_json::{Value, json};

use super::moves::{Allowance, Move, Repair};
use super::plan::plan;
use super::scene::Scene;

const NOW: &str = "2026-03-01T12:00:00Z";
const STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
const PRODUCTION: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// A Certificate `web/shop` of revision 1, whose second issuance is under way or has failed.
struct Chain {
    certificate: Value,
    request: Value,
    order: Value,
    issuer: Value,
    challenges: Vec<Value>,
}

fn owned(kind: &str, uid: &str) -> Value {
    json!([{"apiVersion": "x/v1", "kind": kind, "name": uid, "uid": uid, "controller": true}])
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": "because"})
}

impl Chain {
    /// It failed at half past eleven, so that cert-manager begins again at half past twelve.
    fn failed(reason: &str) -> Self {
        let (at, made) = ("2026-03-01T11:30:00Z", "2026-03-01T11:28:00Z");
        let issuer_ref = json!({"name": "letsencrypt", "kind": "ClusterIssuer"});
        let metadata = |name: &str| json!({"namespace": "web", "name": name, "uid": name, "resourceVersion": "7", "creationTimestamp": made});
        let mut request = json!({"metadata": metadata("shop-2"), "spec": {"issuerRef": issuer_ref},
            "status": {"conditions": [condition("Ready", "False", "Failed")], "failureTime": at}});
        request["metadata"]["ownerReferences"] = owned("Certificate", "shop");
        request["metadata"]["annotations"] = json!({"cert-manager.io/certificate-revision": "2"});
        let mut order = json!({"metadata": metadata("shop-2-1"), "spec": {"issuerRef": issuer_ref, "dnsNames": ["shop.example.com"]},
            "status": {"state": "invalid", "reason": reason, "failureTime": at, "url": "https://x"}});
        order["metadata"]["ownerReferences"] = owned("CertificateRequest", "shop-2");
        let solver = json!({"dns01": {"route53": {"secretAccessKeySecretRef": {"name": "aws", "key": "k"}}}});
        Self {
            certificate: json!({"metadata": metadata("shop"),
                "spec": {"secretName": "shop-tls", "dnsNames": ["shop.example.com"], "issuerRef": issuer_ref},
                "status": {"revision": 1, "lastFailureTime": at, "failedIssuanceAttempts": 1,
                    "conditions": [condition("Ready", "True", "Ready"), condition("Issuing", "False", "Failed")]}}),
            request,
            order,
            issuer: json!({"metadata": {"name": "letsencrypt"}, "spec": {"acme": {"server": STAGING, "solvers": [solver]}},
                "status": {"conditions": [condition("Ready", "True", "ACMEAccountRegistered")]}}),
            challenges: Vec::new(),
        }
    }

    /// It runs since half past eleven.
    fn pending() -> Self {
        let mut chain = Self::failed("");
        chain.certificate["status"] = json!({"revision": 1, "failedIssuanceAttempts": 1,
            "conditions": [condition("Ready", "True", "Ready"), condition("Issuing", "True", "Renewing")]});
        chain.request["status"] = json!({"conditions": [condition("Ready", "False", "Pending")]});
        chain.order["status"] = json!({"state": "pending", "url": "https://x"});
        chain.challenges = vec![
            json!({"metadata": {"namespace": "web", "name": "c", "uid": "c", "ownerReferences": owned("Order", "shop-2-1")},
            "status": {"state": "pending", "reason": "AccessDenied"}}),
        ];
        chain
    }

    /// With one value changed: the object, the path in it, the value.
    fn with(mut self, object: &str, path: &str, value: Value) -> Self {
        let object = match object {
            "certificate" => &mut self.certificate,
            "request" => &mut self.request,
            "order" => &mut self.order,
            _ => &mut self.issuer,
        };
        *object.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value;
        self
    }

    fn made(self, at: &str) -> Self {
        let path = "/metadata/creationTimestamp";
        self.with("order", path, json!(at)).with("request", path, json!(at))
    }

    fn scene(&self) -> Scene {
        let all =
            |values: &[&Value]| json!(values.iter().filter(|value| !value.is_null()).collect::<Vec<_>>());
        Scene {
            certificates: serde_json::from_value(all(&[&self.certificate])).unwrap(),
            requests: serde_json::from_value(all(&[&self.request])).unwrap(),
            orders: serde_json::from_value(all(&[&self.order])).unwrap(),
            challenges: serde_json::from_value(json!(self.challenges)).unwrap(),
            issuers: Vec::new(),
            cluster_issuers: serde_json::from_value(all(&[&self.issuer])).unwrap(),
            secrets: std::iter::once((("cert-manager".to_owned(), "aws".to_owned()), true)).collect(),
            cluster_namespace: "cert-manager".to_owned(),
            now: NOW.parse().unwrap(),
            patience: "PT10M".parse().unwrap(),
            allowed: std::collections::BTreeSet::default(),
        }
    }

    fn planned(&self) -> Vec<Repair> {
        plan(&self.scene(), None).unwrap()
    }
}

/// What is planned has this move, and says this.
#[track_caller]
fn expect(chain: &Chain, planned: Move, says: &str) -> Repair {
    let repairs = chain.planned();
    let [repair] = &repairs[..] else { panic!("{repairs:#?}") };
    assert_eq!(repair.planned, planned, "{repair:#?}");
    assert!(repair.reason.contains(says), "{says}: {repair:#?}");
    repair.clone()
}

fn touched(repair: &Repair) -> Vec<String> {
    repair.touches.iter().map(|touched| format!("{touched} {}", touched.resource_version)).collect()
}

#[test]
fn what_works_depends_on_the_state_of_the_chain() {
    let passed = "Error accepting authorization: acme: authorization error for shop.example.com: 400 urn:ietf:params:acme:error:dns";
    let repair =
        expect(&Chain::failed(passed), Move::Renew, "nothing is made again before 2026-03-01T12:30:00Z");
    assert_eq!(touched(&repair), ["Certificate web/shop 7"]);
    assert!(repair.state.starts_with("Order web/shop-2-1 is invalid: Error accepting"), "{}", repair.state);

    let gone = Chain { request: Value::Null, order: Value::Null, ..Chain::failed("") };
    let repair = expect(&gone, Move::Renew, "whatever is deleted");
    assert!(repair.state.contains("its request is gone"), "{}", repair.state);

    let untimed = Chain::failed(passed).with("request", "/status/failureTime", Value::Null);
    let repair = expect(&untimed, Move::DeleteRequestAndRenew, "would not delete this request");
    assert_eq!(touched(&repair), ["CertificateRequest web/shop-2 7", "Certificate web/shop 7"]);

    let repair = expect(&Chain::pending(), Move::DeleteOrder, "its request is pending");
    assert_eq!(touched(&repair), ["Order web/shop-2-1 7"]);
    let unaccepted = Chain::pending().with("order", "/status", json!({})).made("2026-03-01T11:57:00Z");
    expect(&unaccepted, Move::DeleteOrder, "its request is pending");
    let unproven = Chain { challenges: Vec::new(), ..Chain::pending() };
    expect(&unproven.made("2026-03-01T11:57:00Z"), Move::DeleteOrder, "its request is pending");
}

#[test]
fn what_cert_manager_does_by_itself_in_time_is_waited_for() {
    let soon =
        Chain::failed("dns").with("certificate", "/status/lastFailureTime", json!("2026-03-01T11:09:00Z"));
    let repair = expect(&soon, Move::Wait, "tries again by itself");
    assert_eq!((repair.until.as_deref(), repair.touches.len()), (Some("2026-03-01T12:09:00Z"), 0));
    expect(&Chain::pending().made("2026-03-01T11:57:00Z"), Move::Wait, "it is being issued");
    let begins = Chain { request: Value::Null, order: Value::Null, ..Chain::pending() };
    expect(&begins, Move::Wait, "it is being issued");
    let fresh = json!({"conditions": [condition("Ready", "False", "DoesNotExist")]});
    let fresh = Chain {
        request: Value::Null,
        order: Value::Null,
        ..Chain::failed("").with("certificate", "/status", fresh)
    };
    expect(&fresh, Move::Wait, "begins by itself");
    let ordinary = Chain::pending().made("2026-03-01T11:57:00Z").with(
        "certificate",
        "/status/failedIssuanceAttempts",
        Value::Null,
    );
    assert!(ordinary.planned().is_empty(), "an ordinary renewal");
}

#[test]
fn what_would_fail_again_is_not_touched() {
    let not_ready = json!([condition("Ready", "False", "ErrRegisterACMEAccount")]);
    let denied =
        json!([condition("Denied", "True", "policy.cert-manager.io"), condition("Ready", "False", "Denied")]);
    let (invalid, no_answer) = (json!([condition("InvalidRequest", "True", "No")]), json!([]));
    let issuers = json!([{"dns01": {}, "selector": {"dnsZones": ["example.org"]}}]);
    let open = |conditions: Value| Chain {
        order: Value::Null,
        ..Chain::pending().with("request", "/status/conditions", conditions)
    };
    let table = [
        (
            Chain::failed("dns").with("issuer", "/status/conditions", not_ready.clone()),
            "is not Ready (ErrRegisterACMEAccount): because; repair that first",
        ),
        (Chain::pending().with("issuer", "/status/conditions", not_ready), "is not Ready"),
        (
            Chain { issuer: Value::Null, ..Chain::failed("dns") },
            "its ClusterIssuer letsencrypt does not exist",
        ),
        (
            Chain::failed("dns").with("issuer", "/spec/acme/solvers", issuers.clone()),
            "no solver of its issuer selects shop.example.com: they select zone example.org",
        ),
        (Chain::pending().with("issuer", "/spec/acme/solvers", issuers), "no solver of its issuer selects"),
        (
            Chain { order: Value::Null, ..Chain::failed("").with("request", "/status/conditions", denied) },
            "an approver denied it",
        ),
        (
            Chain { order: Value::Null, ..Chain::failed("").with("request", "/status/conditions", invalid) },
            "the signer rejects what it asks for",
        ),
        (open(no_answer), "no approver has answered"),
        (open(json!([condition("Approved", "True", "x")])), "no signer has answered"),
        (
            Chain::failed("Failed to create Order: 400 urn:ietf:params:acme:error:rejectedIdentifier: no"),
            "the CA does not issue what it asks for",
        ),
        (
            Chain::failed("Failed to create Order: 400 urn:ietf:params:acme:error:accountDoesNotExist: no"),
            "does not take the issuer's account",
        ),
        (Chain::failed("429 urn:ietf:params:acme:error:rateLimited: no"), "the CA limits the rate"),
    ];
    for (chain, says) in table {
        let repair = expect(&chain, Move::Refuse, says);
        assert!(repair.touches.is_empty() && repair.before.is_none(), "{repair:#?}");
    }
    let mut scene = Chain::failed("dns").scene();
    scene.secrets.values_mut().for_each(|exists| *exists = false);
    let told = &plan(&scene, None).unwrap()[0].reason;
    assert!(
        told.contains("the Secret cert-manager/aws that the solver of its issuer needs does not exist"),
        "{told}"
    );
    let mut twin = scene.certificates[0].clone();
    twin.metadata.uid = Some("twin".to_owned());
    scene.certificates.push(twin);
    assert!(plan(&scene, None).unwrap()[0].reason.contains("writes the same Secret shop-tls"));
}

#[test]
fn a_public_ca_is_left_alone_until_its_limits_are_over() {
    let limited = |until: &str| {
        Chain::failed(&format!("429 urn:ietf:params:acme:error:rateLimited: retry after {until} UTC"))
    };
    let repair = expect(&limited("2026-03-01 13:00:00"), Move::Refuse, "the CA limits the rate");
    assert_eq!(repair.until.as_deref(), Some("2026-03-01T13:00:00Z"));
    expect(&limited("2026-03-01 11:59:00"), Move::Renew, "a renewal starts at once");
    let thrice = |server: &str| {
        let chain = Chain::failed("dns").with("certificate", "/status/failedIssuanceAttempts", json!(3));
        chain.with("issuer", "/spec/acme/server", json!(server))
    };
    let repair = expect(
        &thrice(PRODUCTION),
        Move::Refuse,
        "Let's Encrypt's production, which limits how often it is asked, and it has failed 3 times",
    );
    assert_eq!(repair.until.as_deref(), Some("2026-03-01T12:30:00Z"));
    expect(&thrice(STAGING), Move::Renew, "a renewal starts at once");
    let mut scene = Chain::failed("dns").with("issuer", "/spec/acme/server", json!(PRODUCTION)).scene();
    let order = scene.orders[0].clone();
    scene.orders.extend([order.clone(), order]);
    assert!(
        plan(&scene, None).unwrap()[0].reason.contains("3 Orders for its names failed within the last hour")
    );
}

#[test]
fn what_only_a_person_knows_to_be_over_is_allowed_by_name() {
    let denied = json!([condition("Denied", "True", "x"), condition("Ready", "False", "Denied")]);
    let chain =
        Chain { order: Value::Null, ..Chain::failed("").with("request", "/status/conditions", denied) };
    assert_eq!(expect(&chain, Move::Refuse, "--allow denied").allow, Some(Allowance::Denied));
    let mut scene = chain.scene();
    scene.allowed.insert(Allowance::Rejected);
    assert_eq!(plan(&scene, None).unwrap()[0].planned, Move::Refuse, "that is another cause");
    scene.allowed.insert(Allowance::Denied);
    assert_eq!(plan(&scene, None).unwrap()[0].planned, Move::DeleteRequestAndRenew);
    let chain = Chain::failed("Failed to create Order: 400 urn:ietf:params:acme:error:malformed: no");
    let chain = chain.with("certificate", "/status/failedIssuanceAttempts", json!(3));
    let mut scene = chain.with("issuer", "/spec/acme/server", json!(PRODUCTION)).scene();
    scene.allowed.insert(Allowance::Rejected);
    let told = &plan(&scene, None).unwrap()[0].reason;
    assert!(told.contains("Let's Encrypt's production"), "the limits stand: {told}");
}

#[test]
fn a_failed_order_that_nobody_needs_is_only_told() {
    let owner = "/metadata/ownerReferences";
    let issued = json!({"revision": 2, "conditions": [condition("Ready", "True", "Ready")]});
    let foreign = Chain::failed("dns").with("request", owner, json!([]));
    let table = [
        (
            Chain::failed("dns").with("certificate", "/status", issued.clone()),
            "it is history: Certificate web/shop has been issued since",
        ),
        (Chain { certificate: Value::Null, ..foreign }, "no Certificate owns its request"),
        (
            Chain { request: Value::Null, certificate: Value::Null, ..Chain::failed("dns") },
            "its request is gone",
        ),
    ];
    for (chain, says) in table {
        let repair = expect(&chain, Move::Nothing, says);
        assert_eq!(repair.object, "Order web/shop-2-1");
    }
    let orphan = Chain::failed("dns").with("order", owner, json!([])).with("certificate", "/status", issued);
    expect(&orphan, Move::Nothing, "name it with `--order`");
    let named = ("web".to_owned(), "shop-2-1".to_owned());
    let repair = plan(&orphan.scene(), Some(&named)).unwrap().remove(0);
    assert_eq!(
        (repair.planned, touched(&repair)),
        (Move::DeleteOrphan, vec!["Order web/shop-2-1 7".to_owned()])
    );
}

#[test]
fn an_order_that_is_named_stands_for_its_certificate() {
    let named = ("web".to_owned(), "shop-2-1".to_owned());
    let of = |chain: &Chain| plan(&chain.scene(), Some(&named)).unwrap().remove(0);
    assert_eq!(of(&Chain::failed("dns")).object, "Certificate web/shop");
    let valid = Chain::failed("").with("order", "/status", json!({"state": "valid"}));
    assert_eq!((of(&valid).planned, of(&valid).reason.as_str()), (Move::Nothing, "it is valid"));
    let unknown = ("web".to_owned(), "other".to_owned());
    let told = plan(&Chain::failed("dns").scene(), Some(&unknown)).unwrap_err().to_string();
    assert_eq!(told, "there is no Order web/other; these have failed: Order web/shop-2-1");
}
