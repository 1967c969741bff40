//! The credential plugin (`exec`) of a kubeconfig, as EKS uses it: run once, and again a minute before its
//! token expires.
//!
//! kube would run it three times to connect, without a time limit, and let it talk to the terminal.

use std::collections::HashMap;
use std::process::{Output, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::redact::Secret;

/// A plugin may talk to a cloud's login service.
const TIMEOUT: Duration = Duration::from_mins(1);
/// A token is renewed this long before it expires.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);
const QUOTED_LINES: usize = 5;

/// The plugin failed; its own words are quoted, its environment (which may hold secrets) is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the credential plugin `{command}` of the kubeconfig {what}; run it by hand to see what it needs{hint}"
)]
pub struct PluginError {
    command: String,
    what: String,
    hint: String,
}

/// What a plugin gives: a token, or a certificate with its key (PEM).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Credential {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

impl Credential {
    pub(super) fn certificate(&self) -> Option<(&str, &str)> {
        self.client_certificate_data.as_deref().zip(self.client_key_data.as_deref())
    }

    fn token(&self) -> Option<Secret> {
        self.token.clone().map(Secret::new)
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.expiration_timestamp.is_none_or(|expires| now + AHEAD < expires)
    }
}

#[derive(Deserialize)]
struct Answer {
    status: Option<Credential>,
}

/// A plugin and what it gave last.
#[derive(Debug)]
pub(super) struct Plugin {
    exec: ExecConfig,
    last: Mutex<Option<Credential>>,
}

impl Plugin {
    pub(super) fn new(exec: ExecConfig) -> Self {
        Self { exec, last: Mutex::new(None) }
    }

    /// What the plugin gave last, if that still holds; else what it gives now.
    pub(super) async fn credential(&self) -> Result<Credential, PluginError> {
        let mut last = self.last.lock().await;
        if let Some(credential) = last.as_ref().filter(|credential| credential.is_fresh(Timestamp::now())) {
            return Ok(credential.clone());
        }
        let credential = self.run().await?;
        Ok(last.insert(credential).clone())
    }

    /// The token to send.
    pub(super) async fn token(&self) -> Result<Option<Secret>, PluginError> {
        Ok(self.credential().await?.token())
    }

    /// The server does not accept what the plugin gave last.
    pub(super) async fn forget(&self) {
        *self.last.lock().await = None;
    }

    async fn run(&self) -> Result<Credential, PluginError> {
        if self.exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(self.failed("wants to talk to a person (`interactiveMode: Always`), which a run without a terminal cannot give it"));
        }
        let output = timeout(TIMEOUT, self.command().output()).await;
        let output =
            output.map_err(|_| self.failed(&format!("gave no answer within {} s", TIMEOUT.as_secs())))?;
        let output = output.map_err(|error| self.failed(&format!("cannot be started: {error}")))?;
        if !output.status.success() {
            return Err(self.failed(&said(&output)));
        }
        let answer: Answer = serde_json::from_slice(&output.stdout)
            .map_err(|_| self.failed("did not answer with an ExecCredential"))?;
        let credential = answer.status.ok_or_else(|| self.failed("answered without a status"))?;
        let empty = credential.token.is_none() && credential.certificate().is_none();
        if empty { Err(self.failed("gave neither a token nor a certificate")) } else { Ok(credential) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.name());
        command.args(self.exec.args.iter().flatten()).stdin(Stdio::null()).kill_on_drop(true);
        let variables = self.exec.env.iter().flatten().filter_map(|variable: &HashMap<String, String>| {
            Some((variable.get("name")?, variable.get("value")?))
        });
        command.envs(variables);
        command.env("KUBERNETES_EXEC_INFO", self.info().to_string());
        command
    }

    fn info(&self) -> Value {
        let mut spec = json!({"interactive": false});
        if let (true, Some(cluster)) = (self.exec.provide_cluster_info, &self.exec.cluster) {
            spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
        }
        json!({"apiVersion": self.exec.api_version, "kind": "ExecCredential", "spec": spec})
    }

    fn name(&self) -> &str {
        self.exec.command.as_deref().unwrap_or_default()
    }

    fn failed(&self, what: &str) -> PluginError {
        let hint =
            self.exec.install_hint.as_deref().map(|hint| format!(". {}", hint.trim())).unwrap_or_default();
        PluginError { command: self.name().to_owned(), what: what.to_owned(), hint }
    }
}

fn said(output: &Output) -> String {
    let end = output.status.code().map_or("a signal".to_owned(), |code| format!("exit code {code}"));
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n");
    if last.is_empty() {
        format!("ended with {end} and said nothing")
    } else {
        format!("ended with {end} and said: {last}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_fresh_until_a_minute_before_its_end() {
        let credential = |expires: Option<&str>| Credential {
            expiration_timestamp: expires.map(|time| time.parse().unwrap()),
            ..Credential::default()
        };
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        assert!(credential(None).is_fresh(now));
        assert!(credential(Some("2026-01-01T00:01:01Z")).is_fresh(now));
        assert!(!credential(Some("2026-01-01T00:01:00Z")).is_fresh(now));
    }

    #[tokio::test]
    async fn what_it_does_not_say_is_told_too() {
        let plugin = |fields: Value| Plugin::new(serde_json::from_value(fields).unwrap());
        let run = async |fields| plugin(fields).credential().await.unwrap_err().what;
        assert_eq!(run(json!({"command": "false"})).await, "ended with exit code 1 and said nothing");
        assert_eq!(run(json!({"command": "echo", "args": ["{}"]})).await, "answered without a status");
        assert_eq!(
            run(json!({"command": "echo", "args": ["{\"status\": {}}"]})).await,
            "gave neither a token nor a certificate"
        );
        assert!(
            run(json!({"command": "x", "interactiveMode": "Always"}))
                .await
                .starts_with("wants to talk to a person")
        );
    }

    #[tokio::test]
    async fn the_plugin_sees_its_environment_and_what_it_is_asked() {
        let script = r#"printf '{"status": {"token": "%s %s"}}' "$NAME" "$(echo "$KUBERNETES_EXEC_INFO" | tr -d '"')""#;
        let plugin = json!({"command": "sh", "args": ["-c", script], "apiVersion": "client.authentication.k8s.io/v1", "env": [{"name": "NAME", "value": "v"}]});
        let token = Plugin::new(serde_json::from_value(plugin).unwrap()).token().await.unwrap().unwrap();
        assert_eq!(
            token.reveal(),
            "v {apiVersion:client.authentication.k8s.io/v1,kind:ExecCredential,spec:{interactive:false}}"
        );
    }
}
