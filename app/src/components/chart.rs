//! The charts on the page: the drawing, a read-out for pointer, touch and arrow keys, and a table of the same data.

use super::words;
use crate::charts::curve::{self, CurveData};
use crate::charts::donut::{self, StateShare};
use crate::charts::energy::{self, EnergyData};
use crate::charts::gauge;
use crate::charts::number;
use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// A drawing whose slots can be read out: by pointing, by touch, or by focus and arrow keys.
///
/// Where the slots are comes as positions of their middles from 0 to 1.
fn plot(
    svg: Signal<String>,
    label: TextProp,
    stops: Signal<Vec<f64>>,
    read: Callback<usize, String>,
    class: &'static str,
) -> impl IntoView {
    let chosen = RwSignal::new(None::<usize>);
    // A chart drawn anew may have fewer slots.
    let at = Memo::new(move |_| chosen.get().and_then(|index| stops.with(|stops| Some((index, *stops.get(index)?)))));
    let point = move |event: leptos::ev::PointerEvent| {
        use leptos::wasm_bindgen::JsCast;
        let Some(element) =
            event.current_target().and_then(|target| target.dyn_into::<leptos::web_sys::Element>().ok())
        else {
            return;
        };
        // What lies inside takes no pointer events, so the offset is this element's.
        let x = f64::from(event.offset_x()) / f64::from(element.client_width().max(1));
        chosen.set(stops.with_untracked(|stops| nearest(stops, x)));
    };
    let key = move |event: leptos::ev::KeyboardEvent| {
        let count = stops.with_untracked(Vec::len);
        if count == 0 {
            return;
        }
        let now = chosen.get_untracked();
        let next = match event.key().as_str() {
            "ArrowLeft" => now.map_or(count - 1, |now| now.saturating_sub(1)),
            "ArrowRight" => now.map_or(0, |now| (now + 1).min(count - 1)),
            "Home" => 0,
            "End" => count - 1,
            "Escape" => return chosen.set(None),
            _ => return,
        };
        event.prevent_default();
        chosen.set(Some(next));
    };
    let position = move || at.get().map(|(_, x)| percent(x));
    view! {
        <div class=["plot-box ", class].concat()>
            <p class="readout" aria-live="polite">
                {move || at.get().map(|(index, _)| read.run(index))}
            </p>
            <div
                class="plot"
                tabindex="0"
                role="group"
                aria-label=words(label)
                on:pointermove=point
                on:pointerdown=point
                on:pointerleave=move |_| chosen.set(None)
                on:blur=move |_| chosen.set(None)
                on:keydown=key
            >
                <div class="drawing" inner_html=move || svg.get()></div>
                <svg class="cursor" width="100%" height="100%" aria-hidden="true">
                    <line
                        class:shown=move || at.get().is_some()
                        x1=move || position().unwrap_or_else(|| "0".to_owned())
                        x2=move || position().unwrap_or_else(|| "0".to_owned())
                        y1="20"
                        y2="100%"
                    ></line>
                </svg>
            </div>
        </div>
    }
    .into_any()
}

#[allow(clippy::cast_possible_truncation)] // 0–1
fn percent(x: f64) -> String {
    let mut out = String::with_capacity(8);
    number::push_hundredths(&mut out, (x.clamp(0.0, 1.0) * 10_000.0) as i32);
    out.push('%');
    out
}

fn nearest(stops: &[f64], x: f64) -> Option<usize> {
    let after = stops.partition_point(|stop| *stop < x);
    let before = after.checked_sub(1);
    match (before, stops.get(after)) {
        (Some(before), Some(next)) => Some(if x - stops[before] <= next - x { before } else { after }),
        (Some(before), None) => Some(before),
        (None, Some(_)) => Some(after),
        (None, None) => None,
    }
}

/// The energy chart with its legend, and behind a disclosure the same data as a table.
#[component]
pub fn EnergyChart(
    /// What to show.
    #[prop(into)]
    data: Signal<EnergyData>,
    /// What it is, read out.
    #[prop(into)]
    label: TextProp,
    /// Said over the empty chart.
    #[prop(into)]
    empty: TextProp,
    /// Opens the table: "Show as table".
    #[prop(into)]
    table: TextProp,
    /// Heads the table's first column: "Period".
    #[prop(into)]
    period: TextProp,
    /// Heads the table's last column: "Total".
    #[prop(into)]
    total: TextProp,
) -> impl IntoView {
    let svg = {
        let label = label.clone();
        Signal::derive(move || data.with(|data| energy::draw(data, &label.get())))
    };
    #[allow(clippy::cast_precision_loss)]
    let stops = Signal::derive(move || {
        let slots = data.with(|data| data.labels.len());
        (0..slots).map(|slot| (slot as f64 + 0.5) / slots as f64).collect::<Vec<_>>()
    });
    let read = Callback::new(move |slot| data.with_untracked(|data| data.read(slot)));
    let caption = label.clone();
    view! {
        <div class="chart-frame">
            {plot(svg, label, stops, read, "tall")}
            {move || data.with(EnergyData::is_empty).then(|| view! { <p class="chart-empty">{words(empty.clone())}</p> })}
            <ul class="legend" inner_html=move || data.with(energy::legend)></ul>
            <details class="chart-data">
                <summary>{words(table)}</summary>
                <div
                    class="scroll"
                    tabindex="0"
                    inner_html=move || {
                        data.with(|data| energy::table(data, &caption.get(), &period.get(), &total.get()))
                    }
                ></div>
            </details>
        </div>
    }
    .into_any()
}

/// The ring of states with its legend, which is also its table.
#[component]
pub fn StateDonut(
    /// The states; those that do not occur are left out.
    #[prop(into)]
    shares: Signal<Vec<StateShare>>,
    /// What it is, read out.
    #[prop(into)]
    label: TextProp,
    /// What is counted: "chargers".
    #[prop(into)]
    unit: TextProp,
) -> impl IntoView {
    let legend = move || {
        let occurring = shares.with(|shares| donut::occurring(shares));
        let all: u64 = occurring.iter().map(|share| share.count).sum();
        (0..occurring.len())
            .map(|index| {
                let share = &occurring[index];
                let percent = share.count.saturating_mul(1000).checked_div(all).unwrap_or(0);
                let percent = number::thousandths(i64::try_from(percent).unwrap_or(0).saturating_mul(100), 0);
                view! {
                    <li>
                        <i class=["swatch ", &donut::segment_class(&occurring, index)].concat()></i>
                        <span>{share.name.clone()}</span>
                        <b>{number::whole(share.count)}</b>
                        <small>{percent} " %"</small>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <div class="donut-frame">
            <div
                class="donut-box"
                inner_html=move || shares.with(|shares| donut::draw(shares, &unit.get(), &label.get()))
            ></div>
            <ul class="legend column">{legend}</ul>
        </div>
    }
    .into_any()
}

/// Three dials: the load of the phases A, B and C against their limits.
#[component]
pub fn PhaseGauges(
    /// The load of each phase in A; `None` where nothing was measured.
    #[prop(into)]
    load: Signal<[Option<f64>; 3]>,
    /// The limit of each phase in A.
    #[prop(into)]
    limits: Signal<[f64; 3]>,
    /// The names of the phases.
    names: [TextProp; 3],
    /// Read out where nothing was measured: "unknown".
    #[prop(into)]
    unknown: TextProp,
) -> impl IntoView {
    let dials = names.into_iter().enumerate().map(|(index, name)| {
        let unknown = unknown.clone();
        let load = Memo::new(move |_| load.get()[index].filter(|load| load.is_finite()));
        let limit = Memo::new(move |_| limits.get()[index]);
        let percent = Memo::new(move |_| gauge::percent(load.get(), limit.get()));
        let reading = move || load.get().map_or_else(|| "—".to_owned(), |load| number::measured(load, 1));
        let limit_text = move || ["/ ", &number::measured(limit.get(), 1), " A"].concat();
        let spoken = move || match load.get() {
            Some(_) => [reading().as_str(), " A ", &limit_text()].concat(),
            None => unknown.get().to_string(),
        };
        view! {
            <div class=move || ["gauge ", gauge::level(percent.get()).class()].concat()>
                <svg
                    viewBox="0 0 120 96"
                    role="meter"
                    aria-label=words(name.clone())
                    aria-valuemin="0"
                    aria-valuemax=move || number::measured(limit.get(), 1)
                    aria-valuenow=move || load.get().map(|load| number::measured(load.clamp(0.0, limit.get().max(0.0)), 1))
                    aria-valuetext=spoken
                >
                    <path class="track" pathLength="100" d=ARC></path>
                    // Where amber and red begin.
                    <path class="zone is-waiting" pathLength="100" stroke-dasharray="14 100" stroke-dashoffset="-80" d=OUTER></path>
                    <path class="zone is-faulted" pathLength="100" stroke-dasharray="5 100" stroke-dashoffset="-95" d=OUTER></path>
                    <path
                        class="load"
                        class:none=move || percent.get().is_none_or(|percent| percent <= 0.0)
                        pathLength="100"
                        stroke-dasharray=move || dash(percent.get())
                        d=ARC
                    ></path>
                    <text class="gauge-value" x="60" y="62" text-anchor="middle">{reading}</text>
                    <text class="gauge-limit" x="60" y="80" text-anchor="middle">{limit_text}</text>
                </svg>
                <span class="gauge-name" aria-hidden="true">{words(name)}</span>
            </div>
        }
    });
    view! { <div class="gauges">{dials.collect_view()}</div> }
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

/// A small curve without axes, the newest value read out.
#[component]
pub fn Sparkline(
    /// What to show.
    #[prop(into)]
    data: Signal<CurveData>,
    /// What it is, read out.
    #[prop(into)]
    label: TextProp,
) -> impl IntoView {
    view! { <div class="spark-box" inner_html=move || data.with(|data| curve::spark(data, &label.get()))></div> }
}

/// A curve with axes.
#[component]
pub fn CurveChart(
    /// What to show.
    #[prop(into)]
    data: Signal<CurveData>,
    /// What it is, read out.
    #[prop(into)]
    label: TextProp,
    /// Said over the empty chart.
    #[prop(into)]
    empty: TextProp,
) -> impl IntoView {
    let svg = {
        let label = label.clone();
        Signal::derive(move || data.with(|data| curve::draw(data, &label.get())))
    };
    let stops = Signal::derive(move || data.with(CurveData::stops));
    let read = Callback::new(move |stop| data.with_untracked(|data| data.read(stop)));
    view! {
        <div class="chart-frame">
            {plot(svg, label, stops, read, "middle")}
            {move || data.with(CurveData::is_empty).then(|| view! { <p class="chart-empty">{words(empty.clone())}</p> })}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_slot_is_read() {
        let stops = [0.25, 0.5, 1.0];
        assert_eq!([-1.0, 0.3, 0.4, 0.76, 7.0].map(|x| nearest(&stops, x)), [0, 0, 1, 2, 2].map(Some));
        assert_eq!(nearest(&[], 0.5), None);
    }
}
