//! What a manifest says of cert-manager's own approver: whether it is switched off, and about whose requests it may
//! decide. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::helm::manifest::Object;
use crate::helm::yaml;

/// How cert-manager's own approver is switched off, in the list of controllers.
const NO_APPROVER: &str = "-certificaterequests-approver";
/// A role without names.
const EVERY_SIGNER: &str = "*";

/// cert-manager's own approver may decide about what issuers of this API group sign.
pub(super) fn approves_for(signers: &BTreeSet<String>, group: &str) -> bool {
    signers.iter().any(|name| name == EVERY_SIGNER || name.contains(&format!(".{group}/")))
}

/// By the rules of a role; one without names is for all of them.
pub(super) fn signers(role: &Object) -> Vec<String> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let rules = role.value["rules"].as_array().into_iter().flatten();
    let approving = rules.filter(|rule| {
        let has = |field: &str, wanted: &str| texts(&rule[field]).iter().any(|text| text == wanted);
        has("resources", "signers") && has("verbs", "approve")
    });
    let names = approving.map(|rule| texts(&rule["resourceNames"]));
    names.flat_map(|names| if names.is_empty() { vec![EVERY_SIGNER.to_owned()] } else { names }).collect()
}

/// `--controllers=…,-certificaterequests-approver`, in one argument or in two.
pub(super) fn disables_approver(object: &Object) -> bool {
    let arguments: Vec<&str> = arguments(object).collect();
    let of = |place: usize| match arguments[place].strip_prefix("--controllers") {
        Some("") => arguments.get(place + 1).copied(),
        Some(value) => value.strip_prefix('='),
        None => None,
    };
    let mut lists = (0..arguments.len()).filter_map(of);
    lists.any(|list| list.split(',').any(|name| name.trim() == NO_APPROVER))
}

/// Of all containers of a workload.
pub(super) fn arguments(object: &Object) -> impl Iterator<Item = &str> {
    let containers = object.value.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    containers
        .into_iter()
        .flatten()
        .flat_map(|container| container["args"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
}

/// The same as `controllers` in the controller's configuration file.
pub(super) fn configures_approver_away(object: &Object) -> bool {
    let files = object.value["data"].as_object().into_iter().flatten();
    let configurations = files.filter_map(|(_, text)| yaml::read(text.as_str()?.as_bytes()).ok());
    configurations
        .filter(|file| file["kind"] == "ControllerConfiguration")
        .any(|file| file["controllers"].as_array().into_iter().flatten().any(|name| name == NO_APPROVER))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gate::subject::Expected;
    use crate::gate::subject::tests::{deployment, subject};

    #[test]
    fn the_approver_can_be_switched_off_in_three_ways() {
        let off = "*,-certificaterequests-approver";
        let controller = |arguments: Value| deployment("cert-manager", "controller", &arguments);
        let file = |kind: &str| {
            let text = format!(
                "apiVersion: controller.config.cert-manager.io/v1alpha1\nkind: {kind}\ncontrollers: ['*', '-certificaterequests-approver']\n"
            );
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"config.yaml": text}})
        };
        let table = [
            (controller(json!([format!("--controllers={off}")])), true),
            (controller(json!(["--v=2", "--controllers", off])), true),
            (controller(json!(["--controllers=*,-certificaterequests-issuer-venafi"])), false),
            (controller(json!(["--controllers"])), false),
            (controller(json!([])), false),
            (file("ControllerConfiguration"), true),
            (file("WebhookConfiguration"), false),
        ];
        for (object, expected) in table {
            assert_eq!(Expected::of(&subject(vec![object.clone()])).approver_disabled, expected, "{object}");
        }
    }

    #[test]
    fn a_role_says_for_whom_the_approver_decides() {
        let role = |rule: Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [rule]});
        let approve = |names: Value| {
            role(
                json!({"apiGroups": ["cert-manager.io"], "resources": ["signers"], "verbs": ["approve"], "resourceNames": names}),
            )
        };
        let table = [
            (approve(json!(["issuers.cert-manager.io/*", "pcas.awspca.example.com/*"])), true),
            (approve(json!(["issuers.cert-manager.io/*", "pcas.awspca.example.com/team.one"])), true),
            (approve(json!(null)), true),
            (approve(json!(["issuers.cert-manager.io/*"])), false),
            (role(json!({"resources": ["signers"], "verbs": ["sign"]})), false),
        ];
        for (role, expected) in table {
            let signers = Expected::of(&subject(vec![role.clone()])).signers;
            assert_eq!(approves_for(&signers, "awspca.example.com"), expected, "{role}");
        }
    }
}
