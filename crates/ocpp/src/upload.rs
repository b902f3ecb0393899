//! How a charge point uploads diagnostics (OCPP 1.6, 4.4 and 5.9): PUT or POST, as it stands or as a form, to the address that it
//! was told. Whoever knows the address may.
//!
//! A file is never in memory as a whole. What breaks off leaves nothing behind, and may be tried again.

use crate::Central;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bmw_domain::diagnostics::FileName;
use bmw_site::{NotReceived, Receiving, UPLOAD_MOST, UPLOAD_PATH};
use bytes::Bytes;
use futures::Stream;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use http_body::Body as _;
use multer::Multipart;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// How long a body may take to make progress: charge points send over poor radio links.
const PATIENCE: Duration = Duration::from_secs(30);
/// What counts as progress within that, bytes. One byte now and then does not.
const PROGRESS: usize = 1024;
/// What a form may have around its file, bytes.
const FORM_MOST: usize = 256 << 10;
/// What is refused is read on and thrown away, so far and so long: who still sends would lose the answer with the connection.
const DISCARDED_MOST: u64 = 80 << 20;
const DISCARDED: Duration = Duration::from_mins(1);

/// Answers whatever comes below [`UPLOAD_PATH`].
pub(crate) async fn receive(central: Central, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut source = Source::new(body);
    let outcome = store(&central, &parts, &mut source).await;
    if let Err(error) = &outcome {
        tracing::debug!(%error, "an upload is refused");
        // Whoever waits for the permission to send sends nothing now.
        if source.received > 0 || !parts.headers.contains_key(EXPECT) {
            source.throw_away().await;
        }
    }
    match outcome {
        Ok(()) if parts.method == Method::PUT => answer(StatusCode::CREATED, "Stored."),
        Ok(()) => answer(StatusCode::OK, "Stored."),
        Err(refused) => refused.into_response(),
    }
}

/// Why an upload is refused.
#[derive(Debug)]
enum Refused {
    Method,
    Site(NotReceived),
    Broken(Broken),
    Form(String),
}

impl From<NotReceived> for Refused {
    fn from(error: NotReceived) -> Self {
        Self::Site(error)
    }
}

impl From<Broken> for Refused {
    fn from(error: Broken) -> Self {
        Self::Broken(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("the method is neither PUT nor POST"),
            Self::Site(error) => error.fmt(f),
            Self::Broken(error) => error.fmt(f),
            Self::Form(text) => f.write_str(text),
        }
    }
}

impl Refused {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Site(NotReceived::NotAllowed) => return answer(StatusCode::NOT_FOUND, "Not found."),
            Self::Site(NotReceived::Replaced) => StatusCode::CONFLICT,
            Self::Site(NotReceived::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Site(NotReceived::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken(Broken::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::Site(NotReceived::Empty) | Self::Broken(Broken::Off | Broken::Form) | Self::Form(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Site(NotReceived::Store(error)) => {
                tracing::error!(%error, "diagnostics could not be stored");
                return answer(StatusCode::INTERNAL_SERVER_ERROR, "It could not be stored; try again later.");
            }
        };
        let text = self.to_string();
        let mut response = answer(status, &sentence(&text));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("PUT, POST"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}

/// `the file is empty` → `The file is empty.`
fn sentence(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), signs.as_str()))
}

fn answer(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(serde_json::json!({ "detail": text }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn store(central: &Central, parts: &Parts, source: &mut Source) -> Result<(), Refused> {
    if !matches!(parts.method, Method::PUT | Method::POST) {
        return Err(Refused::Method);
    }
    // Some put the name of the file behind the address.
    let below = parts.uri.path().strip_prefix(UPLOAD_PATH).unwrap_or_default();
    let (token, name) = below.split_once('/').unwrap_or((below, ""));
    let mut receiving = central.site.receive_upload(token)?;
    let length =
        parts.headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()).and_then(|it| it.parse::<u64>().ok());
    if length.is_some_and(|length| length > UPLOAD_MOST + FORM_MOST as u64) {
        return Err(NotReceived::TooLarge.into());
    }
    source.expect_by(receiving.until());
    let mut name = FileName::of(&percent_decode_str(name).decode_utf8_lossy());
    let media_type = parts.headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if media_type.trim_start().get(..19).is_some_and(|it| it.eq_ignore_ascii_case("multipart/form-data")) {
        let boundary =
            multer::parse_boundary(media_type).map_err(|_| Refused::Form("the form has no boundary".to_owned()))?;
        let of_form = take_form(&mut receiving, source, boundary).await;
        // What broke the form says more than that it is broken.
        let of_form = of_form.map_err(|refused| source.broken.map_or(refused, Refused::Broken))?;
        name = name.or(of_form);
    } else {
        while let Some(bytes) = poll_fn(|cx| source.poll(cx)).await {
            receiving.take(&bytes?).await?;
        }
    }
    Ok(receiving.finish(name).await?)
}

/// Takes the one file of a form, to the form's end, and gives its name.
async fn take_form(
    receiving: &mut Receiving,
    source: &mut Source,
    boundary: String,
) -> Result<Option<FileName>, Refused> {
    let unused = Arc::new(AtomicUsize::new(0));
    let mut form = Multipart::new(BitByBit { source, unused: Arc::clone(&unused), has_given: false }, boundary);
    let broken = |error: multer::Error| Refused::Form(format!("the form is broken: {error}"));
    let mut found = None;
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let Some(name) = field.file_name().map(FileName::of) else { continue };
        if found.replace(name).is_some() {
            return Err(Refused::Form("the form has more than one file".to_owned()));
        }
        while let Some(bytes) = field.chunk().await.map_err(broken)? {
            unused.store(0, Ordering::Relaxed);
            receiving.take(&bytes).await?;
        }
    }
    found.ok_or_else(|| Refused::Form("the form has no file".to_owned()))
}

/// Why a body does not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// The connection was lost, or what came on it is no HTTP.
    Off,
    /// It stalled or trickled, or the permission ended.
    TooSlow,
    /// There is more around the file of a form than there may be, or no form at all.
    Form,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "the body broke off",
            Self::TooSlow => "the body came too slowly",
            Self::Form => "the form is broken: there is too much around its file",
        })
    }
}

impl std::error::Error for Broken {}

/// A body, read within bounds of time.
struct Source {
    body: Body,
    received: u64,
    /// When the permission to send ends.
    until: Option<Instant>,
    /// Bytes since the timer was set.
    progress: usize,
    timer: Pin<Box<Sleep>>,
    patience: Duration,
    is_over: bool,
    broken: Option<Broken>,
}

impl Source {
    fn new(body: Body) -> Self {
        Self::with(PATIENCE, body)
    }

    fn with(patience: Duration, body: Body) -> Self {
        Self {
            body,
            received: 0,
            until: None,
            progress: 0,
            timer: Box::pin(sleep_until(Instant::now() + patience)),
            patience,
            is_over: false,
            broken: None,
        }
    }

    fn expect_by(&mut self, until: Instant) {
        self.until = Some(until);
        self.wait_anew();
    }

    fn wait_anew(&mut self) {
        let deadline = Instant::now() + self.patience;
        self.timer.as_mut().reset(self.until.map_or(deadline, |until| until.min(deadline)));
        self.progress = 0;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let broken = loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    self.received += bytes.len() as u64;
                    self.progress += bytes.len();
                    if self.progress >= PROGRESS {
                        self.wait_anew();
                    }
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Poll::Ready(Some(Err(_))) => break Broken::Off,
                Poll::Ready(None) => {
                    self.is_over = true;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    ready!(self.timer.as_mut().poll(cx));
                    break Broken::TooSlow;
                }
            }
        };
        self.is_over = true;
        self.broken = Some(broken);
        Poll::Ready(Some(Err(broken)))
    }

    /// Reads on, within bounds, so that the answer arrives.
    async fn throw_away(&mut self) {
        self.until = None;
        self.wait_anew();
        let to_the_end = async {
            while self.received < DISCARDED_MOST
                && let Some(Ok(_)) = poll_fn(|cx| self.poll(cx)).await
            {}
        };
        if timeout(DISCARDED, to_the_end).await.is_err() {
            tracing::debug!("who is refused goes on sending");
        }
    }
}

/// A body for the reader of forms, which takes all that there is before it looks at it: here it gets one bit after the other, and
/// not too much of which nothing comes out.
struct BitByBit<'a> {
    source: &'a mut Source,
    unused: Arc<AtomicUsize>,
    has_given: bool,
}

impl Stream for BitByBit<'_> {
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.has_given) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = ready!(self.source.poll(cx));
        if let Some(Ok(bytes)) = &next {
            self.has_given = true;
            let unused = self.unused.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
            if unused > FORM_MOST + bytes.len() {
                self.source.broken = Some(Broken::Form);
                return Poll::Ready(Some(Err(Broken::Form)));
            }
        }
        Poll::Ready(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use std::io;

    /// So many bits of so many bytes, and what ends them.
    fn bits(count: usize, size: usize, end: Option<io::Error>) -> Body {
        let bits = (0..count).map(move |_| Ok(Bytes::from(vec![b'a'; size]))).chain(end.map(Err));
        Body::from_stream(futures::stream::iter(bits))
    }

    async fn read(source: &mut Source) -> Result<usize, Broken> {
        let mut size = 0;
        while let Some(bytes) = poll_fn(|cx| source.poll(cx)).await {
            size += bytes?.len();
        }
        Ok(size)
    }

    #[tokio::test]
    async fn what_breaks_off_is_broken() {
        assert_eq!(read(&mut Source::new(bits(3, 5, None))).await, Ok(15));
        assert_eq!(read(&mut Source::new(bits(3, 5, Some(io::Error::other("gone"))))).await, Err(Broken::Off));
    }

    #[tokio::test]
    async fn what_stalls_or_trickles_is_too_slow_and_what_goes_on_is_not() {
        let patience = Duration::from_secs(1);
        let of = |body| Source::with(patience, body);
        let stalled = Body::from_stream(futures::stream::pending::<io::Result<Bytes>>());
        assert_eq!(read(&mut of(stalled)).await, Err(Broken::TooSlow));
        let trickle = |size: usize, count: usize| {
            Body::from_stream(futures::stream::iter(0..count).then(move |_| async move {
                tokio::time::sleep(Duration::from_millis(120)).await;
                Ok::<_, io::Error>(vec![b'a'; size])
            }))
        };
        // Every byte is in time, and all of them together are no progress.
        assert_eq!(read(&mut of(trickle(1, 1_000))).await, Err(Broken::TooSlow));
        // Longer than the patience in all, but with progress.
        assert_eq!(read(&mut of(trickle(PROGRESS, 10))).await, Ok(10 * PROGRESS));
        let mut ended = of(trickle(PROGRESS, 1_000));
        ended.expect_by(Instant::now() + patience);
        assert_eq!(read(&mut ended).await, Err(Broken::TooSlow), "the permission has ended");
    }

    /// What a reader of forms finds: the sizes of the bits of each field.
    async fn fields(body: Body) -> (Result<Vec<Vec<usize>>, multer::Error>, Option<Broken>) {
        let mut source = Source::new(body);
        let unused = Arc::new(AtomicUsize::new(0));
        let bits = BitByBit { source: &mut source, unused: Arc::clone(&unused), has_given: false };
        let mut form = Multipart::new(bits, "X");
        let mut found = Vec::new();
        let outcome = loop {
            match form.next_field().await {
                Ok(Some(mut field)) => {
                    let mut sizes = Vec::new();
                    while let Ok(Some(bytes)) = field.chunk().await {
                        unused.store(0, Ordering::Relaxed);
                        sizes.push(bytes.len());
                    }
                    found.push(sizes);
                }
                Ok(None) => break Ok(found),
                Err(error) => break Err(error),
            }
        };
        drop(form);
        (outcome, source.broken)
    }

    #[tokio::test]
    async fn a_form_is_read_bit_by_bit() {
        let head = "--X\r\ncontent-disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";
        let bits = std::iter::once(head.to_owned())
            .chain((0..1000).map(|_| "b".repeat(10_000)))
            .chain(["\r\n--X--\r\n".to_owned()]);
        let body = Body::from_stream(futures::stream::iter(bits.map(Ok::<_, io::Error>)));
        let (found, broken) = fields(body).await;
        let found = found.unwrap();
        assert_eq!((found.len(), found[0].iter().sum::<usize>(), broken), (1, 10_000_000, None));
        assert!(found[0].iter().all(|size| *size <= 30_000), "not all at once: {found:?}");
    }

    #[tokio::test]
    async fn a_form_without_an_end_to_its_head_is_given_up() {
        let (found, broken) = fields(bits(1_000, 10_000, None)).await;
        assert!(found.is_err());
        assert_eq!(broken, Some(Broken::Form), "it does not begin as a form");
        let head = futures::stream::once(async { Ok(Bytes::from("--X\r\na: ")) });
        let endless =
            head.chain(futures::stream::iter((0..1_000).map(|_| Ok::<_, io::Error>(Bytes::from(vec![b'a'; 10_000])))));
        let (found, broken) = fields(Body::from_stream(endless)).await;
        assert!(found.is_err());
        assert_eq!(broken, Some(Broken::Form));
    }
}
