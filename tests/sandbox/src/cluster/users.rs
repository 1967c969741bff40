//! Who may log in to a cluster, by static tokens.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// One user.
#[derive(Debug, Clone)]
pub struct User {
    /// The name of its kubeconfig.
    pub name: &'static str,
    /// Its bearer token.
    pub token: String,
    login: &'static str,
    group: &'static str,
}

/// The users of one cluster.
#[derive(Debug)]
pub struct Users {
    users: Vec<User>,
}

impl Users {
    /// All rights.
    pub const ADMIN: &str = "admin";
    /// May read what the role `view` reads: no Secrets, no writing.
    pub const VIEWER: &str = "viewer";
    /// The group that the role `view` is bound to.
    pub(super) const VIEWERS: &str = "sandbox:viewers";
    pub(super) const CONTROLLER_MANAGER: &str = "controller-manager";
    pub(super) const SCHEDULER: &str = "scheduler";

    /// Makes up tokens and writes them to `tokens.csv`, for the API server.
    pub(super) fn create(directory: &Path) -> Result<Self> {
        let rows = [
            (Self::ADMIN, "sandbox-admin", "system:masters"),
            (Self::VIEWER, "sandbox-viewer", Self::VIEWERS),
            (Self::CONTROLLER_MANAGER, "system:kube-controller-manager", ""),
            (Self::SCHEDULER, "system:kube-scheduler", ""),
        ];
        let users: Vec<User> =
            rows.map(|(name, login, group)| User { name, token: token(), login, group }).into();
        let lines = users
            .iter()
            .map(|user| format!("{},{},{},\"{}\"\n", user.token, user.login, user.name, user.group));
        let path = directory.join("tokens.csv");
        fs::write(&path, lines.collect::<String>()).with_context(|| format!("write {}", path.display()))?;
        Ok(Self { users })
    }

    /// Every user.
    #[must_use]
    pub fn all(&self) -> &[User] {
        &self.users
    }

    /// The token of a user that is in the table above.
    #[must_use]
    pub fn token(&self, name: &str) -> &str {
        self.users.iter().find(|user| user.name == name).map_or("", |user| &user.token)
    }
}

fn token() -> String {
    format!("{:032x}", rand::random::<u128>())
}
