//! One charge point: what is known of it, what it measured, and the sessions of a day.

use super::html::Html;
use super::page;
use super::parts::{
    ampere, badge, card, commands, curves, empty, get_form, hidden, icon, input, navigator, now_in_browser,
    power_curve, property, property_end, property_head, select, table_box, when,
};
use crate::components::{Dialog, EmptyState, Glyph, Notice, NoticeKind, Tag};
use crate::data::{ChargerDetails, Details, Moment, OpenedSession, PageName, Query, RecordLine, SessionQuery, Span};
use crate::live::Live;
use crate::text::Lang;
use crate::text::format::{kwh_2, kwh_3, one_decimal, with_unit};
use bmw_domain::calendar::{Day, LocalTime, Month};
use bmw_domain::energy::{ChargingTime, Energy};
use leptos::prelude::*;

/// `/details/?charger_id=…`
#[component]
pub fn DetailsPage() -> impl IntoView {
    page(PageName::Details, draw)
}

/// The page's address with what it shows now, to be changed in one point.
fn address(data: &Details) -> Query {
    let query = &data.query;
    let span = if data.span == Span::ALL[0].0 { "" } else { data.span.word() };
    Query::default()
        .with("charger_id", data.asked.as_deref().unwrap_or_default())
        .with("span", span)
        .with("date", query.date)
        .with("only", if query.only { "1" } else { "" })
        .with("record", query.chosen.as_ref().map(|chosen| chosen.id.to_string()).unwrap_or_default())
}

fn draw(lang: Lang, data: Details) -> AnyView {
    let body = match &data.charger {
        Some(charger) => view! {
            {card("properties", 1, lang.properties(), online(lang, charger), properties(lang, &data, charger))}
            {card("curve", 2, lang.curve(), spans(lang, &data), values(lang, &data, charger))}
        }
        .into_any(),
        None if data.identities.is_empty() => empty(lang.no_chargers(), lang.no_chargers_help()),
        None => {
            let asked = data.asked.clone();
            view! {
                <Notice kind=NoticeKind::Warning>
                    {lang.unknown_charger()} ": " {asked} ". " {lang.unknown_charger_help()}
                </Notice>
            }
            .into_any()
        }
    };
    view! {
        {head(lang, &data)}
        <div class="grid">
            {body} {card("query", 9, lang.session_query(), ().into_any(), query(lang, &data))}
        </div>
        {data.query.opened.clone().map(|session| opened(lang, &data, session))}
    }
    .into_any()
}

fn head(lang: Lang, data: &Details) -> AnyView {
    let shown = data.charger.as_ref().map_or_else(|| data.asked.clone(), |charger| Some(charger.id.clone()));
    let shown = shown.unwrap_or_default();
    let identities =
        Html::new().each(&data.identities, |html, id| html.raw("<option value=\"").text(id).raw("\"></option>"));
    let picker = view! {
        <label class="filter is-wide">
            <span>{lang.choose_charger()}</span>
            <input
                id="charger-picker"
                type="search"
                name="charger_id"
                list="charger-identities"
                autocomplete="off"
                value=shown.clone()
                prop:value=shown
            />
        </label>
        <datalist id="charger-identities" inner_html=identities.done()></datalist>
    };
    let actions = data.charger.as_ref().map(|charger| {
        let html = commands(Html::new(), lang, &charger.id);
        let html = icon(html.raw("<p class=\"reason\">"), Glyph::WIFI_OFF)
            .raw("<span>")
            .text(lang.no_connection())
            .raw(" – ")
            .text(lang.no_connection_help())
            .raw("</span></p>");
        view! { <div class="head-actions" inner_html=html.done()></div> }.into_any()
    });
    view! {
        <div class="page-head">
            {get_form(lang, "/details/", "picker", picker.into_any())}
            {actions}
        </div>
    }
    .into_any()
}

fn online(lang: Lang, charger: &ChargerDetails) -> AnyView {
    let live = Live::get();
    let (id, known) = (charger.id.clone(), charger.online);
    let word = move || {
        let online = live.of(&id, &known, |charger| charger.online);
        if online { lang.online() } else { lang.offline() }.to_owned()
    };
    view! { <Tag text=word /> }.into_any()
}

/// The table of 2.1.
fn properties(lang: Lang, data: &Details, known: &ChargerDetails) -> AnyView {
    let live = Live::get();
    let now = now_in_browser(data.now);
    let known = known.clone();
    table_box("properties-box", move || {
        let mut charger = known.clone();
        live.chargers.with(|chargers| {
            if let Some(told) = chargers.get(&charger.id).cloned() {
                (charger.state, charger.command) = (told.state, told.command);
                (charger.current, charger.session_energy) = (told.current, told.energy);
            }
        });
        property_table(lang, now(), &charger)
    })
}

fn property_table(lang: Lang, now: Moment, charger: &ChargerDetails) -> String {
    let dash = || "–".to_owned();
    let text = |value: Option<&String>| value.filter(|value| !value.trim().is_empty()).cloned().unwrap_or_else(dash);
    let number = |value: Option<i32>| value.map_or_else(dash, |value| value.to_string());
    let kwh = |wh: i32| with_unit(kwh_3(Energy::from_wh(i64::from(wh))), "kWh");
    let minutes = |minutes: i32| lang.hours(ChargingTime::from_ms(i64::from(minutes) * 60_000));
    let html = Html::new().raw("<table class=\"properties\"><caption class=\"sr-only\">").text(lang.properties());
    let html = property(html.raw("</caption><tbody>"), lang, Lang::charger_id, &charger.id);
    let html = property_end(badge(property_head(html, lang, Lang::state), lang, charger.state.as_deref()));
    let html = property(html, lang, Lang::last_command, &text(charger.command.as_ref()));
    let html = property_end(when(property_head(html, lang, Lang::last_contact), lang, now, charger.contact));
    let rows: [(fn(Lang) -> &'static str, String); 18] = [
        (Lang::charging_current, ampere(charger.current)),
        (Lang::current_limit, ampere(charger.limit)),
        (Lang::current_offered, ampere(charger.offered)),
        (Lang::session_energy, charger.session_energy.map_or_else(dash, kwh)),
        (Lang::session_time, charger.session_minutes.map_or_else(dash, minutes)),
        (Lang::charging_phases, number(charger.phases)),
        (Lang::total_energy, charger.total_energy.map_or_else(dash, |energy| with_unit(kwh_2(energy), "kWh"))),
        (Lang::total_time, charger.total_time.map_or_else(dash, |time| lang.hours(time))),
        (Lang::model, text(Some(&charger.model))),
        (Lang::max_current, ampere(charger.max_current.map(one_decimal))),
        (Lang::min_current, ampere(charger.min_current.map(one_decimal))),
        (Lang::max_phases, number(charger.max_phases)),
        (Lang::vendor, text(charger.vendor.as_ref())),
        (Lang::serial, text(charger.serial.as_ref())),
        (Lang::firmware, text(charger.firmware.as_ref())),
        (Lang::socket, text(charger.socket.as_ref())),
        (Lang::address, text(charger.ip.as_ref())),
        (Lang::mac, text(charger.mac.as_ref())),
    ];
    let html = html.each(rows, |html, (label, value)| property(html, lang, label, &value));
    html.raw("</tbody></table>").done()
}

fn spans(lang: Lang, data: &Details) -> AnyView {
    let html = Html::new().each(Span::ALL, |html, (span, word)| {
        let label = match span {
            Span::Quarter => lang.span_15m(),
            Span::Hour => lang.span_1h(),
            Span::FourHours => lang.span_4h(),
            Span::Day => lang.span_1d(),
        };
        let here = if span == data.span { "\" aria-current=\"true\">" } else { "\">" };
        html.raw("<a data-noscroll href=\"")
            .text(&address(data).with("span", word).on("/details/"))
            .raw(here)
            .text(label)
            .raw("</a>")
    });
    view! { <nav class="segmented" aria-label=lang.span() inner_html=html.done()></nav> }.into_any()
}

fn values(lang: Lang, data: &Details, charger: &ChargerDetails) -> AnyView {
    if data.values.is_empty() {
        return view! {
            <div class="chart-slot">
                <EmptyState text=lang.no_values() hint=lang.no_values_help() glyph=Glyph::GAUGE />
            </div>
        }
        .into_any();
    }
    let from = LocalTime(data.now.local.0 - data.span.ms());
    let limit = charger.limit.map(f64::from);
    view! { <div class="chart-slot">{curves(lang, &data.values, limit, from, data.now.local)}</div> }.into_any()
}

/// The session query of 2.2, step by step; each step is in the address.
fn query(lang: Lang, data: &Details) -> AnyView {
    let query = &data.query;
    let charger = data.asked.as_deref().unwrap_or_default();
    let kept = [("charger_id", charger), ("span", data.span.word())];
    let step_one = view! {
        {hidden(&kept)}
        {input("date", lang.step_date(), "date", query.date.to_string())}
        <label class="check">
            <input type="checkbox" name="only" value="1" checked=query.only prop:checked=query.only />
            <span>{lang.only_this_charger()}</span>
        </label>
    };
    let chosen = query.chosen.as_ref().map(|chosen| chosen.id);
    let code = query.chosen.as_ref().and_then(|chosen| chosen.cycle).map(|cycle| cycle.to_string());
    let choices = Html::new().choice("", lang.choose(), chosen.is_none()).each(&query.sessions, |html, session| {
        let start = session.start.map(|start| start.with_space()[11..16].to_owned()).unwrap_or_default();
        let id = session.id.to_string();
        let label = [id.as_str(), " · ", &session.charger, " · ", &start].concat();
        html.choice(&id, &label, chosen == Some(session.id))
    });
    let step_two = view! {
        {hidden(&kept)}
        {hidden(&[("date", &query.date.to_string()), ("only", if query.only { "1" } else { "" })])}
        {select(lang.step_record(), "record", choices)}
        <label class="filter">
            <span>{lang.charge_code()}</span>
            <output class="charge-code" aria-live="polite">
                {code.unwrap_or_else(|| "–".to_owned())}
            </output>
        </label>
    };
    let start = Html::new();
    let start = match chosen {
        Some(_) => start
            .raw("<a class=\"button is-primary\" data-noscroll href=\"")
            .text(&address(data).with("start", "1").on("/details/"))
            .raw("\">"),
        None => start.raw("<a class=\"button is-primary\" role=\"link\" aria-disabled=\"true\">"),
    };
    let start = icon(start, Glyph::PLAY).raw("<span>").text(lang.query_start()).raw("</span></a>");
    let none = if query.sessions.is_empty() { lang.no_sessions_that_day() } else { "" };
    view! {
        <div class="query">
            <div class="query-steps">
                {get_form(lang, "/details/", "step", step_one.into_any())}
                {get_form(lang, "/details/", "step", step_two.into_any())}
                <div class="step" inner_html=start.done()></div>
                <p class="muted" role="status">
                    {none}
                </p>
            </div>
            <div class="calendar" inner_html=calendar(lang, data, query)></div>
        </div>
    }
    .into_any()
}

/// The month around the chosen day, with the days marked that have sessions.
fn calendar(lang: Lang, data: &Details, query: &SessionQuery) -> String {
    let base = address(data).without("record");
    let first = query.month.first_day();
    let next = Month(query.month.0 + 1);
    let to_month = |html: Html, month: Month, label: &str, glyph: Glyph| {
        let href = base.clone().with("month", month).on("/details/");
        let html = html.raw("<a class=\"button icon-only\" data-noscroll href=\"").text(&href).raw("\">");
        icon(html, glyph).raw("<span class=\"sr-only\">").text(label).raw("</span></a>")
    };
    let html = Html::new().raw("<div class=\"calendar-head\">");
    let html = to_month(html, Month(query.month.0 - 1), lang.previous_month(), Glyph::CHEVRON_LEFT);
    let html = html.raw("<strong>").text(&query.month.to_string()).raw("</strong>");
    let html = to_month(html, next, lang.next_month(), Glyph::CHEVRON_RIGHT);
    let html = html.raw("</div><div class=\"calendar-days\">").each(0..7, |html, index| {
        html.raw("<span class=\"weekday\" aria-hidden=\"true\">").text(lang.weekday(index)).raw("</span>")
    });
    let days = next.first_day().0 - first.0;
    let html = html.each(0..days, |html, place| {
        let day: Day = first.plus(place);
        let is_marked = query.marked.contains(&day);
        let html = html.raw(if is_marked { "<a class=\"day is-marked\"" } else { "<a class=\"day\"" });
        // The first day of the month stands under its day of the week.
        let column = (first.weekday() + 1).to_string();
        let html = if place == 0 { html.raw(" data-column=\"").text(&column).raw("\"") } else { html };
        let html = if day == query.date { html.raw(" aria-current=\"date\"") } else { html };
        html.raw(" data-noscroll aria-label=\"")
            .text(&day.to_string())
            .raw("\" href=\"")
            .text(&base.clone().with("date", day).on("/details/"))
            .raw("\">")
            .text(&(place + 1).to_string())
            .raw("</a>")
    });
    html.raw("</div><p class=\"muted\">").text(lang.days_marked()).raw("</p>").done()
}

/// The dialog with the session in a table and its power curve.
fn opened(lang: Lang, data: &Details, session: OpenedSession) -> AnyView {
    let back = address(data).on("/details/");
    let open = RwSignal::new(true);
    let go = navigator(false);
    let closed = back.clone();
    Effect::new(move |_| {
        if !open.get() {
            go(&closed);
        }
    });
    let heading = format!("{} {}", lang.session(), session.line.id);
    view! {
        <Dialog id="session" heading=heading close=lang.close() close_href=back open=open>
            {session_table(lang, &session)}
            <h3>{lang.power_curve()}</h3>
            {power(lang, &session)}
        </Dialog>
    }
    .into_any()
}

fn session_table(lang: Lang, session: &OpenedSession) -> AnyView {
    let line: &RecordLine = &session.line;
    let dash = || "–".to_owned();
    let time = |at: Option<LocalTime>| at.map_or_else(dash, LocalTime::with_space);
    let rows: [(fn(Lang) -> &'static str, String); 10] = [
        (Lang::record_id, line.id.to_string()),
        (Lang::charge_code, line.cycle.map_or_else(dash, |cycle| cycle.to_string())),
        (Lang::charger_id, line.charger.clone()),
        (Lang::queued_time, time(session.queued)),
        (Lang::start_time, time(line.start)),
        (Lang::planned_finish, time(session.planned)),
        (Lang::finish_time, line.finish.map_or_else(|| lang.running().to_owned(), LocalTime::with_space)),
        (Lang::duration, line.time.map_or_else(dash, |time| lang.hours(time))),
        (Lang::energy, with_unit(kwh_3(line.energy), "kWh")),
        (Lang::card, line.card.clone().unwrap_or_else(dash)),
    ];
    let html = Html::new().raw("<table class=\"properties\"><caption class=\"sr-only\">").text(lang.session());
    let html = html.raw("</caption><tbody>").each(rows, |html, (label, value)| property(html, lang, label, &value));
    let html = html.raw("</tbody></table>").done();
    table_box("properties-box", move || html.clone())
}

fn power(lang: Lang, session: &OpenedSession) -> AnyView {
    let is_measured = session.values.iter().any(|value| value.power.is_some());
    match (session.values.first(), session.values.last()) {
        (Some(first), Some(last)) if is_measured && first.at < last.at => {
            view! { <div class="chart-slot">{power_curve(lang, &session.values, first.at, last.at)}</div> }.into_any()
        }
        _ => view! { <EmptyState text=lang.no_power() glyph=Glyph::GAUGE /> }.into_any(),
    }
}
