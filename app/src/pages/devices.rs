//! The device list: every charge point, and what can be done with it.

use super::html::Html;
use super::page;
use super::parts::{
    badge, both_names, card, commands, empty, get_form, icon, navigator, now_in_browser, phases, select, state_word,
    table_box, table_head, tiles,
};
use crate::components::{EmptyState, Glyph, Notice};
use crate::data::{CurrentLine, DeviceLine, DeviceSort, Devices, PageName, Query};
use crate::live::Live;
use crate::text::Lang;
use crate::text::format::with_unit;
use leptos::prelude::*;
use std::collections::BTreeSet;

/// The identities of the rows that are selected.
type Selection = RwSignal<BTreeSet<String>>;

/// What the search box holds while it is typed in: the address follows, and must not overtake the typing.
type Typing = RwSignal<Option<String>>;

/// `/devices/`
#[component]
pub fn DevicesPage() -> impl IntoView {
    let (selection, typing) = (Selection::default(), Typing::default());
    page(PageName::Devices, move |lang, data| draw(lang, data, selection, typing))
}

fn draw(lang: Lang, data: Devices, selection: Selection, typing: Typing) -> AnyView {
    view! {
        {tiles(lang, &data.tiles)}
        <div class="grid">
            {card("currents", 2, lang.live_currents(), ().into_any(), currents(lang, data.currents.clone()))}
            {phases(lang, &data.phases)}
            {card("device-list", 9, lang.device_list(), count(lang, &data), list(lang, data, selection, typing))}
        </div>
    }
    .into_any()
}

fn count(lang: Lang, data: &Devices) -> AnyView {
    view! { <span class="muted">{lang.shown_of(data.chargers.len(), data.count)}</span> }.into_any()
}

/// The charge points that draw current, as bars of native `<meter>`s: a word, a number and a length.
fn currents(lang: Lang, known: Vec<CurrentLine>) -> AnyView {
    let live = Live::get();
    table_box("currents-box", move || {
        let mut lines = known.clone();
        // The feed knows who has begun and who has stopped since; limits come with the page's data.
        live.chargers.with(|chargers| {
            for (id, charger) in chargers {
                let current = charger.current.unwrap_or(0);
                match lines.iter_mut().find(|line| line.id == *id) {
                    Some(line) => line.current = current,
                    None => lines.push(CurrentLine { id: id.clone(), current, limit: None }),
                }
            }
        });
        lines.retain(|line| line.current > 0);
        lines.sort_by(|a, b| a.id.cmp(&b.id));
        if lines.is_empty() {
            let html = icon(Html::new().raw("<div class=\"empty\">"), Glyph::POWER);
            return html.raw("<p>").text(lang.no_current()).raw("</p></div>").done();
        }
        let html = Html::new().raw("<ul class=\"currents\">").each(lines, |html, line| {
            let limit = line.limit.filter(|limit| *limit > 0).unwrap_or(32).max(line.current);
            let href = Query::from([("charger_id", &line.id)]).on("/details/");
            html.raw("<li>")
                .link(&href, &line.id)
                .raw("<meter min=\"0\" max=\"")
                .text(&limit.to_string())
                .raw("\" value=\"")
                .text(&line.current.to_string())
                .raw("\" aria-label=\"")
                .text(lang.current())
                .raw(" ")
                .text(&line.id)
                .raw("\"></meter><span class=\"number\">")
                .text(&with_unit(line.current, "A"))
                .raw("</span></li>")
        });
        html.raw("</ul>").done()
    })
}

fn list(lang: Lang, data: Devices, selection: Selection, typing: Typing) -> AnyView {
    if data.count == 0 {
        return empty(lang.no_chargers(), lang.no_chargers_help());
    }
    let body = if data.chargers.is_empty() {
        let clear = move || {
            view! {
                <a class="button" href="/devices/" on:click=move |_| typing.set(None)>
                    {lang.clear_filters()}
                </a>
            }
        };
        view! { <EmptyState text=lang.none_match() glyph=Glyph::SEARCH action=clear /> }.into_any()
    } else {
        table(lang, &data, selection)
    };
    view! {
        {filters(lang, &data, typing)}
        {body}
    }
    .into_any()
}

fn filters(lang: Lang, data: &Devices, typing: Typing) -> AnyView {
    let go = navigator(true);
    let typed = {
        let (state, sort) = (data.state.clone(), sort_word(data.sort));
        move |event| {
            let text = event_target_value(&event);
            go(&Query::from([("search", text.as_str()), ("state", &state), ("sort", sort)]).on("/devices/"));
            typing.set(Some(text));
        }
    };
    let search = data.search.clone();
    let text = move || typing.get().unwrap_or_else(|| search.clone());
    let sorts = Html::new().each(DeviceSort::ALL, |html, (sort, word)| {
        let label = match sort {
            DeviceSort::Added => lang.sort_added(),
            DeviceSort::Id => lang.sort_id(),
            DeviceSort::State => lang.sort_state(),
            DeviceSort::Contact => lang.sort_contact(),
        };
        html.choice(word, label, data.sort == sort)
    });
    let states = Html::new().choice("", lang.all_states(), data.state.is_empty()).each(&data.states, |html, state| {
        html.choice(state, &state_word(lang, Some(state)), state.eq_ignore_ascii_case(&data.state))
    });
    let body = view! {
        <label class="filter is-wide">
            <span>{lang.search()}</span>
            <input
                type="search"
                name="search"
                value=data.search.clone()
                placeholder=lang.search_hint()
                autocomplete="off"
                prop:value=text
                on:input=typed
                on:blur=move |_| typing.set(None)
            />
        </label>
        {select(lang.state(), "state", states)}
        {select(lang.sort(), "sort", sorts)}
    };
    get_form(lang, "/devices/", "filters", body.into_any())
}

fn sort_word(sort: DeviceSort) -> &'static str {
    DeviceSort::ALL.into_iter().find(|(known, _)| *known == sort).map_or("", |(_, word)| word)
}

/// The table. Rows are text; the one handler at the table knows a row's checkbox by its value.
fn table(lang: Lang, data: &Devices, selection: Selection) -> AnyView {
    let all: BTreeSet<String> = data.chargers.iter().map(|charger| charger.id.clone()).collect();
    let count = all.len();
    // Rows are painted again when all of them change. A box that a person ticks shows it by itself, and keeps the focus.
    let painted = RwSignal::new(0_u32);
    let select = move |event: leptos::web_sys::Event| {
        let id = event_target_value(&event);
        let is_checked = event_target_checked(&event);
        let is_every = id.is_empty();
        selection.update(|chosen| match (is_every, is_checked) {
            (true, true) => chosen.clone_from(&all),
            (true, false) => chosen.clear(),
            (false, true) => _ = chosen.insert(id),
            (false, false) => _ = chosen.remove(&id),
        });
        if is_every {
            painted.update(|count| *count += 1);
        }
    };
    let is_every = move || selection.with(BTreeSet::len) == count;
    let why = [lang.no_connection(), ": ", lang.no_connection_help()].concat();
    view! {
        <div on:change=select>
            <div class="bulk">
                <label class="check">
                    <input type="checkbox" value="" prop:checked=is_every />
                    <span>{lang.select_all()}</span>
                </label>
                <span class="muted" role="status">
                    {move || lang.selected(selection.with(BTreeSet::len))}
                </span>
                <div class="bulk-commands" inner_html=commands(Html::new(), lang, "").done()></div>
            </div>
            <Notice>{why}</Notice>
            {table_box("table-box", rows(lang, data, selection, painted))}
        </div>
    }
    .into_any()
}

fn rows(
    lang: Lang,
    data: &Devices,
    selection: Selection,
    painted: RwSignal<u32>,
) -> impl Fn() -> String + Send + Sync + 'static {
    let live = Live::get();
    let now = now_in_browser(data.now);
    let chargers = data.chargers.clone();
    let names = [("Charger ID", "电桩ID"), ("Firmware Ver", "固件版本"), ("Model ID", "固件ID"), ("State", "状态")]
        .map(|(en, zh)| both_names(en, zh));
    move || {
        let now = now();
        let html = table_head(lang.device_list(), "data device-table")
            .raw("<th scope=\"col\"><span class=\"sr-only\">")
            .text(lang.select())
            .raw("</span></th>")
            .each(&names, |html, name| html.column(name, false))
            .column(lang.actions(), false)
            .raw("</tr></thead><tbody data-painted=\"")
            .text(&painted.get().to_string())
            .raw("\">");
        let html = html.each(&chargers, |html, charger: &DeviceLine| {
            let state = live.of(&charger.id, &charger.state, |live| live.state.clone());
            let is_chosen = selection.with_untracked(|chosen| chosen.contains(&charger.id));
            let href = Query::from([("charger_id", &charger.id)]).on("/details/");
            let html = html
                .raw("<tr><td class=\"check-cell\"><label class=\"check\"><input type=\"checkbox\" value=\"")
                .text(&charger.id)
                .raw(if is_chosen { "\" checked><span class=\"sr-only\">" } else { "\"><span class=\"sr-only\">" })
                .text(lang.select())
                .raw(" ")
                .text(&charger.id)
                .raw("</span></label></td><th scope=\"row\" data-label=\"")
                .text(&names[0])
                .raw("\">")
                .link(&href, &charger.id)
                .raw("</th>");
            let html = html.cell(&names[1], false).text(shown(&charger.firmware)).raw("</td>");
            let html = html.cell(&names[2], false).text(shown(&charger.model)).raw("</td>");
            let html = badge(html.cell(&names[3], false), lang, state.as_deref());
            let contact = charger.contact.map_or_else(|| lang.never().to_owned(), |at| lang.ago(now.at.since(at.at)));
            let html = html.raw(" <small class=\"age\" title=\"").text(lang.last_contact()).raw("\">").text(&contact);
            commands(html.raw("</small></td><td class=\"commands-cell\">"), lang, &charger.id).raw("</td></tr>")
        });
        html.raw("</tbody></table>").done()
    }
}

fn shown(text: &str) -> &str {
    if text.trim().is_empty() { "–" } else { text }
}
