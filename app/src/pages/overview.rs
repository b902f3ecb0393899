//! The overview: is the site well?

use super::html::Html;
use super::page;
use super::parts::{
    badge, card, charger_choices, empty, get_form, hidden, input, now_in_browser, phases, select, state_word,
    table_box, table_head, tiles, when,
};
use crate::charts::{EnergyData, EnergySeries, StateShare};
use crate::components::{EnergyChart, LinkButton, StateDonut};
use crate::data::{Overview, PageName, Query, ROWS, period_word};
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

/// Radio buttons in one bar.
fn radios<const N: usize>(
    name: &'static str,
    legend: &'static str,
    choices: [(&'static str, &'static str, bool); N],
) -> AnyView {
    let radios = choices.map(|(value, label, chosen)| {
        view! {
            <label>
                <input type="radio" name=name value=value checked=chosen prop:checked=chosen />
                <span>{label}</span>
            </label>
        }
        .into_any()
    });
    view! {
        <fieldset class="segmented-field">
            <legend class="sr-only">{legend}</legend>
            <div class="segmented">{radios.into_iter().collect_view()}</div>
        </fieldset>
    }
    .into_any()
}

fn energy_options(lang: Lang, data: &Overview) -> AnyView {
    let chart = &data.energy;
    let by = |period, label| (period_word(period), label, chart.period == period);
    let shows =
        [("total", lang.energy_total(), !chart.by_charger), ("chargers", lang.energy_by_charger(), chart.by_charger)];
    let periods = [by(Period::Year, lang.year()), by(Period::Month, lang.month()), by(Period::Day, lang.day())];
    let body = view! {
        {radios("show", lang.breakdown(), shows)}
        {radios("by", lang.period(), periods)}
        {input("number", lang.how_many(), "count", chart.count.to_string())}
        {select(lang.charger(), "charger", charger_choices(lang, &data.identities, chart.charger.as_deref().unwrap_or_default()))}
        {hidden(&[("rows", &data.rows.to_string())])}
    };
    get_form(lang, "/overview/", "filters", body.into_any())
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
    let now = now_in_browser(data.now);
    let chargers = data.chargers.clone();
    table_box("table-box", move || {
        let now = now();
        let html = table_head(lang.chargers(), "data")
            .column(lang.charger_id(), false)
            .column(lang.state(), false)
            .column(lang.last_command(), false)
            .column(lang.last_contact(), false)
            .raw("</tr></thead><tbody>");
        html.each(&chargers, |html, charger| {
            let state = live.of(&charger.id, &charger.state, |live| live.state.clone());
            let command = live.of(&charger.id, &charger.command, |live| live.command.clone());
            let href = Query::from([("charger_id", &charger.id)]).on("/details/");
            let html = html.row_head(lang.charger_id(), false).link(&href, &charger.id).raw("</th>");
            let html = badge(html.cell(lang.state(), false), lang, state.as_deref()).raw("</td>");
            let html = html.cell(lang.last_command(), false).text(command.as_deref().unwrap_or("–")).raw("</td>");
            when(html.cell(lang.last_contact(), false), lang, now, charger.contact).raw("</td></tr>")
        })
        .raw("</tbody></table>")
        .done()
    })
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
    let kept = hidden(&[
        ("show", if chart.by_charger { "chargers" } else { "total" }),
        ("by", period_word(chart.period)),
        ("count", &chart.count.to_string()),
        ("charger", chart.charger.as_deref().unwrap_or_default()),
    ]);
    let choices = Html::new().each(ROWS, |html, rows| {
        let text = rows.to_string();
        html.choice(&text, &text, rows == data.rows)
    });
    let body = view! {
        {kept}
        {select(lang.rows(), "rows", choices)}
    };
    get_form(lang, "/overview/", "aside-form", body.into_any())
}

fn session_table(lang: Lang, data: &Overview) -> AnyView {
    let html = table_head(lang.recent_sessions(), "data")
        .column(lang.record_id(), true)
        .column(lang.finish_time(), false)
        .column(lang.energy(), true)
        .raw("</tr></thead><tbody>");
    let html = html.each(&data.sessions, |html, session| {
        html.row_head(lang.record_id(), true)
            .text(&session.id.to_string())
            .raw("</th>")
            .cell(lang.finish_time(), false)
            .text(&session.finish.with_space())
            .raw("</td>")
            .cell(lang.energy(), true)
            .text(&with_unit(kwh_3(session.energy), "kWh"))
            .raw("</td></tr>")
    });
    let html = html.raw("</tbody></table>").done();
    table_box("table-box", move || html.clone())
}
