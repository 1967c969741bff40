//! What the credentials may do, asked before anything is touched (`SelfSubjectAccessReview`).

use std::collections::BTreeSet;
use std::fmt;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

use super::discovery::Kinds;
use super::journal::object_name;
use super::{ApiError, Cluster};
use crate::config::ReleaseId;
use crate::helm::manifest::Object;

const AT_ONCE: usize = 8;

/// One thing that somebody may or may not do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// For example `patch`.
    pub verb: String,
    /// API group, empty for the core group.
    pub group: String,
    /// For example `deployments`, or `pods/log`.
    pub resource: String,
    /// `None` = in the whole cluster.
    pub namespace: Option<String>,
    /// `None` = every object.
    pub name: Option<String>,
}

impl Access {
    /// A verb on every object of a resource, in one namespace or in the whole cluster.
    pub fn new(verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> Self {
        let (verb, group, resource) = (verb.to_owned(), group.to_owned(), resource.to_owned());
        Self { verb, group, resource, namespace: namespace.map(str::to_owned), name: None }
    }

    /// The same on one object only.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        write!(f, "{} {}{group}", self.verb, self.resource)?;
        self.name.iter().try_for_each(|name| write!(f, " `{name}`"))?;
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => f.write_str(" in the whole cluster"),
        }
    }
}

/// What of the wanted accesses the credentials do not have, in the order given.
pub async fn missing(cluster: &Cluster, wanted: &[Access]) -> Result<Vec<Access>, ApiError> {
    let answers = stream::iter(wanted)
        .map(|access| async move { Ok::<_, ApiError>((access, allowed(cluster, access).await?)) });
    let answers: Vec<_> = answers.buffered(AT_ONCE).try_collect().await?;
    Ok(answers.into_iter().filter(|(_, allowed)| !allowed).map(|(access, _)| access.clone()).collect())
}

async fn allowed(cluster: &Cluster, access: &Access) -> Result<bool, ApiError> {
    let (resource, subresource) = access.resource.split_once('/').unwrap_or((&access.resource, ""));
    let attributes = ResourceAttributes {
        verb: Some(access.verb.clone()),
        group: Some(access.group.clone()),
        resource: Some(resource.to_owned()),
        subresource: Some(subresource.to_owned()).filter(|subresource| !subresource.is_empty()),
        namespace: access.namespace.clone(),
        name: access.name.clone(),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec {
        resource_attributes: Some(attributes),
        ..SelfSubjectAccessReviewSpec::default()
    };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let api: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let review = api.create(&PostParams::default(), &review).await;
    let review = review.map_err(|error| {
        ApiError::new(cluster, format!("ask whether the credentials may {access}"), &error)
    })?;
    Ok(review.status.is_some_and(|status| status.allowed))
}

/// What a run needs beside the objects of its release: Helm's records, our lock and our journal.
pub fn for_release(release: &ReleaseId) -> Vec<Access> {
    let secret = |verb| Access::new(verb, "", "secrets", Some(&release.namespace));
    let records = ["get", "list", "create", "update", "delete"].map(secret);
    records.into_iter().chain(to_lock(release)).collect()
}

/// What the lock and the journal of a release take.
pub fn to_lock(release: &ReleaseId) -> Vec<Access> {
    let (namespace, name) = (Some(release.namespace.as_str()), object_name(release));
    let on = |group: &'static str, resource: &'static str| {
        move |verb: &str| Access::new(verb, group, resource, namespace)
    };
    let (lease, map) = (on("coordination.k8s.io", "leases"), on("", "configmaps"));
    let lock = ["get", "update", "delete"].map(|verb| lease(verb).named(&name));
    let journal = ["get", "update"].map(|verb| map(verb).named(&name));
    // The name of what does not exist yet cannot be limited.
    let created = [lease("create"), map("create")];
    lock.into_iter().chain(journal).chain(created).collect()
}

/// What it takes to apply objects. `namespace` is the release's own.
pub fn to_apply(kinds: &Kinds, namespace: &str, objects: &[Object]) -> Vec<Access> {
    let verbs = |object: &Object| match (object.name().is_empty(), object.is_crd()) {
        (true, _) => &["create"][..],
        // A new kind is waited for.
        (false, true) => &["get", "create", "patch", "list", "watch"],
        (false, false) => &["get", "create", "patch"],
    };
    on_each(kinds, namespace, objects, verbs)
}

/// What it takes to delete objects; CRDs never are.
pub fn to_delete<'o>(
    kinds: &Kinds,
    namespace: &str,
    objects: impl IntoIterator<Item = &'o Object>,
) -> Vec<Access> {
    let objects = objects.into_iter().filter(|object| !object.is_crd() && !object.name().is_empty());
    on_each(kinds, namespace, objects, |_| &["get", "delete"])
}

/// What it takes to run hooks with these objects: each is created anew and deleted by its policies, and its
/// end and its going are watched. CRDs stay.
pub fn to_run_hooks(kinds: &Kinds, namespace: &str, objects: &[Object]) -> Vec<Access> {
    on_each(kinds, namespace, objects, |object| {
        if object.is_crd() { &["create"][..] } else { &["get", "create", "delete", "list", "watch"] }
    })
}

/// What it takes to create the namespace of a release.
pub fn to_create_namespace() -> Access {
    Access::new("create", "", "namespaces", None)
}

/// Each once. Kinds that are not served cannot be asked for.
fn on_each<'o, 'v>(
    kinds: &Kinds,
    namespace: &str,
    objects: impl IntoIterator<Item = &'o Object>,
    verbs: impl Fn(&Object) -> &'v [&'v str],
) -> Vec<Access> {
    let mut wanted = BTreeSet::new();
    for object in objects {
        let Some((resource, namespaced)) = kinds.find(object) else { continue };
        let namespace = namespaced.then(|| object.namespace().unwrap_or(namespace));
        let accesses = verbs(object).iter();
        wanted.extend(accesses.map(|verb| Access::new(verb, object.group(), &resource.plural, namespace)));
    }
    wanted.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_access_reads_like_a_sentence() {
        let patch = Access::new("patch", "apps", "deployments", Some("cert-manager"));
        assert_eq!(patch.to_string(), "patch deployments.apps in namespace cert-manager");
        let named = Access::new("get", "", "namespaces", None).named("x");
        assert_eq!(named.to_string(), "get namespaces `x` in the whole cluster");
    }

    fn object(api_version: &str, kind: &str, metadata: &Value) -> Object {
        Object::new(json!({"apiVersion": api_version, "kind": kind, "metadata": metadata,
            "spec": {"group": "g", "scope": "Namespaced", "names": {"kind": "A", "plural": "as"}, "versions": [{"name": "v1"}]}}))
    }

    /// All kinds that a CRD of group `g` brings, and nothing else.
    fn told(objects: &[Object], of: fn(&Kinds, &str, &[Object]) -> Vec<Access>) -> Vec<String> {
        let crd = object("apiextensions.k8s.io/v1", "CustomResourceDefinition", &json!({"name": "as.g"}));
        let kinds = Kinds::default().with_crds(&[crd]);
        of(&kinds, "ns", objects).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_asked_for_is_what_is_used() {
        let there = object("g/v1", "A", &json!({"name": "a"}));
        let elsewhere = object("g/v1", "A", &json!({"name": "b", "namespace": "other"}));
        let nameless = object("g/v1", "A", &json!({"generateName": "a-"}));
        let unknown = object("h/v1", "B", &json!({"name": "b"}));
        let all = [there.clone(), there, nameless.clone(), unknown];
        assert_eq!(
            told(&all, to_apply),
            ["create as.g in namespace ns", "get as.g in namespace ns", "patch as.g in namespace ns"]
        );
        assert_eq!(told(std::slice::from_ref(&nameless), to_apply), ["create as.g in namespace ns"]);
        assert_eq!(
            told(&[elsewhere, nameless], |kinds, namespace, objects| to_delete(kinds, namespace, objects)),
            ["delete as.g in namespace other", "get as.g in namespace other"]
        );
        assert_eq!(
            told(&all[..1], to_run_hooks),
            ["create", "delete", "get", "list", "watch"].map(|verb| format!("{verb} as.g in namespace ns"))
        );
    }

    #[test]
    fn only_what_exists_is_asked_for_by_its_name() {
        let release = ReleaseId { name: "r".into(), namespace: "ns".into() };
        let told: Vec<String> = for_release(&release).iter().map(ToString::to_string).collect();
        assert!(told.contains(&"update leases.coordination.k8s.io `release.r` in namespace ns".to_owned()));
        assert!(told.contains(&"create configmaps in namespace ns".to_owned()), "{told:?}");
    }
}
