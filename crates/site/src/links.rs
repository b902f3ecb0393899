//! The connections of charge points, as those see them who have something to ask of a charge point.

use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::Answer;
use bmw_domain::charger::event::{Accepted, Event};
use bmw_domain::record::ChargePointKey;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// How many orders may wait for one charge point. They are boxed: an idle channel has room for 32 of them.
const WAITING: usize = 8;

/// Something to be asked of a charge point.
#[derive(Debug)]
pub struct Order {
    /// The protocol's name of it.
    pub action: &'static str,
    /// Its payload.
    pub payload: Value,
    /// Told when it has left: the moment before.
    pub sent: oneshot::Sender<Timestamp>,
    /// Where the reply goes.
    pub reply: ReplyTo,
}

/// Where a reply goes. It is dropped when the connection is lost before one has come.
#[derive(Debug)]
pub struct ReplyTo {
    /// What the charge point tells by accepting.
    accepted: Accepted,
    sender: oneshot::Sender<Replied>,
}

/// A reply that has come.
#[derive(Debug)]
pub struct Replied {
    pub(crate) reply: Reply,
    /// Told when what follows from it is stored; `None` where nothing does.
    pub(crate) noted: Option<oneshot::Receiver<Answer>>,
}

impl ReplyTo {
    pub(crate) fn new(accepted: Accepted) -> (Self, oneshot::Receiver<Replied>) {
        let (sender, receiver) = oneshot::channel();
        (Self { accepted, sender }, receiver)
    }

    /// What a charge point tells by a reply. It must be handed in before what it tells next: a status that follows an
    /// acceptance is the newer one.
    pub fn told_by(&self, reply: &Reply) -> Option<Event> {
        reply.is_accepted().then(|| Event::Accepted(self.accepted.clone()))
    }

    /// Hands on the reply, and where to hear that what was told by it is stored.
    pub fn send(self, reply: Reply, noted: Option<oneshot::Receiver<Answer>>) {
        // Who asked may have gone meanwhile.
        drop(self.sender.send(Replied { reply, noted }));
    }
}

/// What a charge point replies.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// An answer.
    Result(Value),
    /// A refusal: the code and its description.
    Error(String, String),
    /// Nothing in time.
    TimedOut,
}

impl Reply {
    /// Whether the charge point says that it will do what it was asked.
    fn is_accepted(&self) -> bool {
        let Self::Result(result) = self else { return false };
        match result.get("status").and_then(Value::as_str) {
            None => true,
            Some(status) => matches!(status, "Accepted" | "Scheduled" | "RebootRequired" | "Unlocked"),
        }
    }
}

/// All connections.
#[derive(Debug, Default)]
pub struct Links {
    open: Mutex<HashMap<ChargePointKey, Link>>,
    last: AtomicU64,
}

/// The site's end of a link.
#[derive(Debug)]
struct Link {
    id: u64,
    /// Where the charge point reaches the site.
    address: Option<Box<str>>,
    orders: mpsc::Sender<Box<Order>>,
    /// Dropped with the link: that is how its other end hears of it.
    _held: oneshot::Sender<()>,
}

/// The connection's end of a link.
#[derive(Debug)]
pub struct LinkEnd {
    /// By which the connection closes itself, and no other.
    pub id: u64,
    /// What is to be asked.
    pub orders: mpsc::Receiver<Box<Order>>,
    /// Ends when the connection counts no more: a newer one of the same charge point has come, or the program ends.
    pub gone: oneshot::Receiver<()>,
}

impl Links {
    /// A charge point is connected. A connection that it had before is let go. `address` is where it reaches the site by HTTP,
    /// such as `http://10.0.0.1:8000`.
    pub fn open(&self, charge_point: ChargePointKey, address: Option<Box<str>>) -> LinkEnd {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, orders) = mpsc::channel(WAITING);
        let (held, gone) = oneshot::channel();
        self.lock().insert(charge_point, Link { id, address, orders: sender, _held: held });
        LinkEnd { id, orders, gone }
    }

    /// A connection is gone. `false` when a newer one has taken its place: nothing is lost then.
    pub fn close(&self, charge_point: ChargePointKey, id: u64) -> bool {
        let mut open = self.lock();
        let is_own = open.get(&charge_point).is_some_and(|link| link.id == id);
        if is_own {
            open.remove(&charge_point);
        }
        is_own
    }

    /// Lets go of all connections: the program ends.
    pub fn close_all(&self) {
        self.lock().clear();
    }

    /// Where orders for a charge point are handed in; `None` while it is not connected.
    pub(crate) fn orders(&self, charge_point: ChargePointKey) -> Option<mpsc::Sender<Box<Order>>> {
        self.lock().get(&charge_point).map(|link| link.orders.clone())
    }

    /// Where a charge point reaches the site by HTTP; `None` while it is not connected.
    pub(crate) fn address(&self, charge_point: ChargePointKey) -> Option<Box<str>> {
        self.lock().get(&charge_point).and_then(|link| link.address.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ChargePointKey, Link>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_is_accepted_says_something_of_the_charge_point() {
        let (to, _) = ReplyTo::new(Accepted::Reset);
        for status in ["Accepted", "Scheduled", "RebootRequired", "Unlocked"] {
            let reply = Reply::Result(json!({ "status": status }));
            assert_eq!(to.told_by(&reply), Some(Event::Accepted(Accepted::Reset)), "{status}");
        }
        assert!(to.told_by(&Reply::Result(json!({ "configurationKey": [] }))).is_some());
        for status in ["Rejected", "Occupied", "UnlockFailed", "NotSupported", "Accepted?"] {
            assert_eq!(to.told_by(&Reply::Result(json!({ "status": status }))), None, "{status}");
        }
        assert_eq!(to.told_by(&Reply::TimedOut), None);
        assert_eq!(to.told_by(&Reply::Error("NotSupported".to_owned(), String::new())), None);
    }

    #[tokio::test]
    async fn a_new_connection_wins_and_the_old_ones_close_removes_only_itself() {
        let links = Links::default();
        let key = ChargePointKey(1);
        let old = links.open(key, Some("http://10.0.0.1".into()));
        let new = links.open(key, None);
        assert!(old.gone.await.is_err(), "the old one is let go");
        assert!(!links.close(key, old.id));
        assert_eq!(links.address(key), None, "what counts is where the new one came in");
        assert!(links.orders(key).is_some());
        assert!(links.close(key, new.id));
        assert!(links.orders(key).is_none());
    }
}
