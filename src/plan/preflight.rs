//! May this cluster be changed at all? Judged for every selected cluster before anything is published or
//! touched. Pure.

use serde::{Deserialize, Serialize};

use crate::certmanager::acme_names::AcmeNames;
use crate::certmanager::advice::judge::Advice;
use crate::certmanager::advice::rule::Severity;
use crate::certmanager::reissue::foreseen::ForeseenReissue;

use super::Action;
use super::decide::{Next, Refusal as Pending};

/// What was seen of one cluster and of what is about to be done to it.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Kubernetes' own version, for example `v1.36.3`.
    pub kubernetes: String,
    /// `kubeVersion` of the chart, when the cluster does not satisfy it.
    pub unfit_kube_version: Option<String>,
    /// `verb resource in namespace` for each permission that is missing.
    pub missing_permissions: Vec<String>,
    /// Objects that belong to somebody else, with what shows it.
    pub foreign: Vec<String>,
    /// Objects that the API server would not take, with its reasons and what helps.
    pub refused: Vec<String>,
    /// Objects of which more is known only after the hooks before them.
    pub known_later: Vec<String>,
    /// Aggregated APIs that do not answer, with what tells more.
    pub dead_apis: Vec<String>,
    /// Who else manages the release: Argo CD, Flux or Rancher Fleet, and what shows it.
    pub other_owner: Option<String>,
    /// Versions that CRDs of the cluster still store and the chart's CRDs no longer have.
    pub stored_versions: Vec<String>,
    /// Fields that another field manager owns and that would be set, by object.
    pub conflicts: Vec<String>,
    /// What is unhealthy in the release's own workloads or webhook right now.
    pub red: Vec<String>,
    /// Deployments of the release that somebody has paused.
    pub paused: Vec<String>,
    /// Its newest revision is a failed one: what is red is that revision's doing, and a fix has to get in.
    pub newest_failed: bool,
    /// Why a configured canary could not be issued.
    pub canary: Vec<String>,
    /// What the canaries ask of ACME servers.
    pub acme: AcmeNames,
    /// What a person should know before, beside what is known of versions.
    pub hints: Vec<String>,
    /// What the release Secret will weigh, in bytes of its base64.
    pub release_bytes: usize,
    /// The version is older than the one that runs: `from 2.0.0 to 1.0.0`.
    pub downgrade: Option<String>,
    /// What the chart's profile knows about this upgrade.
    pub advice: Vec<Advice>,
    /// What the new version would issue again.
    pub reissue: Option<ForeseenReissue>,
    /// What is known of the newest revision: its number, its status in words, its age in words.
    pub newest: Option<String>,
}

/// What the user explicitly allows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Allowed {
    /// Names given to `--allow`.
    pub names: Vec<String>,
    /// `--allow-downgrade`.
    pub downgrade: bool,
    /// `--force-conflicts`.
    pub conflicts: bool,
}

impl Allowed {
    /// Whether this check may refuse in vain.
    pub fn allows(&self, check: &str) -> bool {
        self.names.iter().any(|name| name == check)
    }
}

/// The judgement on one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Why the cluster may not be changed, with what to do next; empty = it may.
    pub refusals: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// What the canaries ask of ACME servers, to be added over all clusters.
    #[serde(skip)]
    pub acme: AcmeNames,
}

/// `--allow` name: something of the release is unhealthy already; how a fixed chart follows a broken one.
pub const UNHEALTHY: &str = "unhealthy";

/// `--allow` name: a Deployment of the release is paused, so that nothing new would roll out.
pub const PAUSED: &str = "paused";

/// `--allow` name: a wave before has not proven the chart for as long as it has to.
pub const UNSOAKED: &str = "unsoaked";

/// `--allow` name: the new version would issue more Certificates again than `gates.max-reissue`.
pub const MAX_REISSUE: &str = "max-reissue";

/// `--allow` name: the canaries of all clusters take more certificates of a domain than the CA issues.
pub const ACME_LIMIT: &str = "acme-limit";

/// The names of this module that `--allow` takes; those of the rules on versions come on top.
pub const CHECKS: [&str; 5] = [UNHEALTHY, PAUSED, UNSOAKED, MAX_REISSUE, ACME_LIMIT];

/// A Secret holds 1 MiB of data (Kubernetes' `MaxSecretSize`).
const SECRET_LIMIT: usize = 1_048_576;

/// Judges one cluster. `next` is what would be done to the release.
pub fn judge(seen: &Observed, next: Next, allowed: &Allowed) -> Judgement {
    let mut judgement = Judgement { acme: seen.acme.clone(), ..Judgement::default() };
    let refusals = &mut judgement.refusals;
    refusals.extend(pending(next, seen.newest.as_deref()));
    refusals.extend(seen.other_owner.iter().map(|owner| {
        format!("the release is managed by {owner}: change it there, or take it out of its hands first")
    }));
    refusals.extend(
        seen.unfit_kube_version.iter().map(|wanted| {
            format!("the chart wants Kubernetes {wanted}, this cluster runs {}", seen.kubernetes)
        }),
    );
    refusals.extend(listed(
        "missing permissions",
        "grant them, or use other credentials",
        &seen.missing_permissions,
    ));
    refusals.extend(seen.foreign.iter().cloned());
    refusals.extend(seen.refused.iter().cloned());
    refusals.extend(listed(
        "CRDs still store versions that the chart drops",
        "`release migrate` stores their objects in the version of today",
        &seen.stored_versions,
    ));
    refusals.extend(listed(
        "the canary could not be issued",
        "change `gates.canary` in release.yaml",
        &seen.canary,
    ));
    if seen.release_bytes > SECRET_LIMIT {
        refusals.push(format!(
            "the release record would be {} bytes, a Secret holds {SECRET_LIMIT}: take large files out of the chart with .helmignore",
            seen.release_bytes
        ));
    }
    let back = seen.downgrade.iter().filter(|_| !allowed.downgrade);
    refusals.extend(
        back.map(|way| format!("this is a downgrade {way}: use `release rollback`, or --allow-downgrade")),
    );
    refusals.extend(seen.conflicts.iter().map(|conflict| {
        format!(
            "other field managers own fields that would be set: {conflict}; --force-conflicts takes them over"
        )
    }));
    paused(seen, next, allowed, &mut judgement);
    unhealthy(seen, allowed, &mut judgement);
    advise(seen, allowed, &mut judgement);
    issued_again(seen, allowed, &mut judgement);
    judgement.warnings.extend(seen.known_later.iter().chain(&seen.dead_apis).chain(&seen.hints).cloned());
    judgement
}

fn paused(seen: &Observed, next: Next, allowed: &Allowed, judgement: &mut Judgement) {
    let told = |remedy: &str| listed("paused, so that no new pod would come up", remedy, &seen.paused);
    let remedy = "end the pause with `kubectl rollout resume` first";
    if allowed.allows(PAUSED) {
        judgement.warnings.extend(told("it is changed all the same"));
    } else if next == Next::Do(Action::Rollback) {
        judgement.refusals.extend(told(remedy));
    } else {
        judgement.refusals.extend(told(&format!("{remedy} (--allow {PAUSED} overrides)")));
    }
}

fn unhealthy(seen: &Observed, allowed: &Allowed, judgement: &mut Judgement) {
    let told = |remedy: &str| listed("already unhealthy before the change", remedy, &seen.red);
    if seen.newest_failed {
        judgement.warnings.extend(told("the newest revision has failed, so that a fix may get in"));
    } else if allowed.allows(UNHEALTHY) {
        judgement.warnings.extend(told("it is changed all the same"));
    } else {
        judgement.refusals.extend(told(&format!(
            "repair it first: `release gate` shows the details (--allow {UNHEALTHY} overrides, to roll a fixed chart forward)"
        )));
    }
}

fn advise(seen: &Observed, allowed: &Allowed, judgement: &mut Judgement) {
    for advice in &seen.advice {
        let is_allowed =
            allowed.allows(&advice.id) || advice.class.is_some_and(|class| allowed.allows(class));
        if advice.severity == Severity::Refuse && !is_allowed {
            judgement.refusals.push(format!("{} (--allow {} overrides)", advice.line(), advice.id));
        } else {
            judgement.warnings.push(advice.line());
        }
    }
}

fn listed(what: &str, remedy: &str, items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| format!("{what}: {}; {remedy}", items.join(", ")))
}

fn pending(next: Next, newest: Option<&str>) -> Option<String> {
    let newest = newest.unwrap_or("the newest revision");
    match next {
        Next::Do(_) | Next::RepairThenUpgrade => None,
        Next::Refuse(Pending::OperationInProgress) => Some(format!(
            "another Helm operation is in progress or was killed: {newest}; wait for it, or `release helm rollback` (helm rollback) when nobody runs it any more"
        )),
        Next::Refuse(Pending::Uninstalling) => {
            Some(format!("the release is being uninstalled: {newest}; finish it with `helm uninstall`"))
        }
        Next::Refuse(Pending::UnknownStatus) => {
            Some(format!("Helm does not know the status of the release: {newest}; look at its Secret"))
        }
    }
}

fn issued_again(seen: &Observed, allowed: &Allowed, judgement: &mut Judgement) {
    let Some(reissue) = &seen.reissue else { return };
    if reissue.is_over_budget && !allowed.allows(MAX_REISSUE) {
        judgement.refusals.push(format!(
            "{}; go over the version that the rule names (`release advise`), or raise `gates.max-reissue` (--allow {MAX_REISSUE} overrides, the gates count again)",
            reissue.message
        ));
    } else {
        judgement.warnings.push(reissue.message.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: Next = Next::Do(Action::Upgrade);

    fn some() -> Vec<String> {
        vec!["x".to_owned()]
    }

    fn advice(id: &str, severity: Severity) -> Advice {
        let (message, remedy) = ("one minor at a time".to_owned(), "do so".to_owned());
        Advice {
            id: id.to_owned(),
            class: Some("a-class"),
            is_unseen: false,
            severity,
            message,
            remedy,
            source: Vec::new(),
        }
    }

    fn reissue(is_over_budget: bool) -> ForeseenReissue {
        ForeseenReissue { message: "3 of 9 again".to_owned(), is_over_budget }
    }

    #[test]
    fn only_a_reissue_over_the_budget_refuses_and_may_be_allowed() {
        let names = vec![MAX_REISSUE.to_owned()];
        let table = [(false, vec![], 0), (true, vec![], 1), (true, names, 0)];
        for (over, names, refusals) in table {
            let seen = Observed { reissue: Some(reissue(over)), ..Observed::default() };
            let judgement = judge(&seen, UPGRADE, &Allowed { names, ..Allowed::default() });
            assert_eq!((judgement.refusals.len(), judgement.warnings.len()), (refusals, 1 - refusals));
        }
    }

    #[test]
    fn a_clean_cluster_may_be_changed() {
        assert_eq!(judge(&Observed::default(), UPGRADE, &Allowed::default()), Judgement::default());
    }

    #[test]
    fn each_finding_refuses_alone() {
        let base = Observed::default;
        let table = [
            Observed { unfit_kube_version: Some(">=1.40".to_owned()), ..base() },
            Observed { missing_permissions: some(), ..base() },
            Observed { foreign: some(), ..base() },
            Observed { refused: some(), ..base() },
            Observed { other_owner: Some("Argo CD".to_owned()), ..base() },
            Observed { stored_versions: some(), ..base() },
            Observed { conflicts: some(), ..base() },
            Observed { red: some(), ..base() },
            Observed { paused: some(), ..base() },
            Observed { canary: some(), ..base() },
            Observed { reissue: Some(reissue(true)), ..base() },
            Observed { release_bytes: SECRET_LIMIT + 1, ..base() },
            Observed { downgrade: Some("from 2 to 1".to_owned()), ..base() },
            Observed { advice: vec![advice("bad", Severity::Refuse)], ..base() },
        ];
        for seen in table {
            assert_eq!(judge(&seen, UPGRADE, &Allowed::default()).refusals.len(), 1, "{seen:?}");
        }
        let pending = Next::Refuse(Pending::OperationInProgress);
        assert_eq!(judge(&base(), pending, &Allowed::default()).refusals.len(), 1);
    }

    #[test]
    fn what_is_allowed_by_name_becomes_a_warning() {
        let seen = Observed {
            downgrade: Some("from 2 to 1".to_owned()),
            red: some(),
            advice: vec![
                advice("by-id", Severity::Refuse),
                advice("by-class", Severity::Refuse),
                advice("other", Severity::Warn),
            ],
            ..Observed::default()
        };
        let names = ["by-id", "a-class", UNHEALTHY].map(ToOwned::to_owned).to_vec();
        let allowed = Allowed { names, downgrade: true, ..Allowed::default() };
        let judgement = judge(&seen, UPGRADE, &allowed);
        assert_eq!((judgement.refusals.len(), judgement.warnings.len()), (0, 4));
        let refusals = judge(&seen, UPGRADE, &Allowed::default()).refusals.join("\n");
        assert!(refusals.contains("(--allow unhealthy overrides"), "{refusals}");
    }

    #[test]
    fn one_rule_is_allowed_and_not_its_class() {
        let seen = Observed {
            advice: vec![advice("one", Severity::Refuse), advice("two", Severity::Refuse)],
            ..Observed::default()
        };
        let allowed = Allowed { names: vec!["one".to_owned()], ..Allowed::default() };
        assert_eq!(
            judge(&seen, UPGRADE, &allowed).refusals,
            ["one minor at a time; do so (--allow two overrides)"]
        );
    }

    #[test]
    fn a_pause_stops_a_fix_too_unless_it_is_allowed() {
        let seen = Observed { paused: some(), newest_failed: true, ..Observed::default() };
        assert_eq!(judge(&seen, UPGRADE, &Allowed::default()).refusals.len(), 1);
        let allowed = Allowed { names: vec![PAUSED.to_owned()], ..Allowed::default() };
        let judgement = judge(&seen, UPGRADE, &allowed);
        assert_eq!((judgement.refusals.len(), judgement.warnings.len()), (0, 1));
    }

    #[test]
    fn a_fix_follows_a_failed_revision() {
        let seen = Observed { red: some(), newest_failed: true, ..Observed::default() };
        let judgement = judge(&seen, UPGRADE, &Allowed::default());
        assert_eq!((judgement.refusals.len(), judgement.warnings.len()), (0, 1));
    }

    #[test]
    fn every_object_has_a_line_of_its_own() {
        let two = || vec!["Service ns/a: no".to_owned(), "Service ns/b: no".to_owned()];
        let seen = Observed { foreign: two(), refused: two(), conflicts: two(), ..Observed::default() };
        let refusals = judge(&seen, UPGRADE, &Allowed::default()).refusals;
        assert_eq!(refusals.len(), 6);
        assert_eq!(
            refusals[5],
            "other field managers own fields that would be set: Service ns/b: no; --force-conflicts takes them over"
        );
    }

    #[test]
    fn what_only_a_hook_can_tell_is_a_warning() {
        let seen = Observed { known_later: some(), dead_apis: some(), ..Observed::default() };
        let judgement = judge(&seen, UPGRADE, &Allowed::default());
        assert_eq!((judgement.refusals.len(), judgement.warnings.len()), (0, 2));
    }
}
