//! What holds for every plan.

use super::*;
use crate::energy::Energy;
use proptest::prelude::*;
use proptest::sample::subsequence;
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp(100_000_000);

fn current(amperes: std::ops::RangeInclusive<i32>) -> impl Strategy<Value = Current> + Clone {
    (amperes.start() * 10..=amperes.end() * 10).prop_map(Current::tenths)
}

fn session() -> impl Strategy<Value = Session> {
    let ago = 0..3_000_000_i64;
    (ago.clone(), any::<bool>(), proptest::option::of(ago)).prop_map(|(since, is_served, switched)| Session {
        since: NOW.plus(-since),
        is_served,
        switched: switched.map(|ago| NOW.plus(-ago)),
        energy: Energy::from_wh(since / 1000),
        is_sated: since % 7 == 0,
    })
}

fn hold() -> impl Strategy<Value = Hold> {
    prop_oneof![
        6 => Just(Hold::Confirmed),
        1 => current(0..=32).prop_map(Hold::Falling),
        1 => current(0..=8).prop_map(Hold::Lost),
        1 => Just(Hold::Unverified),
    ]
}

/// One phase or three in any rotation, and a car that uses all or some of them.
fn phases() -> impl Strategy<Value = (Phases, Phases)> {
    let sequences = proptest::sample::select(&PhaseSequence::ALL[..]);
    (sequences, prop_oneof![Just(1_usize), Just(3)]).prop_flat_map(|(sequence, count)| {
        let sequence = PhaseSequence::parse(sequence).unwrap_or(PhaseSequence::ABC);
        let wired = Phases::wired(count, sequence);
        let uses = subsequence(wired.iter().collect::<Vec<_>>(), 1..=count).prop_map(|uses| uses.into_iter().collect());
        (Just(wired), uses)
    })
}

fn taker() -> impl Strategy<Value = Taker> {
    // Few values, so that some are alike.
    let some = proptest::sample::select(&[6, 6, 8][..]);
    let most = proptest::sample::select(&[5, 16, 16, 32][..]);
    let takes = proptest::option::weighted(0.3, current(0..=32));
    let floor = proptest::sample::select(&[0, 0, 0, 6, 8][..]);
    (phases(), some, (most, floor), takes, 0..4_u32, proptest::option::weighted(0.8, session()), hold()).prop_map(
        |((wired, uses), min, (max, floor), takes, priority, session, hold)| Taker {
            key: ChargePointKey(0),
            wired,
            uses,
            min: Current::tenths(min * 10),
            max: Current::tenths(max * 10),
            bound: Bound::Model,
            floor: Current::tenths(floor.min(max) * 10),
            takes,
            priority,
            session,
            hold,
        },
    )
}

fn takers() -> impl Strategy<Value = Vec<Taker>> {
    proptest::collection::vec(taker(), 0..14).prop_map(|mut takers| {
        for (key, taker) in (1..).zip(&mut takers) {
            taker.key = ChargePointKey(key);
        }
        takers
    })
}

fn supply() -> impl Strategy<Value = Supply> {
    let others = proptest::option::weighted(0.9, current(0..=20));
    ([current(0..=120), current(0..=120), current(0..=120)], current(0..=2), [others.clone(), others.clone(), others])
        .prop_map(|(limits, headroom, others)| Supply { limits, headroom, others })
}

/// What is planned for those who can be told.
fn told<'a>(takers: &'a [Taker], shares: &'a [Share]) -> impl Iterator<Item = (&'a Taker, &'a Share)> {
    takers.iter().zip(shares).filter(|(taker, _)| taker.hold == Hold::Confirmed)
}

/// What is left on each phase.
fn left(supply: &Supply, takers: &[Taker], shares: &[Share]) -> [i32; 3] {
    Phase::ALL.map(|phase| {
        let reserved =
            takers.iter().filter(|taker| taker.wired.has(phase)).map(|taker| taker.reserved().0).sum::<i32>();
        // Beyond what is kept free for each anyway.
        let given = told(takers, shares).filter(|(taker, _)| taker.uses.has(phase));
        let given = given.map(|(taker, share)| (share.current - taker.floor).0.max(0));
        supply.budget()[phase.index()].0 - reserved - given.sum::<i32>()
    })
}

fn plan_of(supply: &Supply, takers: &[Taker]) -> Vec<Share> {
    plan(supply, takers, NOW, Rules::default())
}

/// The queue's answers: who has something, the first first.
fn answers(supply: &Supply, takers: &[Taker]) -> Vec<bool> {
    let shares = plan_of(supply, takers);
    let mut queue: Vec<usize> =
        (0..takers.len()).filter(|i| takers[*i].hold == Hold::Confirmed && takers[*i].session.is_some()).collect();
    queue.sort_by_key(|i| takers[*i].session.map(|session| queue::place(&takers[*i], &session, NOW, Rules::default())));
    queue.into_iter().map(|i| shares[i].current > Current::ZERO).collect()
}

fn config() -> ProptestConfig {
    ProptestConfig::with_cases(100_000)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_phase_carries_more_than_its_limit(supply in supply(), takers in takers()) {
        let shares = plan_of(&supply, &takers);
        let left = left(&supply, &takers, &shares);
        for phase in Phase::ALL {
            // Where what cannot be told is too much by itself, nothing comes to it.
            let gets_none = told(&takers, &shares).all(|(taker, share)| !taker.uses.has(phase) || share.current <= taker.floor);
            prop_assert!(left[phase.index()] >= 0 || gets_none, "{phase:?}: {left:?}");
        }
    }

    #[test]
    fn everybody_has_his_minimum_or_nothing_and_never_more_than_is_of_use(supply in supply(), takers in takers()) {
        for (taker, share) in told(&takers, &plan_of(&supply, &takers)) {
            let has = share.current;
            prop_assert!(has == Current::ZERO || (taker.least() <= has && has <= taker.cap() && has <= taker.max), "{share:?}");
            prop_assert!(taker.session.is_some() || has == Current::ZERO);
        }
    }

    #[test]
    fn nothing_is_left_that_somebody_could_take(supply in supply(), takers in takers()) {
        let shares = plan_of(&supply, &takers);
        let left = left(&supply, &takers, &shares);
        for (taker, share) in told(&takers, &shares).filter(|(taker, _)| taker.session.is_some()) {
            let rises = |other: &(&Taker, &Share)| other.1.current > Current::ZERO && other.1.current < other.0.cap();
            if share.current == Current::ZERO {
                let rests = matches!(share.reason, Reason::Rest(_));
                let fits = taker.uses.iter().all(|phase| left[phase.index()] >= (taker.least() - taker.floor).0);
                prop_assert!(rests || taker.max < taker.min || !fits, "{share:?} of {left:?}");
            } else if rises(&(taker, share)) {
                // Of what is left each of those who are alike could not have a tenth more.
                let is_full = |phase: Phase| {
                    let alike = told(&takers, &shares).filter(|(other, _)| other.priority == taker.priority && other.uses.has(phase));
                    left[phase.index()] < i32::try_from(alike.filter(rises).count()).unwrap_or(i32::MAX)
                };
                prop_assert!(taker.uses.iter().any(is_full), "{share:?} of {left:?}");
            }
        }
    }

    #[test]
    fn equals_that_charge_get_equal(supply in supply(), takers in takers()) {
        let mut given = BTreeMap::new();
        for (taker, share) in told(&takers, &plan_of(&supply, &takers)).filter(|(_, share)| share.current > Current::ZERO) {
            let uses: Vec<Phase> = taker.uses.iter().collect();
            let alike = (uses, taker.least(), taker.cap(), taker.priority);
            let first = *given.entry(alike).or_insert(share.current);
            prop_assert_eq!(first, share.current);
        }
    }

    #[test]
    fn more_limit_serves_nobody_worse_who_comes_first(supply in supply(), takers in takers(), more in [current(0..=40), current(0..=40), current(0..=40)]) {
        let mut wider = supply;
        for (limit, more) in wider.limits.iter_mut().zip(more) {
            *limit += more;
        }
        prop_assert!(answers(&wider, &takers) >= answers(&supply, &takers));
        // Where all cars are alike, that is as many or more.
        let alike: Vec<Taker> = takers.iter().map(|taker| Taker { uses: Phases::ALL, min: Current::tenths(60), floor: Current::ZERO, ..*taker }).collect();
        let served = |supply| answers(supply, &alike).into_iter().filter(|is_served| *is_served).count();
        prop_assert!(served(&wider) >= served(&supply));
    }

    #[test]
    fn a_plan_depends_on_nothing_else(supply in supply(), takers in takers().prop_shuffle()) {
        let by_key = |shares: Vec<Share>| shares.into_iter().map(|share| (share.key, share)).collect::<BTreeMap<_, _>>();
        let mut sorted = takers.clone();
        sorted.sort_by_key(|taker| taker.key);
        prop_assert_eq!(by_key(plan_of(&supply, &takers)), by_key(plan_of(&supply, &sorted)));
    }
}
