//! The rule by which a chart gets into a repository: same content is success, other content is refused, and
//! nothing is believed that was not read back.
//!
//! The published archive is the one that is deployed: archives saved again by other tools differ in their
//! bytes, not in their content.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{ChartRepository, RepositoryError, Uploaded};
use crate::config::error::did_you_mean;
use crate::helm::chart::archive::ChartArchive;
use crate::redact::RedactedUrl;
use crate::several::first_of;
use crate::web::Backoff;

/// How long the repository may take to serve and list an archive. Replicas of ChartMuseum without a shared
/// cache list it only after their `--cache-interval`, which is five minutes where it is set at all.
const WITHIN: Duration = Duration::from_mins(6);
/// How many readings of the index in a row have to agree: replicas behind a load balancer answer in turns.
const AGREEING: u32 = 3;
/// The pauses between two questions.
const POLL: Backoff =
    Backoff { attempts: u32::MAX, first: Duration::from_millis(100), longest: Duration::from_secs(10) };

/// What publishing means for an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishAction {
    /// It is not there yet and is uploaded.
    Upload,
    /// An archive with the same content is there already.
    AlreadyPublished {
        /// Digest (`sha256:<hex>`) of the archive that is there.
        digest: String,
    },
}

/// A chart that the repository serves and lists.
#[derive(Debug, Clone)]
pub struct Publication {
    /// What was done.
    pub action: PublishAction,
    /// The archive that is in the repository: the one to deploy.
    pub archive: ChartArchive,
    /// Where it is.
    pub url: RedactedUrl,
}

/// What publishing this archive would do. Changes nothing.
pub async fn check(
    repository: &dyn ChartRepository,
    archive: &ChartArchive,
) -> Result<PublishAction, RepositoryError> {
    Ok(match alike(repository, archive).await? {
        Some(published) => already(&published),
        None => PublishAction::Upload,
    })
}

/// The published archive with the content of this one, or `None` when its name and version are free. Other
/// content is refused.
pub async fn alike(
    repository: &dyn ChartRepository,
    archive: &ChartArchive,
) -> Result<Option<ChartArchive>, RepositoryError> {
    if let Some(published) = find(repository, archive.name(), archive.version()).await? {
        return same_content(repository, archive, published).map(Some);
    }
    // The address may be no repository at all, where everything is "not found".
    repository.listed(archive.name(), archive.version()).await?;
    Ok(None)
}

/// Publishes the archive, or finds it published. Returns when the repository serves it and its index lists
/// it.
pub async fn publish(
    repository: &dyn ChartRepository,
    archive: &ChartArchive,
) -> Result<Publication, RepositoryError> {
    publish_within(repository, archive, WITHIN).await
}

/// The published archive of this name and version.
pub async fn published(
    repository: &dyn ChartRepository,
    name: &str,
    version: &str,
) -> Result<ChartArchive, RepositoryError> {
    match find(repository, name, version).await? {
        Some(published) => Ok(published),
        None => Err(missing(repository, name, version).await?),
    }
}

/// The refusal of a version that is not there: it says what is. Another name is never taken for the wanted
/// one.
async fn missing(
    repository: &dyn ChartRepository,
    name: &str,
    version: &str,
) -> Result<RepositoryError, RepositoryError> {
    let (charts, url) = (repository.charts().await?, repository.url().to_string());
    Ok(match charts.get(name) {
        Some(versions) => {
            let there = few(versions.iter().map(String::as_str));
            RepositoryError::NotPublished { chart: format!("{name} {version}"), url, there }
        }
        None => {
            let names = || charts.keys().map(String::as_str);
            let (near, there) = (did_you_mean(name, names()), few(names()));
            RepositoryError::UnknownChart { name: name.to_owned(), url, near, there }
        }
    })
}

/// The first ten; a repository may have thousands.
fn few<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_owned() } else { first_of(&names, 10) }
}

async fn publish_within(
    repository: &dyn ChartRepository,
    archive: &ChartArchive,
    within: Duration,
) -> Result<Publication, RepositoryError> {
    let (action, published) = match alike(repository, archive).await? {
        Some(published) => (already(&published), published),
        None => upload(repository, archive, within).await?,
    };
    let url = until_listed(repository, &published, within).await?;
    Ok(Publication { action, archive: published, url })
}

/// Uploads and reads back. What was stored by somebody else in the meantime, or by an attempt whose answer
/// was lost, is compared alike.
async fn upload(
    repository: &dyn ChartRepository,
    archive: &ChartArchive,
    within: Duration,
) -> Result<(PublishAction, ChartArchive), RepositoryError> {
    let uploaded = repository.upload(archive).await?;
    let published = same_content(repository, archive, until_served(repository, archive, within).await?)?;
    let action = match uploaded {
        Uploaded::Stored => PublishAction::Upload,
        Uploaded::AlreadyThere => already(&published),
    };
    Ok((action, published))
}

fn already(published: &ChartArchive) -> PublishAction {
    PublishAction::AlreadyPublished { digest: published.digest().to_string() }
}

/// The archive of this name and version, read and checked, or `None`.
async fn find(
    repository: &dyn ChartRepository,
    name: &str,
    version: &str,
) -> Result<Option<ChartArchive>, RepositoryError> {
    let Some(bytes) = repository.download(name, version).await? else { return Ok(None) };
    let (chart, url) = (format!("{name} {version}"), repository.url().to_string());
    let archive = ChartArchive::read(bytes).map_err(|source| RepositoryError::Archive {
        chart: chart.clone(),
        url: url.clone(),
        source: Box::new(source),
    })?;
    let found = format!("{} {}", archive.name(), archive.version());
    if found == chart { Ok(Some(archive)) } else { Err(RepositoryError::OtherChart { chart, found, url }) }
}

/// The published archive, if it has the content of ours.
fn same_content(
    repository: &dyn ChartRepository,
    ours: &ChartArchive,
    published: ChartArchive,
) -> Result<ChartArchive, RepositoryError> {
    let files = ours.content().differences(&published.content());
    if files.is_empty() {
        Ok(published)
    } else {
        Err(RepositoryError::OtherContent { chart: named(ours), url: repository.url().to_string(), files })
    }
}

async fn until_served(
    repository: &dyn ChartRepository,
    archive: &ChartArchive,
    within: Duration,
) -> Result<ChartArchive, RepositoryError> {
    let mut wait = Wait::new(within);
    loop {
        if let Some(published) = find(repository, archive.name(), archive.version()).await? {
            return Ok(published);
        }
        if !wait.pause().await {
            return Err(RepositoryError::NotServed {
                chart: named(archive),
                url: repository.url().to_string(),
                within,
            });
        }
    }
}

/// Waits until several readings of the index in a row list the archive, and returns where it is.
async fn until_listed(
    repository: &dyn ChartRepository,
    published: &ChartArchive,
    within: Duration,
) -> Result<RedactedUrl, RepositoryError> {
    let (digest, mut wait, mut agreeing) = (published.digest().to_string(), Wait::new(within), 0);
    loop {
        let listed = repository.listed(published.name(), published.version()).await?;
        let (seen, url) = listed.map_or((None, None), |listed| (listed.digest, Some(listed.url)));
        match url {
            // An index without digests cannot be compared, but it lists the version.
            Some(url) if seen.as_ref().is_none_or(|seen| *seen == digest) => {
                agreeing += 1;
                if agreeing == AGREEING {
                    return Ok(url);
                }
            }
            _ => {
                agreeing = 0;
                if !wait.pause().await {
                    let (chart, url) = (named(published), repository.url().to_string());
                    return Err(RepositoryError::NotListed { chart, digest, url, seen, within });
                }
            }
        }
    }
}

/// Growing pauses until a time is up.
struct Wait {
    end: Instant,
    asked: u32,
}

impl Wait {
    fn new(within: Duration) -> Self {
        Self { end: Instant::now() + within, asked: 0 }
    }

    /// Sleeps before the next question; false when there is no time for one.
    async fn pause(&mut self) -> bool {
        self.asked += 1;
        let pause = POLL.pause(self.asked, rand::random()).unwrap_or(POLL.longest);
        let in_time = Instant::now() + pause < self.end;
        if in_time {
            tokio::time::sleep(pause).await;
        }
        in_time
    }
}

fn named(archive: &ChartArchive) -> String {
    format!("{} {}", archive.name(), archive.version())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::helm::chart::package::{self, Overrides};
    use crate::helm::chart::{Chart, File};
    use crate::repository::Listed;

    #[tokio::test]
    async fn a_version_that_is_not_there_is_refused_with_what_is() {
        let refusal = async |name: &str, charts: &[(&str, &[&str])]| {
            let charts = charts.iter().map(|(name, versions)| {
                ((*name).to_owned(), versions.iter().map(ToString::to_string).collect())
            });
            let repository = Scripted { charts: charts.collect(), ..Scripted::serving(&[None]) };
            published(&repository, name, "1.0.0").await.unwrap_err().to_string()
        };
        let charts: &[(&str, &[&str])] = &[("ingress-nginx", &["4.1.0", "4.0.9"]), ("podinfo", &["6.0.0"])];
        assert_eq!(
            refusal("ingress-nginx", charts).await,
            "ingress-nginx 1.0.0 is not published in http://museum/; it has 4.1.0, 4.0.9"
        );
        assert_eq!(
            refusal("ingress-ngin", charts).await,
            "http://museum/ has no chart `ingress-ngin`; it has ingress-nginx, podinfo; did you mean `ingress-nginx`?"
        );
        assert_eq!(refusal("x", &[]).await, "http://museum/ has no chart `x`; it has none");
    }

    /// A repository that stores nothing by itself: the archives that it serves and lists were put there by
    /// the test.
    struct Scripted {
        url: RedactedUrl,
        served: Mutex<Vec<Option<Vec<u8>>>>,
        listed: Option<String>,
        uploaded: Uploaded,
        charts: BTreeMap<String, Vec<String>>,
    }

    impl Scripted {
        /// Serves these one after the other, the last one for ever.
        fn serving(served: &[Option<&ChartArchive>]) -> Self {
            let served =
                served.iter().map(|archive| archive.map(|archive| archive.bytes().to_vec())).collect();
            let url = RedactedUrl::new("http://museum".parse().unwrap());
            Self {
                url,
                served: Mutex::new(served),
                listed: None,
                uploaded: Uploaded::Stored,
                charts: BTreeMap::new(),
            }
        }
    }

    #[async_trait]
    impl ChartRepository for Scripted {
        fn url(&self) -> &RedactedUrl {
            &self.url
        }

        async fn download(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
            let mut served = self.served.lock().unwrap();
            Ok(if served.len() > 1 { served.remove(0) } else { served[0].clone() })
        }

        async fn upload(&self, _: &ChartArchive) -> Result<Uploaded, RepositoryError> {
            Ok(self.uploaded)
        }

        async fn listed(&self, _: &str, _: &str) -> Result<Option<Listed>, RepositoryError> {
            Ok(self.listed.clone().map(|digest| Listed { digest: Some(digest), url: self.url.clone() }))
        }

        async fn charts(&self) -> Result<BTreeMap<String, Vec<String>>, RepositoryError> {
            Ok(self.charts.clone())
        }
    }

    fn demo(values: &str) -> ChartArchive {
        let files = vec![
            File::new("Chart.yaml", "apiVersion: v2\nname: demo\nversion: 1.0.0\n"),
            File::new("values.yaml", values),
        ];
        package::package(&Chart::from_files(files).unwrap(), 0, &Overrides::default()).unwrap()
    }

    const SOON: Duration = Duration::from_millis(400);

    #[tokio::test]
    async fn an_upload_that_lost_the_race_to_the_same_content_is_a_success() {
        let ours = demo("a: 1\n");
        let repository = Scripted {
            listed: Some(ours.digest().to_string()),
            uploaded: Uploaded::AlreadyThere,
            ..Scripted::serving(&[None, Some(&ours)])
        };
        let publication = publish_within(&repository, &ours, SOON).await.unwrap();
        assert_eq!(publication.action, PublishAction::AlreadyPublished { digest: ours.digest().to_string() });
    }

    #[tokio::test]
    async fn an_upload_that_lost_the_race_to_other_content_is_refused() {
        let (ours, theirs) = (demo("a: 1\n"), demo("a: 2\n"));
        let repository =
            Scripted { uploaded: Uploaded::AlreadyThere, ..Scripted::serving(&[None, Some(&theirs)]) };
        let refusal = publish_within(&repository, &ours, SOON).await.unwrap_err();
        assert!(matches!(refusal, RepositoryError::OtherContent { files, .. } if files == ["values.yaml"]));
    }

    #[tokio::test]
    async fn a_replica_that_serves_it_later_is_waited_for() {
        let ours = demo("a: 1\n");
        let served = Scripted::serving(&[None, None, None, Some(&ours)]);
        let repository = Scripted { listed: Some(ours.digest().to_string()), ..served };
        assert_eq!(publish_within(&repository, &ours, SOON).await.unwrap().action, PublishAction::Upload);
    }

    #[tokio::test]
    async fn what_is_never_served_or_never_listed_is_no_success() {
        let ours = demo("a: 1\n");
        let never_served = publish_within(&Scripted::serving(&[None]), &ours, SOON).await.unwrap_err();
        assert!(matches!(never_served, RepositoryError::NotServed { .. }), "{never_served}");
        for listed in [None, Some("sha256:00ff".to_owned())] {
            let repository = Scripted { listed: listed.clone(), ..Scripted::serving(&[Some(&ours)]) };
            let never_listed = publish_within(&repository, &ours, SOON).await.unwrap_err();
            assert!(
                matches!(&never_listed, RepositoryError::NotListed { seen, .. } if *seen == listed),
                "{never_listed}"
            );
        }
    }
}
