//! `release repository serve`: what it answers, and how it starts and ends.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};

use crate::support::charts::{chart, demo};
use crate::support::museum::Serving;
use crate::support::world::World;

/// Status and body.
async fn said(response: Result<Response, reqwest::Error>) -> String {
    let response = response.expect("an answer");
    let status = response.status().as_u16();
    format!("{status} {}", response.text().await.expect("a body"))
}

fn http() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

fn form(field: &'static str, bytes: &[u8]) -> Form {
    Form::new().part(field, Part::bytes(bytes.to_vec()).file_name("any.tgz"))
}

/// A gzipped tar archive of these entries, however strange.
fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut tar =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    for (name, data) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, data.as_bytes()).expect("an entry");
    }
    tar.into_inner().and_then(flate2::write::GzEncoder::finish).expect("an archive")
}

#[tokio::test]
async fn an_upload_is_listed_read_and_deleted() {
    let museum = Serving::start(&[]);
    let (http, url, ours) = (http(), museum.url(), demo());
    assert_eq!(
        said(http.post(format!("{url}/api/charts")).body(ours.bytes().to_vec()).send().await).await,
        r#"201 {"saved":true}"#
    );
    let index = said(http.get(format!("{url}/index.yaml")).send().await).await;
    let created =
        index.lines().find_map(|line| line.trim().strip_prefix("created: ")).expect("a time").to_owned();
    let generated =
        index.lines().find_map(|line| line.trim().strip_prefix("generated: ")).expect("a time").to_owned();
    let index = index
        .replace(&created, "[TIME]")
        .replace(&generated, "[TIME]")
        .replace(&ours.digest().hex(), "[DIGEST]");
    insta::assert_snapshot!(index, @"
    200 apiVersion: v1
    entries:
      demo:
      - apiVersion: v2
        name: demo
        version: 1.2.3+build.5
        urls:
        - charts/demo-1.2.3+build.5.tgz
        created: [TIME]
        digest: [DIGEST]
    generated: [TIME]
    serverInfo: {}
    ");
    assert!(http.head(format!("{url}/index.yaml")).send().await.unwrap().status().is_success());
    let read =
        http.get(format!("{url}/charts/demo-1.2.3+build.5.tgz")).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(read, ours.bytes());
    for path in
        ["/api/charts/demo/1.2.3+build.5", "/api/charts/demo/latest", "/api/charts/demo", "/api/charts"]
    {
        let answer = said(http.get(format!("{url}{path}")).send().await).await;
        assert!(answer.starts_with("200 ") && answer.contains(&ours.digest().hex()), "{path}: {answer}");
    }
    let version = format!("{url}/api/charts/demo/1.2.3+build.5");
    assert_eq!(said(http.delete(&version).send().await).await, r#"200 {"deleted":true}"#);
    assert!(said(http.delete(&version).send().await).await.starts_with("404 "));
    assert_eq!(
        said(http.get(&version).send().await).await,
        r#"404 {"error":"no chart version found for demo-1.2.3+build.5"}"#
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_in_chartmuseums_words() {
    let museum = Serving::start(&["--context-path", "ctx"]);
    let (http, url) = (http(), museum.url());
    let mut answers = Vec::new();
    for path in [
        "/health",
        "/charts/demo-1.0.0.tgz",
        "/charts/..%2Fsecret.tgz",
        "/api/charts/demo",
        "/api/charts",
        "/nothing",
        "/../health",
    ] {
        answers.push(format!("GET {path}: {}", said(http.get(format!("{url}{path}")).send().await).await));
    }
    answers
        .push(format!("PUT /api/charts: {}", said(http.put(format!("{url}/api/charts")).send().await).await));
    insta::assert_snapshot!(answers.join("\n"), @r#"
    GET /health: 200 {"healthy":true}
    GET /charts/demo-1.0.0.tgz: 404 {"error":"object not found"}
    GET /charts/..%2Fsecret.tgz: 404 {"error":"object not found"}
    GET /api/charts/demo: 404 {"error":"chart not found"}
    GET /api/charts: 200 {}
    GET /nothing: 404 {"error":"not found"}
    GET /../health: 404 {"error":"not found"}
    PUT /api/charts: 404 {"error":"not found"}
    "#);
}

#[tokio::test]
async fn a_published_version_is_overwritten_only_by_force_and_only_where_that_is_allowed() {
    let (first, second) = (demo(), chart("1.2.3+build.5", b"a: 2\n", 1_700_000_000));
    for (arguments, forced) in [(&[][..], "409"), (&["--allow-overwrite"][..], "201")] {
        let museum = Serving::start(arguments);
        let (http, api) = (http(), format!("{}/api/charts", museum.url()));
        assert!(said(http.post(&api).body(first.bytes().to_vec()).send().await).await.starts_with("201"));
        let raw = said(http.post(&api).body(second.bytes().to_vec()).send().await).await;
        assert_eq!(raw, r#"409 {"error":"file already exists"}"#);
        let multipart = said(http.post(&api).multipart(form("chart", second.bytes())).send().await).await;
        assert_eq!(multipart, r#"409 {"error":"chart already exists"}"#);
        let answer =
            said(http.post(format!("{api}?force")).multipart(form("chart", second.bytes())).send().await)
                .await;
        assert!(answer.starts_with(forced), "{answer}");
    }
}

#[tokio::test]
async fn provenance_is_stored_beside_its_archive() {
    let museum = Serving::start(&[]);
    let (http, url) = (http(), museum.url());
    let both = form("chart", demo().bytes()).part("prov", Part::bytes(b"signed".to_vec()));
    assert!(
        said(http.post(format!("{url}/api/charts")).multipart(both).send().await).await.starts_with("201")
    );
    assert_eq!(
        said(http.get(format!("{url}/charts/demo-1.2.3+build.5.tgz.prov")).send().await).await,
        "200 signed"
    );
}

#[tokio::test]
async fn hostile_and_broken_uploads_are_refused_and_leave_nothing_behind() {
    let museum = Serving::start(&["--max-upload-size", "100000", "--max-storage-objects", "1"]);
    let (http, api) = (http(), format!("{}/api/charts", museum.url()));
    let chart = |name: &str| format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
    let plain = chart("demo");
    let uploads = [
        ("no archive", b"hello".to_vec()),
        ("empty", Vec::new()),
        ("half an archive", demo().bytes()[..100].to_vec()),
        ("leaves its directory", archive(&[("demo/Chart.yaml", &plain), ("demo/../../x", "1")])),
        ("absolute path", archive(&[("demo/Chart.yaml", &plain), ("demo//etc/x", "1")])),
        ("no Chart.yaml", archive(&[("demo/values.yaml", "a: 1")])),
        ("name with a path", archive(&[("demo/Chart.yaml", &chart("../demo"))])),
        ("name of a directory", archive(&[("demo/Chart.yaml", &chart(".."))])),
        ("no name", archive(&[("demo/Chart.yaml", &chart("''"))])),
        (
            "version with a path",
            archive(&[("demo/Chart.yaml", "apiVersion: v2\nname: demo\nversion: ../../x\n")]),
        ),
        ("broken YAML", archive(&[("demo/Chart.yaml", "{{{")])),
        ("too large", vec![0; 100_001]),
    ];
    let mut answers = Vec::new();
    for (what, bytes) in uploads {
        let raw = said(http.post(&api).body(bytes.clone()).send().await).await;
        let multipart = said(http.post(&api).multipart(form("chart", &bytes)).send().await).await;
        assert_eq!(raw, multipart, "{what}");
        answers.push(format!("{what}: {raw}"));
    }
    answers.push(format!(
        "other field: {}",
        said(http.post(&api).multipart(form("file", demo().bytes())).send().await).await
    ));
    assert_eq!(std::fs::read_dir(museum.store()).unwrap().count(), 0);
    answers
        .push(format!("first: {}", said(http.post(&api).body(demo().bytes().to_vec()).send().await).await));
    let second = archive(&[("demo/Chart.yaml", &plain)]);
    answers.push(format!("one too many: {}", said(http.post(&api).body(second).send().await).await));
    insta::assert_snapshot!(answers.join("\n"), @r#"
    no archive: 400 {"error":"does not appear to be a gzipped archive; got 'text/plain; charset=utf-8'"}
    empty: 400 {"error":"does not appear to be a gzipped archive; got 'text/plain; charset=utf-8'"}
    half an archive: 400 {"error":"unable to load chart archive: incomplete deflate stream"}
    leaves its directory: 400 {"error":"chart illegally references parent directory: \"demo/../../x\""}
    absolute path: 400 {"error":"chart illegally contains absolute paths: \"demo//etc/x\""}
    no Chart.yaml: 400 {"error":"Chart.yaml file is missing"}
    name with a path: 400 {"error":"validation: chart.metadata.name \"../demo\" is invalid"}
    name of a directory: 400 {"error":"validation: chart.metadata.name \"..\" is not allowed"}
    no name: 400 {"error":"validation: chart.metadata.name is required"}
    version with a path: 400 {"error":"validation: chart.metadata.version \"../../x\" is invalid"}
    broken YAML: 400 {"error":"cannot load Chart.yaml: error converting YAML to JSON: yaml: line 2, column 1: did not find expected node content"}
    too large: 413 request too large
    other field: 400 {"error":"no package or provenance file found in form fields chart and prov"}
    first: 201 {"saved":true}
    one too many: 507 {"error":"repo has reached storage limit"}
    "#);
}

#[tokio::test]
async fn reading_may_be_open_while_writing_is_not() {
    let museum =
        Serving::start(&["--username", "u", "--password-env", "MUSEUM_PASSWORD", "--auth-anonymous-get"]);
    let (http, url) = (http(), museum.url());
    assert!(said(http.get(format!("{url}/index.yaml")).send().await).await.starts_with("200"));
    let post = || http.post(format!("{url}/api/charts")).body(demo().bytes().to_vec());
    assert_eq!(said(post().send().await).await, r#"401 {"error":"unauthorized"}"#);
    assert!(
        said(post().basic_auth("u", Some(crate::support::museum::PASSWORD)).send().await)
            .await
            .starts_with("201")
    );
}

#[tokio::test]
async fn archives_put_into_the_directory_by_hand_are_listed() {
    let museum = Serving::start(&[]);
    std::fs::write(museum.store().join("demo-1.2.3+build.5.tgz"), demo().bytes()).unwrap();
    std::fs::write(museum.store().join("junk-1.0.0.tgz"), "junk").unwrap();
    let index = said(http().get(format!("{}/index.yaml", museum.url())).send().await).await;
    assert!(index.contains(&demo().digest().hex()) && !index.contains("junk"), "{index}");
}

#[test]
fn it_ends_with_success_at_a_signal() {
    for signal in ["-TERM", "-INT"] {
        let mut museum = Serving::start(&[]);
        assert!(
            Command::new("kill")
                .args([signal, &museum.id().to_string()])
                .stdout(Stdio::null())
                .status()
                .unwrap()
                .success()
        );
        let started = Instant::now();
        let status = loop {
            if let Some(status) = museum.ended() {
                break status;
            }
            assert!(started.elapsed() < Duration::from_secs(5), "it does not end at {signal}");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[test]
fn what_keeps_it_from_starting_is_told() {
    let world = World::new();
    world.write("file", "");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let world = world.hide(&taken, "[TAKEN]");
    insta::assert_snapshot!(world.release(["repository", "serve", "--dir", "file"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: serve the charts of `file` on 127.0.0.1:8080
      caused by: File exists (os error 17)
    ");
    insta::assert_snapshot!(world.release(["repository", "serve", "--dir", "d", "--listen", &taken]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: serve the charts of `d` on [TAKEN]
      caused by: Address already in use (os error 98)
    ");
    insta::assert_snapshot!(world.release(["repository", "serve", "--dir", "d", "--username", "u", "--password-env", "UNSET"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the environment variable `UNSET` of --password-env is not set
    ");
    insta::assert_snapshot!(world.release(["repository", "serve", "--dir", "d", "--username", "u"]), @"
    exit code: 1
    ----- stdout -----
    ----- stderr -----
    error: the following required arguments were not provided:
      --password-env <VARIABLE>

    Usage: release repository serve --dir <DIRECTORY> --username <NAME> --password-env <VARIABLE>

    For more information, try '--help'.
    ");
}
