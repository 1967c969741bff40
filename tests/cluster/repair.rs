//! `release repair`: real cert-manager, real ACME. Which move works in which state, and that nothing else is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::core::ObjectMeta;
use libtest_mimic::Trial;
use release::action::repair::{Moves, NotMoved};
use release::certmanager::repair::moves::{Move, Repair, Touched};
use release::certmanager::resources::Order;
use release::cluster::Cluster;
use release::cluster::access::Access;
use release::config::{Config, Selection, Settings};
use release::rollout::interrupt::Interrupt;
use release::site::connect::{self, Connected};
use release::site::repair::{self as site, RepairTerms};
use serde_json::{Value, json};

use crate::gate::alone;
use crate::permissions;
use crate::support::acme_account::AcmeAccount;
use crate::support::colleagues::{Colleagues, cluster_issuer};
use crate::support::permit::Free;
use crate::support::program::{Ran, directory, release};
use crate::support::wait::until;
use crate::support::{THIRD, fresh_release, trial};

/// A proof by DNS takes more than a minute: cert-manager waits for the time to live of the record.
const ISSUED: Duration = Duration::from_mins(4);
const SOON: Duration = Duration::from_mins(1);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("repair::an_invalid_order_is_issued_anew", an_invalid_order),
        trial("repair::the_permissions_that_are_named_are_exactly_enough", exactly_enough),
        trial("repair::a_name_that_the_ca_rejects_is_not_touched", a_rejected_name),
        trial("repair::an_order_whose_request_is_pending_is_made_again_at_once", a_pending_order),
    ]
}

/// A namespace of its own with one Certificate `shop`; a `*` in its name is the namespace.
struct Shop {
    cluster: Cluster,
    namespace: String,
}

impl Shop {
    /// From the sandbox's ACME issuer.
    async fn open(cluster: &Cluster, name: &str) -> Self {
        let shop = Self::empty(cluster).await;
        shop.wish(name, &cluster_issuer("letsencrypt")).await;
        shop
    }

    async fn empty(cluster: &Cluster) -> Self {
        let namespace = fresh_release().namespace;
        let metadata = ObjectMeta { name: Some(namespace.clone()), ..ObjectMeta::default() };
        let object = Namespace { metadata, ..Namespace::default() };
        let namespaces = Api::<Namespace>::all(cluster.client.clone());
        namespaces.create(&PostParams::default(), &object).await.unwrap();
        Self { cluster: cluster.clone(), namespace }
    }

    /// The Certificate.
    async fn wish(&self, name: &str, issuer: &Value) {
        let certificate = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"name": "shop", "namespace": self.namespace},
            "spec": {"secretName": "shop", "dnsNames": [name.replace('*', &self.namespace)], "issuerRef": issuer},
        });
        Colleagues { cluster: &self.cluster }.create("Certificate", &self.namespace, &certificate).await;
    }

    /// An Issuer `acme` like the sandbox's, that writes its proofs to this DNS server; Ready. Answers the server of the
    /// sandbox's.
    async fn issuer(&self, nameserver: &str) -> String {
        let colleagues = Colleagues { cluster: &self.cluster };
        let known = colleagues.api("ClusterIssuer", "").get("letsencrypt").await.unwrap();
        let mut acme = known.data["spec"]["acme"].clone();
        let right = acme["solvers"][0]["dns01"]["rfc2136"]["nameserver"].as_str().unwrap().to_owned();
        acme["solvers"][0]["dns01"]["rfc2136"]["nameserver"] = json!(nameserver);
        acme["privateKeySecretRef"]["name"] = json!("acme");
        let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": {"name": "acme", "namespace": self.namespace}, "spec": {"acme": acme}});
        colleagues.create("Issuer", &self.namespace, &issuer).await;
        let issuers = self.api("cert-manager.io", "Issuer");
        until("the Issuer is Ready", SOON, async || {
            issuers.get("acme").await.unwrap().data["status"]["conditions"][0]["status"] == "True"
        })
        .await;
        right
    }

    /// Its solver is repaired.
    async fn nameserver(&self, right: &str) {
        let issuer = self.api("cert-manager.io", "Issuer").get("acme").await.unwrap();
        let mut solvers = issuer.data["spec"]["acme"]["solvers"].clone();
        solvers[0]["dns01"]["rfc2136"]["nameserver"] = json!(right);
        let patch = json!({"spec": {"acme": {"solvers": solvers}}});
        Colleagues { cluster: &self.cluster }.patch("Issuer", &self.namespace, "acme", &patch).await;
    }

    /// The proof of its Order is asked for before it is there: the ACME server looks, finds nothing, and the Order is
    /// invalid. cert-manager looks at a Challenge again that says nothing.
    async fn proven_wrong(&self) -> DynamicObject {
        let order = self.order("pending").await;
        let challenges = self.api("acme.cert-manager.io", "Challenge");
        until("there is a Challenge", SOON, async || {
            challenges.list(&ListParams::default()).await.unwrap().items.len() == 1
        })
        .await;
        let challenge = challenges.list(&ListParams::default()).await.unwrap().items.remove(0);
        let issuer = self.api("cert-manager.io", "Issuer").get("acme").await.unwrap();
        let account = AcmeAccount::of(&self.cluster, &issuer).await;
        let url = challenge.data["spec"]["url"].as_str().unwrap();
        account.post(url, "{}").await;
        until("the ACME server has found nothing", SOON, async || {
            account.post(url, "").await["status"] == "invalid"
        })
        .await;
        let (name, forgets) = (challenge.metadata.name.unwrap(), json!({"status": {"state": null}}));
        until("cert-manager knows", SOON, async || {
            let _ = challenges.patch_status(&name, &PatchParams::default(), &Patch::Merge(&forgets)).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let orders = self.orders().list(&ListParams::default()).await.unwrap().items;
            orders.iter().any(|order| order.data["status"]["state"] == "invalid")
        })
        .await;
        self.paused().await;
        order
    }

    fn api(&self, group: &str, kind: &str) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        Api::namespaced_with(self.cluster.client.clone(), &self.namespace, &resource)
    }

    fn orders(&self) -> Api<DynamicObject> {
        self.api("acme.cert-manager.io", "Order")
    }

    /// The only Order, when it has this state.
    async fn order(&self, state: &str) -> DynamicObject {
        let orders = self.orders();
        let find = async || {
            let all = orders.list(&ListParams::default()).await.unwrap().items;
            all.into_iter().find(|order| order.data["status"]["state"] == state)
        };
        until(&format!("an Order is {state}"), SOON, async || find().await.is_some()).await;
        find().await.unwrap()
    }

    /// Its Order is invalid, as the ACME server would say of a wrong proof; what follows is cert-manager's own.
    async fn invalid(&self) -> DynamicObject {
        let order = self.order("pending").await;
        let name = order.metadata.name.as_deref().unwrap();
        let at = json!(order.metadata.creation_timestamp);
        let status =
            json!({"status": {"state": "invalid", "reason": "the proof was wrong", "failureTime": at}});
        self.orders().patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
        self.paused().await;
        order
    }

    async fn certificate(&self) -> DynamicObject {
        self.api("cert-manager.io", "Certificate").get("shop").await.unwrap()
    }

    /// cert-manager has taken note of the failure, and pauses.
    async fn paused(&self) -> DynamicObject {
        until("cert-manager pauses", SOON, async || {
            let status = &self.certificate().await.data["status"];
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            let failed = |one: &Value| one["type"] == "Issuing" && one["status"] == "False";
            status["lastFailureTime"].is_string() && conditions.iter().any(failed)
        })
        .await;
        self.certificate().await
    }

    /// What identifies the chain and its issuance; cert-manager itself writes to a Certificate now and then.
    async fn fingerprint(&self) -> Vec<String> {
        let mut seen = Vec::new();
        for (group, kind) in [
            ("cert-manager.io", "Certificate"),
            ("cert-manager.io", "CertificateRequest"),
            ("acme.cert-manager.io", "Order"),
        ] {
            let all = self.api(group, kind).list(&ListParams::default()).await.unwrap().items;
            seen.extend(all.into_iter().map(|one| format!("{:?} {}", one.metadata.uid, issuance(&one))));
        }
        seen
    }

    fn repair(&self, order: &DynamicObject, args: &[&str]) -> Ran {
        let named = format!("{}/{}", self.namespace, order.metadata.name.as_deref().unwrap());
        let config = directory().join("release.yaml");
        release(&config, &[&["repair", "--cluster", THIRD, "--order", &named], args].concat())
    }

    async fn close(self) {
        let namespaces = Api::<Namespace>::all(self.cluster.client.clone());
        namespaces.delete(&self.namespace, &DeleteParams::default()).await.unwrap();
        until("the namespace is gone", ISSUED, async || {
            namespaces.get_opt(&self.namespace).await.unwrap().is_none()
        })
        .await;
    }
}

/// The condition Issuing and the failures, of a Certificate.
fn issuance(one: &DynamicObject) -> Value {
    let status = &one.data["status"];
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let issuing: Vec<&Value> = conditions.filter(|condition| condition["type"] == "Issuing").collect();
    json!([issuing, status["lastFailureTime"], status["failedIssuanceAttempts"]])
}

/// The texts of the journal.
async fn journal(cluster: &Cluster) -> Option<ConfigMap> {
    let maps = Api::<ConfigMap>::namespaced(cluster.client.clone(), "cert-manager");
    maps.get_opt("release.cert-manager").await.unwrap()
}

/// The one entry of the answer of `-o json`.
fn only(ran: &Ran) -> Value {
    let value: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value[0]["repairs"].as_array().map(Vec::len), Some(1), "{value:#}");
    value[0]["repairs"][0].clone()
}

async fn an_invalid_order() {
    let (cluster, _alone) = alone().await;
    let shop = Shop::empty(&cluster).await;
    // Nobody listens there.
    let right = shop.issuer("127.0.0.1:1").await;
    shop.wish("*.demo.example.com", &json!({"name": "acme"})).await;
    let order = shop.proven_wrong().await;
    shop.nameserver(&right).await;
    let before = (shop.fingerprint().await, journal(&cluster).await.and_then(|map| map.data));

    let shown = only(&shop.repair(&order, &["--dry-run", "-o", "json"]).expect(0));
    assert_eq!(
        (&shown["move"], &shown["touches"][0]["kind"]),
        (&json!("renew"), &json!("Certificate")),
        "{shown:#}"
    );
    assert!(shown["state"].as_str().unwrap().contains("is invalid"), "{shown:#}");
    assert!(shown["reason"].as_str().unwrap().starts_with("nothing is made again before"), "{shown:#}");
    shop.repair(&order, &["--dry-run", "--detailed-exitcode"]).expect(2);
    let after = (shop.fingerprint().await, journal(&cluster).await.and_then(|map| map.data));
    assert_eq!(before, after, "a dry run changes nothing");

    let ran = shop.repair(&order, &[]).expect(0);
    assert!(ran.stdout.contains("-> issued, as revision 1"), "{}", ran.stdout);
    let issued = shop.order("valid").await;
    assert_ne!(issued.metadata.uid, order.metadata.uid);
    let map = journal(&cluster).await.unwrap().data.unwrap();
    let repairs: Value = serde_json::from_str(&map["repairs.json"]).unwrap();
    let last = repairs.as_array().unwrap().last().unwrap();
    let object = format!("Certificate {}/shop", shop.namespace);
    assert_eq!((&last["object"], &last["move"]), (&json!(object), &json!("renew")), "{last:#}");
    assert_eq!(last["result"], "issued, as revision 1", "{last:#}");
    let rollout =
        |data: Option<&BTreeMap<String, String>>| data.and_then(|data| data.get("journal.json").cloned());
    assert_eq!(rollout(Some(&map)), rollout(before.1.as_ref()), "the journal of the rollout stays");
    let again = only(&shop.repair(&issued, &["-o", "json"]).expect(0));
    assert_eq!((&again["move"], &again["reason"]), (&json!("nothing"), &json!("it is valid")));
    shop.close().await;
}

async fn a_rejected_name() {
    let (cluster, _alone) = alone().await;
    let shop = Shop::open(&cluster, "under_score.demo.example.com").await;
    let order = shop.order("errored").await;
    shop.paused().await;
    let before = shop.fingerprint().await;
    let refused = shop.repair(&order, &["-o", "json"]).expect(1);
    let entry = only(&refused);
    assert_eq!((&entry["move"], &entry["allow"]), (&json!("refuse"), &json!("rejected")), "{entry:#}");
    assert!(entry["state"].as_str().unwrap().contains("Failed to create Order: 400"), "{entry:#}");
    let told = format!("not repaired: Certificate {}/shop on {THIRD}", shop.namespace);
    assert!(refused.stderr.contains(&told), "{}", refused.stderr);
    shop.repair(&order, &["--dry-run"]).expect(1);
    assert_eq!(shop.fingerprint().await, before, "nothing was touched");
    // A person says that the CA would take it now; it does not, and it is tried once.
    let again = shop.repair(&order, &["--allow", "rejected", "-o", "json"]).expect(4);
    let entry = only(&again);
    assert_eq!(entry["result"]["verdict"], "failed-again", "{entry:#}");
    assert_eq!(shop.paused().await.data["status"]["failedIssuanceAttempts"], 2);
    shop.close().await;
}

fn delete_order(touched: Touched) -> Repair {
    Repair {
        object: touched.to_string(),
        state: String::new(),
        planned: Move::DeleteOrder,
        reason: String::new(),
        until: None,
        allow: None,
        touches: vec![touched],
        before: None,
    }
}

async fn a_pending_order() {
    let (cluster, _alone) = alone().await;
    let shop = Shop::open(&cluster, "*.demo.example.com").await;
    let name = shop.order("pending").await.metadata.name.unwrap();
    let orders = Api::<Order>::namespaced(cluster.client.clone(), &shop.namespace);
    let order = orders.get(&name).await.unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let moves = Moves::new(&cluster, now, &Free);
    let older = Touched { resource_version: "1".to_owned(), ..Touched::of(&order) };
    let refused = moves.make(&delete_order(older)).await;
    assert!(matches!(refused, Err(NotMoved::Changed(_))), "{refused:?}");
    Moves::rehearsal(&cluster, now).make(&delete_order(Touched::of(&order))).await.unwrap();
    assert_eq!(orders.get(&name).await.unwrap().metadata.uid, order.metadata.uid, "nothing was done so far");
    moves.make(&delete_order(Touched::of(&orders.get(&name).await.unwrap()))).await.unwrap();
    until("the Order is there again, under its name", SOON, async || {
        orders.get_opt(&name).await.unwrap().is_some_and(|again| again.metadata.uid != order.metadata.uid)
    })
    .await;
    until("the certificate is issued", ISSUED, async || {
        shop.certificate().await.data["status"]["revision"] == 1
    })
    .await;
    shop.close().await;
}

/// The first cluster of a look, as somebody who may do only what a test grants.
async fn limited(one: &Connected) -> Connected {
    let cluster = Cluster { client: permissions::client().await, ..one.cluster.clone() };
    Connected { cluster, ..one.clone() }
}

async fn exactly_enough() {
    let (cluster, _alone) = alone().await;
    let shop = Shop::open(&cluster, "*.demo.example.com").await;
    let name = shop.invalid().await.metadata.name.unwrap();
    let selection = Selection { clusters: vec![THIRD.to_owned()], ..Selection::default() };
    let config = Config::load(&directory().join("release.yaml")).unwrap();
    let settings = Settings::resolve(&config, &selection).unwrap();
    let one = connect::connect(&settings).await.unwrap().remove(0);
    let terms = RepairTerms {
        release: settings.chart.release.clone(),
        order: Some((shop.namespace.clone(), name)),
        allowed: BTreeSet::new(),
        timeout: Duration::ZERO,
        lock_timeout: SOON,
    };
    let needs = site::needs(&terms.release, &site::look(&one, &terms).await.unwrap());
    let (kept, status): (Vec<Access>, Vec<Access>) =
        needs.iter().cloned().partition(|access| access.resource != "certificates/status");
    assert_eq!(status.len(), 1, "{needs:#?}");
    let one = limited(&one).await;
    let namespaces = permissions::grant(&cluster, &kept).await;
    let refused = site::rehearse(&one, &terms).await.map(|shown| shown.lines());
    permissions::take_back(&cluster, &namespaces).await;
    let namespaces = permissions::grant(&cluster, &needs).await;
    let ended = match site::rehearse(&one, &terms).await {
        Ok(shown) => Ok(site::repair(&one, &terms, shown, &Interrupt::never(), &|_| ()).await),
        Err(failure) => Err(failure),
    };
    permissions::take_back(&cluster, &namespaces).await;
    let refused = refused.unwrap_err().chain().join(": ");
    assert_eq!(refused, format!("{THIRD}: missing permissions: {}", status[0]));
    let (done, ended) = ended.unwrap();
    ended.unwrap();
    let result = done.repairs[0].result.as_ref().unwrap().told();
    assert_eq!(result, "still under way after 0 s", "it was begun, and nobody waits: {done:#?}");
    let issuing = issuance(&shop.certificate().await);
    assert_eq!(issuing[0][0]["reason"], "ManuallyTriggered", "{issuing:#}");
    shop.close().await;
}
