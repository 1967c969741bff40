//! Writes what was prepared: kind by kind in the manifest's order, the objects of one kind side by side,
//! deletions last.
//! Kinds whose objects all exist already go together with their neighbours, since none of them waits for
//! another.
//!
//! Every write may be repeated: a run that was killed at any point is finished by the next one.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, PropagationPolicy};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use tokio::time::{Instant, sleep, timeout};

use super::problem::{Problem, Why};
use super::written::{Applied, Failed, Written, Wrong};
use super::{Deletion, Effect, Prepared, Step, again, crd};
use crate::action::permit::{Permit, Unwritten, permitted};
use crate::cluster::error::Cause;
use crate::cluster::helm_marks::marked;
use crate::cluster::objects::{self, Apply, in_parallel};
use crate::helm::kind_order;

/// How long a new CRD may take until its kind can be used; Helm's own limit.
const ESTABLISHED: Duration = Duration::from_mins(1);
/// After that every API server of a cluster should know the kind; it takes them a moment.
const SERVED: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

impl Prepared {
    /// Writes everything; the first kind with a failure is the last one that is written.
    ///
    /// Namespaces come first. Then whatever could not be asked for is asked for, so that an install into a
    /// new namespace is refused as a whole, too.
    /// `permit` is asked before each object, and no request outlasts it.
    pub(super) async fn write_all(&self, permit: &dyn Permit) -> Result<Applied, Failed> {
        let mut applied = Applied::default();
        let (namespaces, rest) =
            self.steps.split_at(self.steps.iter().rposition(is_namespace).map_or(0, |last| last + 1));
        for group in namespaces.chunk_by(go_together) {
            self.write_group(group, permit, &mut applied).await?;
        }
        self.ask_again(rest, &mut applied).await?;
        for group in rest.chunk_by(go_together) {
            self.write_group(group, permit, &mut applied).await?;
        }
        for group in self.deletions.chunk_by(|a, b| a.key.kind == b.key.kind && a.key.group == b.key.group) {
            self.delete_group(group, permit, &mut applied).await?;
        }
        Ok(applied)
    }

    async fn ask_again(&self, steps: &[Step], applied: &mut Applied) -> Result<(), Failed> {
        let unasked =
            steps.iter().filter(|step| step.effect == Effect::Unasked && !step.object.name().is_empty());
        let answers: Vec<Option<Problem>> = in_parallel(unasked, async |step: &Step| {
            let why = again::again(self, step).await?;
            Some(Problem { key: step.key.clone(), why })
        })
        .collect()
        .await;
        let problems: Vec<Problem> = answers.into_iter().flatten().collect();
        if problems.is_empty() { Ok(()) } else { Err(Failed::new(std::mem::take(applied), problems)) }
    }

    async fn write_group(
        &self,
        group: &[Step],
        permit: &dyn Permit,
        applied: &mut Applied,
    ) -> Result<(), Failed> {
        let written: Vec<Written> = in_parallel(group, |step| self.write(step, permit)).collect().await;
        let mut wrong = Wrong::default();
        for (Step { key, .. }, written) in group.iter().zip(written) {
            applied.add(key, &written);
            match written {
                Written::Unchanged | Written::Done { .. } => {}
                Written::NotSent(lost) | Written::CutOff { lost, .. } => wrong.stopped = Some(lost),
                Written::Failed { why, .. } => wrong.problems.push(Problem { key: key.clone(), why }),
            }
        }
        wrong.or_go_on(applied)?;
        Wrong { problems: self.establish(group).await, stopped: None }.or_go_on(applied)
    }

    async fn write(&self, step: &Step, permit: &dyn Permit) -> Written {
        let (created, migrate) = match step.effect {
            Effect::Create => (Some(true), false),
            Effect::Update { migrate } => (Some(false), migrate),
            Effect::Unasked | Effect::AfterHook => (None, false),
            Effect::Unchanged | Effect::KeptCrd | Effect::Refused => return Written::Unchanged,
        };
        let Some(api) = self.kinds.api(&self.cluster, &step.object, &self.release.namespace) else {
            let why = Why::Unserved { api_version: step.object.api_version().to_owned() };
            return Written::Failed { created: false, why };
        };
        let created = match created {
            Some(created) => created,
            None => objects::metadata(&api, step.object.name()).await.is_ok_and(|live| live.is_none()),
        };
        match self.send(&api, step, migrate, permit).await {
            Ok(()) => Written::Done { created },
            Err(Unwritten::NotSent(lost)) => Written::NotSent(lost),
            Err(Unwritten::CutOff(lost)) => Written::CutOff { created, lost },
            Err(Unwritten::Failed(error)) => Written::Failed { created, why: Why::of(&error) },
        }
    }

    async fn send(
        &self,
        api: &Api<DynamicObject>,
        step: &Step,
        migrate: bool,
        permit: &dyn Permit,
    ) -> Result<(), Unwritten<kube::Error>> {
        let (name, value) = (step.object.name(), marked(&step.object.value, &self.release));
        if name.is_empty() {
            let created = objects::create(&self.cluster, api, &value, false);
            return permitted(permit, created).await.map(drop);
        }
        if migrate {
            permitted(permit, objects::migrate(api, name)).await?;
        }
        let how = Apply { dry_run: false, force: self.options.force_conflicts };
        let start = Instant::now();
        loop {
            match permitted(permit, objects::apply(api, name, &value, how)).await {
                // Established, but not yet known to this API server.
                Err(Unwritten::Failed(kube::Error::Api(status)))
                    if is_new_kind(step, status.code) && start.elapsed() < SERVED =>
                {
                    sleep(PAUSE).await;
                }
                answer => return answer.map(drop),
            }
        }
    }

    /// Waits for the CRDs of a group whose kinds the release uses.
    async fn establish(&self, group: &[Step]) -> Vec<Problem> {
        let used = |crd: &&Step| {
            crd.object.is_crd()
                && self
                    .steps
                    .iter()
                    .any(|step| step.effect == Effect::Unasked && crd::brings(&crd.object, &step.object))
        };
        let found: Vec<Option<Problem>> =
            in_parallel(group.iter().filter(used), |step| self.established(step)).collect().await;
        found.into_iter().flatten().collect()
    }

    async fn established(&self, step: &Step) -> Option<Problem> {
        let api: Api<CustomResourceDefinition> = Api::all(self.cluster.client.clone());
        let waited =
            timeout(ESTABLISHED, await_condition(api, step.object.name(), is_crd_established())).await;
        let text = match waited {
            Ok(Ok(_)) => return None,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it is not established after {} s", ESTABLISHED.as_secs()),
        };
        Some(Problem { key: step.key.clone(), why: Why::Api(Cause::Other(text)) })
    }

    async fn delete_group(
        &self,
        group: &[Deletion],
        permit: &dyn Permit,
        applied: &mut Applied,
    ) -> Result<(), Failed> {
        let deleted: Vec<Result<bool, Unwritten<kube::Error>>> =
            in_parallel(group, |deletion| self.delete(deletion, permit)).collect().await;
        let mut wrong = Wrong::default();
        for (Deletion { key, .. }, deleted) in group.iter().zip(deleted) {
            match deleted {
                Ok(true) => applied.deleted.push(key.clone()),
                Ok(false) => {}
                Err(Unwritten::NotSent(why) | Unwritten::CutOff(why)) => wrong.stopped = Some(why),
                Err(Unwritten::Failed(error)) => {
                    wrong.problems.push(Problem { key: key.clone(), why: Why::of(&error) });
                }
            }
        }
        wrong.or_go_on(applied)
    }

    async fn delete(&self, deletion: &Deletion, permit: &dyn Permit) -> Result<bool, Unwritten<kube::Error>> {
        let Some(api) = self.kinds.api(&self.cluster, &deletion.object, &self.release.namespace) else {
            return Ok(false);
        };
        let (name, uid) = (deletion.object.name(), deletion.uid.clone());
        permitted(permit, objects::delete(&api, name, uid, PropagationPolicy::Background)).await
    }
}

fn is_namespace(step: &Step) -> bool {
    step.key.kind == "Namespace" && step.key.group.is_empty()
}

/// Whether two neighbours may be written side by side.
fn go_together(a: &Step, b: &Step) -> bool {
    let exists = |step: &Step| !matches!(step.effect, Effect::Create | Effect::Unasked);
    let same_kind = a.key.kind == b.key.kind && a.key.group == b.key.group;
    let stage = kind_order::stage(&a.key.kind);
    same_kind || (exists(a) && exists(b) && stage.is_some() && stage == kind_order::stage(&b.key.kind))
}

fn is_new_kind(step: &Step, code: u16) -> bool {
    code == 404 && step.effect == Effect::Unasked
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::helm::manifest::Object;

    fn step(kind: &str, effect: Effect) -> Step {
        let object = Object::new(json!({"kind": kind, "metadata": {"name": "x"}}));
        Step { key: object.key(), object, effect, problem: None, sides: None }
    }

    #[test]
    fn what_is_new_comes_kind_by_kind_and_what_exists_goes_together() {
        let (create, update) = (Effect::Create, Effect::Update { migrate: false });
        let steps = [
            step("ServiceAccount", update),
            step("ConfigMap", update),
            step("ConfigMap", create),
            step("ClusterRole", create),
            step("Role", update),
            step("Service", Effect::Unchanged),
            step("Deployment", update),
            step("Job", update),
            step("Certificate", update),
            step("Issuer", update),
        ];
        let groups: Vec<Vec<&str>> = steps
            .chunk_by(go_together)
            .map(|group| group.iter().map(|step| step.key.kind.as_str()).collect())
            .collect();
        let expected = [
            vec!["ServiceAccount", "ConfigMap", "ConfigMap"],
            vec!["ClusterRole"],
            vec!["Role", "Service"],
            vec!["Deployment", "Job"],
            vec!["Certificate"],
            vec!["Issuer"],
        ];
        assert_eq!(groups, expected);
    }
}
