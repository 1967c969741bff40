//! Every selected cluster is reached before any of them is touched.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::identity::Identity;
use super::lock;
use super::looked::Looked;
use crate::cluster::{Cluster, client, lease};
use crate::config::{ClusterSettings, Settings, ValuesFile};
use crate::failure::{Failure, Kind};

/// A cluster that answered, with what is configured for it.
#[derive(Clone)]
pub struct Connected {
    /// The cluster.
    pub cluster: Cluster,
    /// Its settings.
    pub settings: ClusterSettings,
    /// The content of its values files; empty for what deploys none.
    pub values: Vec<ValuesFile>,
    /// What a plan has found there.
    pub looked: Option<Arc<Looked>>,
}

/// Connects to all selected clusters at once; the failure names every one that did not answer.
pub async fn connect(settings: &Settings) -> Result<Vec<Connected>, Failure> {
    all(join_all(settings.clusters.iter().map(one)).await)
}

/// Connects to one cluster.
pub(super) async fn one(settings: &ClusterSettings) -> Result<Connected, Failure> {
    let cluster = client::connect(&settings.name, &settings.kube).await.map_err(Failure::from)?;
    Ok(Connected { cluster, settings: settings.clone(), values: Vec::new(), looked: None })
}

/// Connects to all of these clusters at once; those that do not answer are told, and left out.
pub async fn reachable(clusters: &[ClusterSettings], tell: &dyn Fn(&str)) -> Vec<Connected> {
    let attempts = join_all(clusters.iter().map(one)).await;
    let named = clusters.iter().zip(attempts);
    let told = named.filter_map(|(settings, attempt)| match attempt {
        Ok(connected) => Some(connected),
        Err(failure) => {
            tell(&format!("{}: left out: {}", settings.name, failure.chain().join(": ")));
            None
        }
    });
    told.collect()
}

/// Like [`connect`], with the values files, which are read once and before anything else.
pub async fn connect_with_values(settings: &Settings) -> Result<Vec<Connected>, Failure> {
    let values = settings.read_values()?;
    let mut clusters = connect(settings).await?;
    for (cluster, values) in clusters.iter_mut().zip(values) {
        cluster.values = values;
    }
    Ok(clusters)
}

/// All of them, or one failure that tells every cause.
pub(super) fn all<T>(results: Vec<Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let (mut good, mut failures) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(failure) => failures.push(failure),
        }
    }
    let mut failures = failures.into_iter();
    match failures.next() {
        None => Ok(good),
        Some(first) => {
            Err(failures
                .fold(first, |first, other| first.hint(format!("also: {}", other.chain().join(": ")))))
        }
    }
}

/// A lock that is held already ends the run before anything is looked at: what another run is writing would
/// only confuse.
/// With a time to wait it is waited for; the run takes the lock again when it touches the cluster.
pub async fn refuse_locked(
    settings: &Settings,
    clusters: &[Connected],
    wait: Duration,
) -> Result<(), Failure> {
    let release = &settings.chart.release;
    for one in clusters {
        match lease::holder(&one.cluster, release).await? {
            None => {}
            Some(_) if !wait.is_zero() => {
                let lock = lock::take(&one.cluster, release, &Identity::of_this_process(), wait).await?;
                lock.release().await?;
            }
            Some(holder) => {
                let told = format!("{}: release {release} is locked by {holder}", one.cluster.name);
                return Err(Failure::new(Kind::Locked, told)
                    .hint("wait with --lock-timeout, or `release unlock` when that run is dead"));
            }
        }
    }
    Ok(())
}
