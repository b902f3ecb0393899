//! What the live feed has told since the page was loaded.
//!
//! On the server, and until the feed is open, there is nothing here and the views show the page's own data.

use crate::feed_message::ChargerMessage;
use leptos::prelude::*;
use std::collections::BTreeMap;

/// The feed's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Not tried: the page as the server rendered it.
    Static,
    /// Open.
    Connected,
    /// Lost a moment ago, or not open yet.
    Reconnecting,
    /// Lost for longer.
    Offline,
}

/// What the feed has told.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// The connection.
    pub link: RwSignal<Link>,
    /// The charge points.
    pub chargers: RwSignal<BTreeMap<String, ChargerMessage>>,
    /// The load of the site's phases, A.
    pub phases: RwSignal<Option<[Option<f64>; 3]>>,
    /// Counts up when a page should ask for its data again.
    pub pulse: RwSignal<u32>,
    /// Ms since the page was loaded, in steps. Ages are counted by it.
    pub clock: RwSignal<i64>,
}

impl Live {
    /// Makes it known to all views below; in the browser also opens the feed.
    pub fn provide() -> Self {
        let live = Self {
            link: RwSignal::new(Link::Static),
            chargers: RwSignal::default(),
            phases: RwSignal::default(),
            pulse: RwSignal::default(),
            clock: RwSignal::default(),
        };
        provide_context(live);
        #[cfg(feature = "hydrate")]
        Effect::new(move |_| in_browser::start(live));
        live
    }

    /// What was made known above.
    pub fn get() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }
}

#[cfg(feature = "hydrate")]
mod in_browser {
    use super::{Link, Live};
    use crate::feed_message::FeedMessage;
    use leptos::prelude::*;
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use std::time::Duration;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    use web_sys::{MessageEvent, WebSocket};

    /// Messages are shown this long after the first of a burst.
    const LOOK: Duration = Duration::from_millis(100);
    /// How often ages move on.
    const TICK: Duration = Duration::from_secs(10);
    /// A page's data is asked for again this many ticks after a change, and after so many in any case.
    const TICKS_IN_ANY_CASE: u32 = 6;
    /// The first wait before the feed is opened again; it doubles up to the last.
    const FIRST_WAIT_MS: u64 = 1000;
    const LAST_WAIT_MS: u64 = 30_000;
    /// Waits longer than this are shown as offline.
    const OFFLINE_MS: u64 = 8000;

    struct Feed {
        live: Live,
        wait_ms: Cell<u64>,
        is_changed: Cell<bool>,
        /// What was told since the last look: a burst of messages is shown at once.
        told: RefCell<Vec<FeedMessage>>,
        /// The socket and its handlers: dropped together, once it is closed.
        open: RefCell<Option<(WebSocket, [Closure<dyn FnMut(MessageEvent)>; 2])>>,
    }

    pub fn start(live: Live) {
        let feed = Rc::new(Feed {
            live,
            wait_ms: Cell::new(FIRST_WAIT_MS),
            is_changed: Cell::new(false),
            told: RefCell::default(),
            open: RefCell::new(None),
        });
        live.link.set(Link::Reconnecting);
        connect(&feed);
        let ticks = Cell::new(0);
        let started = now_ms();
        let tick = move || {
            live.clock.set(now_ms() - started);
            ticks.set(ticks.get() + 1);
            if feed.is_changed.take() || ticks.get() >= TICKS_IN_ANY_CASE {
                ticks.set(0);
                live.pulse.update(|pulse| *pulse = pulse.wrapping_add(1));
            }
        };
        set_interval(tick, TICK);
    }

    #[allow(clippy::cast_possible_truncation)] // ms since the page was loaded
    fn now_ms() -> i64 {
        window().performance().map_or(0, |clock| clock.now() as i64)
    }

    fn connect(feed: &Rc<Feed>) {
        let location = window().location();
        let (Ok(protocol), Ok(host)) = (location.protocol(), location.host()) else {
            return;
        };
        let scheme = if protocol == "https:" { "wss" } else { "ws" };
        let Ok(socket) = WebSocket::new(&format!("{scheme}://{host}/ws/charger/details/")) else {
            return lost(feed);
        };
        let on_message = {
            let feed = feed.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let message = event.data().as_string().and_then(|text| FeedMessage::read(&text));
                let Some(message) = message else { return };
                feed.told.borrow_mut().push(message);
                if feed.told.borrow().len() == 1 {
                    let feed = feed.clone();
                    // Not an animation frame: in a tab that nobody sees there is none.
                    set_timeout(move || take_all(&feed), LOOK);
                }
            })
        };
        let on_close = {
            let feed = feed.clone();
            Closure::<dyn FnMut(MessageEvent)>::new(move |_| lost(&feed))
        };
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        *feed.open.borrow_mut() = Some((socket, [on_message, on_close]));
    }

    fn lost(feed: &Rc<Feed>) {
        let wait = feed.wait_ms.get();
        feed.live.link.set(if wait >= OFFLINE_MS { Link::Offline } else { Link::Reconnecting });
        feed.told.take();
        // What the feed told grows old from here on; the page's own data is asked for again and again.
        feed.live.chargers.update(std::collections::BTreeMap::clear);
        feed.live.phases.set(None);
        feed.wait_ms.set((wait * 2).min(LAST_WAIT_MS));
        let feed = feed.clone();
        set_timeout(move || connect(&feed), Duration::from_millis(wait));
    }

    fn take_all(feed: &Feed) {
        let told = feed.told.take();
        // The connection may have been lost since: what it told is no longer so.
        if told.is_empty() {
            return;
        }
        feed.wait_ms.set(FIRST_WAIT_MS);
        if feed.live.link.get_untracked() != Link::Connected {
            feed.live.link.set(Link::Connected);
        }
        for message in told {
            take(feed, message);
        }
    }

    fn take(feed: &Feed, message: FeedMessage) {
        let live = feed.live;
        let (id, told) = match message {
            FeedMessage::Phases(load) => return live.phases.set(Some(load)),
            FeedMessage::Charger(id, told) => (id, told),
        };
        let before = live.chargers.with_untracked(|chargers| chargers.get(&id).cloned());
        if before.as_ref() != Some(&told) {
            feed.is_changed.set(feed.is_changed.get() || before.is_some());
            live.chargers.update(|chargers| {
                chargers.insert(id, told);
            });
        }
    }
}
