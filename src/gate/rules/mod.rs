//! Objects of any kind, judged by the rules of `release.yaml`, by those that come with the program, and else by what
//! Kubernetes says of their kind.
//! A judge is pure; `watch` and `observe` ask the cluster.

mod answer;
mod applied;
mod kinds;
mod late;
mod observe;
mod rule;
mod served;
mod shipped;
mod statements;
mod watch;
mod whose;

use std::time::Duration;

pub use applied::HealthRules;
pub(crate) use rule::HealthRule;
pub use shipped::{ShippedRule, shipped_rules};
pub(super) use watch::start;

use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::seen::{RuleAnswer, RuleSeen, RuledObject, Seen};
use super::verdict::Cause;
use super::whose::Whose;
use crate::config::RuleCause;

/// What the chart brings is served by then.
const UNSERVED: Duration = Duration::from_mins(1);

/// By the rules that somebody wrote.
pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    by(context.rules.written(), seen, context)
}

/// Every other object of the manifest.
pub(super) fn judge_kinds(seen: &Seen, context: &Context) -> Judgement {
    by(context.rules.unwritten(), seen, context)
}

fn by<'r>(rules: impl Iterator<Item = &'r HealthRule>, seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    for rule in rules {
        match seen.rules.get(rule.name()) {
            Some(own) => Judging { rule, seen: own, all: seen, context }.judge(&mut judgement),
            None => judgement.say(listed(rule)),
        }
    }
    judgement
}

fn listed(rule: &HealthRule) -> Opinion {
    rule.limited(Opinion::waiting("listed", rule.itself(), "its objects are not all listed yet"))
}

/// One rule and what it sees.
struct Judging<'j> {
    rule: &'j HealthRule,
    seen: &'j RuleSeen,
    all: &'j Seen,
    context: &'j Context<'j>,
}

impl Judging<'_> {
    fn judge(&self, judgement: &mut Judgement) {
        let Self { rule, seen, .. } = *self;
        if seen.unserved {
            let message = format!("the cluster does not serve {}", rule.settings.watch);
            let opinion = Opinion::waiting("not-served", rule.itself(), message).then_inconclusive();
            return judgement.say(rule.limited(opinion.grace(UNSERVED)));
        }
        if !seen.objects.is_listed() {
            return judgement.say(listed(rule));
        }
        let judged: Vec<&RuledObject> = seen.objects.iter().filter(|object| self.is_judged(object)).collect();
        let opinions: Vec<Opinion> = judged.iter().filter_map(|object| self.opinion(object)).collect();
        let ready = judged.len() - opinions.len();
        judgement.opinions.extend(opinions);
        self.missing(judgement);
        if judged.is_empty() && rule.promised.is_empty() {
            let message = format!("there is no {}{} to judge", rule.settings.watch.kind, rule.place());
            return judgement.say(Opinion::remark("no-object", rule.itself(), message));
        }
        let written = if rule.is_of_kind() { String::new() } else { format!("rule {}: ", rule.name()) };
        judgement.fact(format!("{written}{ready} of {} {} ready", judged.len(), rule.settings.watch.kind));
    }

    /// What somebody is deleting is judged only where the release promises it.
    fn is_judged(&self, object: &RuledObject) -> bool {
        let promised = self.rule.promises(object);
        promised || (!self.rule.own_only && object.metadata.deletion_timestamp.is_none())
    }

    /// Nothing for an object that is ready.
    fn opinion(&self, object: &RuledObject) -> Option<Opinion> {
        let rule = self.rule;
        let target = rule.target(object);
        let said = |message: &str| rule.said(message);
        let opinion = match self.context.rules.answer(rule, object) {
            _ if object.metadata.deletion_timestamp.is_some() => {
                Opinion::waiting("deleted", target, said("is being deleted"))
            }
            RuleAnswer::Ready => return None,
            RuleAnswer::Failed(why) => Opinion::failed("failed", target, said(why)),
            RuleAnswer::NotReady(_) if late::waits_for_a_pod(rule, object, self.all) => {
                return Some(Opinion::remark("first-consumer", target, "is bound when a pod wants it"));
            }
            RuleAnswer::NotReady(why) => Opinion::waiting("not-ready", target, said(why)),
            RuleAnswer::Unobserved(why) => Opinion::waiting("generation", target, said(why)),
            RuleAnswer::Unknown(why) => Opinion::waiting("unknown", target, said(why)).then_inconclusive(),
        };
        let whose = self.whose(object);
        let opinion = rule.limited(opinion).of(whose);
        Some(match self.cause(object, whose) {
            Some(cause) if opinion.rule != "unknown" => opinion.points_to(cause),
            Some(_) | None => opinion,
        })
    }

    /// What the rule says of the cause, where the object was well before or the release has made it.
    fn cause(&self, object: &RuledObject, whose: Whose) -> Option<Cause> {
        let judged = !matches!(whose, Whose::Before | Whose::New | Whose::Edited) && !self.was_unwell(object);
        match self.rule.settings.cause {
            RuleCause::Release => judged.then_some(Cause::Release),
            RuleCause::Environment => judged.then_some(Cause::Environment),
            RuleCause::Unknown => None,
        }
    }

    /// What the release promises and is not there.
    fn missing(&self, judgement: &mut Judgement) {
        let rule = self.rule;
        let is_there =
            |key: &&(String, String)| !self.seen.objects.iter().any(|object| rule.key(object) == **key);
        for (namespace, name) in rule.promised.iter().filter(is_there) {
            let target = Target::named(&rule.settings.watch.kind, Some(namespace), name);
            judgement.say(if rule.passing.contains(&(namespace.clone(), name.clone())) {
                let message = "is gone; it goes by itself once it has ended";
                Opinion::remark("ended", target, message)
            } else {
                rule.limited(Opinion::waiting("missing", target, rule.said("is not there")))
            });
        }
    }
}

#[cfg(test)]
mod tests;
