//! The proxy through real sockets: a server that counts what reaches it, and a client that says how its
//! request ended.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::*;

const BODY: &str = "0123456789";
const EVENT: &str = "{\"type\":\"ADDED\"}\n";

/// The server behind the proxy, the proxy, and its control file.
struct World {
    dir: tempfile::TempDir,
    proxy: SocketAddr,
    reached: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn new(shape: impl FnOnce(&mut Args)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let reached = Arc::new(Mutex::new(Vec::new()));
        let to = upstream(Arc::clone(&reached)).await;
        let mut args = plain(to, Some(dir.path().join("control")));
        shape(&mut args);
        Self { proxy: started(&args).await, dir, reached }
    }

    async fn http() -> Self {
        Self::new(|args| args.http = true).await
    }

    fn set(&self, fault: impl Into<Fault>) {
        set(&self.dir.path().join("control"), &[fault.into()]).unwrap();
    }

    fn clear(&self) {
        set(&self.dir.path().join("control"), &[]).unwrap();
    }

    /// The whole answer to a request.
    async fn ask(&self, line: &str) -> io::Result<String> {
        let mut stream = self.asked(line).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// A connection on which the request has been sent.
    async fn asked(&self, line: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.proxy).await?;
        stream
            .write_all(
                format!("{line} HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc")
                    .as_bytes(),
            )
            .await?;
        Ok(stream)
    }

    fn reached(&self) -> Vec<String> {
        self.reached.lock().unwrap().clone()
    }
}

fn plain(to: SocketAddr, control: Option<PathBuf>) -> Args {
    Args {
        listen: ([127, 0, 0, 1], 0).into(),
        to,
        control,
        log: None,
        http: false,
        terminate: None,
        upstream_tls: None,
    }
}

async fn started(args: &Args) -> SocketAddr {
    let proxy = Proxy::bind(args).await.unwrap();
    let address = proxy.address().unwrap();
    tokio::spawn(proxy.serve());
    address
}

/// Answers every request with [`BODY`], and a watch with an [`EVENT`] and silence.
async fn upstream(reached: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let reached = Arc::clone(&reached);
            tokio::spawn(async move {
                let mut request = String::new();
                while !request.ends_with("\r\n\r\nabc") {
                    let mut piece = [0; 512];
                    let length = stream.read(&mut piece).await.unwrap();
                    request.push_str(std::str::from_utf8(&piece[..length]).unwrap());
                }
                let line = request.lines().next().unwrap().to_owned();
                let watch = line.contains("watch=true");
                reached.lock().unwrap().push(line);
                if watch {
                    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                    stream
                        .write_all(format!("{head}{:x}\r\n{EVENT}\r\n", EVENT.len()).as_bytes())
                        .await
                        .unwrap();
                    sleep(Duration::from_secs(30)).await;
                } else {
                    stream
                        .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{BODY}").as_bytes())
                        .await
                        .unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn without_faults_everything_passes() {
    for world in [World::http().await, World::new(|_| ()).await] {
        assert!(world.ask("GET /index.yaml").await.unwrap().ends_with(BODY));
        assert_eq!(world.reached(), ["GET /index.yaml HTTP/1.1"]);
    }
}

#[tokio::test]
async fn a_status_is_answered_as_often_as_asked_and_does_not_reach_the_server() {
    let world = World::http().await;
    world.set(Fault::status(503).times(2).on("POST", "/api/charts"));
    assert!(world.ask("GET /index.yaml").await.unwrap().ends_with(BODY));
    for _ in 0..2 {
        assert!(world.ask("POST /api/charts").await.unwrap().starts_with("HTTP/1.1 503 "));
    }
    assert!(world.ask("POST /api/charts").await.unwrap().ends_with(BODY));
    assert_eq!(world.reached(), ["GET /index.yaml HTTP/1.1", "POST /api/charts HTTP/1.1"]);
    world.set(Fault::acme_rate_limited());
    let limited = world.ask("POST /order").await.unwrap();
    assert!(limited.contains("retry-after: 1") && limited.contains("rateLimited"), "{limited}");
}

#[tokio::test]
async fn half_a_body_announces_the_whole() {
    let world = World::http().await;
    world.set(Effect::HalfBody);
    let answer = world.ask("GET /index.yaml").await.unwrap();
    assert!(answer.contains("content-length: 10") && answer.ends_with("\r\n\r\n01234"), "{answer}");
}

#[tokio::test]
async fn a_lost_answer_has_reached_the_server_and_a_cut_has_not() {
    let world = World::http().await;
    world.set(Effect::LoseAnswer);
    assert_eq!(world.ask("POST /api/charts").await.unwrap_or_default(), "");
    assert_eq!(world.reached().len(), 1);
    world.set(Effect::Cut);
    assert_eq!(world.ask("POST /api/charts").await.unwrap_or_default(), "");
    assert_eq!(world.reached().len(), 1);
}

#[tokio::test]
async fn a_delay_is_felt() {
    for world in [World::http().await, World::new(|_| ()).await] {
        world.set(Effect::Delay { ms: 150 });
        let start = Instant::now();
        assert!(world.ask("GET /index.yaml").await.unwrap().ends_with(BODY));
        assert!(start.elapsed() >= Duration::from_millis(150));
    }
}

#[tokio::test]
async fn what_hangs_goes_on_when_the_fault_is_gone() {
    for world in [World::http().await, World::new(|_| ()).await] {
        world.set(Effect::Hang);
        let mut asked = world.asked("GET /index.yaml").await.unwrap();
        let mut answer = String::new();
        assert!(timeout(Duration::from_millis(200), asked.read_to_string(&mut answer)).await.is_err());
        assert!(world.reached().is_empty());
        world.clear();
        asked.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with(BODY));
    }
}

#[tokio::test]
async fn a_cut_meets_connections_that_are_under_way() {
    for world in [World::http().await, World::new(|_| ()).await] {
        let mut asked = world.asked("GET /pods?watch=true").await.unwrap();
        assert!(read_until(&mut asked, EVENT).await.contains(EVENT));
        world.set(Effect::Cut);
        let mut rest = Vec::new();
        let ended =
            timeout(Duration::from_secs(5), asked.read_to_end(&mut rest)).await.expect("the connection ends");
        assert!(ended.is_err() || !rest.ends_with(b"0\r\n\r\n"), "a cut is not a proper end");
        assert!(world.ask("GET /index.yaml").await.unwrap_or_default().is_empty());
    }
}

#[tokio::test]
async fn watches_expire_when_they_start_and_when_they_run() {
    let world = World::http().await;
    let mut running = world.asked("GET /pods?watch=true").await.unwrap();
    read_until(&mut running, EVENT).await;
    world.set(Effect::ExpireWatch);
    let mut rest = String::new();
    timeout(Duration::from_secs(5), running.read_to_string(&mut rest))
        .await
        .expect("the watch ends")
        .unwrap();
    assert!(rest.contains("\"code\":410") && rest.ends_with("0\r\n\r\n"), "{rest}");
    let started = world.ask("GET /pods?watch=true").await.unwrap();
    assert!(started.contains("200 OK") && started.contains("\"reason\":\"Expired\""), "{started}");
    assert!(world.ask("GET /pods").await.unwrap().ends_with(BODY));
    assert_eq!(world.reached().len(), 2);
}

#[tokio::test]
async fn every_request_is_logged_also_one_that_is_refused() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let shape = |args: &mut Args| (args.http, args.log) = (true, Some(log.path().to_owned()));
    let world = World::new(shape).await;
    world.set(Fault::status(503).times(1));
    for line in ["POST /api/charts", "GET /index.yaml?a=b"] {
        world.ask(line).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "POST /api/charts\nGET /index.yaml?a=b\n");
    assert_eq!(unused(&world.dir.path().join("control")).unwrap(), []);
}

#[tokio::test]
async fn a_broken_control_file_breaks_everything() {
    let world = World::new(|_| ()).await;
    world.set(Fault::status(503));
    assert_eq!(world.ask("GET /index.yaml").await.unwrap_or_default(), "");
    assert!(world.reached().is_empty());
}

#[tokio::test]
async fn tls_is_spoken_on_both_sides() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(dir.path());
    let inner = World::new(|args| args.terminate = Some(vec![certificate.clone(), key.clone()])).await;
    let mut args = plain(inner.proxy, Some(dir.path().join("control")));
    args.terminate = Some(vec![certificate.clone(), key]);
    args.upstream_tls = Some(certificate.clone());
    let outer = started(&args).await;
    set(&dir.path().join("control"), &[Fault::status(429).times(1)]).unwrap();
    let connector = tls::connector(&certificate).unwrap();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut stream = tls::connect(outer, Some(&connector)).await.unwrap();
        stream
            .write_all(
                b"GET /dir HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc",
            )
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answers.push(answer);
    }
    assert!(answers[0].starts_with("HTTP/1.1 429 ") && answers[1].ends_with(BODY), "{answers:?}");
}

fn certificate(dir: &Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let files = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&files.0, made.cert.pem()).unwrap();
    std::fs::write(&files.1, made.signing_key.serialize_pem()).unwrap();
    files
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.contains(end) {
        let mut piece = [0; 512];
        let length = stream.read(&mut piece).await.unwrap();
        assert_ne!(length, 0, "the connection ended after {text:?}");
        text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
    }
    text
}
