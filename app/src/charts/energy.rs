//! The energy chart: bars by year, month or day, for the site or stacked by charge point.

use super::backend::{Canvas, Ink, Sheet, UNITS_PER_PX, push_escaped, text_width};
use super::number::{kwh, push_plain, thousandths};
use crate::csv::quoted;
use bmw_domain::energy::Energy;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::element::{PathElement, Rectangle};
use plotters::style::text_anchor::HPos;

/// What the chart shows: for each label, oldest first, the energy of each series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnergyData {
    /// `2019`, `2019-06` or `2019-06-15`.
    pub labels: Vec<String>,
    /// One for the site, or one for each charge point: stacked.
    pub series: Vec<EnergySeries>,
}

/// The bars of one colour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnergySeries {
    /// Its name.
    pub name: String,
    /// One value for each label; missing ones count as nothing.
    pub values: Vec<Energy>,
    /// The number of its colour.
    pub colour: usize,
    /// Whether it is switched off: neither drawn nor counted.
    pub is_off: bool,
}

/// The height of the chart, px. Its space is kept before it is there.
pub const HEIGHT: i32 = 260;
const TOP: i32 = 24;
const BOTTOM: i32 = 28;

impl EnergyData {
    /// The series that are not switched off.
    pub fn shown(&self) -> impl Iterator<Item = &EnergySeries> {
        self.series.iter().filter(|series| !series.is_off)
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.shown().all(|series| series.values.iter().take(self.labels.len()).all(|value| value.wh() <= 0))
    }

    /// Whether all is switched off.
    pub fn is_off(&self) -> bool {
        !self.series.is_empty() && self.shown().next().is_none()
    }

    /// All of one slot that is shown.
    pub fn slot_total(&self, slot: usize) -> Energy {
        self.shown().filter_map(|series| series.values.get(slot)).copied().sum()
    }

    /// What one slot holds, in words: its label, its total, and of several series the largest few.
    pub fn read(&self, slot: usize) -> String {
        let Some(label) = self.labels.get(slot) else { return String::new() };
        let mut out = String::with_capacity(64);
        out.push_str(label);
        out.push_str(" · ");
        out.push_str(&kwh(self.slot_total(slot)));
        out.push_str(" kWh");
        if self.series.len() > 1 {
            let mut parts: Vec<(&str, Energy)> = self
                .shown()
                .filter_map(|series| Some((series.name.as_str(), *series.values.get(slot)?)))
                .filter(|(_, value)| value.wh() > 0)
                .collect();
            // The first of the largest, three times: to sort them would weigh more.
            for _ in 0..parts.len().min(3) {
                let largest = parts.iter().map(|(_, value)| *value).max();
                let Some(place) = parts.iter().position(|(_, value)| Some(*value) == largest) else { break };
                let (name, value) = parts.remove(place);
                out.push_str(" · ");
                out.push_str(name);
                out.push(' ');
                out.push_str(&kwh(value));
            }
            if !parts.is_empty() {
                out.push_str(" · …");
            }
        }
        out
    }
}

/// A unit of energy in Wh and its name: the one in which the largest value has few digits.
fn unit(max: i64) -> (i64, &'static str) {
    match max {
        ..10_000_000 => (1_000, "kWh"),
        10_000_000..10_000_000_000 => (1_000_000, "MWh"),
        10_000_000_000..10_000_000_000_000 => (1_000_000_000, "GWh"),
        _ => (1_000_000_000_000, "TWh"),
    }
}

/// A scale from 0 to a round number not below `max`, with a few round steps.
pub(super) fn round_scale(max: f64) -> (f64, Vec<f64>) {
    let max = if max.is_finite() && max > 0.0 { max } else { 1.0 };
    let mut ticks = RangedCoordf64::from(0.0..max).key_points(BoldPoints(5));
    let step = match ticks[..] {
        [first, second, ..] if second > first => second - first,
        _ => max,
    };
    let mut top = ticks.last().copied().unwrap_or(0.0);
    // One step more, unless the largest value is already on a line.
    if top < max * 0.999_999 {
        top += step;
        ticks.push(top);
    }
    (top, ticks)
}

/// How much is left out of a label under the chart: the year of a day, which the neighbours tell.
fn short(label: &str) -> &str {
    if label.len() == 10 { label.get(5..).unwrap_or(label) } else { label }
}

/// The narrowest width, px, of a drawing whose labels of a kind all show. `style/` hides the others by
/// container queries below 480 px and 800 px of the box.
const WIDTHS: [(f64, Ink); 3] = [(225.0, Ink::Label), (410.0, Ink::LabelMedium), (700.0, Ink::LabelWide)];

/// Every how many slots a label fits at each of [`WIDTHS`]; each step is a multiple of the next, so that the labels of
/// a narrow chart are among those of a wide one.
fn label_steps(slots: usize, widest: f64) -> [usize; 3] {
    // Slots are counted in thousands at most.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let fitting = |width: f64| ((slots as f64 * (widest + 10.0) / width).ceil() as usize).max(1);
    let wide = fitting(WIDTHS[2].0);
    let medium = fitting(WIDTHS[1].0).div_ceil(wide) * wide;
    let narrow = fitting(WIDTHS[0].0).div_ceil(medium) * medium;
    [narrow, medium, wide]
}

/// Labels under the slots, the newest always among them.
fn labels(data: &EnergyData) -> impl Iterator<Item = (usize, &str, Ink)> {
    let slots = data.labels.len();
    let widest = data.labels.iter().map(|label| text_width(short(label))).fold(0.0, f64::max);
    let steps = label_steps(slots, widest);
    data.labels.iter().enumerate().filter_map(move |(slot, label)| {
        let from_end = slots - 1 - slot;
        let tier = steps.iter().position(|step| from_end.is_multiple_of(*step))?;
        Some((slot, short(label), WIDTHS[tier].1))
    })
}

/// The chart; screen readers get `label`.
#[allow(clippy::cast_precision_loss)] // pixels, not sums
pub fn draw(data: &EnergyData, label: &str) -> String {
    let mut sheet = Sheet::default();
    paint(data, &mut sheet);
    sheet.finish(HEIGHT, "energy", label)
}

#[allow(clippy::cast_precision_loss)] // pixels, not sums
fn paint(data: &EnergyData, sheet: &mut Sheet) -> Option<()> {
    let slots = data.labels.len().max(1);
    let max = (0..slots).map(|slot| data.slot_total(slot).wh()).max().unwrap_or(0).max(0);
    let (unit_wh, unit_name) = unit(max);
    let scale = unit_wh as f64;
    let (top, ticks) = round_scale(max as f64 / scale);

    let sheet_area = Canvas::area(sheet, HEIGHT);
    let (x, y) = sheet_area.margin(TOP * UNITS_PER_PX, BOTTOM * UNITS_PER_PX, 0, 0).get_pixel_range();
    let coordinates =
        Cartesian2d::<RangedCoordf64, RangedCoordf64>::new(0.0..slots as f64, 0.0..top, (x, y.end..y.start));
    let area = sheet_area.apply_coord_spec(coordinates);
    let end = slots as f64;

    sheet_area.draw_text(unit_name, &Ink::ValueLabel.text(HPos::Right), (0, 8 * UNITS_PER_PX)).ok()?;
    let value_label = Ink::ValueLabel.text(HPos::Right);
    for tick in ticks {
        let ink = if tick > 0.0 { Ink::Grid } else { Ink::Axis };
        area.draw(&PathElement::new([(0.0, tick), (end, tick)], ink.stroke())).ok()?;
        #[allow(clippy::cast_possible_truncation)] // within the scale
        let text = thousandths((tick * 1000.0).round() as i64, 3);
        sheet_area.draw_text(&text, &value_label, area.map_coordinate(&(0.0, tick))).ok()?;
    }

    // Few bars stay slim; many leave a fifth of each slot free.
    let half = (0.04 * end).min(0.4);
    let least = top / f64::from(HEIGHT - TOP - BOTTOM);
    let mut below = vec![Energy::ZERO; slots];
    let is_alone = data.shown().count() == 1;
    for series in data.shown() {
        let style = Ink::Series(series.colour).fill();
        for (slot, value) in series.values.iter().take(data.labels.len()).enumerate() {
            if value.wh() <= 0 {
                continue;
            }
            let from = below[slot].wh() as f64 / scale;
            below[slot] += *value;
            let mut to = below[slot].wh() as f64 / scale;
            if is_alone {
                // Little is more than nothing.
                to = to.max(least);
            }
            let middle = slot as f64 + 0.5;
            area.draw(&Rectangle::new([(middle - half, from), (middle + half, to)], style)).ok()?;
        }
    }

    for (slot, text, ink) in labels(data) {
        let (x, _) = area.map_coordinate(&(slot as f64 + 0.5, 0.0));
        sheet_area.draw_text(text, &ink.text(HPos::Center), (x, (HEIGHT - 12) * UNITS_PER_PX)).ok()?;
    }
    Some(())
}

/// The same data as a table, newest first, in kWh: for those who do not see the chart, and for exact values.
///
/// `period` and `total` head the first and, where there are several series, the last column.
pub fn table(data: &EnergyData, caption: &str, period: &str, total: &str) -> String {
    let mut out = String::with_capacity(256 + data.labels.len() * (40 + data.series.len() * 24));
    let cell = |out: &mut String, open: &str, text: &str, close: &str| {
        out.push_str(open);
        push_escaped(out, text);
        out.push_str(close);
    };
    let several = data.shown().count() > 1;
    cell(&mut out, "<table class=\"data plain\"><caption>", caption, " (kWh)</caption><thead><tr>");
    cell(&mut out, "<th scope=\"col\">", period, "</th>");
    for series in data.shown() {
        cell(&mut out, "<th scope=\"col\" class=\"number\">", &series.name, "</th>");
    }
    if several {
        cell(&mut out, "<th scope=\"col\" class=\"number\">", total, "</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for (slot, label) in data.labels.iter().enumerate().rev() {
        cell(&mut out, "<tr><th scope=\"row\">", label, "</th>");
        for series in data.shown() {
            let value = series.values.get(slot).copied().unwrap_or_default();
            cell(&mut out, "<td class=\"number\">", &kwh(value), "</td>");
        }
        if several {
            cell(&mut out, "<td class=\"number\">", &kwh(data.slot_total(slot)), "</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}

/// The same data for programs, oldest first, in kWh.
pub fn csv(data: &EnergyData, period: &str, total: &str) -> String {
    let mut out = quoted(period).into_owned();
    let several = data.shown().count() > 1;
    for name in data.shown().map(|series| series.name.as_str()).chain(several.then_some(total)) {
        out.push(',');
        out.push_str(&quoted(&[name, " (kWh)"].concat()));
    }
    out.push_str("\r\n");
    for (slot, label) in data.labels.iter().enumerate() {
        out.push_str(label);
        let values = data.shown().map(|series| series.values.get(slot).copied().unwrap_or_default());
        for value in values.chain(several.then(|| data.slot_total(slot))) {
            out.push(',');
            push_plain(&mut out, value.wh());
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
#[allow(clippy::cast_precision_loss, clippy::float_cmp)] // small numbers, kept exactly
mod tests {
    use super::*;
    use bmw_domain::calendar::{Day, Period};

    fn data(period: Period, slots: i32, series: usize, value: impl Fn(usize, usize) -> i64) -> EnergyData {
        let last = period.index(Day::parse("2019-06-15").unwrap());
        EnergyData {
            labels: (last - slots + 1..=last).map(|index| period.label(index)).collect(),
            series: (0..series)
                .map(|series| EnergySeries {
                    name: format!("charger <{series}>"),
                    colour: series,
                    is_off: false,
                    values: (0..usize::try_from(slots).unwrap())
                        .map(|slot| Energy::from_wh(value(series, slot)))
                        .collect(),
                })
                .collect(),
        }
    }

    fn sound(svg: &str) {
        for wrong in ["NaN", "inf", "<0", "v-", "height=\"-", "width=\"-"] {
            assert!(!svg.contains(wrong), "{wrong} in {svg}");
        }
    }

    #[test]
    fn a_small_chart() {
        let data = data(Period::Month, 3, 2, |series, slot| i64::try_from(series * 700 + slot * 12_345).unwrap());
        insta::assert_snapshot!(draw(&data, "Energy").replace("><", ">\n<"));
    }

    #[test]
    fn extremes_draw() {
        for value in [0, 1, -5, 999, 1_000_000_000_000, i64::MAX, i64::MIN] {
            for (slots, series) in [(0, 0), (0, 1), (1, 0), (1, 1), (31, 1), (12, 50), (3660, 2)] {
                let data = data(Period::Day, slots, series, |_, _| value);
                let svg = draw(&data, "");
                sound(&svg);
                assert_eq!(svg, draw(&data, ""), "the same data draws the same chart");
            }
        }
        // Series that are shorter or longer than the labels.
        let mut odd = data(Period::Year, 3, 2, |_, _| 5);
        odd.series[0].values.truncate(1);
        odd.series[1].values.resize(9, Energy::from_wh(5));
        sound(&draw(&odd, ""));
    }

    #[test]
    fn labels_do_not_collide() {
        for period in [Period::Year, Period::Month, Period::Day] {
            for slots in [1, 2, 3, 7, 10, 12, 24, 30, 31, 60, 90, 365, 1200] {
                if period == Period::Year && slots > 200 {
                    continue;
                }
                let data = data(period, slots, 1, |_, _| 1000);
                for tier in 0..WIDTHS.len() {
                    let width = WIDTHS[tier].0;
                    let mut end_of_last = f64::NEG_INFINITY;
                    let mut count = 0;
                    let shown: Vec<Ink> = WIDTHS[..=tier].iter().map(|(_, ink)| *ink).collect();
                    for (slot, text, ink) in labels(&data) {
                        if !shown.contains(&ink) {
                            continue;
                        }
                        count += 1;
                        let middle = (slot as f64 + 0.5) * width / f64::from(slots);
                        let half = text_width(text) / 2.0;
                        assert!(middle - half > end_of_last + 4.0, "{text} of {slots} at {width} px");
                        end_of_last = middle + half;
                    }
                    assert!(count > 0 && (slots < 7 || count >= 2), "{count} labels for {slots} at {width} px");
                }
            }
        }
    }

    #[test]
    fn scales_are_round() {
        for (max, top) in [(0.0, 1.0), (1.0, 1.0), (37.0, 40.0), (99.0, 100.0), (101.0, 150.0), (9.1, 10.0)] {
            let (scale, ticks) = round_scale(max);
            assert!((scale - top).abs() < 1e-9, "{max}: {scale}, {ticks:?}");
            assert!((2..=7).contains(&ticks.len()), "{max}: {ticks:?}");
        }
        assert_eq!(unit(9_999_999).1, "kWh");
        assert_eq!(unit(10_000_000).1, "MWh");
    }

    #[test]
    fn names_are_escaped() {
        let data = data(Period::Year, 2, 2, |_, _| 1500);
        let text = table(&data, "<c>", "<p>", "<t>");
        assert!(text.contains("charger &lt;0&gt;") && !text.contains("<c>") && !text.contains("<0>"), "{text}");
        assert!(table(&data, "", "", "").contains("<td class=\"number\">1.5</td><td class=\"number\">3</td>"));
    }

    #[test]
    fn what_is_switched_off_is_nowhere() {
        let mut data = data(Period::Month, 2, 3, |series, _| [1_000, 700_000, 2_500][series]);
        data.series[1].is_off = true;
        assert_eq!(data.read(0), "2019-05 · 3.5 kWh · charger <2> 2.5 · charger <0> 1");
        let svg = draw(&data, "");
        assert!(svg.contains("c0 f") && svg.contains("c2 f") && !svg.contains("c1 f"), "colours stay: {svg}");
        assert!(svg.contains(">4</text>"), "the scale follows what is shown: {svg}");
        assert!(!table(&data, "", "", "").contains("charger &lt;1&gt;"));
        let rows = "2019-05,1,2.5,3.5\r\n2019-06,1,2.5,3.5\r\n";
        assert_eq!(
            csv(&data, "Period", "Total"),
            format!("Period,charger <0> (kWh),charger <2> (kWh),Total (kWh)\r\n{rows}")
        );
        data.series[2].is_off = true;
        assert_eq!(csv(&data, "=", "Total"), "\"'=\",charger <0> (kWh)\r\n2019-05,1\r\n2019-06,1\r\n");
        assert!(!data.is_off() && !data.is_empty());
        data.series[0].is_off = true;
        assert!(data.is_off() && data.is_empty());
        sound(&draw(&data, ""));
        assert!(!EnergyData::default().is_off());
    }

    #[test]
    fn a_slot_reads_out_its_largest_parts() {
        let data = data(Period::Day, 2, 5, |series, _| i64::try_from(series).unwrap() * 1000);
        assert_eq!(data.read(1), "2019-06-15 · 10 kWh · charger <4> 4 · charger <3> 3 · charger <2> 2 · …");
        assert_eq!(data.read(9), "");
    }

    /// Run with `--release --ignored --nocapture`.
    #[test]
    #[ignore = "a measurement"]
    fn speed() {
        for (slots, series) in [(12, 1), (30, 1), (12, 18), (30, 18)] {
            let data = data(Period::Day, slots, series, |series, slot| {
                i64::try_from((series * 7919 + slot * 104_729) % 60_000).unwrap()
            });
            let started = std::time::Instant::now();
            let mut bytes = 0;
            for _ in 0..2000 {
                bytes = draw(&data, "Energy").len();
            }
            println!("{slots} × {series}: {:.1} µs, {bytes} bytes", started.elapsed().as_secs_f64() * 500.0);
        }
    }
}
