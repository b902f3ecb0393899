//! The cards that may charge: added, blocked, taken away, brought in and taken out as CSV.

use crate::components::{Glyph, NoticeKind, Span, badge, card, empty, input, link_button, notice};
use crate::data::{CardLine, CardsPage, word};
use crate::pages::parts::{cell, command_form, order, plain, row_head, table};
use crate::text::Lang;
use crate::ui::cannot;
use bmw_domain::account::{Right, Role};
use bmw_domain::status::Condition;
use maud::{Markup, html};

/// Where the forms of this page lead back to.
const BACK: &str = "/cards/";

impl CardsPage {
    /// The page, for somebody of this role.
    pub(crate) fn draw(&self, lang: Lang, role: Option<Role>) -> Markup {
        let cannot = cannot(lang, role, Right::Cards);
        let export = html! {
            @if self.cards.is_some() { (link_button("/cards/export.csv", lang.export_csv(), Some(Glyph::DOWNLOAD))) }
        };
        let unknown = if self.accepts_unknown { lang.unknown_cards_accepted() } else { lang.unknown_cards_rejected() };
        html! {
            @if self.told.given > 0 { (notice(NoticeKind::Success, &html! { (lang.cards_saved(self.told.given)) })) }
            @if !self.told.refused.is_empty() {
                (notice(NoticeKind::Error, &html! { @for why in &self.told.refused { p { (why.get(lang)) } } }))
            }
            (notice(NoticeKind::Info, &html! { (unknown) }))
            div.grid {
                (card("card-list", Span::All, lang.cards(), &export, &list(lang, self.cards.as_deref(), cannot)))
                (card("card-form", Span::Two, lang.card_add(), &html! {}, &add(lang, cannot)))
                (card("card-csv", Span::One, lang.import_csv(), &html! {}, &import(lang, cannot)))
            }
        }
    }
}

type Cannot = Option<&'static str>;

fn list(lang: Lang, cards: Option<&[CardLine]>, cannot: Cannot) -> Markup {
    let Some(cards) = cards else { return crate::pages::for_those_signed_in(lang, lang.sign_in_for_cards()) };
    if cards.is_empty() {
        return empty(Glyph::INBOX, lang.no_cards(), "", &html! {});
    }
    let columns = [
        (lang.card(), false),
        (lang.card_group(), false),
        (lang.state(), false),
        (lang.card_expires(), false),
        (lang.card_note(), false),
        (lang.actions(), false),
    ];
    let [tag, group, state, expires, note, actions] = columns;
    let rows = html! {
        @for line in cards {
            tr data-key=(line.tag) {
                (row_head(tag, &plain(&line.tag)))
                (cell(group, &plain(&line.group)))
                (cell(state, &permission(lang, line)))
                (cell(expires, &plain(line.expires.map(|at| at.local.day().to_string()).unwrap_or_default())))
                (cell(note, &plain(&line.note)))
                (cell(actions, &deeds(lang, line, cannot)))
            }
        }
    };
    html! { div.table-box { (table("data cards", lang.cards(), &columns, &rows, &html! {})) } }
}

fn permission(lang: Lang, line: &CardLine) -> Markup {
    if line.is_blocked {
        badge(Condition::Faulted, lang.card_blocked())
    } else if line.is_expired {
        badge(Condition::Waiting, lang.card_expired())
    } else {
        badge(Condition::Ready, lang.card_valid())
    }
}

/// What can be done with a card.
fn deeds(lang: Lang, line: &CardLine, cannot: Cannot) -> Markup {
    let (what, name, glyph) = if line.is_blocked {
        (word::UNBLOCK, lang.card_unblock(), Glyph::CIRCLE_CHECK)
    } else {
        (word::BLOCK, lang.card_block(), Glyph::POWER_OFF)
    };
    let body = html! {
        input type="hidden" name="tag" value=(line.tag);
        div.commands {
            (order(what, name, glyph, cannot, None))
            (order(word::REMOVE, lang.card_remove(), Glyph::X, cannot, Some(lang.ask_card_remove())))
        }
    };
    command_form(&[], BACK, &body)
}

fn add(lang: Lang, cannot: Cannot) -> Markup {
    let body = html! {
        (input("text", lang.card(), "tag", ""))
        (input("text", lang.card_group(), "group", ""))
        (input("date", lang.card_expires(), "expires", ""))
        (input("text", lang.card_note(), "note", ""))
        label.check {
            input type="checkbox" name="blocked" value="1";
            span { (lang.card_blocked()) }
        }
        (order(word::PUT, lang.save(), Glyph::SAVE, cannot, None))
    };
    html! {
        p.muted { (lang.card_add_help()) }
        div.operation { (command_form(&[], BACK, &body)) }
    }
}

fn import(lang: Lang, cannot: Cannot) -> Markup {
    let body = html! {
        label.filter.is-wide {
            span { (lang.import_csv_help()) }
            textarea name="csv" rows="6" spellcheck="false" placeholder="tag,group,blocked,expires,note" {}
        }
        (order(word::CSV, lang.import_csv(), Glyph::INBOX, cannot, None))
    };
    html! { div.operation { (command_form(&[], BACK, &body)) } }
}
