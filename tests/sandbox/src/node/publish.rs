//! Tells the API server what became of a pod: its status, and in the end that it may go.
//!
//! Every word is meant for this very pod (its uid), and is repeated until the API server has heard it.

use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::{Value, json};

use super::host::Host;
use super::place::PodPlace;
use super::status::{Seen, pod_status};

const AGAIN: Duration = Duration::from_millis(500);

/// Speaks for one pod.
pub(super) struct Publisher {
    pods: Api<Pod>,
    name: String,
    uid: String,
    ip: IpAddr,
    /// The pod with the status that was told last.
    told: Pod,
}

impl Publisher {
    /// For a pod of this node.
    pub(super) fn new(host: &Host, place: &PodPlace) -> Self {
        let pods = Api::namespaced(host.client.clone(), &place.namespace);
        Self { pods, name: place.name.clone(), uid: place.uid.clone(), ip: place.ip, told: place.pod.clone() }
    }

    /// Tells the status that follows from what is seen, if it is new.
    pub(super) async fn publish(&mut self, seen: &Seen) {
        let status = pod_status(&self.told, &self.ip.to_string(), seen, Timestamp::now());
        if self.told.status.as_ref() == Some(&status) {
            return;
        }
        let patch = patch(&self.uid, &status);
        loop {
            let result =
                self.pods.patch_status(&self.name, &PatchParams::default(), &Patch::Strategic(&patch)).await;
            if self.is_heard(result.map(drop), "tell the status of a pod").await {
                break;
            }
        }
        self.told.status = Some(status);
    }

    /// Takes the object away: all containers have ended.
    pub(super) async fn delete(&self) {
        let this_one = Preconditions { uid: Some(self.uid.clone()), resource_version: None };
        let params = DeleteParams::default().grace_period(0).preconditions(this_one);
        while !self
            .is_heard(self.pods.delete(&self.name, &params).await.map(drop), "delete a pod that has ended")
            .await
        {}
    }

    /// Whether there is nothing more to say; waits a moment when the API server did not hear.
    async fn is_heard(&self, result: Result<(), kube::Error>, what: &str) -> bool {
        match result {
            Ok(()) => return true,
            Err(kube::Error::Api(status)) if status.code == 404 => return true,
            Err(kube::Error::Api(status)) if status.code == 409 && self.is_another().await => return true,
            Err(error) => tracing::warn!(%error, pod = self.name, "{what}"),
        }
        tokio::time::sleep(AGAIN).await;
        false
    }

    /// Whether the name belongs to another pod by now; a conflict may also come from too many writers at
    /// once.
    async fn is_another(&self) -> bool {
        let found = self.pods.get_metadata_opt(&self.name).await;
        found.is_ok_and(|found| found.and_then(|pod| pod.metadata.uid).as_ref() != Some(&self.uid))
    }
}

/// A strategic merge keeps the conditions of others; what a condition of ours no longer says must be taken
/// back by a null.
fn patch(uid: &str, status: &PodStatus) -> Value {
    let mut status = json!(status);
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        for field in ["reason", "message"] {
            if condition.get(field).is_none() {
                condition[field] = Value::Null;
            }
        }
    }
    json!({"metadata": {"uid": uid}, "status": status})
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::PodCondition;

    #[test]
    fn what_a_condition_no_longer_says_is_taken_back() {
        let ready = PodCondition { type_: "Ready".into(), status: "True".into(), ..PodCondition::default() };
        let status = PodStatus { conditions: Some(vec![ready]), ..PodStatus::default() };
        let expected = json!({"type": "Ready", "status": "True", "reason": null, "message": null});
        assert_eq!(patch("u", &status)["status"]["conditions"][0], expected);
    }
}
