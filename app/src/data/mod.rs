//! What the pages ask for: server functions below `/fn`, and the types that both sides share.
//!
//! A page hands over its own query string, which is read tolerantly: what cannot be understood is as good as absent.
//! So the address is the only source of what a page shows, with and without WebAssembly.
//!
//! The answers travel as bytes (postcard), and each page reads its own type from them. A server function with a type of
//! its own for each page would put the machinery of requests and resources into the bundle once for each of them, and
//! JSON a reader of names and numbers.

mod alerts;
mod cards;
mod commands;
mod details;
mod devices;
mod diagnostics;
mod distribution;
mod events;
#[cfg(feature = "ssr")]
mod forms;
#[cfg(feature = "ssr")]
mod operation;
mod overview;
mod query;
mod records;
#[cfg(feature = "ssr")]
mod refused;
mod settings;

pub use alerts::*;
#[cfg(feature = "ssr")]
pub use cards::word;
#[cfg(feature = "ssr")]
pub(crate) use cards::{CardLine, CardsPage};
pub use commands::*;
pub use details::*;
pub use devices::*;
pub use diagnostics::*;
pub use distribution::*;
pub use events::*;
#[cfg(feature = "ssr")]
pub use operation::*;
pub use overview::*;
pub use query::Query;
pub(crate) use query::encode as push_encoded;
pub use records::*;
pub use settings::*;

use crate::text::Both;
use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase::PhaseSequence;
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Postcard, PostcardEncoding};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An instant, and what the site's clock showed then. The browser knows neither the site's zone nor its clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// The site's local time.
    pub local: LocalTime,
}

/// The four tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tiles {
    /// Charge points that have a state.
    pub chargers: u64,
    /// Energy over the life of all.
    pub energy: Energy,
    /// Charging time over the life of all.
    pub time: ChargingTime,
    /// Sessions.
    pub sessions: u64,
    /// Charge points in use.
    pub in_use: u64,
}

/// The site's phases A, B, C.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Load in A; `None` where nothing is known.
    pub load: [Option<f64>; 3],
    /// The most that the site may draw, A.
    pub limits: [u32; 3],
    /// The highest load of the day; `None` where nothing was known.
    pub peaks: [Option<Peak>; 3],
    /// What is allocated, and what is kept free beside it; `None` while the current is not distributed.
    pub shares: [Option<PhaseShare>; 3],
    /// The phases that the lines of charge points are wired to.
    pub sequence: PhaseSequence,
}

/// How much of a phase is given to sessions, and how much is kept free for what may be drawn beside.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PhaseShare {
    /// What charge points that charge were told that they may draw, A.
    pub allocated: f64,
    /// What is kept free beside that, A.
    pub reserved: f64,
}

/// The highest load of a phase on a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// How much, A.
    pub amperes: f64,
    /// When it was that much first, by the site's clock.
    pub at: LocalTime,
}

/// What the lines of a charge point draw, and what they might.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    /// The currents of L1, L2 and L3, A; `None` where nothing is known.
    pub measured: [Option<f64>; 3],
    /// The current that is offered to the car on each of them, A.
    pub offered: Option<f64>,
}

impl Lines {
    /// Which of the lines are in use: those that were measured, else as many as there are phases.
    pub fn used(&self, phases: Option<i32>) -> [bool; 3] {
        if self.measured.iter().any(Option::is_some) {
            return self.measured.map(|amperes| amperes.is_some());
        }
        let phases = phases.filter(|phases| *phases > 0).unwrap_or(3);
        [true, phases > 1, phases > 2]
    }

    /// Whether a current flows or is offered.
    pub fn is_live(&self) -> bool {
        self.measured.into_iter().flatten().chain(self.offered).any(|amperes| amperes > 0.0)
    }
}

/// Why a server function has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataError {
    /// The store failed.
    Store,
    /// The server does not let this caller do this.
    Refused,
    /// It was one of too many requests.
    TooMany,
    /// No answer came.
    Network,
    /// The answer or the question could not be read.
    Protocol,
}

impl DataError {
    const ALL: [Self; 5] = [Self::Store, Self::Refused, Self::TooMany, Self::Network, Self::Protocol];

    const fn word(&self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Refused => "refused",
            Self::TooMany => "many",
            Self::Network => "network",
            Self::Protocol => "protocol",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.word() == word)
    }
}

impl FromServerFnError for DataError {
    type Encoder = PostcardEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::Network,
            #[cfg(feature = "ssr")]
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_) => {
                on_server::unreadable()
            }
            // What is refused before it comes to us is answered like the documented routes.
            #[cfg(not(feature = "ssr"))]
            ServerFnErrorErr::Deserialization(_) => Self::Refused,
            _ => Self::Protocol,
        }
    }
}

/// The name of a page, as `load` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PageName {
    /// [`Overview`]
    Overview,
    /// [`Details`]
    Details,
    /// [`Devices`]
    Devices,
    /// [`Records`]
    Records,
    /// [`SettingsPage`]
    Settings,
    /// [`StillPage`]
    Cards,
    /// [`AlertsPage`]
    Alerts,
    /// [`DistributionPage`]
    Distribution,
}

#[cfg(feature = "ssr")]
impl PageName {
    /// All, with the words of their addresses.
    pub(crate) const ALL: [(Self, &'static str); 8] = [
        (Self::Overview, "overview"),
        (Self::Details, "details"),
        (Self::Devices, "devices"),
        (Self::Records, "records"),
        (Self::Settings, "settings"),
        (Self::Cards, "cards"),
        (Self::Alerts, "alerts"),
        (Self::Distribution, "distribution"),
    ];
}

/// A page in which nothing moves: the server has drawn it, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StillPage {
    /// Its markup.
    pub page: Both,
}

/// Everything that a page shows, by its query string: the page's own type, see [`decode`].
#[server(endpoint = "page", prefix = "/fn", input = GetUrl, output = Postcard)]
pub async fn load(
    /// Which page.
    page: PageName,
    /// Its query string.
    query: String,
) -> Result<Vec<u8>, DataError> {
    let query = Query::parse(&query);
    match page {
        PageName::Overview => encode(&overview::on_server::overview(&query).await?),
        PageName::Details => encode(&details::on_server::details(&query).await?),
        PageName::Devices => encode(&devices::on_server::devices(&query).await?),
        PageName::Records => encode(&records::on_server::records(&query).await?),
        PageName::Settings => encode(&settings::on_server::settings(&query)?),
        PageName::Cards => encode(&cards::on_server::page(&query)?),
        PageName::Alerts => encode(&alerts::on_server::alerts(&query).await?),
        PageName::Distribution => encode(&distribution::on_server::distribution(&query).await?),
    }
}

/// Which form the answers have: the bytes say neither names nor types, and a page that stays open while the server is
/// replaced must not take new bytes for old ones. Every change of a type that travels changes it, as it is made of the
/// sources.
const FORM: [u8; 4] = {
    const SOURCES: [&[u8]; 26] = [
        include_bytes!("mod.rs"),
        include_bytes!("alerts.rs"),
        include_bytes!("cards.rs"),
        include_bytes!("commands.rs"),
        include_bytes!("details.rs"),
        include_bytes!("devices.rs"),
        include_bytes!("diagnostics.rs"),
        include_bytes!("distribution.rs"),
        include_bytes!("events.rs"),
        include_bytes!("overview.rs"),
        include_bytes!("records.rs"),
        include_bytes!("settings.rs"),
        include_bytes!("../text/both.rs"),
        include_bytes!("../../../crates/domain/src/alert/mod.rs"),
        include_bytes!("../../../crates/domain/src/calendar.rs"),
        include_bytes!("../../../crates/domain/src/distribution/mod.rs"),
        include_bytes!("../../../crates/domain/src/distribution/governor.rs"),
        include_bytes!("../../../crates/domain/src/distribution/queue.rs"),
        include_bytes!("../../../crates/domain/src/distribution/rules.rs"),
        include_bytes!("../../../crates/domain/src/energy.rs"),
        include_bytes!("../../../crates/domain/src/phase.rs"),
        include_bytes!("../../../crates/domain/src/settings.rs"),
        include_bytes!("../../../crates/domain/src/field.rs"),
        include_bytes!("../../../crates/domain/src/command.rs"),
        include_bytes!("../../../crates/domain/src/charger/finding.rs"),
        include_bytes!("../../../crates/domain/src/charger/happening.rs"),
    ];
    // FNV-1a.
    let mut hash: u32 = 0x811c_9dc5;
    let mut file = 0;
    while file < SOURCES.len() {
        let mut at = 0;
        while at < SOURCES[file].len() {
            hash = (hash ^ SOURCES[file][at] as u32).wrapping_mul(0x0100_0193);
            at += 1;
        }
        file += 1;
    }
    hash.to_le_bytes()
};

/// Reads what [`load`] answers. `None` for what is of another version of the program.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes.strip_prefix(&FORM)?).ok()
}

/// An answer of [`load`] on its way from the server's page to the browser: as Base64 in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(pub Result<Vec<u8>, DataError>);

/// Stands before the Base64 of bytes; an error is but its word. It is not of ASCII: what hands a text to the WebAssembly does that
/// character by character, in a script that nothing has compiled yet, up to the first one that is not, and leaves the rest to the
/// browser's own encoder. Of 30 KB that was a quarter of the task that takes the page over.
const BYTES: char = '·';

#[cfg(feature = "ssr")]
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use base64::display::Base64Display;
        use base64::engine::general_purpose::STANDARD;
        match &self.0 {
            Ok(bytes) => write!(f, "{BYTES}{}", Base64Display::new(bytes, &STANDARD)),
            Err(error) => f.write_str(error.word()),
        }
    }
}

#[cfg(not(feature = "ssr"))]
impl fmt::Display for Answer {
    /// The browser tells nobody.
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl FromStr for Answer {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text.strip_prefix(BYTES) {
            Some(digits) => from_base64(digits).ok_or(DataError::Protocol),
            None => Err(DataError::from_word(text).unwrap_or(DataError::Protocol)),
        }))
    }
}

/// Reads Base64 (RFC 4648, 4). The library that writes it would weigh 1.5 KB in the browser, and the browser's own reader has the
/// text copied three times, which a phone feels. Never a part of what calls it: the browser compiles a loop anew as a whole with what
/// is around it when that has run for long.
#[inline(never)]
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (held, bits) = ((held << 6) | u32::from(value), bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits).to_le_bytes()[0]);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_as_it_was_sent() {
        let all: Vec<u8> = (0..=255).rev().chain(0..=255).collect();
        for length in 0..=all.len() {
            let answer = Answer(Ok(all[..length].to_vec()));
            assert_eq!(answer.to_string().parse(), Ok(answer), "{length}");
        }
        let error = Answer(Err(DataError::Store));
        assert_eq!(error.to_string().parse(), Ok(error));
        for (wrong, why) in [("·AA-_", "of another alphabet"), ("AAAA", "without what stands before"), ("", "no word")]
        {
            assert_eq!(wrong.parse(), Ok(Answer(Err(DataError::Protocol))), "{why}");
        }
        assert!(
            !Answer(Ok(Vec::new())).to_string().is_ascii(),
            "what is handed to the WebAssembly at once begins like this"
        );
    }

    #[test]
    fn answers_of_another_version_are_not_read() {
        let answer = encode(&PageName::Records).unwrap();
        assert_eq!(decode(&answer), Some(PageName::Records));
        let mut other = answer.clone();
        other[0] ^= 1;
        assert_eq!(decode::<PageName>(&other), None);
        assert_eq!(decode::<PageName>(&answer[..4]), None);
    }

    #[test]
    fn lines_that_are_not_measured_are_those_of_the_phases() {
        let measured = |measured| Lines { measured, offered: None };
        assert_eq!(measured([Some(0.0), None, Some(3.0)]).used(Some(1)), [true, false, true]);
        for (phases, used) in
            [(Some(1), [true, false, false]), (Some(2), [true, true, false]), (Some(3), [true; 3]), (None, [true; 3])]
        {
            assert_eq!(Lines::default().used(phases), used);
        }
        assert!(!measured([Some(0.0), None, None]).is_live());
        assert!(measured([None, Some(0.1), None]).is_live());
        assert!(Lines { offered: Some(6.0), ..Lines::default() }.is_live());
    }

    #[test]
    fn answers_travel_in_the_document() {
        for answer in [Ok(vec![0, 0x3c, 0xff]), Ok(Vec::new()), Err(DataError::Store)] {
            let answer = Answer(answer);
            assert_eq!(answer.to_string().parse(), Ok(answer));
        }
    }
}

#[cfg(feature = "ssr")]
pub(crate) use cards::on_server::export as export_cards;
#[cfg(feature = "ssr")]
pub(crate) use on_server::*;
#[cfg(feature = "ssr")]
pub(crate) use refused::{CardField, Refused};

#[cfg(feature = "ssr")]
mod on_server {
    use super::settings::on_server::is_plain_form;
    use super::{DataError, FORM, Lines, Moment, Peak, PhaseShare, Phases, Tiles};
    use crate::on_site;
    use crate::state::AppState;
    use bmw_domain::account::Role;
    use bmw_domain::calendar::Timestamp;
    use bmw_domain::phase::{self, Phase};
    use bmw_site::{Caller, ChargePointNow, Denied, NotDone, Present, Site};
    use bmw_store::StoreError;
    use leptos::prelude::use_context;
    use serde::Serialize;
    use std::sync::Arc;

    /// For [`super::decode`].
    pub fn encode(value: &impl Serialize) -> Result<Vec<u8>, DataError> {
        postcard::to_extend(value, FORM.to_vec()).map_err(|error| {
            tracing::error!(%error, "a page's data");
            DataError::Protocol
        })
    }

    /// The running site.
    pub fn site() -> Result<Arc<Site>, DataError> {
        use_context::<AppState>().map(|state| state.site).ok_or(DataError::Protocol)
    }

    /// The error of a question that cannot be read. The answer is 400 then, but for a plain form, which is led back.
    pub fn unreadable() -> DataError {
        if let Some(response) = use_context::<leptos_axum::ResponseOptions>().filter(|_| !is_plain_form()) {
            response.set_status(http::StatusCode::BAD_REQUEST);
        }
        DataError::Protocol
    }

    /// Whether charge points are simulated.
    pub fn has_simulator() -> bool {
        use_context::<AppState>().is_some_and(|state| state.has_simulator)
    }

    /// Who the data are for.
    pub fn caller() -> Caller {
        let parts = use_context::<http::request::Parts>();
        parts.map(|parts| on_site::reader(&parts.extensions, &parts.headers)).unwrap_or_default()
    }

    /// What the person is who asks, as pages offer by it what he may.
    pub fn role() -> Option<Role> {
        crate::ui::signed_in().map(|person| person.role)
    }

    impl From<Denied> for DataError {
        /// The answer is 403 then, so that also those see it who read no more than that.
        fn from(_: Denied) -> Self {
            if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
                response.set_status(http::StatusCode::FORBIDDEN);
            }
            Self::Refused
        }
    }

    impl From<NotDone> for DataError {
        fn from(error: NotDone) -> Self {
            match error {
                NotDone::Denied(denied) => denied.into(),
                NotDone::Store(error) => error.into(),
            }
        }
    }

    impl From<StoreError> for DataError {
        /// What went wrong inside is logged and not shown.
        fn from(error: StoreError) -> Self {
            tracing::error!(%error, "a page's data");
            Self::Store
        }
    }

    pub fn moment(site: &Site, at: Timestamp) -> Moment {
        Moment { at, local: site.clock().zone().local(at) }
    }

    pub fn now(site: &Site) -> Moment {
        Moment { at: site.clock().now(), local: site.clock().local_now() }
    }

    pub fn tiles(present: &Present, sessions: u64) -> Tiles {
        let statistics = present.statistics();
        Tiles {
            chargers: statistics.with_state,
            energy: statistics.energy,
            time: statistics.time,
            sessions,
            in_use: statistics.in_use,
        }
    }

    pub fn phases(site: &Site, present: &Present, now: Timestamp) -> Phases {
        let peak = |peak: phase::Peak| Peak { amperes: peak.amperes, at: site.clock().zone().local(peak.at) };
        Phases {
            load: present.phase_load(now),
            limits: present.settings().max_current,
            peaks: site.peaks().0.map(|known| known.map(peak)),
            shares: Phase::ALL
                .map(|phase| site.plan().shares(phase).map(|(allocated, reserved)| PhaseShare { allocated, reserved })),
            sequence: present.settings().phase_sequence,
        }
    }

    pub fn lines(charger: &ChargePointNow, now: Timestamp) -> Lines {
        Lines { measured: charger.currents(now).unwrap_or_default().0, offered: charger.offered() }
    }
}
