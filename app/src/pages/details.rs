//! One charge point: what is known of it, what it measured, and the sessions of a day.

use super::page;
use super::parts::{
    ampere, badge, card, choice, commands, curves, empty, get_form, navigator, power_curve, two_labels, when,
};
use crate::components::{Dialog, EmptyState, Glyph, Icon, Notice, NoticeKind, Tag};
use crate::data::{ChargerDetails, Details, OpenedSession, PageName, Query, RecordLine, SessionQuery, Span};
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
            <div class="grid details-grid">
                {card("properties", 1, lang.properties(), online(lang, charger), properties(lang, &data, charger))}
                {card("curve", 2, lang.curve(), spans(lang, &data), values(lang, &data, charger))}
            </div>
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
        {body}
        {card("query", 9, lang.session_query(), ().into_any(), query(lang, &data))}
        {data.query.opened.clone().map(|session| opened(lang, &data, session))}
    }
    .into_any()
}

fn head(lang: Lang, data: &Details) -> AnyView {
    let (sent, changed) = get_form("/details/");
    let shown = data.charger.as_ref().map_or_else(|| data.asked.clone(), |charger| Some(charger.id.clone()));
    let shown = shown.unwrap_or_default();
    let actions = data.charger.as_ref().map(|charger| {
        view! {
            <div class="head-actions">
                {commands(lang, &charger.id)}
                <p class="reason">
                    <Icon glyph=Glyph::WIFI_OFF />
                    <span>{lang.no_connection()} " – " {lang.no_connection_help()}</span>
                </p>
            </div>
        }
    });
    view! {
        <div class="page-head">
            <form class="picker" method="get" action="/details/" role="search" on:submit=sent on:change=changed>
                <label class="filter is-wide" for="charger-picker">
                    <span>{lang.choose_charger()}</span>
                </label>
                <input
                    id="charger-picker"
                    type="search"
                    name="charger_id"
                    list="charger-identities"
                    autocomplete="off"
                    value=shown.clone()
                    prop:value=shown
                />
                <datalist id="charger-identities">
                    {data.identities.iter().map(|id| view! { <option value=id.clone()></option> }).collect_view()}
                </datalist>
                <button class="button" type="submit">
                    <Icon glyph=Glyph::SEARCH />
                    <span>{lang.show()}</span>
                </button>
            </form>
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
fn properties(lang: Lang, data: &Details, charger: &ChargerDetails) -> AnyView {
    let live = Live::get();
    let row = |label: fn(Lang) -> &'static str, value: AnyView| {
        view! {
            <tr>
                <th scope="row">{two_labels(lang, label)}</th>
                <td>{value}</td>
            </tr>
        }
        .into_any()
    };
    let text = |value: Option<&String>| {
        let value = value.map(String::as_str).unwrap_or_default();
        if value.trim().is_empty() { "–".to_owned() } else { value.to_owned() }.into_any()
    };
    let number = |value: Option<i32>| value.map_or_else(|| "–".to_owned(), |value| value.to_string()).into_any();
    let known = charger.clone();
    let id = charger.id.clone();
    let command = {
        let (id, known) = (id.clone(), known.command.clone());
        move || live.of(&id, &known, |live| live.command.clone()).unwrap_or_else(|| "–".to_owned())
    };
    let current = {
        let (id, known) = (id.clone(), known.current);
        move || ampere(live.of(&id, &known, |live| live.current))
    };
    let session_energy = {
        let (id, known) = (id.clone(), known.session_energy);
        move || {
            let energy = live.of(&id, &known, |live| live.energy);
            energy.map_or_else(|| "–".to_owned(), |wh| with_unit(kwh_3(Energy::from_wh(i64::from(wh))), "kWh"))
        }
    };
    let total_energy = charger.total_energy.map_or_else(|| "–".to_owned(), |energy| with_unit(kwh_2(energy), "kWh"));
    let total_time = charger.total_time.map_or_else(|| "–".to_owned(), |time| lang.hours(time));
    let minutes = |minutes: i32| lang.hours(ChargingTime::from_ms(i64::from(minutes) * 60_000));
    let session_time = charger.session_minutes.map_or_else(|| "–".to_owned(), minutes);
    let rows = [
        row(Lang::charger_id, charger.id.clone().into_any()),
        row(Lang::state, badge(lang, &id, charger.state.clone())),
        row(Lang::last_command, view! { <span>{command}</span> }.into_any()),
        row(Lang::last_contact, when(lang, data.now, charger.contact)),
        row(Lang::charging_current, view! { <span>{current}</span> }.into_any()),
        row(Lang::current_limit, ampere(charger.limit).into_any()),
        row(Lang::current_offered, ampere(charger.offered).into_any()),
        row(Lang::session_energy, view! { <span>{session_energy}</span> }.into_any()),
        row(Lang::session_time, session_time.into_any()),
        row(Lang::charging_phases, number(charger.phases)),
        row(Lang::total_energy, total_energy.into_any()),
        row(Lang::total_time, total_time.into_any()),
        row(Lang::model, text(Some(&charger.model))),
        row(Lang::max_current, ampere(charger.max_current.map(one_decimal)).into_any()),
        row(Lang::min_current, ampere(charger.min_current.map(one_decimal)).into_any()),
        row(Lang::max_phases, number(charger.max_phases)),
        row(Lang::vendor, text(charger.vendor.as_ref())),
        row(Lang::serial, text(charger.serial.as_ref())),
        row(Lang::firmware, text(charger.firmware.as_ref())),
        row(Lang::socket, text(charger.socket.as_ref())),
        row(Lang::address, text(charger.ip.as_ref())),
        row(Lang::mac, text(charger.mac.as_ref())),
    ];
    view! {
        <table class="properties">
            <caption class="sr-only">{lang.properties()}</caption>
            <tbody>{rows.into_iter().collect_view()}</tbody>
        </table>
    }
    .into_any()
}

fn spans(lang: Lang, data: &Details) -> AnyView {
    let links = Span::ALL.into_iter().map(|(span, word)| {
        let label = match span {
            Span::Quarter => lang.span_15m(),
            Span::Hour => lang.span_1h(),
            Span::FourHours => lang.span_4h(),
            Span::Day => lang.span_1d(),
        };
        let href = address(data).with("span", word).on("/details/");
        let here = (span == data.span).then_some("true");
        view! {
            <a href=href aria-current=here data-noscroll>
                {label}
            </a>
        }
    });
    view! {
        <nav class="segmented" aria-label=lang.span()>
            {links.collect_view()}
        </nav>
    }
    .into_any()
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
    let (sent, changed) = get_form("/details/");
    let hidden = |name: &'static str, value: String| view! { <input type="hidden" name=name value=value /> };
    let charger = data.asked.clone().unwrap_or_default();
    let span = data.span.word().to_owned();
    let step_one = view! {
        <form class="step" method="get" action="/details/" on:submit=sent.clone() on:change=changed.clone()>
            {hidden("charger_id", charger.clone())} {hidden("span", span.clone())}
            <label class="filter">
                <span>{lang.step_date()}</span>
                <input
                    type="date"
                    name="date"
                    value=query.date.to_string()
                    prop:value=query.date.to_string()
                />
            </label>
            <label class="check">
                <input type="checkbox" name="only" value="1" checked=query.only prop:checked=query.only />
                <span>{lang.only_this_charger()}</span>
            </label>
            <noscript>
                <button class="button" type="submit">
                    {lang.show()}
                </button>
            </noscript>
        </form>
    };
    let chosen = query.chosen.as_ref().map(|chosen| chosen.id);
    let code = query.chosen.as_ref().and_then(|chosen| chosen.cycle).map(|cycle| cycle.to_string());
    let options = query.sessions.iter().map(|session| {
        let start = session.start.map(|start| start.with_space()[11..16].to_owned()).unwrap_or_default();
        let label = format!("{} · {} · {start}", session.id, session.charger);
        choice(session.id, label, chosen == Some(session.id))
    });
    let is_empty = query.sessions.is_empty();
    let step_two = view! {
        <form class="step" method="get" action="/details/" on:submit=sent on:change=changed>
            {hidden("charger_id", charger)} {hidden("span", span)} {hidden("date", query.date.to_string())}
            {query.only.then(|| hidden("only", "1".to_owned()))}
            <label class="filter is-wide">
                <span>{lang.step_record()} " (" {query.sessions.len()} ")"</span>
                <select
                    name="record"
                    disabled=is_empty
                    prop:value=chosen.map(|id| id.to_string()).unwrap_or_default()
                >
                    {choice("", lang.choose(), chosen.is_none())} {options.collect_view()}
                </select>
            </label>
            <noscript>
                <button class="button" type="submit">
                    {lang.choose()}
                </button>
            </noscript>
            <label class="filter">
                <span>{lang.charge_code()}</span>
                <output class="charge-code" aria-live="polite">
                    {code.unwrap_or_else(|| "–".to_owned())}
                </output>
            </label>
        </form>
    };
    let start = match chosen {
        Some(_) => {
            let href = address(data).with("start", "1").on("/details/");
            view! {
                <a class="button primary" href=href data-noscroll>
                    <Icon glyph=Glyph::PLAY />
                    <span>{lang.query_start()}</span>
                </a>
            }
            .into_any()
        }
        None => view! {
            <button class="button primary" type="button" aria-disabled="true">
                <Icon glyph=Glyph::PLAY />
                <span>{lang.query_start()}</span>
            </button>
        }
        .into_any(),
    };
    view! {
        <div class="query">
            <div class="query-steps">
                {step_one} {step_two} <div class="step">{start}</div>
                {is_empty.then(|| view! { <p class="muted" role="status">{lang.no_sessions_that_day()}</p> })}
            </div>
            {calendar(lang, data, query)}
        </div>
    }
    .into_any()
}

/// The month around the chosen day, with the days marked that have sessions.
fn calendar(lang: Lang, data: &Details, query: &SessionQuery) -> AnyView {
    let base = address(data).without("record");
    let first = query.month.first_day();
    let next = Month(query.month.0 + 1);
    let days = next.first_day().0 - first.0;
    let to_month = |month: Month| base.clone().with("month", month).on("/details/");
    let day = |place: i32| {
        let day: Day = first.plus(place);
        let is_marked = query.marked.contains(&day);
        let href = base.clone().with("date", day).on("/details/");
        let class = if is_marked { "day is-marked" } else { "day" };
        // The first day of the month stands under its day of the week.
        let column = (place == 0).then(|| first.weekday() + 1);
        view! {
            <a
                class=class
                href=href
                data-noscroll
                data-column=column
                aria-current=(day == query.date).then_some("date")
                aria-label=day.to_string()
            >
                {place + 1}
            </a>
        }
    };
    view! {
        <div class="calendar">
            <div class="calendar-head">
                <a class="button icon-only" href=to_month(Month(query.month.0 - 1)) data-noscroll>
                    <Icon glyph=Glyph::CHEVRON_LEFT />
                    <span class="sr-only">{lang.previous_month()}</span>
                </a>
                <strong>{query.month.to_string()}</strong>
                <a class="button icon-only" href=to_month(next) data-noscroll>
                    <Icon glyph=Glyph::CHEVRON_RIGHT />
                    <span class="sr-only">{lang.next_month()}</span>
                </a>
            </div>
            <div class="calendar-days">
                {(0..7).map(|index| view! { <span class="weekday" aria-hidden="true">{lang.weekday(index)}</span> }).collect_view()}
                {(0..days).map(day).collect_view()}
            </div>
            <p class="muted">{lang.days_marked()}</p>
        </div>
    }
    .into_any()
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
    let row = |label: fn(Lang) -> &'static str, value: String| {
        view! {
            <tr>
                <th scope="row">{two_labels(lang, label)}</th>
                <td>{value}</td>
            </tr>
        }
    };
    let time = |at: Option<LocalTime>| at.map_or_else(|| "–".to_owned(), LocalTime::with_space);
    let finish = line.finish.map_or_else(|| lang.running().to_owned(), LocalTime::with_space);
    view! {
        <table class="properties">
            <caption class="sr-only">{lang.session()}</caption>
            <tbody>
                {row(Lang::record_id, line.id.to_string())}
                {row(Lang::charge_code, line.cycle.map_or_else(|| "–".to_owned(), |cycle| cycle.to_string()))}
                {row(Lang::charger_id, line.charger.clone())} {row(Lang::queued_time, time(session.queued))}
                {row(Lang::start_time, time(line.start))} {row(Lang::planned_finish, time(session.planned))}
                {row(Lang::finish_time, finish)}
                {row(Lang::duration, line.time.map_or_else(|| "–".to_owned(), |time| lang.hours(time)))}
                {row(Lang::energy, with_unit(kwh_3(line.energy), "kWh"))}
                {row(Lang::card, line.card.clone().unwrap_or_else(|| "–".to_owned()))}
            </tbody>
        </table>
    }
    .into_any()
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
