//! `gates.rules` of `release.yaml`: which objects of any kind are judged, and by which expressions. Compiles
//! them only to say what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{self, DurationText};
use super::expression::{Language, Mistake, Purpose};

/// In place of a namespace: all of them.
pub const EVERYWHERE: &str = "*";

/// Objects of one kind, and when they are well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RuleSettings {
    /// Its name, by which reports call it. The name of a shipped rule takes the place of that rule.
    #[schemars(title = "a name: lower case letters, digits and `-`, at most 63 characters")]
    #[schemars(extend("pattern" = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// The kind: `GROUP/VERSION/KIND`, or `VERSION/KIND` in the core group.
    pub watch: WatchedKind,
    /// The namespace, or `"*"` for all of them. Without it: the one of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(title = "a namespace, or `\"*\"` for all of them")]
    #[schemars(extend("pattern" = "^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?|[*])$"))]
    pub namespace: Option<String>,
    /// Only objects with all of these labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The object is well: CEL over `object`, true or false.
    pub ready: String,
    /// It will not come right by itself, and ends the gates at once: CEL over `object`, true or false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Something is under way, whatever `ready` and `failed` say: CEL over `object`, true or false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_progress: Option<String>,
    /// What is told of an object that is not ready: CEL over `object`, a text. Without it: its `Ready`
    /// condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// It has failed when it is not ready for this long. Without it: at the end of `gates.timeout`.
    #[serde(default, with = "duration::optional", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DurationText>")]
    pub within: Option<Duration>,
    /// What is made of objects that were not ready before the upgrade.
    #[serde(default)]
    pub baseline: RuleBaseline,
    /// Where the cause lies when an object that worked before, or that the release brings, fails.
    #[serde(default)]
    pub cause: RuleCause,
}

/// What is made of objects that were not ready before the upgrade.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleBaseline {
    /// They are told, and block nothing.
    #[default]
    Report,
    /// They block as all others do.
    Strict,
}

/// Where the cause lies when an object fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleCause {
    /// In the release: with `on-failure: rollback` it is rolled back.
    Release,
    /// Outside: never a rollback.
    Environment,
    /// It cannot be told: never a rollback.
    #[default]
    Unknown,
}

/// A kind of objects, such as `argoproj.io/v1alpha1/Rollout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(
    with = "String",
    title = "a kind such as `argoproj.io/v1alpha1/Rollout` or `v1/PersistentVolumeClaim`"
)]
#[schemars(extend("pattern" = "^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?v[0-9]+((alpha|beta)[0-9]+)?/[A-Z][A-Za-z0-9]*$"))]
pub struct WatchedKind {
    /// API group, empty for the core group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
}

/// A text that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind; write `GROUP/VERSION/KIND`, such as `argoproj.io/v1alpha1/Rollout`")]
pub struct WatchedKindError(String);

impl WatchedKind {
    /// As objects have it in `apiVersion`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl FromStr for WatchedKind {
    type Err = WatchedKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (group, version, kind) = match text.split('/').collect::<Vec<_>>()[..] {
            [version, kind] => ("", version, kind),
            [group, version, kind] if !group.is_empty() => (group, version, kind),
            _ => return Err(WatchedKindError(text.to_owned())),
        };
        if version.is_empty() || kind.is_empty() {
            return Err(WatchedKindError(text.to_owned()));
        }
        Ok(Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() })
    }
}

impl TryFrom<String> for WatchedKind {
    type Error = WatchedKindError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<WatchedKind> for String {
    fn from(kind: WatchedKind) -> Self {
        kind.to_string()
    }
}

impl fmt::Display for WatchedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.api_version(), self.kind)
    }
}

impl RuleSettings {
    /// Its expressions by their keys, each with what it has to result in.
    pub fn expressions(&self) -> impl Iterator<Item = (&'static str, &str, Purpose)> {
        let all = [
            ("ready", Some(&self.ready), Purpose::Condition),
            ("failed", self.failed.as_ref(), Purpose::Condition),
            ("in-progress", self.in_progress.as_ref(), Purpose::Condition),
            ("message", self.message.as_ref(), Purpose::Message),
        ];
        all.into_iter().filter_map(|(key, text, wanted)| Some((key, text?.as_str(), wanted)))
    }

    /// What is wrong with its expressions, with the key and the text of each.
    pub(super) fn mistakes(&self) -> Vec<(&'static str, &str, Mistake)> {
        let language = Language::default();
        let of = |(key, text, wanted)| {
            let mistakes = language.compile(text, wanted).err().unwrap_or_default();
            mistakes.into_iter().map(move |mistake| (key, text, mistake))
        };
        self.expressions().flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_reads_and_prints_back() {
        for (text, expected) in [
            ("argoproj.io/v1alpha1/Rollout", Some(("argoproj.io", "v1alpha1", "Rollout"))),
            ("v1/PersistentVolumeClaim", Some(("", "v1", "PersistentVolumeClaim"))),
            ("Rollout", None),
            ("/v1/Rollout", None),
            ("a/b/c/d", None),
            ("a/v1/", None),
        ] {
            let kind = text.parse::<WatchedKind>().ok();
            assert_eq!(
                kind.as_ref().map(|kind| (&*kind.group, &*kind.version, &*kind.kind)),
                expected,
                "{text}"
            );
            assert!(kind.is_none_or(|kind| kind.to_string() == text), "{text}");
        }
    }
}
