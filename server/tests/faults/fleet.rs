//! Charge points that do what they may as fast as they are answered, remember all of it, and tell again what was not answered.

use bmw_domain::charger::HappeningKind;
use bmw_domain::record::{ChargePointKey, TransactionId};
use bmw_store::{SessionFilter, Store};
use bmw_testkit::charger::{Charger, frames, written};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// 2025-01-01: sessions of the past, an hour each.
const BEGIN: i64 = 1_735_689_600_000;
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;
/// Values in a session, and its energy.
const VALUES: i64 = 5;
const ENERGY: i64 = 100;
/// What the store keeps at least of what happened at a charge point.
const HAPPENINGS: u32 = 1_000;

/// What a charge point was answered about one of its sessions.
#[derive(Debug, Clone, Default)]
struct Answered {
    /// Its number, once the start is answered.
    id: Option<i64>,
    /// How many values were answered.
    values: usize,
    is_stopped: bool,
}

/// What a charge point was answered.
#[derive(Debug, Clone, Default)]
struct Answers {
    sessions: Vec<Answered>,
    /// How many starts of its own.
    boots: usize,
}

type Book = Arc<Mutex<Answers>>;

/// Many charge points.
pub struct Fleet {
    chargers: JoinSet<()>,
    books: Vec<Book>,
    /// Where the central system is, while there is one.
    address: watch::Sender<Option<SocketAddr>>,
    ending: watch::Sender<bool>,
    /// How many answers there were.
    answers: watch::Sender<u64>,
    /// How many messages were told again.
    repeated: watch::Sender<u64>,
}

/// One of them.
struct Member {
    identity: String,
    book: Book,
    connection: Option<Charger>,
    address: watch::Receiver<Option<SocketAddr>>,
    answers: watch::Sender<u64>,
    repeated: watch::Sender<u64>,
}

fn identity(number: usize) -> String {
    format!("CP{number:03}")
}

impl Fleet {
    pub fn start(count: usize) -> Self {
        let books: Vec<Book> = (0..count).map(|_| Book::default()).collect();
        let (address, ending) = (watch::Sender::new(None), watch::Sender::new(false));
        let (answers, repeated) = (watch::Sender::new(0), watch::Sender::new(0));
        let mut chargers = JoinSet::new();
        for (number, book) in books.iter().enumerate() {
            let member = Member {
                identity: identity(number),
                book: Arc::clone(book),
                connection: None,
                address: address.subscribe(),
                answers: answers.clone(),
                repeated: repeated.clone(),
            };
            chargers.spawn(member.live(ending.subscribe()));
        }
        Self { chargers, books, address, ending, answers, repeated }
    }

    /// The central system is there.
    pub fn meets(&self, address: SocketAddr) {
        self.address.send_replace(Some(address));
    }

    /// There is none any more.
    pub fn is_alone(&self) {
        self.address.send_replace(None);
    }

    /// Waits for so many answers more.
    pub async fn is_answered(&mut self, times: u64) {
        let mut answers = self.answers.subscribe();
        let until = *answers.borrow_and_update() + times;
        tokio::select! {
            outcome = answers.wait_for(|answers| *answers >= until) => drop(outcome.unwrap()),
            Some(ended) = self.chargers.join_next() => panic!("a charge point ended: {ended:?}"),
        }
    }

    /// How many answers there were.
    pub fn answers(&self) -> u64 {
        *self.answers.borrow()
    }

    /// How many messages were told again.
    pub fn repeated(&self) -> u64 {
        *self.repeated.borrow()
    }

    /// Each charge point ends its session.
    pub async fn end(&mut self) {
        self.ending.send_replace(true);
        while let Some(ended) = self.chargers.join_next().await {
            ended.unwrap();
        }
    }

    /// Everything that was answered is stored, once and in order; nothing else is, but for what was on its way.
    pub async fn agrees_with(&self, store: &dyn Store) {
        let inventory = store.inventory().await.unwrap();
        let is_over = *self.ending.borrow();
        let mut energy = 0;
        for (number, book) in self.books.iter().enumerate() {
            let book = book.lock().unwrap().clone();
            let identity = identity(number);
            let point = inventory.charge_points.iter().find(|it| it.charge_point.identity.as_str() == identity);
            let Some(point) = point else {
                assert_eq!(book.boots, 0, "{identity} was answered");
                continue;
            };
            keeps_boots(store, &identity, point.key, book.boots).await;
            let book = book.sessions;
            let filter = SessionFilter { charge_point: Some(point.key), ..SessionFilter::default() };
            let mut stored = store.find_sessions(&filter, None, 100_000).await.unwrap().sessions;
            stored.sort_by_key(|session| session.id);
            let answered: Vec<i64> = book.iter().filter_map(|answered| answered.id).collect();
            let ids: Vec<i64> = stored.iter().map(|session| session.id.0.into()).collect();
            assert!(ids.starts_with(&answered), "{identity}: answered {answered:?}, stored {ids:?}");
            assert!(ids.len() <= answered.len() + usize::from(!is_over), "{identity}: {answered:?} {ids:?}");
            for (answered, session) in book.iter().zip(&stored) {
                let values = store.meter_values_of(TransactionId(session.id.0)).await.unwrap();
                let is_on_its_way = usize::from(!is_over && !answered.is_stopped);
                assert!(
                    (answered.values..=answered.values + is_on_its_way).contains(&values.len()),
                    "{identity} {}: {} values are answered, {} stored",
                    session.id.0,
                    answered.values,
                    values.len()
                );
                assert!(values.windows(2).all(|pair| pair[0].at < pair[1].at));
                assert!(!answered.is_stopped || session.finished_at.is_some(), "{identity} {}", session.id.0);
                if session.finished_at.is_some() {
                    assert_eq!(session.energy.wh(), ENERGY, "{identity} {}", session.id.0);
                    energy += ENERGY;
                }
            }
            let total = stored.iter().filter(|session| session.finished_at.is_some()).count();
            let total = i64::try_from(total).unwrap() * ENERGY;
            assert_eq!(point.charge_point.total_energy.unwrap_or_default().wh(), total, "{identity}");
            assert_eq!(usize::try_from(point.last_cycle).unwrap(), stored.len(), "{identity}");
        }
        let found = store.findings(None, 100).await.unwrap();
        assert!(found.is_empty(), "{found:?}");
        let sums: i64 = store.energy_by_day().await.unwrap().iter().map(|sum| sum.energy.wh()).sum();
        assert_eq!(sums, energy);
        store.rebuild_energy_by_day().await.unwrap();
        let rebuilt: i64 = store.energy_by_day().await.unwrap().iter().map(|sum| sum.energy.wh()).sum();
        assert_eq!(rebuilt, energy);
    }
}

/// Each start of its own that was answered has happened, as far back as that is kept. One may have been told twice.
async fn keeps_boots(store: &dyn Store, identity: &str, key: ChargePointKey, answered: usize) {
    let happened = store.happenings(key, HAPPENINGS).await.unwrap();
    let boots = happened.iter().filter(|happening| happening.kind == HappeningKind::Boot).count();
    let is_all = happened.len() < HAPPENINGS as usize;
    assert!(!is_all || boots >= answered, "{identity}: {answered} starts are answered, {boots} stored");
}

/// Whether an answer tells the time.
#[track_caller]
fn is_time(time: &Value) {
    let text = time.as_str().unwrap_or_default();
    assert!(text.len() > 19 && text.ends_with('Z'), "{time}");
}

impl Member {
    async fn live(mut self, ending: watch::Receiver<bool>) {
        let mut number = 0;
        while !*ending.borrow() {
            self.session(number).await;
            number += 1;
        }
    }

    async fn session(&mut self, number: i64) {
        let at = |minute: i64| written(BEGIN + number * HOUR + minute * MINUTE);
        let register = number * ENERGY;
        let booted = self.tell("BootNotification", &frames::boot()).await;
        assert_eq!((&booted["status"], &booted["interval"]), (&json!("Accepted"), &json!(60)), "{booted}");
        is_time(&booted["currentTime"]);
        self.note(|book| book.boots += 1);
        self.status("Available").await;
        let authorized = self.tell("Authorize", &json!({ "idTag": "CARD" })).await;
        assert_eq!(authorized, json!({ "idTagInfo": { "status": "Accepted" } }));
        self.note(|book| book.sessions.push(Answered::default()));
        let started = self.tell("StartTransaction", &frames::start(register, &at(0))).await;
        let id = started["transactionId"].as_i64().unwrap();
        assert_eq!(started["idTagInfo"]["status"], "Accepted");
        self.note(|book| book.sessions.last_mut().unwrap().id = Some(id));
        self.status("Charging").await;
        for value in 1..=VALUES {
            let told = self.tell("MeterValues", &frames::meter(id, register + value * 10, &at(value))).await;
            assert_eq!(told, json!({}));
            self.note(|book| book.sessions.last_mut().unwrap().values += 1);
        }
        is_time(&self.tell("Heartbeat", &json!({})).await["currentTime"]);
        let stopped = self.tell("StopTransaction", &frames::stop(id, register + ENERGY, &at(VALUES + 1))).await;
        assert_eq!(stopped, json!({}));
        self.note(|book| book.sessions.last_mut().unwrap().is_stopped = true);
    }

    async fn status(&mut self, status: &str) {
        assert_eq!(self.tell("StatusNotification", &frames::status(1, status)).await, json!({}));
    }

    fn note(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.book.lock().unwrap());
    }

    /// Tells it until it is answered.
    async fn tell(&mut self, action: &str, payload: &Value) -> Value {
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => self.connect().await,
            };
            match connection.call(action, payload).await {
                Ok(answer) => {
                    self.connection = Some(connection);
                    self.answers.send_modify(|answers| *answers += 1);
                    return answer;
                }
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {
                    self.repeated.send_modify(|repeated| *repeated += 1);
                }
                // A wrong answer, or neither an answer nor an end.
                Err(error) => panic!("{}: {error}", self.identity),
            }
        }
    }

    async fn connect(&mut self) -> Charger {
        loop {
            let address = self.address.wait_for(Option::is_some).await.unwrap().unwrap();
            match Charger::plug_in(address, &self.identity).await {
                Ok(connection) => return connection,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}
