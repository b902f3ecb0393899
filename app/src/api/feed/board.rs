//! What the feed tells, decided once for all who read it.
//!
//! The board follows the site: it writes each message once, tells the first change of a charge point at once and joins
//! further ones, and puts what is told into the mailboxes of those whom it concerns. A mailbox holds the newest message of
//! each charge point, of the phases and of the totals, and nothing older, so that it never grows; who follows one charge point
//! is not woken by the others.
//!
//! All this, and all that is sent, is done on a thread of its own that stands back where the processor is wanted: however
//! many read, charge points are not answered later. While nobody reads, nothing is done at all.

use super::message::{FeedMessage, LocalPeak, Told};
use super::reader::{Reader, Wanted};
use crate::state::{AppState, Ending};
use bmw_domain::calendar::Timestamp;
use bmw_domain::record::ChargePointKey;
use bmw_site::{ChargePointNow, Present, Site};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};

/// Further changes of a charger are joined to one message in this time.
const JOINED: Duration = Duration::from_secs(1);
/// How often is looked at what changes by time alone: which currents are known.
const LOOK: Duration = Duration::from_secs(5);
/// How long readers may take to say goodbye when the program ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// The feed of a site.
pub(in crate::api) struct Board {
    site: Arc<Site>,
    inner: Mutex<Inner>,
    /// Told when somebody has come or gone, or has brought news.
    stirred: Notify,
    /// Where readers run; made for the first one.
    thread: Mutex<Option<Handle>>,
}

#[derive(Default)]
struct Inner {
    topics: HashMap<ChargePointKey, Topic>,
    phases: Phases,
    totals: Totals,
    /// When charge points that have changed shortly after a change are looked at.
    schedule: BTreeSet<(Instant, ChargePointKey)>,
    /// When was last looked for currents that are too old.
    old_looked_at: Option<Instant>,
    /// Those who follow all charge points, and those who follow one.
    of_all: Slots,
    of_one: HashMap<ChargePointKey, Slots>,
}

/// A charge point.
struct Topic {
    version: u64,
    /// As it was when it was last looked at.
    newest: Arc<Told>,
    /// Whether somebody may not know that, of all who read, or of those who have asked for what its lines draw.
    is_news: bool,
    is_news_of_lines: bool,
    /// When what its lines draw is known no more.
    changes_at: Option<Timestamp>,
    /// Whether there was nothing before.
    is_first: bool,
    /// When a change was last told.
    told_at: Option<Instant>,
    /// When it is looked at again.
    look_at: Option<Instant>,
}

/// The load of the phases.
#[derive(Default)]
struct Phases {
    load: Option<[Option<f64>; 3]>,
    newest: Option<Arc<Told>>,
    is_news: bool,
    told_at: Option<Instant>,
}

/// Counts and sums over the site, for those who want them.
#[derive(Default)]
struct Totals {
    /// How many do.
    readers: usize,
    newest: Option<Arc<Told>>,
    is_news: bool,
    looked_at: Option<Instant>,
}

/// What is told anew.
#[derive(Default)]
struct News {
    states: Vec<Arc<Told>>,
    /// States of which only those hear who have asked for what lines draw.
    lines: Vec<Arc<Told>>,
    phases: Option<Arc<Told>>,
    totals: Option<Arc<Told>>,
}

/// Mailboxes.
#[derive(Default)]
struct Slots {
    boxes: Vec<Option<Arc<Mailbox>>>,
    free: Vec<usize>,
}

/// What a reader has not taken yet: of each charge point the newest, the newest load, and the newest totals.
#[derive(Default)]
pub(super) struct Mailbox {
    /// Whether the totals are wanted.
    totals: bool,
    mail: Mutex<Mail>,
    rings: Notify,
}

#[derive(Default)]
struct Mail {
    states: HashMap<ChargePointKey, Arc<Told>>,
    /// The charge points of the states, in the order in which they are sent.
    order: VecDeque<ChargePointKey>,
    phases: Option<Arc<Told>>,
    totals: Option<Arc<Told>>,
}

/// A reader's place; given back when it is dropped.
pub(super) struct Place {
    board: Arc<Board>,
    /// One charge point, or all.
    only: Option<ChargePointKey>,
    slot: usize,
    mailbox: Arc<Mailbox>,
}

impl Board {
    pub(in crate::api) fn new(site: Arc<Site>) -> Arc<Self> {
        Arc::new(Self { site, inner: Mutex::default(), stirred: Notify::new(), thread: Mutex::default() })
    }

    /// Sets a reader to work.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start(self: &Arc<Self>, app: &AppState, reader: Reader) -> io::Result<()> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = match thread.take() {
            Some(handle) => handle,
            None => self.begin(app.shutdown.subscribe())?,
        };
        thread.insert(handle).spawn(reader.run());
        Ok(())
    }

    fn begin(self: &Arc<Self>, ending: Ending) -> io::Result<Handle> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let handle = runtime.handle().clone();
        let board = Arc::clone(self);
        std::thread::Builder::new().name("feed".to_owned()).spawn(move || {
            stand_back();
            runtime.block_on(board.run(ending));
        })?;
        Ok(handle)
    }

    /// A place for a reader, and all that it is told first.
    pub(super) fn join(self: &Arc<Self>, Wanted { only, totals, .. }: Wanted) -> (Place, Vec<Arc<Told>>) {
        let mailbox = Arc::new(Mailbox { totals, ..Mailbox::default() });
        let mut inner = self.lock();
        let is_alone = inner.is_idle();
        // First the place, then the look: nothing is missed in between.
        let slot = inner.slots(only).put(Arc::clone(&mailbox));
        let present = self.site.present().clone();
        let mut told = Vec::new();
        for now in present.by_identity().filter(|now| only.is_none_or(|only| only == now.key)) {
            told.push(inner.look_for_reader(now, self.site.clock().now(), is_alone));
        }
        told.extend(inner.look_at_phases(&self.site, &present));
        if is_alone {
            inner.phases.is_news = false;
        }
        if totals {
            told.extend(inner.look_at_totals(&self.site));
            inner.totals.readers += 1;
            // Nobody else waits for it.
            inner.totals.is_news &= inner.totals.readers > 1;
        }
        drop(inner);
        self.stirred.notify_one();
        (Place { board: Arc::clone(self), only, slot, mailbox }, told)
    }

    async fn run(self: Arc<Self>, mut ending: Ending) {
        loop {
            tokio::select! {
                () = self.follow() => {}
                () = ending.begun() => break,
            }
        }
        drop(ending);
        // They are told as well; this thread is where they say goodbye.
        let all_gone = async {
            while !self.lock().is_idle() {
                self.stirred.notified().await;
            }
        };
        drop(timeout(FAREWELL, all_gone).await);
    }

    /// Waits for a reader, then tells what changes until there is none any more.
    async fn follow(&self) {
        self.stirred.notified().await;
        let mut changed = self.site.subscribe_keys();
        let mut keys = self.all_keys();
        loop {
            let Some(next) = self.tell(&keys) else { return };
            keys.clear();
            tokio::select! {
                received = changed.recv() => match received {
                    Ok(some) => keys.extend_from_slice(&some),
                    // Too much has happened meanwhile to be looked at one by one.
                    Err(RecvError::Lagged(_)) => keys = self.all_keys(),
                    Err(RecvError::Closed) => return std::future::pending().await,
                },
                () = sleep_until(next) => {}
                () = self.stirred.notified() => {}
            }
        }
    }

    fn all_keys(&self) -> Vec<ChargePointKey> {
        self.site.present().charge_points().iter().map(|now| now.key).collect()
    }

    /// Tells what is new of these charge points and of those whose time has come. Says when to look again; `None` when nobody
    /// reads.
    fn tell(&self, keys: &[ChargePointKey]) -> Option<Instant> {
        let mut inner = self.lock();
        if inner.is_idle() {
            // Who comes then begins anew.
            *inner = Inner::default();
            return None;
        }
        let present = self.site.present().clone();
        let moment = Instant::now();
        let due: Vec<ChargePointKey> =
            inner.schedule.iter().take_while(|(at, _)| *at <= moment).map(|(_, key)| *key).collect();
        let at = self.site.clock().now();
        let old = inner.known_no_more(at, moment);
        let mut news = News::default();
        for now in due.iter().chain(&old).chain(keys).filter_map(|key| present.get(*key)) {
            inner.news_of(now, at, moment, &mut news);
        }
        let (phases, next) = inner.news_of_phases(&self.site, &present, moment);
        let (totals, again) = inner.news_of_totals(&self.site, moment);
        let next = again.map_or(next, |again| next.min(again));
        inner.deliver(&News { phases, totals, ..news });
        Some(inner.schedule.first().map_or(next, |(at, _)| next.min(*at)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets others go first where the processor is wanted.
#[cfg(target_os = "linux")]
fn stand_back() {
    /// How far, as `nice` counts it.
    const NICE: i32 = 10;
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "the feed's thread cannot stand back");
    }
}

/// Elsewhere this would be said of the whole program.
#[cfg(not(target_os = "linux"))]
const fn stand_back() {}

impl Inner {
    fn is_idle(&self) -> bool {
        self.of_all.is_empty() && self.of_one.is_empty()
    }

    fn slots(&mut self, only: Option<ChargePointKey>) -> &mut Slots {
        match only {
            Some(key) => self.of_one.entry(key).or_default(),
            None => &mut self.of_all,
        }
    }

    fn give_back(&mut self, only: Option<ChargePointKey>, slot: usize) {
        let is_one_less = self.slots(only).take(slot).is_some_and(|mailbox| mailbox.totals);
        self.totals.readers -= usize::from(is_one_less);
        self.of_one.retain(|_, slots| !slots.is_empty());
    }

    /// The state of a charge point for one who has just come. If the others do not know it yet, they will be told.
    fn look_for_reader(&mut self, now: &ChargePointNow, at: Timestamp, is_alone: bool) -> Arc<Told> {
        let is_known = self.topics.contains_key(&now.key);
        let topic = self.topics.entry(now.key).or_insert_with(|| Topic::new(now, at));
        if is_known {
            topic.look(now, at);
        } else {
            topic.is_news = !is_alone;
        }
        let newest = Arc::clone(&topic.newest);
        if (topic.is_news || topic.is_news_of_lines) && topic.look_at.is_none() {
            let at = topic.told_at.map_or_else(Instant::now, |told_at| told_at + JOINED);
            self.look_later(now.key, at);
        }
        newest
    }

    fn look_later(&mut self, key: ChargePointKey, at: Instant) {
        if let Some(topic) = self.topics.get_mut(&key) {
            topic.look_at = Some(at);
            self.schedule.insert((at, key));
        }
    }

    /// The charge points whose currents were known when they were last looked at and are too old by now. They are looked for now
    /// and then.
    fn known_no_more(&mut self, at: Timestamp, moment: Instant) -> Vec<ChargePointKey> {
        if self.totals.readers == 0 || self.old_looked_at.is_some_and(|looked| moment < looked + LOOK) {
            return Vec::new();
        }
        self.old_looked_at = Some(moment);
        let is_old = |topic: &Topic| topic.changes_at.is_some_and(|changes_at| changes_at <= at);
        self.topics.iter().filter(|(_, topic)| is_old(topic)).map(|(key, _)| *key).collect()
    }

    /// Adds what is to be told of a charge point now.
    fn news_of(&mut self, now: &ChargePointNow, at: Timestamp, moment: Instant, news: &mut News) {
        let is_known = self.topics.contains_key(&now.key);
        let topic = self.topics.entry(now.key).or_insert_with(|| Topic::new(now, at));
        if is_known {
            if let Some(again) = topic.told_at.map(|at| at + JOINED).filter(|again| *again > moment) {
                if topic.look_at.is_none() {
                    self.look_later(now.key, again);
                }
                return;
            }
            topic.look(now, at);
        }
        if let Some(at) = topic.look_at.take() {
            self.schedule.remove(&(at, now.key));
        }
        let is_news_of_lines = std::mem::take(&mut topic.is_news_of_lines);
        let place = match std::mem::take(&mut topic.is_news) {
            true => &mut news.states,
            false if is_news_of_lines => &mut news.lines,
            false => return,
        };
        if !std::mem::take(&mut topic.is_first) {
            topic.told_at = Some(moment);
        }
        place.push(Arc::clone(&topic.newest));
    }

    /// The load as it is now, written anew where it is another.
    fn look_at_phases(&mut self, site: &Site, present: &Present) -> Option<Arc<Told>> {
        let load = present.phase_load(site.clock().now());
        if self.phases.load != Some(load) {
            let told = Told::new(None, &FeedMessage::phases(load));
            self.phases.load = Some(load);
            if self.phases.newest.as_deref() != Some(&told) {
                self.phases.newest = Some(Arc::new(told));
                self.phases.is_news = true;
            }
        }
        self.phases.newest.clone()
    }

    /// The load where it is to be told now, and when to look again.
    fn news_of_phases(&mut self, site: &Site, present: &Present, moment: Instant) -> (Option<Arc<Told>>, Instant) {
        if let Some(again) = self.phases.told_at.map(|at| at + JOINED).filter(|again| *again > moment) {
            return (None, again);
        }
        let newest = self.look_at_phases(site, present).filter(|_| std::mem::take(&mut self.phases.is_news));
        if newest.is_some() {
            self.phases.told_at = Some(moment);
        }
        (newest, moment + LOOK)
    }

    /// The totals as they are now, written anew where they are others. `None` while the sessions have not been counted.
    fn look_at_totals(&mut self, site: &Site) -> Option<Arc<Told>> {
        // First the sessions: the present is never older.
        let news = site.session_news_now()?;
        let zone = site.clock().zone();
        let peaks: [LocalPeak; 3] = site.peaks().0.map(|peak| peak.map(|peak| (peak.amperes, zone.local(peak.at))));
        let beside = (&site.alert_news(), &**site.plan(), site.joining_number());
        let told = Told::new(None, &FeedMessage::totals(&site.present(), &news, peaks, beside));
        if self.totals.newest.as_deref() != Some(&told) {
            self.totals.newest = Some(Arc::new(told));
            self.totals.is_news = true;
        }
        self.totals.newest.clone()
    }

    /// The totals where they are to be told now; when to look again if it is too early. The charge points are counted for it: once
    /// in a second at most, and for nobody not at all.
    fn news_of_totals(&mut self, site: &Site, moment: Instant) -> (Option<Arc<Told>>, Option<Instant>) {
        if self.totals.readers == 0 {
            return (None, None);
        }
        if let Some(again) = self.totals.looked_at.map(|at| at + JOINED).filter(|again| *again > moment) {
            return (None, Some(again));
        }
        self.totals.looked_at = Some(moment);
        (self.look_at_totals(site).filter(|_| std::mem::take(&mut self.totals.is_news)), None)
    }

    fn deliver(&self, news: &News) {
        let News { states, lines, phases, totals } = news;
        if !states.is_empty() || phases.is_some() || totals.is_some() {
            self.of_all.each(|mailbox| mailbox.put(states, phases.as_ref(), totals.as_ref()));
        }
        if phases.is_some() || totals.is_some() {
            let put = |mailbox: &Mailbox| mailbox.put(&[], phases.as_ref(), totals.as_ref());
            self.of_one.values().for_each(|slots| slots.each(put));
        }
        for state in states {
            if let Some(slots) = state.charge_point.and_then(|key| self.of_one.get(&key)) {
                slots.each(|mailbox| mailbox.put(std::slice::from_ref(state), None, None));
            }
        }
        if !lines.is_empty() {
            self.of_all.each(|mailbox| mailbox.put_lines(lines));
        }
        for state in lines {
            if let Some(slots) = state.charge_point.and_then(|key| self.of_one.get(&key)) {
                slots.each(|mailbox| mailbox.put_lines(std::slice::from_ref(state)));
            }
        }
    }
}

impl Topic {
    fn new(now: &ChargePointNow, at: Timestamp) -> Self {
        Self {
            version: now.version,
            newest: Arc::new(Told::state(now, at)),
            is_news: true,
            is_news_of_lines: false,
            changes_at: now.currents_change_at(at),
            is_first: true,
            told_at: None,
            look_at: None,
        }
    }

    /// Writes it anew where something that is shown has changed.
    fn look(&mut self, now: &ChargePointNow, at: Timestamp) {
        let is_old = self.changes_at.is_some_and(|changes_at| changes_at <= at);
        if std::mem::replace(&mut self.version, now.version) == now.version && !is_old {
            return;
        }
        self.changes_at = now.currents_change_at(at);
        let told = Told::state(now, at);
        if *self.newest != told {
            let is_of_lines = self.newest.is_like(&told, false);
            self.is_news |= !is_of_lines;
            self.is_news_of_lines |= is_of_lines;
            self.newest = Arc::new(told);
            self.is_first = false;
        }
    }
}

impl Slots {
    fn is_empty(&self) -> bool {
        self.free.len() == self.boxes.len()
    }

    fn put(&mut self, mailbox: Arc<Mailbox>) -> usize {
        if let Some(slot) = self.free.pop() {
            self.boxes[slot] = Some(mailbox);
            slot
        } else {
            self.boxes.push(Some(mailbox));
            self.boxes.len() - 1
        }
    }

    fn take(&mut self, slot: usize) -> Option<Arc<Mailbox>> {
        let taken = self.boxes.get_mut(slot).and_then(Option::take)?;
        self.free.push(slot);
        Some(taken)
    }

    fn each(&self, tell: impl Fn(&Mailbox)) {
        self.boxes.iter().flatten().for_each(|mailbox| tell(mailbox));
    }
}

impl Mailbox {
    fn put(&self, told: &[Arc<Told>], phases: Option<&Arc<Told>>, totals: Option<&Arc<Told>>) {
        let totals = totals.filter(|_| self.totals);
        if told.is_empty() && phases.is_none() && totals.is_none() {
            return;
        }
        let mut mail = self.mail();
        for state in told {
            // What is newer takes the place of what is older: nobody waits longer for it.
            if let Some(key) = state.charge_point
                && mail.states.insert(key, Arc::clone(state)).is_none()
            {
                mail.order.push_back(key);
            }
        }
        if let Some(phases) = phases {
            mail.phases = Some(Arc::clone(phases));
        }
        if let Some(totals) = totals {
            mail.totals = Some(Arc::clone(totals));
        }
        drop(mail);
        self.rings.notify_one();
    }

    /// States that are news to those only who have asked for what lines draw.
    fn put_lines(&self, told: &[Arc<Told>]) {
        if self.totals {
            self.put(told, None, None);
        }
    }

    /// The state that waits longest, then the load of the phases, then the totals.
    fn take(&self) -> Option<Arc<Told>> {
        let mut mail = self.mail();
        match mail.order.pop_front() {
            Some(key) => mail.states.remove(&key),
            None => mail.phases.take().or_else(|| mail.totals.take()),
        }
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits for mail.
    pub(super) async fn rings(&self) {
        self.mailbox.rings.notified().await;
    }

    /// The next message that waits.
    pub(super) fn next(&self) -> Option<Arc<Told>> {
        self.mailbox.take()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.board.lock().give_back(self.only, self.slot);
        self.board.stirred.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(charge_point: i32, alive: bool) -> Arc<Told> {
        let message = if alive { FeedMessage::alive() } else { FeedMessage::phases([None; 3]) };
        Arc::new(Told::new(Some(ChargePointKey(charge_point)), &message))
    }

    fn totals(number: i64) -> Arc<Told> {
        let present = Present::new(bmw_site::ChargePoints::new(), Arc::default(), Arc::default());
        let news = bmw_site::SessionNews { number, ..bmw_site::SessionNews::default() };
        Arc::new(Told::new(
            None,
            &FeedMessage::totals(
                &present,
                &news,
                [None; 3],
                (&bmw_site::AlertNews::default(), &bmw_site::Plan::default(), 0),
            ),
        ))
    }

    #[test]
    fn totals_are_put_where_they_are_wanted_and_only_the_newest_stay() {
        let [wanting, other] = [true, false].map(|totals| Mailbox { totals, ..Mailbox::default() });
        for number in 0..1000 {
            wanting.put(&[], None, Some(&totals(number)));
            other.put(&[], None, Some(&totals(number)));
        }
        wanting.put(&[told(1, false)], Some(&told(0, false)), None);
        let taken: Vec<Arc<Told>> = std::iter::from_fn(|| wanting.take()).collect();
        assert_eq!(taken, [told(1, false), told(0, false), totals(999)]);
        assert_eq!(other.take(), None);
    }

    #[test]
    fn what_lines_draw_is_put_where_it_is_wanted() {
        let [wanting, other] = [true, false].map(|totals| Mailbox { totals, ..Mailbox::default() });
        for mailbox in [&wanting, &other] {
            mailbox.put_lines(&[told(1, false)]);
        }
        assert_eq!((wanting.take(), other.take()), (Some(told(1, false)), None));
    }

    #[test]
    fn a_mailbox_holds_the_newest_of_each_and_never_grows() {
        let mailbox = Mailbox::default();
        for _ in 0..1000 {
            mailbox.put(&[told(1, false), told(2, false)], Some(&told(0, false)), None);
            mailbox.put(&[told(2, true)], None, None);
        }
        let waiting = |mail: MutexGuard<'_, Mail>| (mail.order.len(), mail.states.len());
        assert_eq!(waiting(mailbox.mail()), (2, 2));
        // In the order in which they first came, and the load last.
        let taken: Vec<Arc<Told>> = std::iter::from_fn(|| mailbox.take()).collect();
        assert_eq!(taken, [told(1, false), told(2, true), told(0, false)]);
        // What comes after it was taken comes last.
        mailbox.put(&[told(2, false), told(1, false)], None, None);
        assert_eq!(mailbox.take(), Some(told(2, false)));
        mailbox.put(&[told(2, true)], None, None);
        assert_eq!(mailbox.take(), Some(told(1, false)));
        assert_eq!((mailbox.take(), mailbox.take()), (Some(told(2, true)), None));
    }

    #[test]
    fn places_are_used_again() {
        let mut slots = Slots::default();
        assert!(slots.is_empty());
        let places: Vec<usize> = (0..3).map(|_| slots.put(Arc::default())).collect();
        assert!(slots.take(places[1]).is_some());
        assert!(slots.take(places[1]).is_none());
        assert_eq!(slots.put(Arc::default()), places[1]);
        assert_eq!(slots.boxes.len(), 3);
        for place in places {
            assert!(slots.take(place).is_some());
        }
        assert!(slots.is_empty());
    }
}
