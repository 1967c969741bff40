//! What keeps the new version from issuing, and nothing else shows: only the canary tells.

use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::config::GateSettings;
use release::gate::{self, Canaries, Cause, Finding, GateOutcome, GateRequest, NoLock, Verdict};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::gate::{alone, quiet};
use crate::support::cert_manager;
use crate::support::colleagues::Colleagues;
use crate::support::gates::{self, Recorder, baseline, report, subject};
use crate::support::trial;
use crate::support::wait::until;

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("incidents::what_keeps_from_issuing_is_named", what_keeps_from_issuing)]
}

/// No part of this takes longer, however busy the machine is.
const SOON: Duration = Duration::from_mins(1);
const POLICY: &str = "no-solver-ingresses";
/// The issuers, and the solver of each.
const SECRET_NOT_FOUND: &str = "secret-not-found";
const PATH_REFUSED: &str = "path-refused";
/// The role by which the controller makes Challenges.
const ORDERS: &str = "cert-manager-controller-orders";

fn from<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

struct Scene<'c> {
    cluster: &'c Cluster,
    colleagues: Colleagues<'c>,
}

impl Scene<'_> {
    /// Two issuers of the account that is there, each with a solver that cannot work.
    async fn issuers(&self) {
        let issuers = self.colleagues.api("ClusterIssuer", "");
        let acme = issuers.get("letsencrypt").await.unwrap().data["spec"]["acme"].clone();
        let mut no_secret = acme["solvers"][0].clone();
        no_secret["dns01"]["rfc2136"]["tsigKeyName"] = json!("key");
        no_secret["dns01"]["rfc2136"]["tsigAlgorithm"] = json!("HMACSHA256");
        no_secret["dns01"]["rfc2136"]["tsigSecretSecretRef"] =
            json!({"name": "no-such-secret", "key": "key"});
        let no_path = json!({"http01": {"ingress": {"class": "sandbox"}}});
        for (name, solver) in [(SECRET_NOT_FOUND, no_secret), (PATH_REFUSED, no_path)] {
            let mut acme = acme.clone();
            acme["solvers"] = json!([solver]);
            let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer",
                "metadata": {"name": name}, "spec": {"acme": acme}});
            self.colleagues.create("ClusterIssuer", "", &issuer).await;
            let ready = async || {
                let issuer = issuers.get(name).await.unwrap();
                issuer.data["status"]["conditions"][0]["status"] == "True"
            };
            until("the issuer is Ready", SOON, ready).await;
        }
    }

    fn policies(&self) -> (Api<ValidatingAdmissionPolicy>, Api<ValidatingAdmissionPolicyBinding>) {
        (Api::all(self.cluster.client.clone()), Api::all(self.cluster.client.clone()))
    }

    /// In the place of an ingress controller's webhook, which refuses what cert-manager writes for HTTP-01.
    async fn refuse_solver_ingresses(&self) {
        let (policies, bindings) = self.policies();
        let label = "acme.cert-manager.io/http01-solver";
        let expression = format!("!has(object.metadata.labels) || !('{label}' in object.metadata.labels)");
        let rule = json!({"apiGroups": ["networking.k8s.io"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["ingresses"]});
        let policy = json!({"metadata": {"name": POLICY}, "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression, "message": "cannot be used with pathType Exact"}],
        }});
        policies.create(&PostParams::default(), &from(policy)).await.unwrap();
        let binding = json!({"metadata": {"name": POLICY}, "spec": {"policyName": POLICY, "validationActions": ["Deny"]}});
        bindings.create(&PostParams::default(), &from(binding)).await.unwrap();
        let ingresses = Api::<Ingress>::namespaced(self.cluster.client.clone(), "demo");
        let sample: Ingress = from(json!({
            "metadata": {"name": "sample", "labels": {label: "true"}},
            "spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}},
        }));
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        let refused = async || ingresses.create(&dry_run, &sample).await.is_err();
        until("the policy is in force", SOON, refused).await;
    }

    /// As in a version whose permissions do not fit; the verbs that it had.
    async fn challenge_verbs(&self, verbs: &[String]) -> Vec<String> {
        let api = Api::<ClusterRole>::all(self.cluster.client.clone());
        let mut role = api.get(ORDERS).await.unwrap();
        let has =
            |of: Option<&Vec<String>>, name: &str| of.is_some_and(|all| all.iter().any(|one| one == name));
        let mut rules = role.rules.iter_mut().flatten();
        // The one by which it changes them; by another one it only looks at them.
        let found = rules.find(|rule| {
            has(rule.resources.as_ref(), "challenges") && !rule.verbs.iter().any(|verb| verb == "watch")
        });
        let had = std::mem::replace(&mut found.unwrap().verbs, verbs.to_vec());
        // Whoever else writes would be in the way of the next upgrade.
        let as_helm = PostParams { field_manager: Some("helm".to_owned()), ..PostParams::default() };
        api.replace(ORDERS, &as_helm, &role).await.unwrap();
        had
    }

    /// Both issuers' Challenges say what is wrong, so that they need no more of the controller.
    async fn challenges_say_why(&self) {
        let challenges = self.colleagues.api("Challenge", "cert-manager");
        let told = async || {
            let all = challenges.list(&ListParams::default()).await.unwrap();
            let says = |name: &str| {
                all.iter().any(|challenge| {
                    let reason = challenge.data["status"]["reason"].as_str().unwrap_or_default();
                    challenge.data["spec"]["issuerRef"]["name"] == name && !reason.is_empty()
                })
            };
            says(SECRET_NOT_FOUND) && says(PATH_REFUSED)
        };
        until("the Challenges say why", SOON, told).await;
    }

    async fn clean_up(&self, settings: &[&GateSettings]) {
        let release = cert_manager::release();
        for (run, settings) in RUNS.iter().zip(settings) {
            let (cluster, settings) = (self.cluster, &settings.canary);
            Canaries { cluster, release: &release, settings, lock: &NoLock }.clean_up(run).await.unwrap();
        }
        // Without the Secret their records cannot be taken away either.
        let challenges = self.colleagues.api("Challenge", "cert-manager");
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        for challenge in challenges.list(&ListParams::default()).await.unwrap() {
            let name = challenge.metadata.name.unwrap();
            let _ = challenges.patch(&name, &PatchParams::default(), &patch).await;
        }
        self.colleagues.delete("ClusterIssuer", "", &[SECRET_NOT_FOUND, PATH_REFUSED]).await;
        let (policies, bindings) = self.policies();
        bindings.delete(POLICY, &DeleteParams::default()).await.unwrap();
        policies.delete(POLICY, &DeleteParams::default()).await.unwrap();
    }
}

/// What each judgement is called.
const RUNS: [&str; 2] = ["solvers", "forbidden"];

/// The time that a CA is given is short here: what is wrong is so from the start.
fn impatient(issuers: &[&str]) -> GateSettings {
    let mut settings = gates::settings(600, issuers);
    settings.acme_timeout = Duration::from_secs(10);
    settings.canary.dns_name = Some("{run}.canary.demo.example.com".to_owned());
    settings
}

async fn judged(cluster: &Cluster, run: &str, settings: &GateSettings) -> GateOutcome {
    let (subject, before) = (subject(cluster, true).await, baseline(cluster).await);
    let asked = GateRequest { run, ..gates::request(&subject, &before, settings, true) };
    gate::run(cluster, &asked, &Recorder::default()).await.unwrap()
}

fn said<'o>(outcome: &'o GateOutcome, rule: &str, words: &str) -> &'o Finding {
    let findings = &report(outcome, "canary").findings;
    let found = findings.iter().find(|finding| finding.rule == rule && finding.message.contains(words));
    found.unwrap_or_else(|| panic!("nobody says {words}: {outcome:#?}"))
}

/// Two solvers that cannot work, and, when they have said so, a controller that may not create Challenges.
async fn what_keeps_from_issuing() {
    let (cluster, _alone) = alone().await;
    let scene = Scene { cluster: &cluster, colleagues: Colleagues { cluster: &cluster } };
    quiet(&cluster).await;
    tokio::join!(scene.issuers(), scene.refuse_solver_ingresses());
    let named = [SECRET_NOT_FOUND, PATH_REFUSED].map(|name| format!("ClusterIssuer/{name}"));
    let solvers = impatient(&named.each_ref().map(String::as_str));
    let forbidden = impatient(&["ClusterIssuer/letsencrypt"]);
    let forbid = async {
        scene.challenges_say_why().await;
        let had = scene.challenge_verbs(&["get".to_owned()]).await;
        let outcome = judged(&cluster, RUNS[1], &forbidden).await;
        (outcome, had)
    };
    let (solved, (unchallenged, had)) = tokio::join!(judged(&cluster, RUNS[0], &solvers), forbid);
    scene.challenge_verbs(&had).await;
    scene.clean_up(&[&solvers, &forbidden]).await;
    quiet(&cluster).await;
    for (rule, words, cause, outcome) in [
        ("present", "no-such-secret", Cause::Environment, &solved),
        ("present", "pathType Exact", Cause::Environment, &solved),
        ("solver", "no Challenge is made", Cause::Unknown, &unchallenged),
    ] {
        let finding = said(outcome, rule, words);
        assert_eq!((outcome.verdict, finding.cause), (Verdict::Failed, cause), "{outcome:#?}");
    }
}
