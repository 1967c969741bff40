//! The objects of cert-manager that gates see, everywhere in the cluster.

use kube::Resource;

use super::follow::{Watch, Watchable};
use super::rows;
use super::seen::{Seen, Store};
use super::source::Source;
use crate::certmanager::resources::{Certificate, Challenge, Object as _};

/// Who signs.
pub(super) fn issuers() -> Vec<Source> {
    vec![
        whole(watch(|seen: &mut Seen| &mut seen.issuers)),
        whole(watch(|seen: &mut Seen| &mut seen.cluster_issuers)),
    ]
}

/// What is wished.
pub(super) fn certificates() -> Source {
    whole(Watch { note: note_issuing, ..watch(|seen: &mut Seen| &mut seen.certificates) })
}

/// What is asked for, with what is wished.
pub(super) fn requests() -> Vec<Source> {
    let requests = Watch { rows: Some(&rows::REQUESTS), ..watch(|seen: &mut Seen| &mut seen.requests) };
    vec![certificates(), whole(requests)]
}

/// What is ordered from a CA, and everything above it.
pub(super) fn orders() -> Vec<Source> {
    let orders = Watch { rows: Some(&rows::ORDERS), ..watch(|seen: &mut Seen| &mut seen.orders) };
    let challenges = Watch { note: note_challenged, ..watch(|seen: &mut Seen| &mut seen.challenges) };
    let mut all = requests();
    all.extend([whole(orders), whole(challenges)]);
    all.push(Source::events("PresentError", "Challenge", |seen| &mut seen.present_errors));
    all.push(Source::events("Solver", "Order", |seen| &mut seen.solver_errors));
    all
}

fn watch<K: Watchable + Resource<DynamicType = ()>>(store: fn(&mut Seen) -> &mut Store<K>) -> Watch<K> {
    Watch::at(&format!("{}s", K::kind(&())), K::url_path(&(), None), store)
}

fn whole<K: Watchable + Resource<DynamicType = ()>>(watch: Watch<K>) -> Source {
    Source::of(None, watch)
}

fn note_issuing(seen: &mut Seen, certificate: &Certificate) {
    seen.sightings.note(certificate);
}

fn note_challenged(seen: &mut Seen, challenge: &Challenge) {
    seen.challenged.extend(challenge.owner("Order").map(|owner| owner.uid.clone()));
}
