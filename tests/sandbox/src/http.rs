//! One question over plain HTTP: does the server answer?

use hyper::StatusCode;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Whether a GET of the URL is answered with 200.
pub(crate) async fn answers(url: &str) -> bool {
    let Ok(uri) = url.parse() else { return false };
    let client: Client<_, String> = Client::builder(TokioExecutor::new()).build_http();
    client.get(uri).await.is_ok_and(|response| response.status() == StatusCode::OK)
}
