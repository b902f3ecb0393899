//! The overview: is the site well?

use super::parts::{
    badge, changed_mark, charger_choices, contact as contact_of, details_link, get_form, nothing_yet, phases,
    placed_cell, row_head, state_word, table, tiles,
};
use super::{Page, Seen, settle};
use crate::charts::{self, Chart, EnergyData, StateShare, gauge, number};
use crate::components::{
    EnergyWords, Glyph, Span, card, choice, energy_chart, hidden, icon, input, link_button, segmented, select,
    state_donut,
};
use crate::data::{EnergyChart, EnergySeries, Moment, Overview, ROWS, RecentLine, period_word};
use crate::feed_message::{ChargerMessage, Ended, Totals};
use crate::text::Lang;
use crate::text::format::{kwh_2, kwh_3, with_unit};
use crate::told::{counts, is_contact_news};
use bmw_domain::calendar::Period;
use bmw_domain::energy::Energy;
use bmw_domain::phase::Phase;
use bmw_domain::status::{Condition, condition};
use maud::{Markup, html};
use std::collections::BTreeMap;

impl Page for Overview {
    fn live_since(&self) -> Option<Moment> {
        Some(self.now)
    }

    fn is_outdated(&self, told: &BTreeMap<String, ChargerMessage>) -> bool {
        is_contact_news(told, self.chargers.iter().map(|line| (line.id.as_str(), line.online)))
    }

    fn shows_sessions(&self) -> bool {
        false
    }

    fn has_missed(&self, totals: &Totals) -> bool {
        // The chart's last period ends with the day; what counts on a later one moves the chart on.
        let is_later = |ended: &Ended| {
            let last = self.energy.labels.last().map_or("", String::as_str);
            let finish = ended.finish.with_space();
            finish.as_str() > last && !finish.starts_with(last)
        };
        totals.since(self.number).is_none_or(|ended| ended.iter().any(is_later))
    }

    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        html! {
            (wellness(seen, self))
            (tiles(seen, &self.tiles))
            div.grid {
                (energy(lang, self, &self.energy_now(seen))) (phases(seen, &self.phases)) (chargers(seen, self))
                (connectivity(seen, self)) (sessions(seen, self))
            }
        }
    }

    fn order(&self) -> Vec<&str> {
        self.chargers.iter().map(|line| line.id.as_str()).collect()
    }

    fn settle(&mut self, shown: &[&str]) {
        settle(&mut self.chargers, |line| &line.id, shown);
    }

    fn chart(&self, seen: &Seen<'_>, _: &str) -> Option<Chart> {
        Some(Chart::Energy(energy_data(seen.lang, &self.energy_now(seen))))
    }
}

impl Overview {
    /// The sessions that the feed has told to have ended since the page was made, oldest first.
    fn ended<'a>(&self, seen: &Seen<'a>) -> &'a [Ended] {
        seen.totals.and_then(|totals| totals.since(self.number)).unwrap_or_default()
    }

    /// The energy chart with what has ended since.
    fn energy_now(&self, seen: &Seen<'_>) -> EnergyChart {
        let mut chart = self.energy.clone();
        for ended in self.ended(seen) {
            chart.add(ended);
        }
        chart
    }

    /// The newest sessions with those that have ended since.
    fn sessions_now(&self, seen: &Seen<'_>) -> Vec<RecentLine> {
        let mut lines = self.sessions.clone();
        for ended in self.ended(seen) {
            let line = RecentLine { id: ended.id, finish: ended.finish, energy: ended.energy };
            // The page may have been made of what was a moment newer than its number.
            if lines.iter().all(|known| known.id != line.id) {
                let place = lines.partition_point(|known| (known.finish, known.id) > (line.finish, line.id));
                lines.insert(place, line);
            }
        }
        lines.truncate(self.rows as usize);
        lines
    }
}

impl EnergyChart {
    /// Counts a session that has ended, in the period and the series that it belongs to.
    fn add(&mut self, ended: &Ended) {
        let finish = ended.finish.with_space();
        let period = self.labels.iter().position(|label| finish.starts_with(label.as_str()));
        let Some(period) = period.filter(|_| self.charger.as_ref().is_none_or(|only| *only == ended.charger)) else {
            return;
        };
        let place = |name: Option<&str>| self.series.iter().position(|series| series.name.as_deref() == name);
        let place = place(Some(&ended.charger)).or_else(|| place(None)).unwrap_or_else(|| {
            let name = Some(ended.charger.clone());
            let place = self.series.partition_point(|series| series.name < name);
            self.series.insert(place, EnergySeries { name, energies: vec![Energy::ZERO; self.labels.len()] });
            place
        });
        if let Some(energy) = self.series[place].energies.get_mut(period) {
            *energy += ended.energy;
            self.total += ended.energy;
        }
    }
}

/// Whether the site is well, at a glance: what is not, or that all is.
fn wellness(seen: &Seen<'_>, data: &Overview) -> Markup {
    let lang = seen.lang;
    let (states, lost) = counts(seen.chargers).map_or((None, data.lost), |counts| (Some(counts.states), counts.lost));
    let states = states.as_ref().unwrap_or(&data.states);
    let is_faulted = |state: &str| condition(Some(state)) == Condition::Faulted;
    let faulted: u64 = states.iter().filter(|(state, _)| is_faulted(state)).map(|(_, count)| count).sum();
    let load = seen.phases.unwrap_or(data.phases.load);
    let share = |phase: Phase| gauge::percent(load[phase.index()], f64::from(data.phases.limits[phase.index()]));
    let near = Phase::ALL.into_iter().filter_map(|phase| Some((phase, share(phase)?)));
    let near: Vec<_> = near.filter(|(_, share)| gauge::level(Some(*share)) == gauge::Level::Critical).collect();
    let is_well = faulted == 0 && lost == 0 && near.is_empty();
    let class = match (is_well, faulted == 0 && near.is_empty()) {
        (true, _) => "well is-charging",
        (_, true) => "well is-waiting",
        _ => "well is-faulted",
    };
    html! {
        @if !states.is_empty() {
            p class=(class) data-key="well" {
                (icon(if is_well { Glyph::CIRCLE_CHECK } else { Glyph::TRIANGLE_ALERT }))
                @if is_well { span { (lang.all_well()) } }
                @if faulted > 0 { a href="/devices/?state=Faulted" { (lang.faulted_chargers(faulted)) } }
                @if lost > 0 { a href="/devices/?sort=contact" { (lang.lost_chargers(lost)) } }
                @for (phase, share) in near {
                    a href="#phases" rel="external" { (lang.phase_near(phase, number::measured(share, 0))) }
                }
            }
        }
    }
}

fn energy(lang: Lang, data: &Overview, chart: &EnergyChart) -> Markup {
    let total = html! {
        span.card-total { (lang.total()) " " b.number data-glide { (with_unit(kwh_2(chart.total), "kWh")) } }
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
        (energy_chart("energy", &energy_data(lang, chart), words))
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

fn energy_data(lang: Lang, chart: &EnergyChart) -> EnergyData {
    let rest = if chart.by_charger { lang.other_chargers() } else { lang.energy_total() };
    let series = chart.series.iter().map(|series| charts::EnergySeries {
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
        let all = shares.iter().fold(0, |sum: u64, share| sum.saturating_add(share.count));
        state_donut(&shares, lang.unit_chargers(all), lang.connectivity())
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
                (row_head(id, &html! { (details_link(&charger.id)) (changed_mark(seen, &charger.id)) }))
                (placed_cell(state, "first", &badge(lang, state_now.as_deref())))
                (placed_cell(command, "left second", &html! { (command_now.as_deref().unwrap_or("–")) }))
                (placed_cell(contact, "second", &contact_of(seen, &charger.id, (charger.online, charger.contact), data.now)))
            }
        }
    };
    html! { div.table-box { (table("data compact", lang.chargers(), &columns, &rows, &html! {})) } }
}

fn sessions(seen: &Seen<'_>, data: &Overview) -> Markup {
    let lang = seen.lang;
    let lines = data.sessions_now(seen);
    let body = if lines.is_empty() { nothing_yet(lang, lang.no_sessions()) } else { session_table(lang, &lines) };
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

fn session_table(lang: Lang, lines: &[RecentLine]) -> Markup {
    let columns = [(lang.record_id(), true), (lang.finish_time(), false), (lang.energy(), true)];
    let [id, finish, energy] = columns;
    let rows = html! {
        @for session in lines {
            tr data-key=(session.id) {
                (row_head(id, &html! { (session.id) }))
                (placed_cell(finish, "left second", &html! { (session.finish.with_space()) }))
                (placed_cell(energy, "first", &html! { (with_unit(kwh_3(session.energy), "kWh")) }))
            }
        }
    };
    html! { div.table-box { (table("data compact", lang.recent_sessions(), &columns, &rows, &html! {})) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::calendar::LocalTime;
    use bmw_domain::energy::ChargingTime;

    fn ended(id: i32, charger: &str, finish: &str, wh: i64) -> Ended {
        let finish = LocalTime::parse(finish).unwrap();
        Ended { id, charger: charger.to_owned(), finish, energy: Energy::from_wh(wh) }
    }

    fn chart(by_charger: bool, charger: Option<&str>, series: &[Option<&str>], labels: &[&str]) -> EnergyChart {
        let series = series.iter().map(|name| EnergySeries {
            name: name.map(str::to_owned),
            energies: vec![Energy::from_wh(10); labels.len()],
        });
        EnergyChart {
            by_charger,
            period: Period::Month,
            count: 2,
            charger: charger.map(str::to_owned),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            series: series.collect(),
            total: Energy::ZERO,
        }
    }

    fn shown(chart: &EnergyChart) -> Vec<(Option<&str>, Vec<i64>)> {
        let line = |series: &EnergySeries| series.energies.iter().map(|energy| energy.wh()).collect();
        chart.series.iter().map(|series| (series.name.as_deref(), line(series))).collect()
    }

    /// Of the number 1000, with a chart up to December 2015 and two sessions.
    fn overview(rows: u32) -> Overview {
        let line =
            |id, finish: &str| RecentLine { id, finish: LocalTime::parse(finish).unwrap(), energy: Energy::from_wh(1) };
        let now = Moment { at: bmw_domain::calendar::Timestamp(0), local: LocalTime(0) };
        Overview {
            now,
            tiles: crate::data::Tiles {
                chargers: 1,
                energy: Energy::ZERO,
                time: ChargingTime::default(),
                sessions: 2,
                in_use: 0,
            },
            energy: chart(false, None, &[None], &["2015-11", "2015-12"]),
            phases: crate::data::Phases { load: [None; 3], limits: [0; 3] },
            states: Vec::new(),
            lost: 0,
            chargers: Vec::new(),
            number: 1000,
            sessions: vec![line(2, "2015-12-03T10:00:00"), line(1, "2015-12-03T09:00:00")],
            rows,
            identities: Vec::new(),
        }
    }

    fn totals(number: i64, ended: &[Ended]) -> Totals {
        Totals { number, ended: ended.to_vec(), ..Totals::default() }
    }

    #[test]
    fn sessions_that_have_ended_stand_where_they_belong() {
        let told = totals(
            1003,
            &[
                ended(2, "A", "2015-12-03T10:00:00", 1),
                ended(4, "A", "2015-12-03T09:30:00", 4),
                ended(3, "A", "2015-12-03T11:00:00", 3),
            ],
        );
        let shown = |page: &Overview, totals| {
            let (chargers, local) = (BTreeMap::new(), super::super::Local::default());
            let seen = Seen {
                notices: crate::notify::Notices::default(),
                lang: Lang::En,
                chargers: &chargers,
                phases: None,
                totals,
                passed: 0,
                local: &local,
                role: None,
                away: None,
            };
            page.sessions_now(&seen).iter().map(|line| line.id).collect::<Vec<_>>()
        };
        assert_eq!(shown(&overview(7), None), [2, 1]);
        assert_eq!(shown(&overview(7), Some(&told)), [3, 2, 4, 1]);
        assert_eq!(shown(&overview(2), Some(&told)), [3, 2]);
        // What the page knows already is not told again.
        assert_eq!(shown(&Overview { number: 1002, ..overview(7) }, Some(&told)), [3, 2, 1]);
    }

    #[test]
    fn the_page_asks_after_a_gap_and_when_its_chart_has_to_move_on() {
        let page = overview(7);
        let has_missed = |number, ended: &[Ended]| page.has_missed(&totals(number, ended));
        assert!(!has_missed(1000, &[]));
        assert!(!has_missed(1001, &[ended(3, "A", "2015-12-31T23:59:59", 1)]));
        assert!(!has_missed(1001, &[ended(3, "A", "2015-01-01T00:00:00", 1)]), "long ago");
        assert!(has_missed(1001, &[ended(3, "A", "2016-01-01T00:00:00", 1)]), "the next month");
        assert!(has_missed(1002, &[ended(3, "A", "2015-12-31T23:59:59", 1)]), "one is missing");
        assert!(!has_missed(999, &[]), "the page is newer");
    }

    #[test]
    fn a_session_that_has_ended_counts_in_its_period_and_series() {
        let months = ["2015-11", "2015-12"];
        let session = ended(7, "B", "2015-12-03T10:00:00", 5);
        let mut all = chart(false, None, &[None], &months);
        all.add(&session);
        all.add(&ended(8, "C", "2015-11-30T23:59:59", 2));
        all.add(&ended(9, "C", "2015-10-31T23:59:59", 100));
        assert_eq!((shown(&all), all.total.wh()), (vec![(None, vec![12, 15])], 7));
        for (labels, expected) in [(["2014", "2015"], [10, 15]), (["2015-12-02", "2015-12-03"], [10, 15])] {
            let mut all = chart(false, None, &[None], &labels);
            all.add(&session);
            assert_eq!(shown(&all), [(None, expected.to_vec())]);
        }
        let mut of_one = chart(false, Some("A"), &[Some("A")], &months);
        of_one.add(&session);
        assert_eq!((shown(&of_one), of_one.total.wh()), (vec![(Some("A"), vec![10, 10])], 0));
        let mut stacked = chart(true, None, &[Some("A"), Some("B"), None], &months);
        stacked.add(&session);
        stacked.add(&ended(8, "C", "2015-12-03T10:00:00", 2));
        let expected = vec![(Some("A"), vec![10, 10]), (Some("B"), vec![10, 15]), (None, vec![10, 12])];
        assert_eq!(shown(&stacked), expected);
        // The first of a charge point, where each has a series of its own.
        let mut stacked = chart(true, None, &[Some("A"), Some("C")], &months);
        stacked.add(&session);
        assert_eq!(shown(&stacked)[1], (Some("B"), vec![0, 5]));
    }
}
