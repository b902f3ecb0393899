//! Bodies of requests, read as a whole within bounds of size and of time.

use super::error::ApiError;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;
use std::time::Duration;
use tokio::time::Instant;

/// The most that a body may have, bytes.
pub const MOST: usize = 1 << 20;

/// Beyond this a body that is too large is not even thrown away: the connection breaks.
const MOST_DISCARDED: usize = 16 << 20;

/// How long a body may take in all: one of [`MOST`] over 17 kB/s.
const WHOLE: Duration = Duration::from_mins(1);

/// How long a body may take to make progress.
const PATIENCE: Duration = Duration::from_secs(10);

/// What counts as progress within [`PATIENCE`], bytes. One byte now and then does not.
const PROGRESS: usize = 1024;

/// Reads a body to its end.
///
/// What is too large is read on and thrown away, within bounds: who still sends would otherwise lose the answer with
/// the connection. `waits_to_send` tells of a caller who waits for a permission to send.
///
/// # Errors
/// 413 when it is larger than [`MOST`], 408 when it stalls, trickles or takes too long, 400 when it breaks off.
pub async fn read(body: Body, length: Option<u64>, waits_to_send: bool) -> Result<Bytes, ApiError> {
    read_with((PATIENCE, WHOLE), body, length, waits_to_send).await
}

async fn read_with(
    (patience, whole): (Duration, Duration),
    mut body: Body,
    length: Option<u64>,
    waits_to_send: bool,
) -> Result<Bytes, ApiError> {
    let declared = length.and_then(|length| usize::try_from(length).ok());
    if waits_to_send && declared.is_some_and(|length| length > MOST) {
        return Err(too_large());
    }
    let mut collected = BytesMut::with_capacity(declared.unwrap_or(0).min(MOST));
    let mut received = 0_usize;
    let now = Instant::now();
    let mut progress = Progress { patience, deadline: now + patience.min(whole), last: now + whole, bytes: 0 };
    loop {
        let frame = match tokio::time::timeout_at(progress.deadline, body.frame()).await {
            Err(_) => return Err(ApiError::detail(StatusCode::REQUEST_TIMEOUT, "The body came too slowly.")),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(ApiError::detail(StatusCode::BAD_REQUEST, "The body broke off.")),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        received = received.saturating_add(data.len());
        progress.add(data.len());
        if received > MOST_DISCARDED {
            return Err(too_large());
        }
        if received <= MOST {
            collected.extend_from_slice(&data);
        } else {
            collected = BytesMut::new();
        }
    }
    if received > MOST { Err(too_large()) } else { Ok(collected.freeze()) }
}

fn too_large() -> ApiError {
    ApiError::detail(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 1 MiB.")
}

struct Progress {
    patience: Duration,
    deadline: Instant,
    /// No deadline is later.
    last: Instant,
    bytes: usize,
}

impl Progress {
    fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes >= PROGRESS {
            let deadline = (Instant::now() + self.patience).min(self.last);
            *self = Self { deadline, bytes: 0, ..*self };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use std::io;

    fn status(outcome: Result<Bytes, ApiError>) -> Result<usize, StatusCode> {
        outcome.map(|bytes| bytes.len()).map_err(|error| match error {
            ApiError::Detail(status, _) => status,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        })
    }

    /// So many bytes, one chunk after each pause.
    fn trickle(chunk: usize, pause: Duration, count: usize) -> Body {
        Body::from_stream(futures::stream::iter(0..count).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, io::Error>(vec![b'a'; chunk])
        }))
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused() {
        assert_eq!(status(read(Body::from(vec![0; MOST]), None, false).await), Ok(MOST));
        let too_large = Err(StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(status(read(Body::from(vec![0; MOST + 1]), None, false).await), too_large);
        assert_eq!(status(read(trickle(1 << 20, Duration::ZERO, 40), None, false).await), too_large);
        assert_eq!(status(read(Body::empty(), Some(MOST as u64 + 1), true).await), too_large);
    }

    #[tokio::test]
    async fn what_comes_too_slowly_is_refused() {
        let patience = Duration::from_secs(1);
        let ask = |body| read_with((patience, WHOLE), body, None, false);
        let start = Instant::now();
        // Every byte is in time, and all of them together are no progress.
        let slow = ask(trickle(1, Duration::from_millis(50), 1000)).await;
        assert_eq!(status(slow), Err(StatusCode::REQUEST_TIMEOUT));
        assert!(start.elapsed() >= patience);
        let stalled = ask(Body::from_stream(futures::stream::pending::<io::Result<Vec<u8>>>())).await;
        assert_eq!(status(stalled), Err(StatusCode::REQUEST_TIMEOUT));
        // Longer than the patience in all, but with progress.
        let start = Instant::now();
        let steady = ask(trickle(PROGRESS, Duration::from_millis(120), 10)).await;
        assert_eq!(status(steady), Ok(10 * PROGRESS));
        assert!(start.elapsed() > patience);
    }

    #[tokio::test]
    async fn what_makes_progress_without_an_end_is_refused() {
        let endless = trickle(PROGRESS, Duration::from_millis(20), usize::MAX);
        let outcome = read_with((PATIENCE, Duration::from_millis(500)), endless, None, false).await;
        assert_eq!(status(outcome), Err(StatusCode::REQUEST_TIMEOUT));
    }

    #[tokio::test]
    async fn what_breaks_off_is_refused() {
        let broken = futures::stream::iter([Ok(vec![1]), Err(io::Error::other("gone"))]);
        let outcome = read(Body::from_stream(broken), None, false).await;
        assert_eq!(status(outcome), Err(StatusCode::BAD_REQUEST));
    }
}
