//! Who or what refused an object of a canary, from the API server's answer. Asks nothing.

use crate::cluster::error::Cause;
use crate::gate::denial::{WEBHOOK, is_denial};
use crate::gate::seen::{Refusal, RefusedBy};

/// The answer to the creation of `kind` `name`, sorted.
pub(super) fn of(kind: &str, name: &str, error: &kube::Error) -> Refusal {
    let by = match error {
        kube::Error::Api(status) => by(&status.message),
        _ => RefusedBy::Silence,
    };
    Refusal { message: format!("create {kind} {name}: {}", Cause::of(error)), by }
}

fn by(message: &str) -> RefusedBy {
    match () {
        () if message.contains(&format!("{WEBHOOK}\"")) => RefusedBy::Webhook,
        () if is_denial(message) => RefusedBy::Policy,
        () if message.contains("failed calling webhook") => RefusedBy::Silence,
        () => RefusedBy::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_told_from_cert_managers_own_webhook() {
        let table = [
            (r#"failed calling webhook "webhook.cert-manager.io": connection refused"#, RefusedBy::Webhook),
            (
                r#"admission webhook "webhook.cert-manager.io" denied the request: spec.dnsNames: Invalid"#,
                RefusedBy::Webhook,
            ),
            (
                r#"admission webhook "validate.kyverno.svc-fail" denied the request: only corp names"#,
                RefusedBy::Policy,
            ),
            (
                r#"admission webhook "validation.gatekeeper.sh" denied the request: [names]"#,
                RefusedBy::Policy,
            ),
            (
                r#"certificates.cert-manager.io "x" is forbidden: ValidatingAdmissionPolicy 'names' with binding 'names' denied request: no"#,
                RefusedBy::Policy,
            ),
            (r#"failed calling webhook "validate.kyverno.svc-fail": EOF"#, RefusedBy::Silence),
            (r#"certificates.cert-manager.io is forbidden: User "ci" cannot create"#, RefusedBy::Other),
        ];
        for (message, expected) in table {
            assert_eq!(by(message), expected, "{message}");
        }
    }
}
