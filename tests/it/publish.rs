//! `release publish`: from `release.yaml` to an archive that the repository serves and lists.

use insta::assert_snapshot;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::museum::{PASSWORD, Serving};
use crate::support::world::World;

/// A world with a chart beside a release.yaml that publishes it here.
fn world(repository: &str) -> World {
    let world = World::new().env("SOURCE_DATE_EPOCH", "1700000000").env("MUSEUM_PASSWORD", PASSWORD);
    world.write("charts/demo/Chart.yaml", "apiVersion: v2\nname: demo\nversion: 1.0.0\n");
    world.write("charts/demo/templates/a.yaml", "kind: ConfigMap\n");
    world.write(
        "release.yaml",
        format!(
            "charts:\n  demo:\n    source: {{ directory: charts/demo }}\n    repository: museum\n    release: {{ name: demo, namespace: demo }}\n\
             repositories:\n  museum: {{ {repository} }}\n\
             clusters:\n  - {{ name: eks-development-1, kube: {{ context: eks-development-1 }} }}\n"
        ),
    );
    world
}

/// A repository with credentials, and a world that knows them.
fn museum() -> (Serving, World) {
    let museum = Serving::start(&["--username", "u", "--password-env", "MUSEUM_PASSWORD"]);
    let world = world(&format!("url: {}, username: u, password: {{ env: MUSEUM_PASSWORD }}", museum.url()));
    let world = world.hide(museum.url(), "[MUSEUM]");
    (museum, world)
}

#[test]
fn a_chart_is_published_and_found_published_the_second_time() {
    let (museum, world) = museum();
    assert_snapshot!(world.release(["publish"]), @"
    exit code: 0
    ----- stdout -----
    archive     demo-1.0.0.tgz
    digest      sha256:7535271eea41e30729a14063f87ef06f8474b69011abebb670d5a0ac23e34738
    content     sha256:b09822b960326dd4db6935c3d62b99e514d39bb43e7ac6822b7e98d2d136ac29
    action      uploaded
    url         [MUSEUM]/charts/demo-1.0.0.tgz
    ----- stderr -----
    packaged demo 1.0.0 from charts/demo (with changes that are in no commit)
    publishing it to [MUSEUM]/
    ");
    assert!(museum.store().join("demo-1.0.0.tgz").is_file());
    assert_snapshot!(world.release(["publish"]), @"
    exit code: 0
    ----- stdout -----
    archive     demo-1.0.0.tgz
    digest      sha256:7535271eea41e30729a14063f87ef06f8474b69011abebb670d5a0ac23e34738
    content     sha256:b09822b960326dd4db6935c3d62b99e514d39bb43e7ac6822b7e98d2d136ac29
    action      already published
    url         [MUSEUM]/charts/demo-1.0.0.tgz
    ----- stderr -----
    packaged demo 1.0.0 from charts/demo (with changes that are in no commit)
    publishing it to [MUSEUM]/
    ");
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_would_happen() {
    let (museum, world) = museum();
    assert_snapshot!(world.release(["publish", "--dry-run", "--detailed-exitcode"]), @"
    exit code: 2
    ----- stdout -----
    archive     demo-1.0.0.tgz
    digest      sha256:7535271eea41e30729a14063f87ef06f8474b69011abebb670d5a0ac23e34738
    content     sha256:b09822b960326dd4db6935c3d62b99e514d39bb43e7ac6822b7e98d2d136ac29
    action      would be uploaded
    repository  [MUSEUM]/
    ----- stderr -----
    packaged demo 1.0.0 from charts/demo (with changes that are in no commit)
    ");
    assert_eq!(std::fs::read_dir(museum.store()).unwrap().count(), 0);
    assert_eq!(world.release(["publish"]).code, Some(0));
    assert_snapshot!(world.release(["publish", "--dry-run", "--detailed-exitcode", "-o", "json"]), @r#"
    exit code: 0
    ----- stdout -----
    {
      "name": "demo",
      "version": "1.0.0",
      "digest": "sha256:7535271eea41e30729a14063f87ef06f8474b69011abebb670d5a0ac23e34738",
      "contentDigest": "sha256:b09822b960326dd4db6935c3d62b99e514d39bb43e7ac6822b7e98d2d136ac29",
      "action": "already-published",
      "repository": "[MUSEUM]/",
      "url": null,
      "source": {
        "url": "charts/demo",
        "reference": null,
        "commit": null,
        "dirty": true,
        "time": 1700000000
      }
    }
    ----- stderr -----
    packaged demo 1.0.0 from charts/demo (with changes that are in no commit)
    "#);
}

#[test]
fn the_same_chart_saved_at_another_time_is_published_already_with_its_own_digest() {
    let (_museum, world) = museum();
    let digest = |ran: &str| ran.lines().find_map(|line| line.strip_prefix("digest").map(str::to_owned));
    let first = world.release(["publish"]);
    let world = world.env("SOURCE_DATE_EPOCH", "1800000000");
    for arguments in [&["publish", "--dry-run"][..], &["publish"]] {
        let again = world.release(arguments);
        assert!(again.stdout.contains("already published"), "{again}");
        assert_eq!(digest(&again.stdout), digest(&first.stdout), "{again}");
    }
}

#[test]
fn other_content_under_the_same_version_is_refused() {
    let (_museum, world) = museum();
    assert_eq!(world.release(["publish"]).code, Some(0));
    world.write("charts/demo/templates/a.yaml", "kind: Secret\n");
    world.write("charts/demo/README.md", "New.\n");
    assert_snapshot!(world.release(["publish"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    packaged demo 1.0.0 from charts/demo (with changes that are in no commit)
    publishing it to [MUSEUM]/
    error: demo 1.0.0 is already published in [MUSEUM]/ with other content: README.md, templates/a.yaml
    hint: a published version never changes: raise `version` in Chart.yaml
    ");
    assert_eq!(world.release(["publish", "--dry-run"]).code, Some(1));
}

#[test]
fn what_is_wrong_with_the_repository_is_said_without_its_secrets() {
    let (museum, world) = museum();
    let world = world.env("MUSEUM_PASSWORD", "hunter2");
    let traced = world.release(["-vvv", "publish"]).everything();
    // The user name and the password as basic authentication sends them.
    assert!(
        traced.contains("TRACE") && !traced.contains("hunter2") && !traced.contains("dTpodW50ZXIy"),
        "{traced}"
    );
    assert_snapshot!(world.release(["publish"]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    packaged demo 1.0.0 from charts/demo (with changes that are in no commit)
    publishing it to [MUSEUM]/
    error: download demo-1.0.0.tgz from [MUSEUM]/: the repository refused the credentials (HTTP 401 Unauthorized); it asks for Basic realm="ChartMuseum"
    hint: check the repository's credentials, and that they may write to it
    "#);
    let none = self::world(&format!("url: {}", museum.url())).hide(museum.url(), "[MUSEUM]");
    assert_snapshot!(none.release(["publish"]), @r#"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    packaged demo 1.0.0 from charts/demo (with changes that are in no commit)
    publishing it to [MUSEUM]/
    error: download demo-1.0.0.tgz from [MUSEUM]/: the repository refused the credentials (HTTP 401 Unauthorized); it asks for Basic realm="ChartMuseum"
    hint: set `username` and `password`, or `token`, of the repository in release.yaml
    "#);
    let elsewhere = self::world(&format!(
        "url: {}/nowhere, username: u, password: {{ env: MUSEUM_PASSWORD }}",
        museum.url()
    ));
    assert_snapshot!(elsewhere.hide(museum.url(), "[MUSEUM]").release(["publish", "--dry-run"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    packaged demo 1.0.0 from charts/demo (with changes that are in no commit)
    error: [MUSEUM]/nowhere is no chart repository: it has no index.yaml (HTTP 404)
    hint: check the repository's `url`: context path and tenant (`/<org>/<repository>`) belong to it
    ");
    let unset =
        self::world(&format!("url: {}, username: u, password: {{ env: NO_SUCH_VARIABLE }}", museum.url()));
    assert_snapshot!(unset.release(["publish"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the environment variable `NO_SUCH_VARIABLE` that repository `museum` needs is not set; export it, or name another one in release.yaml
    ");
}

#[test]
fn a_repository_that_does_not_answer_is_said() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    assert_snapshot!(world(&format!("url: {url}")).hide(&url, "[MUSEUM]").release(["publish"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    packaged demo 1.0.0 from charts/demo (with changes that are in no commit)
    publishing it to [MUSEUM]/
    error: download demo-1.0.0.tgz from [MUSEUM]/: no whole answer after 5 attempts
      caused by: error sending request
      caused by: client error (Connect)
      caused by: tcp connect error
      caused by: Connection refused (os error 111)
    ");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_used() {
    let proxy = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(418)).mount(&proxy).await;
    let world = world("url: http://charts.example.invalid").env("HTTP_PROXY", &proxy.uri());
    let ran = tokio::task::spawn_blocking(move || world.release(["publish"])).await.unwrap();
    assert!(ran.stderr.contains("HTTP 418"), "{ran}");
    let requests = proxy.received_requests().await.unwrap();
    assert_eq!(requests[0].url.host_str(), Some("charts.example.invalid"));
}
