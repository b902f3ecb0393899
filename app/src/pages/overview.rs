//! The overview: is the site well?

use super::parts::{
    badge, changed_mark, charger_choices, chart_words, contact as contact_of, details_link, file_part, get_form,
    nothing_yet, phases, phases_now, placed_cell, row_head, state_word, table, tiles,
};
use super::{Page, Seen, settle};
use crate::charts::{self, Chart, EnergyData, StateShare, gauge, number};
use crate::components::{
    Glyph, LegendEntry, Span, card, choice, energy_chart, hidden, icon, input, legend, link_button, segmented, select,
    state_donut,
};
use crate::data::{
    EnergyChart, EnergySeries, MOST_WITH, Moment, Overview, Phases, Query, ROWS, RecentLine, listed, period_word,
    series_word,
};
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
        html! {
            (wellness(seen, self))
            (tiles(seen, &self.tiles))
            div.grid {
                (energy(seen, self, &self.energy_now(seen))) (phases(seen, &self.phases)) (chargers(seen, self))
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
        Some(Chart::Energy(energy_data(seen, &self.energy_now(seen))))
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

    /// The series that are switched off now.
    fn off<'a>(&'a self, seen: &Seen<'a>) -> &'a [String] {
        seen.local.off.as_deref().unwrap_or(&self.energy.off)
    }

    /// The page's address with what it shows now.
    fn address(&self, seen: &Seen<'_>) -> Query {
        self.kept(seen).iter().fold(Query::default(), |query, (name, value)| query.with(name, value)).filled()
    }

    /// The page's choices by their names in the address.
    fn kept(&self, seen: &Seen<'_>) -> [(&'static str, String); 7] {
        let chart = &self.energy;
        [
            ("show", if chart.by_charger { "chargers" } else { "total" }.to_owned()),
            ("by", period_word(chart.period).to_owned()),
            ("count", chart.count.to_string()),
            ("charger", chart.charger.clone().unwrap_or_default()),
            ("rows", self.rows.to_string()),
            ("with", listed(chart.with.iter().map(String::as_str))),
            ("off", listed(self.off(seen).iter().map(String::as_str))),
        ]
    }

    /// All of them but some that a form has fields for.
    fn hidden(&self, seen: &Seen<'_>, without: &[&str]) -> Markup {
        let kept = self.kept(seen);
        let kept: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (*name, value.as_str())).collect();
        hidden(&kept.into_iter().filter(|(name, _)| !without.contains(name)).collect::<Vec<_>>())
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
        let own = place(Some(&ended.charger));
        if own.is_none() && !self.others.is_empty() {
            let others = &mut self.others;
            match others.iter_mut().find(|(name, _)| *name == ended.charger) {
                Some((_, energy)) => *energy += ended.energy,
                None => others.push((ended.charger.clone(), ended.energy)),
            }
        }
        let place = own.or_else(|| place(None)).unwrap_or_else(|| {
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
    let Phases { load, limits, .. } = phases_now(seen, &data.phases);
    let share = |phase: Phase| gauge::percent(load[phase.index()], f64::from(limits[phase.index()]));
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

fn energy(seen: &Seen<'_>, page: &Overview, chart: &EnergyChart) -> Markup {
    let lang = seen.lang;
    let total = html! {
        span.card-total { (lang.total()) " " b.number data-glide { (with_unit(kwh_2(chart.total), "kWh")) } }
    };
    let data = energy_data(seen, chart);
    let words = chart_words(lang, lang.energy_chart(), if data.is_off() { lang.chart_off() } else { lang.no_energy() });
    let key = html! {
        @if chart.series.len() > 1 { (key(seen, page, chart, &data)) }
        @if !chart.others.is_empty() { (others(seen, page, chart)) }
    };
    let body = html! {
        (energy_options(seen, page))
        (energy_chart(("energy", &energy_file(chart)), &data, words, (lang.chart_period(), lang.total()), &key))
    };
    card("energy", Span::Two, lang.energy_chart(), &total, &body)
}

/// What the chart's files are called: what it shows, and of when.
fn energy_file(chart: &EnergyChart) -> String {
    let ends = [chart.labels.first(), chart.labels.last()];
    let parts = chart.charger.iter().chain(ends.into_iter().flatten());
    parts.fold("energy".to_owned(), |name, part| name + "_" + &file_part(part))
}

/// The legend.
fn key(seen: &Seen<'_>, page: &Overview, chart: &EnergyChart, data: &EnergyData) -> Markup {
    let off = page.off(seen);
    let entry = |(series, drawn): (&EnergySeries, &'_ charts::EnergySeries)| {
        let word = series_word(series.name.as_deref());
        let others = off.iter().map(String::as_str).filter(|name| *name != word);
        let was_given = chart.with.iter().any(|name| series.name.as_ref() == Some(name)) && !chart.others.is_empty();
        let without = || {
            let with = chart.with.iter().filter(|name| series.name.as_ref() != Some(*name));
            page.address(seen).with("with", listed(with.map(String::as_str))).on("/overview/")
        };
        (
            drawn.name.clone(),
            drawn.colour,
            drawn.is_off,
            listed(others.chain((!drawn.is_off).then_some(word))),
            was_given.then(without),
        )
    };
    let drawn: Vec<_> = chart.series.iter().zip(&data.series).map(entry).collect();
    let entries: Vec<LegendEntry<'_>> = drawn
        .iter()
        .zip(&chart.series)
        .map(|((name, colour, is_off, then_off, without), series)| LegendEntry {
            colour: *colour,
            name,
            energy: series.energies.iter().copied().sum(),
            is_off: *is_off,
            then_off: then_off.clone(),
            without: without.clone(),
        })
        .collect();
    legend(&entries, "/overview/", &page.hidden(seen, &["off"]), (seen.lang.legend(), seen.lang.back_to_others()))
}

/// The charge points that have no series of their own, each with its energy and a way to give it one.
fn others(seen: &Seen<'_>, page: &Overview, chart: &EnergyChart) -> Markup {
    let lang = seen.lang;
    let typed = seen.local.typed.get(FIND).map(String::as_str).unwrap_or_default();
    let wanted = typed.trim().to_ascii_lowercase();
    let found: Vec<&(String, Energy)> =
        chart.others.iter().filter(|(name, _)| name.to_ascii_lowercase().contains(&wanted)).collect();
    let with_too = |name: &String| {
        // Of those that were given one first, the oldest gives its place away.
        let more = (chart.with.len() + 1).saturating_sub(MOST_WITH);
        let with = chart.with.iter().skip(more).chain([name]);
        page.address(seen).with("with", listed(with.map(String::as_str))).on("/overview/")
    };
    html! {
        details.others {
            summary { (lang.show_one_of(chart.others.len())) }
            label.filter.is-live {
                span { (lang.search()) }
                input type="search" name=(FIND) value=(typed) autocomplete="off" data-typed;
            }
            @if found.is_empty() { p.muted { (lang.none_match()) } }
            ul.others-list tabindex="0" {
                @for (name, energy) in found {
                    li data-key=(name) {
                        a data-noscroll href=(with_too(name)) { span { (name) } " " b { (charts::number::kwh(*energy)) " kWh" } }
                    }
                }
            }
        }
    }
}

/// The field that searches among them.
const FIND: &str = "find";

fn energy_options(seen: &Seen<'_>, data: &Overview) -> Markup {
    let lang = seen.lang;
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
        (data.hidden(seen, &["show", "by", "count", "charger"]))
    };
    get_form(lang, "/overview/", "filters", &body)
}

/// The colour of all that have no series of their own: the one that says least.
const COLOUR_OF_OTHERS: usize = charts::backend::SERIES_COLOURS - 1;

fn energy_data(seen: &Seen<'_>, chart: &EnergyChart) -> EnergyData {
    let lang = seen.lang;
    let off = seen.local.off.as_deref().unwrap_or(&chart.off);
    // Whoever is alone cannot be switched off.
    let is_off = |name: Option<&str>| chart.series.len() > 1 && off.iter().any(|off| off == series_word(name));
    let series = chart.series.iter().enumerate().map(|(place, series)| charts::EnergySeries {
        name: match &series.name {
            Some(name) => name.clone(),
            None if chart.by_charger => lang.other_chargers(chart.others.len()),
            None => lang.energy_total().to_owned(),
        },
        values: series.energies.clone(),
        colour: if series.name.is_none() && chart.by_charger { COLOUR_OF_OTHERS } else { place },
        is_off: is_off(series.name.as_deref()),
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
        let words = chart_words(lang, lang.connectivity(), lang.no_states());
        let file = ["states_", &file_part(&seen.now(data.now).local.with_t())[..16]].concat();
        state_donut(&file, &shares, words, [lang.unit_chargers(all), lang.state(), lang.number()])
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
    card("sessions", Span::One, lang.recent_sessions(), &rows_form(seen, data), &body)
}

fn rows_form(seen: &Seen<'_>, data: &Overview) -> Markup {
    let lang = seen.lang;
    let choices = html! {
        @for rows in ROWS {
            @let text = rows.to_string();
            (choice(&text, &text, rows == data.rows))
        }
    };
    let body = html! {
        (data.hidden(seen, &["rows"]))
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
            with: Vec::new(),
            off: Vec::new(),
            others: Vec::new(),
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
            phases: crate::data::Phases {
                load: [None; 3],
                limits: [0; 3],
                peaks: [None; 3],
                shares: [None; 3],
                sequence: bmw_domain::phase::PhaseSequence::ABC,
            },
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
        // Those without a series of their own are counted one by one, too, also one that is there for the first time.
        stacked.others = [("C", 10), ("E", 10)].map(|(name, wh)| (name.to_owned(), Energy::from_wh(wh))).into();
        for charger in ["C", "D", "A"] {
            stacked.add(&ended(9, charger, "2015-12-03T10:00:00", 1));
        }
        let others: Vec<(&str, i64)> =
            stacked.others.iter().map(|(name, energy)| (name.as_str(), energy.wh())).collect();
        assert_eq!(others, [("C", 11), ("E", 10), ("D", 1)]);
        // The first of a charge point, where each has a series of its own.
        let mut stacked = chart(true, None, &[Some("A"), Some("C")], &months);
        stacked.add(&session);
        assert_eq!(shown(&stacked)[1], (Some("B"), vec![0, 5]));
    }

    /// Draws the page by charge point, with these switched off by its address and by what was pressed.
    fn drawn(off: &[&str], pressed: Option<&[&str]>) -> String {
        let mut page = overview(7);
        page.energy = chart(true, None, &[Some("A"), Some("B"), None], &["2015-11", "2015-12"]);
        page.energy.with = vec!["B".to_owned()];
        page.energy.others = vec![("<D>".to_owned(), Energy::from_wh(13)), ("C".to_owned(), Energy::from_wh(7))];
        page.energy.off = off.iter().map(|word| (*word).to_owned()).collect();
        let pressed = pressed.map(|words| words.iter().map(|word| (*word).to_owned()).collect());
        let local = super::super::Local { off: pressed, ..Default::default() };
        let chargers = BTreeMap::new();
        let seen = Seen {
            lang: Lang::En,
            chargers: &chargers,
            phases: None,
            totals: None,
            passed: 0,
            local: &local,
            role: None,
            away: None,
            notices: crate::notify::Notices::default(),
        };
        page.draw(&seen).into_string()
    }

    /// The first line of the page, of what it knows and of what the feed has told.
    fn first_line(
        page: &Overview,
        chargers: &[(&str, &str, bool)],
        phases: Option<[Option<f64>; 3]>,
        limits: Option<[u32; 3]>,
    ) -> String {
        let told = |(id, state, online): &(&str, &str, bool)| {
            let state = Some((*state).to_owned());
            ((*id).to_owned(), ChargerMessage { state, online: *online, ..Default::default() })
        };
        let chargers = chargers.iter().map(told).collect();
        let sequence = bmw_domain::phase::PhaseSequence::ABC;
        let of_day =
            |limits| crate::feed_message::PhasesOfDay { limits, peaks: [None; 3], shares: [None; 3], sequence };
        let totals = Totals { phases: limits.map(of_day), ..Totals::default() };
        let local = super::super::Local::default();
        let seen = Seen {
            lang: Lang::En,
            chargers: &chargers,
            phases,
            totals: Some(&totals),
            passed: 0,
            local: &local,
            role: None,
            away: None,
            notices: crate::notify::Notices::default(),
        };
        wellness(&seen, page).into_string()
    }

    #[test]
    fn whether_the_site_is_well_is_said_of_what_is_known_now() {
        let mut page = overview(7);
        assert_eq!(first_line(&page, &[], None, None), "", "nothing is known of any charger");
        page.states = vec![("Charging".to_owned(), 2), ("Faulted".to_owned(), 1)];
        page.lost = 2;
        page.phases.limits = [100; 3];
        let line = first_line(&page, &[], None, None);
        assert!(line.contains("is-faulted") && line.contains("1 charger faulted"), "{line}");
        assert!(line.contains("2 chargers out of contact"), "{line}");
        // The feed knows it newer.
        let well = [("A", "Charging", true), ("B", "Available", true)];
        let line = first_line(&page, &well, Some([Some(94.9), None, Some(0.0)]), None);
        assert!(line.contains("is-charging") && line.contains("All is well") && !line.contains("<a"), "{line}");
        let lost = [("A", "Charging", true), ("B", "Available", false)];
        let line = first_line(&page, &lost, None, None);
        assert!(line.contains("is-waiting") && line.contains("1 charger out of contact"), "{line}");
        let line = first_line(&page, &well, Some([Some(95.0), None, None]), None);
        assert!(line.contains("is-faulted") && line.contains("Phase A at 95 % of its limit"), "{line}");
        // Also of limits that were changed since.
        let line = first_line(&page, &well, Some([Some(95.0), None, None]), Some([200, 100, 100]));
        assert!(line.contains("All is well"), "{line}");
    }

    #[test]
    fn a_press_in_the_legend_switches_a_series_and_is_in_the_address_of_what_follows() {
        let html = drawn(&[], None);
        assert_eq!(html.matches("aria-pressed=\"true\"").count(), 3);
        assert!(html.contains("data-do=\"off B\"") && html.contains("name=\"off\" value=\"\""), "{html}");
        assert!(html.contains("c19 f") && html.contains("2 others"), "{html}");
        let html = drawn(&["B"], None);
        assert_eq!(html.matches("aria-pressed=\"false\"").count(), 1);
        assert!(html.contains("data-do=\"off B\tA\"") && html.contains("data-do=\"off \""), "{html}");
        assert!(!html.contains("c1 f") && html.contains("c0 f"), "{html}");
        assert!(html.contains("off=B"), "links keep it: {html}");
        // What was pressed since counts.
        let html = drawn(&["B"], Some(&["A", series_word(None)]));
        assert!(html.contains("c1 f") && !html.contains("c0 f") && !html.contains("c19 f"), "{html}");
        let html = drawn(&["A", "B", series_word(None)], None);
        assert!(html.contains(Lang::En.chart_off()), "{html}");
    }

    #[test]
    fn the_others_can_be_given_a_series_and_lose_it_again() {
        let html = drawn(&[], None);
        assert!(html.contains("with=B%09%3CD%3E") && html.contains("with=B%09C"), "{html}");
        assert!(html.contains("Back to the others: B") && !html.contains("Back to the others: A"), "{html}");
    }
}
