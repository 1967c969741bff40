//! What is read for a baseline because `release.yaml` asks for it: hosts, and what Ingresses and Gateways ask for.

use super::baseline::Baseline;
use super::{ingress, tls};
use crate::cluster::Cluster;
use crate::config::{GateSettings, Profile};

/// Adds how hosts, Ingresses and Gateways are before the upgrade. What cannot be read is not there to compare with.
pub async fn observe_outlook(
    cluster: &Cluster,
    profile: Profile,
    settings: &GateSettings,
    baseline: &mut Baseline,
) {
    tls::observe(cluster, settings, baseline).await;
    if profile == Profile::CertManager {
        ingress::observe(cluster, settings, baseline).await;
    }
}
