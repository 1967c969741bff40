//! What canaries take: creating one, taking one up, deleting it. Finding the Certificates and Issuers of other runs is
//! covered by watching all of them.

use super::namespaces;
use crate::cluster::access::Access;
use crate::gate::scope::Scope;

/// Every permission.
pub(in crate::gate) fn needs(scope: &Scope) -> Vec<Access> {
    let (own, canary) = (&scope.subject.release.namespace, &scope.settings.canary);
    let mut needs = Vec::new();
    for namespace in namespaces(own, canary) {
        let certificates = |verb| Access::new(verb, "cert-manager.io", "certificates", Some(&namespace));
        let secrets = |verb| Access::new(verb, "", "secrets", Some(&namespace));
        needs.extend(["get", "create", "delete"].map(certificates));
        needs.extend(["get", "list", "delete"].map(secrets));
    }
    if canary.ingress.is_some() {
        let ingresses = |verb| Access::new(verb, "networking.k8s.io", "ingresses", Some(own));
        needs.extend(["get", "list", "create", "delete"].map(ingresses));
    }
    if canary.self_signed {
        let issuers = |verb| Access::new(verb, "cert-manager.io", "issuers", Some(own));
        needs.extend(["get", "create", "delete"].map(issuers));
    }
    needs
}
