//! The chart that a run deploys: packaged from its source, or the published archive of a version.

use std::path::Path;

use crate::config::{ChartSettings, Settings};
use crate::failure::Failure;
use crate::helm::chart::{ChartArchive, Overrides};
use crate::plan::{PlannedChart, PlannedPublish};
use crate::repository::publish;
use crate::repository::{self, ChartRepository, RepositoryError};
use crate::source::{self, Fetched, Origin, SourceError};

/// The chart with everything that is known of it before a cluster is looked at.
pub struct ChartToDeploy {
    /// The archive. Until it is published, the local one.
    pub archive: ChartArchive,
    /// Its identity.
    pub planned: PlannedChart,
    /// What happens in the repository.
    pub publish: PlannedPublish,
    /// The repository.
    pub repository: Box<dyn ChartRepository>,
}

/// Packages the source, or downloads `--version`. Nothing is uploaded.
pub async fn resolve(settings: &Settings) -> Result<ChartToDeploy, Failure> {
    let repository =
        repository::for_settings(&settings.chart.repository).map_err(RepositoryError::failure)?;
    let url = repository.url().to_string();
    let (archive, origin, uploads) = match &settings.version {
        Some(version) => {
            let archive = publish::published(repository.as_ref(), &settings.chart.chart_name, version)
                .await
                .map_err(RepositoryError::failure)?;
            (archive, format!("published in {url}"), false)
        }
        None => {
            let (archive, origin) = package_source(settings).await?;
            // What is published already is what is deployed, even where another tool saved the same content
            // in other bytes.
            let published =
                publish::alike(repository.as_ref(), &archive).await.map_err(RepositoryError::failure)?;
            let uploads = published.is_none();
            (published.unwrap_or(archive), origin.to_string(), uploads)
        }
    };
    let planned = PlannedChart {
        name: archive.name().to_owned(),
        version: archive.version().to_owned(),
        digest: archive.digest().to_string(),
        content: archive.content().digest().to_string(),
        origin,
    };
    Ok(ChartToDeploy { archive, planned, publish: PlannedPublish { repository: url, uploads }, repository })
}

impl ChartToDeploy {
    /// Publishes the archive; from then on the published one is the one that is deployed.
    pub async fn publish(&mut self) -> Result<(), Failure> {
        let publication = publish::publish(self.repository.as_ref(), &self.archive)
            .await
            .map_err(RepositoryError::failure)?;
        self.planned.digest = publication.archive.digest().to_string();
        self.archive = publication.archive;
        Ok(())
    }
}

/// Fetches the chart from its source and packages it; the same commit gives the same bytes.
pub async fn package_source(settings: &Settings) -> Result<(ChartArchive, Origin), Failure> {
    let (fetched, archive) =
        packaged(&settings.chart, settings.reference.as_deref(), &settings.base_dir).await?;
    Ok((archive, fetched.origin))
}

/// The chart as it would be published.
pub async fn packaged(
    chart: &ChartSettings,
    reference: Option<&str>,
    base_dir: &Path,
) -> Result<(Fetched, ChartArchive), Failure> {
    let (source, reference, base_dir) =
        (chart.source.clone(), reference.map(str::to_owned), base_dir.to_owned());
    let work = tokio::task::spawn_blocking(move || {
        let fetched = source::fetch(&source, reference.as_deref(), &base_dir)?;
        let archive = fetched.package(&Overrides::default())?;
        Ok((fetched, archive))
    });
    work.await?.map_err(source_failure)
}

/// The failure of a source, with what to do next.
pub fn source_failure(error: SourceError) -> Failure {
    let hint = error.hint();
    let failure = Failure::from(error);
    hint.into_iter().fold(failure, Failure::hint)
}
