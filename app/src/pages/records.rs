//! The sessions of the past: filtered, summed up, in parts, and as CSV.

use super::html::Html;
use super::page;
use super::parts::{card, charger_choices, get_form, input, select, table_box, table_head};
use crate::components::{EmptyState, Glyph, Icon, LinkButton, Notice, NoticeKind};
use crate::data::{PageName, Query, RecordLine, Records, RecordsFilter};
use crate::text::Lang;
use crate::text::format::{grouped, kwh_2, kwh_3, with_unit};
use bmw_domain::calendar::LocalTime;
use leptos::prelude::*;

/// `/records/`
#[component]
pub fn RecordsPage() -> impl IntoView {
    page(PageName::Records, draw)
}

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

fn draw(lang: Lang, data: Records) -> AnyView {
    let csv = address(&data.filter).on("/records/export.csv");
    let download = view! {
        <a class="button" href=csv download rel="external">
            <Icon glyph=Glyph::DOWNLOAD />
            <span>{lang.download_csv()}</span>
        </a>
    };
    let body = if data.sessions.is_empty() {
        let clear = move || view! { <LinkButton href="/records/" label=lang.clear_filters() glyph=Glyph::X /> };
        view! { <EmptyState text=lang.no_records() hint=lang.no_records_help() action=clear /> }.into_any()
    } else {
        table(lang, &data)
    };
    let body = view! {
        {filters(lang, &data)}
        {data.wrong_day.clone().map(|text| {
            view! { <Notice kind=NoticeKind::Warning>{lang.wrong_day()} " (" {text} ")"</Notice> }
        })}
        {body}
    };
    card("records", 9, lang.recent_sessions(), download.into_any(), body.into_any())
}

fn filters(lang: Lang, data: &Records) -> AnyView {
    let filter = &data.filter;
    let states = Html::new()
        .choice("", lang.all_states(), filter.finished.is_none())
        .choice("finished", lang.finished(), filter.finished == Some(true))
        .choice("running", lang.running(), filter.finished == Some(false));
    let body = view! {
        {select(lang.charger(), "charger", charger_choices(lang, &data.identities, &filter.charger))}
        {input("date", lang.from(), "from", filter.from.to_string())}
        {input("date", lang.to(), "to", filter.to.to_string())}
        {input("search", lang.card(), "card", filter.card.clone())}
        {select(lang.state(), "state", states)}
    };
    get_form(lang, "/records/", "filters", body.into_any())
}

fn table(lang: Lang, data: &Records) -> AnyView {
    let html = table_head(lang.recent_sessions(), "data")
        .column(lang.record_id(), true)
        .column(lang.charger_id(), false)
        .column(lang.charge_code(), true)
        .column(lang.start_time(), false)
        .column(lang.finish_time(), false)
        .column(lang.duration(), true)
        .column(lang.energy(), true)
        .column(lang.card(), false)
        .raw("</tr></thead><tbody>");
    let html = html.each(&data.sessions, |html, session| row(html, lang, session));
    let count = [grouped(data.count).as_str(), " ", lang.sessions()].concat();
    let html = html
        .raw("</tbody><tfoot><tr><th scope=\"row\">")
        .text(lang.total())
        .raw("</th><td colspan=\"4\" data-label=\"")
        .text(lang.tile_sessions())
        .raw("\">")
        .text(&count)
        .raw("</td>")
        .cell(lang.duration(), true)
        .text(&lang.hours(data.time))
        .raw("</td>")
        .cell(lang.energy(), true)
        .text(&with_unit(kwh_2(data.energy), "kWh"))
        .raw("</td><td></td></tr></tfoot></table>")
        .done();
    let parts = Html::new().each(
        [
            data.is_later_part.then(|| (address(&data.filter), lang.newest())),
            data.next.map(|next| (address(&data.filter).with("before", next), lang.older())),
        ]
        .into_iter()
        .flatten(),
        |html, (query, label)| {
            html.raw("<a class=\"button\" href=\"")
                .text(&query.on("/records/"))
                .raw("\"><span>")
                .text(label)
                .raw("</span></a>")
        },
    );
    view! {
        {table_box("table-box is-tall", move || html.clone())}
        <nav class="parts" aria-label=lang.records() inner_html=parts.done()></nav>
    }
    .into_any()
}

fn row(html: Html, lang: Lang, session: &RecordLine) -> Html {
    let dash = || "–".to_owned();
    let time = |at: Option<LocalTime>| at.map_or_else(dash, LocalTime::with_space);
    let finish = session.finish.map_or_else(|| lang.running().to_owned(), LocalTime::with_space);
    // The session in full is in the query of its charge point's page.
    let day = session.finish.or(session.start).map(|at| at.day().to_string()).unwrap_or_default();
    let full = Query::from([("charger_id", session.charger.as_str()), ("date", &day)])
        .with("record", session.id)
        .with("start", "1")
        .on("/details/");
    let charger = Query::from([("charger_id", &session.charger)]).on("/details/");
    html.row_head(lang.record_id(), true)
        .link(&full, &session.id.to_string())
        .raw("</th>")
        .cell(lang.charger_id(), false)
        .link(&charger, &session.charger)
        .raw("</td>")
        .cell(lang.charge_code(), true)
        .text(&session.cycle.map_or_else(dash, |cycle| cycle.to_string()))
        .raw("</td>")
        .cell(lang.start_time(), false)
        .text(&time(session.start))
        .raw("</td>")
        .cell(lang.finish_time(), false)
        .text(&finish)
        .raw("</td>")
        .cell(lang.duration(), true)
        .text(&session.time.map_or_else(dash, |time| lang.hours(time)))
        .raw("</td>")
        .cell(lang.energy(), true)
        .text(&with_unit(kwh_3(session.energy), "kWh"))
        .raw("</td>")
        .cell(lang.card(), false)
        .text(session.card.as_deref().unwrap_or("–"))
        .raw("</td></tr>")
}
