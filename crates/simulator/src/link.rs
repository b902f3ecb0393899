//! The connection of a charge point: one message at a time, and what it is asked is answered at once.

use crate::line::{self, Roots, Wire};
use crate::point::{Point, Tell};
use crate::{Deed, Flowing, obey};
use data_encoding::BASE64;
use futures::{SinkExt as _, StreamExt as _};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::pin::pin;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

/// How often its own time is moved on.
const STEP: Duration = Duration::from_millis(200);
/// The most of its own time that is caught up with in one step, s: twice what passes at the highest speed.
const CATCH_UP: u64 = 1_200;
/// How long an answer may take, and all else that somebody else must do.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to close a connection.
const FAREWELL: Duration = Duration::from_secs(1);
/// The first wait before it connects again; it doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_mins(1);

type Socket = WebSocketStream<Box<dyn Wire>>;

/// A message that waits for its answer.
struct Asked {
    id: String,
    tell: Tell,
    until: Instant,
}

/// The time of a charge point.
pub(crate) struct Clock {
    start: Instant,
    speed: f64,
    /// Seconds of its own time that have passed.
    passed: u64,
    /// Where what flows is written.
    flowing: Flowing,
}

impl Clock {
    /// One whose time goes at a speed, from now on.
    pub(crate) fn new(speed: f64, flowing: Flowing) -> Self {
        Self { start: Instant::now(), speed, passed: 0, flowing }
    }

    /// The seconds of its own time that are to pass when so much has passed since its start. What is too much at once is left
    /// for the next time.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // seconds of a demo
    fn due(&mut self, since_start: Duration) -> u64 {
        let now = (since_start.as_secs_f64() * self.speed) as u64;
        let due = now.saturating_sub(self.passed).min(CATCH_UP);
        self.passed += due;
        due
    }

    /// Moves the time of a charge point on.
    fn run(&mut self, point: &mut Point) {
        for _ in 0..self.due(self.start.elapsed()) {
            point.tick();
        }
        *self.flowing.lock().unwrap_or_else(PoisonError::into_inner) = point.lines();
    }
}

/// How long it waits before it connects: longer each time that it fails, and never as long as the others.
pub(crate) struct Pauses {
    random: StdRng,
    next: Duration,
}

impl Pauses {
    pub(crate) const fn new(random: StdRng) -> Self {
        Self { random, next: FIRST_WAIT }
    }

    /// The pause after a connection was lost.
    fn after_loss(&mut self) -> Duration {
        self.next = FIRST_WAIT;
        self.after_failure()
    }

    /// The pause after there was no connection.
    pub(crate) fn after_failure(&mut self) -> Duration {
        let pause = self.next.mul_f64(self.random.random_range(0.8..1.2));
        self.next = (self.next * 2).min(LAST_WAIT);
        pause
    }
}

/// Lives as a charge point until `ending` becomes true; connects for the first time after a pause.
pub(crate) async fn live(
    (url, roots): (String, Option<Roots>),
    mut point: Point,
    mut clock: Clock,
    mut pauses: Pauses,
    mut pause: Duration,
    mut deeds: mpsc::Receiver<Deed>,
    mut ending: watch::Receiver<bool>,
) {
    let url = format!("{}/{}", url.trim_end_matches('/'), encoded(&point.unit.identity));
    let (uploads, mut uploaded) = mpsc::channel(4);
    loop {
        let mut alone = Alone { point: &mut point, clock: &mut clock, deeds: &mut deeds, ending: &mut ending };
        if alone.until(sleep(pause)).await.is_none() {
            return;
        }
        while alone.point.loss_left > 0 {
            if alone.until(sleep(STEP)).await.is_none() {
                return;
            }
        }
        let proof = alone.point.password.as_ref().map(|password| basic(&alone.point.unit.identity, password));
        let Some(outcome) = alone.until(timeout(PATIENCE, connect(&url, roots.as_ref(), proof))).await else { return };
        let socket = match outcome {
            Ok(Ok(socket)) => socket,
            outcome => {
                tracing::debug!(charge_point = point.unit.identity, failed = ?outcome.map(std::result::Result::err), "no connection");
                pause = pauses.after_failure();
                continue;
            }
        };
        point.connected();
        let mut link = Link {
            socket,
            point: &mut point,
            asked: None,
            last_id: 0,
            roots: roots.as_ref(),
            uploads: uploads.clone(),
        };
        let is_ending = tokio::select! {
            () = link.serve(&mut clock, &mut deeds, &mut uploaded) => false,
            () = ended(&mut ending) => true,
        };
        link.leave(is_ending).await;
        if is_ending {
            return;
        }
        pause = pauses.after_loss();
    }
}

/// What proves who a charge point is: HTTP Basic (RFC 7617).
fn basic(identity: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{identity}:{password}").as_bytes()))
}

async fn connect(
    url: &str,
    roots: Option<&Roots>,
    proof: Option<String>,
) -> Result<Socket, Box<dyn std::error::Error + Send + Sync>> {
    let mut request = url.into_client_request()?;
    if let Some(proof) = proof {
        let mut proof = HeaderValue::try_from(proof)?;
        proof.set_sensitive(true);
        request.headers_mut().insert("authorization", proof);
    }
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("ocpp1.6"));
    let stream = line::connect(request.uri(), roots).await?;
    Ok(client_async(request, stream).await?.0)
}

/// An identity as part of an address.
fn encoded(identity: &str) -> String {
    identity
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The hour of the day here.
pub(crate) fn hour() -> f64 {
    let now = jiff::Zoned::now();
    f64::from(now.hour()) + f64::from(now.minute()) / 60.0
}

/// A charge point without a connection.
struct Alone<'a> {
    point: &'a mut Point,
    clock: &'a mut Clock,
    deeds: &'a mut mpsc::Receiver<Deed>,
    ending: &'a mut watch::Receiver<bool>,
}

impl Alone<'_> {
    /// Lives on until something is done; `None` when the program ends before.
    async fn until<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        let mut what = pin!(what);
        let mut steps = interval(STEP);
        loop {
            tokio::select! {
                done = &mut what => return Some(done),
                _ = steps.tick() => self.clock.run(self.point),
                Some(deed) = self.deeds.recv() => self.point.suffer(deed),
                () = ended(self.ending) => return None,
            }
        }
    }
}

async fn ended(ending: &mut watch::Receiver<bool>) {
    // When nobody can tell any more, that is the end as well.
    drop(ending.wait_for(|ending| *ending).await);
}

struct Link<'a> {
    socket: Socket,
    point: &'a mut Point,
    asked: Option<Asked>,
    last_id: u64,
    roots: Option<&'a Roots>,
    /// Where is told what became of an upload, which outlives a connection.
    uploads: mpsc::Sender<&'static str>,
}

impl Link<'_> {
    /// Talks until the connection is lost, or is to be.
    async fn serve(
        &mut self,
        clock: &mut Clock,
        deeds: &mut mpsc::Receiver<Deed>,
        uploaded: &mut mpsc::Receiver<&'static str>,
    ) {
        let mut steps = interval(STEP);
        loop {
            tokio::select! {
                frame = self.socket.next() => {
                    let Some(Ok(message)) = frame else { return };
                    let Ok(()) = self.received(&message).await else { return };
                }
                _ = steps.tick() => {
                    clock.run(self.point);
                    if self.asked.as_ref().is_some_and(|asked| asked.until < Instant::now()) {
                        return;
                    }
                }
                Some(deed) = deeds.recv() => self.point.suffer(deed),
                Some(status) = uploaded.recv() => self.point.uploaded(status),
            }
            let comes_anew = std::mem::take(&mut self.point.comes_anew);
            if self.point.loss_left > 0 || comes_anew || self.tell_next().await.is_err() {
                return;
            }
        }
    }

    /// The connection is left. What was on its way is told again.
    async fn leave(mut self, is_ending: bool) {
        if is_ending {
            // Whoever does not take it is gone.
            drop(timeout(FAREWELL, self.socket.close(None)).await);
        }
        if let Some(asked) = self.asked {
            self.point.to_tell.push_front(asked.tell);
        }
        self.point.disconnected();
    }

    /// Sends the next message, unless one is on its way.
    async fn tell_next(&mut self) -> Result<(), ()> {
        while self.asked.is_none() {
            let Some(tell) = self.point.next_to_tell() else { return Ok(()) };
            let Some((action, payload)) = self.point.message(&tell) else { continue };
            self.last_id += 1;
            let id = self.last_id.to_string();
            let frame = json!([2, id, action, payload]);
            // Before it leaves: it may be lost on its way.
            self.asked = Some(Asked { id, tell, until: Instant::now() + PATIENCE });
            self.send(&frame).await?;
        }
        Ok(())
    }

    async fn send(&mut self, frame: &Value) -> Result<(), ()> {
        let sent = timeout(PATIENCE, self.socket.send(Message::text(frame.to_string()))).await;
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(()) }
    }

    async fn received(&mut self, message: &Message) -> Result<(), ()> {
        let Message::Text(text) = message else { return Ok(()) };
        let Ok(frame) = serde_json::from_str::<Value>(text.as_str()) else { return Ok(()) };
        match frame[0].as_i64() {
            Some(2) => {
                let action = frame[2].as_str().unwrap_or_default();
                let reply = match obey::answer(self.point, action, &frame[3]) {
                    Some(answer) => json!([3, frame[1], answer]),
                    None => json!([4, frame[1], "NotImplemented", "", {}]),
                };
                self.send(&reply).await?;
                obey::after(self.point, action, &frame[3]);
                if let Some(upload) = self.point.to_upload.take() {
                    let (uploads, roots) = (self.uploads.clone(), self.roots.cloned());
                    tokio::spawn(async move {
                        if uploads.send(upload.make(roots.as_ref()).await).await.is_err() {
                            tracing::debug!("what became of an upload is told to nobody");
                        }
                    });
                }
                Ok(())
            }
            Some(3 | 4) => {
                if let Some(asked) = self.asked.take_if(|asked| frame[1] == asked.id.as_str()) {
                    self.point.told(&asked.tell, &frame[2]);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::tests::{answered, point};
    use futures::future::join;
    use rand::SeedableRng as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::accept_async;

    /// Both ends of a connection.
    async fn connection() -> (Socket, WebSocketStream<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (ours, (theirs, _)) = tokio::try_join!(TcpStream::connect(addr), listener.accept()).unwrap();
        let url = format!("ws://{addr}/");
        let (ours, theirs) = join(client_async(url, Box::new(ours) as Box<dyn Wire>), accept_async(theirs)).await;
        (ours.unwrap().0, theirs.unwrap())
    }

    #[tokio::test]
    async fn a_start_that_cannot_be_sent_is_told_again() {
        let mut point = point(1);
        answered(&mut point);
        point.disconnected();
        point.suffer(Deed::PlugIn);
        point.tick();
        point.connected();
        let (mut socket, _theirs) = connection().await;
        socket.close(None).await.unwrap();
        let mut link =
            Link { socket, point: &mut point, asked: None, last_id: 0, roots: None, uploads: mpsc::channel(1).0 };
        assert!(link.tell_next().await.is_err(), "it is closed");
        link.leave(false).await;
        assert!(matches!(point.to_tell.front(), Some(Tell::Start { .. })), "{:?}", point.to_tell);
    }

    #[tokio::test]
    async fn who_never_lets_it_in_does_not_keep_it_from_ending() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ocpp", listener.local_addr().unwrap());
        let ending = watch::Sender::new(false);
        let (_hands, deeds) = mpsc::channel(1);
        let pauses = Pauses::new(StdRng::seed_from_u64(1));
        let life = live(
            (url, None),
            point(1),
            Clock::new(1.0, Flowing::default()),
            pauses,
            Duration::ZERO,
            deeds,
            ending.subscribe(),
        );
        let life = tokio::spawn(life);
        let (_line, _) = listener.accept().await.unwrap();
        ending.send_replace(true);
        assert!(timeout(PATIENCE / 2, life).await.is_ok(), "it waits for the handshake");
    }

    #[test]
    fn no_two_pauses_are_the_same_and_they_grow_to_a_bound() {
        let mut pauses = Pauses::new(StdRng::seed_from_u64(1));
        let first = [pauses.after_loss(), pauses.after_loss()];
        assert_ne!(first[0], first[1]);
        let near = |pause: Duration, whole: Duration| pause >= whole.mul_f64(0.8) && pause <= whole.mul_f64(1.2);
        assert!(first.iter().all(|pause| near(*pause, FIRST_WAIT)), "{first:?}");
        assert!(near(pauses.after_failure(), FIRST_WAIT * 2));
        for _ in 0..10 {
            pauses.after_failure();
        }
        assert!(near(pauses.after_failure(), LAST_WAIT));
        assert!(near(pauses.after_loss(), FIRST_WAIT));
    }

    #[test]
    fn no_time_is_lost_at_the_highest_speed() {
        let mut clock = Clock::new(crate::SPEED_MOST, Flowing::default());
        let passed: u64 = (1..=50).map(|step| clock.due(STEP * step)).sum();
        assert_eq!(passed, 30_000, "10 s");
        // It was held up for a second, and catches up.
        assert_eq!(clock.due(Duration::from_secs(11)), CATCH_UP);
        let passed: u64 = (1..=50).map(|step| clock.due(Duration::from_secs(11) + STEP * step)).sum();
        assert_eq!(30_000 + CATCH_UP + passed, 63_000, "21 s");
    }
}
