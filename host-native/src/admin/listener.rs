//! The listener of the admin port: who connects and says nothing takes no descriptor for long.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

/// Connections at a time. One more, and the oldest is closed: an honest one is done in milliseconds.
pub const CONNECTIONS_MAX: usize = 64;

/// How long a connection may be silent in both directions.
pub const SILENCE_MAX: Duration = Duration::from_secs(10);

/// How long a connection may last. A scraper that keeps one opens the next.
pub const LIFE_MAX: Duration = Duration::from_secs(120);

/// How long accepting rests when the system refuses: it has no descriptors, say.
const REST: Duration = Duration::from_millis(100);

/// A listener whose connections are bounded in number and in time.
#[derive(Debug)]
pub struct AdminListener {
    listener: TcpListener,
    /// The open connections, the oldest first; dropped, it closes.
    open: VecDeque<oneshot::Sender<()>>,
    silence_max: Duration,
}

/// A connection through a [`AdminListener`].
#[derive(Debug)]
pub struct Guest {
    stream: TcpStream,
    sent_away: oneshot::Receiver<()>,
    silent: Pin<Box<Sleep>>,
    silence_max: Duration,
    ends: Instant,
}

impl AdminListener {
    /// Bounds what comes in by `listener`.
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            open: VecDeque::new(),
            silence_max: SILENCE_MAX,
        }
    }

    fn admit(&mut self, stream: TcpStream) -> Guest {
        self.open.retain(|guest| !guest.is_closed());
        while self.open.len() >= CONNECTIONS_MAX {
            self.open.pop_front();
        }
        let (sender, sent_away) = oneshot::channel();
        self.open.push_back(sender);
        let now = Instant::now();
        Guest {
            stream,
            sent_away,
            silent: Box::pin(sleep_until(now + self.silence_max)),
            silence_max: self.silence_max,
            ends: now + LIFE_MAX,
        }
    }
}

impl Listener for AdminListener {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => return (self.admit(stream), address),
                Err(error) => {
                    tracing::debug!("the admin port takes no connection now: {error}");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Guest {
    /// An error once it was silent or there for too long, or was sent away.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let away = Pin::new(&mut self.sent_away).poll(cx).is_ready();
        match away || self.silent.as_mut().poll(cx).is_ready() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }

    /// Something was read or written.
    fn heard(&mut self) {
        let until = (Instant::now() + self.silence_max).min(self.ends);
        self.silent.as_mut().reset(until);
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            self.heard();
        }
        read
    }
}

impl AsyncWrite for Guest {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.heard();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn who_says_nothing_is_closed_after_a_while_and_who_speaks_is_heard() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut listener = AdminListener::new(listener);
        listener.silence_max = Duration::from_millis(20);
        let mut caller = TcpStream::connect(address).await.unwrap();
        caller.write_all(b"x").await.unwrap();
        let (mut guest, _) = listener.accept().await;
        let mut byte = [0];
        assert_eq!(guest.read(&mut byte).await.unwrap(), 1);
        let silent = guest.read(&mut byte).await.unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
    }
}
