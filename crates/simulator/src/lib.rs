//! Charge points in software: they speak OCPP 1.6-J over a real socket, and behave like those in the field. Cars come by the
//! time of day, take what they get and taper off; cards are held to readers, faults happen, connections are lost and what was
//! not told then is told later. They obey commands and charging profiles.
//!
//! Architecture invariant: nothing of the site is used here. This is the other end.

mod car;
mod link;
mod obey;
mod point;
mod profile;
mod upload;

pub use point::Unit;

use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
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
    /// Where they connect: `ws://HOST:PORT/ocpp`; their identities are put behind it.
    pub url: String,
    /// Which.
    pub units: Vec<Unit>,
    /// The same number makes the same behaviour.
    pub seed: u64,
    /// How much faster than the clock their time goes.
    pub speed: f64,
}

/// Where deeds are handed in. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hands(Arc<Mutex<HashMap<String, mpsc::Sender<Deed>>>>);

impl Hands {
    /// Does something to a charge point; `false` when there is none of that identity, or too much is done to it at once.
    pub fn act(&self, identity: &str, deed: Deed) -> bool {
        let points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        points.get(identity).is_some_and(|point| point.try_send(deed).is_ok())
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
    for (number, unit) in options.units.into_iter().enumerate() {
        let (sender, deeds) = mpsc::channel(8);
        hands.0.lock().unwrap_or_else(PoisonError::into_inner).insert(unit.identity.clone(), sender);
        let mut hasher = DefaultHasher::new();
        (options.seed, &unit.identity).hash(&mut hasher);
        let random = StdRng::seed_from_u64(hasher.finish());
        // Not all at the same moment.
        let wait = Duration::from_millis(50) * u32::try_from(number % 200).unwrap_or(0);
        points.spawn(link::live(options.url.clone(), unit, random, options.speed, wait, deeds, ending.clone()));
    }
    while points.join_next().await.is_some() {}
}
