//! What the rules said before the upgrade, for the baseline. Lists only.

use std::collections::BTreeMap;

use kube::api::ListParams;

use super::applied::HealthRules;
use super::rule::HealthRule;
use super::watch::path;
use crate::certmanager::resources::Object as _;
use crate::cluster::Cluster;
use crate::cluster::discovery::Kinds;
use crate::gate::GateError;
use crate::gate::baseline::{Baseline, RuledState};
use crate::gate::pages::Pages;
use crate::gate::seen::{RuleAnswer, RuledObject};

/// A message is for people; a journal has little room.
const LONGEST: usize = 200;

impl HealthRules {
    /// Adds to `baseline` how the objects of every rule are now. A kind that is not served has none.
    ///
    /// # Errors
    /// The cluster cannot be asked.
    pub async fn observe(&self, cluster: &Cluster, baseline: &mut Baseline) -> Result<(), GateError> {
        if self.iter().next().is_none() {
            return Ok(());
        }
        let kinds = Kinds::load(cluster).await?;
        for rule in self.iter() {
            let mut states = BTreeMap::new();
            for namespace in &rule.namespaces {
                if let Some(path) = path(&kinds, &rule.sample(), namespace.as_deref()) {
                    let selected = ListParams {
                        label_selector: rule.selector(),
                        field_selector: rule.fields(namespace.as_deref()),
                        ..ListParams::default()
                    };
                    self.list(cluster, rule, path, selected, &mut states).await?;
                }
            }
            baseline.rules.insert(rule.name().to_owned(), states);
        }
        Ok(())
    }

    async fn list(
        &self,
        cluster: &Cluster,
        rule: &HealthRule,
        path: String,
        selected: ListParams,
        states: &mut BTreeMap<String, RuledState>,
    ) -> Result<(), GateError> {
        let mut pages = Pages::<RuledObject>::at(cluster.client.clone(), path, selected, None);
        loop {
            let page = pages.next().await;
            let doing = || format!("list {} for rule {}", rule.settings.watch, rule.name());
            let page = page.map_err(|error| GateError::api(cluster, doing(), &error))?;
            let Some(page) = page else { return Ok(()) };
            let state = |object: &RuledObject| (object.uid().to_owned(), self.state(rule, object));
            states.extend(page.objects.iter().map(state));
        }
    }

    fn state(&self, rule: &HealthRule, object: &RuledObject) -> RuledState {
        let why = match self.answer(rule, object) {
            RuleAnswer::Ready => "",
            RuleAnswer::Failed(why)
            | RuleAnswer::NotReady(why)
            | RuleAnswer::Unobserved(why)
            | RuleAnswer::Unknown(why) => why,
        };
        let title = if why.is_empty() { String::new() } else { rule.target(object).to_string() };
        let generation = object.metadata.generation;
        RuledState { title, why: why.chars().take(LONGEST).collect(), generation }
    }
}
