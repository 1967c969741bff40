//! The permissions that are asked for before an upgrade are exactly what the gates take.

use std::time::Duration;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use libtest_mimic::Trial;
use release::cluster::Cluster;
use release::cluster::access::Access;
use release::cluster::discovery::Kinds;
use release::config::GateSettings;
use release::gate::{self, Verdict};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::gate::alone;
use crate::support::gates::{Recorder, baseline, report, run, settings, subject};
use crate::support::{THIRD, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("permissions::those_that_are_named_are_exactly_enough_for_the_gates", exactly_enough)]
}

/// Somebody who may do nothing but what a test grants.
const USER: &str = "gates-only";

async fn exactly_enough() {
    let (admin, _alone) = alone().await;
    let (subject, before) = (subject(&admin, true).await, baseline(&admin).await);
    let settings = settings(2, &[]);
    let kinds = Kinds::load(&admin).await.unwrap();
    let needs = gate::needs(&subject, &settings, &kinds);
    let namespaces = grant(&admin, &needs).await;
    let limited = Cluster { client: client().await, ..admin.clone() };
    let enough = run(&limited, &subject, &before, &settings, true, &Recorder::default()).await;

    let crds = |access: &&Access| !(access.resource == "customresourcedefinitions" && access.verb == "watch");
    let less: Vec<Access> = needs.iter().filter(crds).cloned().collect();
    assert_eq!(less.len() + 1, needs.len(), "{needs:#?}");
    let fewer = Patch::Merge(json!({"rules": rules(&less, None)}));
    let roles = Api::<ClusterRole>::all(admin.client.clone());
    roles.patch(USER, &PatchParams::default(), &fewer).await.unwrap();
    let short = GateSettings { timeout: Duration::from_secs(5), ..settings };
    let too_little = run(&limited, &subject, &before, &short, false, &Recorder::default()).await;
    take_back(&admin, &namespaces).await;

    assert_eq!(enough.verdict, Verdict::Passed, "{enough:#?}");
    assert_ne!(too_little.verdict, Verdict::Passed, "{too_little:#?}");
    let told = &report(&too_little, "api-server").findings;
    assert!(
        told.iter()
            .any(|finding| finding.message.contains("cannot watch resource \"customresourcedefinitions\"")),
        "{told:#?}"
    );
}

/// The same cluster as this user.
pub(crate) async fn client() -> Client {
    let file = Kubeconfig::read_from(std::env::var_os("KUBECONFIG").unwrap()).unwrap();
    let options = KubeConfigOptions { context: Some(THIRD.into()), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(file, &options).await.unwrap();
    config.auth_info.impersonate = Some(USER.into());
    Client::try_from(config).unwrap()
}

/// What somebody needs in a namespace, or in the whole cluster, as rules of a role.
fn rules(needs: &[Access], namespace: Option<&str>) -> Vec<Value> {
    let here = needs.iter().filter(|access| access.namespace.as_deref() == namespace);
    here.map(
        |access| json!({"apiGroups": [access.group], "resources": [access.resource], "verbs": [access.verb]}),
    )
    .collect()
}

async fn create<K>(api: Api<K>, object: Value)
where
    K: Clone + std::fmt::Debug + DeserializeOwned + serde::Serialize,
{
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}

/// One role for the cluster, and one in every namespace that is named.
pub(crate) async fn grant(admin: &Cluster, needs: &[Access]) -> Vec<String> {
    let client = || admin.client.clone();
    let metadata = json!({"name": USER});
    let group = "rbac.authorization.k8s.io";
    let subjects = json!([{"kind": "User", "name": USER, "apiGroup": group}]);
    let of = |kind: &str| json!({"metadata": metadata, "subjects": subjects, "roleRef": {"apiGroup": group, "kind": kind, "name": USER}});
    create(Api::<ClusterRole>::all(client()), json!({"metadata": metadata, "rules": rules(needs, None)}))
        .await;
    create(Api::<ClusterRoleBinding>::all(client()), of("ClusterRole")).await;
    let mut namespaces: Vec<String> = needs.iter().filter_map(|access| access.namespace.clone()).collect();
    namespaces.sort();
    namespaces.dedup();
    for namespace in &namespaces {
        let rules = rules(needs, Some(namespace));
        create(Api::<Role>::namespaced(client(), namespace), json!({"metadata": metadata, "rules": rules}))
            .await;
        create(Api::<RoleBinding>::namespaced(client(), namespace), of("Role")).await;
    }
    namespaces
}

pub(crate) async fn take_back(admin: &Cluster, namespaces: &[String]) {
    let (client, now) = (|| admin.client.clone(), DeleteParams::default());
    Api::<ClusterRoleBinding>::all(client()).delete(USER, &now).await.unwrap();
    Api::<ClusterRole>::all(client()).delete(USER, &now).await.unwrap();
    for namespace in namespaces {
        Api::<RoleBinding>::namespaced(client(), namespace).delete(USER, &now).await.unwrap();
        Api::<Role>::namespaced(client(), namespace).delete(USER, &now).await.unwrap();
    }
}
