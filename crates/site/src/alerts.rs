//! Alerts: who watches what lasts, and what becomes of it.
//!
//! What lasts at a charge point is noted with each change of it, in memory alone. What follows from that by time (an alert begins,
//! goes on, ends) is done by [`Site::settle_alerts`], which sleeps until there is something to be done: of charge points at which
//! all is well nothing is kept, and nobody goes through them.

use crate::access::{Caller, NotDone};
use crate::clock::Clock;
use crate::present::Present;
use crate::running::Site;
use bmw_domain::account::Right;
use bmw_domain::alert::{self, AGAIN_MS, Alert, AlertKind, Cause, Step, Times, Watch};
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::{ChargePointNow, SessionChange};
use bmw_domain::command::Action;
use bmw_domain::phase::Phase;
use bmw_domain::record::ChargePointKey;
use bmw_store::{AlertFilter, AlertInventory, AlertPlace};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, broadcast, watch};

/// How often the load of the phases is looked at, at most, ms.
const LOOK_MS: i64 = 10_000;
/// How often it is looked at least while an overload must last for less, ms.
const LEAST_LOOK_MS: i64 = 500;
/// How long after trouble of the store it is tried again, ms.
const PAUSE_MS: i64 = 5_000;
/// How many alerts of stopped sessions stay open: where nobody looks, the oldest end by themselves.
const STOPPED_MOST: usize = 1_000;
/// How many steps those may miss who are told of alerts.
const KEPT_NEWS: usize = 256;
/// How many of the newest alerts are told by the feed.
const NEWEST: usize = 8;
/// How many alerts the entry of the audit log names that somebody has acknowledged at once.
const NAMED_MOST: usize = 100;

/// The clock by which what lasts is timed: it only goes forward. Tests have one that they move.
#[derive(Debug, Clone)]
pub struct Ticker(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Real(Instant),
    Moved(Arc<AtomicI64>),
}

impl Default for Ticker {
    fn default() -> Self {
        Self(Kind::Real(Instant::now()))
    }
}

impl Ticker {
    /// One that stands still until it is moved.
    pub fn still() -> Self {
        Self(Kind::Moved(Arc::default()))
    }

    /// Moves one that stands still.
    pub fn pass(&self, time: Duration) {
        if let Kind::Moved(at) = &self.0 {
            at.fetch_add(ms(time), Ordering::SeqCst);
        }
    }

    fn now(&self) -> i64 {
        match &self.0 {
            Kind::Real(begun) => ms(begun.elapsed()),
            Kind::Moved(at) => at.load(Ordering::SeqCst),
        }
    }
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// What has become of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertTurn {
    /// It has begun, or its cause came again.
    Begun,
    /// Somebody has seen it.
    Acknowledged,
    /// Its cause is gone.
    Ended,
}

/// What somebody acknowledges: of all that are open, those for which each part holds that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertChoice {
    /// The one of this number.
    pub id: Option<i64>,
    /// Those of this kind.
    pub kind: Option<AlertKind>,
    /// Those of this code.
    pub code: Option<String>,
    /// Those up to this number: what has begun since somebody looked, he has not seen.
    pub until: Option<i64>,
}

impl AlertChoice {
    fn takes(&self, alert: &Alert) -> bool {
        self.id.is_none_or(|id| id == alert.id)
            && self.kind.is_none_or(|kind| kind == alert.cause.kind())
            && self.code.as_deref().is_none_or(|code| code == alert.cause.code())
            && self.until.is_none_or(|until| alert.id <= until)
    }
}

/// The alerts in short, for those who watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertNews {
    /// How many are open and seen by nobody.
    pub pressing: u64,
    /// Grows with each change of an alert.
    pub number: i64,
    /// The newest of those, at most 8, newest first.
    pub newest: Vec<Arc<Alert>>,
}

/// The alerts of a site in memory: what lasts, those that are open, and those that ended a short while ago.
pub(crate) struct Alerts {
    ticker: Ticker,
    look_ms: i64,
    inner: Mutex<Inner>,
    last_id: AtomicI64,
    /// Told when there is something to be done earlier than was known.
    stirred: Notify,
    told: broadcast::Sender<(AlertTurn, Arc<[Arc<Alert>]>)>,
}

#[derive(Default)]
struct Inner {
    watch: Watch,
    known: BTreeMap<i64, Arc<Alert>>,
    pressing: u64,
    /// The number of the last change.
    number: i64,
    /// Whether the phases may carry another load than when they were last looked at.
    is_stirred: bool,
}

impl Alerts {
    /// Goes on with what is stored, as things stand now: how long something lasts is counted from here on.
    pub(crate) fn new(stored: AlertInventory, times: Times, ticker: Ticker, present: &Present) -> Self {
        let (at, now) = (ticker.now(), Clock::real());
        let mut watch = Watch::new(times);
        for alert in &stored.alerts {
            watch.resume(alert, at, now);
        }
        for charge_point in present.charge_points() {
            watch.tell(charge_point.key, alert::lasting(charge_point), at, now);
        }
        let known = stored.alerts.into_iter().map(|alert| (alert.id, Arc::new(alert))).collect();
        // Fewer change than ms pass: none of the numbers of an earlier start come again.
        let mut inner = Inner { watch, known, number: now.0, is_stirred: true, ..Inner::default() };
        inner.count();
        Self {
            ticker,
            look_ms: (times.overload / 6).clamp(LEAST_LOOK_MS, LOOK_MS),
            inner: Mutex::new(inner),
            last_id: AtomicI64::new(stored.last_id),
            stirred: Notify::new(),
            told: broadcast::Sender::new(KEPT_NEWS),
        }
    }

    /// The alert of the sessions that nobody has stopped, to be stored with them.
    pub(crate) fn of_sessions(&self, changes: &[SessionChange]) -> Vec<Alert> {
        changes.iter().filter_map(|change| alert::of_session(change, || self.next_id())).collect()
    }

    fn next_id(&self) -> i64 {
        self.last_id.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Notes what lasts at charge points that have changed, and alerts that were stored with it. Whether there is such a one.
    pub(crate) fn note<'a>(&self, changed: impl Iterator<Item = &'a Arc<ChargePointNow>>, stored: &[Alert]) -> bool {
        let (at, now) = (self.ticker.now(), Clock::real());
        let mut inner = self.lock();
        let mut is_earlier = false;
        for charge_point in changed {
            is_earlier |= inner.watch.tell(charge_point.key, alert::lasting(charge_point), at, now);
        }
        inner.is_stirred = true;
        let begun: Vec<Arc<Alert>> = stored.iter().cloned().map(Arc::new).collect();
        inner.take(&begun);
        drop(inner);
        if is_earlier {
            self.stirred.notify_one();
        }
        self.tell(AlertTurn::Begun, begun)
    }

    /// Tells those who follow. Whether there was something to be told.
    fn tell(&self, turn: AlertTurn, alerts: Vec<Arc<Alert>>) -> bool {
        let is_some = !alerts.is_empty();
        if is_some {
            // Nobody may be following.
            drop(self.told.send((turn, alerts.into())));
        }
        is_some
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes over alerts as they are stored.
    fn take(&mut self, alerts: &[Arc<Alert>]) {
        if alerts.is_empty() {
            return;
        }
        for alert in alerts {
            self.known.insert(alert.id, Arc::clone(alert));
        }
        self.number += 1;
        self.count();
    }

    fn count(&mut self) {
        self.pressing = self.known.values().filter(|alert| alert.is_pressing()).count() as u64;
    }

    /// Looks at the load of the phases.
    fn look(&mut self, present: &Present, clock: &Clock, at: i64) {
        let load = present.phase_load(clock.now());
        let limits = present.settings().max_current;
        for phase in Phase::ALL {
            let (load, limit) = (load[phase.index()], limits[phase.index()]);
            let lasting = alert::lasting_on(phase, load, limit, self.watch.lasts_on(phase));
            self.watch.tell_phase(phase, lasting, at, Clock::real());
        }
    }

    /// The alerts that come of steps.
    fn after(&self, steps: Vec<Step>, next_id: impl Fn() -> i64) -> Vec<(AlertTurn, Alert)> {
        let known = |id: i64| self.known.get(&id).map(|alert| Alert::clone(alert));
        let turn = |step: Step| match step {
            Step::Begin(cause, since, detail) => {
                let (id, ended_at, acknowledged) = (next_id(), None, None);
                Some((AlertTurn::Begun, Alert { id, cause, detail, since, times: 1, ended_at, acknowledged }))
            }
            Step::Again(id, _, detail) => {
                let alert = known(id)?;
                let times = alert.times.saturating_add(1);
                Some((AlertTurn::Begun, Alert { detail, times, ended_at: None, ..alert }))
            }
            Step::End(id, _) => Some((AlertTurn::Ended, Alert { ended_at: Some(Clock::real()), ..known(id)? })),
        };
        steps.into_iter().filter_map(turn).collect()
    }

    /// The oldest of too many stopped sessions, as ended.
    fn beyond(&self) -> Vec<(AlertTurn, Alert)> {
        let is_stopped = |alert: &&Arc<Alert>| alert.is_open() && alert.cause.kind() == AlertKind::Stopped;
        let stopped: Vec<&Arc<Alert>> = self.known.values().filter(is_stopped).collect();
        let many = stopped.len().saturating_sub(STOPPED_MOST);
        let ended = |alert: &&Arc<Alert>| Alert { ended_at: Some(Clock::real()), ..Alert::clone(alert) };
        stopped.iter().take(many).map(|alert| (AlertTurn::Ended, ended(alert))).collect()
    }

    /// Forgets what ended too long ago to come again.
    fn forget(&mut self, at: i64) {
        self.watch.forget(at);
        let Self { known, watch, .. } = self;
        known.retain(|_, alert| alert.is_open() || watch.knows(alert));
    }
}

impl Site {
    /// Reads the alerts that it goes on with.
    pub(crate) async fn stored_alerts(store: &dyn bmw_store::Store) -> crate::Result<AlertInventory> {
        store.alerts_to_watch(Clock::real().plus(-AGAIN_MS)).await
    }

    /// Watches until the end of the program.
    pub async fn watch_alerts(self: Arc<Self>, mut ending: watch::Receiver<bool>) {
        loop {
            let next = match self.settle_alerts().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "alerts could not be stored yet");
                    self.alerts.ticker.now() + PAUSE_MS
                }
            };
            let wait = next.saturating_sub(self.alerts.ticker.now()).max(0).unsigned_abs();
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(wait)) => {}
                () = self.alerts.stirred.notified() => {}
                // The sender cannot go before its receivers: an error is an end as well.
                _ = ending.wait_for(|ending| *ending) => return,
            }
        }
    }

    /// Does what is to be done now: alerts begin, go on and end. Says at which tick to look again.
    ///
    /// # Errors
    /// The store's; all is as it was then.
    pub async fn settle_alerts(&self) -> crate::Result<i64> {
        self.look_at_phases();
        self.excuse().await?;
        let step = self.step().await;
        let at = self.alerts.ticker.now();
        let turns = {
            let inner = self.alerts.lock();
            let mut turns = inner.after(inner.watch.steps(at), || self.alerts.next_id());
            turns.extend(inner.beyond());
            turns
        };
        let alerts: Vec<Alert> = turns.iter().map(|(_, alert)| alert.clone()).collect();
        if !alerts.is_empty() {
            self.store().put_alerts(&alerts, None).await?;
        }
        let of = |wanted| {
            let turns = turns.iter().filter(move |(turn, _)| *turn == wanted);
            turns.map(|(_, alert)| Arc::new(alert.clone())).collect::<Vec<_>>()
        };
        let (begun, ended) = (of(AlertTurn::Begun), of(AlertTurn::Ended));
        let next = {
            let mut inner = self.alerts.lock();
            for alert in begun.iter().chain(&ended) {
                inner.watch.done(&alert.cause, alert, at);
            }
            inner.take(&begun);
            inner.take(&ended);
            inner.forget(at);
            inner.watch.next()
        };
        drop(step);
        let is_told = self.alerts.tell(AlertTurn::Begun, begun);
        if self.alerts.tell(AlertTurn::Ended, ended) || is_told {
            self.tell_all();
        }
        let look = at + self.alerts.look_ms;
        Ok(next.map_or(look, |next| next.min(look)))
    }

    /// Looks at the phases, where something has changed since, or they carry too much: what was measured grows old.
    fn look_at_phases(&self) {
        let present = self.present().clone();
        let mut inner = self.alerts.lock();
        let is_overloaded = Phase::ALL.into_iter().any(|phase| inner.watch.lasts_on(phase));
        if std::mem::take(&mut inner.is_stirred) || is_overloaded {
            inner.look(&present, self.clock(), self.alerts.ticker.now());
        }
    }

    /// Those that an operator has taken out of service may be switched off: to lose contact with them is no alert. That they say so
    /// is not enough, as some do it for themselves, such as while they take new firmware in.
    async fn excuse(&self) -> crate::Result<()> {
        let at = self.alerts.ticker.now();
        let steps = self.alerts.lock().watch.steps(at);
        let present = self.present().clone();
        for step in steps {
            let (Step::Begin(cause, ..) | Step::Again(_, cause, _)) = step else { continue };
            let Cause::Offline(key) = cause else { continue };
            let is_unavailable = present.get(key).is_some_and(|now| alert::is_unavailable(now));
            if is_unavailable && self.is_taken_out(key).await? {
                self.alerts.lock().watch.excuse(&cause, at);
            }
        }
        Ok(())
    }

    /// Whether the last thing that a charge point has accepted of its availability is to be out of service.
    async fn is_taken_out(&self, key: ChargePointKey) -> crate::Result<bool> {
        let answers = self.store().last_answers(key).await?;
        let last = answers.iter().find(|command| command.action == Action::ChangeAvailability);
        let asked = last.and_then(|command| serde_json::from_str::<Value>(&command.arguments).ok());
        Ok(asked.is_some_and(|asked| asked["type"] == "Inoperative"))
    }

    /// The alerts in short.
    pub fn alert_news(&self) -> AlertNews {
        let inner = self.alerts.lock();
        let newest = inner.known.values().rev().filter(|alert| alert.is_pressing()).take(NEWEST);
        AlertNews { pressing: inner.pressing, number: inner.number, newest: newest.cloned().collect() }
    }

    /// How many alerts are open and seen by nobody.
    pub fn pressing_alerts(&self) -> u64 {
        self.alerts.lock().pressing
    }

    /// The alerts that are open, newest first, and the number of their last change. Who has seen them is told to those who have
    /// signed in.
    ///
    /// # Errors
    /// For those who may not read.
    pub fn open_alerts(&self, caller: &Caller) -> Result<(Vec<Arc<Alert>>, i64), NotDone> {
        caller.check(Right::Read)?;
        let inner = self.alerts.lock();
        let open = inner.known.values().rev().filter(|alert| alert.is_open());
        Ok((open.map(|alert| for_reader(Arc::clone(alert), caller)).collect(), inner.number))
    }

    /// The alerts that have ended, the one that ended last first: `limit` of them below a place. The same goes for who has seen them.
    ///
    /// # Errors
    /// For those who may not read; the store's.
    pub async fn ended_alerts(
        &self,
        filter: AlertFilter,
        before: Option<AlertPlace>,
        limit: u32,
        caller: &Caller,
    ) -> Result<Vec<Arc<Alert>>, NotDone> {
        caller.check(Right::Read)?;
        let ended = self.store().ended_alerts(filter, before, limit).await?;
        Ok(ended.into_iter().map(|alert| for_reader(Arc::new(alert), caller)).collect())
    }

    /// Somebody has seen alerts; how many there were that nobody had seen. Of a stopped session that is the end.
    ///
    /// # Errors
    /// For those who may not; the store's.
    pub async fn acknowledge_alerts(&self, choice: &AlertChoice, caller: &Caller) -> Result<usize, NotDone> {
        caller.check(Right::Command)?;
        let step = self.step().await;
        let chosen: Vec<Arc<Alert>> = {
            let inner = self.alerts.lock();
            inner.known.values().filter(|alert| alert.is_pressing() && choice.takes(alert)).cloned().collect()
        };
        if chosen.is_empty() {
            return Ok(0);
        }
        let named: Vec<Value> = chosen.iter().take(NAMED_MOST).map(|alert| self.named(alert)).collect();
        let after = json!({ "count": chosen.len(), "alerts": named });
        let subject = named.first().filter(|_| chosen.len() == 1).and_then(|alert| alert["charger"].as_str());
        let audit = caller.entry("alert.acknowledge", "null".to_owned(), after.to_string());
        let audit = audit.on(subject.unwrap_or_default());
        let seen: Vec<Alert> = chosen.iter().map(|alert| alert.seen(&audit.actor, audit.at)).collect();
        self.store().put_alerts(&seen, Some(&audit)).await?;
        let seen: Vec<Arc<Alert>> = seen.into_iter().map(Arc::new).collect();
        let count = seen.len();
        {
            let at = self.alerts.ticker.now();
            let mut inner = self.alerts.lock();
            inner.take(&seen);
            inner.forget(at);
        }
        drop(step);
        self.alerts.tell(AlertTurn::Acknowledged, seen);
        self.tell_all();
        Ok(count)
    }

    /// An alert for the audit log.
    fn named(&self, alert: &Alert) -> Value {
        let charger = alert.cause.charge_point().and_then(|key| self.identity(key));
        json!({ "id": alert.id, "cause": alert.cause.kind().word(), "code": alert.cause.code(), "charger": charger })
    }

    fn identity(&self, key: ChargePointKey) -> Option<String> {
        self.present().get(key).map(|now| now.charge_point.identity.to_string())
    }

    /// A receiver that is told what becomes of alerts, those together that it becomes at once. One that lags has missed some.
    pub fn subscribe_alerts(&self) -> broadcast::Receiver<(AlertTurn, Arc<[Arc<Alert>]>)> {
        self.alerts.told.subscribe()
    }
}

/// An alert as a caller may see it: who has an account is not everybody's.
fn for_reader(alert: Arc<Alert>, caller: &Caller) -> Arc<Alert> {
    if alert.acknowledged.is_none() || caller.may(Right::ReadSensitive) {
        return alert;
    }
    let mut alert = Alert::clone(&alert);
    if let Some(acknowledged) = &mut alert.acknowledged {
        acknowledged.by = String::new();
    }
    Arc::new(alert)
}

/// Where an alert that has ended stands in the history.
pub fn place_of(alert: &Alert) -> AlertPlace {
    AlertPlace { at: alert.ended_at.unwrap_or(Timestamp(i64::MAX)), id: alert.id }
}
