//! What a judge says it saw: about which object, by which rule, for how long it may last, and the facts that it
//! saw proven. A judge accuses nobody: `attribution` does.

use std::fmt;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::verdict::{Cause, Finding, Verdict};
use super::whose::Whose;
use crate::certmanager::resources::{IssuerReference, Object};

/// The object that an opinion is about; enough to ask the cluster for its events and logs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
    /// Absent while the object does not exist.
    pub(crate) uid: Option<String>,
    /// For a Pod: the container whose log explains it.
    pub(crate) container: Option<String>,
}

impl Target {
    /// An object that was seen.
    pub(crate) fn of<K: Object>(object: &K) -> Self {
        let metadata = object.metadata();
        Self {
            kind: K::KIND.to_owned(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone(),
            container: None,
        }
    }

    /// An object that should exist.
    pub(crate) fn named(kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            uid: None,
            container: None,
        }
    }

    /// One container of a Pod.
    pub(crate) fn container(mut self, name: &str) -> Self {
        self.container = Some(name.to_owned());
        self
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// How long something that is `Waiting` may last before it is `Failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// To the deadline of the run.
    Run,
    /// For so long, and not beyond the deadline of the run.
    Grace(Duration),
    /// For so long, even beyond the deadline of the run: an issuance at a CA takes the time that it takes.
    Chain(Duration),
}

/// What must not go on while the opinion lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// The gate: it is not passed.
    Gate,
    /// The end of the settle time, if it began before that: an ordinary issuance that is under way.
    Settle,
    /// Nothing, until its limit is over.
    Nothing,
}

/// What a judge says about one object.
#[derive(Debug, Clone)]
pub(crate) struct Opinion {
    pub(crate) target: Target,
    pub(crate) verdict: Verdict,
    pub(crate) message: String,
    pub(crate) whose: Whose,
    /// Who was to sign, for what belongs to a Certificate.
    pub(crate) issuer: Option<IssuerReference>,
    /// Where the cause lies, as far as what was seen is evidence of it by itself.
    pub(crate) points_to: Option<Cause>,
    /// Where the cause lies: the table of attributions says so, no judge.
    pub(crate) cause: Cause,
    /// The row of that table.
    pub(crate) because: &'static str,
    /// Together with the object it says whether this is still the same opinion as before.
    pub(crate) rule: &'static str,
    /// The rule of `release.yaml` that speaks; several may speak of one object.
    pub(crate) by: String,
    pub(crate) limit: Limit,
    pub(crate) holds: Holds,
    /// It waited for longer than it may.
    pub(crate) overdue: bool,
    /// When it began, as far as the object itself knows.
    pub(crate) since: Option<Timestamp>,
    /// What it is when it lasts too long.
    pub(crate) ends: Verdict,
    /// What it means when it lasts too long; before that it would only frighten.
    pub(crate) meaning: &'static str,
}

impl Opinion {
    fn new(verdict: Verdict, rule: &'static str, target: Target, message: impl Into<String>) -> Self {
        Self {
            target,
            verdict,
            message: message.into(),
            whose: Whose::Ours,
            issuer: None,
            points_to: None,
            cause: Cause::Unknown,
            because: "",
            rule,
            by: String::new(),
            limit: Limit::Run,
            holds: Holds::Gate,
            overdue: false,
            since: None,
            ends: Verdict::Failed,
            meaning: "",
        }
    }

    pub(crate) fn failed(rule: &'static str, target: Target, message: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, rule, target, message)
    }

    pub(crate) fn inconclusive(rule: &'static str, target: Target, message: impl Into<String>) -> Self {
        Self::new(Verdict::Inconclusive, rule, target, message)
    }

    pub(crate) fn waiting(rule: &'static str, target: Target, message: impl Into<String>) -> Self {
        Self::new(Verdict::Waiting, rule, target, message)
    }

    pub(crate) fn remark(rule: &'static str, target: Target, message: impl Into<String>) -> Self {
        Self::new(Verdict::Passed, rule, target, message)
    }

    pub(crate) fn in_baseline(rule: &'static str, target: Target, message: impl Into<String>) -> Self {
        Self::remark(rule, target, message).of(Whose::Before)
    }

    /// Whose the object is.
    pub(crate) fn of(self, whose: Whose) -> Self {
        Self { whose, ..self }
    }

    /// Which rule of `release.yaml` speaks.
    pub(crate) fn by(self, name: &str) -> Self {
        Self { by: name.to_owned(), ..self }
    }

    /// Who was to sign.
    pub(crate) fn issuer(self, issuer: &IssuerReference) -> Self {
        Self { issuer: Some(issuer.clone()), ..self }
    }

    /// What was seen is evidence by itself of where the cause lies.
    pub(crate) fn points_to(self, cause: Cause) -> Self {
        Self { points_to: Some(cause), ..self }
    }

    /// What lasts too long proves nothing, instead of a failure.
    pub(crate) fn then_inconclusive(self) -> Self {
        Self { ends: Verdict::Inconclusive, ..self }
    }

    /// `Failed` when it lasts longer.
    pub(crate) fn grace(self, limit: Duration) -> Self {
        Self { limit: Limit::Grace(limit), ..self }
    }

    /// `Failed` when it lasts longer, whatever the deadline of the run.
    pub(crate) fn chain(self, limit: Duration) -> Self {
        Self { limit: Limit::Chain(limit), ..self }
    }

    /// Holds only the end of the settle time.
    pub(crate) fn holds_settle(self) -> Self {
        Self { holds: Holds::Settle, ..self }
    }

    /// Not shown before its limit is over.
    pub(crate) fn holds_nothing(self) -> Self {
        Self { holds: Holds::Nothing, ..self }
    }

    /// When it began, as far as the object knows.
    pub(crate) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    /// What it means when it lasts too long.
    pub(crate) fn meaning(self, meaning: &'static str) -> Self {
        Self { meaning, ..self }
    }

    /// It was so before the upgrade.
    pub(crate) fn is_baseline(&self) -> bool {
        self.whose == Whose::Before
    }

    pub(crate) fn finding(&self) -> Finding {
        let Self { verdict, message, cause, because, .. } = self;
        Finding {
            verdict: *verdict,
            object: self.target.to_string(),
            message: message.clone(),
            cause: *cause,
            baseline: self.is_baseline(),
            rule: self.rule.to_owned(),
            because: (*because).to_owned(),
        }
    }
}

/// What one gate says about everything that was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Judgement {
    pub(crate) opinions: Vec<Opinion>,
    /// What is proven; without a fact there is no `Passed`.
    pub(crate) facts: Vec<String>,
}

impl Judgement {
    pub(crate) fn say(&mut self, opinion: Opinion) {
        self.opinions.push(opinion);
    }

    pub(crate) fn fact(&mut self, fact: impl Into<String>) {
        self.facts.push(fact.into());
    }

    /// The worst opinion that holds the gate; without an opinion and without a fact it is `Waiting`.
    pub(crate) fn verdict(&self) -> Verdict {
        let holding = self
            .opinions
            .iter()
            .filter(|opinion| opinion.holds == Holds::Gate)
            .map(|opinion| opinion.verdict);
        Verdict::worst(holding.chain((!self.facts.is_empty()).then_some(Verdict::Passed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judgement_without_a_fact_is_waiting() {
        let mut judgement = Judgement::default();
        assert_eq!(judgement.verdict(), Verdict::Waiting);
        judgement.fact("3 of 3 deployments");
        assert_eq!(judgement.verdict(), Verdict::Passed);
        judgement.say(
            Opinion::waiting("pending", Target::named("Order", Some("web"), "x"), "pending").holds_settle(),
        );
        assert_eq!(judgement.verdict(), Verdict::Passed);
        judgement.say(Opinion::failed("failed", Target::named("Order", Some("web"), "x"), "errored"));
        assert_eq!(judgement.verdict(), Verdict::Failed);
    }
}
