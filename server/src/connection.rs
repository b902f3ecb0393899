//! One connection: how long it may idle, and how long a request's head may take.
//!
//! hyper's own timer for heads also runs while a connection idles and is set anew for each request. Here an idle
//! connection may stay a while, a head may not, and a busy connection costs two looks at the clock.

use axum::body::Body;
use axum::response::Response;
use bmw_ocpp::{Taken, Wire};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

/// How long a connection may stay without a request, or without a byte of an answer taken.
const IDLE: Duration = Duration::from_secs(75);
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// The most that a request's head may have, bytes.
const MOST_HEAD: usize = 64 * 1024;

/// What a connection is doing.
struct Activity {
    start: Instant,
    phase: AtomicU8,
    /// Ms since the start.
    since: AtomicU64,
}

/// Between requests: nothing of the next head is there.
const IDLING: u8 = 0;
/// A part of a head is there.
const IN_HEAD: u8 = 1;
/// A request is being answered; others see to its time.
const BUSY: u8 = 2;

impl Activity {
    fn new() -> Self {
        Self { start: Instant::now(), phase: AtomicU8::new(IDLING), since: AtomicU64::new(0) }
    }

    // One task reads and writes these: the orderings say nothing more than that.
    fn phase(&self) -> u8 {
        self.phase.load(Ordering::Relaxed)
    }

    fn enter(&self, phase: u8) {
        self.phase.store(phase, Ordering::Relaxed);
        self.touch();
    }

    fn touch(&self) {
        let ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since.store(ms, Ordering::Relaxed);
    }

    /// When the patience ends; `None` while there is no need of any.
    fn deadline(&self) -> Option<Instant> {
        let since = self.start + Duration::from_millis(self.since.load(Ordering::Relaxed));
        match self.phase() {
            IDLING => Some(since + IDLE),
            IN_HEAD => Some(since + HEAD),
            _ => None,
        }
    }
}

/// A stream that notes what happens on it.
struct Watched {
    stream: Wire,
    /// Among those that are served at once, also after the stream has become a socket.
    place: OwnedSemaphorePermit,
    activity: Arc<Activity>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before && self.activity.phase() == IDLING {
            self.activity.enter(IN_HEAD);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.activity.touch_if_idling();
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.activity.touch_if_idling();
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Activity {
    /// An answer is taken, slowly perhaps.
    fn touch_if_idling(&self) {
        if self.phase() == IDLING {
            self.touch();
        }
    }
}

/// Ends when a connection's patience does.
struct Patience {
    activity: Arc<Activity>,
    sleep: Pin<Box<Sleep>>,
}

impl Patience {
    fn new(activity: Arc<Activity>) -> Self {
        Self { activity, sleep: Box::pin(tokio::time::sleep(IDLE)) }
    }
}

impl Future for Patience {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Moved to an earlier time at once, to a later one only when it rings.
            if let Some(deadline) = self.activity.deadline()
                && deadline < self.sleep.deadline()
            {
                self.sleep.as_mut().reset(deadline);
            }
            ready!(self.sleep.as_mut().poll(cx));
            let now = Instant::now();
            match self.activity.deadline() {
                Some(deadline) if deadline <= now => return Poll::Ready(()),
                Some(deadline) => self.sleep.as_mut().reset(deadline),
                None => self.sleep.as_mut().reset(now + HEAD),
            }
        }
    }
}

/// Lets go of a stream that has become a socket.
pub fn take_over(upgraded: Upgraded) -> Option<Taken> {
    let parts = upgraded.downcast::<TokioIo<Watched>>().ok()?;
    let Watched { stream, place, .. } = parts.io.into_inner();
    Some(Taken { stream, early: parts.read_buf, place })
}

/// Serves a connection until it ends, until its patience ends, or after `ending` until its last answer is sent.
pub async fn serve<F>(
    stream: Wire,
    place: OwnedSemaphorePermit,
    answer: impl Fn(Request<Incoming>) -> F,
    mut ending: bmw_app::state::Ending,
) where
    F: Future<Output = Response<Body>>,
{
    let activity = Arc::new(Activity::new());
    let io = TokioIo::new(Watched { stream, place, activity: Arc::clone(&activity) });
    let service = service_fn(|request| {
        activity.enter(BUSY);
        let answered = answer(request);
        let activity = &activity;
        async move {
            let response = answered.await;
            // Whoever takes the connection over looks after it.
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                activity.enter(IDLING);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection =
        http1::Builder::new().header_read_timeout(None).max_buf_size(MOST_HEAD).serve_connection(io, service);
    let mut connection = pin!(connection.with_upgrades());
    let mut patience = pin!(Patience::new(Arc::clone(&activity)));
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            // Errors are those of the peer: it went away, or does not speak HTTP.
            _ = connection.as_mut() => return,
            () = patience.as_mut() => return,
            () = ending.begun(), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
