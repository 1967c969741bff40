//! A proxy before an HTTP server that fails the requests of one method in the ways it is told, once each, and
//! then lets all pass.
//! Every request is expected on a connection of its own.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// How a request fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The connection is cut before the request reaches the server.
    CutBefore,
    /// The server performs the request, but its answer is lost.
    AnswerLost,
    /// The server performs the request, and half of its answer arrives.
    HalfAnswer,
    /// The request never reaches the server; this status comes back.
    Status(u16),
}

/// The faults that are still to come, and how many requests of the method were seen.
struct Script {
    method: &'static str,
    faults: Vec<Fault>,
    seen: usize,
}

/// A running proxy; it ends with the test's runtime.
pub(crate) struct Faulty {
    url: Url,
    script: Arc<Mutex<Script>>,
}

impl Faulty {
    /// Starts a proxy before the server of `target`.
    pub(crate) async fn before(target: &str, method: &'static str, faults: &[Fault]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind a port");
        let mut url: Url = target.parse().expect("a URL");
        let server = format!("127.0.0.1:{}", url.port().expect("a port"));
        url.set_port(Some(listener.local_addr().expect("an address").port())).expect("a URL with a port");
        let script = Arc::new(Mutex::new(Script { method, faults: faults.to_vec(), seen: 0 }));
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (script, server) = (Arc::clone(&shared), server.clone());
                tokio::spawn(async move {
                    // A connection that breaks is what this proxy is for.
                    let _ = relay(client, &server, &script).await;
                });
            }
        });
        Self { url, script }
    }

    pub(crate) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// How many requests of the method arrived, and whether every fault came to pass.
    pub(crate) fn seen(&self) -> (usize, bool) {
        let script = self.script.lock().expect("the script");
        (script.seen, script.faults.is_empty())
    }
}

impl Script {
    fn next(&mut self, head: &[u8]) -> Option<Fault> {
        if !head.starts_with(format!("{} ", self.method).as_bytes()) {
            return None;
        }
        self.seen += 1;
        if self.faults.is_empty() { None } else { Some(self.faults.remove(0)) }
    }
}

async fn relay(mut client: TcpStream, server: &str, script: &Mutex<Script>) -> std::io::Result<()> {
    let mut head = vec![0; 8];
    client.read_exact(&mut head).await?;
    let fault = script.lock().expect("the script").next(&head);
    match fault {
        Some(Fault::CutBefore) => return Ok(()),
        Some(Fault::Status(status)) => {
            read_request(&mut client, &mut head).await?;
            let answer =
                format!("HTTP/1.1 {status} Fault\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfault");
            return client.write_all(answer.as_bytes()).await;
        }
        Some(Fault::AnswerLost | Fault::HalfAnswer) | None => {}
    }
    let mut upstream = TcpStream::connect(server).await?;
    if fault.is_none() {
        upstream.write_all(&head).await?;
        return tokio::io::copy_bidirectional(&mut client, &mut upstream).await.map(|_| ());
    }
    read_request(&mut client, &mut head).await?;
    upstream.write_all(&head).await?;
    let answer = read_answer(&mut upstream).await?;
    if matches!(fault, Some(Fault::HalfAnswer)) {
        client.write_all(&answer[..answer.len() - 3]).await?;
    }
    Ok(())
}

/// Reads a whole request with a `Content-Length`, or one without a body.
async fn read_request(client: &mut TcpStream, request: &mut Vec<u8>) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    while !is_whole(request) {
        match client.read(&mut buffer).await? {
            0 => return Ok(()),
            length => request.extend_from_slice(&buffer[..length]),
        }
    }
    Ok(())
}

/// Reads an answer with a `Content-Length`.
async fn read_answer(upstream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    read_request(upstream, &mut answer).await?;
    Ok(answer)
}

fn is_whole(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message).to_ascii_lowercase();
    let Some(head) = message.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse().ok());
    message.len() - head - 4 >= length.unwrap_or(0)
}
