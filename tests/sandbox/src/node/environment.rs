//! The variables of a container: its own, from fields of the pod, from `ConfigMap`s and Secrets, and
//! `$(NAME)` in them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, EnvVarSource, Pod};
use kube::{Client, ResourceExt};

use super::objects::{Kind, ObjectError, Objects, Reference};
use super::status::HOST_IP;

/// Variables by name.
pub(super) type Environment = BTreeMap<String, String>;

/// Why a container cannot get its variables.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnvironmentError {
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error("the node cannot give the variable {name} its value: {what} is not supported")]
    Unsupported { name: String, what: String },
}

/// The variables of a container on top of `base`, in which its own may refer to those before them.
pub(super) async fn resolve(
    client: &Client,
    pod: &Pod,
    pod_ip: &str,
    container: &Container,
    base: Environment,
) -> Result<Environment, EnvironmentError> {
    let objects = Objects::load(client, &pod.namespace().unwrap_or_default(), references(container)).await?;
    build(pod, pod_ip, container, &objects, base)
}

fn references(container: &Container) -> Vec<Reference> {
    let from = container.env_from.iter().flatten();
    let whole = from.flat_map(|source| {
        let config_map =
            source.config_map_ref.as_ref().map(|reference| (Kind::ConfigMap, reference.name.clone()));
        config_map
            .into_iter()
            .chain(source.secret_ref.as_ref().map(|reference| (Kind::Secret, reference.name.clone())))
    });
    let sources = container.env.iter().flatten().filter_map(|variable| variable.value_from.as_ref());
    let keys = sources.flat_map(|source| {
        let config_map =
            source.config_map_key_ref.as_ref().map(|reference| (Kind::ConfigMap, reference.name.clone()));
        config_map
            .into_iter()
            .chain(source.secret_key_ref.as_ref().map(|reference| (Kind::Secret, reference.name.clone())))
    });
    whole.chain(keys).collect()
}

fn build(
    pod: &Pod,
    pod_ip: &str,
    container: &Container,
    objects: &Objects,
    base: Environment,
) -> Result<Environment, EnvironmentError> {
    let mut environment = base;
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        let config_map = source
            .config_map_ref
            .as_ref()
            .map(|reference| (Kind::ConfigMap, &reference.name, reference.optional));
        let secret =
            source.secret_ref.as_ref().map(|reference| (Kind::Secret, &reference.name, reference.optional));
        for (kind, name, optional) in config_map.into_iter().chain(secret) {
            let data = objects.get(kind, name, optional == Some(true))?;
            environment.extend(
                data.iter()
                    .flat_map(|data| data.iter())
                    .map(|(key, value)| (format!("{prefix}{key}"), text(value))),
            );
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (_, Some(source)) => of_source(pod, pod_ip, &variable.name, source, objects)?,
            (value, None) => Some(expand(value.as_deref().unwrap_or_default(), &environment)),
        };
        environment.extend(value.map(|value| (variable.name.clone(), value)));
    }
    Ok(environment)
}

fn of_source(
    pod: &Pod,
    pod_ip: &str,
    variable: &str,
    source: &EnvVarSource,
    objects: &Objects,
) -> Result<Option<String>, EnvironmentError> {
    if let Some(reference) = &source.config_map_key_ref {
        let value = objects.key(
            Kind::ConfigMap,
            &reference.name,
            &reference.key,
            reference.optional == Some(true),
        )?;
        return Ok(value.map(|value| text(value)));
    }
    if let Some(reference) = &source.secret_key_ref {
        let value =
            objects.key(Kind::Secret, &reference.name, &reference.key, reference.optional == Some(true))?;
        return Ok(value.map(|value| text(value)));
    }
    let unsupported = |what: &str| EnvironmentError::Unsupported { name: variable.into(), what: what.into() };
    let Some(reference) = &source.field_ref else { return Err(unsupported("its source")) };
    field(pod, pod_ip, &reference.field_path).map(Some).ok_or_else(|| unsupported(&reference.field_path))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A field of the pod, as the downward API names it.
pub(super) fn field(pod: &Pod, pod_ip: &str, path: &str) -> Option<String> {
    let spec = pod.spec.as_ref();
    match path {
        "metadata.name" => Some(pod.name_any()),
        "metadata.namespace" => pod.namespace(),
        "metadata.uid" => pod.uid(),
        "spec.nodeName" => spec?.node_name.clone(),
        "spec.serviceAccountName" => spec?.service_account_name.clone(),
        "status.podIP" | "status.podIPs" => Some(pod_ip.into()),
        "status.hostIP" | "status.hostIPs" => Some(HOST_IP.into()),
        _ => {
            let (map, key) = path.strip_suffix("']")?.split_once("['")?;
            let entries = match map {
                "metadata.labels" => pod.labels(),
                "metadata.annotations" => pod.annotations(),
                _ => return None,
            };
            Some(entries.get(key).cloned().unwrap_or_default())
        }
    }
}

/// Replaces `$(NAME)`; an unknown name stays as it is and `$$` is a plain `$`.
pub(super) fn expand(text: &str, environment: &Environment) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('$') {
        let reference = tail.strip_prefix('(').and_then(|tail| tail.split_once(')'));
        let known = reference.and_then(|(name, after)| Some((environment.get(name)?.as_str(), after)));
        let (value, after) = known.unwrap_or_else(|| ("$", tail.strip_prefix('$').unwrap_or(tail)));
        expanded.extend([before, value]);
        rest = after;
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn built(container: &Value, objects: &Objects) -> Result<Environment, EnvironmentError> {
        let pod = serde_json::from_value(json!({
            "metadata": {"name": "webhook-1", "namespace": "cert-manager", "labels": {"app": "webhook"}},
            "spec": {"nodeName": "node-1", "containers": []}
        }))
        .expect("a pod");
        let container = serde_json::from_value(container.clone()).expect("a container");
        build(&pod, "10.1.0.1", &container, objects, Environment::from([("PATH".into(), "/bin".into())]))
    }

    fn objects() -> Objects {
        let data = [("key".to_string(), b"value".to_vec())].into();
        Objects(
            [((Kind::ConfigMap, "settings".into()), Some(data)), ((Kind::Secret, "absent".into()), None)]
                .into(),
        )
    }

    #[test]
    fn variables_come_from_the_pod_its_objects_and_those_before_them() {
        let environment = built(
            &json!({"name": "c",
            "envFrom": [{"prefix": "S_", "configMapRef": {"name": "settings"}}, {"secretRef": {"name": "absent", "optional": true}}],
            "env": [
                {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "key"}}},
                {"name": "ALL", "value": "$(APP).$(POD_NAMESPACE).svc"}
            ]}),
            &objects(),
        )
        .expect("all is there");
        let expected = [
            ("ALL", "webhook.cert-manager.svc"),
            ("APP", "webhook"),
            ("IP", "10.1.0.1"),
            ("KEY", "value"),
            ("PATH", "/bin"),
            ("POD_NAMESPACE", "cert-manager"),
            ("S_key", "value"),
        ];
        assert_eq!(environment, expected.map(|(name, value)| (name.to_string(), value.to_string())).into());
    }

    #[test]
    fn what_is_missing_is_told_as_the_kubelet_does() {
        let error = |env: Value| {
            built(&json!({"name": "c", "env": [env]}), &objects()).expect_err("missing").to_string()
        };
        let absent = json!({"name": "A", "valueFrom": {"secretKeyRef": {"name": "absent", "key": "k"}}});
        assert_eq!(error(absent), "secret \"absent\" not found");
        let key = json!({"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "k"}}});
        assert_eq!(error(key), "couldn't find key k in configmap settings");
        let field = json!({"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}});
        assert_eq!(
            error(field),
            "the node cannot give the variable A its value: its source is not supported"
        );
    }

    #[test]
    fn references_are_expanded_as_in_kubernetes() {
        let environment = Environment::from([("A".into(), "1".into()), ("B".into(), "$(A)".into())]);
        for (text, expected) in [
            ("x$(A)y", "x1y"),
            ("$(B)", "$(A)"),
            ("$(C)", "$(C)"),
            ("$$(A)", "$(A)"),
            ("a$b $", "a$b $"),
            ("$(A", "$(A"),
            ("é$(A)é", "é1é"),
        ] {
            assert_eq!(expand(text, &environment), expected, "{text}");
        }
    }
}
