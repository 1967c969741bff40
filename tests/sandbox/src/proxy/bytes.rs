//! Connections as mere bytes: passed on, delayed, held or cut. TLS goes through untouched.

use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Route;
use super::control::{Changes, Control};
use super::fault::{Asked, Effect};

/// Carries one connection to its end. A fault that comes into force meanwhile meets it too.
pub(crate) async fn carry(mut client: TcpStream, route: &Route) -> anyhow::Result<()> {
    let mut changes = route.control.changes();
    let effect = watch::Sender::new(route.control.take(Asked::default(), &mut changes)?);
    if *effect.borrow() == Some(Effect::Cut) {
        return Ok(client.set_zero_linger()?);
    }
    let mut server =
        TcpStream::connect(route.server).await.with_context(|| format!("connect to {}", route.server))?;
    let cut = tokio::select! {
        passed = pass(&mut client, &mut server, &effect) => { passed?; false }
        cut = decide_anew(&route.control, changes, &effect) => { cut?; true }
    };
    if cut {
        client.set_zero_linger()?;
    }
    Ok(())
}

/// Follows the control file; returns when the connection is to be cut.
async fn decide_anew(
    control: &Control,
    mut changes: Changes,
    effect: &watch::Sender<Option<Effect>>,
) -> anyhow::Result<()> {
    while *effect.borrow() != Some(Effect::Cut) {
        changes.changed().await?;
        effect.send_replace(control.take(Asked::default(), &mut changes)?);
    }
    Ok(())
}

/// Copies both ways until both sides have finished.
async fn pass(
    client: &mut TcpStream,
    server: &mut TcpStream,
    effect: &watch::Sender<Option<Effect>>,
) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = copy(&mut from_client, &mut to_server, effect.subscribe(), false);
    let down = copy(&mut from_server, &mut to_client, effect.subscribe(), true);
    tokio::try_join!(up, down).map(|((), ())| ())
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut effect: watch::Receiver<Option<Effect>>,
    delayed: bool,
) -> std::io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut piece).await?;
        may_pass(&mut effect, delayed).await;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..length]).await?;
    }
}

/// Waits until the next piece may go on.
async fn may_pass(effect: &mut watch::Receiver<Option<Effect>>, delayed: bool) {
    // The sender lives as long as the connection, so waiting for it cannot fail before the connection ends.
    let _ = effect.wait_for(|effect| !matches!(effect, Some(Effect::Hang))).await;
    let delay = match *effect.borrow() {
        Some(Effect::Delay { ms }) if delayed => Duration::from_millis(ms),
        _ => return,
    };
    tokio::time::sleep(delay).await;
}
