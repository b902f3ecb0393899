//! Limits of current that a charge point has accepted, and which of them holds when (OCPP 1.6, 3.13 and 7.8 `ChargingProfile`).

use crate::calendar::Timestamp;
use crate::distribution::is_ours;
use crate::record::TransactionId;
use serde::{Deserialize, Serialize};

const MS_A_DAY: i64 = 86_400_000;
/// How many limits of a charge point are remembered: more than one can have. The oldest are forgotten.
const REMEMBERED: usize = 64;

/// What a limit is for (OCPP 1.6, 7.11 `ChargingProfilePurposeType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// The whole charge point.
    ChargePointMax,
    /// Sessions that have no limit of their own.
    TxDefault,
    /// One session.
    Tx,
}

/// What the times of a limit count from (OCPP 1.6, 7.10 `ChargingProfileKindType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Begin {
    /// A moment.
    At(Timestamp),
    /// A moment, and again each day.
    Daily(Timestamp),
    /// A moment, and again each week.
    Weekly(Timestamp),
    /// The start of the session.
    Session,
}

/// A limit of current.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Its number; another one of that number takes its place.
    pub id: i32,
    /// The connector; 0 is all of them.
    pub connector: i32,
    /// What is said at a higher level counts more.
    pub stack_level: i32,
    /// What it is for.
    pub purpose: Purpose,
    /// The session that it is for.
    pub transaction: Option<TransactionId>,
    /// Valid from, and before.
    pub valid: (Option<Timestamp>, Option<Timestamp>),
    /// What its times count from.
    pub begin: Begin,
    /// How long it holds, ms.
    pub duration: Option<i64>,
    /// Amperes on each phase, each from so many ms on. Without any it says nothing, as one in watts does.
    pub periods: Vec<(i64, f64)>,
}

impl Limit {
    /// When it ends, where it begins at a moment and has an end.
    pub fn ends(&self) -> Option<Timestamp> {
        match self.begin {
            Begin::At(begin) => self.duration.map(|duration| begin.plus(duration)),
            Begin::Daily(_) | Begin::Weekly(_) | Begin::Session => None,
        }
    }

    /// What it says at a moment of a session that began then, A.
    fn at(&self, now: Timestamp, session: Timestamp) -> Option<f64> {
        let (from, to) = self.valid;
        if from.is_some_and(|from| now < from) || to.is_some_and(|to| now >= to) {
            return None;
        }
        let passed = match self.begin {
            Begin::At(begin) => now.since(begin),
            // A clock may be a little ahead.
            Begin::Session => now.since(session).max(0),
            Begin::Daily(first) => again(now.since(first), MS_A_DAY)?,
            Begin::Weekly(first) => again(now.since(first), 7 * MS_A_DAY)?,
        };
        if self.duration.is_some_and(|duration| passed >= duration) {
            return None;
        }
        self.periods.iter().rev().find(|(from, _)| *from <= passed).map(|(_, amperes)| *amperes)
    }
}

/// How much of the last round has passed; `None` before the first.
fn again(passed: i64, every: i64) -> Option<i64> {
    (passed >= 0).then(|| passed % every)
}

/// Which limits are taken away; what is left out matches all (OCPP 1.6, 5.5 Clear Charging Profile).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Which {
    /// The one of this number; then nothing else counts.
    pub id: Option<i32>,
    /// Those of a connector; 0 are those of the whole.
    pub connector: Option<i32>,
    /// Those for this.
    pub purpose: Option<Purpose>,
    /// Those of a level.
    pub stack_level: Option<i32>,
}

impl Which {
    fn is(&self, limit: &Limit) -> bool {
        match self.id {
            Some(id) => limit.id == id,
            None => {
                self.connector.is_none_or(|connector| connector == limit.connector)
                    && self.purpose.is_none_or(|purpose| purpose == limit.purpose)
                    && self.stack_level.is_none_or(|level| level == limit.stack_level)
            }
        }
    }
}

/// All limits that a charge point has accepted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits(Vec<Limit>);

impl Limits {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Limit> {
        self.0.iter()
    }

    /// The most that the whole may draw by the limits that people have set, A; those of the site's own do not count.
    pub fn of_people(&self, now: Timestamp) -> Option<f64> {
        self.leading(now, now, |limit| limit.purpose == Purpose::ChargePointMax && !is_ours(limit.id))
    }

    /// Takes a limit in: in the place of the one of its number, and of the one at its level.
    pub fn put(&mut self, limit: Limit) {
        let place = |it: &Limit| (it.purpose, it.connector, it.stack_level);
        self.0.retain(|it| it.id != limit.id && place(it) != place(&limit));
        if self.0.len() >= REMEMBERED {
            self.0.remove(0);
        }
        self.0.push(limit);
    }

    /// Takes limits away.
    pub(super) fn clear(&mut self, which: Which) {
        self.0.retain(|limit| !which.is(limit));
    }

    /// Whether some are for this session.
    pub(super) fn has_of(&self, session: TransactionId) -> bool {
        self.0.iter().any(|limit| limit.transaction == Some(session))
    }

    /// A session has ended, and its limits with it.
    pub(super) fn end(&mut self, session: TransactionId) {
        self.0.retain(|limit| limit.transaction != Some(session));
    }

    /// The most that the whole may draw on each phase, A. Where sessions run, `since` is when the newest began.
    pub(super) fn of_all(&self, now: Timestamp, since: Timestamp) -> Option<f64> {
        self.leading(now, since, |limit| limit.purpose == Purpose::ChargePointMax)
    }

    /// The most that a connector may draw on each phase, A: what is said of its session, else of all sessions. Without one it is
    /// what holds for one that begins now.
    pub(super) fn of(
        &self,
        connector: i32,
        session: Option<(TransactionId, Timestamp)>,
        now: Timestamp,
    ) -> Option<f64> {
        let since = session.map_or(now, |(_, since)| since);
        let own = session.and_then(|(id, _)| self.leading(now, since, |limit| limit.transaction == Some(id)));
        let is_default =
            |limit: &Limit| limit.purpose == Purpose::TxDefault && [0, connector].contains(&limit.connector);
        own.or_else(|| self.leading(now, since, is_default))
    }

    /// Of those that say something, a connector's own counts before those of all, then the highest level.
    fn leading(&self, now: Timestamp, since: Timestamp, is_meant: impl Fn(&Limit) -> bool) -> Option<f64> {
        let said = self.0.iter().filter(|limit| is_meant(limit));
        let said = said.filter_map(|limit| Some(((limit.connector, limit.stack_level), limit.at(now, since)?)));
        said.max_by_key(|(place, _)| *place).map(|(_, amperes)| amperes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const HOUR: i64 = 3_600_000;

    fn limit(id: i32, purpose: Purpose, amperes: f64) -> Limit {
        Limit {
            id,
            connector: 0,
            stack_level: 0,
            purpose,
            transaction: None,
            valid: (None, None),
            begin: Begin::At(NOW),
            duration: None,
            periods: vec![(0, amperes)],
        }
    }

    #[test]
    fn a_limit_holds_when_its_times_say_so() {
        let plain = limit(1, Purpose::TxDefault, 10.0);
        let later = NOW.plus(2 * HOUR);
        let steps = Limit { periods: vec![(0, 10.0), (HOUR, 6.0), (3 * HOUR, 16.0)], ..plain.clone() };
        let daily = Limit { begin: Begin::Daily(NOW), duration: Some(HOUR), ..plain.clone() };
        let weekly = Limit { begin: Begin::Weekly(NOW), ..daily.clone() };
        for (limit, at, expected) in [
            (&plain, NOW.plus(-1), None),
            (&plain, later, Some(10.0)),
            (&Limit { valid: (Some(later), None), ..plain.clone() }, NOW, None),
            (&Limit { valid: (None, Some(later)), ..plain.clone() }, later, None),
            (&Limit { duration: Some(HOUR), ..plain.clone() }, NOW.plus(HOUR), None),
            (&Limit { begin: Begin::Session, ..steps.clone() }, NOW, Some(6.0)),
            (&steps, later, Some(6.0)),
            (&steps, NOW.plus(4 * HOUR), Some(16.0)),
            (&daily, NOW.plus(-1), None),
            (&daily, NOW.plus(24 * HOUR), Some(10.0)),
            (&daily, NOW.plus(25 * HOUR), None),
            (&weekly, NOW.plus(24 * HOUR), None),
            (&weekly, NOW.plus(7 * 24 * HOUR), Some(10.0)),
        ] {
            assert_eq!(limit.at(at, NOW.plus(-HOUR)), expected, "{limit:?} at {at:?}");
        }
    }

    #[test]
    fn levels_and_connectors_count_in_their_order() {
        let mut limits = Limits::default();
        limits.put(limit(1, Purpose::TxDefault, 20.0));
        limits.put(Limit { stack_level: 1, ..limit(2, Purpose::TxDefault, 24.0) });
        assert_eq!(limits.of(1, None, NOW), Some(24.0), "the highest level counts");
        limits.put(Limit { connector: 1, ..limit(3, Purpose::TxDefault, 13.0) });
        assert_eq!((limits.of(1, None, NOW), limits.of(2, None, NOW)), (Some(13.0), Some(24.0)));
        let session = Some((TransactionId(7), NOW));
        limits.put(Limit { transaction: Some(TransactionId(7)), ..limit(4, Purpose::Tx, 30.0) });
        assert_eq!((limits.of(1, session, NOW), limits.of(1, None, NOW)), (Some(30.0), Some(13.0)));
        limits.put(Limit { connector: 1, ..limit(5, Purpose::TxDefault, 8.0) });
        assert_eq!(limits.of(1, None, NOW), Some(8.0), "one of the same level takes its place");
        limits.put(limit(5, Purpose::TxDefault, 9.0));
        assert_eq!(limits.of(1, None, NOW), Some(24.0), "so does one of the same number");
        assert_eq!(limits.of_all(NOW, NOW), None);
    }

    #[test]
    fn what_is_cleared_is_named_by_its_number_or_by_what_it_is() {
        let all = || {
            let mut limits = Limits::default();
            limits.put(limit(1, Purpose::ChargePointMax, 20.0));
            limits.put(Limit { connector: 1, ..limit(2, Purpose::TxDefault, 10.0) });
            limits.put(Limit { connector: 1, stack_level: 3, ..limit(3, Purpose::TxDefault, 10.0) });
            limits
        };
        for (which, left) in [
            (Which::default(), vec![]),
            (Which { id: Some(2), connector: Some(0), ..Which::default() }, vec![1, 3]),
            (Which { id: Some(9), ..Which::default() }, vec![1, 2, 3]),
            (Which { connector: Some(0), ..Which::default() }, vec![2, 3]),
            (Which { purpose: Some(Purpose::TxDefault), ..Which::default() }, vec![1]),
            (Which { purpose: Some(Purpose::TxDefault), stack_level: Some(3), ..Which::default() }, vec![1, 2]),
            (Which { purpose: Some(Purpose::Tx), ..Which::default() }, vec![1, 2, 3]),
        ] {
            let mut limits = all();
            limits.clear(which);
            assert_eq!(limits.0.iter().map(|limit| limit.id).collect::<Vec<_>>(), left, "{which:?}");
        }
    }

    #[test]
    fn they_do_not_grow_without_end() {
        let mut limits = Limits::default();
        for id in 0..1_000 {
            limits.put(Limit { stack_level: id, ..limit(id, Purpose::TxDefault, 10.0) });
        }
        assert_eq!((limits.0.len(), limits.0[REMEMBERED - 1].id), (REMEMBERED, 999));
    }
}
