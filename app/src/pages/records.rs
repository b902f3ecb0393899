//! The sessions of the past: filtered, summed up, in parts, and as CSV.

use super::parts::{Column, cell, charger_choices, get_form, link, placed_cell, row_head, table};
use super::{Page, Seen};
use crate::components::{Glyph, NoticeKind, Span, card, choice, empty, icon, input, link_button, notice, select};
use crate::data::{Query, RecordLine, Records, RecordsFilter};
use crate::text::Lang;
use crate::text::format::{kwh_2, kwh_3, with_unit};
use bmw_domain::account::Right;
use bmw_domain::calendar::LocalTime;
use maud::{Markup, html};

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

impl Page for Records {
    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        let cannot = seen.cannot(Right::ReadSensitive);
        let download = html! {
            @if let Some(why) = cannot {
                button.button type="button" aria-disabled="true" title=(why) {
                    (icon(Glyph::DOWNLOAD)) span { (lang.download_csv()) }
                }
            } @else {
                a.button href=(address(&self.filter).on("/records/export.csv")) download rel="external" {
                    (icon(Glyph::DOWNLOAD)) span { (lang.download_csv()) }
                }
            }
        };
        let has_cards = cannot.is_none();
        let body = html! {
            (filters(lang, self, has_cards))
            @if let Some(text) = &self.wrong_day {
                (notice(NoticeKind::Warning, &html! { (lang.labelled(text, lang.wrong_day())) }))
            }
            @if self.sessions.is_empty() {
                @let clear = link_button("/records/", lang.clear_filters(), Some(Glyph::X));
                (empty(Glyph::INBOX, lang.no_records(), lang.no_records_help(), &clear))
            } @else {
                (session_table(lang, self, has_cards))
            }
        };
        card("records", Span::All, lang.all_sessions(), &download, &body)
    }
}

fn filters(lang: Lang, data: &Records, has_cards: bool) -> Markup {
    let filter = &data.filter;
    let states = html! {
        (choice("", lang.all_states(), filter.finished.is_none()))
        (choice("finished", lang.finished(), filter.finished == Some(true)))
        (choice("running", lang.running(), filter.finished == Some(false)))
    };
    let body = html! {
        (select(lang.charger(), "charger", &charger_choices(lang, &data.identities, &filter.charger)))
        (input("date", lang.from(), "from", &filter.from.to_string()))
        (input("date", lang.to(), "to", &filter.to.to_string()))
        @if has_cards { (input("search", lang.card(), "card", &filter.card)) }
        (select(lang.state(), "state", &states))
    };
    get_form(lang, "/records/", "filters", &body)
}

fn columns(lang: Lang) -> [Column<'static>; 8] {
    [
        (lang.record_id(), true),
        (lang.charger_id(), false),
        (lang.charge_code(), true),
        (lang.start_time(), false),
        (lang.finish_time(), false),
        (lang.duration(), true),
        (lang.energy(), true),
        (lang.card(), false),
    ]
}

fn session_table(lang: Lang, data: &Records, has_cards: bool) -> Markup {
    let columns = columns(lang);
    let rows = html! { @for session in &data.sessions { (row(lang, &columns, session, has_cards)) } };
    // That of the cards is the last one.
    let shown = &columns[..columns.len() - usize::from(!has_cards)];
    let foot = html! {
        tfoot {
            tr {
                th scope="row" { (lang.total()) }
                td colspan="4" data-label=(lang.tile_sessions()) { (lang.sessions(data.count)) }
                (cell(columns[5], &html! { (lang.hours(data.time)) }))
                (cell(columns[6], &html! { (with_unit(kwh_2(data.energy), "kWh")) }))
                @if has_cards { td {} }
            }
        }
    };
    let newest = data.is_later_part.then(|| ("newest", address(&data.filter), lang.newest()));
    let older = data.next.map(|next| ("older", address(&data.filter).with("before", next), lang.older()));
    html! {
        div.table-box.is-tall { (table("data compact", lang.all_sessions(), shown, &rows, &foot)) }
        nav.parts aria-label=(lang.records()) {
            @for (key, query, label) in newest.into_iter().chain(older) {
                a.button data-key=(key) href=(query.on("/records/")) { span { (label) } }
            }
        }
    }
}

fn row(lang: Lang, columns: &[Column<'_>; 8], session: &RecordLine, has_cards: bool) -> Markup {
    let dash = || "–".to_owned();
    let [id, charger, code, start, finish, duration, energy, card] = *columns;
    let finished = session.finish.map_or_else(|| lang.running().to_owned(), LocalTime::with_space);
    // The session in full is in the query of its charge point's page.
    let day = session.finish.or(session.start).map(|at| at.day().to_string()).unwrap_or_default();
    let full = Query::from([("charger_id", session.charger.as_str()), ("date", &day)])
        .with("record", session.id)
        .with("start", "1")
        .on("/details/");
    let of_charger = Query::from([("charger_id", &session.charger)]).on("/details/");
    html! {
        tr data-key=(session.id) {
            (row_head(id, &link(&full, &session.id.to_string())))
            (placed_cell(charger, "left second", &link(&of_charger, &session.charger)))
            (placed_cell(code, "left third labelled", &html! { (session.cycle.map_or_else(dash, |cycle| cycle.to_string())) }))
            (placed_cell(start, "left fourth", &html! { (session.start.map_or_else(dash, LocalTime::with_space)) }))
            (placed_cell(finish, "fourth", &html! { (finished) }))
            (placed_cell(duration, "second", &html! { (session.time.map_or_else(dash, |time| lang.hours(time))) }))
            (placed_cell(energy, "first", &html! { (with_unit(kwh_3(session.energy), "kWh")) }))
            @if has_cards { (placed_cell(card, "third", &html! { (session.card.as_deref().unwrap_or("–")) })) }
        }
    }
}
