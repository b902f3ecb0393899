//! The governor: what each charge point is told, and when, so that it comes to what is planned for it.
//!
//! [`Governor::step`] says what is to be told now; what came of it comes back by [`Governor::answered`]. It keeps two promises.
//! What all charge points together *may* draw, as far as anything is known, is never raised beyond what there is: a raise is told
//! only when its current is free, and what a reduction frees is free only when it was seen. And when nobody speaks to a charge
//! point any more, it falls to its safe current by itself: what it is told holds for [`LIVE_MS`] and is told anew before.

use super::seen::{Running, Seen, carrying};
use super::{Current, Hold, Phases, Reason, Rules, Session, Share, Supply, Taker, plan};
use crate::calendar::Timestamp;
use crate::phase::Phase;
use crate::record::ChargePointKey;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How long what a session is told holds, ms.
pub const LIVE_MS: i64 = 120_000;
/// After how long it is told anew, ms.
const RENEW_MS: i64 = 40_000;
/// How much longer a charge point may take for it, ms: its clock, and its car.
const LATE_MS: i64 = 10_000;
/// How soon after a reduction was accepted its effect can be seen, ms.
const SEEN_AFTER_MS: i64 = 3_000;
/// How long a car has to come down to what it is offered, ms (IEC 61851-1).
const COME_DOWN_MS: i64 = 5_000;
/// From when on a charge point that draws more than it was told does not keep to it, ms.
const BREACH_AFTER_MS: i64 = 10_000;
/// How long it must do so: what was kept for lack of a connection comes all at once.
const BREACH_FOR_MS: i64 = 5_000;
/// How long a charge point that did not keep to its limit must have kept to it in a session to be trusted again, ms.
const FORGIVEN_MS: i64 = 600_000;
/// After how long a reduction that was not seen is planned with no more, ms.
const STUCK_MS: i64 = 30_000;
/// How often somebody is raised, at most, ms.
const RAISE_MS: i64 = 10_000;
/// How soon something is asked or told again that came to nothing, ms.
const AGAIN_MS: i64 = 10_000;
/// For how long after its start the governor takes nothing away at most, while it knows too little.
const SETTLE_MS: i64 = 15_000;
/// For how long a car must take less than it might for the rest to be given on, ms.
const LOW_MS: i64 = 300_000;
/// How long a car must have charged until the phases that it does not use are believed to stay free, ms.
const USES_MS: i64 = 60_000;
/// How much somebody is raised at once, at most.
const RAISE: Current = Current::tenths(30);
/// What is left as it is when less than this would change. Also how much more than told may be measured.
const DEADBAND: Current = Current::tenths(10);
/// How far what is offered may lie over what was told: it is rounded.
const ROUNDED: Current = Current::tenths(1);

/// By which kind of charging profile a charge point is held (OCPP 1.6, 3.13.1), the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// `TxProfile`, above a permanent `TxDefaultProfile`.
    Tx,
    /// `TxDefaultProfile`, above a permanent one of a lower level.
    TxDefault,
    /// `ChargePointMaxProfile`, above a permanent one of a lower level.
    ChargePointMax,
}

/// What a charge point is asked or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Its safe current: what each of its sessions may draw without being told anything else, for good.
    Safe(Way, Current),
    /// What a session may draw on each phase, or all of them where none is named, for [`LIVE_MS`].
    Live(Way, Current, Option<Running>),
    /// Which limit holds on a connector.
    Proof(i32),
    /// To measure now.
    Measure,
    /// To forget all limits that are ours.
    Clear,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted, and is stored; of a [`Order::Proof`] the limit that holds now.
    Accepted(Option<Current>),
    /// It was refused, or is not known to the charge point.
    Refused,
    /// Nothing was heard.
    Silent,
}

/// What stands around a step.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// When.
    pub now: Timestamp,
    /// What there is.
    pub supply: &'a Supply,
    /// How turns are taken.
    pub rules: Rules,
    /// The safe current of each session.
    pub safe: Current,
    /// Whether the site's current is distributed at all.
    pub is_on: bool,
}

/// How it stands with a charge point: what is planned, what it was told, and what it may draw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// As the plan was made of it.
    pub taker: Taker,
    /// What is planned.
    pub share: Share,
    /// What it was told last, where that holds.
    pub told: Option<Current>,
    /// What it may draw now on each phase that it uses, as far as anything is known.
    pub may: Current,
}

impl Standing {
    /// Why it draws what it draws, and no more: the one reason that binds.
    pub fn reason(&self) -> Reason {
        // As much as it is raised for.
        let has = self.told.unwrap_or_default();
        let is_more =
            if has == Current::ZERO { self.share.current > has } else { self.share.current >= has + DEADBAND };
        if is_more && self.taker.hold == Hold::Confirmed { Reason::Rising } else { self.share.reason }
    }

    /// What of a phase is given to its sessions.
    pub fn allocated(&self, phase: Phase) -> Current {
        let is_given = self.taker.is_told() && self.taker.session.is_some() && self.taker.uses.has(phase);
        if is_given { self.told.unwrap_or_default().min(self.may) } else { Current::ZERO }
    }

    /// What it takes of a phase, whatever it draws.
    pub fn reserves(&self, phase: Phase) -> Current {
        reserves(&self.taker, self.may, phase)
    }
}

/// What of a phase is given to sessions, and what is kept free beside it.
pub fn taken_up(standings: &[Standing], phase: Phase) -> (Current, Current) {
    let sum = |of: &dyn Fn(&Standing) -> Current| standings.iter().map(of).fold(Current::ZERO, |sum, more| sum + more);
    let allocated = sum(&|standing| standing.allocated(phase));
    (allocated, sum(&|standing| standing.reserves(phase)) - allocated)
}

fn reserves(taker: &Taker, may: Current, phase: Phase) -> Current {
    match taker.hold {
        _ if !taker.wired.has(phase) => Current::ZERO,
        Hold::Confirmed | Hold::Falling(_) if !taker.uses.has(phase) => taker.floor,
        _ => may.max(taker.floor),
    }
}

/// Whether a charge point keeps to its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Unknown,
    Kept,
    /// It drew more, last at this time.
    Broken(Timestamp),
}

/// What sessions were told.
#[derive(Debug, Clone, PartialEq)]
struct Live {
    each: Current,
    of: Vec<Running>,
    until: Timestamp,
}

/// What sessions are being told, one after the other.
#[derive(Debug, Clone, PartialEq)]
struct Round {
    each: Current,
    of: Vec<Running>,
    left: Vec<Option<Running>>,
    since: Timestamp,
}

/// What is known of a charge point.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
struct Known {
    link: Option<u64>,
    booted: Option<Timestamp>,
    /// How it is held; `None` where it takes no limit of any kind.
    way: Option<Way>,
    safe: Option<Current>,
    /// Whether the safe current is to be told again, as there is a new connection.
    is_safe_due: bool,
    live: Option<Live>,
    round: Option<Round>,
    /// What it was told or asked and has not answered.
    waits: Option<Order>,
    /// What all of it drew, or might, before a reduction whose effect was not seen yet.
    falling: Option<Current>,
    /// When the last other limit was accepted.
    accepted_at: Timestamp,
    raised_at: Timestamp,
    again_at: Timestamp,
    asked_at: Timestamp,
    proof: Proof,
    /// Since when it seems to draw more than it was told, and how much.
    suspect: Option<(Timestamp, Current)>,
    /// When it was last proven that it has taken over what it was told.
    proven_at: Option<Timestamp>,
    measured: Option<(Timestamp, [Option<Current>; 3])>,
    measured_at: Timestamp,
    can_prove: bool,
    can_measure: bool,
    refusals: u32,
    is_silent: bool,
    turned: Turned,
}

/// What is known of the cars that are there.
#[derive(Debug, Clone, Copy, Default)]
struct Turned {
    switched: Option<Timestamp>,
    /// Since when less is taken than might be, and the most of that time.
    low: Option<(Timestamp, Current)>,
    takes: Option<Current>,
    is_sated: bool,
    /// On which phases something flows: since when that is known, and when it was seen last.
    carries: Option<(Timestamp, Timestamp, Phases)>,
}

impl Turned {
    /// Something was measured.
    fn see_phases(&mut self, carrying: Phases, now: Timestamp) {
        let before = self.carries.map(|(.., phases)| phases).unwrap_or_default();
        if carrying == Phases::default() {
            return;
        }
        let all: Phases = before.iter().chain(carrying.iter()).collect();
        // One that is new makes all of them new.
        let since = self.carries.filter(|_| all == before).map_or(now, |(since, ..)| since);
        self.carries = Some((since, now, all));
    }
}

impl Known {
    fn new(seen: &Seen, is_distrusted: bool, now: Timestamp) -> Self {
        let long_ago = Timestamp(i64::MIN / 2);
        let way = seen.kept_way.unwrap_or(Way::Tx);
        // A session's profile has gone with it; others hold for the one that begins next.
        let outlives = way != Way::Tx || !seen.running.is_empty();
        let live = seen.kept_live.filter(|(_, until)| *until > now && outlives);
        // What was told holds for so long from then on.
        let accepted_at = live.map_or(long_ago, |(_, until)| until.plus(-LIVE_MS));
        let live = live.map(|(each, until)| Live { each, of: seen.running.clone(), until });
        Self {
            link: None,
            booted: seen.booted,
            way: Some(way),
            safe: seen.kept_safe,
            is_safe_due: true,
            live,
            round: None,
            waits: None,
            falling: None,
            accepted_at,
            raised_at: long_ago,
            again_at: long_ago,
            asked_at: long_ago,
            proof: match seen.kept_safe {
                _ if is_distrusted => Proof::Broken(now),
                // What it has accepted it keeps (OCPP 1.6, 3.13.3); until it starts anew, or shows something else.
                Some(_) => Proof::Kept,
                None => Proof::Unknown,
            },
            suspect: None,
            proven_at: None,
            measured: None,
            measured_at: long_ago,
            can_prove: true,
            can_measure: true,
            refusals: 0,
            is_silent: false,
            turned: Turned::default(),
        }
    }

    /// Takes over what is seen.
    fn look(&mut self, seen: &Seen, now: Timestamp) {
        if self.link != seen.link {
            self.link = seen.link;
            (self.waits, self.round) = (None, None);
            (self.is_safe_due, self.can_prove, self.can_measure, self.is_silent) = (true, true, true, false);
            self.again_at = now;
        }
        if self.booted != seen.booted {
            self.booted = seen.booted;
            // Who starts anew may have forgotten everything, and be another device.
            (self.safe, self.live, self.falling) = (None, None, None);
            (self.way, self.is_safe_due) = (Some(Way::Tx), true);
            if !self.is_distrusted() {
                self.proof = Proof::Unknown;
            }
        }
        if self.safe.is_some() && seen.kept_safe.is_none() && !matches!(self.waits, Some(Order::Safe(..))) {
            // Somebody has taken our limits away.
            (self.safe, self.live, self.is_safe_due) = (None, None, true);
        }
        self.follow_sessions(seen, now);
        if seen.measured != self.measured {
            self.measured = seen.measured;
            self.measured_at = now;
            self.judge(seen, now);
        }
        self.judge_offer(seen, now);
        self.see_fall(now);
        if self.live.as_ref().is_some_and(|live| now >= live.until.plus(LATE_MS)) {
            self.live = None;
        }
    }

    fn follow_sessions(&mut self, seen: &Seen, now: Timestamp) {
        if seen.running.is_empty() {
            (self.turned, self.falling, self.suspect) = (Turned::default(), None, None);
            // Only by a car is it seen whether it keeps to a limit.
            if self.is_distrusted() {
                self.proof = Proof::Broken(now);
            }
            if self.way == Some(Way::Tx) {
                (self.live, self.round) = (None, None);
            }
            return;
        }
        if let Some(live) = self.live.as_mut().filter(|_| self.way == Some(Way::Tx)) {
            live.of.retain(|it| seen.running.contains(it));
        }
        if self.live.as_ref().is_some_and(|live| live.of.is_empty()) && self.way == Some(Way::Tx) {
            self.live = None;
            self.turned = Turned::default();
            self.falling = None;
        }
        if self.round.as_ref().is_some_and(|round| round.of != seen.running) {
            self.round = None;
        }
    }

    /// What its sessions may draw by what it was told, in all.
    fn told(&self, seen: &Seen, now: Timestamp) -> Current {
        let live = self.live.as_ref().filter(|live| now < live.until);
        let safe = self.safe.unwrap_or(seen.most);
        let all = match live {
            Some(live) => {
                live.each.times(live.of.len().max(1))
                    + safe.times(seen.running.len().saturating_sub(live.of.len().max(1)))
            }
            None => safe.times(seen.running.len()),
        };
        all.min(seen.most)
    }

    /// Judges what was measured by what it was told.
    fn judge(&mut self, seen: &Seen, now: Timestamp) {
        let Some((_, measured)) = seen.measured else { return };
        let highest = measured.into_iter().flatten().max().unwrap_or_default();
        let told = self.told(seen, now).max(self.round_all());
        let is_over = highest > told + DEADBAND;
        if is_over && self.round.is_none() {
            let (since, most) = self.suspect.unwrap_or((now, highest));
            self.suspect = Some((since, most.max(highest)));
            // It had time to come down, and went on.
            let since = since.max(self.accepted_at.plus(BREACH_AFTER_MS));
            if now.since(since) >= BREACH_FOR_MS {
                self.proof = Proof::Broken(now);
            }
        } else if !is_over {
            self.suspect = None;
        }
        if seen.running.is_empty() {
            return;
        }
        let margin = highest + DEADBAND;
        let turned = &mut self.turned;
        turned.see_phases(carrying(&measured), now);
        if turned.takes.is_some_and(|takes| highest + Current::tenths(5) >= takes) {
            (turned.takes, turned.low, turned.is_sated) = (None, None, false);
        }
        if margin < told {
            let (since, most) = turned.low.unwrap_or((now, highest));
            let most = most.max(highest);
            turned.low = Some((since, most));
            if now.since(since) >= LOW_MS {
                turned.takes = Some(most + DEADBAND);
                turned.is_sated = most < Current::tenths(5);
            }
        } else if turned.takes.is_none() {
            turned.low = None;
        }
    }

    fn judge_offer(&mut self, seen: &Seen, now: Timestamp) {
        let Some((at, offered)) = seen.offered else { return };
        let is_of_this = self.round.is_none() && self.measured.is_some_and(|(measured, _)| measured == at);
        if is_of_this && self.measured_at > self.accepted_at && self.measured_at == now {
            let told = self.told(seen, now);
            self.proven(offered <= told + ROUNDED.times(seen.running.len()), now);
        }
    }

    /// It was seen whether what it was told is what holds.
    fn proven(&mut self, is_kept: bool, now: Timestamp) {
        if !is_kept {
            return;
        }
        self.proven_at = Some(now);
        self.proof = match self.proof {
            Proof::Unknown | Proof::Kept => Proof::Kept,
            Proof::Broken(last) if now.since(last) >= FORGIVEN_MS => Proof::Kept,
            broken @ Proof::Broken(_) => broken,
        };
    }

    /// Whether a reduction has come to its end: it was measured, or where that cannot be, it was said.
    fn see_fall(&mut self, now: Timestamp) {
        if self.falling.is_none() || self.round.is_some() {
            return;
        }
        let waited = now.since(self.accepted_at);
        let is_measured = self.measured_at.since(self.accepted_at) >= SEEN_AFTER_MS;
        let is_said = self.proven_at.is_some_and(|at| at >= self.accepted_at);
        let is_seen = is_measured || (!self.can_measure && is_said && waited >= 2 * SEEN_AFTER_MS);
        if is_seen && self.is_within() {
            self.falling = None;
        }
    }

    /// Whether what was measured last is within what it was told.
    fn is_within(&self) -> bool {
        let told = self.live.as_ref().map(|live| live.each.times(live.of.len().max(1)));
        let highest = self.measured.and_then(|(_, measured)| measured.into_iter().flatten().max());
        match (told, highest) {
            (Some(told), Some(highest)) => highest <= told + DEADBAND,
            _ => true,
        }
    }

    fn round_all(&self) -> Current {
        self.round.as_ref().map_or(Current::ZERO, |round| round.each.times(round.of.len().max(1)))
    }

    fn is_distrusted(&self) -> bool {
        matches!(self.proof, Proof::Broken(_))
    }

    fn is_kept(&self) -> bool {
        self.proof == Proof::Kept && self.safe.is_some() && self.way.is_some()
    }

    /// What it may draw on a phase, as far as anything is known.
    fn may(&self, seen: &Seen, now: Timestamp) -> Current {
        if !seen.is_known {
            return Current::ZERO;
        }
        let Some(safe) = self.safe.filter(|_| self.is_kept()) else { return seen.most };
        let idle = safe.times(seen.connectors);
        let held = self.live.as_ref().filter(|live| now < live.until.plus(LATE_MS));
        let held = held.map_or(Current::ZERO, |live| {
            let others = seen.running.len().saturating_sub(live.of.len());
            live.each.times(live.of.len().max(1)) + safe.times(others)
        });
        let drawn = self.suspect.map_or(Current::ZERO, |(_, most)| most);
        idle.max(held).max(drawn).max(self.round_all()).max(self.falling.unwrap_or_default()).min(seen.most)
    }

    fn hold(&self, seen: &Seen, now: Timestamp) -> Hold {
        if seen.link.is_none() || self.is_silent {
            return Hold::Lost(self.may(seen, now));
        }
        if !self.is_kept() {
            return Hold::Unverified;
        }
        let since = now.since(self.accepted_at);
        match (self.falling, self.suspect) {
            (Some(from), _) if since > STUCK_MS => Hold::Falling(from),
            (_, Some((_, drawn))) if since > COME_DOWN_MS => Hold::Falling(drawn),
            _ => Hold::Confirmed,
        }
    }

    /// The phases that the cars use: all, until some have not carried anything for a while. What outlives a session may be drawn by
    /// another car, on all of them.
    fn uses(&self, seen: &Seen) -> Phases {
        match self.turned.carries.filter(|_| self.way == Some(Way::Tx)) {
            Some((since, last, phases)) if last.since(since) >= USES_MS => {
                let used: Phases = phases.iter().filter(|phase| seen.wired.has(*phase)).collect();
                if used == Phases::default() { seen.wired } else { used }
            }
            _ => seen.wired,
        }
    }

    fn taker(&self, seen: &Seen, moment: &Moment<'_>) -> Taker {
        let now = moment.now;
        let is_served = self.told(seen, now) > Current::ZERO && self.is_kept();
        let session = (!seen.running.is_empty()).then_some(Session {
            since: seen.since,
            is_served,
            switched: self.turned.switched,
            energy: seen.energy,
            is_sated: self.turned.is_sated,
        });
        let safe = moment.safe.min(seen.max).max(self.safe.unwrap_or_default());
        Taker {
            key: seen.key,
            wired: seen.wired,
            uses: self.uses(seen),
            min: seen.min.times(seen.running.len().max(1)),
            max: if self.is_kept() { seen.max } else { seen.most },
            bound: seen.bound,
            floor: safe.times(seen.connectors).min(seen.most).min(if self.is_kept() { seen.max } else { seen.most }),
            takes: self.turned.takes,
            priority: seen.priority,
            session,
            hold: self.hold(seen, now),
        }
    }
}

/// What is free on each phase, whatever these draw of what they may.
fn spare<'a>(supply: &Supply, standings: impl IntoIterator<Item = &'a Standing>) -> [Current; 3] {
    let mut spare = supply.budget();
    for standing in standings {
        for phase in Phase::ALL {
            spare[phase.index()] -= standing.reserves(phase);
        }
    }
    spare
}

/// What is known of all charge points.
#[derive(Debug, Clone, Default)]
pub struct Governor {
    known: BTreeMap<ChargePointKey, Known>,
    /// Who had not kept to limits when an earlier governor ended.
    distrusted: Vec<ChargePointKey>,
    /// Since when the site's current is distributed.
    since: Option<Timestamp>,
    standings: Vec<Standing>,
}

impl Governor {
    /// One that has not seen anything, and remembers who did not keep to limits: see [`Self::distrusted`].
    pub fn new(distrusted: &[ChargePointKey]) -> Self {
        Self { distrusted: distrusted.to_vec(), ..Self::default() }
    }

    /// Who does not keep to limits, and has not been seen to do so for long enough since. A governor that comes after this one
    /// must know: they would draw what they like until they are found out again.
    pub fn distrusted(&self) -> Vec<ChargePointKey> {
        let broken = self.known.iter().filter(|(_, known)| known.is_distrusted());
        broken.map(|(key, _)| *key).collect()
    }

    /// How it stands with each charge point, as of the last step.
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// What is to be told now. Whoever was told something is told nothing more before [`Self::answered`].
    pub fn step(&mut self, moment: &Moment<'_>, seen: &[Seen]) -> Vec<(ChargePointKey, Order)> {
        if !moment.is_on {
            return self.stop(moment.now, seen);
        }
        let since = *self.since.get_or_insert(moment.now);
        let seen: Vec<&Seen> = seen.iter().filter(|seen| !seen.is_apart).collect();
        self.known.retain(|key, _| seen.iter().any(|seen| seen.key == *key));
        for seen in &seen {
            let known = self
                .known
                .entry(seen.key)
                .or_insert_with(|| Known::new(seen, self.distrusted.contains(&seen.key), moment.now));
            known.look(seen, moment.now);
        }
        let of = |key| self.known.get(key);
        let all: Vec<(&Seen, Taker)> = seen
            .iter()
            .filter(|seen| seen.is_known)
            .filter_map(|it| Some((*it, of(&it.key)?.taker(it, moment))))
            .collect();
        let takers: Vec<Taker> = all.iter().map(|(_, taker)| *taker).collect();
        let shares = plan(moment.supply, &takers, moment.now, moment.rules);
        self.standings = all
            .iter()
            .zip(shares)
            .filter_map(|((seen, taker), share)| {
                let known = of(&seen.key)?;
                let told = (!seen.running.is_empty() && known.safe.is_some()).then(|| known.told(seen, moment.now));
                Some(Standing { taker: *taker, share, told, may: known.may(seen, moment.now) })
            })
            .collect();
        let seen: Vec<&Seen> = all.iter().map(|(seen, _)| *seen).collect();
        let is_settling = moment.now.since(since) < SETTLE_MS && self.is_settling(moment.supply, &seen);
        self.orders(moment, &seen, is_settling)
    }

    /// Whether it is not known yet of all who are there if they keep to limits, and what is known is not too much.
    fn is_settling(&self, supply: &Supply, seen: &[&Seen]) -> bool {
        let is_unknown = |seen: &Seen| seen.link.is_some() && self.is_unknown(seen.key);
        let known = self.standings.iter().zip(seen).filter(|(_, seen)| !is_unknown(seen)).map(|(standing, _)| standing);
        seen.iter().any(|seen| is_unknown(seen)) && spare(supply, known).iter().all(|spare| *spare >= Current::ZERO)
    }

    fn is_unknown(&self, key: ChargePointKey) -> bool {
        self.known.get(&key).is_some_and(|known| known.proof == Proof::Unknown && known.way.is_some())
    }

    /// Takes all limits away.
    fn stop(&mut self, now: Timestamp, seen: &[Seen]) -> Vec<(ChargePointKey, Order)> {
        self.since = None;
        self.standings.clear();
        let mut orders = Vec::new();
        for seen in seen {
            let anew = |is_distrusted| Known::new(seen, is_distrusted, now);
            let known = self.known.entry(seen.key).or_insert_with(|| anew(self.distrusted.contains(&seen.key)));
            if known.link != seen.link {
                *known = Known { link: seen.link, ..anew(known.is_distrusted()) };
            }
            if seen.link.is_some() && seen.keeps_ours && known.waits.is_none() && now >= known.again_at {
                known.waits = Some(Order::Clear);
                orders.push((seen.key, Order::Clear));
            }
        }
        orders
    }

    fn orders(&mut self, moment: &Moment<'_>, seen: &[&Seen], is_settling: bool) -> Vec<(ChargePointKey, Order)> {
        let mut spare = spare(moment.supply, &self.standings);
        let mut orders = Vec::new();
        // Who has nothing comes before who has more, and the higher priority before the lower.
        let mut turn: Vec<usize> = (0..seen.len()).collect();
        turn.sort_by_key(|place| {
            let standing = &self.standings[*place];
            (standing.told.unwrap_or_default() > Current::ZERO, Reverse(standing.taker.priority), standing.taker.key)
        });
        for place in turn {
            let (seen, standing) = (seen[place], self.standings[place]);
            let Some(known) = self.known.get_mut(&seen.key) else { continue };
            if seen.link.is_none() || known.waits.is_some() || moment.now < known.again_at {
                continue;
            }
            if let Some(order) = known.order(seen, &standing, moment, &mut spare, is_settling) {
                known.waits = Some(order);
                orders.push((seen.key, order));
            }
        }
        orders
    }

    /// What came of an order, on the connection of this number.
    pub fn answered(&mut self, key: ChargePointKey, link: u64, order: Order, outcome: Outcome, now: Timestamp) {
        let Some(known) = self.known.get_mut(&key).filter(|known| known.link == Some(link)) else { return };
        if known.waits.take_if(|waits| *waits == order).is_some() {
            known.answered(order, outcome, now);
        }
    }
}

impl Known {
    fn order(
        &mut self,
        seen: &Seen,
        standing: &Standing,
        moment: &Moment<'_>,
        spare: &mut [Current; 3],
        is_settling: bool,
    ) -> Option<Order> {
        let way = self.way?;
        if let Some(order) = self.safe_order(way, seen, standing, moment, spare) {
            return Some(order);
        }
        if !seen.running.is_empty() || self.outlives() {
            if self.round.is_none() {
                self.begin_round(way, seen, standing, moment, spare, is_settling);
            }
            if let Some(round) = &self.round {
                let next = round.left.last().copied().flatten();
                return Some(Order::Live(way, round.each, next));
            }
        }
        self.question(seen, moment.now)
    }

    /// Whether what it was told would hold for a session that begins now: more than its safe current. Profiles of sessions go with
    /// them, others do not.
    fn outlives(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.each > self.safe.unwrap_or_default())
    }

    /// Its safe current, where it has another one, or may have forgotten it.
    fn safe_order(
        &self,
        way: Way,
        seen: &Seen,
        standing: &Standing,
        moment: &Moment<'_>,
        spare: &mut [Current; 3],
    ) -> Option<Order> {
        let wanted = moment.safe.min(seen.max);
        if self.safe == Some(wanted) && !self.is_safe_due {
            return None;
        }
        if let Some(held) = self.safe.filter(|held| self.is_kept() && *held < wanted) {
            // The plan keeps it free already; what it takes the place of must be gone.
            let more = wanted.times(seen.connectors) - held.times(seen.connectors);
            let is_free = standing.taker.wired.iter().all(|phase| spare[phase.index()] >= Current::ZERO);
            if !is_free {
                return None;
            }
            for phase in standing.taker.wired.iter() {
                spare[phase.index()] -= more;
            }
        }
        Some(Order::Safe(way, wanted))
    }

    /// Begins to tell sessions something, where there is something to be told.
    fn begin_round(
        &mut self,
        way: Way,
        seen: &Seen,
        standing: &Standing,
        moment: &Moment<'_>,
        spare: &mut [Current; 3],
        is_settling: bool,
    ) {
        let (now, count) = (moment.now, seen.running.len().max(1));
        let held = self.live.as_ref().filter(|live| live.of == seen.running || way != Way::Tx).map(|live| live.each);
        let has = held.unwrap_or_else(|| self.safe.unwrap_or_default());
        let wanted = match standing.taker.hold {
            // Who does not keep to limits is told the least, so that it is seen whether he does.
            Hold::Unverified => seen.min,
            // What he draws is kept free for him, and what he was told goes on to hold.
            Hold::Falling(_) => has,
            Hold::Confirmed | Hold::Lost(_) => standing.share.current.parted(count),
        };
        let wanted = if seen.running.is_empty() { self.safe.unwrap_or_default() } else { wanted };
        let wanted = wanted.min(seen.max.parted(count));
        let each = if wanted < has {
            let is_little = has - wanted < DEADBAND && wanted > Current::ZERO;
            let bears = Current::tenths(-moment.supply.headroom.0 / 2);
            let is_borne = standing.taker.uses.iter().all(|phase| spare[phase.index()] >= bears);
            if is_settling || (is_little && is_borne) { has } else { wanted }
        } else if standing.taker.hold != Hold::Confirmed {
            wanted
        } else {
            self.raised(has, wanted, standing, count, (now, &*spare)).unwrap_or(has)
        };
        let is_due = match &self.live {
            Some(live) if held.is_some() => live.until.since(now) <= LIVE_MS - RENEW_MS,
            // By its safe current it has as much.
            _ => each != has || (held.is_none() && each != self.safe.unwrap_or_default()),
        };
        if each == has && !is_due {
            return;
        }
        if each > has && standing.taker.hold == Hold::Confirmed {
            let more = each.times(count) - has.times(count).max(standing.taker.floor).min(each.times(count));
            for phase in standing.taker.uses.iter() {
                spare[phase.index()] -= more;
            }
        }
        if each < has {
            let before = self.may(seen, now);
            self.falling = Some(self.falling.map_or(before, |falling| falling.max(before)));
        }
        let left = match way {
            Way::Tx => seen.running.iter().rev().copied().map(Some).collect(),
            Way::TxDefault | Way::ChargePointMax => vec![None],
        };
        self.round = Some(Round { each, of: seen.running.clone(), left, since: now });
    }

    /// How much each session is raised to, if at all: slowly, and no further than is free.
    fn raised(
        &self,
        has: Current,
        wanted: Current,
        standing: &Standing,
        count: usize,
        (now, spare): (Timestamp, &[Current; 3]),
    ) -> Option<Current> {
        let least = standing.taker.least().parted(count);
        let is_begun = has < least;
        if wanted <= has {
            return None;
        }
        if !is_begun && (wanted - has < DEADBAND || now.since(self.raised_at) < RAISE_MS) {
            return None;
        }
        let wished = if is_begun { least } else { wanted.min(has + RAISE) };
        // What is kept free for it need not be free.
        let kept = standing.may.max(standing.taker.floor);
        let free = standing.taker.uses.iter().map(|phase| spare[phase.index()]).min().unwrap_or_default();
        let most = (kept + free.max(Current::ZERO)).parted(count);
        let each = wished.min(most);
        let is_enough = if is_begun { each >= least } else { each - has >= DEADBAND };
        is_enough.then_some(each)
    }

    /// What is to be asked, so that more is known.
    fn question(&mut self, seen: &Seen, now: Timestamp) -> Option<Order> {
        let since = now.since(self.accepted_at);
        let is_unproven = self.proof != Proof::Kept || self.proven_at.is_none();
        let is_looking = self.falling.is_some() || self.suspect.is_some();
        let is_asking = (is_unproven || is_looking) && now.since(self.asked_at) >= SEEN_AFTER_MS;
        if !is_asking || self.safe.is_none() {
            return None;
        }
        if self.falling.is_some() && since < SEEN_AFTER_MS {
            return None;
        }
        let is_proof_due = self.can_prove
            && (matches!(self.proof, Proof::Unknown) || self.proven_at.is_none_or(|at| at < self.accepted_at));
        let order = if is_proof_due {
            Order::Proof(seen.running.first().map_or(1, |running| running.connector))
        } else if self.can_measure && !seen.running.is_empty() && is_looking {
            Order::Measure
        } else {
            return None;
        };
        self.asked_at = now;
        Some(order)
    }

    fn answered(&mut self, order: Order, outcome: Outcome, now: Timestamp) {
        self.is_silent = outcome == Outcome::Silent;
        if self.is_silent {
            self.again_at = now.plus(AGAIN_MS);
            return;
        }
        let is_accepted = matches!(outcome, Outcome::Accepted(_));
        match (order, outcome) {
            (Order::Safe(_, current), Outcome::Accepted(_)) => {
                (self.safe, self.is_safe_due, self.refusals) = (Some(current), false, 0);
                self.accepted_at = if self.live.is_none() { now } else { self.accepted_at };
            }
            (Order::Live(_, each, _), Outcome::Accepted(_)) => self.told_live(each, now),
            (Order::Safe(..) | Order::Live(..), _) => self.refused(order, now),
            (Order::Proof(_), Outcome::Accepted(Some(limit))) => {
                let told = self.live.as_ref().filter(|live| now < live.until).map(|live| live.each).or(self.safe);
                self.proven(told.is_some_and(|told| limit <= told + ROUNDED), now);
            }
            (Order::Proof(_), _) => self.can_prove = false,
            (Order::Measure, _) => self.can_measure = is_accepted,
            (Order::Clear, _) => {
                (self.safe, self.live, self.is_safe_due) = (None, None, true);
                self.again_at = now.plus(AGAIN_MS);
            }
        }
    }

    fn told_live(&mut self, each: Current, now: Timestamp) {
        self.refusals = 0;
        let Some(round) = &mut self.round else { return };
        round.left.pop();
        if !round.left.is_empty() {
            return;
        }
        let before = self.live.as_ref().map_or_else(|| self.safe.unwrap_or_default(), |live| live.each);
        self.live = Some(Live { each, of: round.of.clone(), until: round.since.plus(LIVE_MS) });
        self.round = None;
        if each != before {
            self.accepted_at = now;
        }
        if each > before {
            self.raised_at = now;
        }
        if (each > Current::ZERO) != (before > Current::ZERO) {
            self.turned.switched = Some(now);
        }
    }

    /// What it does not take it is told by another kind of profile.
    fn refused(&mut self, order: Order, now: Timestamp) {
        self.round = None;
        self.again_at = now.plus(AGAIN_MS / 2);
        self.refusals += 1;
        // A session may have ended just then.
        if self.refusals < 2 {
            return;
        }
        self.refusals = 0;
        self.way = match (self.way, order) {
            (Some(Way::Tx), Order::Live(..)) => Some(Way::TxDefault),
            // The permanent one takes the place of that of the other kind, as it has its number (OCPP 1.6, 5.16).
            (Some(Way::Tx | Way::TxDefault), _) => {
                (self.is_safe_due, self.proof) = (true, Proof::Unknown);
                Some(Way::ChargePointMax)
            }
            (Some(Way::ChargePointMax) | None, _) => None,
        };
    }
}
