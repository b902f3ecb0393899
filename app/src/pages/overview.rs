//! The overview: is the site well?

use super::parts::{
    badge, cell, charger_choices, contact as contact_of, get_form, link, nothing_yet, phases, row_head, state_word,
    table, tiles,
};
use super::{Page, Seen};
use crate::charts::{Chart, EnergyData, EnergySeries, StateShare};
use crate::components::{
    EnergyWords, Span, card, choice, energy_chart, hidden, input, link_button, segmented, select, state_donut,
};
use crate::data::{Moment, Overview, Query, ROWS, period_word};
use crate::feed_message::ChargerMessage;
use crate::text::Lang;
use crate::text::format::{kwh_2, kwh_3, with_unit};
use crate::told::{counts, is_news_of};
use bmw_domain::calendar::Period;
use bmw_domain::status::condition;
use maud::{Markup, html};
use std::collections::BTreeMap;

impl Page for Overview {
    fn live_since(&self) -> Option<Moment> {
        Some(self.now)
    }

    fn is_outdated(&self, told: &BTreeMap<String, ChargerMessage>) -> bool {
        let known = self.chargers.iter().map(|line| (line.id.as_str(), line.state.as_deref(), line.online));
        is_news_of(told, known) || counts(told).is_some_and(|counts| counts.in_use != self.tiles.in_use)
    }

    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        html! {
            (tiles(seen, &self.tiles))
            div.grid {
                (energy(lang, self)) (phases(seen, &self.phases)) (chargers(seen, self))
                (connectivity(seen, self)) (sessions(lang, self))
            }
        }
    }

    fn chart(&self, seen: &Seen<'_>, _: &str) -> Option<Chart> {
        Some(Chart::Energy(energy_data(seen.lang, self)))
    }
}

fn energy(lang: Lang, data: &Overview) -> Markup {
    let total = html! {
        span.card-total { (lang.total()) " " b.number { (with_unit(kwh_2(data.energy.total), "kWh")) } }
    };
    let words = EnergyWords {
        label: lang.energy_chart(),
        empty: lang.no_energy(),
        table: lang.as_table(),
        period: lang.chart_period(),
        total: lang.total(),
    };
    let body = html! {
        (energy_options(lang, data))
        (energy_chart("energy", &energy_data(lang, data), words))
    };
    card("energy", Span::Two, lang.energy_chart(), &total, &body)
}

fn energy_options(lang: Lang, data: &Overview) -> Markup {
    let chart = &data.energy;
    let by = |period, label| (period_word(period), label, chart.period == period);
    let shows =
        [("total", lang.energy_total(), !chart.by_charger), ("chargers", lang.energy_by_charger(), chart.by_charger)];
    let periods = [by(Period::Year, lang.year()), by(Period::Month, lang.month()), by(Period::Day, lang.day())];
    let choices = charger_choices(lang, &data.identities, chart.charger.as_deref().unwrap_or_default());
    let body = html! {
        (segmented("show", lang.breakdown(), shows))
        (segmented("by", lang.period(), periods))
        (input("number", lang.how_many(), "count", &chart.count.to_string()))
        (select(lang.charger(), "charger", &choices))
        (hidden(&[("rows", &data.rows.to_string())]))
    };
    get_form(lang, "/overview/", "filters", &body)
}

fn energy_data(lang: Lang, data: &Overview) -> EnergyData {
    let chart = &data.energy;
    let rest = if chart.by_charger { lang.other_chargers() } else { lang.energy_total() };
    let series = chart.series.iter().map(|series| EnergySeries {
        name: series.name.clone().unwrap_or_else(|| rest.to_owned()),
        values: series.energies.clone(),
    });
    EnergyData { labels: chart.labels.clone(), series: series.collect() }
}

fn connectivity(seen: &Seen<'_>, data: &Overview) -> Markup {
    let lang = seen.lang;
    let states = counts(seen.chargers).map_or_else(|| data.states.clone(), |counts| counts.states);
    let body = if states.is_empty() {
        nothing_yet(lang, lang.no_states())
    } else {
        let share = |(state, count): &(String, u64)| StateShare {
            name: state_word(lang, Some(state)),
            condition: condition(Some(state)),
            count: *count,
        };
        let shares: Vec<StateShare> = states.iter().map(share).collect();
        state_donut(&shares, lang.unit_chargers(), lang.connectivity())
    };
    card("connectivity", Span::One, lang.connectivity(), &html! {}, &body)
}

fn chargers(seen: &Seen<'_>, data: &Overview) -> Markup {
    let lang = seen.lang;
    let body = if data.chargers.is_empty() { nothing_yet(lang, lang.no_chargers()) } else { charger_table(seen, data) };
    card("chargers", Span::Two, lang.chargers(), &link_button("/devices/", lang.show_all(), None), &body)
}

fn charger_table(seen: &Seen<'_>, data: &Overview) -> Markup {
    let lang = seen.lang;
    let columns =
        [(lang.charger_id(), false), (lang.state(), false), (lang.last_command(), false), (lang.last_contact(), false)];
    let [id, state, command, contact] = columns;
    let rows = html! {
        @for charger in &data.chargers {
            @let told = seen.chargers.get(&charger.id);
            @let state_now = told.map_or(&charger.state, |told| &told.state);
            @let command_now = told.map_or(&charger.command, |told| &told.command);
            tr data-key=(charger.id) {
                (row_head(id, &link(&Query::from([("charger_id", &charger.id)]).on("/details/"), &charger.id)))
                (cell(state, &badge(lang, state_now.as_deref())))
                (cell(command, &html! { (command_now.as_deref().unwrap_or("–")) }))
                (cell(contact, &contact_of(seen, &charger.id, (charger.online, charger.contact), data.now)))
            }
        }
    };
    html! { div.table-box { (table("data", lang.chargers(), &columns, &rows, &html! {})) } }
}

fn sessions(lang: Lang, data: &Overview) -> Markup {
    let body = if data.sessions.is_empty() { nothing_yet(lang, lang.no_sessions()) } else { session_table(lang, data) };
    card("sessions", Span::One, lang.recent_sessions(), &rows_form(lang, data), &body)
}

fn rows_form(lang: Lang, data: &Overview) -> Markup {
    let chart = &data.energy;
    let choices = html! {
        @for rows in ROWS {
            @let text = rows.to_string();
            (choice(&text, &text, rows == data.rows))
        }
    };
    let body = html! {
        (hidden(&[
            ("show", if chart.by_charger { "chargers" } else { "total" }),
            ("by", period_word(chart.period)),
            ("count", &chart.count.to_string()),
            ("charger", chart.charger.as_deref().unwrap_or_default()),
        ]))
        (select(lang.rows(), "rows", &choices))
    };
    get_form(lang, "/overview/", "aside-form", &body)
}

fn session_table(lang: Lang, data: &Overview) -> Markup {
    let columns = [(lang.record_id(), true), (lang.finish_time(), false), (lang.energy(), true)];
    let [id, finish, energy] = columns;
    let rows = html! {
        @for session in &data.sessions {
            tr data-key=(session.id) {
                (row_head(id, &html! { (session.id) }))
                (cell(finish, &html! { (session.finish.with_space()) }))
                (cell(energy, &html! { (with_unit(kwh_3(session.energy), "kWh")) }))
            }
        }
    };
    html! { div.table-box { (table("data", lang.recent_sessions(), &columns, &rows, &html! {})) } }
}
