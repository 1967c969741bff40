//! What `release repair` does on a cluster, and what came of it, as a value to show. Pure.

use serde::Serialize;

use crate::certmanager::repair::moves::{Move, Repair};
use crate::several::first_of;

/// So many objects are named in one line.
const NAMED: usize = 5;

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterRepair {
    /// Its name.
    pub cluster: String,
    /// What is planned, and what came of it.
    pub repairs: Vec<RepairOutcome>,
}

/// One move, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairOutcome {
    /// What is planned.
    #[serde(flatten)]
    pub repair: Repair,
    /// What came of it; absent where nothing was to come, and in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<RepairResult>,
}

/// What came of a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum RepairResult {
    /// The Certificate was issued.
    Issued {
        /// The revision that is in its Secret now.
        revision: i64,
    },
    /// The Order that nobody needs is gone.
    Deleted,
    /// It failed again.
    FailedAgain {
        /// What cert-manager says.
        message: String,
    },
    /// It is under way; nobody waits any longer.
    UnderWay {
        /// How long it was waited for.
        seconds: u64,
    },
    /// Somebody else was there: nothing was done.
    Changed {
        /// What is different.
        message: String,
    },
    /// It was not tried.
    NotTried {
        /// Why.
        reason: String,
    },
}

impl RepairResult {
    /// It is as it should be.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Issued { .. } | Self::Deleted)
    }

    /// Others of its issuer would fare no better.
    pub fn is_a_warning(&self) -> bool {
        matches!(self, Self::FailedAgain { .. } | Self::UnderWay { .. })
    }

    /// A change was made.
    fn has_changed(&self) -> bool {
        !matches!(self, Self::Changed { .. } | Self::NotTried { .. })
    }

    /// In one sentence.
    pub fn told(&self) -> String {
        match self {
            Self::Issued { revision } => format!("issued, as revision {revision}"),
            Self::Deleted => "deleted".to_owned(),
            Self::FailedAgain { message } => format!("failed again: {message}"),
            Self::UnderWay { seconds } => format!("still under way after {seconds} s"),
            Self::Changed { message } => format!("nothing was done: {message}"),
            Self::NotTried { reason } => format!("not tried: {reason}"),
        }
    }
}

/// How a repair ended on all clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepairEnding {
    /// Nothing is left.
    Good,
    /// Nothing was changed, and these are left.
    Untouched(String),
    /// Something was changed, and these are left.
    Left(String),
}

impl ClusterRepair {
    /// What is planned, before anything is done.
    pub fn planned(cluster: &str, repairs: Vec<Repair>) -> Self {
        let planned = |repair| RepairOutcome { repair, result: None };
        Self { cluster: cluster.to_owned(), repairs: repairs.into_iter().map(planned).collect() }
    }

    /// Something would be changed.
    pub fn acts(&self) -> bool {
        self.repairs.iter().any(|one| one.repair.planned.acts())
    }

    /// A line for the cluster, and some for each object.
    pub fn lines(&self) -> Vec<String> {
        let count =
            |wanted: fn(Move) -> bool| self.repairs.iter().filter(|one| wanted(one.repair.planned)).count();
        let (act, wait) = (count(Move::acts), count(|planned| planned == Move::Wait));
        let refused = count(|planned| planned == Move::Refuse);
        let told = match (act, wait, refused) {
            (0, 0, 0) => "nothing to repair".to_owned(),
            _ => format!("{act} to repair, {wait} to wait for, {refused} not to be touched"),
        };
        let objects = self.repairs.iter().flat_map(RepairOutcome::lines);
        std::iter::once(format!("{}: {told}", self.cluster)).chain(objects).collect()
    }
}

impl RepairOutcome {
    fn lines(&self) -> Vec<String> {
        let Repair { object, state, planned, reason, until, touches, .. } = &self.repair;
        let until = until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        let mut lines = vec![format!("  {object}: {}{until}", planned.word())];
        lines.push(format!("    {state}"));
        lines.push(format!("    {reason}"));
        lines.extend(touches.iter().map(|touched| {
            format!("    changes {touched} (uid {}, version {})", touched.uid, touched.resource_version)
        }));
        lines.extend(self.result.iter().map(|result| format!("    -> {}", result.told())));
        lines
    }

    /// It is not as it should be.
    fn is_left(&self) -> bool {
        self.repair.planned == Move::Refuse || self.result.as_ref().is_some_and(|result| !result.is_good())
    }
}

/// How it ended on all clusters.
pub fn ending(clusters: &[ClusterRepair]) -> RepairEnding {
    let all = || clusters.iter().flat_map(|one| one.repairs.iter().map(|repair| (&one.cluster, repair)));
    let left: Vec<String> = all()
        .filter(|(_, one)| one.is_left())
        .map(|(cluster, one)| format!("{} on {cluster}", one.repair.object))
        .collect();
    let has_changed = |one: &RepairOutcome| {
        one.repair.planned.acts() && one.result.as_ref().is_some_and(RepairResult::has_changed)
    };
    let told = || format!("not repaired: {}", first_of(&left, NAMED));
    match (left.is_empty(), all().any(|(_, one)| has_changed(one))) {
        (true, _) => RepairEnding::Good,
        (false, false) => RepairEnding::Untouched(told()),
        (false, true) => RepairEnding::Left(told()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::repair::moves::{Allowance, Touched};

    fn outcome(name: &str, planned: Move, result: Option<RepairResult>) -> RepairOutcome {
        let touched = Touched {
            kind: "Certificate".to_owned(),
            namespace: "web".to_owned(),
            name: name.to_owned(),
            uid: "u1".to_owned(),
            resource_version: "7".to_owned(),
        };
        let refused = planned == Move::Refuse;
        let repair = Repair {
            object: format!("Certificate web/{name}"),
            state: format!("Order web/{name}-1-1 is invalid: why"),
            planned,
            reason: "because of its state".to_owned(),
            until: refused.then(|| "2026-03-01T12:00:00Z".to_owned()),
            allow: refused.then_some(Allowance::Denied),
            touches: if planned.acts() { vec![touched] } else { Vec::new() },
            before: None,
        };
        RepairOutcome { repair, result }
    }

    fn failed() -> RepairResult {
        RepairResult::FailedAgain { message: "dns".to_owned() }
    }

    #[test]
    fn the_plan_and_what_came_of_it_read_alike() {
        let plan = |result: Option<RepairResult>| ClusterRepair {
            cluster: "one".to_owned(),
            repairs: vec![
                outcome("shop", Move::Renew, result),
                outcome("search", Move::Refuse, None),
                outcome("old", Move::Nothing, None),
            ],
        };
        insta::assert_snapshot!(plan(None).lines().join("\n"), @"
        one: 1 to repair, 0 to wait for, 1 not to be touched
          Certificate web/shop: renew
            Order web/shop-1-1 is invalid: why
            because of its state
            changes Certificate web/shop (uid u1, version 7)
          Certificate web/search: refused until 2026-03-01T12:00:00Z
            Order web/search-1-1 is invalid: why
            because of its state
          Certificate web/old: nothing to do
            Order web/old-1-1 is invalid: why
            because of its state
        ");
        insta::assert_snapshot!(plan(Some(RepairResult::Issued { revision: 2 })).lines().join("\n"), @"
        one: 1 to repair, 0 to wait for, 1 not to be touched
          Certificate web/shop: renew
            Order web/shop-1-1 is invalid: why
            because of its state
            changes Certificate web/shop (uid u1, version 7)
            -> issued, as revision 2
          Certificate web/search: refused until 2026-03-01T12:00:00Z
            Order web/search-1-1 is invalid: why
            because of its state
          Certificate web/old: nothing to do
            Order web/old-1-1 is invalid: why
            because of its state
        ");
        let nothing = ClusterRepair::planned("one", Vec::new());
        assert_eq!(nothing.lines(), ["one: nothing to repair"]);
    }

    #[test]
    fn a_program_reads_what_a_person_does() {
        let json = |one: &RepairOutcome| serde_json::to_string(one).unwrap();
        let shop = json(&outcome("shop", Move::Renew, Some(failed())));
        insta::assert_snapshot!(shop, @r#"{"object":"Certificate web/shop","state":"Order web/shop-1-1 is invalid: why","move":"renew","reason":"because of its state","touches":[{"kind":"Certificate","namespace":"web","name":"shop","uid":"u1","resource-version":"7"}],"result":{"verdict":"failed-again","message":"dns"}}"#);
        let search = json(&outcome("search", Move::Refuse, None));
        insta::assert_snapshot!(search, @r#"{"object":"Certificate web/search","state":"Order web/search-1-1 is invalid: why","move":"refuse","reason":"because of its state","until":"2026-03-01T12:00:00Z","allow":"denied","touches":[]}"#);
    }

    #[test]
    fn the_end_depends_on_what_is_left_and_on_what_was_changed() {
        let issued = || Some(RepairResult::Issued { revision: 2 });
        let changed = || Some(RepairResult::Changed { message: "x".to_owned() });
        let (good, refused) = (|| outcome("a", Move::Renew, issued()), || outcome("b", Move::Refuse, None));
        let untouched = RepairEnding::Untouched("not repaired: Certificate web/b on one".to_owned());
        let left = |name: &str| RepairEnding::Left(format!("not repaired: Certificate web/{name} on one"));
        let table = [
            (vec![], RepairEnding::Good),
            (vec![good()], RepairEnding::Good),
            (vec![outcome("a", Move::Nothing, None)], RepairEnding::Good),
            (vec![refused()], untouched.clone()),
            (vec![outcome("b", Move::Renew, changed())], untouched.clone()),
            (vec![outcome("b", Move::Wait, Some(RepairResult::UnderWay { seconds: 1 }))], untouched),
            (vec![good(), refused()], left("b")),
            (vec![outcome("c", Move::Renew, Some(failed()))], left("c")),
        ];
        for (repairs, expected) in table {
            let told = format!("{repairs:?}");
            assert_eq!(ending(&[ClusterRepair { cluster: "one".to_owned(), repairs }]), expected, "{told}");
        }
    }
}
