//! The charts on the page: the drawing, a read-out for pointer, touch and arrow keys, and a table of the same data.

use crate::charts::curve::{self, CurveData};
use crate::charts::donut::{self, StateShare};
use crate::charts::energy::{self, EnergyData};
use crate::charts::{gauge, number};
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

/// The words of an energy chart.
#[derive(Debug, Clone, Copy)]
pub struct EnergyWords<'a> {
    /// What it is.
    pub label: &'a str,
    /// Said over the empty chart.
    pub empty: &'a str,
    /// Opens the table: "Show as table".
    pub table: &'a str,
    /// Heads the table's first column: "Period".
    pub period: &'a str,
    /// Heads the table's last column: "Total".
    pub total: &'a str,
}

/// The energy chart with its legend, and behind a disclosure the same data as a table.
pub fn energy_chart(name: &str, data: &EnergyData, words: EnergyWords<'_>) -> Markup {
    html! {
        div.chart-frame {
            (plot(name, "tall", words.label, energy::draw(data, words.label)))
            @if data.is_empty() { p.chart-empty { (words.empty) } }
            ul.legend { (PreEscaped(energy::legend(data))) }
            details.chart-data {
                summary { (words.table) }
                div.scroll tabindex="0" {
                    (PreEscaped(energy::table(data, words.label, words.period, words.total)))
                }
            }
        }
    }
}

/// A curve with axes. `empty` is said over the empty chart.
pub fn curve_chart(name: &str, data: &CurveData, label: &str, empty: &str) -> Markup {
    html! {
        div.chart-frame {
            (plot(name, "middle", label, curve::draw(data, label)))
            @if data.is_empty() { p.chart-empty { (empty) } }
        }
    }
}

/// The ring of states with its legend, which is also its table. Under the total stands what is counted.
pub fn state_donut(shares: &[StateShare], unit: &str, label: &str) -> Markup {
    let occurring = donut::occurring(shares);
    let all: u64 = occurring.iter().map(|share| share.count).sum();
    let percent = |count: u64| {
        let percent = count.saturating_mul(1000).checked_div(all).unwrap_or(0);
        number::thousandths(i64::try_from(percent).unwrap_or(0).saturating_mul(100), 0)
    };
    html! {
        div.donut-frame {
            div.donut-box { (PreEscaped(donut::draw(shares, unit, label))) }
            ul.legend.column {
                @for (index, share) in occurring.iter().enumerate() {
                    li {
                        i class={ "swatch " (donut::segment_class(&occurring, index)) } {}
                        span { (share.name) }
                        b { (number::whole(share.count)) }
                        small { (percent(share.count)) " %" }
                    }
                }
            }
        }
    }
}

/// Three dials: the load of the phases A, B and C in A (`None` where it is not known) against their limits in A.
/// `unknown` is read out where it is not known.
pub fn phase_gauges(names: &[String; 3], load: [Option<f64>; 3], limits: [u32; 3], unknown: &str) -> Markup {
    html! {
        div.gauges {
            @for (phase, name) in names.iter().enumerate() {
                (dial(name, load[phase].filter(|load| load.is_finite()), f64::from(limits[phase]), unknown))
            }
        }
    }
}

fn dial(name: &str, load: Option<f64>, limit: f64, unknown: &str) -> Markup {
    let percent = gauge::percent(load, limit);
    let limit_text = number::measured(limit, 1);
    let reading = load.map_or_else(|| "—".to_owned(), |load| number::measured(load, 1));
    // Without a value it is a picture that says so.
    let (role, label) = match load {
        Some(_) => ("meter", name.to_owned()),
        None => ("img", [name, ": ", unknown].concat()),
    };
    let spoken = load.map(|_| [&reading, " A / ", &limit_text, " A"].concat());
    let is_none = percent.is_none_or(|percent| percent <= 0.0);
    html! {
        div class={ "gauge " (gauge::level(percent).class()) } {
            svg viewBox="0 0 120 96" role=(role) aria-label=(label)
                aria-valuemin=[load.map(|_| "0")] aria-valuemax=[load.map(|_| &limit_text)]
                aria-valuenow=[load.map(|load| number::measured(load.clamp(0.0, limit.max(0.0)), 1))]
                aria-valuetext=[spoken]
            {
                path.track pathLength="100" d=(ARC) {}
                // Where amber and red begin.
                path.zone.is-waiting pathLength="100" stroke-dasharray="14 100" stroke-dashoffset="-80" d=(OUTER) {}
                path.zone.is-faulted pathLength="100" stroke-dasharray="5 100" stroke-dashoffset="-95" d=(OUTER) {}
                path.load.none[is_none] pathLength="100" stroke-dasharray=(dash(percent)) d=(ARC) {}
                text.gauge-value x="60" y="62" text-anchor="middle" { (reading) }
                text.gauge-limit x="60" y="80" text-anchor="middle" { "/ " (limit_text) " A" }
            }
            span.gauge-name aria-hidden="true" { (name) }
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
