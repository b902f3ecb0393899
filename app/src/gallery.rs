//! `/gallery/`: every component in each of its states, for those who work on the interface. It is part of development builds
//! alone, has the program's own style sheet, and follows the chosen language and theme like any page.

use crate::charts::{CurveData, EnergyData, EnergySeries, StateShare};
use crate::components::{
    ChartWords, Control, Dial, DialWords, Entry, Field, GetForm, Glyph, LegendEntry, LineBar, LineWords, NoticeKind,
    Span, What, badge, card, choice, curve_chart, dialog, empty, energy_chart, entry, field, field_errors, get_form,
    hidden, icon, input, legend, line_bars, link_button, notice, phase_gauges, segmented, select, state_donut, tag,
    tiles,
};
use crate::serve::{Still, still_document};
use crate::text::Lang;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::Energy;
use bmw_domain::status::Condition;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use maud::{Markup, html};
use std::sync::Arc;

/// Where it is, and what lays it out.
pub const PATHS: [&str; 2] = ["/gallery", "/gallery/layout.css"];

/// The page.
pub fn routes(css: Option<&str>) -> Router {
    let layout = || async { ([(CONTENT_TYPE, "text/css")], include_str!("gallery.css")) };
    Router::new().route(PATHS[0], get(page)).route(PATHS[1], get(layout)).with_state(css.map(Arc::<str>::from))
}

async fn page(State(css): State<Option<Arc<str>>>, headers: HeaderMap) -> Response {
    let still = Still {
        headers: &headers,
        path: PATHS[0],
        css: css.as_deref(),
        person: None,
        refresh: None,
        script: None,
        alerts: 0,
    };
    still_document(still, |_| "Gallery", draw)
}

/// The text of a button that only shows itself.
const NAMELESS: &str = "Button";

/// All of it.
fn draw(lang: Lang) -> Markup {
    html! {
        link rel="stylesheet" href=(PATHS[1]);
        (colours())
        (buttons())
        (states(lang))
        (tiles(tile_values(lang)))
        (notices(lang))
        (fields())
        (forms(lang))
        (charts(lang))
        (dialog_part(lang))
    }
}

/// A part of the gallery.
fn part(id: &str, heading: &str, body: &Markup) -> Markup {
    html! { div.grid { (card(id, Span::All, heading, &html! {}, body)) } }
}

/// The tokens that have a colour.
fn colours() -> Markup {
    let names =
        ["ground", "surface", "raised", "sunken", "line", "line-strong", "ink", "ink-muted", "accent", "accent-soft"];
    let body = html! {
        ul.gallery-colours {
            @for name in names { li { i class={ "gallery-colour " (name) } {} code { "--" (name) } } }
        }
    };
    part("tokens", "Tokens", &body)
}

fn buttons() -> Markup {
    let body = html! {
        div.commands {
            button.button type="button" { (NAMELESS) }
            button.button.is-primary type="button" { (icon(Glyph::SAVE)) span { (NAMELESS) } }
            button.button type="button" { (icon(Glyph::PLAY)) span { (NAMELESS) } }
            button.button type="button" aria-disabled="true" title="Why not" { (icon(Glyph::SQUARE)) span { "Not now" } }
            button.button.icon-only type="button" { (icon(Glyph::X)) span.sr-only { (NAMELESS) } }
            (link_button("#buttons", "Link", Some(Glyph::CHEVRON_RIGHT)))
            (link_button("#buttons", "Link", None))
        }
    };
    part("buttons", "Buttons", &body)
}

fn states(lang: Lang) -> Markup {
    let conditions = [
        (Condition::Charging, "Charging"),
        (Condition::Ready, "Available"),
        (Condition::Waiting, "SuspendedEV"),
        (Condition::Faulted, "Faulted"),
        (Condition::Unknown, "Unavailable"),
    ];
    let body = html! {
        p {
            @for (condition, state) in conditions { (badge(condition, lang.state_name(state).unwrap_or(state))) " " }
            (tag(lang.online())) " " (tag(lang.offline()))
        }
    };
    part("states", "States", &body)
}

fn tile_values(lang: Lang) -> [(Glyph, &'static str, String, &'static str, &'static str); 4] {
    [
        (Glyph::PLUG_ZAP, lang.tile_chargers(), "0".to_owned(), "", ""),
        (Glyph::BATTERY_CHARGING, lang.tile_energy(), "340\u{202f}006.03".to_owned(), "kWh", lang.tile_energy_note()),
        (Glyph::HISTORY, lang.tile_sessions(), "15\u{202f}364".to_owned(), "", lang.tile_chargers_note()),
        (Glyph::ZAP, lang.tile_in_use(), "1\u{202f}000\u{202f}000".to_owned(), "", lang.tile_in_use_note()),
    ]
}

fn notices(lang: Lang) -> Markup {
    let kinds = [NoticeKind::Info, NoticeKind::Success, NoticeKind::Warning, NoticeKind::Error];
    let errors = [("text", "Text: at most 10 characters".to_owned()), ("whole", "Whole: 0–999".to_owned())];
    let body = html! {
        div.gallery-stack {
            @for kind in kinds { (notice(kind, &html! { p { (lang.failed_network()) } })) }
            (field_errors("2 entries need correcting", errors))
            (empty(Glyph::INBOX, lang.no_chargers(), lang.no_chargers_help(), &link_button("#notices", lang.try_again(), None)))
        }
    };
    part("notices", "Notices, errors, nothing", &body)
}

fn fields() -> Markup {
    let plain = Field {
        name: "text",
        label: "Text",
        value: "Com10",
        control: Control::Text,
        unit: "",
        help: "What it means",
        hint: "",
        error: "",
        warning: "",
    };
    let all = [
        plain,
        Field {
            name: "whole",
            label: "Whole, wrong",
            value: "-1",
            control: Control::Whole,
            unit: "A",
            error: "0–999",
            ..plain
        },
        Field {
            name: "decimal",
            label: "Decimal, doubtful",
            value: "9.5",
            control: Control::Decimal,
            unit: "kWh",
            warning: "Unusual",
            ..plain
        },
        Field {
            name: "radio",
            label: "Radio",
            value: "1",
            control: Control::Radio(&[("0", "Off"), ("1", "On")]),
            hint: "Remark",
            ..plain
        },
        Field { name: "select", label: "Select", value: "BAC", control: Control::Select(&["ABC", "BAC"]), ..plain },
    ];
    let body = html! { div.gallery-stack { @for each in &all { (field(each)) } } };
    part("fields", "Fields", &body)
}

fn forms(lang: Lang) -> Markup {
    let choices = html! { (choice("", lang.all_chargers(), true)) (choice("A", "A", false)) };
    let filter = html! {
        (hidden(&[("kept", "1")]))
        (segmented("by", "Period", [("year", lang.year(), false), ("month", lang.month(), true), ("day", lang.day(), false)]))
        (input("date", lang.from(), "from", "2026-11-26"))
        (select(lang.charger(), "charger", &choices))
    };
    let values = [("A".to_owned(), "A".to_owned()), ("W".to_owned(), "W".to_owned())];
    let kinds =
        [What::Text("placeholder"), What::Whole("1"), What::Decimal, What::Url, What::Time, What::Choice(&values)];
    let body = html! {
        (get_form(GetForm { action: "#forms", class: "filters", apply: lang.apply() }, &filter))
        div.commands {
            @for (number, what) in kinds.into_iter().enumerate() {
                @let error = if number % 2 == 0 { "" } else { "Not understood" };
                (entry(&Entry { name: "entry", label: "Entry", what, value: "" }, error))
            }
        }
    };
    part("forms", "Forms", &body)
}

/// A chart's data for so many charge points and months.
fn energy(series: usize, slots: i64) -> EnergyData {
    let value =
        |series: usize, slot: i64| Energy::from_wh((i64::try_from(series).unwrap_or(0) * 7 + slot * 13) % 23 * 90_000);
    let of = |number: usize| EnergySeries {
        name: format!("1024{number:04}"),
        values: (0..slots).map(|slot| value(number, slot)).collect(),
        colour: number,
        is_off: number == 1,
    };
    let labels = (0..slots).map(|slot| format!("{}-{:02}", 2025 + slot / 12, slot % 12 + 1)).collect();
    EnergyData { labels, series: (0..series).map(of).collect() }
}

/// Two hours with a gap.
fn curve() -> CurveData {
    let at = |minute: i64| LocalTime(1_800_000_000_000 + minute * 60_000);
    let value =
        |minute: i64| (!(40..60).contains(&minute)).then(|| f64::from(i32::try_from(minute % 17).unwrap_or(0)) + 6.0);
    let samples = (0..120).map(|minute| (at(minute), value(minute))).collect();
    CurveData { samples, from: at(0), to: at(120), gap_ms: 200_000, unit: "A", limit: Some(32.0) }
}

/// Phases with this load, limit and peak.
fn gauges(lang: Lang, phases: [(Option<f64>, u32, Option<f64>); 3]) -> Markup {
    let names = ["A", "B", "C"].map(|phase| [lang.phase(), " ", phase].concat());
    let words = DialWords {
        unknown: lang.unknown_load(),
        headroom: lang.headroom(),
        peak: lang.peak_today(),
        allocated: lang.allocated(),
        reserved: lang.reserved(),
        colon: lang.colon(),
    };
    let dial = |index: usize| {
        let (load, limit, peak) = phases[index];
        Dial {
            name: &names[index],
            load,
            limit,
            peak: peak.map(|peak| (peak, "14:32")),
            share: load.map(|load| (load + 4.0, 6.0)),
        }
    };
    phase_gauges(&[dial(0), dial(1), dial(2)], words)
}

/// The lines of a charge point that draw this.
fn bars(lang: Lang, measured: [Option<f64>; 3], within: (Option<f64>, Option<f64>)) -> Markup {
    let lines = ['A', 'B', 'C'].into_iter().zip(measured);
    let lines: Vec<LineBar> = lines
        .map(|(letter, measured)| LineBar { name: format!("{} {letter}", lang.phase()), letter, measured })
        .collect();
    line_bars(
        &lines,
        within,
        LineWords {
            offered: lang.current_offered(),
            limit: lang.limit(),
            unknown: lang.unknown(),
            comma: lang.comma(),
        },
    )
}

/// The legend of an energy chart.
fn key(data: &EnergyData) -> Markup {
    let mut entries = Vec::new();
    for (index, series) in data.series.iter().enumerate() {
        entries.push(LegendEntry {
            colour: series.colour,
            name: &series.name,
            energy: series.values.iter().copied().sum(),
            is_off: series.is_off,
            then_off: String::new(),
            without: (index == 2).then(|| "#charts".to_owned()),
        });
    }
    legend(&entries, "#charts", &html! {}, ("Legend", "Drop"))
}

fn charts(lang: Lang) -> Markup {
    let words =
        |label| ChartWords { label, empty: lang.no_energy(), behind: lang.chart_behind(), download: lang.download() };
    let share = |(state, condition, count): (&str, Condition, u64)| StateShare {
        name: lang.state_name(state).unwrap_or(state).to_owned(),
        condition,
        count,
    };
    let shares = [
        ("Charging", Condition::Charging, 12),
        ("Available", Condition::Ready, 30),
        ("Faulted", Condition::Faulted, 1),
        ("Unavailable", Condition::Unknown, 7),
    ]
    .map(share);
    let (one, many) = (energy(1, 12), energy(10, 24));
    let none = EnergyData { labels: energy(1, 12).labels, series: Vec::new() };
    let heads = (lang.chart_period(), lang.total());
    let curve_heads = [lang.time(), lang.lowest(), lang.highest()];
    let nothing = CurveData { samples: Vec::new(), ..curve() };
    let full = (Some(16.0), Some(32.0));
    let body = html! {
        div.gallery-stack {
            (energy_chart(("one", "one"), &one, words(lang.energy_chart()), heads, &html! {}))
            (energy_chart(("many", "many"), &many, words(lang.energy_chart()), heads, &key(&many)))
            (energy_chart(("none", "none"), &none, words(lang.energy_chart()), heads, &html! {}))
            (curve_chart(("curve", "curve"), &curve(), words(lang.current()), curve_heads))
            (curve_chart(("no-curve", "no-curve"), &nothing, words(lang.current()), curve_heads))
            (gauges(lang, [(Some(40.0), 125, Some(80.0)), (Some(110.5), 125, Some(110.5)), (Some(124.0), 125, None)]))
            (gauges(lang, [(None, 125, None), (Some(0.0), 0, None), (Some(200.0), 125, Some(240.0))]))
            (bars(lang, [Some(15.8), Some(16.1), Some(0.0)], full))
            (bars(lang, [Some(40.0), None, None], full))
            (bars(lang, [None; 3], (None, None)))
            (state_donut("states", &shares, words(lang.connectivity()), [lang.unit_chargers(50), lang.state(), lang.number()]))
        }
    };
    part("charts", "Charts", &body)
}

/// A dialog is over everything else: it is behind a link.
fn dialog_part(lang: Lang) -> Markup {
    html! {
        div.gallery-dialog id="dialog" { (dialog("shown", lang.session(), lang.close(), "#", &html! { p { (lang.no_power()) } })) }
        p { (link_button("#dialog", "Dialog", None)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that the components' module gives out.
    fn components() -> Vec<&'static str> {
        let uses = include_str!("components/mod.rs").split("pub use ").skip(1);
        let lists = uses.filter_map(|part| part.split(['{', '}', ';']).nth(1));
        lists.flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty()).collect()
    }

    #[test]
    fn every_component_is_shown() {
        let shown = include_str!("gallery.rs");
        let is_drawn = |name: &&str| name.chars().all(|char| char.is_ascii_lowercase() || char == '_');
        let helpers = ["condition_class", "percent"];
        let drawn: Vec<&str> =
            components().into_iter().filter(is_drawn).filter(|name| !helpers.contains(name)).collect();
        assert!(drawn.len() > 20, "{drawn:?}");
        for name in drawn {
            assert!(shown.contains(&[name, "("].concat()), "{name} is not in the gallery");
        }
    }

    #[test]
    fn it_draws_in_both_languages() {
        for lang in [Lang::Zh, Lang::En] {
            let drawn = draw(lang).into_string();
            for class in ["is-charging", "is-faulted", "has-error", "gauge", "donut", "legend", "dialog"] {
                assert!(drawn.contains(class), "{class}");
            }
        }
    }
}
