//! Asks again right before the first object is written, for what could not be asked for earlier.

use super::problem::{Problem, Why};
use super::{Applied, ApplyOptions, Detail, Failed, Prepared, Step, crd, needs, prepare};
use crate::action::permit::Permit;
use crate::cluster::ApiError;
use crate::cluster::discovery::Kinds;
use crate::cluster::helm_marks::marked;
use crate::cluster::objects::{self, Apply};
use crate::helm::manifest::Object;

impl Prepared {
    /// Writes everything, after another look at all of it when hooks have run meanwhile: they may have
    /// brought a kind, deleted an object or changed one. What the server would still not take is refused before
    /// the first object is written.
    ///
    /// `permit` is asked before each object, and no request outlasts it.
    pub async fn execute(&self, permit: &dyn Permit) -> Result<Applied, Failed> {
        let problems: Vec<Problem> = self.problems().cloned().collect();
        if !problems.is_empty() {
            return Err(Failed::new(Applied::default(), problems));
        }
        match self.after_hooks().await? {
            Some(fresh) => fresh.write_all(permit).await,
            None => self.write_all(permit).await,
        }
    }

    /// `None` when no hook has run. Whose the objects are was judged before; what has come meanwhile is the
    /// hook's own.
    async fn after_hooks(&self) -> Result<Option<Prepared>, Failed> {
        if self.options.hook.is_none() {
            return Ok(None);
        }
        let new: Vec<Object> = self.steps.iter().map(|step| step.object.clone()).collect();
        let options =
            ApplyOptions { hook: None, take_ownership: true, detail: Detail::Effects, ..self.options };
        let Self { cluster, release, old, .. } = self;
        let asked = async {
            let kinds = Kinds::load(cluster).await?;
            prepare(cluster, &kinds, release, old, &new, &options).await
        };
        let fresh: Prepared = asked.await.map_err(|error| self.unanswered(&error))?;
        match fresh.accept() {
            Ok(fresh) => Ok(Some(fresh)),
            Err(refused) => Err(Failed::new(Applied::default(), refused.problems)),
        }
    }

    /// The cluster has gone between the hook and the objects: the first of them stands for all.
    fn unanswered(&self, error: &ApiError) -> Failed {
        let why = || Why::Api(error.cause().clone());
        let problems = self.steps.iter().take(1).map(|step| Problem { key: step.key.clone(), why: why() });
        Failed::new(Applied::default(), problems.collect())
    }
}

/// Asks once more for an object that could not be asked for, now that its namespace may be there. `None` when
/// it still cannot be.
pub(super) async fn again(prepared: &Prepared, step: &Step) -> Option<Why> {
    let api = prepared.kinds.api(&prepared.cluster, &step.object, &prepared.release.namespace)?;
    let value = marked(&step.object.value, &prepared.release);
    let how = Apply { dry_run: true, force: prepared.options.force_conflicts };
    let error = objects::apply(&api, step.object.name(), &value, how).await.err()?;
    let new: Vec<Object> = prepared.steps.iter().map(|step| step.object.clone()).collect();
    // A kind that is not served yet has no name that is missing.
    let is_away = matches!(&error, kube::Error::Api(status) if status.code == 404);
    let why = Why::of(&error);
    let by_new_crd = why.is_invalid() && new.iter().any(|crd| crd.is_crd() && crd::brings(crd, &step.object));
    let later = is_away
        || by_new_crd
        || why.is_own_conflict()
        || needs::come_along(&error, &step.object, &new, &prepared.release.namespace);
    (!later).then_some(why)
}
