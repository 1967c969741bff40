//! `release publish`: package the chart of `release.yaml` and bring it into its repository.

use clap::Args;
use serde_json::json;

use super::Context;
use super::shared_args::DryRunArgs;
use crate::config::{ChartSettings, Selection};
use crate::failure::Failure;
use crate::helm::chart::ChartArchive;
use crate::redact::RedactedUrl;
use crate::report::exit_code::Exit;
use crate::report::format::Format;
use crate::repository::publish::{self, Publication, PublishAction};
use crate::repository::{self, RepositoryError};
use crate::site::chart::packaged;
use crate::source::Origin;

/// The arguments.
#[derive(Debug, Clone, Args)]
pub struct PublishArgs {
    /// The chart, by its name in release.yaml; needed when several are configured
    #[arg(long, value_name = "NAME")]
    pub chart: Option<String>,
    /// Publish this branch, tag or commit instead of the configured one
    #[arg(long = "ref", value_name = "REF")]
    pub reference: Option<String>,
    /// Look first.
    #[command(flatten)]
    pub dry_run: DryRunArgs,
    /// How the result is written to stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
}

/// Fetches and packages the chart, then publishes it or finds it published.
pub async fn run(args: &PublishArgs, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let selection =
        Selection { chart: args.chart.clone(), reference: args.reference.clone(), ..Selection::default() };
    let chart = ChartSettings::of(&config, &selection)?;
    let repository = repository::for_settings(&chart.repository).map_err(RepositoryError::failure)?;
    let (fetched, archive) = packaged(&chart, args.reference.as_deref(), config.base_dir()).await?;
    context.printer.line(&format!(
        "packaged {} {} from {}",
        archive.name(),
        archive.version(),
        fetched.origin
    ));
    let done = if args.dry_run.dry_run {
        Done::checked(
            publish::check(repository.as_ref(), &archive).await.map_err(RepositoryError::failure)?,
            archive,
        )
    } else {
        context.printer.line(&format!("publishing it to {}", repository.url()));
        Done::published(
            publish::publish(repository.as_ref(), &archive).await.map_err(RepositoryError::failure)?,
        )
    };
    context.printer.data(&done.told(repository.url(), &fetched.origin, args.output)?);
    Ok(if args.dry_run.detailed_exitcode && done.action == WOULD_UPLOAD {
        Exit::Changes
    } else {
        Exit::Success
    })
}

const WOULD_UPLOAD: &str = "would be uploaded";

/// What was, or would be, done, as it is told.
struct Done {
    action: &'static str,
    /// Of the archive that is, or would be, in the repository.
    digest: String,
    /// Where it is, once it was published.
    url: Option<RedactedUrl>,
    archive: ChartArchive,
}

impl Done {
    fn published(publication: Publication) -> Self {
        let Publication { action, archive, url } = publication;
        let action = match action {
            PublishAction::Upload => "uploaded",
            PublishAction::AlreadyPublished { .. } => "already published",
        };
        Self { action, digest: archive.digest().to_string(), url: Some(url), archive }
    }

    fn checked(action: PublishAction, archive: ChartArchive) -> Self {
        let (action, digest) = match action {
            PublishAction::Upload => (WOULD_UPLOAD, archive.digest().to_string()),
            PublishAction::AlreadyPublished { digest } => ("already published", digest),
        };
        Self { action, digest, url: None, archive }
    }

    fn told(&self, repository: &RedactedUrl, origin: &Origin, output: Format) -> Result<String, Failure> {
        let Self { action, digest, archive, .. } = self;
        let (content, url) =
            (archive.content().digest().to_string(), self.url.as_ref().map(ToString::to_string));
        let value = json!({
            "name": archive.name(),
            "version": archive.version(),
            "digest": digest,
            "contentDigest": content,
            "action": action.replace(' ', "-"),
            "repository": repository.to_string(),
            "url": url,
            "source": { "url": origin.url, "reference": origin.reference, "commit": origin.commit, "dirty": origin.dirty, "time": origin.time },
        });
        Ok(match output {
            Format::Table => {
                let place = url
                    .map_or_else(|| format!("repository  {repository}"), |url| format!("url         {url}"));
                let file = archive.file_name();
                format!(
                    "archive     {file}\ndigest      {digest}\ncontent     {content}\naction      {action}\n{place}"
                )
            }
            Format::Json => serde_json::to_string_pretty(&value)?,
            Format::Yaml => serde_norway::to_string(&value)?.trim_end().to_owned(),
        })
    }
}
