//! The controller's own counters, read from real controllers through the API server.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::gate::{Cause, GateOutcome, Verdict};
use sandbox::proxy::{self, Fault};
use serde_json::json;

use crate::gate::{alone, quiet};
use crate::support::gates::{Recorder, baseline, report, run, settings, subject};
use crate::support::proxy::serve;
use crate::support::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("metrics::a_rate_limit_halts_at_once_and_one_of_before_does_not", a_rate_limit)]
}

/// An ACME server that answers nothing but 429.
struct Limited {
    child: Child,
    control: tempfile::TempDir,
    address: String,
}

impl Limited {
    fn start() -> Self {
        let control = tempfile::tempdir().unwrap();
        let file = control.path().join("faults.json");
        proxy::set(&file, &[Fault::acme_rate_limited()]).unwrap();
        let (child, address) = serve("127.0.0.1:9", &["--http"], &file);
        Self { child, control, address }
    }

    fn file(&self) -> impl AsRef<Path> {
        self.control.path().join("faults.json")
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).unwrap();
    }
}

fn issuers(cluster: &Cluster) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("cert-manager.io", "v1", "ClusterIssuer");
    Api::all_with(cluster.client.clone(), &ApiResource::from_gvk(&kind))
}

/// Somebody makes an issuer of a server that limits the rate.
async fn limited_issuer(cluster: &Cluster, address: &str) {
    let object = json!({
        "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": "limited"},
        "spec": {"acme": {
            "server": format!("http://{address}/dir"), "email": "sre@example.com",
            "privateKeySecretRef": {"name": "limited"}, "solvers": [],
        }},
    });
    let object = serde_json::from_value(object).unwrap();
    issuers(cluster).create(&PostParams::default(), &object).await.unwrap();
}

async fn judge(cluster: &Cluster, limit: Option<&Limited>) -> GateOutcome {
    let (subject, before, recorder) =
        (subject(cluster, true).await, baseline(cluster).await, Recorder::default());
    let settings = settings(if limit.is_some() { 600 } else { 1 }, &[]);
    let disturb = async {
        if let Some(limited) = limit {
            recorder.verdict(Instant::now(), "settle", Verdict::Waiting).await;
            limited_issuer(cluster, &limited.address).await;
        }
    };
    let settings = release::config::GateSettings { timeout: Duration::from_mins(1), ..settings };
    tokio::join!(run(cluster, &subject, &before, &settings, true, &recorder), disturb).0
}

async fn a_rate_limit() {
    let (cluster, _alone) = alone().await;
    quiet(&cluster).await;
    let limited = Limited::start();
    let outcome = judge(&cluster, Some(&limited)).await;
    issuers(&cluster).delete("limited", &DeleteParams::default()).await.unwrap();
    assert!(proxy::unused(limited.file().as_ref()).unwrap().is_empty(), "nobody asked the server");
    let cause = outcome.first_cause.clone().unwrap();
    assert_eq!((outcome.verdict, cause.rule.as_str()), (Verdict::Failed, "rate-limit"), "{outcome:#?}");
    assert_eq!(cause.cause, Cause::Environment);
    assert!(cause.message.contains("answered 429"), "{cause:?}");
    // The same process counts on; what it counted before is no news.
    let twin = judge(&cluster, None).await;
    assert_eq!(twin.verdict, Verdict::Passed, "{twin:#?}");
    let told = &report(&twin, "metrics").facts[0];
    assert!(told.starts_with("the controller's loops were called ") && !told.contains("429"), "{told}");
}
