//! The desk: the one place where what charge points tell becomes the site's state.
//!
//! Events of all charge points come in one queue. All that wait are taken together, followed in memory on copies, written to
//! the store in one batch, and only then is the copy the present and each of them answered. So the answers of many share
//! a commit, nothing is answered that is not stored, and what could not be stored has never happened.

use crate::peaks::{PeakTimes, PeaksSeen};
use crate::present::{ChargePoints, Present};
use crate::running::Site;
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::card::Cards;
use bmw_domain::charger::event::Event;
use bmw_domain::charger::{Answer, Changes, ChargePointNow, Context, History};
use bmw_domain::record::{ChargePointKey, Model, TransactionId};
use bmw_store::{Batch, StoreError};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{MutexGuard, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// The most events in one batch.
const MOST: usize = 2_048;
/// How many events may wait; who comes then waits outside, and its charge point with it.
const QUEUE: usize = 4_096;
/// How long trouble of the store is borne inside: then the charge points are let go without an answer, and keep their
/// messages (OCPP in the field, "Transactions").
const PATIENCE: Duration = Duration::from_mins(1);
/// The pause after the first failure; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// How long states that only said that a charge point lives may wait to be stored.
const SOFT: Duration = Duration::from_secs(5);

/// After a batch was refused for good, events are stored one by one for so long: so only the one that the store will never take
/// suffers for it.
const CAUTION: Duration = Duration::from_mins(1);

/// An event on its way.
#[derive(Debug)]
pub(crate) struct Job {
    charge_point: ChargePointKey,
    event: Event,
    arrival: Timestamp,
    /// Dropped without a word when the event could not be stored.
    answer: oneshot::Sender<Answer>,
}

impl Job {
    /// What cannot be stored in time is given up: the charge point tells it again. But nobody tells again that a connection is
    /// gone.
    const fn is_kept(&self) -> bool {
        matches!(self.event, Event::Disconnected { .. })
    }
}

/// Where events are handed in.
#[derive(Debug, Clone)]
pub struct Counter(mpsc::Sender<Job>);

/// An event could not be stored in time, or the site ends: the charge point must keep its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it could not be stored")]
pub struct NotStored;

/// What came of handing in an event.
#[derive(Debug)]
pub enum HandedIn {
    /// It is in the queue; the answer comes when it is stored.
    Queued(oneshot::Receiver<Answer>),
    /// The queue is full.
    NoRoom(Box<NoRoom>),
}

/// An event that waits for room in the queue, by [`Counter::wait_for_room`].
#[derive(Debug)]
pub struct NoRoom {
    job: Job,
    answer: oneshot::Receiver<Answer>,
}

impl Counter {
    /// Hands in an event, without waiting for room.
    ///
    /// # Errors
    /// The site ends.
    pub fn try_hand_in(
        &self,
        charge_point: ChargePointKey,
        event: Event,
        arrival: Timestamp,
    ) -> Result<HandedIn, NotStored> {
        let (sender, answer) = oneshot::channel();
        match self.0.try_send(Job { charge_point, event, arrival, answer: sender }) {
            Ok(()) => Ok(HandedIn::Queued(answer)),
            Err(TrySendError::Full(job)) => Ok(HandedIn::NoRoom(Box::new(NoRoom { job, answer }))),
            Err(TrySendError::Closed(_)) => Err(NotStored),
        }
    }

    /// Waits until an event is in the queue.
    ///
    /// # Errors
    /// The site ends.
    pub async fn wait_for_room(&self, waits: Box<NoRoom>) -> Result<oneshot::Receiver<Answer>, NotStored> {
        let NoRoom { job, answer } = *waits;
        self.0.send(job).await.map_err(|_| NotStored)?;
        Ok(answer)
    }

    /// Hands in an event. It is in the queue when this returns; the answer comes when it is stored.
    ///
    /// # Errors
    /// The site ends.
    pub async fn hand_in(
        &self,
        charge_point: ChargePointKey,
        event: Event,
        arrival: Timestamp,
    ) -> Result<oneshot::Receiver<Answer>, NotStored> {
        match self.try_hand_in(charge_point, event, arrival)? {
            HandedIn::Queued(answer) => Ok(answer),
            HandedIn::NoRoom(waits) => self.wait_for_room(waits).await,
        }
    }

    /// Hands in an event and waits until it is stored.
    ///
    /// # Errors
    /// It could not be stored.
    pub async fn tell(
        &self,
        charge_point: ChargePointKey,
        event: Event,
        arrival: Timestamp,
    ) -> Result<Answer, NotStored> {
        self.hand_in(charge_point, event, arrival).await?.await.map_err(|_| NotStored)
    }
}

/// A counter, and the queue behind it.
pub(crate) fn queue() -> (Counter, mpsc::Receiver<Job>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Counter(sender), receiver)
}

/// What the desk remembers from batch to batch.
pub struct Desk {
    site: Arc<Site>,
    queue: mpsc::Receiver<Job>,
    models: HashMap<String, Arc<Model>>,
    last_id: i32,
    last_batch: i64,
    /// States that were only heard of, and since when the oldest of them waits.
    soft: BTreeSet<ChargePointKey>,
    soft_since: Option<Instant>,
    peaks: PeakTimes,
    is_ending: bool,
    /// What could not be stored in time. Whether the store has it after all is not known, so it comes before anything else;
    /// nobody waits for its answers any more.
    stuck: Option<Followed>,
    cautious_until: Option<Instant>,
    patience: Duration,
}

/// Events that were followed in memory and are not stored yet.
struct Followed {
    /// All charge points as they will be.
    draft: ChargePoints,
    batch: Batch,
    last_id: i32,
    /// Answers in the order of the events.
    answers: Vec<(oneshot::Sender<Answer>, Answer)>,
    /// The charge points of the events.
    changed: Vec<ChargePointKey>,
    soft: BTreeSet<ChargePointKey>,
    peaks: PeaksSeen,
}

impl Desk {
    pub(crate) fn new(
        site: Arc<Site>,
        queue: mpsc::Receiver<Job>,
        models: HashMap<String, Arc<Model>>,
        last_id: i32,
        last_batch: i64,
    ) -> Self {
        Self {
            site,
            queue,
            models,
            last_id,
            last_batch,
            soft: BTreeSet::new(),
            soft_since: None,
            peaks: PeakTimes::default(),
            is_ending: false,
            stuck: None,
            cautious_until: None,
            patience: PATIENCE,
        }
    }

    /// Bears trouble of the store for so long, instead of a minute.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Works until nobody hands in anything any more.
    pub async fn work(mut self) {
        let mut jobs = Vec::new();
        loop {
            let soft = self.soft_since.map(|since| since + SOFT);
            let mut flush_at = soft.into_iter().chain(self.peaks.wake_at()).min();
            if self.stuck.is_some() || !jobs.is_empty() {
                flush_at = Some(Instant::now() + LAST_PAUSE);
            }
            let most = self.most();
            tokio::select! {
                count = self.queue.recv_many(&mut jobs, most) => {
                    if count == 0 {
                        break;
                    }
                }
                () = tokio::time::sleep_until(flush_at.unwrap_or_else(Instant::now)), if flush_at.is_some() => {}
            }
            self.round(&mut jobs).await;
        }
        // What was only heard of is stored before the end.
        self.is_ending = true;
        self.soft_since = self.soft_since.and_then(|since| since.checked_sub(SOFT));
        self.round(&mut jobs).await;
    }

    /// How many events are taken together.
    fn most(&mut self) -> usize {
        self.cautious_until = self.cautious_until.filter(|until| Instant::now() < *until);
        self.cautious_until.map_or(MOST, |_| 1)
    }

    async fn round(&mut self, jobs: &mut Vec<Job>) {
        let site = Arc::clone(&self.site);
        let mut step = site.step().await;
        let mut trouble = Trouble::until(Instant::now() + self.patience);
        if let Some(stuck) = self.stuck.take() {
            match trouble.bear(|| site.store().write(&stuck.batch)).await {
                Fate::Stored => self.stored(stuck, &mut step),
                Fate::Refused => self.be_cautious(),
                Fate::Unknown => {
                    self.stuck = Some(stuck);
                    self.give_up(jobs);
                    return;
                }
            }
        }
        let mut histories = Vec::new();
        while histories.len() < jobs.len() {
            match timeout_at(trouble.deadline, self.histories(jobs)).await {
                Ok(Ok(found)) => histories = found,
                Ok(Err(error)) => trouble.wait_after(&error).await,
                Err(_) => {}
            }
            if trouble.is_too_much() {
                self.give_up(jobs);
                return;
            }
        }
        let mut followed = self.follow(jobs, histories, &site.cards());
        let answers = std::mem::take(&mut followed.answers);
        // Signs of life alone are stored with what comes next: no commit for each heartbeat.
        let fate = if followed.batch.is_empty() {
            Fate::Stored
        } else {
            trouble.bear(|| site.store().write(&followed.batch)).await
        };
        match fate {
            Fate::Stored => self.stored(followed, &mut step),
            Fate::Refused => {
                self.peaks.put_off(Instant::now());
                return self.be_cautious();
            }
            Fate::Unknown => {
                self.stuck = Some(followed);
                self.give_up(jobs);
                return;
            }
        }
        drop(step);
        for (sender, answer) in answers {
            // Who has gone meanwhile will ask again, and get the same answer.
            drop(sender.send(answer));
        }
    }

    fn be_cautious(&mut self) {
        self.cautious_until = Some(Instant::now() + CAUTION);
    }

    /// Lets go of all that wait, also of those in the queue: they have waited as well.
    fn give_up(&mut self, jobs: &mut Vec<Job>) {
        while let Ok(job) = self.queue.try_recv() {
            jobs.push(job);
        }
        jobs.retain(Job::is_kept);
    }

    /// What was followed is stored: it is the present from here on.
    fn stored(&mut self, mut followed: Followed, step: &mut MutexGuard<'_, ()>) {
        // Those that were added while it could not be stored. None is ever taken away, and new ones come last.
        let present = self.site.present().clone();
        followed.draft.extend(present.charge_points().iter().skip(followed.draft.len()).cloned());
        if followed.peaks.is_stored {
            self.peaks.stored();
        }
        if let Some(peaks) = followed.peaks.changed {
            self.site.set_peaks(peaks);
        }
        self.last_batch = followed.batch.number;
        self.last_id = followed.last_id;
        self.soft = followed.soft;
        if self.soft.is_empty() {
            self.soft_since = None;
        } else {
            self.soft_since.get_or_insert_with(Instant::now);
        }
        self.site.publish(step, followed.draft, &followed.changed, &followed.batch);
    }

    /// What only the store remembers, for those events that need it.
    async fn histories(&self, jobs: &[Job]) -> Result<Vec<History>, StoreError> {
        let present = self.site.present().clone();
        let store = self.site.store();
        let mut histories = Vec::with_capacity(jobs.len());
        for job in jobs {
            let mut history = History::default();
            let now = present.get(job.charge_point);
            if now.is_some_and(|now| now.needs_history(&job.event)) {
                match &job.event {
                    Event::Start(start) => history.begun = store.session_begun(job.charge_point, start).await?,
                    Event::Stop(stop) => history.told = self.told(job.charge_point, stop.transaction).await?,
                    Event::Meter(meter) => {
                        if let Some(id) = meter.transaction {
                            history.told = self.told(job.charge_point, id).await?;
                        }
                    }
                    _ => {}
                }
            }
            histories.push(history);
        }
        Ok(histories)
    }

    /// The session of this number, where it is one of the charge point's own.
    async fn told(
        &self,
        charge_point: ChargePointKey,
        id: i64,
    ) -> Result<Option<bmw_domain::charger::Session>, StoreError> {
        let Ok(id) = i32::try_from(id) else { return Ok(None) };
        let session = self.site.store().whole_session(TransactionId(id)).await?;
        Ok(session.filter(|session| session.transaction.charge_point == charge_point && session.end.is_some()))
    }

    /// Follows the events on copies.
    fn follow(&mut self, jobs: &mut Vec<Job>, histories: Vec<History>, cards: &Cards) -> Followed {
        let present = self.site.present().clone();
        let mut draft = present.charge_points().clone();
        let mut changes = Changes::default();
        let mut last_id = self.last_id;
        let mut answers = Vec::with_capacity(jobs.len());
        let mut soft = self.soft.clone();
        let mut changed = Vec::with_capacity(jobs.len());
        for (job, history) in jobs.drain(..).zip(histories) {
            // One that is not there has been taken away: its connection will end.
            let Some(place) = present.place(job.charge_point) else { continue };
            let mut context = Context {
                arrival: job.arrival,
                cards,
                models: &self.models,
                history,
                last_id: &mut last_id,
                changes: &mut changes,
            };
            let answer = Arc::make_mut(&mut draft[place]).hear(job.event, &mut context);
            soft.insert(job.charge_point);
            changed.push(job.charge_point);
            answers.push((job.answer, answer));
        }
        if self.soft_since.is_some_and(|since| since.elapsed() >= SOFT) {
            changes.states.append(&mut soft);
        }
        changed.sort_unstable();
        changed.dedup();
        soft.retain(|key| !changes.states.contains(key));
        let mut batch = batch_of(self.last_batch + 1, changes, |key| present.place(key).map(|place| &draft[place]));
        batch.alerts = self.site.alerts.of_sessions(&batch.sessions);
        if !changed.is_empty() {
            self.peaks.stir();
        }
        let peaks = self.look_at_peaks(&draft, &present, &mut batch);
        Followed { draft, batch, last_id, answers, changed, soft, peaks }
    }

    /// Follows the peaks of the phases, and lets the batch store them where it is time.
    fn look_at_peaks(&mut self, draft: &ChargePoints, present: &Present, batch: &mut Batch) -> PeaksSeen {
        let (moment, anyway) = (Instant::now(), !batch.is_empty() || self.is_ending);
        let looks = self.peaks.looks(moment);
        if !looks && !self.peaks.stores(moment, anyway) {
            return PeaksSeen::default();
        }
        let (now, mut peaks) = (self.site.clock().now(), self.site.peaks());
        let is_other = looks && peaks.follow(present.load_of(draft, now), now, self.site.is_today());
        if is_other {
            self.peaks.found(moment);
        }
        let is_stored = self.peaks.stores(moment, anyway);
        batch.peaks = is_stored.then_some(peaks);
        PeaksSeen { changed: is_other.then_some(peaks), is_stored }
    }
}

fn batch_of<'a>(
    number: i64,
    changes: Changes,
    now: impl Fn(ChargePointKey) -> Option<&'a Arc<ChargePointNow>>,
) -> Batch {
    let of = |keys: BTreeSet<ChargePointKey>| keys.into_iter().filter_map(&now).collect::<Vec<_>>();
    let changed = of(changes.states);
    Batch {
        number,
        charge_points: of(changes.charge_points)
            .into_iter()
            .map(|now| (now.key, Arc::clone(&now.charge_point), now.last_cycle))
            .collect(),
        limits: of(changes.limits).into_iter().map(|now| (now.key, Arc::clone(&now.limits))).collect(),
        states: changed.iter().filter_map(|now| Some((now.key, now.state.clone()?))).collect(),
        connectors: changed
            .iter()
            .flat_map(|now| now.connectors.iter().map(|connector| (now.key, connector.clone())))
            .collect(),
        sessions: changes.sessions,
        values: changes.values,
        findings: changes.findings,
        happenings: changes.happenings,
        alerts: Vec::new(),
        peaks: None,
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stored,
    /// It was not in time; whether it is stored is not known.
    Unknown,
    /// The store will never take it: nothing of it is stored.
    Refused,
}

/// Trouble with the store, which is borne for a while.
struct Trouble {
    deadline: Instant,
    pause: Duration,
}

impl Trouble {
    const fn until(deadline: Instant) -> Self {
        Self { deadline, pause: FIRST_PAUSE }
    }

    fn is_too_much(&self) -> bool {
        Instant::now() + self.pause > self.deadline
    }

    /// Tries again and again, while it is of use.
    async fn bear<F>(&mut self, mut attempt: impl FnMut() -> F) -> Fate
    where
        F: Future<Output = Result<(), StoreError>>,
    {
        loop {
            match timeout_at(self.deadline, attempt()).await {
                Ok(Ok(())) => return Fate::Stored,
                Ok(Err(error)) if error.is_lasting() => {
                    tracing::error!(%error, "what charge points told cannot be stored");
                    return Fate::Refused;
                }
                Ok(Err(error)) => self.wait_after(&error).await,
                Err(_) => tracing::warn!("the store does not answer"),
            }
            if self.is_too_much() {
                tracing::error!("what charge points told could not be stored in time; they will tell it again");
                return Fate::Unknown;
            }
        }
    }

    async fn wait_after(&mut self, error: &StoreError) {
        tracing::warn!(%error, "what charge points told could not be stored yet");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LAST_PAUSE);
    }
}
