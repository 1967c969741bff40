//! `release explain RULE`: what a rule of a gate or of the preflight is, why, and what to do.

use clap::Args;

use super::Context;
use crate::certmanager::advice::known::Knowledge;
use crate::certmanager::advice::rule::AdviceRule;
use crate::config::nearest;
use crate::explanation::Explanation;
use crate::failure::Failure;
use crate::gate::catalogue::{RuleText, catalogue};
use crate::gate::names::RULES;
use crate::gate::{ShippedRule, shipped_rules};
use crate::plan::preflight::{UNHEALTHY, UNSOAKED};
use crate::report::exit_code::Exit;

/// Explain a rule of the gates or of the preflight; without a name, list them
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// Its name, as reports, messages and --allow have it
    #[arg(value_name = "RULE")]
    pub rule: Option<String>,
}

/// Every rule that has a name.
fn all() -> Vec<Explanation> {
    let gates = catalogue().into_iter().map(of_gate);
    let known = Knowledge::built_in();
    let advice: Vec<Explanation> = known.rules().iter().map(AdviceRule::explanation).collect();
    let shipped = shipped_rules().into_iter().map(of_shipped);
    gates.chain(shipped).chain(of_preflight()).chain(advice).collect()
}

/// A rule that comes with the program.
fn of_shipped(shipped: ShippedRule) -> Explanation {
    let ShippedRule { source, rule } = shipped;
    let says = rule.expressions().filter(|(key, _, _)| *key != "message");
    let says: Vec<String> = says.map(|(key, text, _)| format!("{key}: {text}")).collect();
    Explanation {
        id: format!("{RULES}/{}", rule.name),
        what: format!("An object of the release of kind {} is not ready", rule.watch),
        why: says.join("; "),
        remedy: format!(
            "Look at the object and at its controller; a rule `{}` in gates.rules takes its place",
            rule.name
        ),
        source: vec![source],
    }
}

fn of_gate(text: RuleText) -> Explanation {
    let RuleText { id, what, why, remedy, source } = text;
    Explanation { id, what, why, remedy, source: source.into_iter().collect() }
}

fn of_preflight() -> [Explanation; 2] {
    [
        Explanation::of(
            UNHEALTHY,
            "Workloads or the webhook of the release are unhealthy before the upgrade",
            "An upgrade on top of them would prove nothing",
            "Mend them, or roll a fixed chart over them with --allow unhealthy",
        ),
        Explanation::of(
            UNSOAKED,
            "A wave before has not stood for as long as it has to",
            "What breaks slowly would reach every cluster",
            "Wait, or go on with --allow unsoaked",
        ),
    ]
}

/// Prints the rule, or the list of all.
pub fn run(args: &ExplainArgs, context: &Context) -> Result<Exit, Failure> {
    let rules = all();
    let text = match &args.rule {
        None => rules.iter().map(line).collect::<Vec<_>>().join("\n"),
        Some(name) => {
            let found: Vec<&Explanation> = rules.iter().filter(|rule| is_named(rule, name)).collect();
            if found.is_empty() {
                return Err(unknown(name, &rules));
            }
            found.into_iter().map(paragraph).collect::<Vec<_>>().join("\n\n")
        }
    };
    context.printer.data(&text);
    Ok(Exit::Success)
}

/// A rule of a gate may be named without its gate.
fn is_named(rule: &Explanation, name: &str) -> bool {
    rule.id == name || rule.id.split_once('/').is_some_and(|(_, short)| short == name)
}

fn line(rule: &Explanation) -> String {
    format!("{:<32} {}", rule.id, rule.what)
}

fn paragraph(rule: &Explanation) -> String {
    let sources = rule.source.iter().map(|source| format!("\n  see:   {source}"));
    format!(
        "{}\n  what:  {}\n  why:   {}\n  to do: {}{}",
        rule.id,
        rule.what,
        rule.why,
        rule.remedy,
        sources.collect::<String>()
    )
}

fn unknown(name: &str, rules: &[Explanation]) -> Failure {
    let hint = nearest(name, rules.iter().map(|rule| rule.id.as_str())).map_or_else(
        || "`release explain` lists them all".to_owned(),
        |id| format!("did you mean `{id}`? `release explain` lists them all"),
    );
    Failure::refused(format!("there is no rule `{name}`")).hint(hint)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_says_what_to_do() {
        let rules = all();
        let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.len(), rules.len());
        for rule in &rules {
            assert!(!rule.what.is_empty() && !rule.why.is_empty() && !rule.remedy.is_empty(), "{rule:?}");
        }
        assert!(rules.iter().any(|rule| is_named(rule, "crash")));
    }
}
