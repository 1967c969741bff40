//! The namespace of a release.

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::{ApiError, Cluster};

/// Whether the namespace is there; `None` for credentials that may not look.
pub async fn exists(cluster: &Cluster, name: &str) -> Result<Option<bool>, ApiError> {
    match Api::<Namespace>::all(cluster.client.clone()).get_metadata_opt(name).await {
        Ok(found) => Ok(Some(found.is_some())),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
        Err(error) => Err(ApiError::new(cluster, format!("read the namespace {name}"), &error)),
    }
}

/// Creates the namespace as `helm --create-namespace` does, label included; one that exists is left alone.
pub async fn ensure(cluster: &Cluster, name: &str) -> Result<(), ApiError> {
    let labels = Some([("name".to_owned(), name.to_owned())].into());
    let metadata = ObjectMeta { name: Some(name.to_owned()), labels, ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    match Api::all(cluster.client.clone()).create(&PostParams::default(), &namespace).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        // Who may create no namespace needs none where it is there already.
        Err(kube::Error::Api(status)) if status.code == 403 && exists(cluster, name).await? == Some(true) => {
            Ok(())
        }
        Err(error) => Err(ApiError::new(cluster, format!("create the namespace {name}"), &error)),
    }
}

/// Whether there is no such namespace. Who may not read it may write into it all the same.
pub async fn is_missing(cluster: &Cluster, name: &str) -> bool {
    let found = Api::<Namespace>::all(cluster.client.clone()).get_metadata_opt(name).await;
    matches!(found, Ok(None))
}
