//! The site itself: memory and store, kept in step.

use crate::history::{self, DayCache, DayLines, RecentSession};
use crate::present::{ChargePointNow, Present};
use crate::sums::EnergySums;
use crate::{Clock, Result};
use arc_swap::{ArcSwap, Guard};
use bmw_domain::calendar::{Day, LocalTime, Timestamp};
use bmw_domain::energy::Energy;
use bmw_domain::record::{ChargePointKey, ChargePointState, MeterValue, Model, Transaction};
use bmw_domain::settings::Settings;
use bmw_store::{AuditEntry, FinishedSession, Inventory, SessionFinish, SessionStart, Store, StoredChargePoint};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, OnceCell, watch};

/// Who changes something, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// An account's name, or the local operator as long as there are no accounts.
    pub actor: String,
    /// From where: an address.
    pub origin: String,
}

/// How old a stored measurement may be to be read at start, ms: more than it takes to become unknown.
const MEASURED_BEFORE_START_MS: i64 = 600_000;

/// What a site needs to know besides what is stored.
#[derive(Debug, Clone, Default)]
pub struct SiteOptions {
    /// A clock that stands still (`BMW_NOW`).
    pub now: Option<LocalTime>,
    /// The charge point to show when none was chosen (`BMW_DEFAULT_CHARGER`).
    pub default_charge_point: Option<String>,
}

/// What is read from the store on first use, so that a large history delays no start.
struct Totals {
    sums: EnergySums,
    sessions: u64,
    /// The newest sessions, newest first; `None` when they must be read again.
    recent: Option<Arc<Vec<RecentSession>>>,
}

/// The running site.
pub struct Site {
    store: Arc<dyn Store>,
    clock: Clock,
    default_charge_point: Option<String>,
    present: ArcSwap<Present>,
    totals: OnceCell<RwLock<Totals>>,
    days: DayCache,
    /// Held from the write to the store until memory has followed, and while memory is filled from the store: the
    /// order in the store and the order in memory are the same.
    step: Mutex<()>,
    /// Told after each change. It carries nothing: who is told looks at the present.
    changed: watch::Sender<()>,
}

impl Site {
    /// Reads the present from the store.
    pub async fn start(store: Arc<dyn Store>, options: SiteOptions) -> Result<Arc<Self>> {
        let clock = Clock::new(store.zone().clone(), options.now);
        let inventory = store.inventory().await?;
        let measured = store.latest_meter_values(clock.now().plus(-MEASURED_BEFORE_START_MS)).await?;
        Ok(Arc::new(Self {
            clock,
            default_charge_point: options.default_charge_point,
            present: ArcSwap::from_pointee(present_of(inventory, measured)),
            totals: OnceCell::new(),
            days: DayCache::new(),
            step: Mutex::new(()),
            changed: watch::Sender::new(()),
            store,
        }))
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

    /// Reads the sums now rather than at the first question. Worth doing right after the start.
    pub async fn warm_up(&self) -> Result<()> {
        self.totals().await.map(|_| ())
    }

    /// Asks the sums of energy.
    pub async fn with_sums<T>(&self, ask: impl FnOnce(&EnergySums) -> T) -> Result<T> {
        let totals = self.totals().await?;
        Ok(ask(&totals.read().unwrap_or_else(PoisonError::into_inner).sums))
    }

    /// How many sessions there are.
    pub async fn session_count(&self) -> Result<u64> {
        let totals = self.totals().await?;
        Ok(totals.read().unwrap_or_else(PoisonError::into_inner).sessions)
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
    pub async fn save_settings(&self, settings: Settings, author: Author) -> Result<Arc<Settings>> {
        let _step = self.step.lock().await;
        let before = self.present().settings().clone();
        // Settings are numbers and text: they always can be written.
        let json = |settings: &Settings| serde_json::to_string(settings).unwrap_or_default();
        let audit = AuditEntry {
            at: Clock::real(),
            actor: author.actor,
            origin: author.origin,
            action: "settings.save".to_owned(),
            before: json(&before),
            after: json(&settings),
        };
        self.store.save_settings(&settings, &audit).await?;
        self.replace(|present| present.with_settings(settings));
        Ok(before)
    }

    /// Puts a charge point's state in the place of the last one.
    pub async fn put_state(&self, charge_point: ChargePointKey, state: ChargePointState) -> Result<()> {
        let _step = self.step.lock().await;
        self.store.put_state(charge_point, &state).await?;
        self.replace(|present| present.with_change(charge_point, |now| now.state = Some(state)));
        Ok(())
    }

    /// Stores meter values.
    pub async fn add_meter_values(&self, values: &[MeterValue]) -> Result<()> {
        let _step = self.step.lock().await;
        self.store.add_meter_values(values).await?;
        self.replace(|present| {
            values.iter().fold(present.clone(), |present, value| {
                present.with_change(value.charge_point, |now| measure(now, value))
            })
        });
        Ok(())
    }

    /// Starts a session.
    pub async fn start_session(&self, start: &SessionStart) -> Result<Transaction> {
        let _step = self.step.lock().await;
        let session = self.store.start_session(start).await?;
        self.forget_days(&[&session]);
        if let Some(totals) = self.totals.get() {
            totals.write().unwrap_or_else(PoisonError::into_inner).sessions += 1;
        }
        self.replace(|present| present.with_change(session.charge_point, |now| now.has_sessions = true));
        Ok(session)
    }

    /// Finishes a session; sums, totals and the newest sessions follow.
    pub async fn finish_session(&self, finish: &SessionFinish) -> Result<Transaction> {
        let _step = self.step.lock().await;
        let finished = self.store.finish_session(finish).await?;
        self.forget_days(&[&finished.before, &finished.after]);
        if let Some(totals) = self.totals.get() {
            let mut totals = totals.write().unwrap_or_else(PoisonError::into_inner);
            self.follow(&mut totals, &finished);
        }
        self.replace(|present| {
            present.with_change(finished.after.charge_point, |now| {
                now.charge_point.total_energy = Some(finished.total_energy);
                now.charge_point.total_time = Some(finished.total_time);
            })
        });
        Ok(finished.after)
    }

    fn follow(&self, totals: &mut Totals, finished: &FinishedSession) {
        for (session, sign) in [(&finished.before, -1), (&finished.after, 1)] {
            if let Some(counted_at) = session.counted_at() {
                let energy = Energy::from_wh(sign * session.energy.wh());
                totals.sums.add(session.charge_point, self.clock.zone().day(counted_at), energy);
            }
        }
        // A session that moves among the newest could make room for one that was not kept: read them again then.
        let moved = finished.before.planned_finish.is_some();
        totals.recent = totals.recent.take().filter(|_| !moved).map(|mut recent| {
            if let Some(line) = RecentSession::new(&finished.after, self.clock.zone()) {
                history::insert_recent(Arc::make_mut(&mut recent), line);
            }
            recent
        });
    }

    fn forget_days(&self, sessions: &[&Transaction]) {
        for listed_at in sessions.iter().filter_map(|session| session.listed_at()) {
            self.days.forget(self.clock.zone().day(listed_at));
        }
    }

    /// Only under `step`: two changes at once would lose one.
    fn replace(&self, change: impl FnOnce(&Present) -> Present) {
        let next = change(&self.present.load());
        self.present.store(Arc::new(next));
        self.changed.send_replace(());
    }

    async fn totals(&self) -> Result<&RwLock<Totals>> {
        self.totals
            .get_or_try_init(|| async {
                let _step = self.step.lock().await;
                let sums = EnergySums::new(self.store.energy_by_day().await?);
                let sessions = self.store.session_count().await?;
                let recent = Some(Arc::new(self.read_recent().await?));
                Ok(RwLock::new(Totals { sums, sessions, recent }))
            })
            .await
    }

    async fn read_recent(&self) -> Result<Vec<RecentSession>> {
        let limit = u32::try_from(history::RECENT).unwrap_or(u32::MAX);
        let sessions = self.store.recent_sessions(limit).await?;
        Ok(sessions.iter().filter_map(|session| RecentSession::new(session, self.clock.zone())).collect())
    }
}

fn present_of(inventory: Inventory, measured: Vec<MeterValue>) -> Present {
    let models: HashMap<String, Arc<Model>> =
        inventory.models.into_iter().map(|model| (model.id.clone(), Arc::new(model))).collect();
    let mut measured: HashMap<ChargePointKey, MeterValue> =
        measured.into_iter().map(|value| (value.charge_point, value)).collect();
    let now = |stored: StoredChargePoint| {
        let mut now = ChargePointNow {
            key: stored.key,
            model: models.get(&stored.charge_point.model_id).cloned(),
            charge_point: stored.charge_point,
            state: stored.state,
            measured: None,
            has_sessions: stored.has_sessions,
            version: 0,
        };
        if let Some(value) = measured.remove(&stored.key) {
            measure(&mut now, &value);
        }
        Arc::new(now)
    };
    let charge_points = inventory.charge_points.into_iter().map(now).collect();
    Present::new(charge_points, Arc::new(inventory.settings))
}

/// Takes over measured currents, unless newer ones are there: sessions queued offline arrive later.
fn measure(now: &mut ChargePointNow, value: &MeterValue) {
    let newest: Option<Timestamp> = now.measured.map(|(at, _)| at);
    if value.currents.is_known() && newest.is_none_or(|newest| newest <= value.at) {
        now.measured = Some((value.at, value.currents));
    }
}
