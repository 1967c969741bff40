//! `release repair`: real cert-manager, real ACME. Which move works in which state, and that nothing else is touched.

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
use serde_json::{Value, json};

use crate::gate::alone;
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
        trial("repair::a_name_that_the_ca_rejects_is_not_touched", a_rejected_name),
        trial("repair::an_order_whose_request_is_pending_is_made_again_at_once", a_pending_order),
    ]
}

/// A namespace of its own with one Certificate `shop` for this name, from the sandbox's ACME issuer.
struct Shop {
    cluster: Cluster,
    namespace: String,
}

impl Shop {
    async fn open(cluster: &Cluster, name: &str) -> Self {
        let namespace = fresh_release().namespace;
        let metadata = ObjectMeta { name: Some(namespace.clone()), ..ObjectMeta::default() };
        let object = Namespace { metadata, ..Namespace::default() };
        let namespaces = Api::<Namespace>::all(cluster.client.clone());
        namespaces.create(&PostParams::default(), &object).await.unwrap();
        let certificate = json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": {"name": "shop", "namespace": namespace},
            "spec": {"secretName": "shop", "dnsNames": [name.replace('*', &namespace)], "issuerRef": cluster_issuer("letsencrypt")},
        });
        Colleagues { cluster }.create("Certificate", &namespace, &certificate).await;
        Self { cluster: cluster.clone(), namespace }
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

    /// `uid version` of everything in the chain.
    async fn fingerprint(&self) -> Vec<String> {
        let mut seen = Vec::new();
        for (group, kind) in [
            ("cert-manager.io", "Certificate"),
            ("cert-manager.io", "CertificateRequest"),
            ("acme.cert-manager.io", "Order"),
        ] {
            let all = self.api(group, kind).list(&ListParams::default()).await.unwrap().items;
            seen.extend(
                all.into_iter()
                    .map(|one| format!("{:?} {:?}", one.metadata.uid, one.metadata.resource_version)),
            );
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
    let shop = Shop::open(&cluster, "*.demo.example.com").await;
    // What the ACME server would say of a wrong proof; from here on everything is cert-manager's own.
    let order = shop.order("pending").await;
    let name = order.metadata.name.clone().unwrap();
    let at = json!(order.metadata.creation_timestamp);
    let status = json!({"status": {"state": "invalid", "reason": "the proof was wrong", "failureTime": at}});
    shop.orders().patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    shop.paused().await;
    let before = (shop.fingerprint().await, journal(&cluster).await.and_then(|map| map.data));

    let shown = only(&shop.repair(&order, &["--dry-run", "-o", "json"]).expect(0));
    assert_eq!(
        (&shown["move"], &shown["touches"][0]["kind"]),
        (&json!("renew"), &json!("Certificate")),
        "{shown:#}"
    );
    assert!(shown["state"].as_str().unwrap().contains("is invalid: the proof was wrong"), "{shown:#}");
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
    let rollout = |data: Option<&std::collections::BTreeMap<String, String>>| {
        data.and_then(|data| data.get("journal.json").cloned())
    };
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
