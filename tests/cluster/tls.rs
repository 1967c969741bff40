//! Hosts as their clients see them, Ingresses as cert-manager sees them: with real certificates of real controllers, and a
//! server of our own that serves what the test wants.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, PostParams};
use libtest_mimic::Trial;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use release::cluster::Cluster;
use release::config::{GateSettings, Profile};
use release::gate::{self, Baseline, Cause, Finding, GateOutcome, Verdict};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::gate::{alone, quiet};
use crate::support::gates::{self, Recorder, baseline, report, run, subject};
use crate::support::trial;
use crate::support::wait::until;

const HOST: &str = "shop.example.com";
/// cert-manager makes a Certificate and issues it, on a machine that does other things as well.
const ISSUED: Duration = Duration::from_mins(2);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("tls::a_certificate_that_expires_is_found_and_one_of_before_is_not", an_expired_certificate),
        trial("tls::a_host_that_has_not_loaded_its_secret_is_told_both_serials", another_serial),
        trial("tls::what_is_wrong_with_ingresses_is_told_and_whose_certificates_are", ingresses),
        trial("tls::the_canarys_ingress_gets_its_certificate_and_goes", a_canary_ingress),
    ]
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
struct Served {
    certificate: String,
    key: String,
}

impl Served {
    fn until(year: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        Self { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    fn config(&self) -> Arc<ServerConfig> {
        let certificates =
            CertificateDer::pem_slice_iter(self.certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        Arc::new(config.with_single_cert(certificates, key).unwrap())
    }
}

/// A host that serves what it is told to.
struct Host {
    serves: Arc<Mutex<Arc<ServerConfig>>>,
    port: u16,
}

impl Host {
    async fn start(serves: &Served) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serves = Arc::new(Mutex::new(serves.config()));
        let current = Arc::clone(&serves);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(Arc::clone(&current.lock().unwrap()));
                tokio::spawn(async move { drop(acceptor.accept(stream).await) });
            }
        });
        Self { serves, port }
    }

    fn serve(&self, served: &Served) {
        *self.serves.lock().unwrap() = served.config();
    }

    fn settings(&self, host: &str, expect: &Value) -> GateSettings {
        let probe =
            json!({"tls": {"host": host, "address": format!("127.0.0.1:{}", self.port), "expect": expect}});
        GateSettings { probes: vec![serde_json::from_value(probe).unwrap()], ..gates::settings(1, &[]) }
    }
}

async fn before(cluster: &Cluster, settings: &GateSettings) -> Baseline {
    let mut before = baseline(cluster).await;
    gate::observe_outlook(cluster, Profile::CertManager, settings, &mut before).await;
    before
}

async fn judge(cluster: &Cluster, before: &Baseline, settings: &GateSettings) -> GateOutcome {
    let subject = subject(cluster, true).await;
    run(cluster, &subject, before, settings, false, &Recorder::default()).await
}

fn finding<'o>(outcome: &'o GateOutcome, gate: &str, rule: &str) -> &'o Finding {
    let findings = &report(outcome, gate).findings;
    findings
        .iter()
        .find(|finding| finding.rule == rule)
        .unwrap_or_else(|| panic!("no {rule} in {outcome:#?}"))
}

async fn an_expired_certificate() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let (good, expired) = (Served::until(2090), Served::until(2021));
    let host = Host::start(&good).await;
    let settings = host.settings(HOST, &json!({"ca": good.certificate, "days": 30}));
    let well = before(&cluster, &settings).await;
    assert!(well.unhealthy().iter().all(|line| !line.starts_with("Host ")), "{:?}", well.unhealthy());
    let passed = judge(&cluster, &well, &settings).await;
    let facts = &report(&passed, "tls").facts;
    assert!(
        passed.verdict == Verdict::Passed && facts[0] == "1 of 1 hosts serve what they should",
        "{passed:#?}"
    );
    assert!(
        passed.availability.iter().any(|one| one.of.starts_with(HOST) && one.asked > 0 && one.failed == 0)
    );
    assert!(passed.availability.iter().any(|one| one.of == "webhook" && one.asked > 0));

    host.serve(&expired);
    let failed = judge(&cluster, &well, &settings).await;
    let told = finding(&failed, "tls", "expired");
    assert_eq!(
        (failed.verdict, told.verdict, told.cause),
        (Verdict::Failed, Verdict::Failed, Cause::Unknown)
    );
    assert!(told.message.starts_with("its certificate has expired on 2021-01-01, "), "{}", told.message);
    assert!(told.message.contains("before the upgrade it was well (serial "), "{}", told.message);

    // The same host, and it was so before.
    let bad = before(&cluster, &settings).await;
    let twin = judge(&cluster, &bad, &settings).await;
    let told = finding(&twin, "tls", "expired");
    assert!(twin.verdict == Verdict::Passed && told.baseline, "{twin:#?}");
    assert!(
        bad.unhealthy().iter().any(|line| line.starts_with("Host shop.example.com")),
        "{:?}",
        bad.unhealthy()
    );
}

/// A namespace with a self-signed issuer; it is deleted at the end.
struct Shop<'c> {
    cluster: &'c Cluster,
    namespace: &'static str,
}

impl<'c> Shop<'c> {
    async fn open(cluster: &'c Cluster, namespace: &'static str) -> Self {
        let shop = Self { cluster, namespace };
        let namespaces = Api::<Namespace>::all(cluster.client.clone());
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        namespaces.create(&PostParams::default(), &object).await.unwrap();
        shop.create("Issuer", &json!({"metadata": {"name": "own"}, "spec": {"selfSigned": {}}})).await;
        shop
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", kind));
        Api::namespaced_with(self.cluster.client.clone(), self.namespace, &kind)
    }

    async fn create(&self, kind: &str, object: &Value) {
        let mut whole = object.clone();
        whole["apiVersion"] = json!("cert-manager.io/v1");
        whole["kind"] = json!(kind);
        let object = serde_json::from_value(whole).unwrap();
        self.api(kind).create(&PostParams::default(), &object).await.unwrap();
    }

    /// An Ingress that asks our issuer.
    async fn ingress(&self, name: &str, tls: Value) {
        let object = json!({
            "metadata": {"name": name, "annotations": {"cert-manager.io/issuer": "own"}},
            "spec": {"tls": tls, "rules": [{"host": format!("{name}.example.com")}]},
        });
        let ingresses = Api::<Ingress>::namespaced(self.cluster.client.clone(), self.namespace);
        ingresses.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    }

    async fn issued(&self, secret: &'static str) -> Served {
        let secrets = Api::<Secret>::namespaced(self.cluster.client.clone(), self.namespace);
        let data = async || {
            secrets.get_opt(secret).await.unwrap().and_then(|secret| secret.data).unwrap_or_default()
        };
        let is_there = async || data().await.contains_key("tls.crt");
        until(&format!("Secret {secret} is issued"), ISSUED, is_there).await;
        let mut data = data().await;
        let mut text = |key: &str| String::from_utf8(data.remove(key).unwrap().0).unwrap();
        Served { certificate: text("tls.crt"), key: text("tls.key") }
    }

    async fn close(self) {
        let namespaces = Api::<Namespace>::all(self.cluster.client.clone());
        namespaces.delete(self.namespace, &DeleteParams::default()).await.unwrap();
        let gone = async || namespaces.get_opt(self.namespace).await.unwrap().is_none();
        until("the namespace is gone", Duration::from_mins(1), gone).await;
    }
}

async fn another_serial() {
    let (cluster, _alone) = alone().await;
    let shop = Shop::open(&cluster, "test-tls-serial").await;
    let certificate = json!({
        "metadata": {"name": "shop-tls"},
        "spec": {"secretName": "shop-tls", "dnsNames": [HOST], "issuerRef": {"name": "own"}},
    });
    shop.create("Certificate", &certificate).await;
    let issued = shop.issued("shop-tls").await;
    quiet(&cluster).await;
    let host = Host::start(&issued).await;
    let settings = host.settings(HOST, &json!({"ca": "any", "secret": "test-tls-serial/shop-tls"}));
    let well = before(&cluster, &settings).await;
    let passed = judge(&cluster, &well, &settings).await;
    host.serve(&Served::until(2090));
    // What serves a host has two minutes to load a Secret; the end of the run comes first here.
    let settings = GateSettings { timeout: Duration::from_secs(45), ..settings };
    let failed = judge(&cluster, &well, &settings).await;
    shop.close().await;
    assert_eq!(passed.verdict, Verdict::Passed, "{passed:#?}");
    let told = finding(&failed, "tls", "serial");
    assert_eq!((failed.verdict, told.cause), (Verdict::Failed, Cause::Environment), "{failed:#?}");
    let words = "it serves another certificate than Secret test-tls-serial/shop-tls holds (serial ";
    assert!(told.message.starts_with(words), "{}", told.message);
}

async fn ingresses() {
    let (cluster, _alone) = alone().await;
    let shop = Shop::open(&cluster, "test-tls-ingress").await;
    shop.ingress("shop", json!([{"hosts": ["shop.example.com"], "secretName": "shop-tls"}])).await;
    shop.issued("shop-tls").await;
    shop.ingress("www", json!([{"hosts": ["shop.example.com"], "secretName": "shop-tls"}])).await;
    quiet(&cluster).await;
    let settings = gates::settings(1, &[]);
    let outcome = judge(&cluster, &before(&cluster, &settings).await, &settings).await;
    shop.close().await;
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    let told = &report(&outcome, "ingress").findings;
    let has = |object: &str, rule: &str, words: &str| {
        told.iter().any(|one| one.object == object && one.rule == rule && one.message.contains(words))
    };
    let www = "Ingress test-tls-ingress/www";
    assert!(has(www, "no-certificate", "no certificate is asked for www.example.com"), "{told:#?}");
    assert!(
        has(www, "shared-secret", "Ingress test-tls-ingress/shop names Secret shop-tls, too"),
        "{told:#?}"
    );
    let facts = &report(&outcome, "ingress").facts;
    assert!(facts[0].ends_with("Ingresses and Gateways that ask for certificates have them"), "{facts:?}");
}

async fn a_canary_ingress() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let mut settings = gates::settings(1, &[]);
    let ingress =
        json!({"host": "{run}.canary.example.com", "annotations": {"cert-manager.io/duration": "24h"}});
    settings.canary.ingress = Some(serde_json::from_value(ingress).unwrap());
    let forecast = gate::canary::preflight(&cluster, &subject(&cluster, true).await, &settings.canary).await;
    assert!(forecast.refusals.is_empty(), "{forecast:?}");
    let (subject, before) = (subject(&cluster, true).await, baseline(&cluster).await);
    let began = Instant::now();
    let outcome = run(&cluster, &subject, &before, &settings, true, &Recorder::default()).await;
    assert_eq!(outcome.verdict, Verdict::Passed, "{outcome:#?}");
    let facts = &report(&outcome, "canary").facts;
    let chain =
        facts.iter().find(|fact| fact.starts_with("ingress: Certificate cert-manager/release-canary-test-"));
    assert!(chain.is_some_and(|chain| chain.contains("-ingress Ready → CertificateRequest ")), "{facts:?}");
    let deleted = facts.iter().find(|fact| fact.starts_with("deleted ")).unwrap();
    assert!(deleted.starts_with("deleted Ingress cert-manager/release-canary-test-"), "{deleted}");
    assert!(
        deleted.contains(", Secret cert-manager/release-canary-test-"),
        "{deleted} after {:?}",
        began.elapsed()
    );
    let ingresses = Api::<Ingress>::namespaced(cluster.client.clone(), "cert-manager");
    let left = ingresses.list(&ListParams::default().labels("release.canary/run=test")).await.unwrap();
    assert!(left.items.is_empty(), "{left:?}");
}
