//! The circuit breaker: a controller that issues everything again is stopped, where `release.yaml` says so. Judges
//! nothing, and starts nothing again.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::action::permit::{Unwritten, permitted};
use crate::cluster::error::Cause;
use crate::cluster::objects::FIELD_MANAGER;
use crate::config::OnReissue;
use crate::gate::Subject;

use super::kubernetes_site::KubernetesSite;

impl KubernetesSite {
    /// Scales cert-manager's controller to nothing. What is in its way is told, for the verdict stands anyway.
    pub(super) async fn stop_controller(&self, subject: &Subject) {
        if self.run.plan.terms.gates.on_reissue == OnReissue::Halt {
            return;
        }
        for (namespace, name) in subject.controllers() {
            let start = format!("kubectl --namespace {namespace} scale deployment/{name} --replicas=1");
            match self.scale_to_nothing(&namespace, &name).await {
                Ok(()) => self.note(&format!(
                    "Deployment {namespace}/{name} is scaled to 0, so that it asks for no more certificates; \
                     `{start}` starts it again"
                )),
                Err(why) => self.note(&format!("Deployment {namespace}/{name} could not be stopped: {why}")),
            }
        }
    }

    async fn scale_to_nothing(&self, namespace: &str, name: &str) -> Result<(), String> {
        let held = self.held().await.map_err(|failure| failure.chain().join(": "))?;
        let deployments = Api::<Deployment>::namespaced(self.cluster.client.clone(), namespace);
        // In Helm's name: the next upgrade takes the field back without a conflict.
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"spec": {"replicas": 0}}));
        match permitted(&held, deployments.patch(name, &params, &patch)).await {
            Ok(_) => Ok(()),
            Err(Unwritten::NotSent(why) | Unwritten::CutOff(why)) => Err(why.to_string()),
            Err(Unwritten::Failed(error)) => Err(Cause::of(&error).to_string()),
        }
    }
}
