//! `release explain RULE`: what a rule of a gate or of the preflight is, why, and what to do.

use std::collections::BTreeSet;

use clap::Args;

use super::Context;
use crate::certmanager::advice::known::Knowledge;
use crate::certmanager::advice::rule::AdviceRule;
use crate::certmanager::logs::{LogRule, LogRules};
use crate::config::nearest;
use crate::explanation::Explanation;
use crate::failure::Failure;
use crate::gate::catalogue::{RuleText, catalogue};
use crate::gate::names::RULES;
use crate::gate::{ShippedRule, every_gate, shipped_rules};
use crate::plan::explained;
use crate::report::exit_code::Exit;

/// Explain a rule of the gates or of the preflight; without a name, list them
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// Its name, as reports, messages and --allow have it
    #[arg(value_name = "RULE")]
    pub rule: Option<String>,
}

/// Every rule that has a name.
fn all(known: &Knowledge) -> Vec<Explanation> {
    let gates = catalogue().into_iter().map(of_gate);
    let shipped = shipped_rules().into_iter().map(of_shipped);
    let advice = known.rules().iter().map(AdviceRule::explanation);
    let logs = LogRules::built_in();
    let logs = logs.iter().map(of_log);
    gates.chain(shipped).chain(explained::explanations()).chain(advice).chain(logs).collect()
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

/// A rule of cert-manager's log lines.
fn of_log(rule: &LogRule) -> Explanation {
    let LogRule { id, why, remedy, .. } = rule;
    Explanation {
        id: format!("log/{id}"),
        what: rule.what(),
        why: why.clone(),
        remedy: remedy.clone().unwrap_or_else(|| "Nothing: it is normal".to_owned()),
        source: Vec::new(),
    }
}

fn of_gate(text: RuleText) -> Explanation {
    let RuleText { id, what, why, remedy, source } = text;
    Explanation { id, what, why, remedy, source: source.into_iter().collect() }
}

/// Prints the rule, or the list of all.
pub fn run(args: &ExplainArgs, context: &Context) -> Result<Exit, Failure> {
    let rules = all(&context.knowledge()?);
    let text = match &args.rule {
        None => lines(&rules.iter().collect::<Vec<_>>()),
        Some(name) => answer(name, &rules)?,
    };
    context.printer.data(&text);
    Ok(Exit::Success)
}

/// The rule of this name; a list where a short name is that of several.
fn answer(name: &str, rules: &[Explanation]) -> Result<String, Failure> {
    let named = |is: fn(&Explanation, &str) -> bool| -> Vec<&Explanation> {
        rules.iter().filter(|rule| is(rule, name)).collect()
    };
    if let Some((gate, proves)) = every_gate().find(|(gate, _)| *gate == name) {
        let own: Vec<&Explanation> =
            rules.iter().filter(|rule| rule.id.split_once('/').is_some_and(|(of, _)| of == gate)).collect();
        return Ok(format!("gate {gate} passes when {proves}; its rules:\n{}", lines(&own)));
    }
    let exact = named(|rule, name| rule.id == name);
    let found = if exact.is_empty() { named(|rule, name| short(&rule.id) == name) } else { exact };
    match found[..] {
        [] => Err(unknown(name, rules)),
        [rule] => Ok(paragraph(rule)),
        _ => Ok(format!("`{name}` is a rule of several gates; name one of them:\n{}", lines(&found))),
    }
}

/// A rule of a gate may be named without its gate.
fn short(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, short)| short)
}

fn lines(rules: &[&Explanation]) -> String {
    let line = |rule: &&Explanation| format!("{:<32} {}", rule.id, rule.what);
    rules.iter().map(line).collect::<Vec<_>>().join("\n")
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

/// The nearest of the names, long and short; a short one is told as the rules that have it.
fn unknown(name: &str, rules: &[Explanation]) -> Failure {
    let ids = || rules.iter().map(|rule| rule.id.as_str());
    let names: BTreeSet<&str> = ids().chain(ids().map(short)).collect();
    let near = nearest(name, names).map(|near| {
        let meant: Vec<String> =
            ids().filter(|id| *id == near || short(id) == near).map(|id| format!("`{id}`")).collect();
        meant.join(" or ")
    });
    let hint = near.map_or_else(
        || "`release explain` lists them all".to_owned(),
        |near| format!("did you mean {near}? `release explain` lists them all"),
    );
    Failure::refused(format!("there is no rule `{name}`")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Vec<Explanation> {
        all(&Knowledge::built_in())
    }

    #[test]
    fn every_rule_has_a_name_of_its_own_and_says_what_to_do() {
        let rules = rules();
        let ids: BTreeSet<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.len(), rules.len());
        for rule in &rules {
            assert!(!rule.what.is_empty() && !rule.why.is_empty() && !rule.remedy.is_empty(), "{rule:?}");
        }
    }

    #[test]
    fn a_short_name_of_several_rules_lists_them() {
        let rule = |id: &str| Explanation::of(id, "what", "why", "remedy");
        let rules = [rule("order/stuck"), rule("certificate/stuck"), rule("order/failed"), rule("stuck-too")];
        let listed = answer("stuck", &rules).unwrap();
        assert!(listed.starts_with("`stuck` is a rule of several gates"), "{listed}");
        assert_eq!(listed.lines().count(), 3, "{listed}");
        assert!(answer("failed", &rules).unwrap().starts_with("order/failed\n"));
        let refused = answer("stck", &rules).unwrap_err();
        assert!(
            refused.hints()[0].starts_with("did you mean `order/stuck` or `certificate/stuck`?"),
            "{refused:?}"
        );
    }

    #[test]
    fn a_gate_is_explained_with_its_rules() {
        let told = answer("lease", &rules()).unwrap();
        assert!(told.starts_with("gate lease passes when the leader election leases are held"), "{told}");
        assert!(told.contains("lease/holder") && !told.contains("issuer/"), "{told}");
    }
}
