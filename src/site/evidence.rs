//! What a failure leaves behind on a cluster: captured before anything is undone, and the canaries that are deleted
//! then. Deletes nothing of a run that may live.

use std::time::Duration;

use tokio::time::timeout;

use crate::cluster::lease::Held;
use crate::config::Profile;
use crate::evidence::capture::{self, Scope};
use crate::gate::Canaries;
use crate::helm::manifest::{self, Object};

use super::history;
use super::kubernetes_site::KubernetesSite;

/// Whoever is told to stop is not waited for much longer.
const LEAVING: Duration = Duration::from_secs(10);

impl KubernetesSite {
    pub(super) async fn capture_evidence(&self) -> Vec<String> {
        let with_chain = self.run.plan.terms.profile == Profile::CertManager;
        let memory = self.memory.lock().await;
        let (hook_logs, ruled) = (memory.hook_logs.clone(), memory.ruled.clone());
        drop(memory);
        let (objects, unread) = self.evidence_objects().await;
        let (namespace, hook_logs) = (self.run.release.namespace.as_str(), hook_logs.as_slice());
        let scope = Scope { namespace, objects: &objects, hook_logs, ruled: &ruled, with_chain };
        let (files, problems) = capture::capture(&self.cluster, scope, &self.run.directory).await;
        for problem in unread.into_iter().chain(problems) {
            self.note(&format!("evidence: {problem}"));
        }
        if self.memory.lock().await.controller_works {
            self.delete_canary().await;
        }
        files
    }

    /// A run that is stopped while the gates judge takes its canary with it.
    pub(super) async fn leave_no_canary(&self) {
        if !self.memory.lock().await.judging || self.run.plan.terms.profile != Profile::CertManager {
            return;
        }
        if timeout(LEAVING, self.delete_canary()).await.is_err() {
            self.note("the canary could not be deleted in time; the next run deletes it");
        }
    }

    /// Once its chain is captured, a canary that was not issued would only be tried again and again.
    pub(super) async fn delete_canary(&self) {
        let Ok(held) = self.held().await else { return };
        match self.canaries(&held).clean_up(&self.run.run).await {
            Ok(deleted) if deleted.is_empty() => {}
            Ok(deleted) => self.note(&format!("deleted {}", deleted.join(", "))),
            Err(error) => self.note(&format!("{error}; the next run deletes the canary")),
        }
    }

    /// The lock of the release is ours, so every other run that issued canaries for it is over.
    pub(super) async fn delete_left_canaries(&self) {
        let Ok(held) = self.held().await else { return };
        match self.canaries(&held).clean_up_after_others(&self.run.run, |_| true).await {
            Ok(left) => left.iter().for_each(|canary| self.note(&canary.to_string())),
            Err(error) => self.note(&format!("canaries of earlier runs stay until the next one: {error}")),
        }
    }

    fn canaries<'s>(&'s self, lock: &'s Held) -> Canaries<'s> {
        let settings = &self.run.plan.terms.gates.canary;
        Canaries { cluster: &self.cluster, release: &self.run.release, settings, lock }
    }

    /// The objects of the newest revision, and of its hooks that failed; or why they are not known.
    async fn evidence_objects(&self) -> (Vec<Object>, Option<String>) {
        let history = match history::read(&self.cluster, &self.run.release).await {
            Ok(history) => history,
            Err(failure) => return (Vec::new(), Some(failure.chain().join(": "))),
        };
        let Some(newest) = history.last() else { return (Vec::new(), None) };
        let failed = newest.hooks().iter().filter(|hook| hook.last_run.phase == "Failed");
        let texts = std::iter::once(newest.manifest()).chain(failed.map(|hook| hook.manifest.as_str()));
        (texts.filter_map(|text| manifest::split(text).ok()).flatten().collect(), None)
    }
}
