//! Pieces that several pages share.

use crate::charts::{CurveData, Sample};
use crate::components::{Card, CurveChart, EmptyState, Glyph, Icon, LinkButton, PhaseGauges, StateBadge, Tile};
use crate::data::{Moment, Phases, Query, Tiles, Value};
use crate::live::Live;
use crate::text::Lang;
use crate::text::format::{grouped, kwh_2, with_unit};
use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::Energy;
use bmw_domain::phase::Phase;
use bmw_domain::status::condition;
use leptos::prelude::*;
use leptos::text_prop::TextProp;
use leptos::wasm_bindgen::JsCast;
use leptos::{ev, web_sys};
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

/// The four tiles.
pub fn tiles(lang: Lang, tiles: &Tiles) -> AnyView {
    let tile = |glyph: Glyph, label: &'static str, value: String, unit: &'static str, note: String| {
        view! { <Tile glyph=glyph label=label value=value unit=unit secondary=note /> }
    };
    let time = format!("{} {}", lang.charging_time(), lang.hours(tiles.time));
    let chargers_note = lang.tile_chargers_note().to_owned();
    let in_use_note = lang.tile_in_use_note().to_owned();
    view! {
        <dl class="tiles">
            {tile(Glyph::PLUG_ZAP, lang.tile_chargers(), grouped(tiles.chargers), "", chargers_note)}
            {tile(
                Glyph::BATTERY_CHARGING,
                lang.tile_energy(),
                kwh_2(tiles.energy),
                "kWh",
                lang.tile_energy_note().to_owned(),
            )}
            {tile(Glyph::HISTORY, lang.tile_sessions(), grouped(tiles.sessions), "", time)}
            {tile(Glyph::ZAP, lang.tile_in_use(), grouped(tiles.in_use), "", in_use_note)}
        </dl>
    }
    .into_any()
}

/// A card: one idea under one heading.
pub fn card(id: &'static str, span: u8, heading: &'static str, aside: AnyView, body: AnyView) -> AnyView {
    view! {
        <Card id=id heading=heading span=span aside=move || aside>
            {body}
        </Card>
    }
    .into_any()
}

/// A charge point's state as word, icon and colour; follows the live feed. The document's word is its title.
pub fn badge(lang: Lang, id: &str, state: Option<String>) -> AnyView {
    let live = Live::get();
    let id = id.to_owned();
    let now = Signal::derive(move || live.of(&id, &state, |charger| charger.state.clone()));
    let condition = Signal::derive(move || now.with(|state| condition(state.as_deref())));
    let word = move || now.with(|state| state_word(lang, state.as_deref()));
    view! { <StateBadge condition=condition word=word /> }.into_any()
}

/// A state in words; one that has none is shown as it came.
pub fn state_word(lang: Lang, state: Option<&str>) -> String {
    let Some(state) = state else {
        return lang.unknown().to_owned();
    };
    lang.state_name(state).map_or_else(|| state.to_owned(), ToOwned::to_owned)
}

/// A local time with its age beside it, which counts on in the browser.
pub fn when(lang: Lang, now: Moment, at: Option<Moment>) -> AnyView {
    let Some(at) = at else {
        return view! { <span class="muted">{lang.never()}</span> }.into_any();
    };
    let live = Live::get();
    let age = now.at.since(at.at);
    let drawn = live.clock.get_untracked();
    view! {
        <time class="when" datetime=at.local.with_t()>
            {at.local.with_space()}
            " "
            <span class="age">{move || lang.ago(age + live.clock.get() - drawn)}</span>
        </time>
    }
    .into_any()
}

/// The load of the site's phases against their limits; follows the live feed.
pub fn phases(lang: Lang, phases: &Phases) -> AnyView {
    let aside =
        view! { <LinkButton href="/settings/#field-max_current_a" label=lang.change_limits() glyph=Glyph::SETTINGS /> };
    let body = view! {
        {gauges(lang, phases)}
        <p class="muted">{lang.phases_help()}</p>
    };
    card("phases", 1, lang.phase_gauges(), aside.into_any(), body.into_any())
}

fn gauges(lang: Lang, phases: &Phases) -> AnyView {
    let live = Live::get();
    let known = phases.load;
    let load = Signal::derive(move || live.phases.get().unwrap_or(known));
    let names = Phase::ALL.map(|phase| TextProp::from(format!("{} {}", lang.phase(), phase.letter())));
    view! { <PhaseGauges load=load limits=phases.limits.map(f64::from) names=names unknown=lang.unknown_load() /> }
        .into_any()
}

/// Charging current and session energy over time, one curve under the other.
pub fn curves(lang: Lang, values: &[Value], limit: Option<f64>, from: LocalTime, to: LocalTime) -> AnyView {
    let current = values.iter().map(|value| (value.at, value.current)).collect();
    let energy = values.iter().map(|value| (value.at, value.energy.map(Energy::kwh))).collect();
    view! {
        <h3>{lang.current()}</h3>
        {curve(lang, lang.current(), current, "A", limit, from, to)}
        <h3>{lang.session_energy()}</h3>
        {curve(lang, lang.session_energy(), energy, "kWh", None, from, to)}
    }
    .into_any()
}

/// Power over time.
pub fn power_curve(lang: Lang, values: &[Value], from: LocalTime, to: LocalTime) -> AnyView {
    let power = values.iter().map(|value| (value.at, value.power.map(|watt| watt / 1000.0))).collect();
    curve(lang, lang.power(), power, "kW", None, from, to)
}

/// What is measured every minute leaves a gap when three values are missing; so do points that were thinned out.
const GAP_MS: i64 = 200_000;
const POINTS: i64 = 720;

fn curve(
    lang: Lang,
    label: &'static str,
    samples: Vec<Sample>,
    unit: &'static str,
    limit: Option<f64>,
    from: LocalTime,
    to: LocalTime,
) -> AnyView {
    let gap_ms = GAP_MS.max((to.0 - from.0) / POINTS * 3);
    let data = CurveData { samples, from, to, gap_ms, unit, limit };
    view! { <CurveChart data=data label=label empty=lang.no_values() /> }.into_any()
}

/// Says why there is nothing, and what to do.
pub fn empty(title: &'static str, help: &'static str) -> AnyView {
    view! { <EmptyState text=title hint=help /> }.into_any()
}

/// A choice of a form's `<select>`.
pub fn choice(value: impl ToString, label: impl ToString, chosen: bool) -> AnyView {
    view! {
        <option value=value.to_string() selected=chosen>
            {label.to_string()}
        </option>
    }
    .into_any()
}

/// `Charger ID（电桩ID）`: a heading in both languages, as the document asks.
pub fn both_names(en: &'static str, zh: &'static str) -> String {
    format!("{en}（{zh}）")
}

/// A label in the chosen language, and smaller in the other one.
pub fn two_labels(lang: Lang, label: fn(Lang) -> &'static str) -> AnyView {
    let other = lang.other();
    view! {
        {label(lang)}
        " "
        <span class="second-label" lang=other.code()>
            {label(other)}
        </span>
    }
    .into_any()
}

/// A number of ampere, or a dash.
pub fn ampere(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| with_unit(value, "A"))
}

/// Leads to an address without reload, leaving the page where it is scrolled to; with `replace` as part of the same
/// step of the history.
pub fn navigator(replace: bool) -> impl Fn(&str) + Clone + Send + Sync + 'static {
    let navigate = use_navigate();
    move |address: &str| navigate(address, NavigateOptions { scroll: false, replace, ..NavigateOptions::default() })
}

/// Makes a `<form method="get">` lead to its address without reload: when it is sent, and when a choice is changed.
/// Without WebAssembly the browser does the same by itself, by way of the form's button.
pub fn get_form(action: &'static str) -> (impl Fn(ev::SubmitEvent) + Clone, impl Fn(web_sys::Event) + Clone) {
    let go = navigator(false);
    let sent = {
        let go = go.clone();
        move |event: ev::SubmitEvent| {
            if let Some(address) = form_of(&event).and_then(|form| address_of(action, &form)) {
                event.prevent_default();
                go(&address);
            }
        }
    };
    let changed = move |event: web_sys::Event| {
        if let Some(address) = form_of(&event).and_then(|form| address_of(action, &form)) {
            go(&address);
        }
    };
    (sent, changed)
}

fn form_of(event: &web_sys::Event) -> Option<web_sys::HtmlFormElement> {
    event.current_target()?.dyn_into().ok()
}

/// The address that a form leads to; names without value are left out.
fn address_of(action: &str, form: &web_sys::HtmlFormElement) -> Option<String> {
    let fields = web_sys::FormData::new_with_form(form).ok()?;
    let fields = web_sys::UrlSearchParams::new_with_str_sequence_sequence(&fields).ok()?;
    let text: String = fields.to_string().into();
    Some(Query::parse(&text).with("", "").on(action))
}

/// The operation commands. Until charge points connect each is there and says why it cannot be given.
///
/// Plain elements with the classes of `ActionButton`: there are five in each row of the device list.
pub fn commands(lang: Lang, of: &str) -> AnyView {
    let command = |name: &'static str, glyph: Glyph| {
        view! {
            <button type="button" class="button" aria-disabled="true" title=lang.no_connection()>
                <Icon glyph=glyph />
                <span>{name}</span>
            </button>
        }
    };
    view! {
        <div class="commands" role="group" aria-label=format!("{} {of}", lang.actions())>
            {command(lang.start(), Glyph::PLAY)}
            {command(lang.stop(), Glyph::SQUARE)}
            {command(lang.reset(), Glyph::ROTATE_CCW)}
            {command(lang.update(), Glyph::DOWNLOAD)}
            {command(lang.more(), Glyph::ELLIPSIS)}
        </div>
    }
    .into_any()
}
