//! The sandbox's fault proxy before an HTTP server of a test. Every fault has to come to pass: one that never
//! hit anything proves nothing, and fails the test.

use std::path::PathBuf;

use sandbox::proxy::{self, Args, Fault, Proxy};
use tempfile::TempDir;
use url::Url;

/// A running proxy; it ends with the test's runtime.
pub(crate) struct Faulty {
    url: Url,
    directory: TempDir,
}

impl Faulty {
    /// Starts a proxy before the server of `target`. A fault with a number of times makes room for the next
    /// one when it is used up.
    pub(crate) async fn before(target: &str, faults: &[Fault]) -> Self {
        let mut url: Url = target.parse().expect("a URL");
        let to = url.socket_addrs(|| None).expect("an address")[0];
        let directory = TempDir::new().expect("a temporary directory");
        let (control, log) = (directory.path().join("faults"), directory.path().join("requests"));
        proxy::set(&control, faults).expect("write the faults");
        let args = Args {
            listen: ([127, 0, 0, 1], 0).into(),
            to,
            control: Some(control),
            log: Some(log),
            http: true,
            terminate: None,
            upstream_tls: None,
        };
        let proxy = Proxy::bind(&args).await.expect("start the proxy");
        url.set_port(Some(proxy.address().expect("its address").port())).expect("a URL with a port");
        tokio::spawn(proxy.serve());
        Self { url, directory }
    }

    pub(crate) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// How many requests of a method arrived.
    pub(crate) fn seen(&self, method: &str) -> usize {
        let requests = std::fs::read_to_string(self.file("requests")).expect("read the requests");
        requests.lines().filter(|line| line.starts_with(&format!("{method} "))).count()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let unused = proxy::unused(&self.file("faults")).expect("ask for the faults");
            assert!(
                unused.is_empty(),
                "the test proves nothing: these faults did not come to pass: {unused:#?}"
            );
        }
    }
}

#[tokio::test]
#[should_panic(expected = "these faults did not come to pass")]
async fn a_fault_that_does_not_come_to_pass_fails_the_test() {
    drop(Faulty::before("http://127.0.0.1:1", &[Fault::status(503).on("POST", "/")]).await);
}
