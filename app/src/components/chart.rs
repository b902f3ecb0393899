//! The charts on the page: the drawing, a read-out for pointer, touch and arrow keys, and behind a disclosure a table of the
//! same data and what it can be saved as. The files SVG and PNG are made in the browser (see [`crate::browser`]).

use super::{Glyph, icon};
use crate::charts::backend::series_class;
use crate::charts::curve::{self, CurveData, TableWords};
use crate::charts::donut::{self, StateShare};
use crate::charts::energy::{self, EnergyData};
use crate::charts::{gauge, number};
use crate::csv::MARK;
use crate::data::push_encoded;
use bmw_domain::energy::Energy;
use maud::{Markup, PreEscaped, html};

/// A drawing whose slots can be read out: by pointing, by touch, or by focus and arrow keys. In the browser the page is
/// asked for the chart of this name (see [`crate::pages`]); the read-out and the cursor are not part of what it draws.
fn plot(name: &str, class: &str, label: &str, svg: String) -> Markup {
    html! {
        div class={ "plot-box " (class) } {
            p.readout aria-live="polite" data-keep {}
            div.plot tabindex="0" role="group" aria-label=(label) data-plot=(name) {
                div.drawing { (PreEscaped(svg)) }
                svg.cursor data-keep width="100%" height="100%" aria-hidden="true" {
                    line x1="0" x2="0" y1="20" y2="100%" {}
                }
            }
        }
    }
}

/// A position from 0 to 1 as SVG writes it.
#[allow(clippy::cast_possible_truncation)] // 0–1
pub fn percent(x: f64) -> String {
    let mut out = String::with_capacity(8);
    number::push_hundredths(&mut out, (x.clamp(0.0, 1.0) * 10_000.0) as i32);
    out.push('%');
    out
}

/// The words around every chart.
#[derive(Debug, Clone, Copy)]
pub struct ChartWords<'a> {
    /// What it is.
    pub label: &'a str,
    /// Said over the empty chart.
    pub empty: &'a str,
    /// Opens what is behind it: "Table and downloads".
    pub behind: &'a str,
    /// Stands before the name of a kind of file: "Download".
    pub download: &'a str,
}

/// What is behind a chart: its files, named `file`, and the table of its data.
pub(crate) fn behind(words: ChartWords<'_>, file: &str, csv: &str, table: Option<String>) -> Markup {
    let mut href = "data:text/csv;charset=utf-8,".to_owned();
    push_encoded(&mut href, MARK);
    push_encoded(&mut href, csv);
    html! {
        details.chart-data {
            summary { (words.behind) }
            p.chart-saves {
                // A plain link: it works without WebAssembly.
                a.button download={ (file) ".csv" } rel="external" href=(href) aria-label={ (words.download) " CSV" } {
                    (icon(Glyph::DOWNLOAD)) span { "CSV" }
                }
                @for (word, kind) in [("svg", "SVG"), ("png", "PNG")] {
                    button.button.is-live type="button" data-do=(word) aria-label={ (words.download) " " (kind) } {
                        (icon(Glyph::DOWNLOAD)) span { (kind) }
                    }
                }
            }
            @if let Some(table) = table { div.scroll tabindex="0" { (PreEscaped(table)) } }
        }
    }
}

/// A series in the legend: a button that switches it off and on.
#[derive(Debug, Clone)]
pub struct LegendEntry<'a> {
    /// The number of its colour.
    pub colour: usize,
    /// Its name.
    pub name: &'a str,
    /// Its energy.
    pub energy: Energy,
    /// Whether it is switched off.
    pub is_off: bool,
    /// What is switched off once it is pressed, as the address says it.
    pub then_off: String,
    /// The address at which it has no place of its own any more, where it was given one.
    pub without: Option<String>,
}

/// The legend of a chart of several series. Without WebAssembly it leads to `action`, with what is `kept`. `drop` is said of the
/// way to take a series out again.
pub fn legend(entries: &[LegendEntry<'_>], action: &str, kept: &Markup, (label, drop): (&str, &str)) -> Markup {
    html! {
        form.legend-form method="get" action=(action) {
            (kept)
            ul.legend aria-label=(label) {
                @for entry in entries {
                    li data-key=(entry.name) {
                        button class={ "legend-entry " (series_class(entry.colour)) } type="submit" name="off" value=(entry.then_off)
                            data-do={ "off " (entry.then_off) } aria-pressed=(if entry.is_off { "false" } else { "true" })
                        {
                            i.swatch {} span { (entry.name) } " " b { (number::kwh(entry.energy)) }
                        }
                        @if let Some(address) = &entry.without {
                            a.legend-drop data-noscroll href=(address) aria-label={ (drop) " " (entry.name) } { (icon(Glyph::X)) }
                        }
                    }
                }
            }
        }
    }
}

/// The energy chart with its legend, and what is behind it. `heads` head the table's first and last column: "Period", "Total".
pub fn energy_chart(
    (name, file): (&str, &str),
    data: &EnergyData,
    words: ChartWords<'_>,
    heads: (&str, &str),
    legend: &Markup,
) -> Markup {
    let (period, total) = heads;
    html! {
        div.chart-frame data-file=(file) {
            (plot(name, "tall", words.label, energy::draw(data, words.label)))
            @if data.is_empty() { p.chart-empty { (words.empty) } }
            (legend)
            (behind(words, file, &energy::csv(data, period, total), Some(energy::table(data, words.label, period, total))))
        }
    }
}

/// A curve with axes, and what is behind it. `heads` head the table's columns: "Time", "Lowest", "Highest".
pub fn curve_chart((name, file): (&str, &str), data: &CurveData, words: ChartWords<'_>, heads: [&str; 3]) -> Markup {
    let [time, lowest, highest] = heads;
    let table = TableWords { caption: words.label, time, lowest, highest };
    html! {
        div.chart-frame data-file=(file) {
            (plot(name, "middle", words.label, curve::draw(data, words.label)))
            @if data.is_empty() { p.chart-empty { (words.empty) } }
            @else { (behind(words, file, &curve::csv(data, time, words.label), Some(curve::table(data, table)))) }
        }
    }
}

/// The ring of states with its legend, which is also its table, and its files. `heads` stand under the total ("chargers") and
/// over the columns of the file ("State", "Count").
pub fn state_donut(file: &str, shares: &[StateShare], words: ChartWords<'_>, heads: [&str; 3]) -> Markup {
    let [unit, state, count] = heads;
    let occurring = donut::occurring(shares);
    let all: u64 = occurring.iter().map(|share| share.count).sum();
    let percent = |count: u64| {
        let percent = count.saturating_mul(1000).checked_div(all).unwrap_or(0);
        number::thousandths(i64::try_from(percent).unwrap_or(0).saturating_mul(100), 0)
    };
    html! {
        div.chart-frame data-file=(file) {
            div.donut-frame {
                div.donut-box { (PreEscaped(donut::draw(shares, unit, words.label))) }
                ul.legend.column {
                    @for (index, share) in occurring.iter().enumerate() {
                        li {
                            i class={ "swatch " (donut::segment_class(&occurring, index)) } {}
                            span { (share.name) } " "
                            b { (number::whole(share.count)) } " "
                            small { (percent(share.count)) " %" }
                        }
                    }
                }
            }
            (behind(ChartWords { behind: words.download, ..words }, file, &donut::csv(shares, state, count), None))
        }
    }
}

/// A phase of the site as a person would read a breaker.
#[derive(Debug, Clone, Copy)]
pub struct Dial<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its load, A; `None` where it is not known.
    pub load: Option<f64>,
    /// The most that it may carry, A.
    pub limit: u32,
    /// The highest load of the day, A, and when that was.
    pub peak: Option<(f64, &'a str)>,
    /// What of it is allocated, and what is kept free beside that, A; `None` where nothing is.
    pub share: Option<(f64, f64)>,
}

/// The words of dials.
#[derive(Debug, Clone, Copy)]
pub struct DialWords<'a> {
    /// Read out for a load that is not known.
    pub unknown: &'a str,
    /// What is left up to the limit: "Headroom".
    pub headroom: &'a str,
    /// "Peak today".
    pub peak: &'a str,
    /// "allocated"
    pub allocated: &'a str,
    /// "reserved"
    pub reserved: &'a str,
    /// Between a name and what is said of it.
    pub colon: &'a str,
}

/// Dials, one for each phase: its load against its limit, with what is left, and the peak of the day as a mark.
pub fn phase_gauges(dials: &[Dial<'_>; 3], words: DialWords<'_>) -> Markup {
    html! { div.gauges { @for one in dials { (dial(one, words)) } } }
}

fn dial(dial: &Dial<'_>, words: DialWords<'_>) -> Markup {
    let (load, limit) = (dial.load.filter(|load| load.is_finite()), f64::from(dial.limit));
    let share = gauge::percent(load, limit);
    let limit_text = number::measured(limit, 1);
    let reading = load.map_or_else(|| "—".to_owned(), |load| number::measured(load, 1));
    // Without a value it is a picture that says so.
    let (role, label) = match load {
        Some(_) => ("meter", dial.name.to_owned()),
        None => ("img", [dial.name, words.colon, words.unknown].concat()),
    };
    let spoken = load.map(|_| [&reading, " A / ", &limit_text, " A"].concat());
    let is_none = share.is_none_or(|share| share <= 0.0);
    let peak = dial.peak.filter(|(amperes, _)| amperes.is_finite());
    let headroom = load.map(|load| limit - load);
    html! {
        div class={ "gauge " (gauge::level(share).class()) } {
            svg viewBox="0 0 120 96" role=(role) aria-label=(label)
                aria-valuemin=[load.map(|_| "0")] aria-valuemax=[load.map(|_| &limit_text)]
                aria-valuenow=[load.map(|load| number::measured(load.clamp(0.0, limit.max(0.0)), 1))]
                aria-valuetext=[spoken]
            {
                path.track pathLength="100" d=(ARC) {}
                // Where amber and red begin.
                path.zone.is-waiting pathLength="100" stroke-dasharray="14 100" stroke-dashoffset="-80" d=(OUTER) {}
                path.zone.is-faulted pathLength="100" stroke-dasharray="5 100" stroke-dashoffset="-95" d=(OUTER) {}
                @if let Some((allocated, reserved)) = dial.share {
                    // Behind the load: as far as it may come.
                    path.share pathLength="100" stroke-dasharray=(dash(gauge::percent(Some(allocated + reserved), limit))) d=(ARC) {}
                }
                path.load.none[is_none] pathLength="100" stroke-dasharray=(dash(share)) d=(ARC) {}
                @if let Some((amperes, _)) = peak {
                    path.peak pathLength="100" stroke-dasharray="1.2 200" d=(ARC)
                        stroke-dashoffset=(mark(gauge::percent(Some(amperes), limit))) {}
                }
                text.gauge-value x="60" y="62" text-anchor="middle" { (reading) }
                text.gauge-limit x="60" y="80" text-anchor="middle" { "/ " (limit_text) " A" }
            }
            div.gauge-words {
                p.gauge-name aria-hidden="true" { (dial.name) }
                dl.gauge-facts {
                    div {
                        dt { (words.headroom) }
                        dd class=[headroom.is_some_and(|left| left < 0.0).then_some("is-over")] {
                            (headroom.map_or_else(|| "—".to_owned(), |left| [&*number::measured(left, 1), " A"].concat()))
                        }
                    }
                    div {
                        dt { (words.peak) }
                        dd {
                            @if let Some((amperes, at)) = peak { (number::measured(amperes, 1)) " A " span { (at) } } @else { "—" }
                        }
                    }
                    @if let Some((allocated, reserved)) = dial.share {
                        div { dt { (words.allocated) } dd { (number::measured(allocated, 1)) " A" } }
                        div { dt { (words.reserved) } dd { (number::measured(reserved, 1)) " A" } }
                    }
                }
            }
        }
    }
}

/// A line of a charge point.
#[derive(Debug, Clone, PartialEq)]
pub struct LineBar {
    /// Its name in full.
    pub name: String,
    /// The site's phase that it is wired to.
    pub letter: char,
    /// The current that it draws, A; `None` where it is not known.
    pub measured: Option<f64>,
}

/// The words of the lines' bars.
#[derive(Debug, Clone, Copy)]
pub struct LineWords<'a> {
    /// "offered"
    pub offered: &'a str,
    /// "limit"
    pub limit: &'a str,
    /// Read out for a current that is not known.
    pub unknown: &'a str,
    /// Between two parts.
    pub comma: &'a str,
}

/// What a car may draw where nothing says more, A.
const USUAL_LIMIT: f64 = 32.0;

/// A bar for each line that is in use: what is measured within what is offered within the limit, A.
pub fn line_bars(lines: &[LineBar], (offered, limit): (Option<f64>, Option<f64>), words: LineWords<'_>) -> Markup {
    let known = |amperes: &f64| amperes.is_finite() && *amperes > 0.0;
    let (offered, limit) = (offered.filter(known), limit.filter(known));
    let drawn = lines.iter().filter_map(|line| line.measured).filter(known);
    let most = drawn.chain(offered).fold(limit.unwrap_or(USUAL_LIMIT), f64::max);
    let rest = [(words.offered, offered), (words.limit, limit)]
        .into_iter()
        .filter_map(|(word, amperes)| Some([words.comma, word, " ", &*number::measured(amperes?, 1), " A"].concat()));
    let rest: String = rest.collect();
    html! {
        div.line-bars {
            @for line in lines {
                @let measured = line.measured.filter(|amperes| amperes.is_finite());
                @let reading = measured.map(|amperes| number::measured(amperes, 1));
                @let spoken = match &reading {
                    Some(reading) => [reading, " A", &*rest].concat(),
                    None => [words.unknown, &*rest].concat(),
                };
                // A little more than allowed is how exactly it is measured.
                @let is_over = measured.zip(limit).is_some_and(|(amperes, limit)| amperes > limit * 1.02 + 0.2);
                span.line-name aria-hidden="true" { (line.letter) }
                svg.line-bar.is-unknown[measured.is_none()].is-over[is_over] width="100%" height="8"
                    role=(if measured.is_some() { "meter" } else { "img" })
                    aria-label=(if measured.is_some() { line.name.clone() } else { [&line.name, ": ", &spoken].concat() })
                    aria-valuemin=[measured.map(|_| "0")] aria-valuemax=[measured.map(|_| number::measured(most, 1))]
                    aria-valuenow=[reading.as_deref()] aria-valuetext=[measured.map(|_| &spoken)]
                {
                    rect.track width="100%" height="100%" rx="4" {}
                    @if let Some(offered) = offered { rect.offered width=(percent(offered / most)) height="100%" rx="4" {} }
                    @if let Some(amperes) = measured { rect.measured width=(percent(amperes / most)) height="100%" rx="4" {} }
                }
                span.line-value aria-hidden="true" { (reading.as_deref().unwrap_or("—")) }
            }
        }
    }
}

/// 240° of a circle round (60, 60), from lower left over the top to lower right.
const ARC: &str = "M20.16 83A46 46 0 1 1 99.84 83";
/// The same, further out.
const OUTER: &str = "M12.37 87.5A55 55 0 1 1 107.63 87.5";

#[allow(clippy::cast_possible_truncation)] // bounded
fn dash(percent: Option<f64>) -> String {
    let mut out = String::with_capacity(10);
    number::push_hundredths(&mut out, (percent.unwrap_or(0.0).clamp(0.0, 100.0) * 100.0) as i32);
    out.push_str(" 200");
    out
}

/// Where a mark stands on the arc.
#[allow(clippy::cast_possible_truncation)] // bounded
fn mark(percent: Option<f64>) -> String {
    let mut out = String::with_capacity(10);
    // Half of its own width before it; at the very end it must not fall off.
    number::push_hundredths(&mut out, -(((percent.unwrap_or(0.0) - 0.6).clamp(0.0, 98.8) * 100.0).round() as i32));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial_of(load: Option<f64>, limit: u32, peak: Option<(f64, &str)>) -> String {
        let words = DialWords {
            unknown: "Unknown",
            headroom: "Headroom",
            peak: "Peak",
            allocated: "a",
            reserved: "r",
            colon: ": ",
        };
        dial(&Dial { name: "Phase A", load, limit, peak, share: None }, words).into_string()
    }

    #[test]
    fn a_dial_says_what_is_left_and_marks_the_peak() {
        let html = dial_of(Some(48.25), 100, Some((62.0, "14:32")));
        assert!(html.contains(">51.8 A</dd>") && html.contains("<dd>62 A <span>14:32</span></dd>"), "{html}");
        assert!(html.contains("stroke-dashoffset=\"-61.4\""), "{html}");
        let html = dial_of(Some(120.0), 100, Some((130.0, "14:32")));
        assert!(html.contains("<dd class=\"is-over\">−20 A</dd>") && html.contains("\"-98.8\""), "{html}");
    }

    #[test]
    fn what_is_not_known_is_no_zero() {
        let html = dial_of(None, 100, None);
        assert!(
            html.contains("role=\"img\" aria-label=\"Phase A: Unknown\"") && !html.contains("aria-value"),
            "{html}"
        );
        assert_eq!(html.matches("—</dd>").count(), 2, "{html}");
        assert!(!html.contains("class=\"peak\""), "{html}");
        let words = LineWords { offered: "offered", limit: "limit", unknown: "Unknown", comma: ", " };
        let line = |measured| LineBar { name: "L1 · Phase A".to_owned(), letter: 'A', measured };
        let html = line_bars(&[line(None), line(Some(0.0))], (None, None), words).into_string();
        assert!(html.contains("Phase A: Unknown\"") && html.contains("aria-valuetext=\"0 A\""), "{html}");
        assert_eq!(html.matches("class=\"measured\"").count(), 1, "{html}");
        for odd in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            let html = line_bars(&[line(Some(odd))], (Some(odd), Some(odd)), words).into_string();
            assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
            let html = dial_of(Some(odd), 0, Some((odd, "")));
            assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
        }
    }

    #[test]
    fn bars_are_to_one_scale() {
        let words = LineWords { offered: "offered", limit: "limit", unknown: "Unknown", comma: ", " };
        let line = |measured| LineBar { name: String::new(), letter: 'B', measured: Some(measured) };
        let html = line_bars(&[line(8.0)], (Some(16.0), Some(32.0)), words).into_string();
        assert!(
            html.contains("class=\"offered\" width=\"50%\"") && html.contains("class=\"measured\" width=\"25%\""),
            "{html}"
        );
        assert!(html.contains("aria-valuetext=\"8 A, offered 16 A, limit 32 A\""), "{html}");
        assert!(!html.contains("is-over"), "{html}");
        // What is drawn beyond the limit is the scale then.
        let html = line_bars(&[line(40.0)], (Some(16.0), Some(32.0)), words).into_string();
        assert!(html.contains("is-over") && html.contains("class=\"measured\" width=\"100%\""), "{html}");
    }

    #[test]
    fn the_file_of_a_chart_is_a_link_that_needs_nothing() {
        let words = ChartWords { label: "Current", empty: "", behind: "Table", download: "Download" };
        let html = behind(words, "current_A", "Time,\"a\"\r\n1,2\r\n", None).into_string();
        let address = "data:text/csv;charset=utf-8,%EF%BB%BFTime,%22a%22%0D%0A1,2%0D%0A";
        assert!(
            html.contains(&["download=\"current_A.csv\" rel=\"external\" href=\"", address, "\""].concat()),
            "{html}"
        );
    }
}
