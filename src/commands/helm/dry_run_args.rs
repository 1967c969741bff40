//! `--dry-run`, with helm's words for how far it goes.

use clap::{Args, ValueEnum};

use crate::action::verb::DryRun;

/// How far a dry run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RevisionPreview {
    /// None: everything is done
    #[value(alias = "false")]
    None,
    /// Without the cluster, as far as that is possible
    #[value(alias = "true")]
    Client,
    /// Templates look up what is there, and the server judges every object
    Server,
}

/// Look first.
#[derive(Debug, Clone, Copy, Args)]
pub struct DryRunArgs {
    /// Simulate the operation; alone it means `client`
    #[arg(long, value_name = "HOW", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "client", default_value = "none")]
    pub dry_run: RevisionPreview,
}

impl DryRunArgs {
    /// `None`: everything is done.
    pub fn rehearsal(self) -> Option<DryRun> {
        match self.dry_run {
            RevisionPreview::None => None,
            RevisionPreview::Client => Some(DryRun::Client),
            RevisionPreview::Server => Some(DryRun::Server),
        }
    }
}
