//! `release repair` on one cluster: what is broken is looked at, planned and rehearsed, then, under the
//! lock, looked at again, and only what is still planned alike is done, once. Of every issuer one
//! Certificate goes first; the others follow when it was issued.

mod await_result;
mod needs;
mod observe;
mod record;
mod under_lock;

use std::collections::BTreeSet;
use std::time::Duration;

use super::connect::Connected;
use super::identity::Identity;
use super::lock;
use crate::action::permit::NoLeave;
use crate::action::repair::{Moves, NotMoved};
use crate::certmanager::repair::moves::{Allowance, Repair};
use crate::certmanager::repair::plan::plan;
use crate::certmanager::repair::scene::Scene;
use crate::cluster::access;
use crate::config::ReleaseId;
use crate::failure::{Failure, Kind};
use crate::plan::repair::ClusterRepair;
use crate::rollout::interrupt::Interrupt;

pub use needs::needs;
use under_lock::UnderLock;

/// How it is repaired.
#[derive(Debug, Clone)]
pub struct RepairTerms {
    /// The release beside which the lock and the journal are; a `ClusterIssuer` has its Secrets in its
    /// namespace.
    pub release: ReleaseId,
    /// Only this Order, by namespace and name.
    pub order: Option<(String, String)>,
    /// The causes that a person knows to be gone.
    pub allowed: BTreeSet<Allowance>,
    /// How long a result is waited for.
    pub timeout: Duration,
    /// How long somebody else's lock is waited for.
    pub lock_timeout: Duration,
}

/// What would be done on a cluster.
///
/// # Errors
/// The cluster cannot be read, or the Order that was named does not exist.
pub async fn look(one: &Connected, terms: &RepairTerms) -> Result<Vec<Repair>, Failure> {
    Ok(looked(one, terms).await?.1)
}

async fn looked(one: &Connected, terms: &RepairTerms) -> Result<(Scene, Vec<Repair>), Failure> {
    let scene = observe::scene(&one.cluster, terms).await?;
    let repairs = plan(&scene, terms.order.as_ref())?;
    Ok((scene, repairs))
}

/// What would be done, with every write sent as a dry run; a missing permission is named first.
///
/// # Errors
/// As [`look`], or the server does not take a write.
pub async fn rehearse(one: &Connected, terms: &RepairTerms) -> Result<ClusterRepair, Failure> {
    let (scene, repairs) = looked(one, terms).await?;
    permitted(one, terms, &repairs).await?;
    for repair in &repairs {
        let made = Moves::rehearsal(&one.cluster, scene.now).make(repair).await;
        made.map_err(|cause| failure(cause, Kind::Refused))?;
    }
    Ok(ClusterRepair::planned(&one.settings.name, repairs))
}

async fn permitted(one: &Connected, terms: &RepairTerms, repairs: &[Repair]) -> Result<(), Failure> {
    let missing = access::missing(&one.cluster, &needs(&terms.release, repairs)).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let told = format!("{}: missing permissions: {}", one.settings.name, missing.join(", "));
    Err(Failure::refused(told).hint("grant them, or use other credentials"))
}

/// Does what was rehearsed, and waits for what comes of it. What was done before a failure is answered with
/// it.
pub async fn repair(
    one: &Connected,
    terms: &RepairTerms,
    rehearsed: ClusterRepair,
    interrupt: &Interrupt,
    tell: &(dyn Fn(&str) + Sync),
) -> (ClusterRepair, Result<(), Failure>) {
    let mut done = rehearsed;
    if !done.acts() {
        let waited = await_result::all(&one.cluster, &mut done, terms.timeout);
        let ended = interrupt.or(waited).await.map_err(interrupted);
        return (done, ended);
    }
    let identity = Identity::of_this_process();
    let lock = match lock::take(&one.cluster, &terms.release, &identity, terms.lock_timeout).await {
        Ok(lock) => lock,
        Err(failure) => return (done, Err(failure)),
    };
    let held = lock.held();
    let work = UnderLock { one, terms, identity: &identity, permit: &held, tell };
    let ended = interrupt
        .or(Box::pin(work.repair(&mut done)))
        .await
        .unwrap_or_else(|signal| Err(interrupted(signal)));
    let released = lock.release().await.map_err(Failure::from);
    (done, ended.and(released))
}

fn interrupted(signal: i32) -> Failure {
    let told = format!("interrupted by signal {signal}; what was begun goes on in the cluster");
    Failure::new(Kind::Interrupted(signal), told).hint("`release repair --dry-run` shows what has come of it")
}

fn failure(cause: NotMoved, kind: Kind) -> Failure {
    match cause {
        NotMoved::NoLeave(NoLeave::Lost(lost)) => lock::failure(lost),
        NotMoved::NoLeave(no) => Failure::new(Kind::Locked, no),
        cause => Failure::new(kind, cause),
    }
}
