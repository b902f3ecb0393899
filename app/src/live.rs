//! What the live feed has told since the page was loaded.
//!
//! On the server, and until the feed is open, there is nothing here and the views show the page's own data. What was told
//! is kept while the connection is lost: it is the newest that is known, and the sign in the frame says how old it is.

use crate::feed_message::{ChargerMessage, Totals};
use crate::notify::Notices;
use leptos::prelude::*;
use std::collections::BTreeMap;

/// The feed's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Not tried: the page as the server rendered it.
    Static,
    /// Open, and heard of.
    Connected,
    /// Lost a moment ago, or not open yet.
    Reconnecting,
    /// Not heard of for so long that what is shown is old.
    Stale,
}

/// What has happened while nobody looked at the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// How long that was, ms.
    pub ms: i64,
    /// The charge points whose state or contact is another.
    pub chargers: Vec<String>,
    /// How many sessions have ended.
    pub sessions: u64,
}

/// What was shown when nobody looked any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// When that was, ms.
    at: i64,
    /// Charge points with their states, and whether they were in contact.
    chargers: Vec<(String, Option<String>, bool)>,
    /// The number of the session that had ended last.
    number: Option<i64>,
}

impl Left {
    /// What is shown at this time.
    pub fn now(at: i64, chargers: &BTreeMap<String, ChargerMessage>, totals: Option<&Totals>) -> Self {
        let chargers = chargers.iter().map(|(id, told)| (id.clone(), told.state.clone(), told.online)).collect();
        Self { at, chargers, number: totals.map(|totals| totals.number) }
    }

    /// What has happened between then and now; `None` when nothing has.
    pub fn until(&self, now: &Self) -> Option<Away> {
        let others = now.chargers.iter().filter(|shown| !self.chargers.contains(shown));
        let chargers: Vec<String> = others.map(|(id, ..)| id.clone()).collect();
        let ended = now.number.zip(self.number).map_or(0, |(now, then)| now - then);
        let away = Away { ms: now.at - self.at, chargers, sessions: u64::try_from(ended).unwrap_or(0) };
        (!away.chargers.is_empty() || away.sessions > 0).then_some(away)
    }
}

/// What the feed has told.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// The connection.
    pub link: RwSignal<Link>,
    /// Whether it was lost: what pages are asked for may be newer than what was told. That it was opened says nothing new.
    pub is_lost: Memo<bool>,
    /// The charge points.
    pub chargers: RwSignal<BTreeMap<String, ChargerMessage>>,
    /// Whether all charge points have been told once.
    pub is_complete: RwSignal<bool>,
    /// The load of the site's phases, A.
    pub phases: RwSignal<Option<[Option<f64>; 3]>>,
    /// Counts and sums over the site, and what has ended.
    pub totals: RwSignal<Option<Totals>>,
    /// How many alerts are open and seen by nobody; first as the server knew it when it drew the document.
    pub alerts: RwSignal<u32>,
    /// Whether alerts are told on this device.
    pub notices: RwSignal<Notices>,
    /// Whether the page shows more of a session that begins or ends than the feed tells.
    pub of_sessions: StoredValue<bool>,
    /// Counts up when a page should ask for its data again.
    pub pulse: RwSignal<u32>,
    /// Ms since the page was loaded, in steps. Ages are counted by it.
    pub clock: RwSignal<i64>,
    /// What the clock showed when the feed was last heard of, as long as it is not connected. Below 0 where the document is one that
    /// was kept, and nothing has been heard of the site since.
    pub heard: RwSignal<i64>,
    /// How old the document was when it was loaded, ms. The page that it shows takes it.
    pub kept_for: StoredValue<i64>,
    /// What has happened while nobody looked, until it is put away.
    pub away: RwSignal<Option<Away>>,
}

impl Live {
    /// Makes it known to all views below; in the browser also opens the feed.
    pub fn provide() -> Self {
        let kept_for = kept_for();
        let link = RwSignal::new(Link::Static);
        let live = Self {
            link,
            is_lost: Memo::new(move |_| matches!(link.get(), Link::Reconnecting | Link::Stale)),
            chargers: RwSignal::default(),
            is_complete: RwSignal::default(),
            phases: RwSignal::default(),
            totals: RwSignal::default(),
            alerts: RwSignal::new(u32::try_from(alerts()).unwrap_or(u32::MAX)),
            notices: RwSignal::default(),
            of_sessions: StoredValue::new(true),
            pulse: RwSignal::default(),
            clock: RwSignal::default(),
            heard: RwSignal::new(-kept_for),
            kept_for: StoredValue::new(kept_for),
            away: RwSignal::default(),
        };
        provide_context(live);
        #[cfg(feature = "hydrate")]
        {
            let ui = crate::ui::Ui::get();
            // Once the page has been taken over as it stands: what is said from here on changes it.
            Effect::new(move |_| set_timeout(move || in_browser::start(live, ui), std::time::Duration::ZERO));
        }
        live
    }

    /// What was made known above.
    pub fn get() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }
}

/// How old the document is, ms: more than 0 for one that the service worker has kept (`data-kept`, ms since 1970).
#[cfg(feature = "hydrate")]
fn kept_for() -> i64 {
    // A whole number: to read others weighs more than all that is done here.
    let at = document().document_element().and_then(|html| html.get_attribute("data-kept")?.parse::<i64>().ok());
    #[allow(clippy::cast_possible_truncation)] // ms of this device's clock
    at.map_or(0, |at| js_sys::Date::now() as i64 - at).max(0)
}

#[cfg(not(feature = "hydrate"))]
fn kept_for() -> i64 {
    0
}

/// How many alerts are open and seen by nobody, for one who may know.
#[cfg(feature = "ssr")]
pub(crate) fn alerts() -> u64 {
    let state = use_context::<crate::state::AppState>();
    state.map_or(0, |state| crate::serve::alerts(&state.site, &crate::data::caller()))
}

/// As the server knew it when it drew the document.
#[cfg(not(feature = "ssr"))]
fn alerts() -> u64 {
    let count = document().document_element().and_then(|html| html.get_attribute("data-alerts"));
    count.and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// The bounds of the wait before the feed is opened again, ms.
const FIRST_WAIT: u32 = 2000;
const LAST_WAIT: u32 = 30_000;
/// A server that comes back is not asked at once by all.
const LEAST_WAIT: u32 = 250;

/// How long to wait after so many attempts that failed, ms: any time up to a bound that doubles, by a random number from 0
/// to 1, so that those who were cut off together do not come back together.
pub fn wait_ms(attempts: u32, random: f64) -> u32 {
    let most = (FIRST_WAIT << attempts.min(4)).min(LAST_WAIT);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most `most`
    let more = (random * f64::from(most - LEAST_WAIT)) as u32;
    LEAST_WAIT + more
}

#[cfg(feature = "hydrate")]
mod in_browser {
    use super::{Left, Link, Live, wait_ms};
    use crate::feed_message::{FeedContent, FeedMessage};
    use crate::notify::{self, Notices};
    use crate::ui::Ui;
    use leptos::prelude::*;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use std::time::Duration;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    use web_sys::{MessageEvent, WebSocket};

    /// The feed. It says something at least every 5 s, as a page is not told of pings.
    const ADDRESS: &str = "/ws/charger/details/?alive=5&totals=1";
    /// A connection that has said nothing for so long is dead, and what is shown is old, ms.
    const SILENCE: i64 = 15_000;
    /// Messages are shown this long after the first of a burst.
    const LOOK: Duration = Duration::from_millis(100);
    /// How often the connection is looked after, and ages move on.
    const TICK: Duration = Duration::from_secs(5);
    /// The page's data is asked for again a moment after something has happened that the feed tells only in part, but no
    /// sooner than this after the last time; and in any case now and then, ms.
    const MOMENT: i64 = 1000;
    const ASK_AGAIN: i64 = 10_000;
    const ASK_ANYWAY: i64 = 120_000;

    struct Feed {
        live: Live,
        ui: Ui,
        started: i64,
        /// Attempts to open it that have failed.
        attempts: Cell<u32>,
        /// When it was opened, or last heard of.
        heard: Cell<i64>,
        /// The number of its last message.
        seq: Cell<i32>,
        /// Whether there is a socket that is open, or being opened.
        is_open: Cell<bool>,
        /// The next attempt.
        next: Cell<Option<TimeoutHandle>>,
        /// Whether all charge points have been told on this connection.
        is_complete: Cell<bool>,
        /// The number of the newest alert that was told.
        alert: Cell<Option<i64>>,
        /// When the page's data was last asked for, and whether it will be.
        asked: Cell<i64>,
        will_ask: Cell<bool>,
        /// What was shown when nobody looked any more, until it is compared with what has become of it.
        left: RefCell<Option<Left>>,
        /// What was told since the last look: a burst of messages is shown at once.
        told: RefCell<Vec<FeedContent>>,
        /// The socket and its handlers: dropped together, once another takes their place.
        socket: RefCell<Option<(WebSocket, [Closure<dyn FnMut(MessageEvent)>; 2])>>,
    }

    pub fn start(live: Live, ui: Ui) {
        let now = now_ms();
        let feed = Rc::new(Feed {
            live,
            ui,
            started: now,
            attempts: Cell::new(0),
            heard: Cell::new(now),
            seq: Cell::new(0),
            is_open: Cell::new(false),
            next: Cell::new(None),
            is_complete: Cell::new(false),
            alert: Cell::new(None),
            asked: Cell::new(now),
            will_ask: Cell::new(false),
            left: RefCell::new(None),
            told: RefCell::default(),
            socket: RefCell::new(None),
        });
        // A document is shown from what was kept because the site could not be reached.
        if live.heard.get_untracked() < 0 {
            live.link.set(Link::Stale);
        }
        // The browser may have to ask around: not in one go with the rest.
        set_timeout(move || live.notices.set(Notices::now()), Duration::ZERO);
        connect(&feed);
        for event in ["online", "visibilitychange"] {
            let feed = feed.clone();
            // Listened to as long as the page is there.
            let _listened = window_event_listener_untyped(event, move |_| {
                if is_seen() {
                    look_after(&feed);
                    come_back(&feed);
                    look_back(&feed);
                } else {
                    leave(&feed);
                }
            });
        }
        set_interval(move || look_after(&feed), TICK);
    }

    #[allow(clippy::cast_possible_truncation)] // ms since the page was loaded
    fn now_ms() -> i64 {
        window().performance().map_or(0, |clock| clock.now() as i64)
    }

    fn is_seen() -> bool {
        !document().hidden()
    }

    fn connect(feed: &Rc<Feed>) {
        let location = window().location();
        let (Ok(protocol), Ok(host)) = (location.protocol(), location.host()) else {
            return;
        };
        let scheme = if protocol == "https:" { "wss://" } else { "ws://" };
        feed.next.set(None);
        feed.heard.set(now_ms());
        feed.seq.set(0);
        feed.is_complete.set(false);
        let Ok(socket) = WebSocket::new(&[scheme, &host, ADDRESS].concat()) else {
            return lost(feed);
        };
        let on_message = {
            let feed = feed.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if let Some(message) = event.data().as_string().and_then(|text| FeedMessage::read(&text)) {
                    hear(&feed, message);
                }
            })
        };
        let on_close = {
            let feed = feed.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |_| lost(&feed))
        };
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        feed.is_open.set(true);
        *feed.socket.borrow_mut() = Some((socket, [on_message, on_close]));
    }

    /// Leaves the connection, and tries again after a while.
    fn lost(feed: &Rc<Feed>) {
        if let Some((socket, _)) = &*feed.socket.borrow() {
            socket.set_onmessage(None);
            socket.set_onclose(None);
            // Fails for no code but ours, and there is none.
            drop(socket.close());
        }
        feed.is_open.set(false);
        let live = feed.live;
        if live.link.get_untracked() == Link::Connected {
            live.heard.set(feed.heard.get() - feed.started);
            // Its steps are long, and what is shown is not younger than when it was heard.
            live.clock.set(now_ms() - feed.started);
        }
        // Also when the first connection does not come about.
        if matches!(live.link.get_untracked(), Link::Static | Link::Connected) {
            live.link.set(Link::Reconnecting);
        }
        let wait = wait_ms(feed.attempts.get(), js_sys::Math::random());
        feed.attempts.set(feed.attempts.get() + 1);
        let wait = Duration::from_millis(wait.into());
        let waiting = feed.clone();
        feed.next.set(set_timeout_with_handle(move || connect(&waiting), wait).ok());
        say_if_stale(feed);
    }

    /// Tries again now, if it is not tried already: the network is back, or somebody looks.
    fn come_back(feed: &Rc<Feed>) {
        if let Some(next) = feed.next.take() {
            next.clear();
            feed.attempts.set(0);
            connect(feed);
        }
    }

    /// What is shown now.
    fn shown(live: Live) -> Left {
        live.chargers.with_untracked(|chargers| {
            live.totals.with_untracked(|totals| Left::now(now_ms(), chargers, totals.as_ref()))
        })
    }

    /// Keeps what is shown, as nobody looks any more.
    fn leave(feed: &Feed) {
        if feed.live.is_complete.get_untracked() && feed.left.borrow().is_none() {
            *feed.left.borrow_mut() = Some(shown(feed.live));
        }
    }

    /// Finds what has happened since nobody looked, once all is known and somebody looks again.
    fn look_back(feed: &Rc<Feed>) {
        take_all(feed);
        if !is_seen() || !feed.is_open.get() || !feed.is_complete.get() {
            return;
        }
        if let Some(left) = feed.left.take() {
            feed.live.away.set(left.until(&shown(feed.live)));
        }
    }

    fn say_if_stale(feed: &Feed) {
        let live = feed.live;
        let is_old = now_ms() - feed.started - live.heard.get_untracked() > SILENCE;
        if is_old && matches!(live.link.get_untracked(), Link::Static | Link::Reconnecting) {
            live.link.set(Link::Stale);
        }
    }

    /// What is done by time alone.
    fn look_after(feed: &Rc<Feed>) {
        let now = now_ms();
        feed.live.clock.set(now - feed.started);
        if feed.is_open.get() && now - feed.heard.get() > SILENCE {
            lost(feed);
        } else if feed.live.link.get_untracked() == Link::Connected {
            feed.attempts.set(0);
        } else {
            say_if_stale(feed);
        }
        if now - feed.asked.get() > ASK_ANYWAY {
            ask(feed);
        }
    }

    fn hear(feed: &Rc<Feed>, message: FeedMessage) {
        feed.heard.set(now_ms());
        if message.seq != Some(feed.seq.get() + 1) {
            // Something is missing: a new connection tells all there is.
            return lost(feed);
        }
        feed.seq.set(feed.seq.get() + 1);
        let live = feed.live;
        if live.link.get_untracked() != Link::Connected {
            // What the feed does not carry may have changed meanwhile. A page that has just been loaded knows it, unless it was kept.
            if live.heard.get_untracked() < 0 || !live.chargers.with_untracked(std::collections::BTreeMap::is_empty) {
                ask(feed);
            }
            live.link.set(Link::Connected);
        }
        let mut told = feed.told.borrow_mut();
        told.push(message.content);
        if told.len() == 1 {
            let feed = feed.clone();
            // Not an animation frame: in a tab that nobody sees there is none.
            set_timeout(move || take_all(&feed), LOOK);
        }
    }

    fn take_all(feed: &Rc<Feed>) {
        let was_complete = feed.is_complete.get();
        for content in feed.told.take() {
            take(feed, content);
        }
        if !was_complete && feed.is_complete.get() {
            if is_seen() {
                look_back(feed);
            } else {
                leave(feed);
            }
        }
    }

    fn take(feed: &Rc<Feed>, content: FeedContent) {
        let live = feed.live;
        let (id, mut told, at) = match content {
            FeedContent::Nothing => return,
            FeedContent::Phases(load) => {
                // The first of these follows the charge points.
                feed.is_complete.set(true);
                if !live.is_complete.get_untracked() {
                    live.is_complete.set(true);
                }
                return live.phases.set(Some(load));
            }
            FeedContent::Totals(mut totals) => {
                let alerts = u32::try_from(totals.alerts).unwrap_or(u32::MAX);
                if live.alerts.get_untracked() != alerts {
                    live.alerts.set(alerts);
                }
                let newest = totals.newest_alerts.iter().map(|alert| alert.id).max().unwrap_or_default();
                let known = feed.alert.replace(Some(newest.max(feed.alert.get().unwrap_or_default())));
                if let Some(known) = known {
                    notify::show(live, feed.ui.lang.get_untracked(), &totals.newest_alerts, known);
                }
                return live.totals.update(|known| {
                    totals.follow(known.take());
                    *known = Some(totals);
                });
            }
            FeedContent::Charger(id, told, at) => (id, told, at),
        };
        let mut is_news = false;
        live.chargers.update(|chargers| {
            if let Some(known) = chargers.get_mut(&id) {
                is_news = told.is_news(known, live.of_sessions.get_value());
                told.follow(Some(std::mem::take(known)), at);
                *known = told;
            } else {
                is_news = feed.is_complete.get();
                told.follow(None, at);
                chargers.insert(id, told);
            }
        });
        if is_news && !feed.will_ask.replace(true) {
            let wait = (feed.asked.get() + ASK_AGAIN - now_ms()).max(MOMENT);
            let feed = feed.clone();
            set_timeout(move || ask(&feed), Duration::from_millis(wait.unsigned_abs()));
        }
    }

    /// Lets the page ask for its data; when nobody sees it, as soon as somebody does.
    fn ask(feed: &Feed) {
        feed.will_ask.set(false);
        if is_seen() {
            feed.asked.set(now_ms());
            feed.live.pulse.update(|pulse| *pulse = pulse.wrapping_add(1));
        } else {
            feed.asked.set(i64::MIN / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_while_nobody_looked_is_known() {
        let charger =
            |state: &str, online| ChargerMessage { state: Some(state.to_owned()), online, ..Default::default() };
        let shown = |at, chargers: &[(&str, ChargerMessage)], number| {
            let chargers = chargers.iter().map(|(id, told)| ((*id).to_owned(), told.clone())).collect();
            Left::now(at, &chargers, Some(&Totals { number, ..Totals::default() }))
        };
        let before = shown(5000, &[("A", charger("Available", true)), ("B", charger("Charging", true))], 7);
        assert_eq!(before.until(&Left { at: 9000, ..before.clone() }), None);
        let mut moving = charger("Charging", true);
        moving.current = Some(16);
        assert_eq!(
            before.until(&shown(6000, &[("A", charger("Available", true)), ("B", moving)], 7)),
            None,
            "only a value"
        );
        let now = shown(
            65_000,
            &[("A", charger("Available", false)), ("B", charger("Finishing", true)), ("C", charger("Available", true))],
            9,
        );
        let away = before.until(&now).unwrap();
        assert_eq!((away.ms, away.sessions), (60_000, 2));
        assert_eq!(away.chargers, ["A", "B", "C"]);
        // A server that was started again counts anew.
        assert_eq!(before.until(&Left { number: Some(1), ..before.clone() }), None);
    }

    #[test]
    fn waits_grow_within_bounds_and_differ() {
        for attempts in 0..2000 {
            let (least, middle, most) = (wait_ms(attempts, 0.0), wait_ms(attempts, 0.5), wait_ms(attempts, 1.0));
            assert_eq!(least, LEAST_WAIT);
            assert!(least < middle && middle < most && most <= LAST_WAIT, "{attempts}: {middle} {most}");
        }
        assert_eq!([0, 1, 2, 3, 4].map(|attempts| wait_ms(attempts, 1.0)), [2000, 4000, 8000, 16_000, 30_000]);
    }
}
