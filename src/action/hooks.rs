//! Runs the hooks of an event: weight by weight, each one created, waited for and deleted as its policies
//! say.
//!
//! A hook's object is always created anew: one that is to be deleted before has gone first. Helm 4 would
//! patch it, or create it beside one that is still on its way out.

use std::time::Duration;

use futures::StreamExt;
use jiff::ZonedDateTime;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, PropagationPolicy};
use thiserror::Error;
use tokio::time::{Instant, sleep};

use super::ActionError;
use super::wait::{self, NotGone, NotReady, Until};
use crate::cluster::Cluster;
use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::objects::{self, in_parallel};
use crate::helm::manifest::{self, ManifestError, Object};
use crate::helm::release::{Hook, stamp};

/// How long a kind whose CRD has just come may take until it is served.
const SERVED: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

/// Hooks could not be run to their end.
#[derive(Debug, Error)]
#[error("{}{why}", prefix(event))]
pub struct HookError {
    /// For example `pre-install`.
    pub event: String,
    /// Logs that the hooks' policies ask for.
    pub logs: Vec<String>,
    /// Why.
    pub why: WhyHook,
}

/// Why a hook could not be run to its end.
#[derive(Debug, Error)]
pub enum WhyHook {
    /// What the record holds is no object.
    #[error("unable to build kubernetes object for hook {path}: {error}")]
    Manifest {
        /// The template of the hook.
        path: String,
        /// Why.
        error: ManifestError,
    },
    /// The kind of a hook is not served.
    #[error(
        "unable to build kubernetes object for hook {path}: no matches for kind {kind:?} in version {api_version:?}"
    )]
    Unserved {
        /// The template of the hook.
        path: String,
        /// The kind.
        kind: String,
        /// Its API version.
        api_version: String,
    },
    /// The server did not take the object.
    #[error("warning: Hook {event} {path} failed: {object}: {cause}")]
    Create {
        /// For example `pre-install`.
        event: String,
        /// The template of the hook.
        path: String,
        /// `Kind namespace/name`.
        object: String,
        /// Why.
        cause: Cause,
    },
    /// It failed, or took too long.
    #[error("{0}")]
    NotReady(NotReady),
    /// An object that was deleted has not gone.
    #[error("{0}")]
    NotGone(NotGone),
    /// An object could not be deleted.
    #[error("delete {object}: {cause}")]
    Delete {
        /// `Kind namespace/name`.
        object: String,
        /// Why.
        cause: Cause,
    },
    /// The record could not be stored.
    #[error("{0}")]
    Store(Box<ActionError>),
}

/// Where and how hooks run.
#[derive(Debug, Clone, Copy)]
pub struct HookPlace<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The kinds that it serves, and those that the release brings.
    pub kinds: &'a Kinds,
    /// The release's own namespace.
    pub namespace: &'a str,
    /// For each hook, and for each deletion.
    pub timeout: Duration,
}

/// Runs the hooks of an event and answers the logs that their policies ask for. `on_change` stores the record
/// before and after each hook.
pub async fn run(
    place: HookPlace<'_>,
    hooks: &mut [Hook],
    event: &str,
    mut on_change: impl AsyncFnMut(&[Hook]) -> Result<(), ActionError>,
) -> Result<Vec<String>, HookError> {
    let order = order(hooks, event);
    let mut run = Run { place, event, logs: Vec::new() };
    for (index, &hook) in order.iter().enumerate() {
        let outcome = run.one(hooks, hook, &mut on_change).await;
        if let Err(why) = outcome {
            run.after_failure(hooks, &order[..index], hook).await;
            return Err(HookError { event: event.to_owned(), logs: run.logs, why });
        }
    }
    for &hook in order.iter().rev() {
        let hook = &hooks[hook];
        run.log(hook, "hook-succeeded").await;
        let deleted = run.delete_by(hook, "hook-succeeded").await;
        deleted.map_err(|why| HookError {
            event: event.to_owned(),
            logs: std::mem::take(&mut run.logs),
            why,
        })?;
    }
    Ok(run.logs)
}

/// By weight, then by name; the record has them by kind already.
fn order(hooks: &[Hook], event: &str) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..hooks.len()).filter(|index| hooks[*index].events.iter().any(|own| own == event)).collect();
    order.sort_by(|a, b| (hooks[*a].weight, &hooks[*a].name).cmp(&(hooks[*b].weight, &hooks[*b].name)));
    order
}

/// Helm 4's words before the failure of an event's hooks.
fn prefix(event: &str) -> String {
    match event {
        "pre-install" | "post-install" => format!("failed {event}: "),
        "pre-upgrade" | "post-upgrade" => format!("{event} hooks failed: "),
        _ => String::new(),
    }
}

struct Run<'a> {
    place: HookPlace<'a>,
    event: &'a str,
    logs: Vec<String>,
}

impl Run<'_> {
    async fn one(
        &self,
        hooks: &mut [Hook],
        index: usize,
        on_change: &mut impl AsyncFnMut(&[Hook]) -> Result<(), ActionError>,
    ) -> Result<(), WhyHook> {
        let store = |stored: Result<(), ActionError>| stored.map_err(|error| WhyHook::Store(Box::new(error)));
        if hooks[index].delete_policies.is_empty() {
            hooks[index].delete_policies = vec!["before-hook-creation".to_owned()];
        }
        self.delete_by(&hooks[index], "before-hook-creation").await?;
        let objects = objects_of(&hooks[index])?;
        hooks[index].last_run.started_at = Some(stamp(&ZonedDateTime::now()));
        hooks[index].last_run.completed_at = None;
        "Running".clone_into(&mut hooks[index].last_run.phase);
        store(on_change(hooks).await)?;
        let outcome = self.create_and_wait(&hooks[index], &objects).await;
        hooks[index].last_run.completed_at = Some(stamp(&ZonedDateTime::now()));
        let phase = if outcome.is_ok() { "Succeeded" } else { "Failed" };
        phase.clone_into(&mut hooks[index].last_run.phase);
        // What failed is the first cause, even when that cannot be stored.
        let stored = store(on_change(hooks).await);
        outcome.and(stored)
    }

    async fn create_and_wait(&self, hook: &Hook, objects: &[Object]) -> Result<(), WhyHook> {
        let created: Vec<Result<(), WhyHook>> =
            in_parallel(objects, |object| self.create(hook, object)).collect().await;
        created.into_iter().collect::<Result<(), _>>()?;
        let HookPlace { cluster, kinds, namespace, timeout } = self.place;
        wait::ready(cluster, kinds, objects, namespace, Until::Finished, timeout, &|_| ())
            .await
            .map_err(WhyHook::NotReady)
    }

    async fn create(&self, hook: &Hook, object: &Object) -> Result<(), WhyHook> {
        let HookPlace { cluster, kinds, namespace, .. } = self.place;
        let Some(api) = kinds.api(cluster, object, namespace) else {
            let (kind, api_version) = (object.kind().to_owned(), object.api_version().to_owned());
            return Err(WhyHook::Unserved { path: hook.path.clone(), kind, api_version });
        };
        let start = Instant::now();
        loop {
            match objects::create(cluster, &api, &object.value, false).await {
                Ok(_) => return Ok(()),
                // A kind that the release has just brought: nothing else is missing that has a name.
                Err(kube::Error::Api(status)) if is_unknown_kind(&status) && start.elapsed() < SERVED => {
                    sleep(PAUSE).await
                }
                Err(error) => {
                    let object = kinds.key(object, namespace).to_string();
                    let (event, path) = (self.event.to_owned(), hook.path.clone());
                    return Err(WhyHook::Create { event, path, object, cause: Cause::of(&error) });
                }
            }
        }
    }

    /// Deletes the hook's objects if it has this policy, and waits until they have gone. CRDs are never
    /// deleted.
    async fn delete_by(&self, hook: &Hook, policy: &str) -> Result<(), WhyHook> {
        if hook.kind == "CustomResourceDefinition" || !hook.delete_policies.iter().any(|own| own == policy) {
            return Ok(());
        }
        let HookPlace { cluster, kinds, namespace, timeout } = self.place;
        let mut deleted = Vec::new();
        for object in
            objects_of(hook)?.into_iter().filter(|object| !object.is_crd() && !object.name().is_empty())
        {
            let Some(api) = kinds.api(cluster, &object, namespace) else { continue };
            let answer = objects::delete(&api, object.name(), None, PropagationPolicy::Background).await;
            let failed = |error| WhyHook::Delete {
                object: kinds.key(&object, namespace).to_string(),
                cause: Cause::of(&error),
            };
            if answer.map_err(failed)? {
                deleted.push(object);
            }
        }
        wait::gone(cluster, kinds, &deleted, namespace, timeout).await.map_err(WhyHook::NotGone)
    }

    /// The failure itself is what is told; what cannot be cleaned up after it stays.
    async fn after_failure(&mut self, hooks: &[Hook], before: &[usize], failed: usize) {
        self.log(&hooks[failed], "hook-failed").await;
        self.delete_by(&hooks[failed], "hook-failed").await.unwrap_or_default();
        for &hook in before {
            self.delete_by(&hooks[hook], "hook-succeeded").await.unwrap_or_default();
        }
    }

    /// The whole logs of the hook's pods, if it has this policy; one that cannot be read is told as such.
    async fn log(&mut self, hook: &Hook, policy: &str) {
        if !hook.output_log_policies.iter().any(|own| own == policy) {
            return;
        }
        let Ok(objects) = objects_of(hook) else { return };
        for object in &objects {
            let namespace = object.namespace().unwrap_or(self.place.namespace);
            let select = match object.kind() {
                "Job" => ListParams::default().labels(&format!("job-name={}", object.name())),
                "Pod" => ListParams::default().fields(&format!("metadata.name={}", object.name())),
                _ => continue,
            };
            let pods: Api<Pod> = Api::namespaced(self.place.cluster.client.clone(), namespace);
            let logs = logs_of(&pods, &select).await;
            self.logs.extend(logs);
        }
    }
}

async fn logs_of(pods: &Api<Pod>, select: &ListParams) -> Vec<String> {
    let found = match pods.list(select).await {
        Ok(found) => found,
        Err(error) => return vec![format!("the pods of a hook cannot be listed: {}", Cause::of(&error))],
    };
    let mut logs = Vec::new();
    for pod in &found {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
            let parameters =
                kube::api::LogParams { container: Some(container.name.clone()), ..Default::default() };
            let log = pods.logs(name, &parameters).await;
            let unreadable = |error| {
                format!(
                    "the log of container {} of pod {name} cannot be read: {}",
                    container.name,
                    Cause::of(&error)
                )
            };
            logs.push(log.unwrap_or_else(unreadable));
        }
    }
    logs
}

fn objects_of(hook: &Hook) -> Result<Vec<Object>, WhyHook> {
    manifest::split(&hook.manifest).map_err(|error| WhyHook::Manifest { path: hook.path.clone(), error })
}

fn is_unknown_kind(status: &kube::core::Status) -> bool {
    status.code == 404 && status.details.as_ref().is_none_or(|details| details.name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(name: &str, weight: i64, events: &[&str]) -> Hook {
        Hook {
            name: name.into(),
            weight,
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            ..Hook::default()
        }
    }

    #[test]
    fn hooks_run_by_weight_then_by_name() {
        let hooks = [
            hook("c", 0, &["pre-install"]),
            hook("b", 0, &["pre-install", "pre-upgrade"]),
            hook("z", -1, &["pre-install"]),
            hook("a", 0, &["post-install"]),
            hook("b", 0, &["pre-install"]),
        ];
        assert_eq!(order(&hooks, "pre-install"), [2, 1, 4, 0]);
        assert_eq!(order(&hooks, "pre-upgrade"), [1]);
    }

    #[test]
    fn a_failure_begins_with_helms_words() {
        let told = |event: &str| {
            let why = WhyHook::Unserved {
                path: "c/templates/h.yaml".into(),
                kind: "A".into(),
                api_version: "g/v1".into(),
            };
            HookError { event: event.into(), logs: Vec::new(), why }.to_string()
        };
        let text = "unable to build kubernetes object for hook c/templates/h.yaml: no matches for kind \"A\" in version \"g/v1\"";
        assert_eq!(told("pre-install"), format!("failed pre-install: {text}"));
        assert_eq!(told("post-upgrade"), format!("post-upgrade hooks failed: {text}"));
        assert_eq!(told("pre-rollback"), text);
    }
}
