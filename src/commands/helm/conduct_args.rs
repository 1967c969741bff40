//! Arguments of every verb that changes a release: what it waits for, and how it treats the cluster.

use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use thiserror::Error;

use crate::action::verb::{ActionOptions, Wait};
use crate::config::duration;
use crate::failure::Failure;

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub enum WaitStrategy {
    /// Until every object is ready
    #[value(alias = "true")]
    Watcher,
    /// For hooks only
    #[value(alias = "false")]
    HookOnly,
    /// Until workloads are ready, by helm 3's rules
    Legacy,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, Args)]
pub struct WaitArgs {
    /// Wait until resources are ready (up to --timeout); alone it means `watcher`
    #[arg(long, value_name = "STRATEGY", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "watcher", default_value = "hookOnly")]
    pub wait: WaitStrategy,
    /// Time to wait for any individual Kubernetes operation (like Jobs for hooks)
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "5m")]
    pub timeout: Duration,
    /// End a wait, or a hook, before its time is over when it does not get on: an image that cannot be pulled, a crash
    /// loop, a quota. `--fail-fast=false` waits to the end, as helm does
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = true, action = ArgAction::Set)]
    pub fail_fast: bool,
    /// Prevent hooks from running
    #[arg(long)]
    pub no_hooks: bool,
}

/// How objects are written.
#[derive(Debug, Clone, Args)]
pub struct ConductArgs {
    /// What is waited for.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// With --wait, wait until all Jobs have been completed, too
    #[arg(long)]
    pub wait_for_jobs: bool,
    /// Force changes against conflicts with other field managers
    #[arg(long)]
    pub force_conflicts: bool,
    /// Refused: objects are always applied, never replaced
    #[arg(long, alias = "force")]
    pub force_replace: bool,
    /// Always `true` here: objects are applied by the server, also those of a release that a helm 3 made
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    pub server_side: Option<Option<String>>,
}

/// How many revisions are kept, and what happens to what a failed one created.
#[derive(Debug, Clone, Args)]
pub struct HistoryMaxArgs {
    /// Limit the maximum number of revisions saved per release; 0 = no limit. Without it `HELM_MAX_HISTORY`
    /// counts, else 10
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub history_max: Option<i64>,
    /// Allow deletion of new resources created in this operation when it fails
    #[arg(long)]
    pub cleanup_on_fail: bool,
}

/// What this program does not do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConductRefusal {
    /// Replacing deletes what others own.
    #[error(
        "--force-replace is not supported: objects are applied by the server; --force-conflicts takes fields from their managers"
    )]
    Replace,
    /// Applied by the client.
    #[error("--server-side=false is not supported: objects are always applied by the server")]
    ClientSide,
    /// Not a word for it.
    #[error("invalid/unknown release server-side apply method: {0}")]
    ServerSide(String),
}

impl WaitArgs {
    /// What is asked for, all else by default.
    pub fn conduct(&self) -> ActionOptions {
        let wait = match self.wait {
            WaitStrategy::Watcher => Wait::Ready,
            WaitStrategy::HookOnly => Wait::Hooks,
            WaitStrategy::Legacy => Wait::Legacy,
        };
        let Self { timeout, fail_fast, .. } = *self;
        ActionOptions { wait, timeout, fail_fast, hooks: !self.no_hooks, ..ActionOptions::default() }
    }
}

impl ConductArgs {
    /// What is asked for; what this program does not do is refused.
    pub fn conduct(&self) -> Result<ActionOptions, Failure> {
        Ok(self.checked()?)
    }

    fn checked(&self) -> Result<ActionOptions, ConductRefusal> {
        if self.force_replace {
            return Err(ConductRefusal::Replace);
        }
        match self.server_side.as_ref().and_then(Option::as_deref) {
            None | Some("auto" | "true" | "1" | "t" | "T" | "TRUE" | "True") => {}
            Some("false" | "0" | "f" | "F" | "FALSE" | "False") => return Err(ConductRefusal::ClientSide),
            Some(other) => return Err(ConductRefusal::ServerSide(other.to_owned())),
        }
        let Self { wait_for_jobs, force_conflicts, .. } = *self;
        Ok(ActionOptions { wait_for_jobs, force_conflicts, ..self.wait.conduct() })
    }
}

impl HistoryMaxArgs {
    /// Adds what these say.
    pub fn add_to(&self, conduct: ActionOptions) -> ActionOptions {
        let history_max = history_max(self.history_max, std::env::var("HELM_MAX_HISTORY").ok().as_deref());
        ActionOptions { history_max, cleanup_on_fail: self.cleanup_on_fail, ..conduct }
    }
}

/// Pure: helm takes its default for a variable that is no number (`envIntOr`), and any number below 1 as no
/// limit.
fn history_max(given: Option<i64>, variable: Option<&str>) -> u32 {
    let default = i64::from(ActionOptions::default().history_max);
    let wanted = given.or_else(|| variable?.parse().ok()).unwrap_or(default);
    u32::try_from(wanted.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn conduct(line: &str) -> Result<ActionOptions, ConductRefusal> {
        let matches = ConductArgs::augment_args(Command::new("x"))
            .get_matches_from(std::iter::once("x").chain(line.split_whitespace()));
        ConductArgs::from_arg_matches(&matches).unwrap().checked()
    }

    #[test]
    fn a_wait_is_asked_for_in_every_way_of_helm() {
        let table = [
            ("", Wait::Hooks),
            ("--wait", Wait::Ready),
            ("--wait=true", Wait::Ready),
            ("--wait=watcher", Wait::Ready),
            ("--wait=hookOnly", Wait::Hooks),
            ("--wait=false", Wait::Hooks),
            ("--wait=legacy", Wait::Legacy),
        ];
        for (line, expected) in table {
            assert_eq!(conduct(line).unwrap().wait, expected, "{line}");
        }
        let all =
            conduct("--timeout 90s --no-hooks --wait-for-jobs --force-conflicts --server-side").unwrap();
        assert_eq!(
            (all.timeout, all.hooks, all.wait_for_jobs, all.force_conflicts),
            (Duration::from_secs(90), false, true, true)
        );
        for (line, expected) in [("", true), ("--fail-fast", true), ("--fail-fast=false", false)] {
            assert_eq!(conduct(line).unwrap().fail_fast, expected, "{line}");
        }
    }

    #[test]
    fn what_is_not_done_is_refused() {
        assert_eq!(conduct("--force"), Err(ConductRefusal::Replace));
        assert_eq!(conduct("--server-side=false"), Err(ConductRefusal::ClientSide));
        assert_eq!(conduct("--server-side=maybe"), Err(ConductRefusal::ServerSide("maybe".into())));
        assert!(conduct("--server-side=auto").is_ok());
    }

    #[test]
    fn how_many_revisions_are_kept_is_read_as_helm_reads_it() {
        let table = [
            (None, None, 10),
            (None, Some("50"), 50),
            (None, Some("+5"), 5),
            (None, Some("0"), 0),
            (None, Some("-1"), 0),
            (None, Some("many"), 10),
            (None, Some(""), 10),
            (Some(3), Some("50"), 3),
            (Some(-1), None, 0),
        ];
        for (given, variable, expected) in table {
            assert_eq!(history_max(given, variable), expected, "{given:?} {variable:?}");
        }
    }
}
