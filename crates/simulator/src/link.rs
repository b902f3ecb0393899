//! The connection of a charge point: one message at a time, and what it is asked is answered at once.

use crate::point::{Point, Tell, Unit};
use crate::{Deed, obey};
use futures::{SinkExt as _, StreamExt as _};
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How often its own time is moved on.
const STEP: Duration = Duration::from_millis(200);
/// The most of its own time that is caught up with in one step, s.
const CATCH_UP: u64 = 600;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first wait before it connects again; it doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_mins(1);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A message that waits for its answer.
struct Asked {
    id: String,
    tell: Tell,
    until: Instant,
}

/// Why a connection is left.
enum Left {
    /// It was lost, or is to be.
    Lost,
    /// The program ends.
    Ending,
}

/// The time of a charge point.
struct Clock {
    start: Instant,
    speed: f64,
    /// Seconds of its own time that have passed.
    passed: u64,
}

impl Clock {
    /// The seconds that have passed since this was asked last.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // seconds of a demo
    fn seconds(&mut self) -> u64 {
        let now = (self.start.elapsed().as_secs_f64() * self.speed) as u64;
        let since = now - self.passed;
        self.passed = now;
        since.min(CATCH_UP)
    }
}

/// Lives as a charge point until `ending` becomes true.
pub(crate) async fn live(
    url: String,
    unit: Unit,
    random: StdRng,
    speed: f64,
    wait: Duration,
    mut deeds: mpsc::Receiver<Deed>,
    mut ending: watch::Receiver<bool>,
) {
    let url = format!("{}/{}", url.trim_end_matches('/'), encoded(&unit.identity));
    let mut point = Point::new(unit, random, hour());
    let mut clock = Clock { start: Instant::now(), speed, passed: 0 };
    let mut pause = wait;
    let mut is_new = true;
    let (uploads, mut uploaded) = mpsc::channel(4);
    loop {
        if !alone(&mut point, &mut clock, &mut deeds, &mut ending, pause).await {
            return;
        }
        let socket = match timeout(PATIENCE, connect(&url)).await {
            Ok(Ok(socket)) => socket,
            outcome => {
                tracing::debug!(charge_point = point.unit.identity, failed = ?outcome.map(std::result::Result::err), "no connection");
                pause = (pause * 2).clamp(FIRST_WAIT, LAST_WAIT).mul_f64(point.random.random_range(0.8..1.2));
                continue;
            }
        };
        pause = FIRST_WAIT;
        if std::mem::take(&mut is_new) {
            point.is_online = true;
            point.boot();
        }
        point.connected();
        let left = Link { socket, point: &mut point, asked: None, last_id: 0, uploads: uploads.clone() }
            .serve(&mut clock, &mut deeds, &mut uploaded, &mut ending)
            .await;
        point.disconnected();
        if matches!(left, Left::Ending) {
            return;
        }
    }
}

async fn connect(url: &str) -> Result<Socket, Box<dyn std::error::Error + Send + Sync>> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("ocpp1.6"));
    Ok(connect_async(request).await?.0)
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
fn hour() -> f64 {
    let now = jiff::Zoned::now();
    f64::from(now.hour()) + f64::from(now.minute()) / 60.0
}

/// Time passes without a connection; `false` when the program ends.
async fn alone(
    point: &mut Point,
    clock: &mut Clock,
    deeds: &mut mpsc::Receiver<Deed>,
    ending: &mut watch::Receiver<bool>,
    pause: Duration,
) -> bool {
    let until = Instant::now() + pause;
    while point.loss_left > 0 || Instant::now() < until {
        tokio::select! {
            () = sleep(STEP) => {}
            Some(deed) = deeds.recv() => point.suffer(deed),
            () = ended(ending) => return false,
        }
        for _ in 0..clock.seconds() {
            point.tick();
        }
    }
    true
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
    /// Where is told what became of an upload, which outlives a connection.
    uploads: mpsc::Sender<&'static str>,
}

impl Link<'_> {
    async fn serve(
        mut self,
        clock: &mut Clock,
        deeds: &mut mpsc::Receiver<Deed>,
        uploaded: &mut mpsc::Receiver<&'static str>,
        ending: &mut watch::Receiver<bool>,
    ) -> Left {
        let mut steps = interval(STEP);
        loop {
            tokio::select! {
                frame = self.socket.next() => {
                    let Some(Ok(message)) = frame else { return self.lost() };
                    let Ok(()) = self.received(&message).await else { return self.lost() };
                }
                _ = steps.tick() => {
                    for _ in 0..clock.seconds() {
                        self.point.tick();
                    }
                    if self.asked.as_ref().is_some_and(|asked| asked.until < Instant::now()) {
                        return self.lost();
                    }
                }
                Some(deed) = deeds.recv() => self.point.suffer(deed),
                Some(status) = uploaded.recv() => self.point.tell(Tell::Diagnostics(status)),
                () = ended(ending) => {
                    // Whoever does not take it is gone.
                    drop(self.socket.close(None).await);
                    return Left::Ending;
                }
            }
            if self.point.loss_left > 0 || self.tell_next().await.is_err() {
                return self.lost();
            }
        }
    }

    /// What was on its way is told again.
    fn lost(self) -> Left {
        if let Some(asked) = self.asked {
            self.point.to_tell.push_front(asked.tell);
        }
        Left::Lost
    }

    /// Sends the next message, unless one is on its way.
    async fn tell_next(&mut self) -> Result<(), ()> {
        while self.asked.is_none() {
            let Some(tell) = self.point.to_tell.pop_front() else { return Ok(()) };
            let Some((action, payload)) = self.point.message(&tell) else { continue };
            self.last_id += 1;
            let id = self.last_id.to_string();
            self.send(&json!([2, id, action, payload])).await?;
            self.asked = Some(Asked { id, tell, until: Instant::now() + PATIENCE });
        }
        Ok(())
    }

    async fn send(&mut self, frame: &Value) -> Result<(), ()> {
        self.socket.send(Message::text(frame.to_string())).await.map_err(|_| ())
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
                    let uploads = self.uploads.clone();
                    tokio::spawn(async move {
                        if uploads.send(upload.make().await).await.is_err() {
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
