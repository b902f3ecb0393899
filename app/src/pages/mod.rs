//! The pages. Each asks its server function for all that it shows, by its own query string, and is drawn as a whole from
//! the answer, the language, the feed and what was done on it since (see [`crate::browser`]).

mod alerts;
mod details;
mod devices;
mod diagnostics;
pub(crate) mod distribution;
mod happenings;
mod overview;
mod parts;
mod records;
mod settings;
#[cfg(feature = "ssr")]
pub(crate) mod still;

#[cfg(feature = "ssr")]
pub(crate) use parts::{Column, cell, link, plain, row_head, table};

use crate::browser::events::{self, Action, Reading};
use crate::browser::{self, Drawn, drawn, save};
use crate::charts::Chart;
use crate::components::{Glyph, NoticeKind, empty, icon, notice};
use crate::data::{
    AlertsPage, Answer, DataError, Details, Devices, DistributionPage, Moment, Overview, PageName, Records,
    SaveOutcome, SettingsPage, StillPage, decode, give_command, load, save_settings, unlisted,
};
use crate::feed_message::{ChargerMessage, Totals};
use crate::live::{Away, Live};
use crate::notify::{self, Notices};
use crate::text::Lang;
use crate::ui::{self, Ui};
use bmw_domain::account::{Right, Role};
use bmw_domain::calendar::LocalTime;
use bmw_domain::field::FieldError;
use bmw_domain::settings::SettingField;
use leptos::prelude::*;
use leptos::server::codee::string::FromToStringCodec;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Element, Event};
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_url};
use leptos_router::location::Url;
use maud::{Markup, PreEscaped, html};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What a page shows, and how.
trait Page: Send + Sync {
    /// When the data was gathered, of a page that shows what the feed tells or how long ago something was. Others are
    /// not drawn anew for what they do not show.
    fn live_since(&self) -> Option<Moment> {
        None
    }

    /// Draws it as a whole.
    fn draw(&self, seen: &Seen<'_>) -> Markup;

    /// Whether the feed tells of something that happened after the page was made, and of which it tells only in part.
    fn is_outdated(&self, _told: &BTreeMap<String, ChargerMessage>) -> bool {
        false
    }

    /// Whether it shows more of a session that begins or ends than the feed tells.
    fn shows_sessions(&self) -> bool {
        true
    }

    /// Whether something has happened since the page was made that the feed numbers and does not carry: more sessions have ended
    /// than it tells of, an alert has changed, somebody asks to join.
    fn has_missed(&self, _totals: &Totals) -> bool {
        false
    }

    /// Whether it shows if alerts are told on this device.
    fn shows_notices(&self) -> bool {
        false
    }

    /// The chart of a name that was drawn, for its read-out.
    fn chart(&self, _seen: &Seen<'_>, _name: &str) -> Option<Chart> {
        None
    }

    /// What "select all" selects.
    fn selectable(&self) -> Vec<String> {
        Vec::new()
    }

    /// What its rows are known by, of a list whose order follows from what moves.
    fn order(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Puts its rows into the order that they have been shown in: what was asked for anew must not move them under the finger.
    fn settle(&mut self, _shown: &[&str]) {}

    /// Whether something was typed that would be lost.
    fn unsaved(&self, _local: &Local) -> bool {
        false
    }

    /// Whether a field holds this without being typed into.
    fn holds(&self, _name: &str, _value: &str) -> bool {
        false
    }
}

/// What a page is drawn by, beside its data.
struct Seen<'a> {
    /// The language.
    lang: Lang,
    /// The charge points as the feed told them since.
    chargers: &'a BTreeMap<String, ChargerMessage>,
    /// The load of the phases as the feed told it since, A.
    phases: Option<[Option<f64>; 3]>,
    /// Counts and sums over the site as the feed told them since.
    totals: Option<&'a Totals>,
    /// Ms since the data came.
    passed: i64,
    /// What was done on the page.
    local: &'a Local,
    /// What the person is who sees it, if he has signed in.
    role: Option<Role>,
    /// What has happened while nobody looked.
    away: Option<&'a Away>,
    /// Whether alerts are told on this device, for a page that shows it.
    notices: Notices,
}

impl Seen<'_> {
    /// Whether the person may do this.
    fn may(&self, right: Right) -> bool {
        self.cannot(right).is_none()
    }

    /// Why not.
    fn cannot(&self, right: Right) -> Option<&'static str> {
        ui::cannot(self.lang, self.role, right)
    }

    /// Whether a charge point has become another while nobody looked.
    fn is_changed(&self, id: &str) -> bool {
        self.away.is_some_and(|away| away.chargers.iter().any(|changed| changed == id))
    }

    /// The time of the page's data, moved on by what has passed since it came.
    fn now(&self, at: Moment) -> Moment {
        Moment { at: at.at.plus(self.passed), local: LocalTime(at.local.0 + self.passed) }
    }
}

/// What was done on a page and is not in its address.
#[derive(Debug, Clone, Default)]
struct Local {
    /// What is selected.
    selection: BTreeSet<String>,
    /// What was typed into fields, by their names.
    typed: BTreeMap<String, String>,
    /// The series of a chart that are switched off; `None` while its address says so.
    off: Option<Vec<String>>,
    /// What has become of saving.
    saving: Saving,
    /// Why a command could not be given.
    failed: Option<DataError>,
}

/// What was typed into the settings, kept while the person is elsewhere: the browser's way back asks nobody.
#[derive(Debug, Clone, Copy)]
pub struct Unsaved(RwSignal<Local>);

impl Unsaved {
    /// Makes it known to all views below.
    pub fn provide() {
        provide_context(Self(RwSignal::default()));
    }

    /// What is kept for a page.
    fn of(name: PageName) -> RwSignal<Local> {
        let kept = (name == PageName::Settings).then(use_context::<Self>).flatten();
        let Some(Self(local)) = kept else { return RwSignal::default() };
        // What became of an earlier saving is no news.
        local.update_untracked(|local| local.saving = Saving::No);
        local
    }
}

#[derive(Debug, Clone, Default)]
enum Saving {
    /// Not tried.
    #[default]
    No,
    /// On its way.
    Sent,
    /// Saved; these have changed.
    Saved(Vec<SettingField>),
    /// Not saved: what only the server could find wrong.
    Wrong(Vec<(SettingField, FieldError)>),
    /// It did not come about.
    Failed(DataError),
}

impl Page for StillPage {
    fn draw(&self, seen: &Seen<'_>) -> Markup {
        html! {
            @if let Some(error) = &seen.local.failed {
                (notice(NoticeKind::Error, &html! { (reason(seen.lang, error)) }))
            }
            (PreEscaped(self.page.get(seen.lang)))
        }
    }
}

type Read = fn(&[u8]) -> Option<Arc<dyn Page>>;

fn read<T: Page + DeserializeOwned + 'static>(bytes: &[u8]) -> Option<Arc<dyn Page>> {
    decode::<T>(bytes).map(|page| Arc::new(page) as Arc<dyn Page>)
}

/// A page by its name, as the router shows it.
pub fn view_of(name: PageName) -> impl Fn() -> AnyView + Clone + Send + Sync + 'static {
    move || page(name)
}

const fn reader(name: PageName) -> Read {
    match name {
        PageName::Overview => read::<Overview>,
        PageName::Details => read::<Details>,
        PageName::Devices => read::<Devices>,
        PageName::Records => read::<Records>,
        PageName::Settings => read::<SettingsPage>,
        PageName::Cards => read::<StillPage>,
        PageName::Alerts => read::<AlertsPage>,
        PageName::Distribution => read::<DistributionPage>,
    }
}

const fn title(lang: Lang, name: PageName) -> &'static str {
    match name {
        PageName::Overview => lang.overview(),
        PageName::Details => lang.details(),
        PageName::Devices => lang.devices(),
        PageName::Records => lang.records(),
        PageName::Settings => lang.settings(),
        PageName::Cards => lang.cards(),
        PageName::Alerts => lang.alerts(),
        PageName::Distribution => lang.distribution(),
    }
}

/// Orders rows as they have been shown; those that are new follow as they come. Few, so that a sort would weigh more than it saves.
fn settle<T>(rows: &mut [T], id: impl Fn(&T) -> &str, shown: &[&str]) {
    let mut place = 0;
    for known in shown {
        let Some(found) = rows[place..].iter().position(|row| id(row) == *known) else { continue };
        for at in (place..place + found).rev() {
            rows.swap(at, at + 1);
        }
        place += 1;
    }
}

/// What stands in the tab of a page of this name, while nobody has seen so many alerts.
fn tab(alerts: u64, name: &str) -> String {
    [&ui::counted(alerts), name, " · BMW"].concat()
}

/// The same for the page of an address, as the server draws it.
#[cfg(feature = "ssr")]
pub(crate) fn tab_of(lang: Lang, path: &str, alerts: u64) -> String {
    let name = match path.trim_matches('/') {
        "" => Some(PageName::Overview),
        word => PageName::ALL.into_iter().find(|(_, known)| *known == word).map(|(name, _)| name),
    };
    tab(alerts, name.map_or(lang.not_found_title(), |name| title(lang, name)))
}

/// Keeps the document's title.
fn keep_title(name: impl Fn() -> &'static str + 'static) {
    let live = Live::get();
    Effect::new(move |_| document().set_title(&tab(live.alerts.get().into(), name())));
}

/// A page while it is shown.
#[derive(Clone, Copy)]
struct Shown {
    name: PageName,
    ui: Ui,
    live: Live,
    data: Resource<Answer, FromToStringCodec>,
    local: RwSignal<Local>,
    /// What the clock of the feed showed when data of this time came.
    came: StoredValue<Option<(Moment, i64)>>,
    /// How old its first data were, ms: those of a document that was kept.
    kept_for: i64,
    /// The page as it was last read, what it was read from, and the query string that it was asked by.
    last: StoredValue<Option<(Vec<u8>, Arc<dyn Page>, String)>>,
    /// The page's own address, not the router's: a page that is left must not ask for what the next one shows.
    url: ReadSignal<Url>,
    /// What is read out.
    reading: StoredValue<Reading>,
    /// Leads to an address without reload, leaving the page where it is scrolled to; with `true` as part of the same
    /// step of the history.
    go: StoredValue<Go>,
}

type Go = Arc<dyn Fn(&str, bool) + Send + Sync>;

/// When is looked how far a command is, s after it was given.
const LOOKS: [u64; 7] = [1, 2, 4, 8, 16, 32, 61];

impl Shown {
    /// The page's data, once it is there. A page that is there stays while the server cannot be reached to ask for it anew:
    /// the sign in the frame says how old it is.
    fn answer(self) -> Option<Result<Arc<dyn Page>, DataError>> {
        let search = self.search();
        self.data.with(|answer| {
            let Answer(answer) = answer.as_ref()?;
            Some(match answer {
                // Refused to one who was signed in, and is so no more: what he saw he has seen.
                Err(error @ (DataError::Network | DataError::Refused | DataError::TooMany)) => {
                    self.known(&search).ok_or_else(|| error.clone())
                }
                Err(error) => Err(error.clone()),
                Ok(bytes) => self.read(bytes, &search),
            })
        })
    }

    /// Whether there is nothing to show because the server cannot be reached.
    fn is_cut_off(self) -> bool {
        let is_network = |answer: &Option<Answer>| matches!(answer, Some(Answer(Err(DataError::Network))));
        self.data.with(is_network) && self.known(&self.search()).is_none()
    }

    /// The page's own query string.
    fn search(self) -> String {
        self.url.with_untracked(|url| url.search().to_owned())
    }

    /// The page as it was last read, if it was asked for in this way.
    fn known(self, search: &str) -> Option<Arc<dyn Page>> {
        self.last.with_value(|last| Some(last.as_ref().filter(|last| last.2 == search)?.1.clone()))
    }

    /// Reads the page, unless it was asked for in this way before and these are the bytes that it was read from.
    fn read(self, bytes: &[u8], search: &str) -> Result<Arc<dyn Page>, DataError> {
        let is_known = |(known, _, asked): &&(Vec<u8>, Arc<dyn Page>, String)| known == bytes && asked == search;
        let known = self.last.with_value(|last| last.as_ref().filter(is_known).map(|(_, page, _)| page.clone()));
        if let Some(page) = known {
            return Ok(page);
        }
        let page = self.read_anew(bytes, search)?;
        self.live.of_sessions.set_value(page.shows_sessions());
        self.last.set_value(Some((bytes.to_vec(), page.clone(), search.to_owned())));
        Ok(page)
    }

    /// Reads the page, with its rows where they were. Asked for in another way, it is another list.
    fn read_anew(self, bytes: &[u8], search: &str) -> Result<Arc<dyn Page>, DataError> {
        let mut page = reader(self.name)(bytes).ok_or(DataError::Protocol)?;
        self.last.with_value(|last| {
            let shown = last.as_ref().filter(|(.., asked)| asked == search);
            if let (Some((_, shown, _)), Some(page)) = (shown, Arc::get_mut(&mut page)) {
                page.settle(&shown.order());
            }
        });
        Ok(page)
    }

    /// The page as it was last read: what is on it counts also while it cannot be asked for anew. One that nobody has looked at yet
    /// is read.
    fn page(self) -> Option<Arc<dyn Page>> {
        let last = self.last.with_value(|last| last.as_ref().map(|(_, page, _)| page.clone()));
        last.or_else(|| untrack(|| self.answer())?.ok())
    }

    /// Looks at what a page is drawn by beside its data, as it stands now.
    fn seen(self, page: &Arc<dyn Page>, look: &mut dyn FnMut(&Seen<'_>)) {
        let lang = self.ui.lang.get();
        let role = self.ui.person().map(|person| person.role);
        let notices = if page.shows_notices() { self.live.notices.get() } else { Notices::default() };
        let none = BTreeMap::new();
        let now = page.live_since();
        let passed = now.map_or(0, |now| self.passed(now));
        // Where the feed is lost and pages can still be asked for, they know more.
        let is_newer = || self.live.is_lost.get() && self.came() > self.live.heard.get();
        let is_told = now.is_some() && !is_newer();
        let phases = if is_told { self.live.phases.get() } else { None };
        let mut with = |chargers: &BTreeMap<String, ChargerMessage>, totals: Option<&Totals>| {
            self.live.away.with(|away| {
                let away = away.as_ref();
                self.local.with(|local| {
                    look(&Seen { lang, chargers, phases, totals, passed, local, role, away, notices });
                });
            });
        };
        if is_told {
            self.live.chargers.with(|chargers| self.live.totals.with(|totals| with(chargers, totals.as_ref())));
        } else {
            with(&none, None);
        }
    }

    /// What the clock of the feed showed when the data came.
    fn came(self) -> i64 {
        self.came.get_value().map_or(0, |(_, clock)| clock)
    }

    /// Ms since data of this time came.
    fn passed(self, now: Moment) -> i64 {
        let clock = self.live.clock.get();
        match self.came.get_value() {
            Some((known, since)) if known == now => clock - since,
            known => {
                let age = if known.is_none() { self.kept_for } else { 0 };
                self.came.set_value(Some((now, clock - age)));
                age
            }
        }
    }

    fn chart(self, name: &str) -> Option<Chart> {
        let page = self.page()?;
        let mut chart = None;
        untrack(|| self.seen(&page, &mut |seen| chart = page.chart(seen, name)));
        chart
    }

    /// Leads to an address, unless the page has been left.
    fn lead(self, address: &str, replace: bool) {
        self.go.try_with_value(|go| go(address, replace));
    }

    fn typed(self, name: String, value: String) {
        let is_as_before = self.page().is_some_and(|page| page.holds(&name, &value));
        self.local.update(|local| {
            if is_as_before {
                local.typed.remove(&name);
            } else {
                local.typed.insert(name, value);
            }
        });
    }

    /// Loads the page as a whole, where a service worker has kept it, or says that it has not.
    fn load_as_kept(self) {
        let has_keeper = document().document_element().is_some_and(|html| html.has_attribute("data-keeper"));
        if has_keeper {
            let address = self.url.with_untracked(|url| [url.path(), "?", url.search()].concat());
            // Fails for no address of ours.
            drop(window().location().assign(address.trim_end_matches('?')));
        }
    }

    /// What was typed without WebAssembly came back by the address, and goes with it.
    fn forget_typed(self) {
        let location = window().location();
        let is_here = location.pathname().is_ok_and(|path| path.starts_with("/settings"));
        if is_here && location.search().is_ok_and(|search| !search.is_empty()) {
            self.lead("/settings/", true);
        }
    }

    fn select(self, value: String, is_chosen: bool) {
        let is_all = value.is_empty();
        let values = if is_all { self.page().map(|page| page.selectable()) } else { Some(vec![value]) };
        let values = values.unwrap_or_default();
        self.local.update(|local| {
            for value in values {
                if is_chosen {
                    local.selection.insert(value);
                } else {
                    local.selection.remove(&value);
                }
            }
        });
    }

    /// Gives a command, leads to the page that tells what came of it, and looks again and again how far it is.
    fn send(self, fields: Vec<(String, String)>) {
        leptos::task::spawn_local(async move {
            let outcome = give_command(fields.into_iter().collect()).await;
            let outcome = outcome.and_then(|bytes| decode::<String>(&bytes).ok_or(DataError::Protocol));
            let failed = outcome.as_ref().err().cloned();
            if self.local.try_update(|local| local.failed = failed).is_none() {
                return;
            }
            if let Ok(address) = outcome {
                self.lead(&address, true);
                for seconds in LOOKS {
                    set_timeout(move || self.look_again(), Duration::from_secs(seconds));
                }
            }
        });
    }

    /// Asks for the data anew, unless the page has been left.
    fn look_again(self) {
        if self.go.try_with_value(|_| ()).is_some() {
            self.data.refetch();
        }
    }

    /// Saves the settings as they stand in the form, unless they are wrong or already on their way.
    fn save(self) {
        let known = self.last.with_value(|last| decode::<SettingsPage>(&last.as_ref()?.0));
        let Some(settings) = known else { return };
        let typed = self.local.with_untracked(|local| {
            let is_sent = matches!(local.saving, Saving::Sent);
            (!is_sent && settings.errors(local).is_empty()).then(|| settings.form(|field| settings.value(local, field)))
        });
        let Some(typed) = typed else { return };
        self.local.update(|local| local.saving = Saving::Sent);
        let sent = typed.clone();
        leptos::task::spawn_local(async move {
            let outcome = save_settings(typed).await;
            let outcome = outcome.and_then(|bytes| decode::<SaveOutcome>(&bytes).ok_or(DataError::Protocol));
            let saving = match outcome {
                Err(error) => Saving::Failed(error),
                Ok(SaveOutcome::Wrong(errors)) => Saving::Wrong(errors),
                Ok(SaveOutcome::Saved(page, changed)) => {
                    self.data.set(Some(Answer(Ok(page))));
                    // What was typed meanwhile stays.
                    self.local.update(|local| local.typed.retain(|name, value| sent.get(name) != Some(value)));
                    self.forget_typed();
                    Saving::Saved(changed)
                }
            };
            self.local.update(|local| local.saving = saving);
        });
    }
}

impl Drawn for Shown {
    fn is_there(&self) -> bool {
        // Not read for that: a page that the server has drawn is read in a task of its own.
        self.data.with(Option::is_some)
    }

    fn draw(&self) -> Option<String> {
        let markup = match self.answer()? {
            Err(error) => trouble(self.ui.lang.get(), &error),
            Ok(page) => {
                let mut markup = Markup::default();
                self.seen(&page, &mut |seen| markup = page.draw(seen));
                markup
            }
        };
        Some(markup.into_string())
    }

    fn follow(&self) -> bool {
        match self.answer() {
            None => false,
            Some(Err(_)) => self.draw().is_some(),
            Some(Ok(page)) => {
                self.seen(&page, &mut |_| {});
                true
            }
        }
    }

    fn listen(&self, event: &Event) {
        let reading = self.reading.with_value(|now| events::reading(event, now, |name| self.chart(name)));
        if let Some(reading) = reading {
            if let Some(page) = event.current_target().and_then(|target| target.dyn_into().ok()) {
                events::show(&page, &reading, |name| self.chart(name));
            }
            self.reading.set_value(reading);
        }
        match events::action(event) {
            None => {}
            Some(Action::Go { address, replace }) => self.lead(&address, replace),
            Some(Action::Typed { name, value }) => self.typed(name, value),
            Some(Action::Select { value, is_chosen }) => self.select(value, is_chosen),
            Some(Action::Submit) => self.save(),
            Some(Action::Send(fields)) => self.send(fields),
            Some(Action::Do(word)) => match word.as_str() {
                "svg" | "png" => save::save(event, word == "svg"),
                "retry" => self.data.refetch(),
                "notify" => notify::toggle(self.live),
                "discard" => {
                    self.local.set(Local::default());
                    self.forget_typed();
                }
                word => {
                    if let Some(off) = word.strip_prefix("off ") {
                        self.local.update(|local| local.off = Some(unlisted(off)));
                    }
                }
            },
        }
    }

    fn painted(&self, part: &Element) {
        self.reading.with_value(|reading| events::show(part, reading, |name| self.chart(name)));
    }
}

/// A page: its title, its heading and, as soon as its data is there, its content. The data is asked for anew when the
/// query string changes, and when the live feed has told of a change.
fn page(name: PageName) -> AnyView {
    let (ui, live) = (Ui::get(), Live::get());
    let url = use_url();
    let source = move || (url.with(|url| url.search().to_owned()), live.pulse.get());
    let data = Resource::new_str_blocking(source, move |(search, _)| async move { Answer(load(name, search).await) });
    let navigate = use_navigate();
    let go: Go = Arc::new(move |address, replace| {
        navigate(address, NavigateOptions { scroll: false, replace, ..NavigateOptions::default() });
    });
    let shown = Shown {
        name,
        ui,
        live,
        data,
        local: Unsaved::of(name),
        came: StoredValue::new(None),
        kept_for: live.kept_for.try_update_value(std::mem::take).unwrap_or_default(),
        last: StoredValue::new(None),
        url,
        reading: StoredValue::new(None),
        go: StoredValue::new(go),
    };
    Effect::new(move |_| {
        // What happened before the feed began is news to the page and none to the feed.
        let is_outdated = |page: Arc<dyn Page>| live.chargers.with_untracked(|told| page.is_outdated(told));
        if live.is_complete.get() && shown.page().is_some_and(is_outdated) {
            shown.look_again();
        }
    });
    Effect::new(move |_| {
        let has_missed = |totals: &Totals| shown.page().is_some_and(|page| page.has_missed(totals));
        if live.totals.with(|totals| totals.as_ref().is_some_and(has_missed)) {
            shown.look_again();
        }
    });
    Effect::new(move |_| {
        if shown.is_cut_off() {
            shown.load_as_kept();
        }
    });
    guard_leaving(shown);
    let content = drawn("content", shown);
    keep_title(move || title(ui.lang.get(), name));
    view! {
        <h1 class="page-title">{move || title(ui.lang.get(), name)}</h1>
        <Transition fallback=move || {
            view! {
                <p class="page-loading" role="status">
                    {ui.lang.get_untracked().loading()}
                </p>
            }
        }>{content}</Transition>
    }
    .into_any()
}

/// Asks before a page is left that holds something unsaved: the browser when it is left for good, we within the site.
#[allow(clippy::large_types_passed_by_value)] // it is kept
fn guard_leaving(shown: Shown) {
    let is_unsaved = move || shown.page().is_some_and(|page| shown.local.with_untracked(|local| page.unsaved(local)));
    Effect::new(move |_: Option<browser::Listener>| {
        let for_good = window_event_listener(leptos::ev::beforeunload, move |event| {
            if is_unsaved() {
                event.prevent_default();
                // Older browsers ask only when there is a text.
                event.set_return_value("unsaved");
            }
        });
        on_cleanup(move || for_good.remove());
        browser::on_link(move |event| {
            let question = shown.ui.lang.get_untracked().leave_unsaved();
            if !is_unsaved() {
                return;
            }
            if window().confirm_with_message(question).unwrap_or(true) {
                shown.local.set(Local::default());
            } else {
                event.prevent_default();
                event.stop_propagation();
            }
        })
    });
}

/// What failed, and a way to try again that also works as a plain link.
///
/// In place, unless the answer is of another version of the program: then the whole page must be loaded anew.
fn trouble(lang: Lang, error: &DataError) -> Markup {
    let retry = (*error != DataError::Protocol).then_some("retry");
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::SERVICE_UNAVAILABLE);
    }
    html! {
        section.card.trouble role="alert" {
            h2 { (lang.failed_title()) }
            p { (reason(lang, error)) }
            p {
                @if *error == DataError::Refused {
                    a.button.is-primary rel="external" href="/log_in/" { (icon(Glyph::LOG_IN)) span { (lang.sign_in()) } }
                    " "
                }
                // An empty address is this page's own.
                a.button.is-primary rel="external" href="" data-do=[retry] {
                    (icon(Glyph::REFRESH_CW)) span { (lang.try_again()) }
                }
            }
        }
    }
}

/// Why there is no answer, in words.
fn reason(lang: Lang, error: &DataError) -> &'static str {
    match error {
        DataError::Store => lang.failed_store(),
        DataError::Refused => lang.failed_refused(),
        DataError::TooMany => lang.failed_too_many(),
        DataError::Network => lang.failed_network(),
        DataError::Protocol => lang.failed_other(),
    }
}

/// What stands in the place of what only those see who have signed in.
fn for_those_signed_in(lang: Lang, what: &str) -> Markup {
    let sign_in = html! {
        a.button rel="external nofollow" href="/log_in/" { (icon(Glyph::LOG_IN)) span { (lang.sign_in()) } }
    };
    empty(Glyph::USER, what, "", &sign_in)
}

/// The page that is shown for an address without one.
pub fn not_found() -> AnyView {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(http::StatusCode::NOT_FOUND);
    }
    let ui = Ui::get();
    keep_title(move || ui.lang.get().not_found_title());
    drawn("content", NotFound(ui)).into_any()
}

#[derive(Clone)]
struct NotFound(Ui);

impl Drawn for NotFound {
    fn draw(&self) -> Option<String> {
        let lang = self.0.lang.get();
        let markup = html! {
            section.card.trouble {
                h1 { (lang.not_found_title()) }
                p { (lang.not_found_help()) }
                p { a.button.is-primary href="/overview/" { (lang.to_overview()) } }
            }
        };
        Some(markup.into_string())
    }

    fn follow(&self) -> bool {
        self.draw().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::settle;

    #[test]
    fn rows_stay_in_the_order_in_which_they_were_shown() {
        let settled = |rows: &[&'static str], shown: &[&str]| {
            let mut rows = rows.to_vec();
            settle(&mut rows, |row| row, shown);
            rows.concat()
        };
        assert_eq!(settled(&["C", "A", "B"], &["A", "B", "C"]), "ABC");
        assert_eq!(settled(&["N", "C", "A", "M"], &["A", "B", "C"]), "ACNM", "new ones follow as they come");
        assert_eq!(settled(&["C", "A"], &[]), "CA");
        assert_eq!(settled(&[], &["A"]), "");
    }
}
