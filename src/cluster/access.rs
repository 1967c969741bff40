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

/// What an upgrade of a release needs: Helm's records, our Lease and journal, and every kind of its objects.
pub fn for_release(kinds: &Kinds, release: &ReleaseId, objects: &[Object]) -> Vec<Access> {
    let namespace = Some(release.namespace.as_str());
    let mut wanted = BTreeSet::new();
    for verb in ["get", "list", "create", "update", "delete"] {
        wanted.insert(Access::new(verb, "", "secrets", namespace));
    }
    for verb in ["get", "create", "update", "delete"] {
        wanted.insert(Access::new(verb, "coordination.k8s.io", "leases", namespace));
    }
    for verb in ["get", "create", "patch"] {
        wanted.insert(Access::new(verb, "", "configmaps", namespace));
    }
    for object in objects {
        let Some((resource, namespaced)) = kinds.find(object) else { continue };
        let namespace = namespaced.then(|| object.namespace().unwrap_or(&release.namespace));
        for verb in ["get", "create", "patch", "delete"] {
            wanted.insert(Access::new(verb, object.group(), &resource.plural, namespace));
        }
    }
    wanted.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_reads_like_a_sentence() {
        let patch = Access::new("patch", "apps", "deployments", Some("cert-manager"));
        assert_eq!(patch.to_string(), "patch deployments.apps in namespace cert-manager");
        let named = Access { name: Some("x".into()), ..Access::new("get", "", "namespaces", None) };
        assert_eq!(named.to_string(), "get namespaces `x` in the whole cluster");
    }
}
