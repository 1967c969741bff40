//! The objects of the canaries, sent as server-side dry runs before anything is changed: what a policy will say to
//! them, it says now. Writes nothing.

use futures::future::join_all;
use kube::api::PostParams;
use kube::core::DynamicObject;
use serde::Deserialize as _;
use serde_json::Value;

use super::clean_up::api;
use super::objects::{Form, Token, own_issuer};
use super::refusal;
use crate::cluster::Cluster;
use crate::config::{CanarySettings, ReleaseId};
use crate::gate::mark::Mark;
use crate::gate::seen::{Refusal, RefusedBy};

/// What is said to the canaries; what nobody answers for is left to the gates.
pub(super) async fn rehearse(
    cluster: &Cluster,
    release: &ReleaseId,
    settings: &CanarySettings,
) -> Vec<(bool, Refusal)> {
    let mark = Mark::new("rehearsal", 0);
    let form = Form { mark, settings: settings.clone(), owner: None, home: release.namespace.clone() };
    let objects = objects(&form);
    let answers = objects.iter().map(async |(own, kind, object)| {
        send(cluster, kind, object).await.err().map(|refused| (*own, refused))
    });
    let refused = join_all(answers).await.into_iter().flatten();
    refused.filter(|(_, refused)| refused.by != RefusedBy::Silence).collect()
}

/// What would be created, and whether it belongs to our own canary.
fn objects(form: &Form) -> Vec<(bool, &'static str, Value)> {
    let token = Token::new(&form.mark);
    let mut objects = Vec::new();
    if form.settings.self_signed {
        let name = token.name(0);
        objects.push((true, "Issuer", form.issuer(&name)));
        objects.push((true, "Certificate", form.certificate(&token, 0, &own_issuer(&name))));
    }
    let others = form.settings.issuers.iter().enumerate();
    objects.extend(
        others.map(|(index, issuer)| (false, "Certificate", form.certificate(&token, index + 1, issuer))),
    );
    if let Some(ingress) = &form.settings.ingress {
        objects.push((false, "Ingress", form.ingress(&token, ingress)));
    }
    objects
}

async fn send(cluster: &Cluster, kind: &str, object: &Value) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let api = api(cluster, kind, object["metadata"]["namespace"].as_str());
    let object = DynamicObject::deserialize(object)
        .map_err(|error| Refusal { message: error.to_string(), by: RefusedBy::Settings })?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    match api.create(&params, &object).await {
        Ok(_) => Ok(()),
        // A webhook that cannot be asked in a dry run is asked when the canary is created.
        Err(kube::Error::Api(status)) if status.message.contains("does not support dry run") => Ok(()),
        Err(kube::Error::Api(status)) if status.code >= 500 || status.code == 429 => Ok(()),
        Err(error) => Err(refusal::of(kind, name, &error)),
    }
}
