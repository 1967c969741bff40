//! Requests and Orders as their table rows show them. An issued request and a valid Order are known by their
//! row; the signing request and the certificates, which are most of them, never have to be read.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::chain;
use super::pages::Rows;
use crate::certmanager::resources::{
    CertificateRequest, CertificateRequestStatus, Condition, Order, OrderStatus,
};
use crate::certmanager::states;

/// Issued ones are known from their row; a canary's are proof and read whole.
pub(super) const REQUESTS: Rows<CertificateRequest> = Rows { columns: &["Denied", "Ready"], read: request };

/// Valid ones are known from their row.
pub(super) const ORDERS: Rows<Order> = Rows { columns: &["State"], read: order };

fn request(metadata: ObjectMeta, cells: &[&str]) -> Option<CertificateRequest> {
    if chain::is_canary(&metadata) || !matches!(cells, ["" | "False", "True"]) {
        return None;
    }
    let metadata = ObjectMeta { annotations: states::revision_alone(&metadata), labels: None, ..metadata };
    let (kind, reason, is_true) = ("Ready".to_owned(), "Issued".to_owned(), "True".to_owned());
    let issued = Condition { kind, status: is_true, reason, ..Condition::default() };
    let status = CertificateRequestStatus { conditions: vec![issued], ..CertificateRequestStatus::default() };
    Some(CertificateRequest { metadata, status, ..CertificateRequest::default() })
}

fn order(metadata: ObjectMeta, cells: &[&str]) -> Option<Order> {
    if chain::is_canary(&metadata) || !matches!(cells, ["valid"]) {
        return None;
    }
    let metadata = ObjectMeta { annotations: None, labels: None, ..metadata };
    let status = OrderStatus { state: "valid".to_owned(), ..OrderStatus::default() };
    Some(Order { metadata, status, ..Order::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certmanager::states::RequestResult;
    use crate::gate::mark::Mark;

    fn canary() -> ObjectMeta {
        let labels = serde_json::from_value(Mark::new("run", 1).labels()).unwrap();
        ObjectMeta { labels, ..ObjectMeta::default() }
    }

    #[test]
    fn only_what_is_as_usual_is_known_from_its_row() {
        let table = [
            (["", "True"], Some(RequestResult::Issued)),
            (["False", "True"], Some(RequestResult::Issued)),
            (["True", "True"], None),
            (["True", "False"], None),
            (["", "False"], None),
            (["", ""], None),
        ];
        for (cells, expected) in table {
            let seen = request(ObjectMeta::default(), &cells);
            assert_eq!(seen.as_ref().map(states::result), expected, "{cells:?}");
        }
        for (state, known) in [("valid", true), ("errored", false), ("pending", false), ("", false)] {
            assert_eq!(order(ObjectMeta::default(), &[state]).is_some(), known, "{state}");
        }
    }

    #[test]
    fn a_canarys_proof_is_read_whole() {
        assert!(request(canary(), &["", "True"]).is_none() && order(canary(), &["valid"]).is_none());
    }
}
