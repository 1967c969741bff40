//! Who or what refused an object of a canary, from the API server's answer. Asks nothing.

use crate::cluster::error::Cause;
use crate::gate::seen::{Refusal, RefusedBy};

/// cert-manager's own webhook, as the API server names it.
const WEBHOOK: &str = "webhook.cert-manager.io\"";

/// The answer to the creation of `kind` `name`, sorted.
pub(super) fn of(kind: &str, name: &str, error: &kube::Error) -> Refusal {
    let by = match error {
        kube::Error::Api(status) => by(&status.message),
        _ => RefusedBy::Silence,
    };
    Refusal { message: format!("create {kind} {name}: {}", Cause::of(error)), by }
}

/// Policies speak through webhooks, or as what is built into the API server.
fn by(message: &str) -> RefusedBy {
    let policy = message.contains("denied the request") || message.contains("denied request");
    match () {
        () if message.contains(WEBHOOK) => RefusedBy::Webhook,
        () if policy => RefusedBy::Policy,
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
