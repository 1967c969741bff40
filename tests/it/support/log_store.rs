//! A log store that follows a script: it holds searches open and answers page by page, as Elasticsearch or `OpenSearch`.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The name of the point in time.
const ID: &str = "held-open";

/// Which lines it has, and what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Script {
    pub(crate) opensearch: bool,
    /// The sources of the entries, oldest first.
    pub(crate) entries: Vec<Value>,
    /// So many requests are answered with 503 first.
    pub(crate) busy: Arc<Mutex<usize>>,
    pub(crate) asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Script {
    pub(crate) async fn serve(&self) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(self.clone()).mount(&server).await;
        server
    }

    /// What was asked, each as method and path.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(asked, _)| asked.clone()).collect()
    }

    fn open(&self) -> (&'static str, Value) {
        if self.opensearch {
            ("POST /logs-*/_search/point_in_time?keep_alive=2m", json!({"pit_id": ID}))
        } else {
            ("POST /logs-*/_pit?keep_alive=2m", json!({"id": ID}))
        }
    }

    /// The entries after the place where the last page ended, as many as are asked for.
    fn page(&self, body: &Value) -> Value {
        let start = body["search_after"][1].as_u64().map_or(0, |last| last + 1);
        let size = usize::try_from(body["size"].as_u64().unwrap()).unwrap();
        let entries = self.entries.iter().enumerate().skip(usize::try_from(start).unwrap()).take(size);
        let hits: Vec<Value> =
            entries.map(|(place, source)| json!({"_source": source, "sort": [0, place]})).collect();
        json!({"pit_id": ID, "_shards": {"total": 1, "failed": 0}, "hits": {"hits": hits}})
    }
}

impl Respond for Script {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let asked = format!("{} {}{query}", request.method, request.url.path());
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        self.asked.lock().unwrap().push((asked.clone(), body.clone()));
        let mut busy = self.busy.lock().unwrap();
        if *busy > 0 {
            *busy -= 1;
            return ResponseTemplate::new(503).set_body_string("busy");
        }
        let (open, opened) = self.open();
        let closes = if self.opensearch { "DELETE /_search/point_in_time" } else { "DELETE /_pit" };
        match asked.as_str() {
            asked if asked == open => ResponseTemplate::new(200).set_body_json(opened),
            "POST /_search" if body["pit"]["id"] == ID => {
                ResponseTemplate::new(200).set_body_json(self.page(&body))
            }
            asked if asked == closes => ResponseTemplate::new(200).set_body_json(json!({"succeeded": true})),
            _ => {
                let reason = format!("no handler found for uri [{}]", request.url.path());
                ResponseTemplate::new(400).set_body_json(json!({"error": reason}))
            }
        }
    }
}
