//! Nobody but us works on the objects while they are made: the controller would issue each of them again, since no
//! Secret is there.

use anyhow::{Context, Result};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

const WEBHOOK: &str = "cert-manager-webhook";
/// The only namespace that the controller looks into from then on.
const OWN: &str = "--namespace=cert-manager";

/// Does `work` without webhooks; the controller keeps to its own namespace, then and later.
pub(super) async fn without_controllers(
    client: &Client,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    keep_to_its_namespace(client).await?;
    let mutating = Api::<MutatingWebhookConfiguration>::all(client.clone());
    let validating = Api::<ValidatingWebhookConfiguration>::all(client.clone());
    let mut saved = (mutating.get(WEBHOOK).await?, validating.get(WEBHOOK).await?);
    mutating.delete(WEBHOOK, &DeleteParams::default()).await?;
    validating.delete(WEBHOOK, &DeleteParams::default()).await?;
    let worked = work.await;
    for metadata in [&mut saved.0.metadata, &mut saved.1.metadata] {
        (metadata.resource_version, metadata.uid, metadata.managed_fields) = (None, None, None);
    }
    mutating.create(&PostParams::default(), &saved.0).await.context("restore the webhook")?;
    validating.create(&PostParams::default(), &saved.1).await.context("restore the webhook")?;
    worked
}

async fn keep_to_its_namespace(client: &Client) -> Result<()> {
    let deployments = Api::<Deployment>::namespaced(client.clone(), "cert-manager");
    let deployment = deployments.get("cert-manager").await.context("read the controller's Deployment")?;
    let containers = deployment.spec.template.spec.context("a pod template")?.containers;
    let args = containers.into_iter().next().and_then(|container| container.args).unwrap_or_default();
    if args.iter().any(|arg| arg == OWN) {
        return Ok(());
    }
    let patch = json!([{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": OWN}]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(patch)?);
    deployments.patch("cert-manager", &PatchParams::default(), &patch).await?;
    Ok(())
}
