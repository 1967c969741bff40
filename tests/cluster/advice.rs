//! What is live decides which rules on cert-manager's versions speak.

use kube::ResourceExt;
use kube::api::{DeleteParams, DynamicObject, PostParams};
use libtest_mimic::Trial;
use release::cluster::{live_crd, namespace};

use crate::gate::alone;
use crate::support::fleet::SmallFleet;
use crate::support::objects::{Place, objects};
use crate::support::program::{config, directory, release};
use crate::support::{FIRST, THIRD, fresh_release, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "advice::certificates_that_share_a_secret_and_orders_in_flight_are_told",
            certificates_that_share_a_secret_and_orders_in_flight_are_told,
        ),
        trial(
            "advice::what_would_be_issued_again_is_counted_before_anything_is_changed",
            what_would_be_issued_again_is_counted_before_anything_is_changed,
        ),
        trial(
            "advice::crds_that_are_kept_apart_are_judged_by_their_label_or_compared",
            crds_that_are_kept_apart_are_judged_by_their_label_or_compared,
        ),
        trial("advice::a_wrapper_is_judged_by_the_cert_manager_in_it", wrapper),
    ]
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
    let order = "apiVersion: acme.cert-manager.io/v1\nkind: Order\nmetadata: {name: open}\nspec: {request: 'YQ==', dnsNames: [a.example.com], issuerRef: {name: nobody}}\n";
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

/// A rule of the user says of this upgrade what cert-manager's own says of that to 1.13.
async fn what_would_be_issued_again_is_counted_before_anything_is_changed() {
    let (cluster, _alone) = alone().await;
    let place = Place { cluster, release: fresh_release() };
    let own = &place.release.namespace;
    namespace::ensure(&place.cluster, own).await.unwrap();
    let of_another = |name: &str| {
        format!(
            "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {{name: {name}}}\nspec: {{secretName: {name}, dnsNames: [{name}.example.co.uk], issuerRef: {{kind: ClusterIssuer, name: nobody}}}}\n"
        )
    };
    let secret = |name: &str, kind: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, annotations: {{cert-manager.io/issuer-kind: {kind}}}}}\n"
        )
    };
    let all = objects(&[
        secret("one", "Issuer"),
        secret("two", "Issuer"),
        secret("three", "ClusterIssuer"),
        of_another("one"),
        of_another("two"),
        of_another("three"),
    ]);
    for object in &all {
        let value: DynamicObject = serde_json::from_value(object.value.clone()).unwrap();
        place.api(object).await.create(&PostParams::default(), &value).await.unwrap();
    }
    let rule = "rules: [{ id: ours, applies: { crossing: '1.11' }, reissues: secret-annotations, severity: note, text: t, do: d }]\n";
    std::fs::write(directory().join("reissue-rules.yaml"), rule).unwrap();
    let with_budget = |name: &str, budget: &str| {
        let gates = format!("settle: 10s\n      max-reissue: {budget}");
        let files = "preflight: { advice: [reissue-rules.yaml] }\nrepositories:";
        config(
            name,
            &[
                ("issuers: [ClusterIssuer/letsencrypt], ", ""),
                ("settle: 10s", &gates),
                ("repositories:", files),
            ],
        )
    };
    let dry_run = ["--cluster", THIRD, "--dry-run"];
    let small = with_budget("reissue-1.yaml", "1");
    let refused = release(&small, &dry_run);
    let allowed = release(&small, &[&dry_run[..], &["--allow", "max-reissue"]].concat());
    let large = release(&with_budget("reissue-2.yaml", "2"), &dry_run);
    for object in all.iter().rev() {
        place.api(object).await.delete(object.name(), &DeleteParams::default()).await.unwrap();
    }
    let told = format!(
        "name another Certificate or issuer, or none (ours): {own}/one, {own}/two; names: 2 of example.co.uk; `gates.max-reissue` is"
    );
    let refused = refused.expect(1);
    assert!(refused.stderr.contains(&format!("{told} 1; ")), "{}", refused.stderr);
    assert!(refused.stderr.contains("(--allow max-reissue overrides"), "{}", refused.stderr);
    for ran in [allowed.expect(0), large.expect(0)] {
        assert!(ran.stdout.contains(&told), "{}", ran.stdout);
    }
}

const LABEL: &str = "app.kubernetes.io/version";

/// The chart does not bring the CRDs here: one has the label of an older version, and is compared with the chart's
/// own when that is gone.
async fn crds_that_are_kept_apart_are_judged_by_their_label_or_compared() {
    let (cluster, _alone) = alone().await;
    let values = directory().join("values/cert-manager/common.yaml");
    let text = std::fs::read_to_string(&values).unwrap();
    assert!(text.contains("installCRDs: true"), "{text}");
    std::fs::write(
        values.with_file_name("apart.yaml"),
        text.replace("installCRDs: true", "installCRDs: false"),
    )
    .unwrap();
    let config = config(
        "apart.yaml",
        &[
            ("issuers: [ClusterIssuer/letsencrypt], ", ""),
            ("cert-manager/common.yaml", "cert-manager/apart.yaml"),
        ],
    );
    let line = || {
        let ran = release(&config, &["--cluster", THIRD, "--dry-run"]).expect(0);
        let mut lines = ran.stdout.lines().map(ToOwned::to_owned);
        lines.find(|line| line.contains("the CRDs are older")).unwrap_or(ran.stdout.clone())
    };
    let name = "certificaterequests.cert-manager.io";
    let crds = live_crd::api(&cluster);
    // Whoever else writes would own the label from then on, and be in the way of the next upgrade.
    let as_helm = PostParams { field_manager: Some("helm".to_owned()), ..PostParams::default() };
    let before = crds.get(name).await.unwrap();
    let mut changed = before.clone();
    changed.labels_mut().insert(LABEL.to_owned(), "v1.9.1".to_owned());
    let mut changed = crds.replace(name, &as_helm, &changed).await.unwrap();
    let labelled = line();
    changed.labels_mut().remove(LABEL);
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    let fields = changed.data.pointer_mut(spec).unwrap().as_object_mut().unwrap();
    fields.remove("duration").unwrap();
    let changed = crds.replace(name, &as_helm, &changed).await.unwrap();
    let compared = line();
    let mut restored = before;
    restored.metadata.resource_version = changed.metadata.resource_version;
    crds.replace(name, &as_helm, &restored).await.unwrap();
    assert!(labelled.contains("certificaterequests.cert-manager.io of 1.9.1"), "{labelled}");
    assert!(compared.contains("certificaterequests.cert-manager.io without v1.spec.duration"), "{compared}");
}

/// A platform's chart of its own version, with cert-manager in it: nothing of that runs, and its revision says all.
fn wrap(fleet: &SmallFleet, version: &str, cert_manager: &str) {
    let (name, inner) =
        (&fleet.release.namespace, format!("{}/charts/cert-manager", fleet.release.namespace));
    let dependency = format!(
        "dependencies: [{{name: cert-manager, version: {cert_manager}, repository: 'https://charts.example.com'}}]"
    );
    fleet.write(
        &format!("{name}/Chart.yaml"),
        &format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: v1.19.0\n{dependency}\n"),
    );
    fleet.write(
        &format!("{inner}/Chart.yaml"),
        &format!("apiVersion: v2\nname: cert-manager\nversion: {cert_manager}\nappVersion: {cert_manager}\n"),
    );
    let container = "{name: c, image: 'quay.io/jetstack/cert-manager-controller:{{ .Chart.AppVersion }}'}";
    let template = format!("{{metadata: {{labels: {{app: idle}}}}, spec: {{containers: [{container}]}}}}");
    fleet.write(
        &format!("{inner}/templates/controller.yaml"),
        &format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: idle}}\nspec: {{replicas: 0, selector: {{matchLabels: {{app: idle}}}}, template: {template}}}\n"
        ),
    );
}

/// What runs is read from the revision of a wrapper, as what is to run is from the new one; neither's own version counts.
async fn wrapper() {
    let fleet = SmallFleet::new(&[FIRST]).await;
    wrap(&fleet, "1.19.0", "v1.10.2");
    fleet.installed_by_helm();
    let config = std::fs::read_to_string(fleet.path().join("release.yaml")).unwrap();
    fleet.write("release.yaml", &config.replace("profile: generic", "profile: cert-manager"));
    let dry_run = ["--cluster", FIRST, "--dry-run"];
    wrap(&fleet, "1.19.1", "v1.13.6");
    let refused = fleet.run(&dry_run).expect(1);
    assert!(refused.stderr.contains("--allow skipped-minors"), "{}", refused.stderr);
    assert!(refused.stderr.contains("1.10.2") && !refused.stderr.contains("1.19"), "{}", refused.stderr);
    wrap(&fleet, "1.19.1", "v1.11.5");
    let shown = fleet.run(&dry_run).expect(0);
    assert!(shown.stdout.contains("1.19.0 → 1.19.1"), "{}", shown.stdout);
}
