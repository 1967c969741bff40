//! Changes a stored revision without overwriting what somebody else makes of it at the same time.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use kube::api::PostParams;
use tokio::time::{Duration, sleep};

use super::{api, decode, fill, secret_name, unreadable};
use crate::cluster::error::Cause;
use crate::cluster::{ApiError, Cluster};
use crate::config::ReleaseId;
use crate::helm::release::{CodecError, Release, Revision, Status};

/// Attempts when somebody else writes the same record at the same time, or the server is away.
const ATTEMPTS: u32 = 5;
/// A bit longer before each further attempt.
const PAUSE: Duration = Duration::from_millis(200);

/// Rewrites a revision to `failed`, in the record and in the label that Helm looks releases up by, so that no
/// rollback picks it.
pub async fn mark_failed(
    cluster: &Cluster,
    release: &ReleaseId,
    revision: Revision,
    description: &str,
) -> Result<(), ApiError> {
    rewrite(cluster, release, revision, |record| record.with_status(Status::Failed, description))
        .await
        .map(|_| ())
}

/// Changes the record of a revision and answers what it was before. Whoever writes it at the same time is not
/// overwritten.
///
/// A write that got no answer is not simply sent again, since it names the version that it changes: the record
/// is read again, and may be what it should be already.
pub async fn rewrite(
    cluster: &Cluster,
    release: &ReleaseId,
    revision: Revision,
    change: impl Fn(&Release) -> Result<Release, CodecError>,
) -> Result<Release, ApiError> {
    let (api, name) = (api(cluster, release), secret_name(release, revision));
    let doing = || format!("rewrite the record of revision {revision}, Secret {}/{name}", release.namespace);
    let (mut sent, mut last) = (None::<Sent>, None);
    for attempt in 0..ATTEMPTS {
        sleep(PAUSE * attempt).await;
        let mut secret = api.get(&name).await.map_err(|error| ApiError::new(cluster, doing(), &error))?;
        if let Some(sent) = sent.take_if(|sent| secret.data == sent.data) {
            return Ok(sent.before);
        }
        let before = decode(cluster, release, &secret)?;
        let after = change(&before).map_err(|error| unreadable(cluster, release, &name, &error))?;
        fill(&mut secret, &after, "modifiedAt")
            .map_err(|error| unreadable(cluster, release, &name, &error))?;
        match api.replace(&name, &PostParams::default(), &secret).await {
            Ok(_) => return Ok(before),
            Err(error) if may_have_arrived(&error) => {
                sent = Some(Sent { data: secret.data, before });
                last = Some(Cause::of(&error));
            }
            Err(error) => return Err(ApiError::new(cluster, doing(), &error)),
        }
    }
    let busy = || Cause::Conflict("somebody else keeps writing it".to_owned());
    Err(ApiError::with_cause(&cluster.name, doing(), last.unwrap_or_else(busy)))
}

/// A write that may have arrived, and what was there before it.
struct Sent {
    data: Option<BTreeMap<String, ByteString>>,
    before: Release,
}

/// Somebody else was faster, the server is busy, or there was no answer.
fn may_have_arrived(error: &kube::Error) -> bool {
    match Cause::of(error) {
        Cause::Conflict(_) | Cause::Unreachable(_) => true,
        Cause::Refused { code, .. } => code >= 500,
        _ => false,
    }
}
