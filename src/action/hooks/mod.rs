//! Runs the hooks of an event: weight by weight, each one created, waited for and deleted as its policies
//! say.
//!
//! A hook's object is created anew: one that is to be deleted before has gone first. One that an earlier run of the
//! same hook left is taken over. What this run neither created nor took over it does not clean up.

mod error;
mod left_over;
mod log;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use jiff::ZonedDateTime;
use kube::api::{Api, DynamicObject, PropagationPolicy};
use tokio::time::{Instant, sleep};

use super::permit::{Permit, Unwritten, permitted};
use super::records::RecordError;
use super::wait::{self, Until, WaitTerms};
use crate::cluster::Cluster;
use crate::cluster::discovery::Kinds;
use crate::cluster::error::Cause;
use crate::cluster::objects::{self, Apply, in_parallel};
use crate::helm::manifest::{self, Object};
use crate::helm::release::{Hook, stamp};

pub use error::{HookError, WhyHook};
pub use left_over::Stranger;
pub use log::HookLog;

/// How long a kind whose CRD has just come may take until it is served.
const SERVED: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);

/// Where and how hooks run.
#[derive(Clone, Copy)]
pub struct HookPlace<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The kinds that it serves, and those that the release brings.
    pub kinds: &'a Kinds,
    /// The release's own namespace.
    pub namespace: &'a str,
    /// For each hook, and for each deletion.
    pub timeout: Duration,
    /// A hook that does not get on fails before its time is over.
    pub fail_fast: bool,
    /// Asked before everything that is created or deleted.
    pub permit: &'a dyn Permit,
}

/// Runs the hooks of an event and answers the logs that their policies ask for. `on_change` stores the record
/// before and after each hook.
pub async fn run(
    place: HookPlace<'_>,
    hooks: &mut [Hook],
    event: &str,
    mut on_change: impl AsyncFnMut(&[Hook]) -> Result<(), RecordError>,
) -> Result<Vec<HookLog>, HookError> {
    let order = order(hooks, event);
    let mut run = Run { place, event, logs: Vec::new(), created: BTreeMap::new() };
    for (index, &hook) in order.iter().enumerate() {
        let outcome = run.one(hooks, hook, &mut on_change).await;
        if let Err(why) = outcome {
            run.after_failure(hooks, &order[..index], hook).await;
            return Err(HookError { event: event.to_owned(), logs: run.logs, why });
        }
    }
    for &hook in order.iter().rev() {
        run.log(hooks, hook, "hook-succeeded").await;
        let deleted = run.delete_by(hooks, hook, "hook-succeeded").await;
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

struct Run<'a> {
    place: HookPlace<'a>,
    event: &'a str,
    logs: Vec<HookLog>,
    /// What was created for a hook, or taken over.
    created: BTreeMap<usize, Vec<Created>>,
}

/// An object of a hook, under the name that the server gave, and its uid.
#[derive(Clone)]
struct Created {
    object: Object,
    uid: Option<String>,
}

impl Run<'_> {
    async fn one(
        &mut self,
        hooks: &mut [Hook],
        index: usize,
        on_change: &mut impl AsyncFnMut(&[Hook]) -> Result<(), RecordError>,
    ) -> Result<(), WhyHook> {
        if hooks[index].delete_policies.is_empty() {
            hooks[index].delete_policies = vec!["before-hook-creation".to_owned()];
        }
        self.delete_by(hooks, index, "before-hook-creation").await?;
        let objects = objects_of(&hooks[index])?;
        hooks[index].last_run.started_at = Some(stamp(&ZonedDateTime::now()));
        hooks[index].last_run.completed_at = None;
        "Running".clone_into(&mut hooks[index].last_run.phase);
        on_change(hooks).await.map_err(WhyHook::Store)?;
        let outcome = self.create_and_wait(&hooks[index], index, &objects).await;
        hooks[index].last_run.completed_at = Some(stamp(&ZonedDateTime::now()));
        let phase = if outcome.is_ok() { "Succeeded" } else { "Failed" };
        phase.clone_into(&mut hooks[index].last_run.phase);
        // What failed is the first cause, even when that cannot be stored.
        let stored = on_change(hooks).await.map_err(WhyHook::Store);
        outcome.and(stored)
    }

    async fn create_and_wait(
        &mut self,
        hook: &Hook,
        index: usize,
        objects: &[Object],
    ) -> Result<(), WhyHook> {
        let answers: Vec<Result<Created, WhyHook>> =
            in_parallel(objects, |object| self.create(hook, object)).collect().await;
        let mut first = Ok(());
        for answer in answers {
            match answer {
                Ok(created) => self.created.entry(index).or_default().push(created),
                Err(why) => first = first.and(Err(why)),
            }
        }
        first?;
        let HookPlace { cluster, kinds, namespace, timeout, fail_fast, .. } = self.place;
        let created = self.created(index);
        let terms = WaitTerms { until: Until::Finished, limit: timeout, fail_fast };
        wait::ready(cluster, kinds, &created, namespace, terms, &|_| ()).await.map_err(WhyHook::NotReady)
    }

    /// The object under the name that it really has. One that an earlier run of this hook left is taken over.
    async fn create(&self, hook: &Hook, object: &Object) -> Result<Created, WhyHook> {
        let HookPlace { cluster, kinds, namespace, permit, .. } = self.place;
        let Some(api) = kinds.api(cluster, object, namespace) else {
            let (kind, api_version) = (object.kind().to_owned(), object.api_version().to_owned());
            return Err(WhyHook::Unserved { path: hook.path.clone(), kind, api_version });
        };
        let start = Instant::now();
        loop {
            match permitted(permit, objects::create(cluster, &api, &object.value, false)).await {
                Ok(live) => return Ok(Created { uid: live.uid, object: named(object, live.name) }),
                Err(Unwritten::Failed(kube::Error::Api(status))) if status.is_already_exists() => {
                    return self.take_over(hook, &api, object).await;
                }
                // A kind that the release has just brought: nothing else is missing that has a name.
                Err(Unwritten::Failed(kube::Error::Api(status)))
                    if is_unknown_kind(&status) && start.elapsed() < SERVED =>
                {
                    sleep(PAUSE).await;
                }
                Err(unwritten) => return Err(self.not_created(hook, object, unwritten)),
            }
        }
    }

    /// Applies what an earlier run left; what is somebody else's stays as it is.
    async fn take_over(
        &self,
        hook: &Hook,
        api: &Api<DynamicObject>,
        object: &Object,
    ) -> Result<Created, WhyHook> {
        let exists = |why| WhyHook::Exists {
            event: self.event.to_owned(),
            path: hook.path.clone(),
            object: self.place.kinds.key(object, self.place.namespace).to_string(),
            why,
        };
        let found = objects::metadata(api, object.name()).await;
        let live = found
            .map_err(|error| exists(Stranger::Unreadable(Cause::of(&error).to_string())))?
            .unwrap_or_default();
        left_over::recognize(&live, object).map_err(exists)?;
        // The version makes the server refuse it when somebody has written meanwhile.
        let mut value = object.value.clone();
        value["metadata"]["resourceVersion"] = live.resource_version.into();
        // It has no writer but Helm: nothing is taken away from anybody.
        let applied = objects::apply(api, object.name(), &value, Apply { dry_run: false, force: true });
        match permitted(self.place.permit, applied).await {
            Ok(live) => Ok(Created { uid: live.uid, object: object.clone() }),
            Err(unwritten) => Err(self.not_created(hook, object, unwritten)),
        }
    }

    fn not_created(&self, hook: &Hook, object: &Object, unwritten: Unwritten<kube::Error>) -> WhyHook {
        match unwritten {
            Unwritten::NotSent(why) | Unwritten::CutOff(why) => WhyHook::NoLeave(why),
            Unwritten::Failed(error) => WhyHook::Create {
                event: self.event.to_owned(),
                path: hook.path.clone(),
                object: self.place.kinds.key(object, self.place.namespace).to_string(),
                cause: Cause::of(&error),
            },
        }
    }

    /// What was created for a hook, or taken over.
    fn created(&self, index: usize) -> Vec<Object> {
        self.created.get(&index).into_iter().flatten().map(|created| created.object.clone()).collect()
    }

    /// What a policy deletes: what lies in the way of a hook goes by its name, whoever made it, as with Helm; later
    /// only what this run has created or taken over.
    fn doomed(&self, hook: &Hook, index: usize, policy: &str) -> Result<Vec<Created>, WhyHook> {
        if policy == "before-hook-creation" {
            let named = objects_of(hook)?.into_iter();
            return Ok(named.map(|object| Created { object, uid: None }).collect());
        }
        Ok(self.created.get(&index).cloned().unwrap_or_default())
    }

    /// Deletes the hook's objects if it has this policy, and waits until they have gone. CRDs are never
    /// deleted.
    async fn delete_by(&self, hooks: &[Hook], index: usize, policy: &str) -> Result<(), WhyHook> {
        let hook = &hooks[index];
        if hook.kind == "CustomResourceDefinition" || !hook.delete_policies.iter().any(|own| own == policy) {
            return Ok(());
        }
        let HookPlace { cluster, kinds, namespace, timeout, .. } = self.place;
        let mut deleted = Vec::new();
        let doomed = self.doomed(hook, index, policy)?.into_iter();
        for doomed in doomed.filter(|doomed| !doomed.object.is_crd() && !doomed.object.name().is_empty()) {
            if self.delete(&doomed).await? {
                deleted.push(doomed.object);
            }
        }
        wait::gone(cluster, kinds, &deleted, namespace, timeout).await.map_err(WhyHook::NotGone)
    }

    /// Whether there was something to delete.
    async fn delete(&self, Created { object, uid }: &Created) -> Result<bool, WhyHook> {
        let HookPlace { cluster, kinds, namespace, permit, .. } = self.place;
        let Some(api) = kinds.api(cluster, object, namespace) else { return Ok(false) };
        let deleted = objects::delete(&api, object.name(), uid.clone(), PropagationPolicy::Background);
        permitted(permit, deleted).await.map_err(|unwritten| match unwritten {
            Unwritten::NotSent(why) | Unwritten::CutOff(why) => WhyHook::NoLeave(why),
            Unwritten::Failed(error) => {
                WhyHook::Delete { object: kinds.key(object, namespace).to_string(), cause: Cause::of(&error) }
            }
        })
    }

    /// The failure itself is what is told; what cannot be cleaned up after it stays.
    async fn after_failure(&mut self, hooks: &[Hook], before: &[usize], failed: usize) {
        self.log(hooks, failed, "hook-failed").await;
        self.delete_by(hooks, failed, "hook-failed").await.unwrap_or_default();
        for &hook in before {
            self.delete_by(hooks, hook, "hook-succeeded").await.unwrap_or_default();
        }
    }

    /// The logs of the hook's pods: the whole of them if it has this policy, and their ends in any case when
    /// it failed. One that cannot be read is told as such.
    async fn log(&mut self, hooks: &[Hook], index: usize, policy: &str) {
        let hook = &hooks[index];
        let asked_for = hook.output_log_policies.iter().any(|own| own == policy);
        let has_run = self.created.contains_key(&index);
        if !asked_for && (policy != "hook-failed" || !has_run) {
            return;
        }
        let objects = self.created(index);
        let texts = log::texts(self.place.cluster, self.place.namespace, &objects, asked_for).await;
        let log = |text| HookLog { hook: hook.name.clone(), text, asked_for };
        self.logs.extend(texts.into_iter().map(log));
    }
}

/// The object under the name that the server gave it.
fn named(object: &Object, name: Option<String>) -> Object {
    let mut object = object.clone();
    if let Some(name) = name {
        object.value["metadata"]["name"] = name.into();
    }
    object
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
    fn an_object_has_the_name_that_the_server_gave_it() {
        let object = Object::new(serde_json::json!({"kind": "Job", "metadata": {"generateName": "j-"}}));
        assert_eq!(named(&object, Some("j-x7".into())).name(), "j-x7");
        assert_eq!(named(&object, None).name(), "");
    }
}
