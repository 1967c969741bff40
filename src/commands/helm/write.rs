//! Runs a verb that writes: under the lock of the release, listening to signals, its talk on stderr.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use tokio::sync::Notify;

use crate::action::ActionError;
use crate::action::verb::{self, ActionContext, LockOnWrite, Observed, ReadOnly};
use crate::cluster::Cluster;
use crate::commands::Context;
use crate::config::ReleaseId;
use crate::failure::Failure;
use crate::site::identity::Identity;
use crate::site::signals;

/// A holder that was killed stands for half a minute, and it takes a moment to see that it does not move.
const LOCK_WAIT: Duration = Duration::from_secs(40);

/// Runs a verb and gives the lock back, whatever came of it.
pub(super) async fn run<T>(
    cluster: &Cluster,
    release: &ReleaseId,
    context: &Context,
    verb: impl AsyncFnOnce(ActionContext<'_>) -> Result<T, ActionError>,
) -> Result<T, Failure> {
    let printer = context.printer.clone();
    let talk = move |text: &str| printer.line(text);
    let interrupted = Notify::new();
    let identity = Identity::of_this_process();
    let permit = LockOnWrite::new(cluster, release, identity.lock_holder(), LOCK_WAIT, &talk);
    let listening = listen(&interrupted, release, context);
    let asked = ActionContext {
        cluster,
        release,
        run: &identity.run,
        permit: &permit,
        interrupted: &interrupted,
        talk: &talk,
    };
    let result = tokio::select! {
        result = Box::pin(verb(asked)) => result,
        failed = listening => return Err(failed),
    };
    if let Err(error) = permit.release().await {
        context.printer.warn(&format!("the lock could not be given back, it expires by itself: {error}"));
    }
    Ok(result?)
}

/// What there is to know before a verb is chosen; nothing is written.
pub(super) async fn observe(
    cluster: &Cluster,
    release: &ReleaseId,
    context: &Context,
) -> Result<Observed, Failure> {
    let printer = context.printer.clone();
    let looks = ActionContext {
        cluster,
        release,
        run: "",
        permit: &ReadOnly,
        interrupted: &Notify::new(),
        talk: &move |text: &str| printer.line(text),
    };
    Ok(verb::observe(looks).await?)
}

/// A signal lets the verb store its failure and end; never answers, unless it cannot listen.
async fn listen(interrupted: &Notify, release: &ReleaseId, context: &Context) -> Failure {
    match signals::listen() {
        Ok(interrupt) => {
            interrupt.wait().await;
            context.printer.data(&format!("Release {} has been cancelled.", release.name));
            interrupted.notify_one();
            std::future::pending().await
        }
        Err(error) => Failure::from(error),
    }
}

/// Helm's words in front of a failure: `INSTALLATION FAILED`.
#[derive(Debug)]
struct Prefixed {
    prefix: &'static str,
    failure: Failure,
}

impl fmt::Display for Prefixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.prefix, self.failure.chain().join(": "))
    }
}

impl Error for Prefixed {}

/// A failure with Helm's words in front of it.
pub(super) fn prefixed(prefix: &'static str) -> impl Fn(Failure) -> Failure {
    move |failure| {
        let (kind, hints) = (failure.kind(), failure.hints().to_vec());
        hints.into_iter().fold(Failure::new(kind, Prefixed { prefix, failure }), Failure::hint)
    }
}
