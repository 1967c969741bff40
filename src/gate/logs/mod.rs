//! The new version logs no error that the old one did not log. Logs explain and objects judge, so without
//! `gates.logs: block` all that is found is told, and blocks nothing.

mod read;

use std::time::Duration;

pub(super) use read::start;

use super::context::Context;
use super::opinion::{Judgement, Opinion, Target};
use super::scope::Scope;
use super::seen::{LogsSeen, Seen};
use crate::certmanager::logs::{LogGroup, LogWeight, UNKNOWN};
use crate::cluster::access::Access;
use crate::config::LogsGate;

/// So often an error that is new has to come before it is more than an accident.
const REPEATS: usize = 3;

/// The classifier knows cert-manager's lines.
pub(super) fn applies(scope: &Scope) -> bool {
    scope.is_cert_manager() && scope.settings.logs != LogsGate::Off
}

/// What only tells is not worth a refusal of an upgrade.
pub(super) fn needs(scope: &Scope) -> Vec<Access> {
    let blocks = scope.settings.logs == LogsGate::Block;
    let namespaces = scope.expected.namespaces().into_iter().filter(|_| blocks);
    namespaces.map(|namespace| Access::new("get", "", "pods/log", Some(namespace))).collect()
}

pub(super) fn judge(seen: &Seen, context: &Context) -> Judgement {
    let mut judgement = Judgement::default();
    let target = Target::named("Release", None, &context.subject.release.to_string());
    let Some(logs) = &seen.logs else {
        judgement.say(Opinion::waiting("not-read", target, "the logs are not read yet"));
        return judgement;
    };
    if let Some(why) = &logs.unread {
        judgement.say(unread(context, target, why));
    }
    for group in logs.groups.iter().filter(|group| group.weight == LogWeight::Real) {
        judgement.opinions.extend(opinion(group, logs.span, context));
    }
    judgement.fact(if judgement.opinions.is_empty() {
        "no known error that was not logged before"
    } else {
        "the logs are read; errors in them are told"
    });
    judgement.fact(figures(logs));
    judgement
}

fn unread(context: &Context, target: Target, why: &str) -> Opinion {
    match context.settings.logs {
        LogsGate::Block => Opinion::inconclusive("unread", target, why),
        LogsGate::Off | LogsGate::Report => Opinion::remark("unread", target, why),
    }
}

/// What is said of an error; nothing of one that came as often before.
fn opinion(group: &LogGroup, span: Duration, context: &Context) -> Option<Opinion> {
    let (namespace, name) = group.from.split_once('/')?;
    let target = Target::named("Pod", Some(namespace), name);
    let said = |times: &str| {
        let LogGroup { rule, count, why, sample, .. } = group;
        format!("{rule}: {count} times in {}{times}: {why}; last: {sample}", text(span))
    };
    let before = context.baseline.logs.as_ref().map(|logs| logs.count(&group.rule, span));
    match before {
        _ if context.strict() => Some(new(group, target, said(""), context)),
        None => Some(Opinion::remark("more-errors", target, said(", before the upgrade nobody knows"))),
        Some(0) => Some(new(group, target, said(", never before the upgrade"), context)),
        Some(before) if group.count > 2 * before + REPEATS => {
            let times = format!(", {before} times in as long before the upgrade");
            Some(Opinion::remark("more-errors", target, said(&times)))
        }
        Some(_) => None,
    }
}

fn new(group: &LogGroup, target: Target, message: String, context: &Context) -> Opinion {
    let repeats = group.count >= REPEATS;
    match context.settings.logs {
        LogsGate::Block if repeats => Opinion::failed("new-error", target, message),
        LogsGate::Block | LogsGate::Off | LogsGate::Report => Opinion::remark("new-error", target, message),
    }
}

/// How much was read, and what of it is normal.
fn figures(logs: &LogsSeen) -> String {
    let LogsSeen { lines, pods, span, groups, .. } = logs;
    let count =
        |weight| groups.iter().filter(|group| group.weight == weight).map(|group| group.count).sum::<usize>();
    let normal = groups.iter().filter(|group| group.weight < LogWeight::Unknown);
    let normal: Vec<String> =
        normal.map(|group| format!("{} {} times ({})", group.rule, group.count, group.why)).collect();
    let normal = if normal.is_empty() { String::new() } else { format!("; normal: {}", normal.join(", ")) };
    let unknown = match count(LogWeight::Unknown) {
        0 => String::new(),
        errors => format!("; {errors} errors that no rule knows ({UNKNOWN})"),
    };
    format!("{lines} lines of {pods} pods in {}{normal}{unknown}", text(*span))
}

fn text(span: Duration) -> String {
    format!("{} s", span.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::baseline::LogsState;
    use crate::gate::tests::World;
    use crate::gate::verdict::Verdict;

    fn group(rule: &str, weight: LogWeight, count: usize) -> LogGroup {
        LogGroup {
            rule: rule.to_owned(),
            weight,
            count,
            objects: 1,
            first: None,
            last: None,
            sample: "re-queuing item: no".to_owned(),
            from: "cert-manager/cert-manager-1-a".to_owned(),
            why: "Because".to_owned(),
            remedy: None,
        }
    }

    fn seen(groups: Vec<LogGroup>) -> Seen {
        let logs = LogsSeen { groups, lines: 40, pods: 3, span: Duration::from_secs(90), unread: None };
        Seen { logs: Some(logs), ..Seen::default() }
    }

    fn world(gate: LogsGate, before: Option<usize>) -> World {
        let mut world = World::new(vec![]);
        world.settings.logs = gate;
        world.baseline.logs = before.map(|before| LogsState::counted("forbidden", before));
        world
    }

    #[test]
    fn only_a_real_error_that_is_new_and_repeats_blocks_and_only_where_that_is_wished() {
        let real = |count| vec![group("forbidden", LogWeight::Real, count)];
        let other = |weight| vec![group("forbidden", weight, 50)];
        let table = [
            (LogsGate::Block, Some(0), real(3), Verdict::Failed, 1),
            (LogsGate::Block, Some(0), real(2), Verdict::Passed, 1),
            (LogsGate::Block, Some(5), real(13), Verdict::Passed, 0),
            (LogsGate::Block, Some(5), real(14), Verdict::Passed, 1),
            (LogsGate::Block, None, real(50), Verdict::Passed, 1),
            (LogsGate::Block, Some(0), other(LogWeight::Passing), Verdict::Passed, 0),
            (LogsGate::Block, Some(0), other(LogWeight::Benign), Verdict::Passed, 0),
            (LogsGate::Block, Some(0), other(LogWeight::Unknown), Verdict::Passed, 0),
            (LogsGate::Report, Some(0), real(50), Verdict::Passed, 1),
        ];
        for (gate, before, groups, verdict, told) in table {
            let (world, seen) = (world(gate, before), seen(groups));
            let judged = judge(&seen, &world.context());
            let state = (judged.verdict(), judged.opinions.len());
            assert_eq!(state, (verdict, told), "{gate:?} {before:?} {:?}", seen.logs);
        }
    }

    #[test]
    fn nothing_read_is_waited_for_and_what_cannot_be_read_proves_nothing() {
        let judged = |gate, seen: &Seen| judge(seen, &world(gate, Some(0)).context()).verdict();
        assert_eq!(judged(LogsGate::Report, &Seen::default()), Verdict::Waiting);
        let mut unread = seen(vec![]);
        unread.logs.as_mut().unwrap().unread = Some("forbidden".to_owned());
        assert_eq!(judged(LogsGate::Report, &unread), Verdict::Passed);
        assert_eq!(judged(LogsGate::Block, &unread), Verdict::Inconclusive);
    }

    #[test]
    fn what_is_found_is_told_with_its_figures_and_what_is_normal_with_its_reason() {
        let groups = vec![
            group("forbidden", LogWeight::Real, 7),
            group("optimistic-locking", LogWeight::Benign, 12),
            group(UNKNOWN, LogWeight::Unknown, 2),
        ];
        let judged = judge(&seen(groups), &world(LogsGate::Report, Some(0)).context());
        insta::assert_snapshot!(judged.opinions[0].message, @"forbidden: 7 times in 90 s, never before the upgrade: Because; last: re-queuing item: no");
        insta::assert_snapshot!(judged.facts.join("\n"), @r"
        the logs are read; errors in them are told
        40 lines of 3 pods in 90 s; normal: optimistic-locking 12 times (Because); 2 errors that no rule knows (unknown)
        ");
    }

    #[test]
    fn reading_logs_is_asked_for_only_where_they_may_block() {
        let deployment = serde_json::json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "n"}});
        for (gate, expected) in
            [(LogsGate::Block, vec!["get pods/log in namespace n"]), (LogsGate::Report, vec![])]
        {
            let mut world = World::new(vec![deployment.clone()]);
            world.settings.logs = gate;
            let needs = needs(&Scope::of(world.context(), true));
            assert_eq!(needs.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
        }
    }
}
