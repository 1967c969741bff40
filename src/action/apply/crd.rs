//! CRDs that stay as they are, and the kinds that they bring. Pure.

use serde_json::Value;

use super::Crds;
use crate::helm::manifest::Object;
use crate::plan::crd::lost;

/// Whether the live CRD stays as it is. `old` is the one of the manifest that is replaced.
pub(super) fn stays(policy: Crds, live: &Value, new: &Value, old: Option<&Value>) -> bool {
    match policy {
        Crds::AsRendered => false,
        Crds::LoseNothing => !lost(live, new).is_empty(),
        Crds::NeverBack => !lost(live, new).is_empty() || old.is_some_and(|old| old != new),
    }
}

/// Whether `crd` brings the object's kind, in any version.
pub(super) fn brings(crd: &Object, object: &Object) -> bool {
    let spec = &crd.value["spec"];
    spec["group"] == object.group() && spec["names"]["kind"] == object.kind()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd(properties: &[&str], description: &str) -> Value {
        let properties: serde_json::Map<String, Value> =
            properties.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        json!({"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"description": description, "properties": properties}}}]}})
    }

    #[test]
    fn a_live_crd_stays_when_it_would_lose_something_or_the_text_would_go_back() {
        let (small, large, worded) = (crd(&["a"], ""), crd(&["a", "b"], ""), crd(&["a"], "new"));
        let table = [
            (&large, &small, None, [false, true, true]),
            (&small, &large, None, [false, false, false]),
            (&small, &small, Some(&small), [false, false, false]),
            (&small, &small, Some(&worded), [false, false, true]),
            (&worded, &small, None, [false, false, false]),
        ];
        for (live, new, old, expected) in table {
            let found = [Crds::AsRendered, Crds::LoseNothing, Crds::NeverBack]
                .map(|policy| stays(policy, live, new, old));
            assert_eq!(found, expected, "{live} {new} {old:?}");
        }
    }
}
