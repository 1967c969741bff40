//! Asks every host again and again while the gates judge. Judges nothing.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::handshake::{self, Roots};
use super::{presented, probed};
use crate::cluster::Cluster;
use crate::cluster::error::Cause;
use crate::config::{ProbeSettings, SecretName};
use crate::gate::entrances;
use crate::gate::seen::{Change, HostsSeen, NoHandshake, Presented, Probed, ProbedHost, SeenEntrance, Tally};

/// Short enough to see a restart of what serves the host.
const BEAT: Duration = Duration::from_secs(2);
/// Hosts come and go seldom.
const DISCOVERY: Duration = Duration::from_secs(30);
const AT_ONCE: usize = 8;

/// Asks until nobody listens any more.
pub(super) async fn watch(cluster: Cluster, probes: Vec<ProbeSettings>, changes: mpsc::Sender<Change>) {
    let mut asking = Asking::new(cluster, probes);
    loop {
        let hosts = asking.once().await;
        if changes.send(Box::new(move |seen| seen.hosts = hosts)).await.is_err() {
            return;
        }
        sleep(BEAT).await;
    }
}

/// Asks every host once.
pub(super) async fn once(cluster: &Cluster, probes: &[ProbeSettings]) -> HostsSeen {
    Asking::new(cluster.clone(), probes.to_vec()).once().await
}

/// What is kept between two rounds.
struct Asking {
    cluster: Cluster,
    probes: Vec<ProbeSettings>,
    began: Instant,
    /// When the hosts were last looked for.
    discovered: Option<Instant>,
    hosts: Vec<(Probed, Roots)>,
    seen: HostsSeen,
}

impl Asking {
    fn new(cluster: Cluster, probes: Vec<ProbeSettings>) -> Self {
        let (began, discovered) = (Instant::now(), None);
        Self { cluster, probes, began, discovered, hosts: Vec::new(), seen: HostsSeen::default() }
    }

    async fn once(&mut self) -> HostsSeen {
        self.discover().await;
        let asked =
            self.hosts.iter().map(|(host, roots)| ask(self.cluster.clone(), host.clone(), roots.clone()));
        let asked: Vec<_> = asked.collect();
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let at = self.began.elapsed();
        let tallies = std::mem::take(&mut self.seen.hosts);
        for (probed, answer, secret) in answers {
            let mut tally: Tally =
                tallies.get(&probed.label).map(|known| known.tally.clone()).unwrap_or_default();
            tally.count(answer.is_ok(), at);
            self.seen.hosts.insert(probed.label.clone(), ProbedHost { probed, answer, secret, tally });
        }
        self.seen.asked = true;
        self.seen.clone()
    }

    /// Names the hosts, and reads their CAs once.
    async fn discover(&mut self) {
        if self.discovered.is_some_and(|at| !probed::discovers(&self.probes) || at.elapsed() < DISCOVERY) {
            return;
        }
        let found = self.entrances().await;
        let roots = |host: &Probed| Roots::of(host.expect.ca.as_ref());
        self.hosts = match found {
            Ok(entrances) => {
                let hosts = probed::hosts(&self.probes, &entrances).into_iter();
                hosts.map(|host| (host.clone(), roots(&host))).collect()
            }
            // What was found before is still asked.
            Err(why) => {
                self.seen.unread = Some(why);
                let known = std::mem::take(&mut self.hosts);
                let named = probed::hosts(&self.probes, &[]).into_iter();
                if known.is_empty() {
                    named.map(|host| (host.clone(), roots(&host))).collect()
                } else {
                    known
                }
            }
        };
        self.discovered = Some(Instant::now());
    }

    async fn entrances(&mut self) -> Result<Vec<SeenEntrance>, String> {
        if !probed::discovers(&self.probes) {
            return Ok(Vec::new());
        }
        let found = entrances::list(&self.cluster).await?;
        self.seen.unread = None;
        Ok(found)
    }
}

/// One host: its answer, and the serial number in its Secret.
type AskedHost = (Probed, Result<Presented, NoHandshake>, Option<Result<String, String>>);

async fn ask(cluster: Cluster, host: Probed, roots: Roots) -> AskedHost {
    let (answer, secret) = futures::join!(handshake::ask(&host, &roots), secret(&cluster, &host));
    (host, answer, secret)
}

/// The serial number of the certificate in the Secret that a probe names.
async fn secret(cluster: &Cluster, host: &Probed) -> Option<Result<String, String>> {
    let SecretName { namespace, name } = host.expect.secret.as_ref()?;
    let found = Api::<Secret>::namespaced(cluster.client.clone(), namespace).get(name).await;
    Some(match found {
        Ok(secret) => {
            let certificate = secret.data.unwrap_or_default().remove("tls.crt");
            certificate
                .ok_or_else(|| "it has no `tls.crt`".to_owned())
                .and_then(|pem| presented::serial_of_pem(&pem.0))
        }
        Err(error) => Err(Cause::of(&error).to_string()),
    })
}
