//! The plan of a moment.

use super::queue::{self, Rules};
use super::{Current, Hold, Phases, Reason, Session, Share, Supply, Taker};
use crate::calendar::Timestamp;
use crate::phase::Phase;
use std::cmp::Reverse;

/// Who gets how much: a share for each, in the order in which they are given.
pub fn plan(supply: &Supply, takers: &[Taker], now: Timestamp, rules: Rules) -> Vec<Share> {
    let mut free = supply.budget();
    for taker in takers {
        take(&mut free, taker.wired, taker.reserved());
    }
    let mut shares: Vec<Share> = takers.iter().map(without_plan).collect();
    let queue = queue(takers, now, rules);
    let served = admit(&mut free, takers, &mut shares, &queue, (now, rules));
    raise_all(&mut free, takers, &mut shares, &served);
    tell_rank(takers, &mut shares);
    shares
}

/// Of those who are held back by a full phase: whether somebody on it has more since he comes before.
fn tell_rank(takers: &[Taker], shares: &mut [Share]) {
    // By priority, the highest first: who has most of those before on each phase.
    let order = sorted(takers.len(), &|one, other| takers[one].priority > takers[other].priority);
    let order: Vec<usize> = order.into_iter().filter(|index| takers[*index].hold == Hold::Confirmed).collect();
    let mut most = [Current::ZERO; 3];
    for alike in order.chunk_by(|a, b| takers[*a].priority == takers[*b].priority) {
        for index in alike {
            let share = &mut shares[*index];
            if let Reason::Full(phase) = share.reason
                && most[phase.index()] > share.current
            {
                share.reason = Reason::Outranked(phase);
            }
        }
        for index in alike {
            for phase in takers[*index].uses.iter() {
                most[phase.index()] = most[phase.index()].max(shares[*index].current);
            }
        }
    }
}

/// What somebody gets about whom there is nothing to be planned.
fn without_plan(taker: &Taker) -> Share {
    let (current, reason) = match taker.hold {
        Hold::Lost(safe) => (safe, Reason::Lost),
        Hold::Unverified => (taker.max, Reason::Unverified),
        Hold::Falling(from) => (from, Reason::Falling),
        Hold::Confirmed => (Current::ZERO, Reason::Nobody),
    };
    Share { key: taker.key, current, reason }
}

/// A car that can be told how much to draw, by its place among all.
type Queued = (usize, Session);

/// Those whom something can be told and who want something, the first in the queue first.
fn queue(takers: &[Taker], now: Timestamp, rules: Rules) -> Vec<Queued> {
    let told = takers.iter().enumerate().filter(|(_, taker)| taker.hold == Hold::Confirmed);
    let queue: Vec<Queued> = told.filter_map(|(index, taker)| Some((index, taker.session?))).collect();
    let place = |(index, session): &Queued| queue::place(&takers[*index], session, now, rules);
    let places: Vec<_> = queue.iter().map(place).collect();
    sorted(queue.len(), &|one, other| places[one] < places[other]).into_iter().map(|at| queue[at]).collect()
}

/// The numbers up to `count` in their order (Shell's way, with Knuth's gaps): the library's own sort, once for each kind of key,
/// would be a tenth of all that the browser needs for this.
fn sorted(count: usize, is_before: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut gap = 1;
    while gap < count / 3 {
        gap = gap * 3 + 1;
    }
    while gap > 0 {
        for at in gap..count {
            let mut place = at;
            while place >= gap && is_before(order[place], order[place - gap]) {
                order.swap(place - gap, place);
                place -= gap;
            }
        }
        gap /= 3;
    }
    order
}

fn take(free: &mut [Current; 3], phases: Phases, current: Current) {
    for phase in phases.iter() {
        free[phase.index()] -= current;
    }
}

/// The phase that leaves no room for so much: of several the fullest. For nothing there is always room: it is kept free already.
fn full(free: &[Current; 3], phases: Phases, current: Current) -> Option<Phase> {
    if current == Current::ZERO {
        return None;
    }
    phases.iter().filter(|phase| free[phase.index()] < current).min_by_key(|phase| free[phase.index()])
}

/// Gives everybody his minimum on all phases that he uses, or nothing. Says who has it.
fn admit(
    free: &mut [Current; 3],
    takers: &[Taker],
    shares: &mut [Share],
    queue: &[Queued],
    (now, rules): (Timestamp, Rules),
) -> Vec<usize> {
    let mut served = Vec::with_capacity(queue.len());
    for (index, session) in queue {
        let taker = &takers[*index];
        let share = &mut shares[*index];
        if let Some(until) = session.rests_until(now, rules) {
            share.reason = Reason::Rest(until);
        } else if taker.max < taker.min {
            // What it may have is less than what a car charges by.
            share.reason = Reason::Maximum(taker.bound);
        } else if let Some(phase) = full(free, taker.uses, taker.least() - taker.floor) {
            share.reason = Reason::Full(phase);
        } else {
            take(free, taker.uses, taker.least() - taker.floor);
            share.current = taker.least();
            served.push(*index);
        }
    }
    tell_turns(takers, shares, queue, &served, (now, rules));
    served
}

/// Tells those who got nothing when the first turn ends of one who has no more right than they, on the phase that they lack.
fn tell_turns(
    takers: &[Taker],
    shares: &mut [Share],
    queue: &[Queued],
    served: &[usize],
    (now, rules): (Timestamp, Rules),
) {
    let session = |index: usize| takers[index].session;
    for (index, _) in queue {
        let Reason::Full(phase) = shares[*index].reason else { continue };
        let of_others = served
            .iter()
            .filter(|other| takers[**other].uses.has(phase) && takers[**other].priority <= takers[*index].priority);
        let ends = of_others.filter_map(|other| session(*other)?.turn_ends(rules)).filter(|end| *end > now).min();
        if let Some(end) = ends {
            shares[*index].reason = Reason::Turn(phase, end);
        }
    }
}

/// Raises those who have their minimum, the highest priority first.
fn raise_all(free: &mut [Current; 3], takers: &[Taker], shares: &mut [Share], served: &[usize]) {
    // Those who are alike in priority by the room that they have.
    let room = |index: usize| takers[index].cap() - takers[index].least();
    let place = |index: usize| (Reverse(takers[index].priority), room(index), takers[index].key);
    let order = sorted(served.len(), &|one, other| place(served[one]) < place(served[other]));
    let served: Vec<usize> = order.into_iter().map(|at| served[at]).collect();
    for alike in served.chunk_by(|a, b| takers[*a].priority == takers[*b].priority) {
        raise(free, takers, shares, alike);
    }
}

/// Raises some alike, until each has all that is of use to it or a phase of it is full. They come with the least room first.
fn raise(free: &mut [Current; 3], takers: &[Taker], shares: &mut [Share], alike: &[usize]) {
    let mut on = [0_i32; 3];
    for index in alike {
        count(&mut on, takers[*index].uses, 1);
    }
    let mut rises = vec![true; alike.len()];
    let (mut raised, mut first) = (Current::ZERO, 0);
    while let Some(index) = alike.get(first) {
        let taker = &takers[*index];
        if !rises[first] {
            first += 1;
            continue;
        }
        let to_cap = taker.cap() - taker.least() - raised;
        let step =
            Phase::ALL.into_iter().filter_map(|phase| each(free, &on, phase)).min().unwrap_or(to_cap).min(to_cap);
        raised += step;
        for phase in Phase::ALL {
            free[phase.index()] -= Current::tenths(step.0.saturating_mul(on[phase.index()]));
        }
        if step == to_cap {
            let reason = if taker.cap() < taker.max { Reason::Taken } else { Reason::Maximum(taker.bound) };
            settle(&mut shares[*index], raised, reason);
            count(&mut on, taker.uses, -1);
            rises[first] = false;
        } else {
            let is_full = |phase: &Phase| each(free, &on, *phase) == Some(Current::ZERO);
            let full: Phases = Phase::ALL.into_iter().filter(is_full).collect();
            for (place, index) in alike.iter().enumerate() {
                let taker = &takers[*index];
                if let Some(phase) = taker.uses.iter().find(|phase| full.has(*phase)).filter(|_| rises[place]) {
                    settle(&mut shares[*index], raised, Reason::Full(phase));
                    count(&mut on, taker.uses, -1);
                    rises[place] = false;
                }
            }
        }
    }
}

/// What is left on a phase for each of those who rise on it; `None` where nobody does.
fn each(free: &[Current; 3], on: &[i32; 3], phase: Phase) -> Option<Current> {
    let (free, on) = (free[phase.index()], on[phase.index()]);
    (on > 0).then(|| Current::tenths(free.0.max(0) / on))
}

fn count(on: &mut [i32; 3], phases: Phases, change: i32) {
    for phase in phases.iter() {
        on[phase.index()] += change;
    }
}

fn settle(share: &mut Share, raised: Current, reason: Reason) {
    share.current += raised;
    share.reason = reason;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Bound;
    use crate::energy::Energy;
    use crate::record::ChargePointKey;

    const NOW: Timestamp = Timestamp(10_000_000);
    const MINUTE: i64 = 60_000;

    fn amperes(amperes: i32) -> Current {
        Current::tenths(amperes * 10)
    }

    fn site(limit: i32) -> Supply {
        Supply { limits: [amperes(limit); 3], headroom: Current::ZERO, others: [Some(Current::ZERO); 3] }
    }

    /// One that charges on all phases, from 6 to 32 A.
    fn taker(key: i32) -> Taker {
        Taker {
            key: ChargePointKey(key),
            wired: Phases::ALL,
            uses: Phases::ALL,
            min: amperes(6),
            max: amperes(32),
            bound: Bound::Model,
            floor: Current::ZERO,
            takes: None,
            priority: 10,
            session: Some(Session {
                since: Timestamp(i64::from(key)),
                is_served: true,
                switched: None,
                energy: Energy::ZERO,
                is_sated: false,
            }),
            hold: Hold::Confirmed,
        }
    }

    fn on(taker: Taker, phase: Phase) -> Taker {
        let one: Phases = [phase].into_iter().collect();
        Taker { wired: one, uses: one, ..taker }
    }

    /// Tenths of an ampere, and why.
    fn given(supply: &Supply, takers: &[Taker]) -> Vec<(i32, Reason)> {
        let shares = plan(supply, takers, NOW, Rules::default());
        shares.iter().map(|share| (share.current.0, share.reason)).collect()
    }

    #[test]
    fn what_there_is_is_shared_alike_until_a_phase_is_full() {
        let full = Reason::Full(Phase::A);
        assert_eq!(given(&site(32), &[taker(1)]), [(320, Reason::Maximum(Bound::Model))]);
        assert_eq!(given(&site(40), &[taker(1), taker(2)]), [(200, full), (200, full)]);
        assert_eq!(given(&site(25), &[taker(1), taker(2), taker(3)]), [(83, full); 3], "rounded down");
        // On A two share, on B there is one: he is held back by his maximum alone.
        let one = [on(taker(1), Phase::A), on(taker(2), Phase::A), on(taker(3), Phase::B)];
        assert_eq!(given(&site(40), &one), [(200, full), (200, full), (320, Reason::Maximum(Bound::Model))]);
    }

    #[test]
    fn what_a_car_does_not_take_is_given_on() {
        let modest = Taker { takes: Some(amperes(9)), ..taker(1) };
        assert_eq!(given(&site(40), &[modest, taker(2)]), [(90, Reason::Taken), (310, Reason::Full(Phase::A))]);
        let full = Taker { takes: Some(amperes(1)), ..taker(1) };
        assert_eq!(given(&site(40), &[full])[0], (60, Reason::Taken), "less than the minimum cannot be offered");
    }

    #[test]
    fn the_higher_priority_is_raised_first_and_nobody_loses_his_minimum_by_it() {
        let late = Taker { priority: 4, ..taker(2) };
        assert_eq!(
            given(&site(32), &[late, taker(1)]),
            [(60, Reason::Outranked(Phase::A)), (260, Reason::Full(Phase::A))]
        );
    }

    #[test]
    fn the_safe_current_is_kept_free_for_each_and_given_to_whoever_wants_it() {
        let safe = |taker: Taker| Taker { floor: amperes(6), ..taker };
        let idle = Taker { session: None, ..safe(taker(1)) };
        assert_eq!(given(&site(32), &[idle, safe(taker(2))])[1].0, 260);
        // Where it is as much as the minimum there is room for everybody, and for nobody more than that.
        let all = [1, 2, 3].map(|key| safe(taker(key)));
        assert_eq!(given(&site(18), &all), [(60, Reason::Full(Phase::A)); 3]);
        assert_eq!(given(&site(0), &all)[0].0, 60, "it is there already, whatever the limit");
        let high = Taker { floor: amperes(10), ..taker(1) };
        assert_eq!(given(&site(25), &[high, taker(2)]), [(145, Reason::Full(Phase::A)), (105, Reason::Full(Phase::A))]);
    }

    #[test]
    fn a_car_that_takes_nothing_comes_last() {
        let mut sated = Taker { takes: Some(Current::ZERO), ..taker(1) };
        sated.session.as_mut().unwrap().is_sated = true;
        let late = Taker { priority: 0, ..taker(2) };
        assert_eq!((given(&site(10), &[sated, late])[0].0, given(&site(10), &[sated, late])[1].0), (0, 100));
        assert_eq!(given(&site(32), &[sated, late])[0].0, 60, "what is left it may have");
    }

    #[test]
    fn what_cannot_be_told_is_kept_free() {
        let lost = Taker { hold: Hold::Lost(amperes(6)), session: None, ..taker(1) };
        let falling = Taker { hold: Hold::Falling(amperes(16)), ..taker(2) };
        let unverified = Taker { hold: Hold::Unverified, max: amperes(16), ..taker(3) };
        let all = given(&site(60), &[lost, falling, unverified, taker(4)]);
        assert_eq!(all[..3], [(60, Reason::Lost), (160, Reason::Falling), (160, Reason::Unverified)]);
        assert_eq!(all[3], (220, Reason::Full(Phase::A)));
        // Of one that uses one phase only the others may be used, unless it is out of reach.
        let one_phase: Phases = [Phase::B].into_iter().collect();
        let car = Taker { uses: one_phase, ..taker(1) };
        assert_eq!(given(&site(38), &[car, taker(2)]), [(190, Reason::Full(Phase::B)); 2]);
        let stale = Supply { others: [Some(Current::ZERO), None, Some(Current::ZERO)], ..site(60) };
        assert_eq!(given(&stale, &[taker(1)]), [(0, Reason::Full(Phase::B))]);
    }

    /// One that waits, or was switched so many minutes ago.
    fn with(key: i32, is_served: bool, ago: Option<i64>) -> Taker {
        let switched = ago.map(|minutes| NOW.plus(-minutes * MINUTE));
        Taker {
            session: Some(Session {
                since: Timestamp(i64::from(key)),
                is_served,
                switched,
                energy: Energy::ZERO,
                is_sated: false,
            }),
            ..taker(key)
        }
    }

    #[test]
    fn cars_take_turns_where_there_are_more_than_minima() {
        let ends = |minutes| Reason::Turn(Phase::A, NOW.plus(minutes * MINUTE));
        let rests = |minutes| Reason::Rest(NOW.plus(minutes * MINUTE));
        let rows: [(&str, [Taker; 2], [(i32, Reason); 2]); 4] = [
            (
                "his turn lasts",
                [with(1, true, Some(10)), with(2, false, None)],
                [(100, Reason::Full(Phase::A)), (0, ends(5))],
            ),
            (
                "his turn is over",
                [with(1, true, Some(15)), with(2, false, None)],
                [(0, Reason::Full(Phase::A)), (100, Reason::Full(Phase::A))],
            ),
            (
                "he was paused a moment ago",
                [with(1, true, Some(16)), with(2, false, Some(4))],
                [(100, Reason::Full(Phase::A)), (0, rests(1))],
            ),
            (
                "both have waited",
                [with(1, false, Some(20)), with(2, false, Some(30))],
                [(0, Reason::Full(Phase::A)), (100, Reason::Full(Phase::A))],
            ),
        ];
        for (what, takers, expected) in rows {
            assert_eq!(given(&site(10), &takers), expected, "{what}");
        }
        // Whoever comes, one that was begun a moment ago goes on.
        let first = Taker { priority: 3, ..with(1, true, Some(4)) };
        assert_eq!(given(&site(10), &[first, with(2, false, None)])[0].0, 100);
        let rested = Taker { priority: 3, ..with(1, true, Some(6)) };
        assert_eq!(given(&site(10), &[rested, with(2, false, None)])[1].0, 100);
    }

    #[test]
    fn in_a_day_everybody_has_had_his_turns_and_nobody_was_switched_too_often() {
        let rules = Rules::default();
        let mut takers: Vec<Taker> = (1..=5).map(|key| with(key, false, None)).collect();
        let (mut served_for, mut switches) = ([0_i64; 5], [Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new()]);
        let step = 10_000;
        for now in (0..86_400_000).step_by(10_000).map(|ms| NOW.plus(ms)) {
            // Room for two of five.
            for (index, share) in plan(&site(13), &takers, now, rules).iter().enumerate() {
                let is_served = share.current > Current::ZERO;
                let session = takers[index].session.as_mut().unwrap();
                if session.is_served != is_served {
                    (session.is_served, session.switched) = (is_served, Some(now));
                    switches[index].push(now);
                }
                served_for[index] += if is_served { step } else { 0 };
                session.energy = Energy::from_wh(served_for[index] / 1000);
            }
        }
        let (least, most) = (served_for.iter().min().unwrap(), served_for.iter().max().unwrap());
        assert!(most - least <= 2 * rules.turn, "{served_for:?}");
        assert!(*least > 86_400_000 * 2 / 5 - 2 * rules.turn, "nothing lies idle: {served_for:?}");
        for of_one in &switches {
            assert!(of_one.windows(2).all(|pair| pair[1].since(pair[0]) >= rules.rest), "{of_one:?}");
        }
    }
}
