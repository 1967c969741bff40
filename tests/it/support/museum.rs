//! Real chart repositories for one test: our own server and, where it can be found, ChartMuseum.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What every repository of a test is called with.
pub(crate) const USERNAME: &str = "publisher";
pub(crate) const PASSWORD: &str = "correct-horse";
/// The largest upload that they accept, in bytes.
pub(crate) const LARGEST_UPLOAD: usize = 64 * 1024;

/// A program that serves a chart repository.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// `release repository serve`.
    Serve,
    /// The ChartMuseum at this path.
    ChartMuseum(PathBuf),
}

/// Every program that can be found. Says once, past the test harness, which ones the tests run on.
///
/// Panics without ChartMuseum where `REQUIRE_CHARTMUSEUM` is set.
pub(crate) fn backends() -> Vec<Backend> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let found = chartmuseum();
        let line = match &found {
            Some(path) => format!("chart repositories under test: release repository serve, ChartMuseum ({})", path.display()),
            None => {
                "chart repositories under test: release repository serve; NOT ChartMuseum: it is neither in $SANDBOX_EXTRAS nor on PATH"
                    .into()
            }
        };
        writeln!(std::io::stderr(), "{line}").expect("write to stderr");
        found
    });
    assert!(
        found.is_some() || std::env::var_os("REQUIRE_CHARTMUSEUM").is_none(),
        "REQUIRE_CHARTMUSEUM is set, but ChartMuseum cannot be found"
    );
    std::iter::once(Backend::Serve).chain(found.clone().map(Backend::ChartMuseum)).collect()
}

fn chartmuseum() -> Option<PathBuf> {
    let extras = std::env::var_os("SANDBOX_EXTRAS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    extras
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join("chartmuseum"))
        .find(|program| program.is_file())
}

/// A running repository below a context path and with credentials. Killed when it is dropped.
pub(crate) struct Museum {
    running: Running,
    url: String,
}

impl Museum {
    /// Starts it on an empty store and waits until it answers.
    pub(crate) fn start(backend: &Backend) -> Self {
        match backend {
            Backend::Serve => {
                let largest = LARGEST_UPLOAD.to_string();
                let credentials = ["--username", USERNAME, "--password-env", "MUSEUM_PASSWORD"];
                let arguments =
                    [&credentials[..], &["--context-path", "/context", "--max-upload-size", &largest]]
                        .concat();
                let Serving { running, url } = Serving::start(&arguments);
                Self { running, url }
            }
            Backend::ChartMuseum(program) => start_chartmuseum(program),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The directory that holds its archives.
    pub(crate) fn store(&self) -> &Path {
        self.running.store.path()
    }
}

/// A running `release repository serve`. Killed when it is dropped.
pub(crate) struct Serving {
    running: Running,
    url: String,
}

impl Serving {
    /// Starts it on an empty store; `MUSEUM_PASSWORD` is [`PASSWORD`].
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let store = TempDir::new().expect("a temporary directory");
        let mut child = Command::new(env!("CARGO_BIN_EXE_release"))
            .args(["repository", "serve", "--listen", "127.0.0.1:0", "--dir"])
            .arg(store.path())
            .args(arguments)
            .env_clear()
            .env("MUSEUM_PASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start release repository serve");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("its stdout"))
            .read_line(&mut url)
            .expect("read its address");
        assert!(url.starts_with("http://127.0.0.1:"), "unexpected address {url:?}");
        Self { running: Running { child, store }, url: url.trim_end().to_owned() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn store(&self) -> &Path {
        self.running.store.path()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.running.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.running.child.try_wait().expect("look at the process")
    }
}

/// A process and the directory that it works on.
struct Running {
    child: Child,
    store: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_chartmuseum(program: &Path) -> Museum {
    let store = TempDir::new().expect("a temporary directory");
    let port = free_port();
    let child = Command::new(program)
        .args([
            "--storage",
            "local",
            "--listen-host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--context-path",
            "/context",
        ])
        .args([
            "--basic-auth-user",
            USERNAME,
            "--max-upload-size",
            &LARGEST_UPLOAD.to_string(),
            "--storage-local-rootdir",
        ])
        .arg(store.path())
        .env_clear()
        .env("BASIC_AUTH_PASS", PASSWORD)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start ChartMuseum");
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(started.elapsed() < Duration::from_secs(20), "ChartMuseum does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
    Museum { running: Running { child, store }, url: format!("http://127.0.0.1:{port}/context") }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a port");
    listener.local_addr().expect("its address").port()
}
