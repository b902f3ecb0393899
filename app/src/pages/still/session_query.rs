//! The query of sessions below a charge point.

use crate::components::{Glyph, choice, hidden, icon, input, select};
use crate::data::{Details, SessionQuery};
use crate::pages::details::address;
use crate::pages::parts::get_form;
use crate::text::Lang;
use bmw_domain::calendar::{Day, Month};
use maud::{Markup, html};

/// The session query of 2.2, step by step; each step is in the address.
pub(crate) fn session_query(lang: Lang, data: &Details) -> Markup {
    let query = &data.query;
    let charger = data.asked.as_deref().unwrap_or_default();
    let kept = hidden(&[("charger_id", charger), ("span", data.span.word())]);
    let step_one = html! {
        (kept)
        (input("date", lang.step_date(), "date", &query.date.to_string()))
        label.check {
            input type="checkbox" name="only" value="1" checked[query.only];
            span { (lang.only_this_charger()) }
        }
    };
    let chosen = query.chosen.as_ref().map(|chosen| chosen.id);
    let code = query.chosen.as_ref().and_then(|chosen| chosen.cycle).map(|cycle| cycle.to_string());
    let choices = html! {
        (choice("", lang.choose(), chosen.is_none()))
        @for session in &query.sessions {
            @let start = session.start.map(|start| start.with_space()[11..16].to_owned()).unwrap_or_default();
            @let id = session.id.to_string();
            (choice(&id, &[id.as_str(), " · ", &session.charger, " · ", &start].concat(), chosen == Some(session.id)))
        }
    };
    let step_two = html! {
        (kept)
        (hidden(&[("date", &query.date.to_string()), ("only", if query.only { "1" } else { "" })]))
        (select(lang.step_record(), "record", &choices))
        label.filter {
            span { (lang.charge_code()) }
            output.charge-code aria-live="polite" { (code.as_deref().unwrap_or("–")) }
        }
    };
    let start = chosen.map(|_| address(data).with("start", "1").on("/details/"));
    html! {
        div.query {
            div.query-steps {
                (get_form(lang, "/details/", "step", &step_one))
                (get_form(lang, "/details/", "step", &step_two))
                div.step {
                    a.button.is-primary data-noscroll href=[start.as_deref()] role=[chosen.is_none().then_some("link")]
                        aria-disabled=[chosen.is_none().then_some("true")]
                    {
                        (icon(Glyph::SEARCH)) span { (lang.query_start()) }
                    }
                }
                p.muted role="status" { @if query.sessions.is_empty() { (lang.no_sessions_that_day()) } }
            }
            div.calendar { (calendar(lang, data, query)) }
        }
    }
}

/// The month around the chosen day, with the days marked that have sessions.
fn calendar(lang: Lang, data: &Details, query: &SessionQuery) -> Markup {
    let base = address(data).without("record");
    let first = query.month.first_day();
    let next = Month(query.month.0 + 1);
    let to_month = |month: Month, label: &str, glyph: Glyph| {
        html! {
            a.button.icon-only data-noscroll href=(base.clone().with("month", month).on("/details/")) {
                (icon(glyph)) span.sr-only { (label) }
            }
        }
    };
    let days = next.first_day().0 - first.0;
    html! {
        div.calendar-head {
            (to_month(Month(query.month.0 - 1), lang.previous_month(), Glyph::CHEVRON_LEFT))
            strong { (query.month.to_string()) }
            (to_month(next, lang.next_month(), Glyph::CHEVRON_RIGHT))
        }
        div.calendar-days {
            @for index in 0..7 { span.weekday aria-hidden="true" { (lang.weekday(index)) } }
            @for place in 0..days {
                @let day: Day = first.plus(place);
                // The first day of the month stands under its day of the week.
                a.day.is-marked[query.marked.contains(&day)] data-column=[(place == 0).then(|| first.weekday() + 1)]
                    aria-current=[(day == query.date).then_some("date")] data-noscroll title=(day.to_string())
                    href=(base.clone().with("date", day).on("/details/"))
                { (place + 1) }
            }
        }
        p.muted { (lang.days_marked()) }
    }
}
