//! Pieces that several pages share.

use super::html::Html;
use crate::charts::{CurveData, Sample};
use crate::components::{
    Card, CurveChart, EmptyState, Glyph, LinkButton, PhaseGauges, condition_class, condition_glyph,
};
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
    let time = [lang.charging_time(), " ", &lang.hours(tiles.time)].concat();
    let all = [
        (Glyph::PLUG_ZAP, lang.tile_chargers(), grouped(tiles.chargers), "", lang.tile_chargers_note()),
        (Glyph::BATTERY_CHARGING, lang.tile_energy(), kwh_2(tiles.energy), "kWh", lang.tile_energy_note()),
        (Glyph::HISTORY, lang.tile_sessions(), grouped(tiles.sessions), "", &time),
        (Glyph::ZAP, lang.tile_in_use(), grouped(tiles.in_use), "", lang.tile_in_use_note()),
    ];
    let html = Html::new().each(all, |html, (glyph, label, value, unit, note)| {
        icon(html.raw("<div class=\"tile\"><dt>"), glyph)
            .raw("<span>")
            .text(label)
            .raw("</span></dt><dd class=\"tile-value\"><span class=\"number\">")
            .text(&value)
            .raw("</span><span class=\"unit\">")
            .raw(unit)
            .raw("</span></dd><dd class=\"tile-secondary\">")
            .text(note)
            .raw("</dd></div>")
    });
    view! { <dl class="tiles" inner_html=html.done()></dl> }.into_any()
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

/// A charge point's state as word, icon and colour.
pub fn badge(html: Html, lang: Lang, state: Option<&str>) -> Html {
    let condition = condition(state);
    icon(html.raw("<span class=\"badge ").raw(condition_class(condition)).raw("\">"), condition_glyph(condition))
        .raw("<span>")
        .text(&state_word(lang, state))
        .raw("</span></span>")
}

/// A state in words; one that has none is shown as it came.
pub fn state_word(lang: Lang, state: Option<&str>) -> String {
    let Some(state) = state else {
        return lang.unknown().to_owned();
    };
    lang.state_name(state).map_or_else(|| state.to_owned(), ToOwned::to_owned)
}

/// A local time with its age beside it.
pub fn when(html: Html, lang: Lang, now: Moment, at: Option<Moment>) -> Html {
    let Some(at) = at else {
        return html.raw("<span class=\"muted\">").text(lang.never()).raw("</span>");
    };
    html.raw("<time class=\"when\" datetime=\"")
        .text(&at.local.with_t())
        .raw("\">")
        .text(&at.local.with_space())
        .raw(" <span class=\"age\">")
        .text(&lang.ago(now.at.since(at.at)))
        .raw("</span></time>")
}

/// The time of the page's data, moved on by what has passed in the browser since it was drawn.
pub fn now_in_browser(now: Moment) -> impl Fn() -> Moment + Clone {
    let live = Live::get();
    let drawn = live.clock.get_untracked();
    move || {
        let passed = live.clock.get() - drawn;
        Moment { at: now.at.plus(passed), local: LocalTime(now.local.0 + passed) }
    }
}

/// A table's box, filled with text that follows the feed.
pub fn table_box(class: &'static str, content: impl Fn() -> String + Send + Sync + 'static) -> AnyView {
    table_box_of(class, Signal::derive(content))
}

fn table_box_of(class: &'static str, content: Signal<String>) -> AnyView {
    view! { <div class=class inner_html=content></div> }.into_any()
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

/// `Charger ID（电桩ID）`: a heading in both languages, as the document asks.
pub fn both_names(en: &'static str, zh: &'static str) -> String {
    format!("{en}（{zh}）")
}

/// A row of a table of properties: its label in the chosen language, and smaller in the other one.
pub fn property(html: Html, lang: Lang, label: fn(Lang) -> &'static str, value: &str) -> Html {
    property_head(html, lang, label).text(value).raw("</td></tr>")
}

/// The beginning of such a row.
pub fn property_head(html: Html, lang: Lang, label: fn(Lang) -> &'static str) -> Html {
    let other = lang.other();
    html.raw("<tr><th scope=\"row\">")
        .text(label(lang))
        .raw(" <span class=\"second-label\" lang=\"")
        .raw(other.code())
        .raw("\">")
        .text(label(other))
        .raw("</span></th><td>")
}

/// The end of a value that holds markup of its own.
pub fn property_end(html: Html) -> Html {
    html.raw("</td></tr>")
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

/// A `<form method="get">` that leads to its address without reload: when it is sent, and when a choice is changed.
/// Without WebAssembly the browser does the same by itself, by way of the form's button.
pub fn get_form(lang: Lang, action: &'static str, class: &'static str, body: AnyView) -> AnyView {
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
    let button = Html::new().raw("<button class=\"button\" type=\"submit\">").text(lang.apply()).raw("</button>");
    view! {
        <form class=class method="get" action=action on:submit=sent on:change=changed>
            {body}
            <noscript inner_html=button.done()></noscript>
        </form>
    }
    .into_any()
}

/// What a form hands on unseen.
pub fn hidden(fields: &[(&'static str, &str)]) -> AnyView {
    let html = Html::new().each(fields, |html, (name, value)| {
        html.raw("<input type=\"hidden\" name=\"").raw(name).raw("\" value=\"").text(value).raw("\">")
    });
    view! { <span hidden inner_html=html.done()></span> }.into_any()
}

/// One of many, labelled. The choices are text; the element itself stays, and with it the focus.
pub fn select(label: &'static str, name: &'static str, choices: Html) -> AnyView {
    view! {
        <label class="filter">
            <span>{label}</span>
            <select name=name inner_html=choices.done()></select>
        </label>
    }
    .into_any()
}

/// A labelled input.
pub fn input(kind: &'static str, label: &'static str, name: &'static str, value: String) -> AnyView {
    view! {
        <label class="filter">
            <span>{label}</span>
            <input type=kind name=name autocomplete="off" value=value.clone() prop:value=value />
        </label>
    }
    .into_any()
}

/// The charge points as choices. One that was asked for and does not exist is still shown as chosen.
pub fn charger_choices(lang: Lang, identities: &[String], chosen: &str) -> Html {
    let html = Html::new().choice("", lang.all_chargers(), chosen.is_empty());
    let is_listed = chosen.is_empty() || identities.iter().any(|id| id == chosen);
    let html = if is_listed { html } else { html.choice(chosen, chosen, true) };
    html.each(identities, |html, id| html.choice(id, id, id == chosen))
}

/// The beginning of a table, up to its first heading.
pub fn table_head(caption: &str, class: &'static str) -> Html {
    Html::new()
        .raw("<table class=\"")
        .raw(class)
        .raw("\"><caption class=\"sr-only\">")
        .text(caption)
        .raw("</caption><thead><tr>")
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
pub fn commands(html: Html, lang: Lang, of: &str) -> Html {
    let all = [
        (lang.start(), Glyph::PLAY),
        (lang.stop(), Glyph::SQUARE),
        (lang.reset(), Glyph::ROTATE_CCW),
        (lang.update(), Glyph::DOWNLOAD),
        (lang.more(), Glyph::ELLIPSIS),
    ];
    html.raw("<div class=\"commands\" role=\"group\" aria-label=\"")
        .text(lang.actions())
        .raw(" ")
        .text(of)
        .raw("\">")
        .each(all, |html, (name, glyph)| {
            icon(
                html.raw("<button type=\"button\" class=\"button\" aria-disabled=\"true\" title=\"")
                    .text(lang.no_connection())
                    .raw("\">"),
                glyph,
            )
            .raw("<span>")
            .text(name)
            .raw("</span></button>")
        })
        .raw("</div>")
}

/// An icon beside a word.
pub fn icon(html: Html, glyph: Glyph) -> Html {
    html.raw("<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\">")
        .raw(glyph.paths())
        .raw("</svg>")
}
