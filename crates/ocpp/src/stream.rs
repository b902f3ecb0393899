//! The stream below a connection: taken over from the server that has read the handshake, and read without a buffer of its own.

use bytes::{Buf as _, Bytes};
use hyper::upgrade::Upgraded;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

/// How much is read at once, bytes.
const READ: usize = 16 * 1024;

thread_local! {
    /// What was just read and belongs to nobody yet: one for all connections of a thread, so that an idle one holds none.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// How the server lets go of a stream that it has read a handshake from; `None` when the stream is none of its own.
pub type TakeOver = fn(Upgraded) -> Option<Taken>;

/// A stream to a peer: a socket as it is, or what lies on top of one. It is no larger than the socket: many connections idle.
#[derive(Debug)]
pub enum Wire {
    /// A socket as it is.
    Plain(TcpStream),
    /// What lies on top of a socket, such as TLS.
    Tunnel(Box<dyn Tunnel>),
}

const _: () = assert!(size_of::<Wire>() == size_of::<TcpStream>());

/// What lies on top of a socket.
pub trait Tunnel: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug {
    /// Goes on on the runtime of the caller, which may be another than that which began with it.
    ///
    /// # Errors
    /// The system does not let it; then it is worth nothing any more.
    fn settle(&mut self) -> io::Result<()>;
}

/// Goes on with a socket on the runtime of the caller.
///
/// # Errors
/// The system does not let it.
pub fn settled(socket: TcpStream) -> io::Result<TcpStream> {
    TcpStream::from_std(socket.into_std()?)
}

impl Wire {
    fn settled(self) -> io::Result<Self> {
        match self {
            Self::Plain(socket) => settled(socket).map(Self::Plain),
            Self::Tunnel(mut tunnel) => tunnel.settle().map(|()| Self::Tunnel(tunnel)),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tunnel(tunnel) => Pin::new(tunnel).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tunnel(tunnel) => Pin::new(tunnel).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Self::Tunnel(tunnel) => Pin::new(tunnel).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::Tunnel(tunnel) => tunnel.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tunnel(tunnel) => Pin::new(tunnel).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tunnel(tunnel) => Pin::new(tunnel).poll_shutdown(cx),
        }
    }
}

/// A stream that was taken over.
#[derive(Debug)]
pub struct Taken {
    /// The stream.
    pub stream: Wire,
    /// What was read of it beyond the handshake.
    pub early: Bytes,
    /// Its place among those that are served at once.
    pub place: OwnedSemaphorePermit,
}

/// A stream that is read by way of the thread's scratch.
#[derive(Debug)]
pub(crate) struct Stream {
    wire: Wire,
    /// What was read and did not fit.
    rest: Bytes,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// Goes on with a stream on the runtime of the caller, which may be another than that which began with it.
    pub(crate) fn new(taken: Taken) -> io::Result<Self> {
        Ok(Self { wire: taken.stream.settled()?, rest: taken.early, _place: taken.place })
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.wire).poll_read(cx, &mut read))?;
            let (now, later) = read.filled().split_at(read.filled().len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.rest = Bytes::copy_from_slice(later);
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            return self.poll_fill(cx, buffer);
        }
        let now = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..now]);
        self.rest.advance(now);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}
