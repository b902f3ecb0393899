//! The site's breaker: what flows on each phase, by an ammeter of its own, while cars come and go, connections are lost, some charge
//! points ignore what they are told, and the program is killed again and again.

use crate::program::{Database, Program};
use bmw_domain::calendar::Timestamp;
use bmw_domain::phase::PhaseSequence;
use bmw_domain::settings::Settings;
use bmw_simulator::{Hands, Options, Unit};
use bmw_store::AuditEntry;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long more may flow than there is.
const BORNE: Duration = Duration::from_secs(10);
/// How long it takes at the very beginning until everybody was told.
const FIRST: Duration = Duration::from_secs(25);
/// How often the ammeter is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How much faster than the clock the charge points live.
const SPEED: f64 = 100.0;

/// A charge point; each third has one phase.
fn unit(number: usize, ignores_limits: bool) -> Unit {
    Unit {
        identity: format!("SIM{number:02}"),
        model: "Simulated".to_owned(),
        vendor: "BMW".to_owned(),
        firmware: "1.0".to_owned(),
        phases: if number.is_multiple_of(3) { 1 } else { 3 },
        amperes: 32.0,
        cars_a_day: 30.0,
        busy: 0.0,
        faults_a_day: 2.0,
        losses_a_day: 8.0,
        is_broken: false,
        ignores_limits,
    }
}

/// What is seen of the phases.
struct Ammeter {
    hands: Hands,
    ignoring: HashSet<String>,
    limit: f64,
    over_since: [Option<Instant>; 3],
    highest: [f64; 3],
    /// Ampere-seconds, to see that anything was given at all.
    charge: f64,
}

impl Ammeter {
    fn look(&mut self) {
        let (mut all, mut ignoring) = ([0.0; 3], [0.0; 3]);
        for (identity, lines) in self.hands.flowing() {
            for (amperes, phase) in lines.into_iter().zip(PhaseSequence::ABC.phases()) {
                all[phase.index()] += amperes;
                if self.ignoring.contains(&identity) {
                    ignoring[phase.index()] += amperes;
                }
            }
        }
        for phase in 0..3 {
            self.highest[phase] = self.highest[phase].max(all[phase]);
            self.charge += all[phase] * LOOK.as_secs_f64();
            let over = all[phase] - self.limit;
            assert!(
                over <= ignoring[phase] + 1e-6,
                "{} of {} A, {} by who ignores it",
                all[phase],
                self.limit,
                ignoring[phase]
            );
            if over > 1e-6 {
                let since = *self.over_since[phase].get_or_insert_with(Instant::now);
                assert!(since.elapsed() <= BORNE, "{} of {} A for {:?}", all[phase], self.limit, since.elapsed());
            } else {
                self.over_since[phase] = None;
            }
        }
    }

    async fn watch(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look();
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn prepared(limit: u32) -> Database {
    let database = Database::sqlite();
    let store = database.open().await;
    let settings = Settings { current_distribution: true, max_current: [limit; 3], ..Settings::default() };
    let audit = AuditEntry {
        at: Timestamp(0),
        actor: "test".to_owned(),
        origin: String::new(),
        action: "settings.save".to_owned(),
        subject: String::new(),
        before: "null".to_owned(),
        after: "null".to_owned(),
    };
    store.save_settings(&settings, &audit).await.unwrap();
    store.close().await;
    database
}

/// So many charge points on a supply of so much, some of which ignore what they are told, for so long; killed each time after
/// a part of that.
async fn lived(chargers: usize, ignoring: usize, limit: u32, (part, deaths): (Duration, u32)) {
    let database = prepared(limit).await;
    let mut program = Program::start(&database);
    let address = program.address.to_string();
    let units: Vec<Unit> = (0..chargers).map(|number| unit(number, number < ignoring)).collect();
    let hands = Hands::default();
    let mut ammeter = Ammeter {
        hands: hands.clone(),
        ignoring: units.iter().filter(|unit| unit.ignores_limits).map(|unit| unit.identity.clone()).collect(),
        limit: f64::from(limit),
        over_since: [None; 3],
        highest: [0.0; 3],
        charge: 0.0,
    };
    let options = Options {
        url: format!("ws://{address}/ocpp"),
        roots: None,
        units,
        seed: 7,
        speed: SPEED,
        hour: Some(7.0),
        password: None,
    };
    let ending = watch::Sender::new(false);
    let living = tokio::spawn(bmw_simulator::run(options, hands, ending.subscribe()));
    tokio::time::sleep(FIRST).await;
    ammeter.watch(part).await;
    for death in 0..deaths {
        program.kill();
        // It comes back at once, or only after what was told has run out.
        ammeter.watch(Duration::from_secs(if death % 3 == 2 { 130 } else { 3 })).await;
        program = Program::start_at(&database, &address);
        ammeter.watch(part).await;
    }
    ending.send_replace(true);
    living.await.unwrap();
    program.terminate();
    println!("highest {:?} of {limit} A, {:.0} Ah in all", ammeter.highest, ammeter.charge / 3600.0);
    assert!(ammeter.highest[0] > 0.5 * f64::from(limit), "it is used: {:?}", ammeter.highest);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_breaker_holds_while_the_program_is_killed() {
    lived(12, 1, 80, (Duration::from_secs(20), 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, see cargo xtask faults"]
async fn the_breaker_holds_for_a_day_of_50_chargers() {
    // 864 s of the clock are a day of theirs.
    lived(50, 3, 250, (Duration::from_secs(75), 7)).await;
}
