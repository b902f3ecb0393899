//! One connection of a charge point.
//!
//! One task reads, writes and keeps the time. It never waits for the site: what the charge point asks goes to the desk in
//! order, and the answers leave in the same order when they are stored. Of what we ask of it only one is on its way at a time.
//!
//! Nearly all that happens can be done at once, by plain functions. What cannot is a [`Rest`], which is carried on apart: so the
//! task of a connection that idles, as most do, has no place for it.

use crate::frame::{self, ErrorCode, Frame, NoFrame, PlainCall};
use crate::handshake::Socket;
use crate::read::{self, NotRead};
use crate::write::{self, Form};
use crate::{Central, Options};
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::Answer;
use bmw_domain::charger::event::Event;
use bmw_domain::record::ChargePointKey;
use bmw_site::{Admission, Clock, HandedIn, LinkEnd, NoRoom, NotStored, Order, Reply, ReplyTo, Way};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

/// How many calls of a charge point may wait for their answers; then nothing more is read from it.
const WAITING: usize = 32;
/// How long one frame may take to be sent.
const SEND: Duration = Duration::from_secs(20);
/// Three heartbeats without a frame are the end of a connection.
const MISSED: u32 = 3;
/// What the site wants to be measured (reading guide, "Load of the site's phases").
const MEASURANDS: &str = "Energy.Active.Import.Register,Current.Import,Current.Offered,Power.Active.Import";
/// What it is content with where a charge point does not take all of that.
const FEWER_MEASURANDS: &str = "Energy.Active.Import.Register,Current.Import";
const SAMPLE_SECONDS: &str = "60";
/// How often it is told that a charge point lives, where nothing else says so.
const ALIVE: Duration = Duration::from_secs(5);
/// How long the end of a connection may take to be said.
const GOODBYE: Duration = Duration::from_secs(1);

/// A call that waits for its answer.
struct Waiting {
    /// As JSON.
    id: Box<str>,
    form: Form,
    answer: oneshot::Receiver<Answer>,
}

/// A call of ours that is on its way.
struct Asked {
    id: String,
    until: Instant,
    /// Who wants to know; none for what the connection asks by itself.
    reply: Option<ReplyTo>,
    aim: Aim,
}

/// What a call of ours is for, as far as the connection itself makes something of the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// A boot.
    Boot,
    /// That all is measured that the site wants.
    Measurands,
    Other,
}

impl Aim {
    fn of(action: &str, payload: &Value, is_own: bool) -> Self {
        match action {
            "TriggerMessage" if payload["requestedMessage"] == "BootNotification" => Self::Boot,
            "ChangeConfiguration" if is_own && payload["value"] == MEASURANDS => Self::Measurands,
            _ => Self::Other,
        }
    }
}

/// What waits for room.
enum Waits {
    /// The desk's queue is full: an event, and the call that it answers.
    Event(Box<NoRoom>, Box<str>, Form),
    /// The frame before has not gone yet.
    Frame(Message),
    /// A frame is on its way.
    Sending,
}

/// What could not be done at once.
enum Rest {
    Waits(Waits),
    /// A text that is no plain call, and when it came.
    Text(Utf8Bytes, Timestamp),
    /// The site wants something.
    Order(Box<Order>),
    /// There is something to ask.
    Asking,
    /// The timer has come.
    Time,
}

/// A step that is done, or what is left of it.
type Step = Result<Option<Rest>, Over>;

struct Connection {
    socket: Socket,
    /// Moved only when it is too late, or has come: frames come far more often.
    timer: Pin<Box<Sleep>>,
    central: Central,
    key: ChargePointKey,
    link: LinkEnd,
    waiting: VecDeque<Waiting>,
    asked: Option<Asked>,
    /// What the connection wants to ask by itself.
    own: VecDeque<(&'static str, Value)>,
    last_id: u32,
    heard_at: Instant,
    /// When it was last told that it lives, since nothing else said so.
    alive_at: Option<Instant>,
    /// When the charge point is asked what it is doing, unless it says so before.
    curious_at: Option<Instant>,
    /// We have asked for a boot: one that comes before says nothing about a start.
    boot_until: Option<Instant>,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The charge point went away.
    Gone,
    /// It has said so.
    Closed,
    /// It gave no sign of life.
    Silent,
    /// A newer connection of it has come.
    Replaced,
    /// It has another password since.
    Unproven,
    /// What it told could not be stored: it must keep it.
    NotStored,
    /// The program ends.
    Ending,
}

impl From<NotStored> for Over {
    fn from(_: NotStored) -> Self {
        Self::NotStored
    }
}

/// Serves a connection until it ends. What it holds is apart from the task, which would have a place for it at each step that it is
/// handed on by: many connections idle.
pub(crate) fn run(
    socket: Socket,
    central: Central,
    admission: Admission,
    peer: Option<String>,
    address: Option<Box<str>>,
) -> impl Future<Output = ()> + Send {
    let key = admission.charge_point;
    let mut connection = Box::new(Connection::open(socket, central, admission, address));
    // Held until the end of the connection is noted: the program waits for it.
    let ending = connection.central.ending.subscribe();
    async move {
        if *ending.borrow() {
            return;
        }
        let over = connection.serve(peer).await;
        tracing::debug!(charge_point = key.0, ?over, "a connection ended");
        let (central, id) = (connection.central.clone(), connection.link.id);
        // The socket closes before anybody waits for the store.
        drop(connection);
        Box::pin(note_end(&central, key, id)).await;
        drop(ending);
    }
}

/// Notes that a connection is gone, unless a newer one keeps the charge point online.
async fn note_end(central: &Central, key: ChargePointKey, link: u64) {
    let disconnected = Event::Disconnected { link };
    if central.site.links().close(key, link) && central.counter.tell(key, disconnected, Clock::real()).await.is_err() {
        tracing::debug!(charge_point = key.0, "the end of a connection could not be noted");
    }
}

impl Connection {
    fn open(socket: Socket, central: Central, admission: Admission, address: Option<Box<str>>) -> Self {
        let now = Instant::now();
        Self {
            socket,
            timer: Box::pin(sleep_until(now)),
            key: admission.charge_point,
            link: central.site.open_link(admission, address),
            waiting: VecDeque::new(),
            asked: None,
            own: VecDeque::new(),
            last_id: 0,
            heard_at: now,
            alive_at: None,
            curious_at: Some(now + central.options.pause),
            boot_until: None,
            central,
        }
    }

    async fn serve(&mut self, peer: Option<String>) -> Over {
        let over = match Box::pin(self.begin(peer)).await {
            Ok(()) => self.go_on().await,
            Err(over) => over,
        };
        Box::pin(self.close(over)).await;
        over
    }

    async fn begin(&mut self, peer: Option<String>) -> Result<(), Over> {
        let connected = Event::Connected { link: self.link.id, address: peer };
        self.central.counter.tell(self.key, connected, Clock::real()).await?;
        let wake = self.wake_at();
        self.timer.as_mut().reset(wake);
        Ok(())
    }

    async fn go_on(&mut self) -> Over {
        loop {
            let step = self.next_step().await;
            let carried = match step {
                Ok(None) => Ok(()),
                Ok(Some(rest)) => Box::pin(self.carry_on(rest)).await,
                Err(over) => Err(over),
            };
            if let Err(over) = carried {
                return over;
            }
        }
    }

    /// Waits for what comes next, and does it as far as that goes at once.
    async fn next_step(&mut self) -> Step {
        let wake = self.wake_at();
        if wake < self.timer.deadline() {
            self.timer.as_mut().reset(wake);
        }
        let takes_orders = self.asked.is_none();
        tokio::select! {
            // What comes most often first. None can keep the others out: answers and frames end as soon as those that
            // wait are through, and then the rest is looked at.
            biased;
            answer = first(&mut self.waiting), if !self.waiting.is_empty() => self.answered(answer),
            frame = self.socket.next(), if self.waiting.len() < WAITING => self.received(frame),
            order = self.link.next(takes_orders) => order.map(|it| Some(Rest::Order(it))).ok_or_else(|| self.let_go()),
            () = &mut self.timer => Ok(Some(Rest::Time)),
        }
    }

    /// Does what could not be done at once.
    async fn carry_on(&mut self, rest: Rest) -> Result<(), Over> {
        match rest {
            Rest::Waits(waits) => self.wait(waits).await?,
            Rest::Text(text, arrival) => self.any_text(text.as_str(), arrival).await?,
            Rest::Order(order) => self.ordered(order).await?,
            Rest::Time => self.on_time().await?,
            Rest::Asking => {}
        }
        self.ask_next().await
    }

    async fn wait(&mut self, waits: Waits) -> Result<(), Over> {
        match waits {
            Waits::Event(no_room, id, form) => {
                let answer = self.central.counter.wait_for_room(no_room).await?;
                self.waiting.push_back(Waiting { id, form, answer });
                Ok(())
            }
            // It reads nothing any more when that takes too long.
            Waits::Frame(message) => within(SEND, self.socket.send(message)).await,
            Waits::Sending => within(SEND, self.socket.flush()).await,
        }
    }

    fn options(&self) -> &Options {
        &self.central.options
    }

    fn deadline(&self) -> Instant {
        self.heard_at + self.options().heartbeat * MISSED
    }

    /// When there is something to do, whatever comes.
    fn wake_at(&self) -> Instant {
        let times = [self.asked.as_ref().map(|asked| asked.until), self.curious_at.filter(|_| self.asked.is_none())];
        times.into_iter().flatten().fold(self.deadline(), Instant::min)
    }

    fn received(&mut self, frame: Option<Result<Message, tungstenite::Error>>) -> Step {
        // A frame that is too large or broken ends the connection, and so does the charge point itself.
        let Some(Ok(message)) = frame else { return Err(Over::Gone) };
        if self.link.is_unproven() {
            return Err(self.let_go());
        }
        self.heard_at = Instant::now();
        match message {
            Message::Text(text) => {
                let arrival = Clock::real();
                self.central.frames.note(self.key, arrival, Way::In, text.as_str());
                self.text(text, arrival)
            }
            Message::Close(_) => Err(Over::Closed),
            // Pings are answered by the library; bytes are no frames.
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {
                self.lives(Clock::real())?;
                Ok(None)
            }
        }
    }

    /// What says nothing else says that the charge point lives. That is told now and then, and nobody waits for it to be stored.
    fn lives(&mut self, arrival: Timestamp) -> Result<(), Over> {
        if self.alive_at.is_some_and(|at| self.heard_at.duration_since(at) < ALIVE) {
            return Ok(());
        }
        // Where there is no room for it, the next one says it.
        if let HandedIn::Queued(_) = self.central.counter.try_hand_in(self.key, Event::Alive, arrival)? {
            self.alive_at = Some(self.heard_at);
        }
        Ok(())
    }

    fn text(&mut self, text: Utf8Bytes, arrival: Timestamp) -> Step {
        if let Some(PlainCall { id, action, payload }) = PlainCall::of(text.as_str())
            && let Ok(event) = read::event(action, Some(payload), arrival)
        {
            return Ok(self.told(id, event, arrival)?.map(Rest::Waits));
        }
        Ok(Some(Rest::Text(text, arrival)))
    }

    /// Whatever a text may be.
    async fn any_text(&mut self, text: &str, arrival: Timestamp) -> Result<(), Over> {
        match Frame::read(text) {
            Ok(Frame::Call { id, action, payload }) => {
                match read::event(&action, payload.map(RawValue::get), arrival) {
                    Ok(event) => {
                        return match self.told(id, event, arrival)? {
                            Some(waits) => self.wait(waits).await,
                            None => Ok(()),
                        };
                    }
                    Err(not_read) => {
                        tracing::debug!(charge_point = self.key.0, %action, ?not_read, "a call is refused");
                        let (code, text) = refusal(not_read);
                        self.send(frame::error(id, code, &text)).await?;
                    }
                }
            }
            Ok(Frame::Result { id, payload }) => {
                let payload = payload.and_then(|payload| serde_json::from_str(payload.get()).ok());
                self.replied(&id, Reply::Result(payload.unwrap_or_else(|| json!({}))), arrival).await?;
            }
            Ok(Frame::Error { id, code, description }) => {
                self.replied(&id, Reply::Error(code.into_owned(), description.into_owned()), arrival).await?;
            }
            // It closes nothing.
            Err(NoFrame::Unreadable) => {
                tracing::debug!(charge_point = self.key.0, "what came is no frame");
            }
            Err(NoFrame::BrokenCall(id)) => {
                self.send(frame::error(&id, ErrorCode::FormationViolation, "the action is missing")).await?;
            }
        }
        self.lives(arrival)
    }

    /// An event goes to the desk; its answer will leave when it is stored.
    fn told(&mut self, id: &str, event: Event, arrival: Timestamp) -> Result<Option<Waits>, Over> {
        let event = self.noticed(event);
        let form = Form::of(&event);
        match self.central.counter.try_hand_in(self.key, event, arrival)? {
            HandedIn::Queued(answer) => {
                self.waiting.push_back(Waiting { id: id.into(), form, answer });
                Ok(None)
            }
            HandedIn::NoRoom(no_room) => Ok(Some(Waits::Event(no_room, id.into(), form))),
        }
    }

    /// What the connection itself makes of an event.
    fn noticed(&mut self, event: Event) -> Event {
        match event {
            Event::Boot(mut boot) => {
                boot.is_triggered = self.boot_until.take().is_some_and(|until| self.heard_at < until);
                self.curious_at = self.curious_at.filter(|_| boot.is_triggered);
                if !boot.is_triggered {
                    self.configure();
                }
                Event::Boot(boot)
            }
            other => other,
        }
    }

    /// The site configures what is measured, as far as the charge point lets it.
    fn configure(&mut self) {
        self.own.push_back(measure(MEASURANDS));
        let interval = json!({ "key": "MeterValueSampleInterval", "value": SAMPLE_SECONDS });
        self.own.push_back(("ChangeConfiguration", interval));
    }

    fn answered(&mut self, answer: Result<Answer, oneshot::error::RecvError>) -> Step {
        // Without an answer the charge point keeps its message.
        let answer = answer.map_err(|_| Over::NotStored)?;
        let Some(waiting) = self.waiting.pop_front() else { return Ok(None) };
        if answer == Answer::NoNumberLeft {
            return Err(Over::NotStored);
        }
        let payload = write::payload(waiting.form, &answer, Clock::real(), self.options().heartbeat);
        if let Some(waits) = self.send_at_once(frame::result(&waiting.id, &payload))? {
            return Ok(Some(Rest::Waits(waits)));
        }
        // Its answer has gone: now it may be asked.
        Ok((!self.own.is_empty()).then_some(Rest::Asking))
    }

    /// Asks what the connection wants to know by itself, unless something is on its way.
    async fn ask_next(&mut self) -> Result<(), Over> {
        if self.asked.is_some() || !self.waiting.is_empty() {
            return Ok(());
        }
        let Some((action, payload)) = self.own.pop_front() else { return Ok(()) };
        if self.own.is_empty() {
            self.own = VecDeque::new();
        }
        self.ask(action, &payload, None).await
    }

    /// Why the site has let go of the connection.
    fn let_go(&self) -> Over {
        if *self.central.ending.borrow() {
            Over::Ending
        } else if self.link.is_unproven() {
            Over::Unproven
        } else {
            Over::Replaced
        }
    }

    async fn ordered(&mut self, order: Box<Order>) -> Result<(), Over> {
        // It was given up while it waited: what is done now would be done behind the operator's back.
        if order.sent.is_closed() {
            return Ok(());
        }
        // Its effect may be told before its answer.
        let before = Clock::real();
        self.ask(order.action, &order.payload, Some(order.reply)).await?;
        if order.sent.send(before).is_err() {
            tracing::debug!(charge_point = self.key.0, "nobody waits for an order any more");
        }
        Ok(())
    }

    async fn ask(&mut self, action: &'static str, payload: &Value, reply: Option<ReplyTo>) -> Result<(), Over> {
        self.last_id = self.last_id.wrapping_add(1);
        let id = self.last_id.to_string();
        let aim = Aim::of(action, payload, reply.is_none());
        if aim == Aim::Boot {
            // It may come before the reply.
            self.boot_until = Some(Instant::now() + self.options().patience + self.options().boot_patience);
        }
        self.send(frame::call(&id, action, &payload.to_string())).await?;
        self.asked = Some(Asked { id, until: Instant::now() + self.options().patience, reply, aim });
        Ok(())
    }

    async fn replied(&mut self, id: &str, reply: Reply, arrival: Timestamp) -> Result<(), Over> {
        // A reply to what was given up, or to nothing at all, says nothing.
        let Some(asked) = self.asked.take_if(|asked| asked.id == id) else { return Ok(()) };
        self.settled(&asked, &reply);
        if let Some(to) = asked.reply {
            // Before the next frame is read: what is told after a reply comes after it.
            let noted = match to.told_by(&reply) {
                Some(event) => Some(self.central.counter.hand_in(self.key, event, arrival).await?),
                None => None,
            };
            to.send(reply, noted);
        }
        Ok(())
    }

    /// What the connection itself makes of a reply.
    fn settled(&mut self, asked: &Asked, reply: &Reply) {
        let says = |status: &str| matches!(reply, Reply::Result(result) if result["status"] == status);
        match asked.aim {
            // Where none will come because we asked, the next boot is a start. So is one that comes much later.
            Aim::Boot => {
                let until = Instant::now() + self.options().boot_patience;
                self.boot_until = self.boot_until.filter(|_| says("Accepted")).map(|_| until);
            }
            // As far as the charge point lets it; then it is left alone.
            Aim::Measurands if says("Rejected") => self.own.push_front(measure(FEWER_MEASURANDS)),
            Aim::Measurands | Aim::Other => {}
        }
    }

    async fn on_time(&mut self) -> Result<(), Over> {
        let now = Instant::now();
        if now >= self.deadline() {
            self.seems_silent().await?;
        } else if let Some(asked) = self.asked.take_if(|asked| asked.until <= now) {
            self.settled(&asked, &Reply::TimedOut);
            if let Some(to) = asked.reply {
                to.send(Reply::TimedOut, None);
            }
        } else if self.asked.is_none() && self.curious_at.is_some_and(|at| at <= now) {
            self.curious_at = None;
            self.ask_what_it_does();
        }
        let wake = self.wake_at();
        self.timer.as_mut().reset(wake);
        Ok(())
    }

    /// The deadline has passed. Where this program itself was held up, there may be frames that it has not taken yet.
    async fn seems_silent(&mut self) -> Result<(), Over> {
        if self.waiting.len() >= WAITING {
            // Nothing is read from it: it cannot give a sign of life.
            self.heard_at = Instant::now();
            return Ok(());
        }
        let Some(frame) = self.socket.next().now_or_never() else { return Err(Over::Silent) };
        match self.received(frame)? {
            Some(rest) => Box::pin(self.carry_on(rest)).await,
            None => Ok(()),
        }
    }

    /// Charge points do not start anew at each connection, and what they did meanwhile is not known. A boot is asked for only
    /// while no session is open.
    fn ask_what_it_does(&mut self) {
        self.own.push_back(("TriggerMessage", json!({ "requestedMessage": "StatusNotification" })));
        let present = self.central.site.present();
        if present.get(self.key).is_none_or(|now| now.running.is_empty()) {
            self.own.push_back(("TriggerMessage", json!({ "requestedMessage": "BootNotification" })));
        }
    }

    async fn send(&mut self, text: String) -> Result<(), Over> {
        match self.send_at_once(text)? {
            Some(waits) => self.wait(waits).await,
            None => Ok(()),
        }
    }

    /// Sends a frame as far as that goes at once, as it nearly always does: time is only kept of those that do not.
    fn send_at_once(&mut self, text: String) -> Result<Option<Waits>, Over> {
        self.central.frames.note(self.key, Clock::real(), Way::Out, &text);
        let message = Message::Text(text.into());
        let is_ready = poll_fn(|cx| self.socket.poll_ready_unpin(cx)).now_or_never();
        let Some(ready) = is_ready else { return Ok(Some(Waits::Frame(message))) };
        ready.and_then(|()| self.socket.start_send_unpin(message)).map_err(|_| Over::Gone)?;
        match self.socket.flush().now_or_never() {
            Some(sent) => sent.map(|()| None).map_err(|_| Over::Gone),
            None => Ok(Some(Waits::Sending)),
        }
    }

    async fn close(&mut self, over: Over) {
        let (code, reason) = match over {
            Over::Gone => return,
            // The library has its answer ready. Whoever does not wait for it is gone.
            Over::Closed => return drop(timeout(GOODBYE, self.socket.flush()).await),
            Over::Silent => (CloseCode::Policy, "no sign of life"),
            Over::Replaced => (CloseCode::Policy, "connected anew"),
            Over::Unproven => (CloseCode::Policy, "come with the password that holds now"),
            Over::NotStored => (CloseCode::Again, "try again later"),
            Over::Ending => (CloseCode::Away, "the server ends"),
        };
        let frame = CloseFrame { code, reason: reason.into() };
        // Whoever does not take it is gone anyway.
        drop(timeout(GOODBYE, self.socket.send(Message::Close(Some(frame)))).await);
    }
}

/// Who does not take what is sent to it in time is gone.
async fn within(most: Duration, sending: impl Future<Output = Result<(), tungstenite::Error>>) -> Result<(), Over> {
    timeout(most, sending).await.map_err(|_| Over::Gone)?.map_err(|_| Over::Gone)
}

/// What configures what is measured.
fn measure(measurands: &str) -> (&'static str, Value) {
    ("ChangeConfiguration", json!({ "key": "MeterValuesSampledData", "value": measurands }))
}

/// The answer to the first of the calls that wait.
async fn first(waiting: &mut VecDeque<Waiting>) -> Result<Answer, oneshot::error::RecvError> {
    match waiting.front_mut() {
        Some(first) => (&mut first.answer).await,
        None => std::future::pending().await,
    }
}

fn refusal(not_read: NotRead) -> (ErrorCode, String) {
    match not_read {
        NotRead::Unknown => (ErrorCode::NotImplemented, "there is no such action".to_owned()),
        NotRead::NotYours => (ErrorCode::NotSupported, "a charge point does not ask this".to_owned()),
        NotRead::Field(name) => (ErrorCode::FormationViolation, format!("{name} is missing or cannot be read")),
        NotRead::Payload => (ErrorCode::FormationViolation, "the payload is no object".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the future that a function gives.
    const fn future_size<A, B, C, D, E, F>(_: &impl FnOnce(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_that_idles_has_no_place_for_what_seldom_happens() {
        // What the kernel and the libraries hold beside these is measured by `cargo xtask bench ocpp`.
        assert!(future_size(&run) <= 384, "{}", future_size(&run));
        assert!(size_of::<Connection>() <= 768, "{}", size_of::<Connection>());
    }
}
