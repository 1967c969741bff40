//! How often the webhook and the hosts answered while the gates judged, for the reports. Pure.

use super::seen::{Seen, Tally};
use super::verdict::Availability;

/// Of everything that was asked.
pub(super) fn of(seen: &Seen) -> Vec<Availability> {
    let webhook = std::iter::once(("webhook", &seen.webhook)).filter(|(_, tally)| tally.asked > 0);
    let hosts = seen.hosts.hosts.iter().map(|(label, host)| (label.as_str(), &host.tally));
    webhook.chain(hosts).map(|(of, tally)| counted(of, tally)).collect()
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
