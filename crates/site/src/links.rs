//! The connections of charge points, as those see them who have something to ask of a charge point.

use crate::charger_passwords::Held;
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::Answer;
use bmw_domain::charger::event::{Accepted, Event};
use bmw_domain::distribution::is_ours;
use bmw_domain::record::ChargePointKey;
use futures::task::AtomicWaker;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// How many orders may wait for one charge point.
const WAITING: usize = 64;

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
        let is_told = reply.is_accepted() || self.is_gone(reply);
        is_told.then(|| Event::Accepted(self.accepted.clone()))
    }

    /// Whether a limit of a number was to go that is not there any more (OCPP 1.6, 7.24 `ClearChargingProfileStatus`).
    fn is_gone(&self, reply: &Reply) -> bool {
        let is_one = matches!(&self.accepted, Accepted::NoLimit(which) if which.id.is_some_and(is_ours));
        is_one && matches!(reply, Reply::Result(result) if result["status"] == "Unknown")
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
    pub(crate) fn is_accepted(&self) -> bool {
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

/// The site's end of a link. It closes the link when it is dropped.
#[derive(Debug)]
struct Link {
    id: u64,
    /// Where the charge point reaches the site.
    address: Option<Box<str>>,
    /// The password that the charge point has proven.
    by: Option<Arc<Held>>,
    orders: Arc<Orders>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.orders.close();
    }
}

/// The connection's end of a link. Orders that it has not taken are given up when it is dropped.
#[derive(Debug)]
pub struct LinkEnd {
    /// By which the connection closes itself, and no other.
    pub id: u64,
    orders: Arc<Orders>,
}

impl LinkEnd {
    /// What the site wants next; `None` when the connection counts no more: a newer one of the same charge point has come, what it
    /// has proven holds no more, or the program ends. While `takes_orders` is not set it only waits for that.
    pub async fn next(&mut self, takes_orders: bool) -> Option<Box<Order>> {
        std::future::poll_fn(|cx| self.orders.poll_next(takes_orders, cx)).await
    }

    /// Whether what the connection has proven holds no more: nothing is taken from it.
    pub fn is_unproven(&self) -> bool {
        self.orders.is_unproven.load(Ordering::Acquire)
    }
}

impl Drop for LinkEnd {
    fn drop(&mut self) {
        self.orders.close();
    }
}

/// The orders that wait for a charge point. Nearly always there are none, and there are many charge points: a channel of the
/// library would hold a kilobyte for each.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    queue: Mutex<Queue>,
    /// Of the connection.
    waker: AtomicWaker,
    /// Closed since the charge point has another password. Beside the queue: it is looked at with each frame.
    is_unproven: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Box<Order>>,
    is_closed: bool,
}

/// Why an order is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// The connection is gone.
    Closed,
    /// Too many wait.
    Full,
}

impl Orders {
    /// Hands in an order. It is dropped when the connection ends before it was taken.
    pub(crate) fn hand_in(&self, order: Box<Order>) -> Result<(), NotTaken> {
        {
            let mut queue = self.lock();
            if queue.is_closed {
                return Err(NotTaken::Closed);
            }
            if queue.waiting.len() >= WAITING {
                queue.waiting.retain(|order| !order.sent.is_closed());
            }
            if queue.waiting.len() >= WAITING {
                return Err(NotTaken::Full);
            }
            queue.waiting.push_back(order);
        }
        self.waker.wake();
        Ok(())
    }

    fn poll_next(&self, takes_orders: bool, cx: &Context<'_>) -> Poll<Option<Box<Order>>> {
        // Before the look: what comes after it wakes.
        self.waker.register(cx.waker());
        let mut queue = self.lock();
        if queue.is_closed {
            return Poll::Ready(None);
        }
        if !takes_orders {
            return Poll::Pending;
        }
        let Some(order) = queue.waiting.pop_front() else { return Poll::Pending };
        if queue.waiting.is_empty() {
            queue.waiting = VecDeque::new();
        }
        Poll::Ready(Some(order))
    }

    fn close(&self) {
        let given_up = {
            let mut queue = self.lock();
            queue.is_closed = true;
            std::mem::take(&mut queue.waiting)
        };
        self.waker.wake();
        drop(given_up);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Links {
    /// A charge point is connected. A connection that it had before is let go. `address` is where it reaches the site by HTTP,
    /// such as `http://10.0.0.1:8000`; `by` is the password that it has proven.
    pub(crate) fn open(
        &self,
        charge_point: ChargePointKey,
        address: Option<Box<str>>,
        by: Option<Arc<Held>>,
    ) -> LinkEnd {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let orders = Arc::<Orders>::default();
        let link = Link { id, address, by, orders: Arc::clone(&orders) };
        let before = self.lock().insert(charge_point, link);
        drop(before);
        LinkEnd { id, orders }
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

    /// Lets go of a charge point's connection unless what it has proven holds. The connection closes itself: it is still its own.
    pub(crate) fn let_go_unless(&self, charge_point: ChargePointKey, holds: impl FnOnce(Option<&Held>) -> bool) {
        let open = self.lock();
        if let Some(link) = open.get(&charge_point).filter(|link| !holds(link.by.as_deref())) {
            link.orders.is_unproven.store(true, Ordering::Release);
            link.orders.close();
        }
    }

    /// Lets go of all connections: the program ends.
    pub fn close_all(&self) {
        self.lock().clear();
    }

    /// Where orders for a charge point are handed in; `None` while it is not connected.
    pub(crate) fn orders(&self, charge_point: ChargePointKey) -> Option<Arc<Orders>> {
        self.lock().get(&charge_point).map(|link| Arc::clone(&link.orders))
    }

    /// Where a charge point reaches the site by HTTP; `None` while it is not connected.
    pub(crate) fn address(&self, charge_point: ChargePointKey) -> Option<Box<str>> {
        self.lock().get(&charge_point).and_then(|link| link.address.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChargePointKey, Link>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
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
        let mut old = links.open(key, Some("http://10.0.0.1".into()), None);
        let new = links.open(key, None, None);
        assert!(old.next(false).await.is_none(), "the old one is let go");
        assert!(!links.close(key, old.id));
        assert_eq!(links.address(key), None, "what counts is where the new one came in");
        assert!(links.orders(key).is_some());
        assert!(links.close(key, new.id));
        assert!(links.orders(key).is_none());
    }

    #[tokio::test]
    async fn one_whose_proof_holds_no_more_is_let_go_and_stays_its_own_until_it_has_closed_itself() {
        let links = Links::default();
        let key = ChargePointKey(1);
        let mut end = links.open(key, None, None);
        links.let_go_unless(key, |by| by.is_none());
        assert!(!end.is_unproven() && end.next(false).now_or_never().is_none());
        links.let_go_unless(key, |_| false);
        assert!(end.is_unproven() && end.next(false).await.is_none());
        assert_eq!(links.orders(key).unwrap().hand_in(order().0), Err(NotTaken::Closed));
        assert!(links.close(key, end.id), "its end is noted");
        links.let_go_unless(key, |_| false);
    }

    /// An order, and where to hear that it was sent.
    fn order() -> (Box<Order>, oneshot::Receiver<Timestamp>) {
        let (sent, is_sent) = oneshot::channel();
        let (reply, _) = ReplyTo::new(Accepted::Reset);
        (Box::new(Order { action: "Reset", payload: json!({}), sent, reply }), is_sent)
    }

    #[tokio::test]
    async fn an_order_wakes_the_connection_and_waits_while_it_takes_none() {
        let links = Links::default();
        let key = ChargePointKey(1);
        let mut end = links.open(key, None, None);
        let orders = links.orders(key).unwrap();
        let (taken, ()) = tokio::join!(end.next(true), async {
            tokio::task::yield_now().await;
            orders.hand_in(order().0).unwrap();
        });
        assert_eq!(taken.unwrap().action, "Reset");
        let (first, is_sent) = order();
        orders.hand_in(first).unwrap();
        assert!(end.next(false).now_or_never().is_none(), "it takes none now");
        assert!(end.next(true).now_or_never().is_some());
        assert!(is_sent.await.is_err(), "what was taken and dropped was not sent");
    }

    #[tokio::test]
    async fn orders_that_were_not_taken_are_given_up_with_the_connection() {
        let links = Links::default();
        let key = ChargePointKey(1);
        let end = links.open(key, None, None);
        let orders = links.orders(key).unwrap();
        let (waits, is_sent) = order();
        orders.hand_in(waits).unwrap();
        drop(end);
        assert!(is_sent.await.is_err());
        assert_eq!(orders.hand_in(order().0), Err(NotTaken::Closed));
    }

    #[test]
    fn the_queue_of_orders_is_bounded_and_forgets_those_that_were_given_up() {
        let links = Links::default();
        let key = ChargePointKey(1);
        let _end = links.open(key, None, None);
        let orders = links.orders(key).unwrap();
        let mut wait: Vec<_> = (0..WAITING)
            .map(|_| {
                let (order, is_sent) = order();
                orders.hand_in(order).unwrap();
                is_sent
            })
            .collect();
        assert_eq!(orders.hand_in(order().0), Err(NotTaken::Full));
        wait.pop();
        assert_eq!(orders.hand_in(order().0), Ok(()));
    }
}
