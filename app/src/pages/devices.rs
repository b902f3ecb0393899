//! The device list: every charge point, and what can be done with it.

use super::happenings::out_of_contact;
use super::parts::{
    BothNames, Commanded, badge, cell, changed_mark, command_form, command_state, commands, details_link, findings,
    get_form, lines, lines_key, nothing_yet, order, phases, placed_cell, plain, row_head, state_word,
    table as table_of, tiles, told, when,
};
use super::{Page, Seen, settle};
use crate::charts::number::measured;
use crate::components::{Glyph, Span, card, choice, empty, link_button, select};
use crate::data::{ADMIT, CurrentLine, DeviceLine, DeviceSort, Devices, Moment, Query};
use crate::feed_message::{ChargerMessage, Totals};
use crate::text::Lang;
use crate::told::{charges_now, is_contact_news, is_news_of};
use bmw_domain::account::Right;
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeMap;

impl Page for Devices {
    fn live_since(&self) -> Option<Moment> {
        Some(self.now)
    }

    fn is_outdated(&self, told: &BTreeMap<String, ChargerMessage>) -> bool {
        let is_news = |line: &DeviceLine| is_news_of(told, (&line.id, line.state.as_deref(), line.online));
        is_contact_news(told, self.chargers.iter().map(|line| (line.id.as_str(), line.online)))
            || (self.shows_sessions() && self.chargers.iter().any(is_news))
    }

    fn shows_sessions(&self) -> bool {
        // Which charge points are listed, and where, follows from their states then.
        !self.state.is_empty() || matches!(self.sort, DeviceSort::State | DeviceSort::Contact)
    }

    fn has_missed(&self, totals: &Totals) -> bool {
        totals.since(self.number).is_none() || totals.joining_number > self.joining_number
    }

    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        let count = html! {
            // It is no page of this interface.
            @if self.has_simulator { a href="/simulator/" rel="external" { (lang.simulator()) } " " }
            a href="/qr_codes/" rel="external" { (lang.qr_codes()) } " "
            span.muted { (lang.shown_of(self.chargers.len(), self.count)) }
        };
        html! {
            (told(seen, &self.told, &back(self)))
            (tiles(seen, &self.tiles))
            div.grid {
                (card("currents", Span::Two, lang.live_currents(), &html! {}, &currents(seen, self)))
                (phases(seen, &self.phases))
                @if !self.joining.is_empty() {
                    (card("joining", Span::All, lang.joining(), &html! {}, &joining(seen, self)))
                }
                (card("device-list", Span::All, lang.device_list(), &count, &list(seen, self)))
                @if !self.findings.is_empty() { (findings(seen, self.now, &self.findings)) }
            }
        }
    }

    fn order(&self) -> Vec<&str> {
        self.chargers.iter().map(|line| line.id.as_str()).collect()
    }

    fn settle(&mut self, shown: &[&str]) {
        settle(&mut self.chargers, |line| &line.id, shown);
    }

    fn selectable(&self) -> Vec<String> {
        self.chargers.iter().map(|charger| charger.id.clone()).collect()
    }
}

/// The charge points that draw current or might: for each of their lines what is measured within what is offered within the limit.
fn currents(seen: &Seen<'_>, data: &Devices) -> Markup {
    let lang = seen.lang;
    let mut known = data.currents.clone();
    // The feed knows who has begun and who has stopped since.
    for (id, told) in seen.chargers {
        let line = CurrentLine { id: id.clone(), lines: told.lines, limit: told.limit, phases: told.phases };
        match known.iter().position(|line| line.id >= *id) {
            Some(place) if known[place].id == *id => known[place] = line,
            place => known.insert(place.unwrap_or(known.len()), line),
        }
    }
    known.retain(|line| line.lines.is_live());
    let amperes = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| measured(value, 1));
    let rest = data.count.saturating_sub(known.len());
    html! {
        div.currents-box {
            @if known.is_empty() { (empty(Glyph::POWER, lang.no_current(), "", &html! {})) } @else {
                (lines_key(lang))
                ul.currents {
                    @for line in &known {
                        li data-key=(line.id) {
                            p.currents-head {
                                (details_link(&line.id))
                                span.number {
                                    (amperes(line.lines.offered))
                                    @if let Some(limit) = line.limit { " / " (measured(limit.into(), 1)) }
                                    " A"
                                }
                            }
                            (lines(seen, data.phases.sequence, &line.lines, (line.limit, line.phases)))
                        }
                    }
                }
                @if rest > 0 { p.muted { (lang.without_current(rest)) } }
            }
        }
    }
}

fn list(seen: &Seen<'_>, data: &Devices) -> Markup {
    let lang = seen.lang;
    if data.count == 0 {
        return nothing_yet(lang, lang.no_chargers());
    }
    html! {
        (filters(lang, data))
        @if data.chargers.is_empty() {
            @let clear = link_button("/devices/", lang.clear_filters(), None);
            (empty(Glyph::SEARCH, lang.none_match(), "", &clear))
        } @else {
            (table(seen, data))
        }
    }
}

fn filters(lang: Lang, data: &Devices) -> Markup {
    let sorts = html! {
        @for (sort, word) in DeviceSort::ALL {
            @let label = match sort {
                DeviceSort::Added => lang.sort_added(),
                DeviceSort::Id => lang.sort_id(),
                DeviceSort::State => lang.sort_state(),
                DeviceSort::Contact => lang.sort_contact(),
            };
            (choice(word, label, data.sort == sort))
        }
    };
    let states = html! {
        (choice("", lang.all_states(), data.state.is_empty()))
        @for state in &data.states {
            (choice(state, &state_word(lang, Some(state)), state.eq_ignore_ascii_case(&data.state)))
        }
    };
    let body = html! {
        label.filter.is-wide {
            span { (lang.search()) }
            input type="search" name="search" value=(data.search) placeholder=(lang.search_hint())
                autocomplete="off" data-search;
        }
        (select(lang.state(), "state", &states))
        (select(lang.sort(), "sort", &sorts))
    };
    get_form(lang, "/devices/", "filters", &body)
}

fn table(seen: &Seen<'_>, data: &Devices) -> Markup {
    let lang = seen.lang;
    let names = [("Charger ID", "电桩ID"), ("Firmware Ver", "固件版本"), ("Model ID", "固件ID"), ("State", "状态")]
        .map(|(en, zh)| BothNames(en, zh));
    let labels = names.map(BothNames::text);
    let chosen = data.chargers.iter().filter(|charger| seen.local.selection.contains(&charger.id)).count();
    html! {
        div.bulk {
            label.check {
                input type="checkbox" value="" data-select checked[chosen == data.chargers.len()];
                span { (lang.select_all()) }
            }
            span.muted role="status" { (lang.selected(chosen)) }
            div.bulk-commands { (PreEscaped(data.bulk.get(lang))) }
        }
        div.table-box {
            table.data.compact.device-table {
                caption.sr-only { (lang.device_list()) }
                thead {
                    tr {
                        th scope="col" { span.sr-only { (lang.select()) } }
                        @for name in names { th scope="col" { (name.draw()) } }
                        th scope="col" { (lang.actions()) }
                    }
                }
                tbody { @for (number, charger) in data.chargers.iter().enumerate() { (row(seen, data, number, &labels, charger)) } }
            }
        }
    }
}

/// Charge points that nobody knows, each with a button that takes it in.
fn joining(seen: &Seen<'_>, data: &Devices) -> Markup {
    let lang = seen.lang;
    let now = seen.now(data.now);
    let back = back(data);
    let columns = [(lang.charger_id(), false), (lang.address(), false), (lang.time(), false), (lang.actions(), false)];
    let [id, address, time, actions] = columns;
    let rows = html! {
        @for line in &data.joining {
            @let admit = html! {
                (order(ADMIT, lang.admit(), Glyph::PLUG, seen.cannot(Right::Admit), None))
            };
            tr data-key=(line.id) {
                (row_head(id, &plain(&line.id)))
                (cell(address, &plain(&line.peer)))
                (cell(time, &when(lang, now, Some(line.at))))
                (cell(actions, &command_form(&[&line.id], &back, &admit)))
            }
        }
    };
    html! {
        p.muted { (lang.joining_help()) }
        div.table-box { (table_of("data joining", lang.joining(), &columns, &rows, &html! {})) }
    }
}

/// The page as a command's form comes back to it.
pub(super) fn back(data: &Devices) -> String {
    let sort = DeviceSort::ALL.into_iter().find(|(sort, _)| *sort == data.sort).map_or("", |(_, word)| word);
    Query::from([("search", data.search.as_str()), ("state", &data.state), ("sort", sort)]).on("/devices/")
}

/// The form for all that are chosen.
pub(super) const BULK: &str = "bulk";

fn row(seen: &Seen<'_>, data: &Devices, number: usize, names: &[String; 4], charger: &DeviceLine) -> Markup {
    let lang = seen.lang;
    let id = &charger.id;
    let state = seen.chargers.get(id).map_or(&charger.state, |told| &told.state);
    let now = seen.now(data.now);
    let online = seen.chargers.get(id).map_or(charger.online, |told| told.online);
    let ended = seen.totals.and_then(|totals| totals.since(data.number)).unwrap_or_default();
    let has_ended = ended.iter().any(|session| session.charger == *id);
    let is_charging = charges_now((charger.state.as_deref(), charger.is_charging), state.as_deref(), has_ended);
    let [id_name, firmware_name, model_name, state_name] = names;
    html! {
        tr data-key=(id) {
            td.check-cell {
                label.check {
                    input type="checkbox" name={ "c" (number) } value=(id) form=(BULK) data-select
                        checked[seen.local.selection.contains(id)];
                    span.sr-only { (lang.select()) " " (id) }
                }
            }
            (row_head((id_name, false), &html! { (details_link(id)) (changed_mark(seen, id)) }))
            (placed_cell((firmware_name, false), "left second", &plain(&charger.firmware)))
            (placed_cell((model_name, false), "second", &plain(&charger.model)))
            (placed_cell((state_name, false), "first", &html! {
                (badge(lang, state.as_deref())) " "
                @if online {
                    @if let Some(at) = charger.contact {
                        small.age title=(lang.last_contact()) { (lang.ago(now.at.since(at.at))) }
                    }
                } @else {
                    small.age { (out_of_contact(lang, now, charger.contact)) }
                }
            }))
            td.commands-cell {
                (commands(lang, Commanded {
                    id,
                    online,
                    is_charging,
                    back: &back(data),
                    cannot: seen.cannot(Right::Command),
                }))
                @if let Some(command) = &charger.command {
                    p.command-life {
                        (command.action.name()) " " (command_state(lang, command.state))
                        " " small.age { (lang.ago(now.at.since(command.at.at))) }
                    }
                }
            }
        }
    }
}
