//! The moves, under the lock.

use std::collections::BTreeSet;

use super::record::RepairsKeeper;
use super::{RepairTerms, await_result, failure, looked, observe};
use crate::action::permit::Permit;
use crate::action::repair::{Moves, NotMoved};
use crate::certmanager::repair::moves::{Move, Repair};
use crate::failure::{Failure, Kind};
use crate::plan::repair::{ClusterRepair, RepairOutcome, RepairResult};
use crate::site::connect::Connected;
use crate::site::identity::Identity;

/// One cluster, locked.
pub(super) struct UnderLock<'u> {
    pub(super) one: &'u Connected,
    pub(super) terms: &'u RepairTerms,
    pub(super) identity: &'u Identity,
    pub(super) permit: &'u dyn Permit,
    pub(super) tell: &'u (dyn Fn(&str) + Sync),
}

impl UnderLock<'_> {
    /// One Certificate of every issuer, then the others of those whose first was issued.
    pub(super) async fn repair(&self, done: &mut ClusterRepair) -> Result<(), Failure> {
        let (_, fresh) = looked(self.one, self.terms).await?;
        done.repairs.iter_mut().for_each(|one| again(one, &fresh));
        let mut journal = RepairsKeeper::read(&self.one.cluster, self.terms, self.identity).await?;
        let first = first_of_each_issuer(&done.repairs);
        self.round(done, &mut journal, &|place| first.contains(&place)).await?;
        not_after_a_failure(&mut done.repairs, &first);
        self.round(done, &mut journal, &|place| !first.contains(&place)).await
    }

    async fn round(
        &self,
        done: &mut ClusterRepair,
        journal: &mut RepairsKeeper<'_>,
        among: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<(), Failure> {
        let mut acted = Vec::new();
        for (place, one) in done.repairs.iter_mut().enumerate().filter(|(place, _)| among(*place)) {
            if one.repair.planned.acts() && one.result.is_none() {
                self.act(one, journal).await.map_err(|failure| journal.after_what_was_done(failure))?;
                acted.push(place);
            }
        }
        await_result::results(&self.one.cluster, &mut done.repairs, among, self.terms.timeout).await;
        for one in acted.into_iter().filter_map(|place| done.repairs.get(place)) {
            let told = one.result.as_ref().map(RepairResult::told).unwrap_or_default();
            (self.tell)(&format!("{}: {}: {told}", self.one.settings.name, one.repair.object));
            journal.end(&one.repair, &told);
        }
        self.store(journal).await;
        Ok(())
    }

    /// What was done is done, whether it can be written or not.
    async fn store(&self, journal: &mut RepairsKeeper<'_>) {
        if let Err(lost) = journal.write().await {
            let told = lost.chain().join(": ");
            (self.tell)(&format!("{}: the journal lacks what came of it: {told}", self.one.settings.name));
        }
    }

    async fn act(&self, one: &mut RepairOutcome, journal: &mut RepairsKeeper<'_>) -> Result<(), Failure> {
        let (cluster, repair) = (&self.one.cluster, &one.repair);
        (self.tell)(&format!("{}: {}: {}", self.one.settings.name, repair.object, repair.planned.word()));
        journal.begin(repair).await?;
        let now = observe::now(cluster).await?;
        match Moves::new(cluster, now, self.permit).make(repair).await {
            Ok(()) => one.result = (repair.planned == Move::DeleteOrphan).then_some(RepairResult::Deleted),
            Err(changed @ NotMoved::Changed(_)) => {
                one.result = Some(RepairResult::Changed { message: changed.to_string() });
            }
            Err(cause) => return Err(failure(cause, Kind::Halted)),
        }
        Ok(())
    }
}

/// Only what is planned as it was shown is done, on the objects as they are now.
fn again(one: &mut RepairOutcome, fresh: &[Repair]) {
    if !one.repair.planned.acts() {
        return;
    }
    let now = fresh.iter().find(|now| now.object == one.repair.object);
    let uids = |repair: &Repair| repair.touches.iter().map(|touched| touched.uid.clone()).collect::<Vec<_>>();
    match now {
        Some(now) if now.planned == one.repair.planned && uids(now) == uids(&one.repair) => {
            one.repair = now.clone();
        }
        Some(now) => {
            let message = format!("it has changed meanwhile, now: {}: {}", now.planned.word(), now.reason);
            one.result = Some(RepairResult::Changed { message });
        }
        None => {
            let message = "it is well now, or gone".to_owned();
            one.result = Some(RepairResult::Changed { message });
        }
    }
}

/// The places of those that go first: what only waits or has no issuer, and one of each issuer.
fn first_of_each_issuer(repairs: &[RepairOutcome]) -> BTreeSet<usize> {
    let mut known = BTreeSet::new();
    let first = |one: &RepairOutcome| {
        let issuer = one.repair.before.as_ref().filter(|_| one.repair.planned.acts() && one.result.is_none());
        issuer.is_none_or(|before| known.insert(before.issuer.clone()))
    };
    let mut first = first;
    repairs.iter().enumerate().filter(|(_, one)| first(one)).map(|(place, _)| place).collect()
}

/// What failed for one would fail for the others of its issuer, and counts at its CA.
fn not_after_a_failure(repairs: &mut [RepairOutcome], first: &BTreeSet<usize>) {
    let failed: Vec<(String, String)> = repairs
        .iter()
        .enumerate()
        .filter(|(place, one)| first.contains(place) && one.repair.planned.acts())
        .filter(|(_, one)| one.result.as_ref().is_some_and(RepairResult::is_a_warning))
        .filter_map(|(_, one)| Some((one.repair.before.as_ref()?.issuer.clone(), one.repair.object.clone())))
        .collect();
    for (_, one) in repairs.iter_mut().enumerate().filter(|(place, _)| !first.contains(place)) {
        let issuer = one.repair.before.as_ref().map(|before| &before.issuer);
        let of_it = failed.iter().find(|(known, _)| Some(known) == issuer);
        if let (Some((issuer, object)), None) = (of_it, &one.result) {
            let reason = format!("{object} went first for {issuer}, and was not issued");
            one.result = Some(RepairResult::NotTried { reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::repair::moves::{Before, Touched};

    fn outcome(name: &str, issuer: &str, planned: Move) -> RepairOutcome {
        let touched = Touched { uid: name.to_owned(), ..Touched::default() };
        let repair = Repair {
            object: format!("Certificate web/{name}"),
            state: String::new(),
            planned,
            reason: "why".to_owned(),
            until: None,
            allow: None,
            touches: vec![touched],
            before: Some(Before { issuer: issuer.to_owned(), ..Before::default() }),
        };
        RepairOutcome { repair, result: None }
    }

    #[test]
    fn one_of_each_issuer_goes_first_and_the_others_only_after_its_success() {
        let all = || {
            vec![
                outcome("a", "x", Move::Renew),
                outcome("b", "x", Move::DeleteOrder),
                outcome("c", "y", Move::Renew),
                outcome("d", "y", Move::Wait),
                outcome("e", "y", Move::Renew),
            ]
        };
        let first = first_of_each_issuer(&all());
        assert_eq!(first, BTreeSet::from([0, 2, 3]));
        let mut repairs = all();
        repairs[0].result = Some(RepairResult::FailedAgain { message: String::new() });
        repairs[2].result = Some(RepairResult::Issued { revision: 2 });
        not_after_a_failure(&mut repairs, &first);
        let told = repairs[1].result.as_ref().map(RepairResult::told);
        assert_eq!(
            told.as_deref(),
            Some("not tried: Certificate web/a went first for x, and was not issued")
        );
        assert!(repairs[4].result.is_none());
    }

    #[test]
    fn only_what_is_planned_as_it_was_shown_is_done() {
        let fresh = |planned, uid: &str| {
            let mut repair = outcome("a", "x", planned).repair;
            repair.touches[0] =
                Touched { uid: uid.to_owned(), resource_version: "9".to_owned(), ..Touched::default() };
            vec![repair]
        };
        let after = |fresh: &[Repair]| {
            let mut one = outcome("a", "x", Move::Renew);
            again(&mut one, fresh);
            (one.repair.touches[0].resource_version.clone(), one.result.map(|result| result.told()))
        };
        assert_eq!(after(&fresh(Move::Renew, "a")), ("9".to_owned(), None));
        for (fresh, told) in [
            (fresh(Move::Renew, "other"), "nothing was done: it has changed meanwhile, now: renew: why"),
            (fresh(Move::Refuse, "a"), "nothing was done: it has changed meanwhile, now: refused: why"),
            (Vec::new(), "nothing was done: it is well now, or gone"),
        ] {
            assert_eq!(after(&fresh), (String::new(), Some(told.to_owned())));
        }
    }
}
