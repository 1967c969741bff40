//! What the ChartMuseum client makes of answers that a real server gives only in bad moments: scripted ones.

use std::time::Duration;

use release::repository::publish::{self, PublishAction};
use release::repository::{ChartRepository, RepositoryError};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::charts::demo;
use crate::support::client;

const ARCHIVE: &str = "/charts/demo-1.2.3+build.5.tgz";

fn get(at: &str) -> wiremock::MockBuilder {
    Mock::given(method("GET")).and(path(at))
}

fn post(at: &str) -> wiremock::MockBuilder {
    Mock::given(method("POST")).and(path(at))
}

/// An index that lists the digests under our version, below a context path.
fn index(digests: &[&str], context_path: &str) -> ResponseTemplate {
    let entry = |digest: &&str| {
        format!("  - {{name: demo, version: 1.2.3+build.5, digest: {digest}, urls: [charts/x.tgz]}}\n")
    };
    let entries = digests.iter().map(entry).collect::<Vec<_>>().concat();
    let entries = if entries.is_empty() { " {}\n".to_owned() } else { format!("\n  demo:\n{entries}") };
    let server_info =
        if context_path.is_empty() { "{}".to_owned() } else { format!("{{contextPath: {context_path}}}") };
    ResponseTemplate::new(200)
        .set_body_string(format!("apiVersion: v1\nentries:{entries}serverInfo: {server_info}\n"))
}

fn error(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(serde_json::json!({ "error": message }))
}

/// A server without our archive, whose upload answers with this.
async fn answering(upload: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    get(ARCHIVE).respond_with(error(404, "object not found")).mount(&server).await;
    get("/index.yaml").respond_with(index(&[], "")).mount(&server).await;
    post("/api/charts").respond_with(upload).mount(&server).await;
    server
}

async fn refusal(repository: &dyn ChartRepository) -> RepositoryError {
    publish::publish(repository, &demo()).await.expect_err("a refusal")
}

#[tokio::test]
async fn a_refused_upload_says_why_and_what_to_do() {
    let html = "<html><body>proxy</body></html>";
    let mut said = Vec::new();
    for answer in [
        error(507, "repo has reached storage limit"),
        ResponseTemplate::new(413).set_body_string("request too large"),
        error(400, "validation: chart.metadata.name is required"),
        error(404, "not found"),
        error(401, "unauthorized").insert_header("WWW-Authenticate", "Basic realm=\"ChartMuseum\""),
        error(403, "forbidden"),
        ResponseTemplate::new(501).set_body_string(html),
        ResponseTemplate::new(200).set_body_string(html),
    ] {
        let server = answering(answer).await;
        let refusal = refusal(&*client::anonymous(&server.uri())).await;
        let hint = refusal.hint().unwrap_or("-");
        said.push(format!("{refusal}\n  hint: {hint}").replace(&server.uri(), "http://museum"));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    upload demo-1.2.3+build.5.tgz to http://museum/: the repository is full (HTTP 507): repo has reached storage limit
      hint: delete old versions, or raise --max-storage-objects of ChartMuseum
    upload demo-1.2.3+build.5.tgz to http://museum/: the archive of 257 bytes is larger than the repository accepts (HTTP 413)
      hint: keep large files out of the chart with .helmignore, or raise --max-upload-size of ChartMuseum
    upload demo-1.2.3+build.5.tgz to http://museum/: the repository answered HTTP 400 Bad Request: validation: chart.metadata.name is required
      hint: -
    upload demo-1.2.3+build.5.tgz to http://museum/: there is no upload API at http://museum/api/charts (HTTP 404)
      hint: check `url` (a tenant belongs to it) and `context-path`; ChartMuseum started with --disable-api takes no uploads
    upload demo-1.2.3+build.5.tgz to http://museum/: the repository refused the credentials (HTTP 401 Unauthorized); it asks for Basic realm="ChartMuseum"
      hint: set `username` and `password`, or `token`, of the repository in release.yaml
    upload demo-1.2.3+build.5.tgz to http://museum/: the repository refused the credentials (HTTP 403 Forbidden)
      hint: set `username` and `password`, or `token`, of the repository in release.yaml
    upload demo-1.2.3+build.5.tgz to http://museum/: the repository answered HTTP 501 Not Implemented: <html><body>proxy</body></html>
      hint: -
    upload demo-1.2.3+build.5.tgz to http://museum/: the repository answered HTTP 200 OK: <html><body>proxy</body></html>
      hint: -
    "#);
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_it() {
    let ours = demo();
    let server = MockServer::start().await;
    get(ARCHIVE).respond_with(error(404, "object not found")).up_to_n_times(1).mount(&server).await;
    get(ARCHIVE).respond_with(ResponseTemplate::new(200).set_body_bytes(ours.bytes())).mount(&server).await;
    get("/index.yaml").respond_with(index(&[&ours.digest().hex()], "")).mount(&server).await;
    let slow_down = error(429, "slow down").insert_header("Retry-After", "1");
    post("/api/charts").respond_with(slow_down).up_to_n_times(1).mount(&server).await;
    post("/api/charts").respond_with(ResponseTemplate::new(202)).expect(1).mount(&server).await;
    let started = std::time::Instant::now();
    let publication = publish::publish(&*client::anonymous(&server.uri()), &ours).await.unwrap();
    assert_eq!(publication.action, PublishAction::Upload);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn an_index_that_lags_or_differs_between_replicas_is_waited_for() {
    let ours = demo();
    let digest = ours.digest().hex();
    let server = MockServer::start().await;
    get(ARCHIVE).respond_with(ResponseTemplate::new(200).set_body_bytes(ours.bytes())).mount(&server).await;
    // Not listed, listed by one replica but not by the next, listed with an older digest, then by all.
    for digests in [vec![], vec![digest.as_str()], vec![], vec!["00ff"]] {
        get("/index.yaml").respond_with(index(&digests, "")).up_to_n_times(1).expect(1).mount(&server).await;
    }
    get("/index.yaml").respond_with(index(&[&digest], "")).expect(3).mount(&server).await;
    let publication = publish::publish(&*client::anonymous(&server.uri()), &ours).await.unwrap();
    assert_eq!(publication.url.to_string(), format!("{}/charts/x.tgz", server.uri()));
}

#[tokio::test]
async fn the_archive_that_is_read_back_is_compared() {
    let server = MockServer::start().await;
    get(ARCHIVE).respond_with(error(404, "object not found")).up_to_n_times(1).mount(&server).await;
    let other = crate::support::charts::chart("1.2.3+build.5", b"a: other\n", 0);
    get(ARCHIVE).respond_with(ResponseTemplate::new(200).set_body_bytes(other.bytes())).mount(&server).await;
    get("/index.yaml").respond_with(index(&[], "")).mount(&server).await;
    post("/api/charts").respond_with(ResponseTemplate::new(201)).mount(&server).await;
    let refusal = refusal(&*client::anonymous(&server.uri())).await;
    assert!(
        matches!(&refusal, RepositoryError::OtherContent { files, .. } if *files == ["templates/a.yaml"]),
        "{refusal}"
    );
}

#[tokio::test]
async fn an_archive_of_another_chart_under_our_name_is_told() {
    let server = MockServer::start().await;
    let other = crate::support::charts::chart("9.9.9", b"a: 1\n", 0);
    get(ARCHIVE).respond_with(ResponseTemplate::new(200).set_body_bytes(other.bytes())).mount(&server).await;
    let refusal = publish::check(&*client::anonymous(&server.uri()), &demo()).await.unwrap_err();
    assert!(
        matches!(&refusal, RepositoryError::OtherChart { found, .. } if found == "demo 9.9.9"),
        "{refusal}"
    );
}

#[tokio::test]
async fn context_path_and_tenant_are_told_apart_by_the_index() {
    let server = answering(ResponseTemplate::new(500)).await;
    get("/ctx/org/repo/index.yaml").respond_with(index(&[], "/ctx")).expect(1).mount(&server).await;
    post("/ctx/api/org/repo/charts").respond_with(error(418, "seen")).expect(1).mount(&server).await;
    let repository = client::anonymous(&format!("{}/ctx/org/repo", server.uri()));
    let refusal = repository.upload(&demo()).await.unwrap_err();
    assert!(matches!(&refusal, RepositoryError::Status { message, .. } if message == "seen"), "{refusal}");
    let requests = server.received_requests().await.unwrap();
    let form = String::from_utf8_lossy(&requests.last().unwrap().body).into_owned();
    assert!(form.contains("name=\"chart\"; filename=\"demo-1.2.3+build.5.tgz\""), "{form}");
}

#[tokio::test]
async fn a_configured_context_path_is_not_looked_up() {
    let server = MockServer::start().await;
    post("/ctx/api/org/charts").respond_with(ResponseTemplate::new(201)).expect(1).mount(&server).await;
    let mut settings = client::settings(&format!("{}/ctx/org", server.uri()));
    settings.context_path = Some("/ctx".into());
    release::repository::for_settings(&settings).unwrap().upload(&demo()).await.unwrap();
}

#[tokio::test]
async fn an_address_outside_the_context_path_is_told() {
    let server = MockServer::start().await;
    get("/index.yaml").respond_with(index(&[], "/ctx")).mount(&server).await;
    let refusal = client::anonymous(&server.uri()).upload(&demo()).await.unwrap_err();
    assert!(
        matches!(&refusal, RepositoryError::ContextPath { context_path, .. } if context_path == "/ctx"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_token_is_sent_as_bearer_and_never_shown() {
    let server = MockServer::start().await;
    let world = crate::support::world::World::new();
    get(ARCHIVE)
        .and(header("Authorization", "Bearer t0ken"))
        .respond_with(error(401, "unauthorized"))
        .expect(1)
        .mount(&server)
        .await;
    let mut settings = client::settings(&server.uri());
    settings.token =
        Some(release::config::SecretRef { env: None, file: Some(world.write("token", "t0ken\n")) });
    let refusal =
        publish::check(&*release::repository::for_settings(&settings).unwrap(), &demo()).await.unwrap_err();
    assert!(matches!(refusal, RepositoryError::Denied { sent: true, .. }), "{refusal}");
    assert!(!format!("{refusal} {refusal:?}").contains("t0ken"));
}

#[tokio::test]
async fn a_redirected_upload_is_not_taken_for_a_success() {
    let elsewhere = MockServer::start().await;
    get("/api/charts").respond_with(ResponseTemplate::new(201)).mount(&elsewhere).await;
    let to = format!("{}/api/charts", elsewhere.uri());
    let server = answering(ResponseTemplate::new(301).insert_header("Location", to.as_str())).await;
    let refusal = refusal(&*client::anonymous(&server.uri())).await;
    assert!(matches!(&refusal, RepositoryError::Redirected { to: seen, .. } if *seen == to), "{refusal}");
}

#[tokio::test]
async fn a_page_that_is_no_index_is_told() {
    let server = MockServer::start().await;
    get(ARCHIVE).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    get("/index.yaml")
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>Please log in</html>"))
        .mount(&server)
        .await;
    let refusal = publish::check(&*client::anonymous(&server.uri()), &demo()).await.unwrap_err();
    assert!(matches!(refusal, RepositoryError::Index { .. }), "{refusal}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_given_up() {
    let server = MockServer::start().await;
    get(ARCHIVE)
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(30)))
        .expect(5)
        .mount(&server)
        .await;
    let mut settings = client::settings(&server.uri());
    settings.timeout = Duration::from_millis(50);
    let refusal = publish::check(&*client::hasty(&settings), &demo()).await.unwrap_err();
    assert!(
        matches!(&refusal, RepositoryError::NoAnswer { attempts: 5, source, .. } if source.is_timeout()),
        "{refusal}"
    );
}
