//! Charge points in software: they speak OCPP 1.6-J over a real socket, and behave like those in the field. Cars come by the
//! time of day, take what they get and taper off; cards are held to readers, faults happen, connections are lost and what was
//! not told then is told later. They obey commands and charging profiles.
//!
//! Architecture invariant: nothing of the site is used here. This is the other end.

mod car;
mod cards;
mod line;
mod link;
mod obey;
mod point;
mod profile;
mod settings;
mod times;
mod upload;

pub use line::Roots;
pub use point::Unit;

use link::{Clock, Pauses};
use point::Point;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// What a person does to a charge point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Plugs a car in, and holds a card to the reader.
    PlugIn,
    /// Pulls the car out.
    PullOut,
    /// Holds the car's card to the reader: ends the session that runs, or begins one with the car that is there.
    Card,
    /// Breaks it.
    Break,
    /// Mends it.
    Mend,
    /// Cuts its network cable, for a while.
    Unplug,
}

/// How charge points are simulated.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where they connect: `ws://HOST:PORT/ocpp`, or `wss`; their identities are put behind it.
    pub url: String,
    /// What the certificate must lead to where they connect by TLS.
    pub roots: Option<Roots>,
    /// Which.
    pub units: Vec<Unit>,
    /// The same number makes the same behaviour.
    pub seed: u64,
    /// How much faster than the clock their time goes, at most [`SPEED_MOST`]: cars, faults, pauses, intervals, and the periods
    /// and durations of charging profiles that count from a session's start. The instants that they tell and are told stay those
    /// of the clock, and so does what lasts from an instant on, so that a central system finds nothing wrong with them; a session
    /// then has its energy in less time.
    pub speed: f64,
    /// The hour of the day that they begin at, 0–24; `None`: that of the clock.
    pub hour: Option<f64>,
    /// By what each proves who it is, until it is sent another one.
    pub password: Option<String>,
}

/// The highest speed.
pub const SPEED_MOST: f64 = 3_000.0;

/// What flows at a charge point, on its lines L1, L2, L3, A.
type Flowing = Arc<Mutex<[f64; 3]>>;

/// Where deeds are handed in, and what flows is seen. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hands(Arc<Mutex<HashMap<String, (mpsc::Sender<Deed>, Flowing)>>>);

impl Hands {
    /// Does something to a charge point; `false` when there is none of that identity, or too much is done to it at once.
    pub fn act(&self, identity: &str, deed: Deed) -> bool {
        let points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        points.get(identity).is_some_and(|(point, _)| point.try_send(deed).is_ok())
    }

    /// What flows at each charge point now, on its lines L1, L2, L3, A: as an ammeter has it, whatever the charge point says.
    pub fn flowing(&self) -> HashMap<String, [f64; 3]> {
        let points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |flowing: &Flowing| *flowing.lock().unwrap_or_else(PoisonError::into_inner);
        points.iter().map(|(identity, (_, flowing))| (identity.clone(), read(flowing))).collect()
    }

    /// The identities of all.
    pub fn identities(&self) -> Vec<String> {
        let points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut identities: Vec<String> = points.keys().cloned().collect();
        identities.sort_unstable();
        identities
    }
}

/// Simulates charge points until `ending` becomes true.
pub async fn run(options: Options, hands: Hands, ending: watch::Receiver<bool>) {
    let mut points = JoinSet::new();
    let hour = options.hour.unwrap_or_else(link::hour);
    let speed = options.speed.min(SPEED_MOST);
    for (number, unit) in options.units.into_iter().enumerate() {
        let (sender, deeds) = mpsc::channel(8);
        let flowing = Flowing::default();
        let hand = (sender, Arc::clone(&flowing));
        hands.0.lock().unwrap_or_else(PoisonError::into_inner).insert(unit.identity.clone(), hand);
        let (mut point, pauses) = charge_point(unit, options.seed, hour, speed);
        point.password.clone_from(&options.password);
        // Not all at the same moment.
        let wait = Duration::from_millis(50) * u32::try_from(number % 200).unwrap_or(0);
        let clock = Clock::new(speed, flowing);
        let address = (options.url.clone(), options.roots.clone());
        points.spawn(link::live(address, point, clock, pauses, wait, deeds, ending.clone()));
    }
    while points.join_next().await.is_some() {}
}

/// A charge point and the pauses of its connection. Each has a generator of its own: what the network does to it changes
/// nothing of the cars that come.
fn charge_point(unit: Unit, seed: u64, hour: f64, speed: f64) -> (Point, Pauses) {
    let random = |purpose: &str| {
        let words = [&seed.to_le_bytes(), unit.identity.as_bytes(), purpose.as_bytes()];
        StdRng::seed_from_u64(mixed(&words))
    };
    let (behaviour, connection) = (random("behaviour"), random("connection"));
    (Point::new(unit, behaviour, hour, speed), Pauses::new(connection))
}

/// Makes a number of some words, the same everywhere and always (FNV-1a).
fn mixed(words: &[&[u8]]) -> u64 {
    words
        .iter()
        .copied()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use point::tests::{answered, unit};

    /// What some hours bring, without times; before, it fails to connect so many times.
    fn hours(seed: u64, hour: f64, failures: u32) -> Vec<String> {
        let (mut point, mut pauses) = charge_point(Unit { cars_a_day: 40.0, ..unit() }, seed, hour, 1.0);
        for _ in 0..failures {
            pauses.after_failure();
        }
        point.connected();
        let mut told = Vec::new();
        for _ in 0..12 * 3_600 {
            point.tick();
            told.extend(answered(&mut point));
        }
        told
    }

    #[test]
    fn the_same_seed_and_hour_bring_the_same_whatever_the_network_does() {
        let first = hours(3, 8.0, 0);
        assert!(first.iter().filter(|told| told.starts_with("StartTransaction")).count() >= 2);
        // They are too long to be shown.
        assert!(first == hours(3, 8.0, 5), "the network changes what happens");
        assert!(first != hours(4, 8.0, 0) && first != hours(3, 20.0, 0));
    }

    #[test]
    fn seeds_are_mixed_the_same_everywhere() {
        // The test vectors of FNV-1a.
        assert_eq!(mixed(&[b""]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(mixed(&[b"a"]), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(mixed(&[b"foo", b"bar"]), 0x8594_4171_f739_67e8);
    }
}
