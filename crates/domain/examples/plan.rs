//! How long a plan takes, for `cargo xtask bench`: of so many cars on a supply that is too small for them, and beside it the yardstick, which
//! puts as many into their order and does nothing else.

use bmw_domain::calendar::Timestamp;
use bmw_domain::distribution::{Bound, Current, Hold, Phases, Rules, Session, Supply, Taker, plan};
use bmw_domain::energy::Energy;
use bmw_domain::phase::PhaseSequence;
use bmw_domain::record::ChargePointKey;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How often each is measured: the median counts.
const ROUNDS: usize = 301;

/// Cars that differ in all that the order depends on, a third of them with one phase.
fn takers(count: i32) -> Vec<Taker> {
    let sequences = PhaseSequence::ALL.map(|text| PhaseSequence::parse(text).unwrap_or_default());
    let taker = |key: i32| {
        let mixed = key.wrapping_mul(7919).rem_euclid(1009);
        let lines = if key % 3 == 0 { 1 } else { 3 };
        let wired = Phases::wired(lines, sequences[(mixed % 6).unsigned_abs() as usize]);
        Taker {
            key: ChargePointKey(key),
            wired,
            uses: wired,
            min: Current::tenths(60),
            max: Current::tenths(160 + mixed % 160),
            bound: Bound::Model,
            floor: Current::ZERO,
            takes: (mixed % 5 == 0).then_some(Current::tenths(90)),
            priority: (mixed % 11).unsigned_abs(),
            session: Some(Session {
                since: Timestamp(i64::from(mixed) * 1000),
                is_served: mixed % 2 == 0,
                switched: None,
                energy: Energy::from_wh(mixed.into()),
                is_sated: false,
            }),
            hold: Hold::Confirmed,
        }
    };
    (1..=count).map(taker).collect()
}

fn median(mut measure: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            measure();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn main() {
    for count in [50, 5_000] {
        let takers = takers(count);
        // 40 % of what all want.
        let limit = Current::tenths(count * 100);
        let supply = Supply { limits: [limit; 3], headroom: Current::tenths(10), others: [Some(Current::ZERO); 3] };
        let now = Timestamp(10_000_000);
        let planned = median(|| drop(black_box(plan(&supply, black_box(&takers), now, Rules::default()))));
        let sorted = median(|| {
            let mut sorted = black_box(&takers).clone();
            sorted.sort_by_key(|taker| (taker.priority, taker.max, taker.key));
            drop(black_box(sorted));
        });
        println!("{count} {} {}", planned.as_nanos(), sorted.as_nanos());
    }
}
