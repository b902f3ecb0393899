//! One who reads the feed.
//!
//! It is sent what lies in its mailbox (see [`super::board`]), one message after the other: while one is on its way, what
//! comes meanwhile takes the place of what is older.

use super::FeedPlace;
use super::board::{Board, Place};
use super::message::{FeedMessage, Told};
use crate::state::{AppState, Ending, FeedTimes};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bmw_domain::record::ChargePointKey;
use bmw_site::{Access, Caller, Site};
use futures::{FutureExt as _, SinkExt};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// States that are to be repeated are repeated together with those whose time comes shortly after: this part of the time.
const TOGETHER: u32 = 64;

/// The most that a reader may say between two pings; it has nothing to say.
const MOST_SAID: u32 = 1_000;

/// What a reader has asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// One charge point, or all.
    pub only: Option<ChargePointKey>,
    /// Counts and sums, too.
    pub totals: bool,
    /// How long it may hear nothing.
    pub alive: Option<Duration>,
}

/// A reader.
pub(super) struct Reader {
    site: Arc<Site>,
    board: Arc<Board>,
    socket: WebSocket,
    wanted: Wanted,
    ending: Ending,
    times: FeedTimes,
    access: Arc<Access>,
    caller: Caller,
    _place: Option<FeedPlace>,
    /// Told when somebody may less than before.
    revoked: watch::Receiver<()>,
    seq: u64,
    /// What it was last sent of each charge point, and when.
    known: HashMap<ChargePointKey, (Arc<Told>, Instant)>,
    phases: Option<Arc<Told>>,
    totals: Option<Arc<Told>>,
    /// When states may have to be repeated.
    repeat_at: Instant,
    said_at: Instant,
    heard_at: Instant,
    /// How often, since the last ping.
    heard: u32,
    ping_at: Instant,
}

/// The connection is over.
struct Over;

impl Reader {
    pub(super) fn new(
        app: &AppState,
        board: Arc<Board>,
        socket: WebSocket,
        wanted: Wanted,
        caller: Caller,
        place: Option<FeedPlace>,
    ) -> Self {
        let now = Instant::now();
        Self {
            site: Arc::clone(&app.site),
            board,
            socket,
            wanted,
            ending: app.shutdown.subscribe(),
            times: app.feed,
            access: Arc::clone(&app.access),
            caller,
            _place: place,
            revoked: app.access.subscribe(),
            seq: 0,
            known: HashMap::new(),
            phases: None,
            totals: None,
            repeat_at: now + app.feed.interval,
            said_at: now,
            heard_at: now,
            heard: 0,
            ping_at: now + app.feed.ping,
        }
    }

    pub(super) async fn run(mut self) {
        let (place, first) = self.board.join(self.wanted);
        for told in first {
            if self.tell(told).await.is_err() {
                return;
            }
        }
        let mut timer = Box::pin(sleep_until(self.wake_at()));
        while self.wait(&place, &mut timer).await.is_continue() {}
    }

    /// Sends what it does not know yet.
    async fn tell(&mut self, told: Arc<Told>) -> Result<(), Over> {
        let with_more = self.wanted.totals;
        let known = match told.charge_point {
            Some(key) => self.known.get(&key).map(|(known, _)| known),
            None => self.of_site(&told).as_ref(),
        };
        if known.is_some_and(|known| known.is_like(&told, with_more)) {
            return Ok(());
        }
        self.send(&told).await?;
        if let Some(key) = told.charge_point {
            self.known.insert(key, (told, Instant::now()));
        } else {
            let newest = self.of_site(&told);
            *newest = Some(told);
        }
        Ok(())
    }

    /// What it was last sent of what is no charge point's.
    const fn of_site(&mut self, told: &Told) -> &mut Option<Arc<Told>> {
        if told.is_totals { &mut self.totals } else { &mut self.phases }
    }

    async fn send(&mut self, told: &Told) -> Result<(), Over> {
        self.seq += 1;
        let message = told.message(self.seq, self.site.clock().local_now(), self.wanted.totals).ok_or(Over)?;
        let mut sending = SinkExt::send(&mut self.socket, message);
        // Most go at once: time is only kept of those that do not.
        let sent = match (&mut sending).now_or_never() {
            Some(sent) => sent,
            // It reads nothing any more.
            None => Box::pin(timeout(self.times.send, sending)).await.map_err(|_| Over)?,
        };
        sent.map_err(|_| Over)?;
        self.said_at = Instant::now();
        Ok(())
    }

    /// When there is something to do, whatever comes.
    fn wake_at(&self) -> Instant {
        let next = self.repeat_at.min(self.ping_at);
        self.wanted.alive.map_or(next, |alive| next.min(self.said_at + alive))
    }

    /// Waits until there is something to do, and does it.
    async fn wait(&mut self, place: &Place, timer: &mut Pin<Box<Sleep>>) -> ControlFlow<()> {
        // It is moved only when it is too late, or has come: messages go far more often.
        if self.wake_at() < timer.deadline() {
            timer.as_mut().reset(self.wake_at());
        }
        let done = tokio::select! {
            () = place.rings() => self.tell_mail(place).await,
            () = timer.as_mut() => {
                let kept = self.keep_time().await;
                timer.as_mut().reset(self.wake_at());
                kept
            }
            () = self.ending.begun() => {
                self.close(close_code::AWAY, "the server ends").await;
                Err(Over)
            }
            Ok(()) = self.revoked.changed() => self.check_still().await,
            received = self.socket.recv() => self.hear(received).await,
        };
        if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// Sends one away who may read no more. Where everybody may, so may he.
    async fn check_still(&mut self) -> Result<(), Over> {
        if self.access.public_read() || self.access.still_holds(&self.caller) {
            return Ok(());
        }
        self.close(close_code::POLICY, "signed out").await;
        Err(Over)
    }

    /// Answers to pings are on their way when something was received.
    async fn hear(&mut self, received: Option<Result<Message, axum::Error>>) -> Result<(), Over> {
        match received {
            Some(Ok(_)) if self.heard < MOST_SAID => {
                self.heard += 1;
                self.heard_at = Instant::now();
                Ok(())
            }
            Some(_) => {
                self.close(close_code::POLICY, "nothing is expected").await;
                Err(Over)
            }
            None => Err(Over),
        }
    }

    async fn tell_mail(&mut self, place: &Place) -> Result<(), Over> {
        // The newest, as sending the one before may have taken long.
        while let Some(told) = place.next() {
            self.tell(told).await?;
        }
        Ok(())
    }

    /// What is done by time alone.
    async fn keep_time(&mut self) -> Result<(), Over> {
        let now = Instant::now();
        if now >= self.ping_at {
            // A sign-in ends by itself, too.
            self.check_still().await?;
            // What has come while a message took long to be sent was listened to by nobody.
            while let Some(received) = self.socket.recv().now_or_never() {
                self.hear(received).await?;
            }
            if now.saturating_duration_since(self.heard_at) > self.times.silence {
                return Err(Over);
            }
            self.heard = 0;
            self.ping_at = now + self.times.ping;
            let ping = self.socket.send(Message::Ping(bytes::Bytes::new()));
            timeout(self.times.send, ping).await.map_err(|_| Over)?.map_err(|_| Over)?;
        }
        if now >= self.repeat_at {
            self.repeat().await?;
        }
        if self.wanted.alive.is_some_and(|alive| self.said_at + alive <= Instant::now()) {
            self.send(&Told::new(None, &FeedMessage::alive())).await?;
        }
        Ok(())
    }

    /// Sends again what was last told too long ago.
    async fn repeat(&mut self) -> Result<(), Over> {
        let (interval, now) = (self.times.interval, Instant::now());
        let until = now + interval / TOGETHER;
        let due: Vec<ChargePointKey> =
            self.known.iter().filter(|(_, (_, at))| *at + interval <= until).map(|(key, _)| *key).collect();
        for key in due {
            if let Some((told, _)) = self.known.get(&key).cloned() {
                self.send(&told).await?;
                self.known.insert(key, (told, Instant::now()));
            }
        }
        self.repeat_at = self.known.values().map(|(_, at)| *at).min().unwrap_or(now) + interval;
        Ok(())
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: reason.into() };
        // Whoever does not take it is gone anyway.
        drop(timeout(Duration::from_secs(1), self.socket.send(Message::Close(Some(frame)))).await);
    }
}
