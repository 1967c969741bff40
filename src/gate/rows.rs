//! Requests and Orders as their table rows show them. That a request is issued, or an Order valid, its row says: nothing
//! else of it has to be read, or kept.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::chain;
use super::pages::Rows;

/// Issued ones are as usual; a canary's are proof and read whole.
pub(super) const REQUESTS: Rows = Rows { columns: &["Denied", "Ready"], is_usual: is_issued };

/// Valid ones are as usual; a canary's are proof and read whole.
pub(super) const ORDERS: Rows = Rows { columns: &["State"], is_usual: is_valid };

fn is_issued(metadata: &ObjectMeta, cells: &[&str]) -> bool {
    !chain::is_canary(metadata) && matches!(cells, ["" | "False", "True"])
}

fn is_valid(metadata: &ObjectMeta, cells: &[&str]) -> bool {
    !chain::is_canary(metadata) && matches!(cells, ["valid"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::mark::Mark;

    fn canary() -> ObjectMeta {
        let labels = serde_json::from_value(Mark::new("run", 1).labels()).unwrap();
        ObjectMeta { labels, ..ObjectMeta::default() }
    }

    #[test]
    fn only_what_is_issued_or_valid_is_as_usual() {
        let table = [
            (["", "True"], true),
            (["False", "True"], true),
            (["True", "True"], false),
            (["True", "False"], false),
            (["", "False"], false),
            (["", ""], false),
        ];
        for (cells, expected) in table {
            assert_eq!(is_issued(&ObjectMeta::default(), &cells), expected, "{cells:?}");
        }
        for (state, usual) in [("valid", true), ("errored", false), ("pending", false), ("", false)] {
            assert_eq!(is_valid(&ObjectMeta::default(), &[state]), usual, "{state}");
        }
    }

    #[test]
    fn a_canarys_proof_is_read_whole() {
        assert!(!is_issued(&canary(), &["", "True"]) && !is_valid(&canary(), &["valid"]));
    }
}
