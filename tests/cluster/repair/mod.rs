//! `release repair`: real cert-manager, real ACME. Which move works in which state, and that nothing else is
//! touched.

mod shop;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
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
use crate::support::permit::Free;
use crate::support::program::{Ran, directory};
use crate::support::wait::until;
use crate::support::{THIRD, trial};
use shop::{ISSUED, SOON, Shop, issuance};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("repair::an_invalid_order_is_issued_anew", an_invalid_order),
        trial("repair::the_permissions_that_are_named_are_exactly_enough", exactly_enough),
        trial("repair::a_name_that_the_ca_rejects_is_not_touched", a_rejected_name),
        trial("repair::an_order_whose_request_is_pending_is_made_again_at_once", a_pending_order),
    ]
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
    let stale = Touched { resource_version: "1".to_owned(), ..Touched::of(&order) };
    let refused = moves.make(&delete_order(stale)).await;
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
