//! The device list: every charge point, and what can be done with it.

use super::page;
use super::parts::{
    badge, both_names, card, choice, commands, empty, get_form, navigator, phases, state_word, tiles, when,
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
            {card("device-list", 9, lang.device_list(), shown(lang, &data), list(lang, data, selection, typing))}
        </div>
    }
    .into_any()
}

fn shown(lang: Lang, data: &Devices) -> AnyView {
    view! { <span class="muted">{lang.shown_of(data.chargers.len(), data.count)}</span> }.into_any()
}

/// The charge points that draw current, as bars of native `<meter>`s: a word, a number and a length.
fn currents(lang: Lang, known: Vec<CurrentLine>) -> AnyView {
    let live = Live::get();
    let lines = move || {
        let mut lines = known.clone();
        // The feed knows who has begun and who has stopped since; limits come with the page's data.
        live.chargers.with(|chargers| {
            lines.retain_mut(|line| {
                if let Some(charger) = chargers.get(&line.id) {
                    line.current = charger.current.unwrap_or(0);
                }
                line.current > 0
            });
            for (id, charger) in chargers {
                let current = charger.current.unwrap_or(0);
                if current > 0 && !lines.iter().any(|line| line.id == *id) {
                    lines.push(CurrentLine { id: id.clone(), current, limit: None });
                }
            }
        });
        lines.sort_by(|a, b| a.id.cmp(&b.id));
        if lines.is_empty() {
            return view! { <EmptyState text=lang.no_current() glyph=Glyph::POWER /> }.into_any();
        }
        let bars = lines.into_iter().map(|line| {
            let limit = line.limit.filter(|limit| *limit > 0).unwrap_or(32).max(line.current);
            let href = Query::from([("charger_id", &line.id)]).on("/details/");
            view! {
                <li>
                    <a href=href>{line.id.clone()}</a>
                    <meter min="0" max=limit value=line.current aria-label=format!("{} {}", lang.current(), line.id)></meter>
                    <span class="number">{with_unit(line.current, "A")}</span>
                </li>
            }
        });
        view! { <ul class="currents">{bars.collect_view()}</ul> }.into_any()
    };
    view! { <div class="currents-box">{lines}</div> }.into_any()
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
    let (sent, changed) = get_form("/devices/");
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
    let sorts = DeviceSort::ALL.into_iter().map(|(sort, word)| {
        let label = match sort {
            DeviceSort::Added => lang.sort_added(),
            DeviceSort::Id => lang.sort_id(),
            DeviceSort::State => lang.sort_state(),
            DeviceSort::Contact => lang.sort_contact(),
        };
        choice(word, label, data.sort == sort)
    });
    let states = data
        .states
        .iter()
        .map(|state| choice(state, state_word(lang, Some(state)), state.eq_ignore_ascii_case(&data.state)));
    view! {
        <form class="filters" method="get" action="/devices/" role="search" on:submit=sent on:change=changed>
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
            <label class="filter">
                <span>{lang.state()}</span>
                <select name="state">
                    {choice("", lang.all_states(), data.state.is_empty())} {states.collect_view()}
                </select>
            </label>
            <label class="filter">
                <span>{lang.sort()}</span>
                <select name="sort">{sorts.collect_view()}</select>
            </label>
            <noscript>
                <button class="button" type="submit">
                    {lang.apply()}
                </button>
            </noscript>
        </form>
    }
    .into_any()
}

fn sort_word(sort: DeviceSort) -> &'static str {
    DeviceSort::ALL.into_iter().find(|(known, _)| *known == sort).map_or("", |(_, word)| word)
}

fn table(lang: Lang, data: &Devices, selection: Selection) -> AnyView {
    let all: BTreeSet<String> = data.chargers.iter().map(|charger| charger.id.clone()).collect();
    let count = all.len();
    let every = {
        let all = all.clone();
        move |event| {
            let chosen = if event_target_checked(&event) { all.clone() } else { BTreeSet::new() };
            selection.set(chosen);
        }
    };
    let is_every = move || selection.with(BTreeSet::len) == count;
    let heading = |en, zh| view! { <th scope="col">{both_names(en, zh)}</th> };
    view! {
        <div class="bulk">
            <label class="check">
                <input type="checkbox" prop:checked=is_every on:change=every />
                <span>{lang.select_all()}</span>
            </label>
            <span class="muted" role="status">
                {move || lang.selected(selection.with(BTreeSet::len))}
            </span>
            {commands(lang, "")}
        </div>
        <Notice>{lang.no_connection()} ": " {lang.no_connection_help()}</Notice>
        <div class="table-box">
            <table class="data device-table">
                <caption class="sr-only">{lang.device_list()}</caption>
                <thead>
                    <tr>
                        <th scope="col">
                            <span class="sr-only">{lang.select()}</span>
                        </th>
                        {heading("Charger ID", "电桩ID")} {heading("Firmware Ver", "固件版本")}
                        {heading("Model ID", "固件ID")} {heading("State", "状态")}
                        <th scope="col">{lang.last_contact()}</th>
                        <th scope="col">{lang.actions()}</th>
                    </tr>
                </thead>
                <tbody>
                    {data
                        .chargers
                        .iter()
                        .map(|charger| row(lang, data, charger, selection))
                        .collect_view()}
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(lang: Lang, data: &Devices, charger: &DeviceLine, selection: Selection) -> AnyView {
    let href = Query::from([("charger_id", &charger.id)]).on("/details/");
    let (id, own) = (charger.id.clone(), charger.id.clone());
    let is_selected = move || selection.with(|chosen| chosen.contains(&own));
    let select = move |event| {
        let id = id.clone();
        let checked = event_target_checked(&event);
        selection.update(|chosen| {
            if checked {
                chosen.insert(id);
            } else {
                chosen.remove(&id);
            }
        });
    };
    let shown = |text: &str| if text.trim().is_empty() { "–".to_owned() } else { text.to_owned() };
    view! {
        <tr>
            <td class="check-cell">
                <label class="check">
                    <input type="checkbox" prop:checked=is_selected on:change=select />
                    <span class="sr-only">{format!("{} {}", lang.select(), charger.id)}</span>
                </label>
            </td>
            <th scope="row" data-label=both_names("Charger ID", "电桩ID")>
                <a href=href>{charger.id.clone()}</a>
            </th>
            <td data-label=both_names("Firmware Ver", "固件版本")>{shown(&charger.firmware)}</td>
            <td data-label=both_names("Model ID", "固件ID")>{shown(&charger.model)}</td>
            <td data-label=both_names("State", "状态")>{badge(lang, &charger.id, charger.state.clone())}</td>
            <td data-label=lang.last_contact()>{when(lang, data.now, charger.contact)}</td>
            <td class="commands-cell">{commands(lang, &charger.id)}</td>
        </tr>
    }
    .into_any()
}
