//! The archive of a plan, fetched when it is needed: a run that only has to gate, or to finish a rollback, needs no
//! chart repository. Publishes nothing.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::config::RepositorySettings;
use crate::failure::Failure;
use crate::helm::chart::archive::ChartArchive;
use crate::plan::PlannedChart;
use crate::repository::{self, RepositoryError, publish};

/// The archive that a plan names.
pub struct PlannedArchive {
    known: OnceCell<Arc<ChartArchive>>,
    repository: RepositorySettings,
}

impl PlannedArchive {
    /// One that is at hand already.
    pub fn at_hand(archive: ChartArchive, repository: &RepositorySettings) -> Self {
        Self { known: OnceCell::new_with(Some(Arc::new(archive))), repository: repository.clone() }
    }

    /// One that was published before any cluster was touched.
    pub fn published(repository: &RepositorySettings) -> Self {
        Self { known: OnceCell::new(), repository: repository.clone() }
    }

    /// The archive; refused when its content is not the planned one.
    pub async fn get(&self, planned: &PlannedChart) -> Result<Arc<ChartArchive>, Failure> {
        let archive = self.known.get_or_try_init(|| self.download(planned)).await?;
        check(archive, planned)?;
        Ok(archive.clone())
    }

    async fn download(&self, planned: &PlannedChart) -> Result<Arc<ChartArchive>, Failure> {
        let repository = repository::for_settings(&self.repository).map_err(RepositoryError::failure)?;
        let archive = publish::published(repository.as_ref(), &planned.name, &planned.version).await;
        Ok(Arc::new(archive.map_err(RepositoryError::failure)?))
    }
}

/// Refuses an archive with other content than the planned one.
pub fn check(archive: &ChartArchive, planned: &PlannedChart) -> Result<(), Failure> {
    let found = archive.content().digest().to_string();
    if found == planned.content {
        return Ok(());
    }
    let PlannedChart { name, version, content, .. } = planned;
    let told =
        format!("{name} {version} is not what was planned: its content is {found}, planned was {content}");
    Err(Failure::refused(told).hint("make a new plan: `release --cluster …` looks at what is there now"))
}
