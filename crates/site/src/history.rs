//! Sessions of the past as the routes show them: lines of a day, and the newest.

use bmw_domain::calendar::{Day, LocalTime};
use bmw_domain::energy::Energy;
use bmw_domain::record::{ChargePointKey, Transaction, TransactionId};
use bmw_store::Zone;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many of the newest sessions are kept: the most that 2.7 answers.
pub const RECENT: usize = 1000;

/// The most that the lines of days may take in memory, bytes.
const DAYS_BYTES: u64 = 16 << 20;

/// A session in 2.2, times local and to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLine {
    /// Its number.
    pub id: TransactionId,
    /// The charge point's own running number.
    pub cycle: Option<i32>,
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// When it asked for current.
    pub queued_at: Option<LocalTime>,
    /// Start.
    pub started_at: Option<LocalTime>,
    /// Planned finish.
    pub planned_finish: Option<LocalTime>,
    /// Real finish.
    pub finished_at: Option<LocalTime>,
}

/// The sessions of one day by id, packed: 32 bytes each, so that years of a busy site fit.
#[derive(Debug, Clone, Default)]
pub struct DayLines(Box<[PackedLine]>);

#[derive(Debug, Clone, Copy)]
struct PackedLine {
    id: i32,
    /// `i32::MIN` for none; a running number is never negative.
    cycle: i32,
    charge_point: i32,
    times: [PackedTime; 4],
}

/// Seconds of a local time since the year 0 in 40 bits; all ones: none.
#[derive(Debug, Clone, Copy)]
struct PackedTime([u8; 5]);

/// 0000-01-01T00:00:00 before 1970, s.
const YEAR_0: i64 = 62_167_219_200;
const NO_TIME: [u8; 5] = [0xff; 5];

impl PackedTime {
    fn pack(time: Option<LocalTime>) -> Self {
        let Some(time) = time else {
            return Self(NO_TIME);
        };
        let bytes = (time.0.div_euclid(1000) + YEAR_0).to_le_bytes();
        Self([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]])
    }

    fn unpack(self) -> Option<LocalTime> {
        let mut bytes = [0; 8];
        bytes[..5].copy_from_slice(&self.0);
        (self.0 != NO_TIME).then(|| LocalTime((i64::from_le_bytes(bytes) - YEAR_0) * 1000))
    }
}

impl DayLines {
    /// The lines of sessions that are sorted by id.
    pub fn new(sessions: &[Transaction], zone: &Zone) -> Self {
        let pack = |time: Option<_>| PackedTime::pack(time.map(|instant| zone.local(instant)));
        let line = |session: &Transaction| PackedLine {
            id: session.id.0,
            cycle: session.cycle.unwrap_or(i32::MIN),
            charge_point: session.charge_point.0,
            times: [session.queued_at, session.started_at, session.planned_finish, session.finished_at].map(pack),
        };
        Self(sessions.iter().map(line).collect())
    }

    /// The lines, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SessionLine> + '_ {
        self.0.iter().map(|line| {
            let [queued_at, started_at, planned_finish, finished_at] = line.times.map(PackedTime::unpack);
            SessionLine {
                id: TransactionId(line.id),
                cycle: (line.cycle != i32::MIN).then_some(line.cycle),
                charge_point: ChargePointKey(line.charge_point),
                queued_at,
                started_at,
                planned_finish,
                finished_at,
            }
        })
    }
}

/// A session in 2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentSession {
    /// Its number.
    pub id: TransactionId,
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// Planned finish, local.
    pub planned_finish: LocalTime,
    /// Energy.
    pub energy: Energy,
}

impl RecentSession {
    /// The line of a session; `None` when it has no planned finish: 2.7 leaves it out.
    pub fn new(session: &Transaction, zone: &Zone) -> Option<Self> {
        Some(Self {
            id: session.id,
            charge_point: session.charge_point,
            planned_finish: zone.local(session.planned_finish?),
            energy: session.energy,
        })
    }

    fn rank(&self) -> (LocalTime, TransactionId) {
        (self.planned_finish, self.id)
    }
}

/// Puts a session where it belongs among the newest, which are sorted newest first and at most [`RECENT`].
pub fn insert_recent(recent: &mut Vec<RecentSession>, session: RecentSession) {
    let place = recent.partition_point(|other| other.rank() > session.rank());
    recent.insert(place, session);
    recent.truncate(RECENT);
}

/// How many of those that have ended last are told: more end within a second only where a charge point tells what it has kept.
pub const TOLD: usize = 8;

/// How many sessions there are, and which have ended last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionNews {
    /// Sessions, with those that run.
    pub sessions: u64,
    /// Grows by one with each session that ends, and whenever one that had ended changes. It begins at another number with each
    /// start of the site: whoever knows an older one finds a gap.
    pub number: i64,
    /// Those that have ended last, at most [`TOLD`], oldest first. The last one has the number, the one before the number before:
    /// what has changed otherwise is not among them, and nothing older either.
    pub ended: Vec<RecentSession>,
}

impl SessionNews {
    /// Follows a change of a session.
    pub fn follow(&mut self, before: Option<&Transaction>, after: &Transaction, zone: &Zone) {
        self.sessions += u64::from(before.is_none());
        let counted_before = before.and_then(Transaction::counted_at);
        if counted_before.or(after.counted_at()).is_none() {
            return;
        }
        self.number += 1;
        match RecentSession::new(after, zone).filter(|_| counted_before.is_none()) {
            Some(session) => {
                self.ended.push(session);
                let many = self.ended.len().saturating_sub(TOLD);
                self.ended.drain(..many);
            }
            None => self.ended.clear(),
        }
    }
}

/// The lines of days that were asked for, the newest asked kept, within [`DAYS_BYTES`].
pub struct DayCache {
    days: Cache<Day, Arc<DayLines>, ByBytes>,
    /// Counts what was forgotten: lines that were read before must not be kept after.
    forgotten: AtomicU64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Day, Arc<DayLines>> for ByBytes {
    fn weight(&self, _: &Day, lines: &Arc<DayLines>) -> u64 {
        // The map's own share of an entry is about 100 bytes.
        (lines.0.len() * size_of::<PackedLine>() + 100) as u64
    }
}

impl DayCache {
    pub fn new() -> Self {
        Self { days: Cache::with_weighter(4096, DAYS_BYTES, ByBytes), forgotten: AtomicU64::new(0) }
    }

    pub fn get(&self, day: Day) -> Option<Arc<DayLines>> {
        self.days.get(&day)
    }

    /// What must be handed to [`DayCache::keep`] with lines that are about to be read.
    pub fn ticket(&self) -> u64 {
        self.forgotten.load(Ordering::Acquire)
    }

    /// Keeps the lines of a day, unless something was forgotten since the ticket was taken.
    pub fn keep(&self, day: Day, lines: Arc<DayLines>, ticket: u64) {
        self.days.insert(day, lines);
        if self.ticket() != ticket {
            self.days.remove(&day);
        }
    }

    pub fn forget(&self, day: Day) {
        // First the count, then the lines: a reader that inserts between the two sees the count and takes them away again.
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.days.remove(&day);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::calendar::Timestamp;

    #[test]
    fn lines_survive_packing() {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        let at = |text: &str| zone.instant(LocalTime::parse(text).unwrap());
        let session = Transaction {
            id: TransactionId(7),
            charge_point: ChargePointKey(3),
            cycle: None,
            queued_at: Some(at("0001-01-01T00:00:00")),
            started_at: Some(at("2015-11-24T15:09:47.999")),
            planned_finish: None,
            finished_at: Some(Timestamp(253_402_214_400_000)),
            energy: Energy::ZERO,
            id_tag: None,
        };
        let lines = DayLines::new(&[session], &zone);
        let line = lines.iter().next().unwrap();
        assert_eq!(line.cycle, None);
        assert_eq!(line.queued_at.unwrap().with_t(), "0001-01-01T00:00:00");
        assert_eq!(line.started_at.unwrap().with_t(), "2015-11-24T15:09:47");
        assert_eq!(line.planned_finish, None);
        assert_eq!(line.finished_at.unwrap().with_t(), "9999-12-31T08:00:00");
        assert_eq!(size_of::<PackedLine>(), 32);
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let cache = DayCache::new();
        let ticket = cache.ticket();
        cache.forget(Day(1));
        cache.keep(Day(1), Arc::default(), ticket);
        assert!(cache.get(Day(1)).is_none());
        cache.keep(Day(1), Arc::default(), cache.ticket());
        assert!(cache.get(Day(1)).is_some());
    }

    #[test]
    fn what_has_ended_is_numbered_and_a_change_of_it_leaves_a_gap() {
        let zone = Zone::named("Asia/Shanghai").unwrap();
        let session = |id: i32, finished: Option<i64>| Transaction {
            id: TransactionId(id),
            charge_point: ChargePointKey(1),
            cycle: None,
            queued_at: None,
            started_at: Some(Timestamp(0)),
            planned_finish: finished.map(Timestamp),
            finished_at: finished.map(Timestamp),
            energy: Energy::from_wh(i64::from(id)),
            id_tag: Some("04A1B2".to_owned()),
        };
        let mut news = SessionNews::default();
        let told = |news: &SessionNews| (news.number, news.ended.iter().map(|line| line.id.0).collect::<Vec<_>>());
        news.follow(None, &session(1, None), &zone);
        assert_eq!((news.sessions, told(&news)), (1, (0, vec![])), "one has begun");
        news.follow(Some(&session(1, None)), &session(1, Some(1000)), &zone);
        assert_eq!((news.sessions, told(&news)), (1, (1, vec![1])));
        assert_eq!(news.ended[0].planned_finish.with_t(), "1970-01-01T08:00:01");
        for id in 2..20 {
            news.follow(None, &session(id, Some(1000)), &zone);
        }
        assert_eq!((news.sessions, told(&news)), (19, (19, (12..20).collect())));
        news.follow(Some(&session(19, Some(1000))), &session(19, Some(2000)), &zone);
        assert_eq!((news.sessions, told(&news)), (19, (20, vec![])), "its end was only assumed");
        news.follow(None, &session(20, Some(3000)), &zone);
        assert_eq!((news.sessions, told(&news)), (20, (21, vec![20])));
    }

    #[test]
    fn the_newest_stay_sorted_and_bounded() {
        let session = |id: i32, at: i64| RecentSession {
            id: TransactionId(id),
            charge_point: ChargePointKey(1),
            planned_finish: LocalTime(at),
            energy: Energy::ZERO,
        };
        let mut recent = Vec::new();
        for (id, at) in [(1, 5), (2, 9), (3, 5), (4, 1)] {
            insert_recent(&mut recent, session(id, at));
        }
        assert_eq!(recent.iter().map(|line| line.id.0).collect::<Vec<_>>(), [2, 3, 1, 4]);
        for id in 5..2000 {
            insert_recent(&mut recent, session(id, 10));
        }
        assert_eq!((recent.len(), recent[0].id.0), (RECENT, 1999));
    }
}
