//! The device list: every charge point, and what can be done with it.

use super::parts::{
    badge, both_names, cell, commands, get_form, link, nothing_yet, phases, plain, row_head, state_word, tiles,
};
use super::{Page, Seen};
use crate::components::{Glyph, NoticeKind, Span, card, choice, empty, link_button, notice, select};
use crate::data::{CurrentLine, DeviceLine, DeviceSort, Devices, Moment, Query};
use crate::text::Lang;
use crate::text::format::with_unit;
use maud::{Markup, html};

impl Page for Devices {
    fn live_since(&self) -> Option<Moment> {
        Some(self.now)
    }

    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        let count = html! { span.muted { (lang.shown_of(self.chargers.len(), self.count)) } };
        html! {
            (tiles(lang, &self.tiles))
            div.grid {
                (card("currents", Span::Two, lang.live_currents(), &html! {}, &currents(seen, &self.currents)))
                (phases(seen, &self.phases))
                (card("device-list", Span::All, lang.device_list(), &count, &list(seen, self)))
            }
        }
    }

    fn selectable(&self) -> Vec<String> {
        self.chargers.iter().map(|charger| charger.id.clone()).collect()
    }
}

/// What a car may draw where nothing says more, A.
const USUAL_LIMIT: i32 = 32;

/// The charge points that draw current, as bars of native `<meter>`s: a word, a number and a length.
fn currents(seen: &Seen<'_>, known: &[CurrentLine]) -> Markup {
    let lang = seen.lang;
    let mut lines = known.to_vec();
    // The feed knows who has begun and who has stopped since; limits come with the page's data.
    for (id, told) in seen.chargers {
        let current = told.current.unwrap_or(0);
        match lines.iter().position(|line| line.id >= *id) {
            Some(place) if lines[place].id == *id => lines[place].current = current,
            place => {
                let line = CurrentLine { id: id.clone(), current, limit: None };
                lines.insert(place.unwrap_or(lines.len()), line);
            }
        }
    }
    lines.retain(|line| line.current > 0);
    html! {
        div.currents-box {
            @if lines.is_empty() { (empty(Glyph::POWER, lang.no_current(), "", &html! {})) } @else {
                ul.currents {
                    @for line in &lines {
                        @let limit = line.limit.filter(|limit| *limit > 0).unwrap_or(USUAL_LIMIT).max(line.current);
                        li data-key=(line.id) {
                            (link(&Query::from([("charger_id", &line.id)]).on("/details/"), &line.id))
                            meter min="0" max=(limit) value=(line.current)
                                aria-label={ (lang.current()) " " (line.id) } {}
                            span.number { (with_unit(line.current, "A")) }
                        }
                    }
                }
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
        .map(|(en, zh)| both_names(en, zh));
    let chosen = data.chargers.iter().filter(|charger| seen.local.selection.contains(&charger.id)).count();
    html! {
        div.bulk {
            label.check {
                input type="checkbox" value="" data-select checked[chosen == data.chargers.len()];
                span { (lang.select_all()) }
            }
            span.muted role="status" { (lang.selected(chosen)) }
            div.bulk-commands { (commands(lang, "")) }
        }
        (notice(NoticeKind::Info, &html! { (lang.no_connection()) " – " (lang.no_connection_help()) }))
        div.table-box {
            table.data.device-table {
                caption.sr-only { (lang.device_list()) }
                thead {
                    tr {
                        th scope="col" { span.sr-only { (lang.select()) } }
                        @for name in &names { th scope="col" { (name) } }
                        th scope="col" { (lang.actions()) }
                    }
                }
                tbody { @for charger in &data.chargers { (row(seen, data, &names, charger)) } }
            }
        }
    }
}

fn row(seen: &Seen<'_>, data: &Devices, names: &[String; 4], charger: &DeviceLine) -> Markup {
    let lang = seen.lang;
    let id = &charger.id;
    let state = seen.chargers.get(id).map_or(&charger.state, |told| &told.state);
    let now = seen.now(data.now);
    let contact = charger.contact.map_or_else(|| lang.never().to_owned(), |at| lang.ago(now.at.since(at.at)));
    let [id_name, firmware_name, model_name, state_name] = names;
    html! {
        tr data-key=(id) {
            td.check-cell {
                label.check {
                    input type="checkbox" value=(id) data-select checked[seen.local.selection.contains(id)];
                    span.sr-only { (lang.select()) " " (id) }
                }
            }
            (row_head((id_name, false), &link(&Query::from([("charger_id", id)]).on("/details/"), id)))
            (cell((firmware_name, false), &plain(&charger.firmware)))
            (cell((model_name, false), &plain(&charger.model)))
            (cell((state_name, false), &html! {
                (badge(lang, state.as_deref())) " " small.age title=(lang.last_contact()) { (contact) }
            }))
            td.commands-cell { (commands(lang, id)) }
        }
    }
}
