//! A canary that failed is issued a second time before anybody is blamed: an API server that dies meanwhile makes
//! cert-manager mix up private keys, and it would try again only after an hour. One of an ACME server is not, for its limits.

use tokio::sync::mpsc;

use super::create::{self, Maker};
use super::is_issued;
use super::unissued::not_issued;
use crate::certmanager::resources::Certificate;
use crate::config::ReleaseId;
use crate::gate::context::Context;
use crate::gate::opinion::Opinion;
use crate::gate::seen::{Canary, Change, Seen, State};
use crate::gate::start::Start;
use crate::gate::verdict::Verdict;

/// Its failure is not its last word.
pub(in crate::gate) fn has_second_try(canary: &Canary) -> bool {
    canary.first_failure.is_none() && !canary.acme && !canary.is_by_ingress()
}

/// What is said of it until then.
pub(super) fn waits(failed: Opinion) -> Opinion {
    let message = format!("{}; one failure proves nothing: it is issued a second time", failed.message);
    Opinion::waiting("again", failed.target, message)
}

/// Starts the second try of whatever has failed its first one.
pub(in crate::gate) fn start(start: &mut Start) {
    let context = start.context;
    let failed: Vec<(usize, String)> = start
        .seen
        .canaries
        .iter()
        .enumerate()
        .filter_map(|(at, canary)| Some((at, failure(start.seen, canary, &context)?)))
        .collect();
    for (at, failure) in failed {
        let canary = &mut start.seen.canaries[at];
        (canary.first_failure, canary.state) = (Some(failure), State::Asked);
        let issuer = canary.issuer.clone();
        let (maker, release) = create::maker(start);
        start.task(issue(maker, release, issuer, start.changes.clone()));
    }
}

/// What the first try of `canary` failed with, if it has another one.
fn failure(seen: &Seen, canary: &Canary, context: &Context) -> Option<String> {
    let State::Created(target) = &canary.state else { return None };
    let certificate: &Certificate = seen.certificates.get(target.uid.as_deref()?)?;
    if !has_second_try(canary) || is_issued(certificate) {
        return None;
    }
    let opinion = not_issued(seen, canary, certificate, context);
    (opinion.verdict == Verdict::Failed).then_some(opinion.message)
}

async fn issue(maker: Maker, release: ReleaseId, issuer: String, changes: mpsc::Sender<Change>) {
    let Some(second) = create::second(maker, &release, &issuer).await else { return };
    let replace = move |seen: &mut Seen| {
        if let Some(canary) = seen.canaries.iter_mut().find(|canary| canary.issuer == issuer) {
            canary.state = second.state;
        }
    };
    // Nobody listens any more when the run has ended.
    let _ = changes.send(Box::new(replace)).await;
}
