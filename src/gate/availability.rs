//! How often the webhook and the hosts answered while the gates judged, for the reports. Pure.

use super::names::WEBHOOK;
use super::seen::{Seen, Tally};
use super::verdict::{Availability, GateReport};

/// Of everything that was asked.
pub(super) fn of(seen: &Seen) -> Vec<Availability> {
    let webhook = std::iter::once((WEBHOOK, &seen.webhook)).filter(|(_, tally)| tally.asked > 0);
    let hosts = seen.hosts.hosts.iter().map(|(label, host)| (label.as_str(), &host.tally));
    webhook.chain(hosts).map(|(of, tally)| counted(of, tally)).collect()
}

/// What was counted of the webhook, as a fact of its gate; a fact that changes with every answer is told at the end only.
pub(super) fn tell(seen: &Seen, reports: &mut [GateReport]) {
    let of_webhook = |report: &&mut GateReport| report.gate == WEBHOOK && seen.webhook.asked > 0;
    let told = || format!("the webhook was {}", seen.webhook.told());
    reports.iter_mut().filter(of_webhook).for_each(|report| report.facts.push(told()));
}

fn counted(of: &str, tally: &Tally) -> Availability {
    let Tally { asked, failed, longest_gap, .. } = tally;
    Availability {
        of: of.to_owned(),
        asked: *asked,
        failed: *failed,
        longest_gap_seconds: longest_gap.as_secs_f64(),
    }
}
