//! What is sent to Elasticsearch and to `OpenSearch`: a search that is held open (a point in time), and its
//! pages. Pure.

use k8s_openapi::jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::config::{LogFields, LogStoreKind};

/// Lines of one page.
pub(super) const PAGE: usize = 1000;
/// A page has to come within this time after the one before.
const KEPT: &str = "2m";

/// Which lines: the runbook's two filters, and a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Of pods in this namespace.
    pub namespace: String,
    /// Of this cluster, by the name that the logs have for it.
    pub cluster: String,
    /// Written at that time or later.
    pub since: Timestamp,
    /// Written before that time.
    pub until: Timestamp,
}

/// Method, path below the address, query and body.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: Vec<String>,
    pub(super) query: Option<String>,
    pub(super) body: Value,
}

/// Holds a search open.
pub(super) fn open(kind: LogStoreKind, index: &str) -> Asked {
    let path: &[&str] = match kind {
        LogStoreKind::Elasticsearch => &[index, "_pit"],
        LogStoreKind::OpenSearch => &[index, "_search", "point_in_time"],
    };
    let query = Some(format!("keep_alive={KEPT}"));
    Asked { method: Method::POST, path: owned(path), query, body: Value::Null }
}

/// What an answer to [`open`] calls it.
pub(super) fn opened(kind: LogStoreKind, answer: &Value) -> Option<String> {
    let name = match kind {
        LogStoreKind::Elasticsearch => "id",
        LogStoreKind::OpenSearch => "pit_id",
    };
    answer[name].as_str().map(str::to_owned)
}

/// Lets it go.
pub(super) fn close(kind: LogStoreKind, id: &str) -> Asked {
    let (path, body): (&[&str], Value) = match kind {
        LogStoreKind::Elasticsearch => (&["_pit"], json!({"id": id})),
        LogStoreKind::OpenSearch => (&["_search", "point_in_time"], json!({"pit_id": [id]})),
    };
    Asked { method: Method::DELETE, path: owned(path), query: None, body }
}

/// One page, oldest first; `after` is where the page before ended.
pub(super) fn page(
    kind: LogStoreKind,
    fields: &LogFields,
    query: &LogQuery,
    id: &str,
    after: Option<&Value>,
) -> Asked {
    // Lines of the same moment need an order of their own, or a page could end between them.
    let tie = match kind {
        LogStoreKind::Elasticsearch => "_shard_doc",
        LogStoreKind::OpenSearch => "_id",
    };
    let mut body = json!({
        "size": PAGE,
        "track_total_hits": false,
        "query": {"bool": {"filter": [
            {"term": {(fields.namespace.as_str()): query.namespace}},
            {"term": {(fields.cluster.as_str()): query.cluster}},
            {"range": {(fields.time.as_str()): {"gte": query.since.to_string(), "lt": query.until.to_string()}}},
        ]}},
        "sort": [{(fields.time.as_str()): {"order": "asc", "unmapped_type": "date"}}, {(tie): "asc"}],
        "pit": {"id": id, "keep_alive": KEPT},
    });
    if let Some(after) = after {
        body["search_after"] = after.clone();
    }
    Asked { method: Method::POST, path: owned(&["_search"]), query: None, body }
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_filters_of_the_runbook_and_goes_on_where_the_last_one_ended() {
        let query = LogQuery {
            namespace: "cert-manager".to_owned(),
            cluster: "eks-development-1".to_owned(),
            since: "2026-11-28T10:00:00Z".parse().unwrap(),
            until: "2026-11-28T11:00:00Z".parse().unwrap(),
        };
        let after = json!([1, 2]);
        let asked = page(LogStoreKind::Elasticsearch, &LogFields::default(), &query, "p", Some(&after));
        let filters = json!([
            {"term": {"kubernetes.namespace_name.keyword": "cert-manager"}},
            {"term": {"cluster.keyword": "eks-development-1"}},
            {"range": {"@timestamp": {"gte": "2026-11-28T10:00:00Z", "lt": "2026-11-28T11:00:00Z"}}},
        ]);
        assert_eq!(asked.body["query"]["bool"]["filter"], filters);
        assert_eq!(
            (&asked.body["search_after"], &asked.body["sort"][1]),
            (&after, &json!({"_shard_doc": "asc"}))
        );
    }

    #[test]
    fn the_two_kinds_hold_a_search_open_in_their_own_ways() {
        let told = |kind| {
            let (open, close) = (open(kind, "logs-*"), close(kind, "p"));
            format!("{} then {} {}", open.path.join("/"), close.path.join("/"), close.body)
        };
        assert_eq!(told(LogStoreKind::Elasticsearch), r#"logs-*/_pit then _pit {"id":"p"}"#);
        let expected = r#"logs-*/_search/point_in_time then _search/point_in_time {"pit_id":["p"]}"#;
        assert_eq!(told(LogStoreKind::OpenSearch), expected);
    }
}
