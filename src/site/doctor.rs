//! Reads everything that tells how a cluster is, for `release doctor`. Issues nothing, changes nothing; what cannot be read is
//! told, and the rest is read all the same.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::Api;

use crate::certmanager::advice::condition::Facts;
use crate::certmanager::advice::judge::{Advice, judge_upgrade};
use crate::certmanager::advice::known::Knowledge;
use crate::certmanager::app_version::AppVersion;
use crate::certmanager::expiry::{Expiring, expiring};
use crate::certmanager::resources::Certificate;
use crate::cluster::{ApiError, paging};
use crate::config::Profile;
use crate::diagnosis::Examination;
use crate::failure::{Failure, in_one_line};

use super::advice::runs;
use super::connect::Connected;
use super::daily_check::DailyCheck;
use super::history;

/// How a cluster is examined.
pub struct Doctor<'c> {
    /// The gates, as they judge now.
    pub check: DailyCheck<'c>,
    /// What is known of cert-manager's versions.
    pub knowledge: &'c Knowledge,
    /// Certificates that end within this time are told.
    pub expires_within: Duration,
}

impl Doctor<'_> {
    /// What was read; `None` when the cluster does not have the release.
    ///
    /// # Errors
    /// The cluster cannot be read at all, or the stored revision is not what Helm writes.
    pub async fn examine(&self, one: &Connected) -> Result<Option<Examination>, Failure> {
        let Some(gates) = self.check.judge(one).await? else { return Ok(None) };
        let history = history::read(&one.cluster, self.check.release).await?;
        let version = history.last().and_then(runs);
        let (mut expiring, mut unread) = (Vec::new(), Vec::new());
        if self.check.profile == Profile::CertManager {
            match self.expiring(one).await {
                Ok(found) => expiring = found,
                Err(error) => unread.push(in_one_line(&error)),
            }
        }
        let advice = self.advice(one, version).await;
        let (cluster, version) =
            (one.settings.name.clone(), version.map(|version| format!("cert-manager {version}")));
        Ok(Some(Examination { cluster, version, gates, expiring, advice, unread }))
    }

    async fn expiring(&self, one: &Connected) -> Result<Vec<Expiring>, ApiError> {
        let (now, mut found) = (Timestamp::now(), Vec::new());
        let api = Api::<Certificate>::all(one.cluster.client.clone());
        let read =
            paging::each(&api, |certificate| found.extend(expiring(&certificate, now, self.expires_within)));
        read.await
            .map_err(|error| ApiError::new(&one.cluster, "list Certificates, to see which expire", &error))?;
        found.sort_by_key(|expiring| std::cmp::Reverse(expiring.nearness));
        Ok(found)
    }

    /// What is known of the version that runs, as if it were to be installed now.
    async fn advice(&self, one: &Connected, version: Option<AppVersion>) -> Vec<Advice> {
        let Some(version) = version else { return Vec::new() };
        let kubernetes = one.cluster.client.apiserver_version().await.ok();
        let kubernetes = kubernetes.and_then(|info| AppVersion::parse(&info.git_version));
        let facts = Facts { kubernetes, ..Facts::default() };
        let mut advice = judge_upgrade(self.knowledge, Some(version), version, &facts);
        advice.retain(|item| !item.is_unseen);
        advice
    }
}
