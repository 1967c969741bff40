//! The `ConfigMap`s and Secrets that a pod refers to, for its variables and its volumes.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ConfigMap,
    Secret,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        })
    }
}

/// A name that a pod refers to.
pub(super) type Reference = (Kind, String);

/// The content of an object.
pub(super) type Data = BTreeMap<String, Vec<u8>>;

/// Why an object cannot be used; reads like the kubelet's messages.
#[derive(Debug, thiserror::Error)]
pub(super) enum ObjectError {
    #[error("{kind} \"{name}\" not found")]
    NotFound { kind: Kind, name: String },
    #[error("couldn't find key {key} in {kind} {name}")]
    NoKey { kind: Kind, name: String, key: String },
    #[error("read {kind} \"{name}\": {source}")]
    Read { kind: Kind, name: String, source: kube::Error },
}

/// What was found; none for an object that does not exist.
#[derive(Debug, Default)]
pub(super) struct Objects(pub(super) BTreeMap<Reference, Option<Data>>);

impl Objects {
    /// Reads all that is referred to.
    pub(super) async fn load(
        client: &Client,
        namespace: &str,
        references: impl IntoIterator<Item = Reference>,
    ) -> Result<Self, ObjectError> {
        let mut found = BTreeMap::new();
        for (kind, name) in references {
            let data = match kind {
                Kind::ConfigMap => config_map(client, namespace, &name).await,
                Kind::Secret => secret(client, namespace, &name).await,
            };
            let data = data.map_err(|source| ObjectError::Read { kind, name: name.clone(), source })?;
            found.insert((kind, name), data);
        }
        Ok(Self(found))
    }

    /// The content of an object; none only for an optional one that does not exist.
    pub(super) fn get(&self, kind: Kind, name: &str, optional: bool) -> Result<Option<&Data>, ObjectError> {
        match self.0.get(&(kind, name.to_string())).and_then(Option::as_ref) {
            None if !optional => Err(ObjectError::NotFound { kind, name: name.into() }),
            found => Ok(found),
        }
    }

    /// The content of a key; none only for an optional one that does not exist.
    pub(super) fn key(
        &self,
        kind: Kind,
        name: &str,
        key: &str,
        optional: bool,
    ) -> Result<Option<&Vec<u8>>, ObjectError> {
        match self.get(kind, name, optional)?.and_then(|data| data.get(key)) {
            None if !optional => Err(ObjectError::NoKey { kind, name: name.into(), key: key.into() }),
            found => Ok(found),
        }
    }
}

async fn config_map(client: &Client, namespace: &str, name: &str) -> kube::Result<Option<Data>> {
    let found = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(name).await?;
    Ok(found.map(|object| {
        let text = object.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
        let binary = object.binary_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0));
        text.chain(binary).collect()
    }))
}

async fn secret(client: &Client, namespace: &str, name: &str) -> kube::Result<Option<Data>> {
    let found = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await?;
    Ok(found.map(|object| {
        object.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_optional_may_be_missing() {
        let data = Data::from([("key".to_string(), b"value".to_vec())]);
        let objects = Objects(
            [((Kind::ConfigMap, "there".into()), Some(data)), ((Kind::Secret, "absent".into()), None)].into(),
        );
        let message =
            |result: Result<Option<&Vec<u8>>, ObjectError>| result.expect_err("it is missing").to_string();
        assert_eq!(
            objects.key(Kind::ConfigMap, "there", "key", false).expect("it is there"),
            Some(&b"value".to_vec())
        );
        assert_eq!(objects.key(Kind::Secret, "absent", "key", true).expect("it is optional"), None);
        assert_eq!(objects.key(Kind::ConfigMap, "there", "other", true).expect("it is optional"), None);
        assert_eq!(message(objects.key(Kind::Secret, "absent", "key", false)), "secret \"absent\" not found");
        assert_eq!(
            message(objects.key(Kind::ConfigMap, "there", "other", false)),
            "couldn't find key other in configmap there"
        );
    }
}
