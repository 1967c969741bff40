//! The clusters of a run behind the loop over the fleet: how each is met, and how long the waves before it have
//! stood, as their journals tell. Decides nothing about the order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::config::{ClusterSettings, Settings};
use crate::evidence::journal::Journal;
use crate::failure::{Failure, Kind};
use crate::gate::Verdict;
use crate::plan::ClusterPlan;
use crate::plan::preflight::UNSOAKED;
use crate::plan::terms::PlannedSoak;
use crate::rollout::fleet::Fleet;
use crate::rollout::fold::promoted;
use crate::rollout::port::ClusterPort;
use crate::rollout::soak::{self, Soak, Soaking};
use crate::rollout::{ClusterOutcome, ClusterState};

use super::connect::{self, Connected};
use super::daily_check::DailyCheck;
use super::kubernetes_site::KubernetesSite;
use super::run_context::RunContext;
use super::{journal_keeper, lock};

/// A dead holder is seen as such after this long at the latest; waiting less would always find it alive.
const DEAD_HOLDER: Duration = Duration::from_secs(40);

/// The clusters of a run.
pub struct KubernetesFleet {
    run: Arc<RunContext>,
    settings: BTreeMap<String, ClusterSettings>,
    connected: Mutex<BTreeMap<String, Connected>>,
    /// How many records each journal had when it was looked at, for a run that is taken up.
    records: BTreeMap<String, usize>,
}

impl KubernetesFleet {
    /// `connected`: those that were reached already; the others are when they are needed.
    pub fn new(run: Arc<RunContext>, settings: &Settings, connected: Vec<Connected>) -> Self {
        let name = |cluster: &ClusterSettings| (cluster.name.clone(), cluster.clone());
        let settings = settings.fleet.iter().map(name).collect();
        let connected = connected.into_iter().map(|one| (one.settings.name.clone(), one)).collect();
        Self { run, settings, connected: Mutex::new(connected), records: BTreeMap::new() }
    }

    /// The same for a run that is taken up from these journals.
    #[must_use]
    pub fn taking_up(self, journals: &[Journal]) -> Self {
        let own = journals.iter().filter(|journal| journal.run == self.run.run);
        let records = own.map(|journal| (journal.cluster.clone(), journal.records.len())).collect();
        Self { records, ..self }
    }

    async fn reach(&self, name: &str) -> Result<Connected, Failure> {
        let mut connected = self.connected.lock().await;
        if let Some(known) = connected.get(name) {
            return Ok(known.clone());
        }
        let unknown = || Failure::refused(format!("release.yaml has no cluster `{name}` any more"));
        let reached = connect::one(self.settings.get(name).ok_or_else(unknown)?).await?;
        connected.insert(name.to_owned(), reached.clone());
        Ok(reached)
    }

    /// The soaks that this cluster waits for.
    fn soaks_before<'p>(&'p self, next: &'p ClusterPlan) -> impl Iterator<Item = &'p PlannedSoak> {
        let wave = next.wave.as_deref();
        let waits = move |soak: &&PlannedSoak| soak.before.iter().any(|later| Some(later.as_str()) == wave);
        self.run.plan.terms.soaks.iter().filter(waits)
    }

    async fn soaking(&self, name: &str, next: &ClusterPlan) -> Result<Soaking, Failure> {
        let one = self.reach(name).await?;
        let journal = journal_keeper::read(&one.cluster, &self.run.release).await?;
        let promoted = journal.and_then(|journal| promoted(&journal, &next.change));
        Ok(Soaking { cluster: name.to_owned(), promoted })
    }

    async fn left_of(&self, planned: &PlannedSoak, next: &ClusterPlan) -> Result<Duration, Failure> {
        let mut wave = Vec::with_capacity(planned.clusters.len());
        for name in &planned.clusters {
            wave.push(self.soaking(name, next).await?);
        }
        match soak::judge(Timestamp::now(), planned.soak, &wave) {
            Soak::Left(left) => Ok(left),
            Soak::Unproven(clusters) => Err(unproven(planned, &clusters)),
        }
    }

    /// The daily check: nothing is issued, and what was broken before the rollout does not count.
    async fn judge_now(&self, name: &str) -> Result<(), Failure> {
        let one = self.reach(name).await?;
        let (run, terms) = (&self.run, &self.run.plan.terms);
        let check = DailyCheck {
            release: &run.release,
            profile: terms.profile,
            gates: &terms.gates,
            run: &run.run,
            timeout: None,
            observer: run.observer.as_ref(),
        };
        let gone = || Failure::new(Kind::Halted, format!("{name}: release {} is gone", run.release));
        let outcome = check.judge(&one).await?.ok_or_else(gone)?;
        match (outcome.verdict, outcome.first_cause) {
            (Verdict::Passed, _) => Ok(()),
            (_, Some(cause)) => Err(Failure::new(Kind::Halted, format!("{name} broke in its soak: {cause}"))),
            (_, None) => Err(Failure::new(Kind::Halted, format!("{name} is not healthy after its soak"))),
        }
    }
}

fn unproven(planned: &PlannedSoak, clusters: &[String]) -> Failure {
    let PlannedSoak { wave, .. } = planned;
    let told =
        format!("wave {wave} has to soak first, and this chart is not proven on {}", clusters.join(", "));
    Failure::refused(told)
        .hint(format!("`release --wave {wave}` proves it there"))
        .hint(format!("--allow {UNSOAKED} goes on without"))
}

#[async_trait]
impl Fleet for KubernetesFleet {
    async fn port(&self, plan: &ClusterPlan, left: &ClusterOutcome) -> Result<Box<dyn ClusterPort>, Failure> {
        let one = self.reach(&plan.cluster).await?;
        if one.cluster.server != plan.server {
            let told = format!("the API server is {}, planned was {}", one.cluster.server, plan.server);
            return Err(Failure::refused(told));
        }
        let site = KubernetesSite::new(&one, plan, self.run.clone());
        if left.state == ClusterState::Pending {
            return Ok(Box::new(site));
        }
        let run = &self.run;
        let wait = run.lock_wait.max(DEAD_HOLDER);
        let lock = lock::take(&one.cluster, &run.release, &run.identity, wait).await?;
        let records = self.records.get(&plan.cluster).copied().unwrap_or_default();
        Ok(Box::new(site.take_up(lock, records).await?))
    }

    async fn soak_left(&self, next: &ClusterPlan) -> Result<Duration, Failure> {
        let allowed = &self.run.plan.terms.allowed;
        if next.change.chart().is_none() || allowed.allows(UNSOAKED) {
            return Ok(Duration::ZERO);
        }
        let mut longest = Duration::ZERO;
        for planned in self.soaks_before(next) {
            longest = longest.max(self.left_of(planned, next).await?);
        }
        Ok(longest)
    }

    async fn judge_soaked(&self, next: &ClusterPlan) -> Result<(), Failure> {
        for planned in self.soaks_before(next) {
            for name in &planned.clusters {
                self.judge_now(name).await?;
            }
        }
        Ok(())
    }
}
