//! Every permission that a repair uses. Asks nobody.

use crate::certmanager::repair::moves::Repair;
use crate::cluster::access::{self, Access};
use crate::config::ReleaseId;

const CORE: &str = "cert-manager.io";
const ACME: &str = "acme.cert-manager.io";

/// What these moves take, each once: reading the chains, then only what is planned, in the namespaces of
/// its objects, with the lock and the journal. Whether the Secrets of solvers exist is asked only where
/// that is allowed anyway.
pub fn needs(release: &ReleaseId, repairs: &[Repair]) -> Vec<Access> {
    let mut all = reading();
    for repair in repairs {
        let namespace = repair.before.as_ref().map(|before| before.namespace.as_str());
        let awaited =
            repair.planned.is_awaited().then(|| Access::new("get", CORE, "certificates", namespace));
        all.extend(awaited.into_iter().chain(repair.touches.iter().map(|touched| {
            let (verb, group, resource) = match touched.kind.as_str() {
                "Order" => ("delete", ACME, "orders"),
                "CertificateRequest" => ("delete", CORE, "certificaterequests"),
                _ => ("update", CORE, "certificates/status"),
            };
            Access::new(verb, group, resource, Some(&touched.namespace))
        })));
    }
    if repairs.iter().any(|repair| repair.planned.acts()) {
        all.extend(access::to_lock(release));
    }
    all.sort();
    all.dedup();
    all
}

fn reading() -> Vec<Access> {
    let kinds = [
        (CORE, "certificates"),
        (CORE, "certificaterequests"),
        (CORE, "issuers"),
        (CORE, "clusterissuers"),
        (ACME, "orders"),
        (ACME, "challenges"),
    ];
    kinds.map(|(group, resource)| Access::new("list", group, resource, None)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::repair::moves::{Before, Move, Touched};

    fn repair(planned: Move, touches: &[&str]) -> Repair {
        let one = |kind: &&str| Touched {
            kind: (*kind).to_owned(),
            namespace: "web".to_owned(),
            ..Touched::default()
        };
        Repair {
            object: String::new(),
            state: String::new(),
            planned,
            reason: String::new(),
            until: None,
            allow: None,
            touches: touches.iter().map(one).collect(),
            before: Some(Before { namespace: "web".to_owned(), ..Before::default() }),
        }
    }

    #[test]
    fn only_what_is_planned_has_to_be_allowed() {
        let release = ReleaseId { name: "cert-manager".into(), namespace: "cert-manager".into() };
        let told = |repairs: &[Repair]| {
            let told: Vec<String> = needs(&release, repairs).iter().map(ToString::to_string).collect();
            told[6..].to_vec()
        };
        let looks = needs(&release, &[repair(Move::Refuse, &[])]);
        assert!(looks.len() == 6 && looks.iter().all(|access| access.verb == "list"), "{looks:?}");
        let all = [
            repair(Move::DeleteOrder, &["Order"]),
            repair(Move::DeleteRequestAndRenew, &["CertificateRequest", "Certificate"]),
        ];
        let told = told(&all);
        for access in [
            "delete orders.acme.cert-manager.io in namespace web",
            "delete certificaterequests.cert-manager.io in namespace web",
            "get certificates.cert-manager.io in namespace web",
            "update certificates/status.cert-manager.io in namespace web",
            "update leases.coordination.k8s.io `release.cert-manager` in namespace cert-manager",
            "update configmaps `release.cert-manager` in namespace cert-manager",
        ] {
            let all = needs(&release, &all);
            assert!(all.iter().any(|known| known.to_string() == access), "{access}: {told:?}");
        }
        assert!(!told.iter().any(|access| access.contains("secrets")), "{told:?}");
    }
}
