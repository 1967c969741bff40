//! The API server answers and every watch is complete: without that nothing that was seen is worth judging.

use std::time::Duration;

use http::{Request, header};
use k8s_openapi::jiff::{Timestamp, fmt::rfc2822};
use kube::client::Body;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::seen::{Change, Pulse, Seen};
use super::start::Start;
use crate::cluster::Cluster;
use crate::cluster::error::Cause as ApiCause;

const BEAT: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    let target = |name: &str| Target::named("API server", None, name);
    match &seen.pulse {
        Pulse::Unknown => {}
        Pulse::Answers => judgement.fact("the API server answers and every watch is complete"),
        Pulse::Silent(why) => {
            judgement.say(Opinion::waiting("silent", target(&context.subject.release.name), why));
        }
    }
    for (what, why) in &seen.broken {
        judgement.say(Opinion::waiting("watch", target(what), format!("watching {what}: {why}")));
    }
    // A chart need not bring any of these; a watch that was started has to be complete.
    let sets =
        seen.stateful_sets.is_complete() && seen.daemon_sets.is_complete() && seen.replica_sets.is_complete();
    let complete =
        seen.crds.is_complete() && seen.deployments.is_complete() && seen.pods.is_complete() && sets;
    if !complete && judgement.opinions.is_empty() {
        judgement.say(Opinion::waiting("listed", target("workloads"), "not everything is listed yet"));
    }
    judgement
}

/// From the start of the run.
pub(super) fn start(start: &mut Start) {
    start.task(watch(start.cluster.clone(), start.changes.clone()));
}

/// Asks again and again, until nobody listens any more.
async fn watch(cluster: Cluster, changes: mpsc::Sender<Change>) {
    while changes.send(beat(&cluster).await).await.is_ok() {
        sleep(BEAT).await;
    }
}

/// Asks once.
pub(super) async fn beat(cluster: &Cluster) -> Change {
    match timeout(PATIENCE, server_time(cluster)).await {
        Ok(Ok(time)) => Box::new(move |seen| {
            seen.pulse = Pulse::Answers;
            seen.server_time = time.or(seen.server_time);
        }),
        Ok(Err(error)) => silent(ApiCause::of(&error).to_string()),
        Err(_) => silent(format!("the API server does not answer within {} s", PATIENCE.as_secs())),
    }
}

fn silent(why: String) -> Change {
    Box::new(move |seen| seen.pulse = Pulse::Silent(why))
}

/// The API server's clock, from the `Date` header of its answer; absent when something between strips it.
pub(crate) async fn server_time(cluster: &Cluster) -> Result<Option<Timestamp>, kube::Error> {
    let request = Request::get("/version").body(Body::empty()).map_err(kube::Error::HttpError)?;
    let answer = cluster.client.send(request).await?;
    let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    Ok(date.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::tests::World;
    use crate::gate::verdict::Verdict;

    #[test]
    fn only_an_answer_and_complete_lists_pass() {
        let listed = || Seen { pulse: Pulse::Answers, pods: vec![].into_iter().collect(), ..Seen::default() };
        let mut listing = listed();
        listing.deployments.open();
        let broken = [("Pods".to_owned(), "410".to_owned())].into_iter().collect();
        let table = [
            (Seen::default(), Verdict::Waiting),
            (listing, Verdict::Waiting),
            (listed(), Verdict::Passed),
            (Seen { pulse: Pulse::Silent("down".to_owned()), ..listed() }, Verdict::Waiting),
            (Seen { broken, ..listed() }, Verdict::Waiting),
        ];
        for (seen, expected) in table {
            assert_eq!(judge(&seen, &World::new(vec![]).context()).verdict(), expected, "{seen:?}");
        }
    }

    #[test]
    fn the_date_header_is_read() {
        let parsed = rfc2822::DateTimeParser::new().parse_timestamp("Tue, 24 Nov 2026 08:40:12 GMT").unwrap();
        assert_eq!(parsed.to_string(), "2026-11-24T08:40:12Z");
    }
}
