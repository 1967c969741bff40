//! How one object differs, as a text: the YAML before and after, line by line, secret values only as short
//! hashes. Pure.

use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;

use crate::helm::yaml;

use super::change::{self, Change};

/// How many lines around a change are shown.
const CONTEXT: usize = 3;

/// What would change on one cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterDifference {
    /// The cluster.
    pub cluster: String,
    /// `namespace/name` of the release.
    pub release: String,
    /// The chart's version there now; absent where nothing is installed.
    pub from: Option<String>,
    /// The version that it is compared with.
    pub to: String,
    /// Every object that differs.
    pub objects: Vec<Difference>,
    /// Objects of which it cannot be told, or that could not be applied, with the reasons.
    pub notes: Vec<String>,
}

/// One object that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Which fields.
    #[serde(flatten)]
    pub change: Change,
    /// The same as a unified diff of YAML.
    pub diff: String,
}

/// The difference between the live object and what it would be; `None` when there is none.
pub fn between(object: &str, before: Option<&Value>, after: Option<&Value>) -> Option<Difference> {
    let change = change::between(object, before, after)?;
    let text = |side: Option<&Value>| side.map(|side| yaml::write(&change::shown(side))).unwrap_or_default();
    let (old, new) = (text(before), text(after));
    let name = |side: Option<&Value>, there: &str| {
        side.map_or_else(|| "/dev/null".to_owned(), |_| format!("{there}: {object}"))
    };
    let lines = TextDiff::from_lines(&old, &new);
    let diff = lines
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&name(before, "cluster"), &name(after, "chart"))
        .to_string();
    Some(Difference { change, diff })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_changed_field_is_shown_with_its_neighbours() {
        let object = |image: &str| json!({"kind": "Deployment", "metadata": {"name": "x", "uid": "1"}, "spec": {"a": 1, "image": image}});
        let difference = between("Deployment ns/x", Some(&object("x:1")), Some(&object("x:2"))).unwrap();
        insta::assert_snapshot!(difference.diff, @"
        --- cluster: Deployment ns/x
        +++ chart: Deployment ns/x
        @@ -3,4 +3,4 @@
           name: x
         spec:
           a: 1
        -  image: x:1
        +  image: x:2
        ");
        assert_eq!(between("Deployment ns/x", Some(&object("x:1")), Some(&object("x:1"))), None);
    }

    #[test]
    fn a_new_object_is_all_additions_and_a_secret_s_values_are_never_shown() {
        let secret =
            json!({"kind": "Secret", "metadata": {"name": "x"}, "data": {"password": "aHVudGVyMg=="}});
        let created = between("Secret ns/x", None, Some(&secret)).unwrap();
        assert!(created.diff.starts_with("--- /dev/null\n+++ chart: Secret ns/x\n"), "{}", created.diff);
        assert!(created.diff.contains("+  password: (hidden, sha256 "), "{}", created.diff);
        let deleted = between("Secret ns/x", Some(&secret), None).unwrap();
        assert!(
            deleted.diff.contains("\n-kind: Secret\n") && !deleted.diff.contains("aHVudGVyMg"),
            "{}",
            deleted.diff
        );
    }
}
