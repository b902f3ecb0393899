//! The overview: is the site well?

use super::page;
use super::parts::{badge, card, choice, empty, get_form, phases, state_word, tiles, when};
use crate::charts::{EnergyData, EnergySeries, StateShare};
use crate::components::{EnergyChart, LinkButton, StateDonut};
use crate::data::{Overview, PageName, Query, ROWS, most_periods, period_word};
use crate::live::Live;
use crate::text::Lang;
use crate::text::format::{kwh_2, kwh_3, with_unit};
use bmw_domain::calendar::Period;
use bmw_domain::status::condition;
use leptos::prelude::*;

/// `/overview/` and `/`
#[component]
pub fn OverviewPage() -> impl IntoView {
    page(PageName::Overview, draw)
}

fn draw(lang: Lang, data: Overview) -> AnyView {
    view! {
        {tiles(lang, &data.tiles)}
        <div class="grid">
            {energy(lang, &data)} {phases(lang, &data.phases)} {chargers(lang, &data)} {connectivity(lang, &data)}
            {sessions(lang, &data)}
        </div>
    }
    .into_any()
}

fn energy(lang: Lang, data: &Overview) -> AnyView {
    let total = view! {
        <span class="card-total">{lang.total()} " " <b class="number">{with_unit(kwh_2(data.energy.total), "kWh")}</b></span>
    };
    let body = view! {
        {energy_options(lang, data)}
        {energy_figure(lang, data)}
    };
    card("energy", 2, lang.energy_chart(), total.into_any(), body.into_any())
}

/// A radio button of a bar of them.
fn radio(name: &'static str, value: &'static str, label: &'static str, chosen: bool) -> AnyView {
    view! {
        <label>
            <input type="radio" name=name value=value checked=chosen prop:checked=chosen />
            <span>{label}</span>
        </label>
    }
    .into_any()
}

fn energy_options(lang: Lang, data: &Overview) -> AnyView {
    let chart = &data.energy;
    let (sent, changed) = get_form("/overview/");
    let by = |period, label| radio("by", period_word(period), label, chart.period == period);
    let charger = chart.charger.clone().unwrap_or_default();
    // A charge point that was asked for and does not exist is still shown as chosen.
    let unlisted =
        (!charger.is_empty() && !data.identities.contains(&charger)).then(|| choice(&charger, &charger, true));
    view! {
        <form class="filters" method="get" action="/overview/" on:submit=sent on:change=changed>
            <fieldset class="segmented-field">
                <legend class="sr-only">{lang.breakdown()}</legend>
                <div class="segmented">
                    {radio("show", "total", lang.energy_total(), !chart.by_charger)}
                    {radio("show", "chargers", lang.energy_by_charger(), chart.by_charger)}
                </div>
            </fieldset>
            <fieldset class="segmented-field">
                <legend class="sr-only">{lang.period()}</legend>
                <div class="segmented">
                    {by(Period::Year, lang.year())} {by(Period::Month, lang.month())} {by(Period::Day, lang.day())}
                </div>
            </fieldset>
            <label class="filter">
                <span>{lang.how_many()}</span>
                <input
                    class="is-short"
                    type="number"
                    name="count"
                    min="1"
                    max=most_periods(chart.period)
                    value=chart.count
                    prop:value=chart.count.to_string()
                />
            </label>
            <label class="filter">
                <span>{lang.charger()}</span>
                <select name="charger">
                    {choice("", lang.all_chargers(), charger.is_empty())} {unlisted}
                    {data.identities.iter().map(|id| choice(id, id, *id == charger)).collect_view()}
                </select>
            </label>
            <input type="hidden" name="rows" value=data.rows />
            <noscript>
                <button class="button" type="submit">
                    {lang.apply()}
                </button>
            </noscript>
        </form>
    }
    .into_any()
}

fn energy_figure(lang: Lang, data: &Overview) -> AnyView {
    let chart = &data.energy;
    let rest = if chart.by_charger { lang.other_chargers() } else { lang.energy_total() };
    let series = chart.series.iter().map(|series| EnergySeries {
        name: series.name.clone().unwrap_or_else(|| rest.to_owned()),
        values: series.energies.clone(),
    });
    let drawn = EnergyData { labels: chart.labels.clone(), series: series.collect() };
    view! {
        <EnergyChart
            data=drawn
            label=lang.energy_chart()
            empty=lang.no_energy()
            table=lang.as_table()
            period=lang.chart_period()
            total=lang.total()
        />
    }
    .into_any()
}

fn connectivity(lang: Lang, data: &Overview) -> AnyView {
    if data.states.is_empty() {
        let body = empty(lang.no_states(), lang.no_chargers_help());
        return card("connectivity", 1, lang.connectivity(), ().into_any(), body);
    }
    let shares: Vec<StateShare> = data
        .states
        .iter()
        .map(|(state, count, _)| StateShare {
            name: state_word(lang, Some(state)),
            condition: condition(Some(state)),
            count: *count,
        })
        .collect();
    let body = view! { <StateDonut shares=shares label=lang.connectivity() unit=lang.unit_chargers() /> };
    card("connectivity", 1, lang.connectivity(), ().into_any(), body.into_any())
}

fn chargers(lang: Lang, data: &Overview) -> AnyView {
    let all = view! { <LinkButton href="/devices/" label=lang.show_all() /> };
    let body = if data.chargers.is_empty() {
        empty(lang.no_chargers(), lang.no_chargers_help())
    } else {
        charger_table(lang, data)
    };
    card("chargers", 2, lang.chargers(), all.into_any(), body)
}

fn charger_table(lang: Lang, data: &Overview) -> AnyView {
    let live = Live::get();
    let rows = data.chargers.iter().map(|charger| {
        let (id, command) = (charger.id.clone(), charger.command.clone());
        let command = move || live.of(&id, &command, |live| live.command.clone()).unwrap_or_else(|| "–".to_owned());
        let href = Query::from([("charger_id", &charger.id)]).on("/details/");
        view! {
            <tr>
                <th scope="row" data-label=lang.charger_id()>
                    <a href=href>{charger.id.clone()}</a>
                </th>
                <td data-label=lang.state()>{badge(lang, &charger.id, charger.state.clone())}</td>
                <td data-label=lang.last_command()>{command}</td>
                <td data-label=lang.last_contact()>{when(lang, data.now, charger.contact)}</td>
            </tr>
        }
    });
    view! {
        <div class="table-box">
            <table class="data">
                <caption class="sr-only">{lang.chargers()}</caption>
                <thead>
                    <tr>
                        <th scope="col">{lang.charger_id()}</th>
                        <th scope="col">{lang.state()}</th>
                        <th scope="col">{lang.last_command()}</th>
                        <th scope="col">{lang.last_contact()}</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn sessions(lang: Lang, data: &Overview) -> AnyView {
    let body = if data.sessions.is_empty() {
        empty(lang.no_sessions(), lang.no_chargers_help())
    } else {
        session_table(lang, data)
    };
    card("sessions", 1, lang.recent_sessions(), rows_form(lang, data), body)
}

fn rows_form(lang: Lang, data: &Overview) -> AnyView {
    let chart = &data.energy;
    let (sent, changed) = get_form("/overview/");
    view! {
        <form class="aside-form" method="get" action="/overview/" on:submit=sent on:change=changed>
            <input type="hidden" name="show" value=if chart.by_charger { "chargers" } else { "total" } />
            <input type="hidden" name="by" value=period_word(chart.period) />
            <input type="hidden" name="count" value=chart.count />
            <input type="hidden" name="charger" value=chart.charger.clone().unwrap_or_default() />
            <label class="filter is-row">
                <span>{lang.rows()}</span>
                <select name="rows">
                    {ROWS.into_iter().map(|rows| choice(rows, rows, rows == data.rows)).collect_view()}
                </select>
            </label>
            <noscript>
                <button class="button" type="submit">
                    {lang.apply()}
                </button>
            </noscript>
        </form>
    }
    .into_any()
}

fn session_table(lang: Lang, data: &Overview) -> AnyView {
    let rows = data.sessions.iter().map(|session| {
        view! {
            <tr>
                <th scope="row" class="number" data-label=lang.record_id()>
                    {session.id}
                </th>
                <td data-label=lang.finish_time()>{session.finish.with_space()}</td>
                <td class="number" data-label=lang.energy()>
                    {with_unit(kwh_3(session.energy), "kWh")}
                </td>
            </tr>
        }
    });
    view! {
        <div class="table-box">
            <table class="data">
                <caption class="sr-only">{lang.recent_sessions()}</caption>
                <thead>
                    <tr>
                        <th scope="col" class="number">
                            {lang.record_id()}
                        </th>
                        <th scope="col">{lang.finish_time()}</th>
                        <th scope="col" class="number">
                            {lang.energy()}
                        </th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
