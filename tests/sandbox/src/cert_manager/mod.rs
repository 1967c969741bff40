//! cert-manager in a new cluster: installed by real Helm as release cert-manager in namespace cert-manager,
//! with issuers and certificates.

mod install;
mod objects;

use std::time::Duration;

use anyhow::{Context, Result};
use kube::Client;

pub(crate) use install::Helm;

use crate::acme::Acme;
use crate::cluster::Cluster;
use crate::object;
use crate::processes::Ledger;
use objects::Objects;

const LIMIT: Duration = Duration::from_mins(1);

/// Installs it; returns when every issuer and certificate is Ready. The issuers wait for `acme`.
pub(crate) async fn install(
    cluster: &Cluster,
    client: &Client,
    helm: &Helm<'_>,
    acme: &Acme,
    ledger: &Ledger,
) -> Result<()> {
    let what = || format!("install cert-manager in {}", cluster.name);
    helm.install(cluster, ledger).await.with_context(what)?;
    let objects = Objects::of(acme);
    for object in objects.in_order() {
        object::apply(client, object).await.with_context(what)?;
    }
    for object in objects.with_condition() {
        object::ready(client, object, LIMIT).await.with_context(what)?;
    }
    Ok(())
}
