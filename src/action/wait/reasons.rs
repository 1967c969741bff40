//! Why objects are not ready: what their pods say, with the last event and log line of what failed. Judges nothing.

use super::judge::Judged;
use super::not_ready::{NotReady, Unready};
use super::seen::{Seen, Sight};
use crate::cluster::Cluster;
use crate::gate::{Target, Verdict, explain};
use crate::health::text;
use crate::helm::manifest::Key;

/// So many failed objects get their last event and log line told.
const EXPLAINED: usize = 3;

/// The reason of every object that is not ready.
pub(super) async fn unready(
    cluster: &Cluster,
    seen: &Seen,
    judged: Vec<Judged>,
    timed_out: bool,
) -> NotReady {
    let mut objects: Vec<Unready> = Vec::new();
    for judged in judged.into_iter().filter(|judged| !judged.is_ready()) {
        let failed = judged.has_failed();
        let mut reasons: Vec<String> = Vec::new();
        for opinion in &judged.opinions {
            let told = objects.len() < EXPLAINED && opinion.verdict >= Verdict::Waiting;
            let more =
                if told { explain(cluster, &opinion.target, &opinion.message).await } else { String::new() };
            reasons.push(format!("{}: {}{more}", opinion.target, opinion.message));
        }
        if judged.opinions.is_empty() && failed {
            reasons.extend(of_itself(cluster, seen, &judged.key, &judged.status.message).await);
        }
        objects.push(Unready { key: judged.key, failed, message: judged.status.message, reasons });
    }
    NotReady { objects, timed_out }
}

/// The last event of an object that failed by itself.
async fn of_itself(cluster: &Cluster, seen: &Seen, key: &Key, said: &str) -> Option<String> {
    let Some(Sight::Here(object)) = seen.objects.get(key) else { return None };
    let uid = Some(text(object, "/metadata/uid").to_owned());
    let target = Target { uid, ..Target::named(&key.kind, key.namespace.as_deref(), &key.name) };
    let text = explain(cluster, &target, said).await;
    let text = text.trim_start_matches("; ");
    (!text.is_empty()).then(|| text.to_owned())
}
