//! The site itself: memory and store, kept in step.

use crate::access::{Caller, NotDone};
use crate::alerts::{Alerts, Ticker};
use crate::charger_passwords::ChargerPasswords;
use crate::desk::{self, Counter, Desk};
use crate::diagnostics::Uploads;
use crate::distribution::{Distributing, NotSaved};
use crate::history::{self, DayCache, DayLines, RecentSession, SessionNews};
use crate::joining::{JoinList, Joining};
use crate::links::Links;
use crate::present::{ChargePoints, Present};
use crate::sums::EnergySums;
use crate::{Clock, Result};
use arc_swap::{ArcSwap, Guard};
use bmw_domain::account::Right;
use bmw_domain::alert::Times;
use bmw_domain::calendar::{Day, LocalTime, Timestamp};
use bmw_domain::charger::card::{Card, Cards, IdTag};
use bmw_domain::charger::{ChargePointNow, Measured, Session};
use bmw_domain::command::{Command, CommandState};
use bmw_domain::energy::Energy;
use bmw_domain::phase::Peaks;
use bmw_domain::record::{ChargePoint, ChargePointKey, Identity, MeterValue, Model, Transaction};
use bmw_domain::settings::Settings;
use bmw_store::{AuditEntry, Batch, Inventory, Store, StoredChargePoint};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, MutexGuard, OnceCell, broadcast, watch};

/// How old a stored measurement may be to be read at start, ms: more than it takes to become unknown.
const MEASURED_BEFORE_START_MS: i64 = 600_000;

/// How many changes are kept for those who are told of them: who reads more slowly looks at everything.
const KEPT_CHANGES: usize = 256;

/// What a site needs to know besides what is stored.
#[derive(Debug, Clone, Default)]
pub struct SiteOptions {
    /// A clock that stands still (`BMW_NOW`).
    pub now: Option<LocalTime>,
    /// The charge point to show when none was chosen (`BMW_DEFAULT_CHARGER`).
    pub default_charge_point: Option<String>,
    /// Whether cards that nobody has entered may not charge (`BMW_UNKNOWN_CARDS`).
    pub rejects_unknown_cards: bool,
    /// The card of an operator's start, which may charge without being entered (`BMW_OPERATOR_ID_TAG`).
    pub operator_id_tag: Option<IdTag>,
    /// How long something must last to be an alert.
    pub alert_times: Times,
    /// By what that is timed.
    pub ticker: Ticker,
}

/// What is read from the store on first use, so that a large history delays no start.
struct Totals {
    sums: EnergySums,
    news: SessionNews,
    /// The newest sessions, newest first; `None` when they must be read again.
    recent: Option<Arc<Vec<RecentSession>>>,
}

/// The running site.
pub struct Site {
    store: Arc<dyn Store>,
    clock: Clock,
    default_charge_point: Option<String>,
    present: ArcSwap<Present>,
    /// The peaks of the phases, as the desk has followed them.
    peaks: ArcSwap<Peaks>,
    cards: ArcSwap<Cards>,
    totals: OnceCell<RwLock<Totals>>,
    days: DayCache,
    /// Held from the write to the store until memory has followed, and while memory is filled from the store: the
    /// order in the store and the order in memory are the same.
    step: Mutex<()>,
    links: Links,
    /// The newest command of each charge point that was given one since the start.
    newest_commands: RwLock<HashMap<ChargePointKey, Command>>,
    joining: JoinList,
    /// The uploads of diagnostics that are allowed now.
    pub(crate) uploads: Uploads,
    /// What charge points prove by who they are.
    pub(crate) charger_passwords: ChargerPasswords,
    /// What lasts, and what an operator must hear of.
    pub(crate) alerts: Alerts,
    /// How the site's current is distributed.
    pub(crate) distributing: Distributing,
    /// Told after each change. It carries nothing: who is told looks at the present.
    changed: watch::Sender<()>,
    /// Told after each change, with the charge points that it was about.
    changed_keys: broadcast::Sender<Arc<[ChargePointKey]>>,
}

impl Site {
    /// Reads the present from the store. The desk must be set to work for charge points to be heard, see [`Desk::work`].
    pub async fn start(store: Arc<dyn Store>, options: SiteOptions) -> Result<(Arc<Self>, Counter, Desk)> {
        let clock = Clock::new(store.zone().clone(), options.now);
        let inventory = store.inventory().await?;
        let measured = store.latest_meter_values(clock.now().plus(-MEASURED_BEFORE_START_MS)).await?;
        let charger_passwords = ChargerPasswords::read(store.as_ref()).await?;
        let stored_alerts = Self::stored_alerts(store.as_ref()).await?;
        let models = models_of(&inventory);
        let (last_id, last_batch) = (inventory.last_session, inventory.last_batch);
        let peaks = ArcSwap::from_pointee(inventory.peaks);
        let last_plan = store.last_moment().await?;
        let distributing = Distributing::new(inventory.distribution, &inventory.settings, last_plan.as_deref());
        let cards = Cards::new(inventory.cards.iter().cloned(), !options.rejects_unknown_cards)
            .with_operator(options.operator_id_tag);
        let present = present_of(inventory, &models, measured);
        let alerts = Alerts::new(stored_alerts, options.alert_times, options.ticker, &present);
        let site = Arc::new(Self {
            clock,
            default_charge_point: options.default_charge_point,
            present: ArcSwap::from_pointee(present),
            peaks,
            cards: ArcSwap::from_pointee(cards),
            totals: OnceCell::new(),
            days: DayCache::new(),
            step: Mutex::new(()),
            links: Links::default(),
            newest_commands: RwLock::default(),
            joining: JoinList::new(Clock::real()),
            uploads: Uploads::default(),
            charger_passwords,
            alerts,
            distributing,
            changed: watch::Sender::new(()),
            changed_keys: broadcast::Sender::new(KEPT_CHANGES),
            store,
        });
        site.settle_commands().await?;
        site.settle_diagnostics().await?;
        let (counter, queue) = desk::queue();
        let desk = Desk::new(Arc::clone(&site), queue, models, last_id, last_batch);
        Ok((site, counter, desk))
    }

    /// The store, for questions that only it can answer.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The clock.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The present, without a lock.
    pub fn present(&self) -> Guard<Arc<Present>> {
        self.present.load()
    }

    /// The peaks of the site's phases today, by its local time.
    pub fn peaks(&self) -> Peaks {
        self.peaks.load().of_day(self.is_today())
    }

    /// Whether an instant is of today.
    pub(crate) fn is_today(&self) -> impl Fn(Timestamp) -> bool {
        let today = self.clock.today();
        move |at| self.clock.zone().day(at) == today
    }

    /// Takes over the peaks, as the desk has followed them.
    pub(crate) fn set_peaks(&self, peaks: Peaks) {
        self.peaks.store(Arc::new(peaks));
    }

    /// The charge point with this identity, or without one the default (reading guide, 2.1).
    pub fn charge_point(&self, identity: Option<&str>) -> Option<Arc<ChargePointNow>> {
        let present = self.present();
        match identity {
            Some(identity) => present.find(identity).cloned(),
            None => present.default_charge_point(self.default_charge_point.as_deref()).cloned(),
        }
    }

    /// A receiver that is told after each change of the present.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// A receiver that is told after each change of the present which charge points it was about. One that lags must look at
    /// all of them.
    pub fn subscribe_keys(&self) -> broadcast::Receiver<Arc<[ChargePointKey]>> {
        self.changed_keys.subscribe()
    }

    /// Reads the sums now rather than at the first question. Worth doing right after the start.
    pub async fn warm_up(&self) -> Result<()> {
        self.totals().await.map(|_| ())
    }

    /// Asks the sums of energy.
    pub async fn with_sums<T>(&self, ask: impl FnOnce(&EnergySums) -> T) -> Result<T> {
        Ok(self.with_numbered_sums(ask).await?.0)
    }

    /// Asks the sums of energy, and the number of the session that was counted last (see [`SessionNews`]).
    pub async fn with_numbered_sums<T>(&self, ask: impl FnOnce(&EnergySums) -> T) -> Result<(T, i64)> {
        let totals = self.totals().await?.read().unwrap_or_else(PoisonError::into_inner);
        Ok((ask(&totals.sums), totals.news.number))
    }

    /// How many sessions there are, and which have ended last.
    pub async fn session_news(&self) -> Result<SessionNews> {
        Ok(self.totals().await?.read().unwrap_or_else(PoisonError::into_inner).news.clone())
    }

    /// The same without asking the store: `None` where nobody has done so since the start.
    pub fn session_news_now(&self) -> Option<SessionNews> {
        Some(self.totals.get()?.read().unwrap_or_else(PoisonError::into_inner).news.clone())
    }

    /// The newest sessions by planned finish, at most 1000, newest first.
    pub async fn recent_sessions(&self) -> Result<Arc<Vec<RecentSession>>> {
        let totals = self.totals().await?;
        let kept = || totals.read().unwrap_or_else(PoisonError::into_inner).recent.clone();
        if let Some(recent) = kept() {
            return Ok(recent);
        }
        let _step = self.step.lock().await;
        if let Some(recent) = kept() {
            return Ok(recent);
        }
        let recent = Arc::new(self.read_recent().await?);
        totals.write().unwrap_or_else(PoisonError::into_inner).recent = Some(recent.clone());
        Ok(recent)
    }

    /// The sessions of a day, by id.
    pub async fn sessions_of_day(&self, day: Day) -> Result<Arc<DayLines>> {
        if let Some(lines) = self.days.get(day) {
            return Ok(lines);
        }
        let ticket = self.days.ticket();
        let sessions = self.store.sessions_of_day(day).await?;
        let lines = Arc::new(DayLines::new(&sessions, self.clock.zone()));
        self.days.keep(day, lines.clone(), ticket);
        Ok(lines)
    }

    /// Saves the settings and tells the audit log who did it. Returns what they were before.
    ///
    /// # Errors
    /// See [`NotSaved`].
    pub async fn save_settings(&self, settings: Settings, caller: &Caller) -> Result<Arc<Settings>, NotSaved> {
        caller.check(Right::Settings)?;
        let _step = self.step.lock().await;
        self.check_safe(self.distribution(), &settings)?;
        let before = self.present().settings().clone();
        let audit = caller.entry("settings.save", json(before.as_ref()), json(&settings));
        self.store.save_settings(&settings, &audit).await?;
        self.replace(&[], |present| present.with_settings(settings));
        Ok(before)
    }

    /// The connections of charge points.
    pub const fn links(&self) -> &Links {
        &self.links
    }

    /// The newest command of each charge point that was given one since the start.
    pub fn newest_commands(&self) -> HashMap<ChargePointKey, Command> {
        self.newest_commands.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells those who watch how far a command is.
    pub(crate) fn tell_command(&self, command: &Command) {
        let mut newest = self.newest_commands.write().unwrap_or_else(PoisonError::into_inner);
        let known = newest.entry(command.charge_point).or_insert_with(|| command.clone());
        if known.id <= command.id {
            known.clone_from(command);
        }
        drop(newest);
        self.changed.send_replace(());
    }

    /// Tells those who watch that they should look.
    pub(crate) fn tell(&self) {
        self.changed.send_replace(());
    }

    /// Another plan was made: nothing of the present has changed by it.
    pub(crate) fn tell_plan(&self) {
        // Nobody may be listening.
        drop(self.changed_keys.send(Arc::default()));
    }

    /// The same, also for those who are told what it is about: of no charge point.
    pub(crate) fn tell_all(&self) {
        self.changed.send_replace(());
        // Nobody may be listening.
        drop(self.changed_keys.send(Arc::default()));
    }

    /// Commands that were on their way when the site was last at work are so no more. Those that were accepted are watched
    /// further, see [`crate::Commands::resume`].
    async fn settle_commands(&self) -> Result<()> {
        let open = self.store.open_commands().await?;
        for mut command in open.into_iter().filter(|command| command.state != CommandState::Accepted) {
            command.enter(CommandState::Failed, Clock::real());
            command.result.get_or_insert_with(|| r#"{"error":"the site was restarted"}"#.to_owned());
            self.store.update_command(&command, self.outcome(&command).as_ref()).await?;
        }
        Ok(())
    }

    /// Remembers a charge point that nobody knows and that was turned away.
    pub fn ask_to_join(&self, identity: Identity, peer: Option<&str>) {
        self.joining.add(identity, peer, Clock::real());
    }

    /// The charge points that were turned away, the one that asked last first.
    pub fn joining(&self) -> Vec<Joining> {
        self.joining.all()
    }

    /// Grows whenever one of them comes, or is taken in. It begins at another number with each start.
    pub fn joining_number(&self) -> i64 {
        self.joining.number()
    }

    /// Who may charge.
    pub fn cards(&self) -> Guard<Arc<Cards>> {
        self.cards.load()
    }

    /// Puts cards in the place of those of their names, all or none, and tells the audit log who did it.
    pub async fn put_cards(&self, changed: Vec<Card>, caller: &Caller) -> Result<(), NotDone> {
        caller.check(Right::Cards)?;
        let _step = self.step.lock().await;
        let mut cards = Cards::clone(&self.cards());
        let before: Vec<&Card> = changed.iter().filter_map(|card| cards.get(card.tag.as_str())).collect();
        let subject = if let [card] = changed.as_slice() { card.tag.as_str() } else { "" };
        let audit = caller.entry("card.put", json(&before), json(&changed)).on(subject);
        self.store.put_cards(&changed, &audit).await?;
        for card in changed {
            cards.put(card);
        }
        self.cards.store(Arc::new(cards));
        Ok(())
    }

    /// Takes a card away, and tells the audit log who did it. `false` when there is none of that name.
    pub async fn remove_card(&self, tag: &IdTag, caller: &Caller) -> Result<bool, NotDone> {
        caller.check(Right::Cards)?;
        let _step = self.step.lock().await;
        let mut cards = Cards::clone(&self.cards());
        let Some(before) = cards.get(tag.as_str()).map(json) else { return Ok(false) };
        let audit = caller.entry("card.remove", before, "null".to_owned()).on(tag.as_str());
        self.store.remove_card(tag, &audit).await?;
        cards.remove(tag);
        self.cards.store(Arc::new(cards));
        Ok(true)
    }

    /// Adds a charge point that nobody knew, and tells the audit log who did it.
    ///
    /// # Errors
    /// For those who may not; [`bmw_store::StoreError::Exists`] when its identity is taken.
    pub async fn add_charge_point(&self, identity: Identity, caller: &Caller) -> Result<ChargePointKey, NotDone> {
        caller.check(Right::Admit)?;
        let audit = caller.entry("charger.admit", "null".to_owned(), json(&identity));
        self.add_noted(identity, audit).await
    }

    /// Takes in a charge point that nobody knew and that has come by itself, from an address, and tells the audit log.
    ///
    /// # Errors
    /// [`bmw_store::StoreError::Exists`] when its identity is taken.
    pub async fn register_charge_point(
        &self,
        identity: Identity,
        address: Option<IpAddr>,
    ) -> Result<ChargePointKey, NotDone> {
        let mut audit = Caller::default().entry("charger.register", "null".to_owned(), json(&identity));
        audit.origin = address.map(|address| address.to_canonical().to_string()).unwrap_or_default();
        self.add_noted(identity, audit).await
    }

    async fn add_noted(&self, identity: Identity, audit: AuditEntry) -> Result<ChargePointKey, NotDone> {
        let charge_point = ChargePoint::unknown(identity);
        let audit = audit.on(charge_point.identity.as_str());
        let _step = self.step.lock().await;
        let key = self.store.add_charge_point(&charge_point, Some(&audit)).await?;
        self.joining.remove(&charge_point.identity);
        self.replace(&[key], |present| present.with_added(ChargePointNow::new(key, charge_point, None)));
        Ok(key)
    }

    /// Held while the store is written and memory follows.
    pub(crate) async fn step(&self) -> MutexGuard<'_, ()> {
        self.step.lock().await
    }

    /// Takes over charge points whose changes are stored. Only under `step`.
    pub(crate) fn publish(
        &self,
        _: &mut MutexGuard<'_, ()>,
        charge_points: ChargePoints,
        changed: &[ChargePointKey],
        batch: &Batch,
    ) {
        for change in &batch.sessions {
            let after = &change.after.transaction;
            self.forget_days(&[change.before.as_ref(), Some(after)]);
            if let Some(totals) = self.totals.get() {
                let mut totals = totals.write().unwrap_or_else(PoisonError::into_inner);
                self.follow(&mut totals, change.before.as_ref(), after);
            }
        }
        self.replace(changed, |present| present.with_states(charge_points));
        let present = self.present();
        if self.alerts.note(changed.iter().filter_map(|key| present.get(*key)), &batch.alerts) {
            self.tell_all();
        }
    }

    fn follow(&self, totals: &mut Totals, before: Option<&Transaction>, after: &Transaction) {
        totals.news.follow(before, after, self.clock.zone());
        for (session, sign) in before.map(|before| (before, -1)).into_iter().chain([(after, 1)]) {
            if let Some(counted_at) = session.counted_at() {
                let energy = Energy::from_wh(sign * session.energy.wh());
                totals.sums.add(session.charge_point, self.clock.zone().day(counted_at), energy);
            }
        }
        // A session that moves among the newest could make room for one that was not kept: read them again then.
        let moved = before.is_some_and(|before| before.planned_finish.is_some());
        totals.recent = totals.recent.take().filter(|_| !moved).map(|mut recent| {
            if let Some(line) = RecentSession::new(after, self.clock.zone()) {
                history::insert_recent(Arc::make_mut(&mut recent), line);
            }
            recent
        });
    }

    fn forget_days(&self, sessions: &[Option<&Transaction>]) {
        for listed_at in sessions.iter().filter_map(|session| (*session)?.listed_at()) {
            self.days.forget(self.clock.zone().day(listed_at));
        }
    }

    /// Only under `step`: two changes at once would lose one.
    pub(crate) fn replace(&self, keys: &[ChargePointKey], change: impl FnOnce(&Present) -> Present) {
        let next = change(&self.present.load());
        self.present.store(Arc::new(next));
        self.changed.send_replace(());
        // Nobody may be listening.
        drop(self.changed_keys.send(keys.into()));
    }

    async fn totals(&self) -> Result<&RwLock<Totals>> {
        self.totals
            .get_or_try_init(|| async {
                let _step = self.step.lock().await;
                let sums = EnergySums::new(self.store.energy_by_day().await?);
                let sessions = self.store.session_count().await?;
                // Fewer end than ms pass: none of the numbers of an earlier start come again.
                let news = SessionNews { sessions, number: Clock::real().0, ended: Vec::new() };
                let recent = Some(Arc::new(self.read_recent().await?));
                Ok(RwLock::new(Totals { sums, news, recent }))
            })
            .await
    }

    async fn read_recent(&self) -> Result<Vec<RecentSession>> {
        let limit = u32::try_from(history::RECENT).unwrap_or(u32::MAX);
        let sessions = self.store.recent_sessions(limit).await?;
        Ok(sessions.iter().filter_map(|session| RecentSession::new(session, self.clock.zone())).collect())
    }
}

/// What the audit log keeps. Settings and cards are numbers and text: they always can be written.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn models_of(inventory: &Inventory) -> HashMap<String, Arc<Model>> {
    inventory.models.iter().map(|model| (model.id.clone(), Arc::new(model.clone()))).collect()
}

fn present_of(inventory: Inventory, models: &HashMap<String, Arc<Model>>, measured: Vec<MeterValue>) -> Present {
    let mut measured: HashMap<ChargePointKey, MeterValue> =
        measured.into_iter().map(|value| (value.charge_point, value)).collect();
    let mut running: HashMap<ChargePointKey, Vec<Session>> = HashMap::new();
    for session in inventory.running {
        running.entry(session.transaction.charge_point).or_default().push(session);
    }
    let mut newest: HashMap<ChargePointKey, Vec<Measured>> = HashMap::new();
    for reading in inventory.newest_readings {
        newest.entry(reading.value.charge_point).or_default().push(reading);
    }
    let now = |stored: StoredChargePoint| {
        let model = models.get(&stored.charge_point.model_id).cloned();
        let mut now = ChargePointNow::new(stored.key, stored.charge_point, model);
        now.restore(stored.state, stored.connectors, stored.limits);
        now.has_sessions = stored.has_sessions;
        now.last_cycle = stored.last_cycle;
        now.newest_start = stored.newest_start;
        for session in running.remove(&stored.key).into_iter().flatten() {
            now.resume(session);
        }
        for reading in newest.get(&stored.key).into_iter().flatten() {
            now.remember(reading);
        }
        if let Some(value) = measured.remove(&stored.key).filter(|value| value.currents.is_known()) {
            let connector = now.connector_mut(value.connector);
            connector.measured = Some((value.at, value.currents));
            connector.offered = value.offered;
        }
        Arc::new(now)
    };
    let charge_points = inventory.charge_points.into_iter().map(now).collect();
    let wirings = inventory.wirings.into_iter().collect();
    Present::new(charge_points, Arc::new(inventory.settings), Arc::new(wirings))
}
