//! Connections on which nothing moves are closed, so that clients that say nothing cannot use them all up.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};

/// How long a connection may be without a byte in either direction, also before and inside a request.
const PATIENCE: Duration = Duration::from_mins(1);

/// A listener whose connections end when nothing moves on them.
pub(super) struct Patient {
    listener: TcpListener,
    patience: Duration,
}

impl Patient {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, patience: PATIENCE }
    }
}

impl Listener for Patient {
    type Io = Moving;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Moving, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        (Moving { stream, patience: self.patience, end: Box::pin(sleep(self.patience)) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when nothing moves on it.
pub(super) struct Moving {
    stream: TcpStream,
    patience: Duration,
    end: Pin<Box<Sleep>>,
}

impl Moving {
    fn moved(&mut self) {
        let end = Instant::now() + self.patience;
        self.end.as_mut().reset(end);
    }
}

impl AsyncRead for Moving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            self.moved();
            return Poll::Ready(read);
        }
        ready!(self.end.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Moving {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.moved();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn a_client_that_says_half_a_header_and_no_more_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let patient = Patient { listener, patience: Duration::from_millis(200) };
        tokio::spawn(axum::serve(patient, axum::Router::new()).into_future());
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), client.read_to_end(&mut answer)).await;
        // A reset is an end as well.
        assert!(read.is_ok(), "the connection stays open");
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        client.read_to_end(&mut answer).await.unwrap();
        assert!(String::from_utf8_lossy(&answer).contains("404"));
    }
}
