//! What is live decides which rules on cert-manager's versions speak.

use kube::api::{DeleteParams, DynamicObject, PostParams};
use libtest_mimic::Trial;
use release::cluster::namespace;

use crate::gate::alone;
use crate::support::objects::{Place, objects};
use crate::support::program::{config, release};
use crate::support::{THIRD, fresh_release, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "advice::certificates_that_share_a_secret_and_orders_in_flight_are_told",
        certificates_that_share_a_secret_and_orders_in_flight_are_told,
    )]
}

fn certificate(name: &str) -> String {
    format!(
        "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: {name}}}\nspec: {{secretName: shared, dnsNames: [{name}.example.com], issuerRef: {{name: nobody}}}}\n"
    )
}

async fn certificates_that_share_a_secret_and_orders_in_flight_are_told() {
    let (cluster, _alone) = alone().await;
    let place = Place { cluster, release: fresh_release() };
    let own = &place.release.namespace;
    namespace::ensure(&place.cluster, own).await.unwrap();
    let order = "apiVersion: acme.cert-manager.io/v1\nkind: Order\nmetadata: {name: open}\nspec: {request: '', dnsNames: [a.example.com], issuerRef: {name: nobody}}\n";
    let all = objects(&[certificate("one"), certificate("two"), order.to_owned()]);
    for object in &all {
        let value: DynamicObject = serde_json::from_value(object.value.clone()).unwrap();
        place.api(object).await.create(&PostParams::default(), &value).await.unwrap();
    }
    let config = config("advice.yaml", &[("issuers: [ClusterIssuer/letsencrypt], ", "")]);
    let dry_run = ["--cluster", THIRD, "--dry-run"];
    let refused = release(&config, &dry_run).expect(1);
    let allowed = release(&config, &[&dry_run[..], &["--allow", "shared-secret-runaway"]].concat());
    for object in &all {
        place.api(object).await.delete(object.name(), &DeleteParams::default()).await.unwrap();
    }
    let shared = format!(
        "two Certificates that write one Secret are issued in turns without end: Secret {own}/shared (one and two);"
    );
    assert!(refused.stderr.contains(&shared), "{}", refused.stderr);
    let allowed = allowed.expect(0);
    assert!(allowed.stdout.contains(&format!("Order {own}/open")), "{}", allowed.stdout);
    // The chart brings the CRDs, so that none is behind.
    assert!(!allowed.stdout.contains("the CRDs are older"), "{}", allowed.stdout);
}
