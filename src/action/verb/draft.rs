//! A revision as it would be: rendered and not stored, so that what was planned and shown is what is
//! deployed.

use super::observe::{Observed, replaced};
use super::render::{NextRevision, bytes, objects, prepared, record, rendered, rendered_offline, values};
use super::{ActionContext, Deployment, DryRun, reuse};
use crate::action::ActionError;
use crate::config::ReleaseId;
use crate::helm::manifest::Object;
use crate::helm::release::{Release, Revision, Status};
use crate::helm::rendering::Rendering;

/// A revision that is not stored.
#[derive(Debug, Clone)]
pub struct RevisionDraft {
    /// Its record, with the status that a dry run has; its hooks and values are in it.
    pub record: Release,
    /// The objects of its manifest.
    pub objects: Vec<Object>,
    /// What the Secret would hold, in bytes of its base64.
    pub record_bytes: usize,
    /// What Helm warns about.
    pub warnings: Vec<String>,
    rendering: Rendering,
    base: Base,
}

/// On which revisions a draft was made: the newest one (0 = none) and the one that runs. What a revision
/// holds never changes, so nothing else has to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Base {
    newest: Revision,
    current: Option<Revision>,
}

impl Base {
    fn of(history: &[Release]) -> Self {
        let newest = history.last().map_or(0, Release::revision);
        Self { newest, current: replaced(history).map(Release::revision) }
    }
}

impl RevisionDraft {
    pub(super) fn new(
        rendering: Rendering,
        record: Release,
        history: &[Release],
    ) -> Result<Self, ActionError> {
        Ok(Self {
            objects: objects(&rendering, record.name())?,
            record_bytes: bytes(&record)?,
            warnings: rendering.warnings.clone(),
            record,
            rendering,
            base: Base::of(history),
        })
    }

    /// The newest revision when it was made; 0 = there was none.
    pub fn base_revision(&self) -> Revision {
        self.base.newest
    }

    /// What was rendered, if it is still what would be rendered on this history.
    pub(super) fn rendering_on(&self, history: &[Release]) -> Option<Rendering> {
        (self.base == Base::of(history)).then(|| self.rendering.clone())
    }
}

/// Renders with everything that the cluster answers (`lookup`, capabilities), as an upgrade if there is a
/// release, else as an install. Writes nothing.
///
/// A revision that a killed run left pending does not matter here.
pub async fn draft(
    verb: ActionContext<'_>,
    deployment: &Deployment,
    observed: &Observed,
) -> Result<RevisionDraft, ActionError> {
    let Observed { history, kinds, version } = observed;
    let current = replaced(history);
    let (chart, values) = match current {
        Some(current) => {
            reuse::reused(deployment.reuse, deployment.chart.clone(), deployment.values.clone(), current)
                .map_err(values)?
        }
        None => (deployment.chart.clone(), deployment.values.clone()),
    };
    let revision = history.last().map_or(1, |last| last.revision() + 1);
    let next = NextRevision {
        revision,
        shown_revision: if current.is_some() { revision } else { 1 },
        upgrade: current.is_some(),
        status: if current.is_some() { Status::PendingUpgrade } else { Status::PendingInstall },
        description: "Dry run complete",
        first_deployed: current.and_then(Release::first_deployed_text),
    };
    let cluster = (kinds, version.clone());
    let rendering =
        rendered(verb, deployment, prepared(chart, values)?, cluster, &next, DryRun::Server).await?;
    let record = record(verb.release, deployment, &rendering, &next)?;
    RevisionDraft::new(rendering, record, history)
}

/// Renders an install without any cluster (`--dry-run=client`).
pub async fn render_offline(
    release: &ReleaseId,
    deployment: &Deployment,
) -> Result<RevisionDraft, ActionError> {
    let next = NextRevision {
        revision: 1,
        shown_revision: 1,
        upgrade: false,
        status: Status::PendingInstall,
        description: "Dry run complete",
        first_deployed: None,
    };
    let rendering = rendered_offline(release, deployment, &next).await?;
    let record = record(release, deployment, &rendering, &next)?;
    RevisionDraft::new(rendering, record, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(statuses: &[&str]) -> Base {
        let record = |(index, status): (usize, &&str)| {
            let version = index + 1;
            Release::from_json(&format!(
                r#"{{"name":"r","info":{{"status":"{status}"}},"version":{version}}}"#
            ))
            .unwrap()
        };
        Base::of(&statuses.iter().enumerate().map(record).collect::<Vec<_>>())
    }

    #[test]
    fn a_draft_stands_until_another_revision_is_the_newest_or_the_one_that_runs() {
        let made = base(&["superseded", "deployed", "pending-upgrade"]);
        assert_eq!(made, Base { newest: 3, current: Some(2) });
        assert_eq!(made, base(&["superseded", "deployed", "failed"]), "repaired by ourselves");
        for other in [
            &["superseded", "deployed"] as &[&str],
            &["superseded", "superseded", "deployed"],
            &["superseded", "deployed", "failed", "failed"],
            &["superseded", "superseded", "uninstalled"],
        ] {
            assert_ne!(made, base(other), "{other:?}");
        }
        assert_eq!(base(&[]), Base { newest: 0, current: None });
        assert_eq!(base(&["uninstalled"]), Base { newest: 1, current: None });
        assert_eq!(base(&["failed"]).current, Some(1));
    }
}
