//! The sessions of the past: filtered, summed up, in parts, and as CSV.

use super::page;
use super::parts::{card, choice, get_form};
use crate::components::{EmptyState, Glyph, Icon, LinkButton, Notice, NoticeKind};
use crate::data::{PageName, Query, RecordLine, Records, RecordsFilter};
use crate::text::Lang;
use crate::text::format::{grouped, kwh_2, kwh_3, with_unit};
use bmw_domain::calendar::LocalTime;
use leptos::prelude::*;

/// `/records/`
#[component]
pub fn RecordsPage() -> impl IntoView {
    page(PageName::Records, draw)
}

/// The filter as an address says it.
fn address(filter: &RecordsFilter) -> Query {
    let state = match filter.finished {
        None => "",
        Some(true) => "finished",
        Some(false) => "running",
    };
    Query::default()
        .with("charger", &filter.charger)
        .with("from", filter.from)
        .with("to", filter.to)
        .with("card", &filter.card)
        .with("state", state)
}

fn draw(lang: Lang, data: Records) -> AnyView {
    let csv = address(&data.filter).on("/records/export.csv");
    let download = view! {
        <a class="button" href=csv download rel="external">
            <Icon glyph=Glyph::DOWNLOAD />
            <span>{lang.download_csv()}</span>
        </a>
    };
    let body = if data.sessions.is_empty() {
        let clear = move || view! { <LinkButton href="/records/" label=lang.clear_filters() glyph=Glyph::X /> };
        view! { <EmptyState text=lang.no_records() hint=lang.no_records_help() action=clear /> }.into_any()
    } else {
        table(lang, &data)
    };
    let body = view! {
        {filters(lang, &data)}
        {data.wrong_day.clone().map(|text| {
            view! { <Notice kind=NoticeKind::Warning>{lang.wrong_day()} " (" {text} ")"</Notice> }
        })}
        {body}
    };
    card("records", 9, lang.recent_sessions(), download.into_any(), body.into_any())
}

fn filters(lang: Lang, data: &Records) -> AnyView {
    let (sent, changed) = get_form("/records/");
    let filter = &data.filter;
    let unlisted = (!filter.charger.is_empty() && !data.identities.contains(&filter.charger))
        .then(|| choice(&filter.charger, &filter.charger, true));
    let day = |name: &'static str, label: &'static str, value: String| {
        view! {
            <label class="filter">
                <span>{label}</span>
                <input type="date" name=name value=value.clone() prop:value=value />
            </label>
        }
    };
    view! {
        <form class="filters" method="get" action="/records/" role="search" on:submit=sent on:change=changed>
            <label class="filter">
                <span>{lang.charger()}</span>
                <select name="charger">
                    {choice("", lang.all_chargers(), filter.charger.is_empty())} {unlisted}
                    {data.identities.iter().map(|id| choice(id, id, *id == filter.charger)).collect_view()}
                </select>
            </label>
            {day("from", lang.from(), filter.from.to_string())} {day("to", lang.to(), filter.to.to_string())}
            <label class="filter">
                <span>{lang.card()}</span>
                <input
                    type="search"
                    name="card"
                    autocomplete="off"
                    value=filter.card.clone()
                    prop:value=filter.card.clone()
                />
            </label>
            <label class="filter">
                <span>{lang.state()}</span>
                <select name="state">
                    {choice("", lang.all_states(), filter.finished.is_none())}
                    {choice("finished", lang.finished(), filter.finished == Some(true))}
                    {choice("running", lang.running(), filter.finished == Some(false))}
                </select>
            </label>
            <button class="button" type="submit">
                <Icon glyph=Glyph::SEARCH />
                <span>{lang.filter()}</span>
            </button>
        </form>
    }
    .into_any()
}

fn table(lang: Lang, data: &Records) -> AnyView {
    let parts = {
        let older = data.next.map(|next| {
            let href = address(&data.filter).with("before", next).on("/records/");
            view! { <LinkButton href=href label=lang.older() glyph=Glyph::CHEVRON_RIGHT /> }
        });
        let newest = data.is_later_part.then(|| {
            let href = address(&data.filter).on("/records/");
            view! { <LinkButton href=href label=lang.newest() glyph=Glyph::CHEVRON_LEFT /> }
        });
        view! {
            <nav class="parts" aria-label=lang.records()>
                {newest}
                {older}
            </nav>
        }
    };
    view! {
        <div class="table-box is-tall">
            <table class="data">
                <caption class="sr-only">{lang.recent_sessions()}</caption>
                <thead>
                    <tr>
                        <th scope="col" class="number">
                            {lang.record_id()}
                        </th>
                        <th scope="col">{lang.charger_id()}</th>
                        <th scope="col" class="number">
                            {lang.charge_code()}
                        </th>
                        <th scope="col">{lang.start_time()}</th>
                        <th scope="col">{lang.finish_time()}</th>
                        <th scope="col" class="number">
                            {lang.duration()}
                        </th>
                        <th scope="col" class="number">
                            {lang.energy()}
                        </th>
                        <th scope="col">{lang.card()}</th>
                    </tr>
                </thead>
                <tbody>{data.sessions.iter().map(|session| row(lang, session)).collect_view()}</tbody>
                <tfoot>
                    <tr>
                        <th scope="row">{lang.total()}</th>
                        <td colspan="4" data-label=lang.tile_sessions()>
                            {grouped(data.count)}
                            " "
                            {lang.sessions()}
                        </td>
                        <td class="number" data-label=lang.duration()>
                            {lang.hours(data.time)}
                        </td>
                        <td class="number" data-label=lang.energy()>
                            {with_unit(kwh_2(data.energy), "kWh")}
                        </td>
                        <td></td>
                    </tr>
                </tfoot>
            </table>
        </div>
        {parts}
    }
    .into_any()
}

fn row(lang: Lang, session: &RecordLine) -> AnyView {
    let dash = || "–".to_owned();
    let time = |at: Option<LocalTime>| at.map_or_else(dash, LocalTime::with_space);
    let finish = session.finish.map_or_else(|| lang.running().to_owned(), LocalTime::with_space);
    // The session in full is in the query of its charge point's page.
    let day = session.finish.or(session.start).map(|at| at.day().to_string()).unwrap_or_default();
    let full = Query::from([("charger_id", session.charger.as_str()), ("date", &day)])
        .with("record", session.id)
        .with("start", "1")
        .on("/details/");
    let charger = Query::from([("charger_id", &session.charger)]).on("/details/");
    view! {
        <tr>
            <th scope="row" class="number" data-label=lang.record_id()>
                <a href=full>{session.id}</a>
            </th>
            <td data-label=lang.charger_id()>
                <a href=charger>{session.charger.clone()}</a>
            </td>
            <td class="number" data-label=lang.charge_code()>
                {session.cycle.map_or_else(dash, |cycle| cycle.to_string())}
            </td>
            <td data-label=lang.start_time()>{time(session.start)}</td>
            <td data-label=lang.finish_time()>{finish}</td>
            <td class="number" data-label=lang.duration()>
                {session.time.map_or_else(dash, |time| lang.hours(time))}
            </td>
            <td class="number" data-label=lang.energy()>
                {with_unit(kwh_3(session.energy), "kWh")}
            </td>
            <td data-label=lang.card()>{session.card.clone().unwrap_or_else(dash)}</td>
        </tr>
    }
    .into_any()
}
