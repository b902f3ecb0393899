//! The distribution of the site's current: what is known of it is put before the governor (`bmw_domain::distribution`), and what
//! that wants is told to charge points.
//!
//! [`Site::distribute`] looks at the site after each change, and once a second. After a restart the governor begins with what is
//! stored: what charge points have accepted, with all else that they tell, and in the last moment of the distribution who of them
//! does not keep to it.

mod order;

use crate::access::{Caller, NotDone};
use crate::clock::Clock;
use crate::running::Site;
use arc_swap::{ArcSwap, Guard};
use bmw_domain::account::Right;
use bmw_domain::calendar::Timestamp;
use bmw_domain::distribution::{
    Current, Distribution, Governor, Moment, OTHERS_MS, Order, Outcome, Rules, Seen, Standing, Supply, Wiring, see,
    taken_up,
};
use bmw_domain::phase::Phase;
use bmw_domain::record::ChargePointKey;
use bmw_domain::settings::Settings;
use bmw_store::StoreError;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// How often the site is looked at, at least and at most.
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_millis(250);
/// How often is looked whether charge points have limits left, while nothing is distributed.
const IDLE: Duration = Duration::from_secs(10);
/// How many answers may wait to be looked at.
const WAITING: usize = 1_024;
/// How often a moment is stored, and for how long.
const KEEP_EVERY_MS: i64 = 300_000;
/// How soon it is tried again where that failed.
const KEEP_AGAIN_MS: i64 = 10_000;
const KEPT_MS: i64 = 8 * 86_400_000;
/// How many moments are asked for at once, at most: those of a day.
pub const MOMENTS_MOST: u32 = 300;

/// How the current is distributed at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// When.
    pub at: Timestamp,
    /// Whether it is distributed at all.
    pub is_on: bool,
    /// What there is.
    pub supply: Supply,
    /// How turns are taken.
    pub rules: Rules,
    /// The phase on which the safe currents of all charge points are more than its limit: then each one's is nothing.
    pub too_much: Option<Phase>,
    /// How it stands with each charge point.
    pub standings: Vec<Standing>,
    /// Who does not keep to limits: the governor that comes after a restart must know.
    #[serde(default)]
    pub distrusted: Vec<ChargePointKey>,
    /// Grows with each change.
    pub number: i64,
}

impl Default for Plan {
    /// Of no time, and of nothing.
    fn default() -> Self {
        Self {
            at: Timestamp(0),
            is_on: false,
            supply: Supply::default(),
            rules: Rules::default(),
            too_much: None,
            standings: Vec::new(),
            distrusted: Vec::new(),
            number: 0,
        }
    }
}

impl Plan {
    /// What is allocated on a phase, and what is kept free beside it, A; `None` while the current is not distributed.
    pub fn shares(&self, phase: Phase) -> Option<(f64, f64)> {
        let (allocated, kept) = taken_up(&self.standings, phase);
        self.is_on.then(|| (allocated.amperes(), kept.amperes()))
    }
}

/// Why something of the distribution was not saved.
#[derive(Debug, thiserror::Error)]
pub enum NotSaved {
    /// Who asks may not, or the store did not do it.
    #[error(transparent)]
    NotDone(#[from] NotDone),
    /// On a phase the safe currents of all charge points and the headroom are so much, A: more than its limit.
    #[error("the safe currents need {1} A on phase {0:?}")]
    TooMuch(Phase, i64),
}

impl From<crate::Denied> for NotSaved {
    fn from(denied: crate::Denied) -> Self {
        Self::NotDone(denied.into())
    }
}

impl From<StoreError> for NotSaved {
    fn from(error: StoreError) -> Self {
        Self::NotDone(error.into())
    }
}

/// What is known of the distribution, beside the present.
pub(crate) struct Distributing {
    settings: ArcSwap<Distribution>,
    /// What the site draws beside its charge points, as a meter last told, and when.
    others: Mutex<Option<(Instant, [Current; 3])>>,
    plan: ArcSwap<Plan>,
}

impl Distributing {
    /// As the last stored moment left it.
    pub(crate) fn new(settings: Distribution, site: &Settings, last: Option<&[u8]>) -> Self {
        let plan = Plan {
            at: Clock::real(),
            supply: settings.supply(site, [None; 3]),
            rules: settings.rules(),
            distrusted: last.and_then(unpacked).map_or_else(Vec::new, |last| last.distrusted),
            // Fewer plans are made than ms pass: none of the numbers of an earlier start come again.
            number: Clock::real().0,
            ..Plan::default()
        };
        Self { settings: ArcSwap::from_pointee(settings), others: Mutex::default(), plan: ArcSwap::from_pointee(plan) }
    }

    /// What others draw; `None` where that is not known, or not any more.
    fn others(&self) -> [Option<Current>; 3] {
        let told = *self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let most = Duration::from_millis(OTHERS_MS.unsigned_abs());
        told.filter(|(at, _)| at.elapsed() <= most).map_or([None; 3], |(_, others)| others.map(Some))
    }
}

impl Site {
    /// How the current is distributed now.
    pub fn plan(&self) -> Guard<Arc<Plan>> {
        self.distributing.plan.load()
    }

    /// What an operator says of the distribution.
    pub fn distribution(&self) -> Distribution {
        **self.distributing.settings.load()
    }

    /// All charge points as the governor sees them.
    fn seen(&self, settings: &Settings) -> Vec<Seen> {
        let (present, at) = (self.present(), Clock::real());
        present.charge_points().iter().map(|now| see(now, &present.wiring(now.key), settings, at)).collect()
    }

    /// The phase whose limit would be less than the safe currents of all charge points need with these settings, and what they
    /// need, A.
    pub fn unfit_limit(&self, settings: &Settings) -> Option<(Phase, i64)> {
        self.distribution().too_much(settings, &self.seen(settings))
    }

    /// Whether all charge points may fall to their safe currents at once.
    pub(crate) fn check_safe(&self, distribution: Distribution, settings: &Settings) -> Result<(), NotSaved> {
        match distribution.too_much(settings, &self.seen(settings)) {
            Some((phase, sum)) => Err(NotSaved::TooMuch(phase, sum)),
            None => Ok(()),
        }
    }

    /// Saves what an operator says of the distribution, and tells the audit log who did it.
    ///
    /// # Errors
    /// See [`NotSaved`].
    pub async fn save_distribution(&self, distribution: Distribution, caller: &Caller) -> Result<(), NotSaved> {
        caller.check(Right::Settings)?;
        let _step = self.step().await;
        self.check_safe(distribution, self.present().settings())?;
        let before = self.distribution();
        let audit = caller.entry("distribution.save", json(&before), json(&distribution));
        self.store().save_distribution(&distribution, &audit).await?;
        self.distributing.settings.store(Arc::new(distribution));
        self.tell();
        Ok(())
    }

    /// Saves how a charge point is connected, and tells the audit log who did it.
    ///
    /// # Errors
    /// See [`NotSaved`].
    pub async fn save_wiring(&self, key: ChargePointKey, wiring: Wiring, caller: &Caller) -> Result<(), NotSaved> {
        caller.check(Right::Settings)?;
        let _step = self.step().await;
        let present = self.present().clone();
        let unknown = || StoreError::Unknown(format!("charge point number {}", key.0));
        let charge_point = &present.get(key).ok_or_else(unknown)?.charge_point;
        let before = present.wiring(key);
        let audit =
            caller.entry("distribution.wiring", json(&before), json(&wiring)).on(charge_point.identity.as_str());
        self.store().save_wiring(key, &wiring, &audit).await?;
        self.replace(&[key], |present| present.with_wiring(key, wiring));
        Ok(())
    }

    /// Takes over what the site draws beside its charge points on A, B, C, A, as a meter has just measured it.
    ///
    /// # Errors
    /// For those who may not.
    pub fn tell_others(&self, amperes: [f64; 3], caller: &Caller) -> Result<(), NotDone> {
        caller.check(Right::Command)?;
        let told = Some((Instant::now(), amperes.map(Current::at_least)));
        *self.distributing.others.lock().unwrap_or_else(PoisonError::into_inner) = told;
        self.tell();
        Ok(())
    }

    /// The moments that are stored between two instants (inclusive, exclusive), oldest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn plans(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Plan>, StoreError> {
        let stored = self.store().moments(from, to, MOMENTS_MOST).await?;
        // One of another version of the program tells nothing any more.
        Ok(stored.iter().filter_map(|(_, bytes)| unpacked(bytes)).collect())
    }

    /// Distributes the current until the program ends.
    pub async fn distribute(self: Arc<Self>, mut ending: watch::Receiver<bool>) {
        let (sender, mut answers) = mpsc::channel(WAITING);
        let mut changes = self.subscribe();
        let governor = Governor::new(&self.plan().distrusted);
        let mut work = Work { site: Arc::clone(&self), governor, sender, looked: None, kept: None, keeping: None };
        let mut ticks = interval(LEAST);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = changes.changed() => if changed.is_err() { return },
                Some(answer) = answers.recv() => work.take(answer),
                _ = ending.wait_for(|ending| *ending) => return,
            }
            if !work.is_due() {
                continue;
            }
            // What comes together is looked at together.
            tokio::select! {
                () = sleep_until(work.next_look()) => {}
                _ = ending.wait_for(|ending| *ending) => return,
            }
            changes.mark_unchanged();
            while let Ok(answer) = answers.try_recv() {
                work.take(answer);
            }
            work.look();
            work.keep().await;
        }
    }
}

/// What came of an order: to whom it was given, on which connection, and when.
type Answered = (ChargePointKey, u64, Order, Outcome);

struct Work {
    site: Arc<Site>,
    governor: Governor,
    sender: mpsc::Sender<Answered>,
    looked: Option<Instant>,
    /// When a moment was last stored, and who was not trusted then.
    kept: Option<(Timestamp, Vec<ChargePointKey>)>,
    /// Stores a moment, and says whether it could: a store that is busy must hold up no reduction.
    keeping: Option<JoinHandle<bool>>,
}

impl Work {
    /// Whether there is anything to be looked at.
    fn is_due(&self) -> bool {
        self.site.present().settings().current_distribution
            || self.site.plan().is_on
            || self.looked.is_none_or(|looked| looked.elapsed() >= IDLE)
    }

    fn next_look(&self) -> Instant {
        self.looked.map_or_else(Instant::now, |looked| looked + MOST)
    }

    fn take(&mut self, (key, link, order, outcome): Answered) {
        self.governor.answered(key, link, order, outcome, Clock::real());
    }

    /// Looks at the site, and has charge points told what the governor wants.
    fn look(&mut self) {
        self.looked = Some(Instant::now());
        let site = &self.site;
        let settings = site.present().settings().clone();
        let distribution = site.distribution();
        let seen = site.seen(&settings);
        let too_much = distribution.too_much(&settings, &seen).map(|(phase, _)| phase);
        let supply = distribution.supply(&settings, site.distributing.others());
        let moment = Moment {
            now: Clock::real(),
            supply: &supply,
            rules: distribution.rules(),
            safe: if too_much.is_some() { Current::ZERO } else { distribution.safe() },
            is_on: settings.current_distribution,
        };
        let orders = self.governor.step(&moment, &seen);
        let links: HashMap<ChargePointKey, u64> = seen.iter().filter_map(|seen| Some((seen.key, seen.link?))).collect();
        for (key, order) in orders {
            let Some(link) = links.get(&key).copied() else { continue };
            tracing::debug!(charge_point = key.0, ?order, "distribution");
            let (site, sender) = (Arc::clone(&self.site), self.sender.clone());
            tokio::spawn(async move {
                let outcome = order::carry_out(&site, key, order, Clock::real()).await;
                if sender.send((key, link, order, outcome)).await.is_err() {
                    tracing::debug!("nobody distributes any more");
                }
            });
        }
        self.publish(&moment, too_much);
    }

    fn publish(&self, moment: &Moment<'_>, too_much: Option<Phase>) {
        let before = self.site.plan().clone();
        let mut plan = Plan {
            at: moment.now,
            is_on: moment.is_on,
            supply: *moment.supply,
            rules: moment.rules,
            too_much,
            standings: self.governor.standings().to_vec(),
            distrusted: self.governor.distrusted(),
            number: before.number,
        };
        let is_other = Plan { at: before.at, ..plan.clone() } != *before;
        plan.number += i64::from(is_other);
        self.site.distributing.plan.store(Arc::new(plan));
        if is_other {
            self.site.tell_plan();
        }
    }

    /// Stores the moment, where it is time, or there is something that must not be forgotten.
    async fn keep(&mut self) {
        let plan = self.site.plan().clone();
        if self.keeping.as_ref().is_some_and(|keeping| !keeping.is_finished()) {
            return;
        }
        if let Some(keeping) = self.keeping.take()
            && !keeping.await.unwrap_or(false)
        {
            self.kept = Some((plan.at.plus(KEEP_AGAIN_MS - KEEP_EVERY_MS), plan.distrusted.clone()));
        }
        let is_known =
            |(at, distrusted): &(_, Vec<_>)| plan.at.since(*at) < KEEP_EVERY_MS && *distrusted == plan.distrusted;
        let is_due = !self.kept.as_ref().is_some_and(is_known);
        if !plan.is_on || plan.standings.is_empty() || !is_due {
            return;
        }
        self.kept = Some((plan.at, plan.distrusted.clone()));
        self.keeping = Some(tokio::spawn(store(Arc::clone(&self.site), plan)));
    }
}

/// Stores a moment. Whether that could be done.
async fn store(site: Arc<Site>, plan: Arc<Plan>) -> bool {
    let _step = site.step().await;
    let stored = site.store().add_moment(plan.at, &packed(&plan), plan.at.plus(-KEPT_MS)).await;
    if let Err(error) = &stored {
        tracing::warn!(%error, "a moment of the distribution could not be stored");
    }
    stored.is_ok()
}

fn packed(plan: &Plan) -> Vec<u8> {
    // Numbers and words: they always can be written.
    lz4_flex::compress_prepend_size(&serde_json::to_vec(plan).unwrap_or_default())
}

fn unpacked(bytes: &[u8]) -> Option<Plan> {
    serde_json::from_slice(&lz4_flex::decompress_size_prepended(bytes).ok()?).ok()
}

/// What the audit log keeps. It always can be written.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
