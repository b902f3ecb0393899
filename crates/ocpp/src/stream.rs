//! The stream below a connection: taken over from the server that has read the handshake, and read without a buffer of its own.

use bytes::{Buf as _, Bytes};
use hyper::upgrade::Upgraded;
use std::cell::RefCell;
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

/// A stream that was taken over.
#[derive(Debug)]
pub struct Taken {
    /// The stream.
    pub stream: TcpStream,
    /// What was read of it beyond the handshake.
    pub early: Bytes,
    /// Its place among those that are served at once.
    pub place: OwnedSemaphorePermit,
}

/// A stream that is read by way of the thread's scratch.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: TcpStream,
    /// What was read and did not fit.
    rest: Bytes,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// Goes on with a stream on the runtime of the caller, which may be another than that which began with it.
    pub(crate) fn new(taken: Taken) -> io::Result<Self> {
        let socket = TcpStream::from_std(taken.stream.into_std()?)?;
        Ok(Self { socket, rest: taken.early, _place: taken.place })
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read))?;
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
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
