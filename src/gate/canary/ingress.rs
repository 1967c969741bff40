//! The canary for which cert-manager's ingress-shim has to make the Certificate.

use std::time::Duration;

use serde::Deserialize as _;
use serde_json::Value;

use super::asked;
use crate::certmanager::ingress::Entrance;
use crate::cluster::Cluster;
use crate::config::IssuerRef;
use crate::gate::opinion::{Opinion, Target};

/// A controller makes it within seconds.
const MAKING: Duration = Duration::from_mins(2);

/// The issuer that an Ingress names proves names by ACME. What cannot be read is told by the issuance itself.
pub(super) async fn is_acme(cluster: &Cluster, home: &str, ingress: &Value) -> bool {
    let Some(issuer) = Entrance::deserialize(ingress).ok().and_then(|ingress| ingress.issuer()) else {
        return false;
    };
    let path =
        if issuer.kind() == "Issuer" { format!("{home}/{}", issuer.name) } else { issuer.name.clone() };
    let name = format!("{}/{path}", issuer.kind());
    let Ok(issuer) = name.parse::<IssuerRef>() else { return false };
    asked::read(cluster, home, &issuer).await.is_ok_and(|asked| asked.spec.acme.is_some())
}

/// The Ingress is there, and no Certificate of it. Its events say why, if the controller has anything against it.
pub(super) fn unanswered(ingress: &Target) -> Opinion {
    let message = "created; cert-manager has made no Certificate for it yet";
    let opinion = Opinion::waiting("no-shim", ingress.clone(), message).grace(MAKING);
    opinion.meaning(
        "does ingress-shim run (`--controllers`), and does it take this class and these annotations?",
    )
}
