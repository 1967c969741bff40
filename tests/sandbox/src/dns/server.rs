//! The sockets of the DNS server: UDP and TCP on one port.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use hickory_proto::op::{Message, OpCode, ResponseCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::zone::Zone;
use super::{Args, control, reply};
use crate::talk;

/// How often another free port is tried when port 0 is asked for and UDP has already given away the one that
/// TCP got.
const PORT_TRIES: usize = 10;

/// A bound server.
#[derive(Debug)]
pub struct Server {
    udp: UdpSocket,
    tcp: TcpListener,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    zones: Mutex<Vec<Zone>>,
    control: Option<PathBuf>,
}

impl Server {
    /// Takes the port on both protocols.
    pub async fn bind(args: &Args) -> anyhow::Result<Self> {
        let (tcp, udp) =
            sockets(args.listen).await.with_context(|| format!("listen for DNS on {}", args.listen))?;
        let zones = Mutex::new(args.zones.iter().map(Zone::new).collect());
        Ok(Self { udp, tcp, state: Arc::new(State { zones, control: args.control.clone() }) })
    }

    /// The address that it listens on.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Answers for ever; ends only when a socket fails.
    pub async fn serve(self) -> anyhow::Result<()> {
        tokio::try_join!(datagrams(&self.udp, &self.state), connections(&self.tcp, &self.state))
            .map(|((), ())| ())
    }
}

async fn sockets(listen: SocketAddr) -> std::io::Result<(TcpListener, UdpSocket)> {
    for _ in 1..PORT_TRIES {
        let tcp = TcpListener::bind(listen).await?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok((tcp, udp)),
            Err(error) if listen.port() != 0 => return Err(error),
            Err(_) => {}
        }
    }
    let tcp = TcpListener::bind(listen).await?;
    let udp = UdpSocket::bind(tcp.local_addr()?).await?;
    Ok((tcp, udp))
}

async fn datagrams(udp: &UdpSocket, state: &State) -> anyhow::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let (length, sender) = udp.recv_from(&mut buffer).await.context("receive a DNS datagram")?;
        let Some((request, reply)) = state.reply(&buffer[..length]).await else { continue };
        let mut bytes = reply.to_vec().context("write a DNS reply")?;
        if bytes.len() > usize::from(request.max_payload()) {
            bytes = reply.truncate().to_vec().context("write a truncated DNS reply")?;
        }
        // The asker may have gone away; its next question is answered all the same.
        let _ = udp.send_to(&bytes, sender).await;
    }
}

async fn connections(tcp: &TcpListener, state: &Arc<State>) -> anyhow::Result<()> {
    loop {
        let (stream, _) = tcp.accept().await.context("accept a DNS connection")?;
        let state = Arc::clone(state);
        tokio::spawn(async move {
            // A cut connection is the asker's business.
            let _ = connection(stream, &state).await;
        });
    }
}

/// Messages on TCP follow their length in two bytes (RFC 1035 section 4.2.2).
async fn connection(mut stream: TcpStream, state: &State) -> anyhow::Result<()> {
    loop {
        let mut bytes = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut bytes).await?;
        let Some((_, reply)) = state.reply(&bytes).await else { continue };
        let reply = reply.to_vec()?;
        stream.write_u16(u16::try_from(reply.len())?).await?;
        stream.write_all(&reply).await?;
    }
}

impl State {
    /// The request and its reply; none for bytes that are no message and for a server that is silent.
    async fn reply(&self, bytes: &[u8]) -> Option<(Message, Message)> {
        let request = Message::from_vec(bytes).ok()?;
        let reply = match control::read(self.control.as_deref()).await {
            Ok(mode) => {
                reply::reply(&mut self.zones.lock().unwrap_or_else(PoisonError::into_inner), mode, &request)?
            }
            Err(error) => {
                talk::line(&format!("dns: read the control file: {error}"));
                Message::error_msg(request.metadata.id, request.metadata.op_code, ResponseCode::ServFail)
            }
        };
        if request.metadata.op_code == OpCode::Update {
            talk::line(&format!("dns: update: {}", reply.metadata.response_code));
        }
        Some((request, reply))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use hickory_proto::op::{Query, update_message};
    use hickory_proto::rr::rdata::TXT;
    use hickory_proto::rr::{Name, RData, Record, RecordType};
    use tokio::time::timeout;

    use super::*;

    async fn started(control: &Path) -> SocketAddr {
        let zones = vec!["example.com.".parse().unwrap()];
        let args = Args { listen: ([127, 0, 0, 1], 0).into(), zones, control: Some(control.to_owned()) };
        let server = Server::bind(&args).await.unwrap();
        let address = server.address().unwrap();
        tokio::spawn(server.serve());
        address
    }

    async fn over_udp(server: SocketAddr, message: &Message) -> Option<Message> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&message.to_vec().unwrap(), server).await.unwrap();
        let mut buffer = [0; 4096];
        let length = timeout(Duration::from_millis(300), socket.recv(&mut buffer)).await.ok()?.unwrap();
        Some(Message::from_vec(&buffer[..length]).unwrap())
    }

    async fn over_tcp(server: SocketAddr, message: &Message) -> Message {
        let mut stream = TcpStream::connect(server).await.unwrap();
        let bytes = message.to_vec().unwrap();
        stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut reply).await.unwrap();
        Message::from_vec(&reply).unwrap()
    }

    fn question() -> Message {
        let mut message = Message::query();
        message.add_query(Query::query("_acme-challenge.example.com.".parse().unwrap(), RecordType::TXT));
        message
    }

    fn add(value: &str) -> Message {
        let owner: Name = "_acme-challenge.example.com.".parse().unwrap();
        let record = Record::from_rdata(owner, 60, RData::TXT(TXT::new(vec![value.to_owned()])));
        update_message::append(record.into(), "example.com.".parse().unwrap(), false, false)
    }

    #[tokio::test]
    async fn an_update_is_seen_on_both_protocols() {
        let dir = tempfile::tempdir().unwrap();
        let server = started(&dir.path().join("absent")).await;
        assert_eq!(
            over_udp(server, &question()).await.unwrap().metadata.response_code,
            ResponseCode::NXDomain
        );
        assert_eq!(
            over_udp(server, &add("one")).await.unwrap().metadata.response_code,
            ResponseCode::NoError
        );
        assert_eq!(over_udp(server, &question()).await.unwrap().answers.len(), 1);
        assert_eq!(over_tcp(server, &question()).await.answers.len(), 1);
    }

    #[tokio::test]
    async fn an_answer_too_large_for_udp_is_cut_and_whole_on_tcp() {
        let dir = tempfile::tempdir().unwrap();
        let server = started(&dir.path().join("absent")).await;
        for number in 0..10 {
            over_tcp(server, &add(&format!("{number}-{}", "x".repeat(80)))).await;
        }
        let cut = over_udp(server, &question()).await.unwrap();
        assert!(cut.metadata.truncation && cut.answers.is_empty());
        assert_eq!(over_tcp(server, &question()).await.answers.len(), 10);
    }

    #[tokio::test]
    async fn the_control_file_switches_a_running_server() {
        let dir = tempfile::tempdir().unwrap();
        let control = dir.path().join("control");
        let server = started(&control).await;
        let code = async |message: Message| {
            over_udp(server, &message).await.map(|reply| reply.metadata.response_code)
        };
        for (word, on_update, on_question) in [
            ("ok", Some(ResponseCode::NoError), Some(ResponseCode::NoError)),
            ("refuse-updates", Some(ResponseCode::Refused), Some(ResponseCode::NoError)),
            ("silent", None, None),
            ("slient", Some(ResponseCode::ServFail), Some(ResponseCode::ServFail)),
            ("ok", Some(ResponseCode::NoError), Some(ResponseCode::NoError)),
        ] {
            std::fs::write(&control, word).unwrap();
            assert_eq!(code(add("one")).await, on_update, "{word}");
            assert_eq!(code(question()).await, on_question, "{word}");
        }
    }

    #[tokio::test]
    async fn bytes_that_are_no_message_do_not_stop_it() {
        let dir = tempfile::tempdir().unwrap();
        let server = started(&dir.path().join("absent")).await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(b"GET / HTTP/1.1\r\n", server).await.unwrap();
        assert!(over_udp(server, &question()).await.is_some());
    }
}
