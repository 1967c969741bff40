//! The way from one version to another, stop by stop, and what to know on it. Pure; asks no cluster.

use serde::Serialize;

use super::condition::Facts;
use super::judge::{Advice, is_left, is_target, judge_upgrade};
use super::known::Knowledge;
use super::rule::{Applies, Severity, TargetRange};
use crate::certmanager::app_version::AppVersion;

/// The whole way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpgradePath {
    /// Where it begins.
    pub from: AppVersion,
    /// Where it ends.
    pub to: AppVersion,
    /// The versions to go to, one after the other.
    pub stops: Vec<Stop>,
}

/// One version to go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// The version.
    pub to: AppVersion,
    /// What to know before.
    pub advice: Vec<Advice>,
}

/// The way from `from` to `to`: the newest patch of every minor between, other than where a jump is
/// documented. What holds for every upgrade is told at the first stop only.
pub fn plan_path(
    known: &Knowledge,
    from: AppVersion,
    to: AppVersion,
    kubernetes: Option<AppVersion>,
) -> UpgradePath {
    let facts = Facts { kubernetes, ..Facts::default() };
    let (mut stops, mut here, mut told): (Vec<Stop>, _, Vec<Advice>) = (Vec::new(), from, Vec::new());
    while here < to {
        let next = next_stop(known, here, to);
        let mut advice = judge_upgrade(known, Some(here), next, &facts);
        if next < to {
            for one in &mut advice {
                pass_by(known, one, next);
            }
        }
        advice.retain(|one| !told.contains(one));
        told.extend(advice.iter().cloned());
        advice.sort_by_key(|one| std::cmp::Reverse(one.severity));
        stops.push(Stop { to: next, advice });
        here = next;
    }
    UpgradePath { from, to, stops }
}

/// A whole minor may have a defect that only the next one mends: the stop stays, since minors are not left out.
fn pass_by(known: &Knowledge, advice: &mut Advice, stop: AppVersion) {
    let rule = known.rules().iter().find(|rule| rule.id == advice.id);
    if let Some(Applies::Target(TargetRange { fix: Some(fix), .. })) = rule.map(|rule| &rule.applies)
        && *fix > stop
        && !fix.is_same_minor(stop)
    {
        advice.remedy = format!("no version of this minor is without it: go on to {fix} or newer soon");
    }
}

/// Always newer than `here`, and never newer than `to`.
fn next_stop(known: &Knowledge, here: AppVersion, to: AppVersion) -> AppVersion {
    if let Some(via) = detour(known, here, to) {
        return via;
    }
    if here.minor == to.minor {
        return to;
    }
    let minor = jump(known, here, to).unwrap_or(here.minor + 1);
    if minor == to.minor {
        return to;
    }
    let start = AppVersion { minor, patch: 0, ..to };
    known.newest(minor).filter(|newest| !is_bad(known, *newest)).unwrap_or(start)
}

/// A stop that a rule on leaving wants first, as soon as the next step would leave.
fn detour(known: &Knowledge, here: AppVersion, to: AppVersion) -> Option<AppVersion> {
    known.rules().iter().find_map(|rule| match &rule.applies {
        Applies::Leaving(range) if is_left(range, here, to) => {
            range.via.filter(|via| here < *via && *via < to && here.minor == via.minor)
        }
        _ => None,
    })
}

fn jump(known: &Knowledge, here: AppVersion, to: AppVersion) -> Option<u64> {
    let jumps = known.rules().iter().filter_map(|rule| match &rule.applies {
        Applies::Skipped(skipped) => Some(&skipped.documented),
        _ => None,
    });
    let fits =
        jumps.flatten().filter(|jump| (jump.first..=jump.last).contains(&here) && jump.to.minor <= to.minor);
    fits.map(|jump| jump.to.minor).max()
}

fn is_bad(known: &Knowledge, version: AppVersion) -> bool {
    known.rules().iter().any(|rule| match &rule.applies {
        Applies::Target(range @ TargetRange { fix: Some(_), .. }) => {
            rule.condition.is_none() && rule.severity == Severity::Refuse && is_target(range, version)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> AppVersion {
        AppVersion::parse(text).unwrap()
    }

    #[test]
    fn the_stops_are_the_newest_patches_and_the_documented_jumps() {
        let table = [
            ("1.14.2", "1.21.2", "1.15.5 1.16.5 1.17.4 1.18.6 1.19.6 1.20.3 1.21.2"),
            ("1.10.2", "1.14.7", "1.11.5 1.12.17 1.13.6 1.14.7"),
            ("1.12.3", "1.18.6", "1.12.17 1.17.4 1.18.6"),
            ("1.12.17", "1.16.5", "1.13.6 1.14.7 1.15.5 1.16.5"),
            ("1.18.1", "1.18.6", "1.18.6"),
            ("1.21.2", "1.23.1", "1.22.0 1.23.1"),
            ("1.21.2", "1.21.2", ""),
            ("1.21.2", "1.20.3", ""),
        ];
        for (from, to, expected) in table {
            let path = plan_path(&Knowledge::built_in(), version(from), version(to), None);
            let stops: Vec<String> = path.stops.iter().map(|stop| stop.to.to_string()).collect();
            assert_eq!(stops.join(" "), expected, "{from} to {to}");
        }
    }

    #[test]
    fn a_stop_that_cannot_be_avoided_is_not_advised_against() {
        let path = plan_path(&Knowledge::built_in(), version("1.15.5"), version("1.17.4"), None);
        let slow = path.stops[0].advice.iter().find(|advice| advice.id == "slow-ca").unwrap();
        assert_eq!(
            slow.line(),
            "cert-manager 1.16.5 has a known defect: an ACME server that answers slowly ends an issuance, which is \
             then retried after an hour; no version of this minor is without it: go on to 1.17.3 or newer soon"
        );
    }

    #[test]
    fn no_stop_is_refused_but_for_the_end() {
        let known = Knowledge::built_in();
        for minor in 0..=20 {
            let from = AppVersion { major: 1, minor, patch: 0 };
            let path = plan_path(&known, from, version("1.21.2"), None);
            for stop in path.stops {
                let refused = stop.advice.iter().find(|advice| advice.severity == Severity::Refuse);
                assert_eq!(refused, None, "{from} to {}", stop.to);
            }
        }
    }
}
