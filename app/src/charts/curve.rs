//! A measured value over time.

use super::backend::push_escaped;
use super::backend::{Canvas, Ink, Sheet, UNITS_PER_PX};
use super::energy::round_scale;
use super::number::{measured, push_plain, thousandths};
use crate::csv::quoted;
use bmw_domain::calendar::LocalTime;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Polygon};
use plotters::style::text_anchor::HPos;

/// One measurement; `None` where it is known that nothing was measured.
pub type Sample = (LocalTime, Option<f64>);

/// What a curve shows.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveData {
    /// Oldest first.
    pub samples: Vec<Sample>,
    /// The left end.
    pub from: LocalTime,
    /// The right end.
    pub to: LocalTime,
    /// Samples further apart than this, ms, have a gap between them.
    pub gap_ms: i64,
    /// The unit of the values.
    pub unit: &'static str,
    /// A limit, drawn across.
    pub limit: Option<f64>,
}

/// The height of a curve with axes, px.
pub const HEIGHT: i32 = 200;
const TOP: i32 = 24;
const BOTTOM: i32 = 28;
/// More samples than this are joined: a screen has no more columns.
const COLUMNS: u16 = 480;

impl CurveData {
    /// Samples with a value inside the ends.
    fn inside(&self) -> impl Iterator<Item = (i64, f64)> {
        self.samples.iter().filter_map(|(at, value)| {
            let value = value.filter(|value| value.is_finite())?;
            (self.from <= *at && *at <= self.to).then_some((at.0, value))
        })
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.inside().next().is_none()
    }

    /// Runs of samples without a gap, thinned to the extremes of each column where there are many.
    #[allow(clippy::cast_precision_loss)] // ms within a window
    fn runs(&self) -> Vec<Vec<(f64, f64)>> {
        let span = self.to.0.saturating_sub(self.from.0).max(1);
        // Two points, the extremes, for each column.
        let column_ms = if self.samples.len() > 2 * usize::from(COLUMNS) { span / i64::from(COLUMNS) } else { 0 };
        let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut last: Option<i64> = None;
        let mut column = i64::MIN;
        for (at, value) in &self.samples {
            if *at < self.from || self.to < *at {
                continue;
            }
            let Some(value) = value.filter(|value| value.is_finite()) else {
                last = None;
                continue;
            };
            let x = at.0.saturating_sub(self.from.0);
            if last.is_none_or(|last| x.saturating_sub(last) > self.gap_ms) {
                runs.push(Vec::new());
                column = i64::MIN;
            }
            last = Some(x);
            let Some(run) = runs.last_mut() else { continue };
            let now = if column_ms > 0 { x / column_ms } else { x };
            let point = (x as f64, value);
            if column_ms > 0 && now == column && run.len() >= 2 {
                // The last two points are this column's; keep its lowest and highest, in the order in which they came.
                let end = run.len();
                let (low, high) = {
                    let (a, b) = (run[end - 2], run[end - 1]);
                    if a.1 <= b.1 { (end - 2, end - 1) } else { (end - 1, end - 2) }
                };
                if value < run[low].1 {
                    run[low].1 = value;
                } else if value > run[high].1 {
                    run[high].1 = value;
                }
                continue;
            }
            if column_ms > 0 && now != column {
                column = now;
                run.push(point);
            }
            run.push(point);
        }
        runs
    }

    fn largest(&self) -> f64 {
        self.inside().map(|(_, value)| value).chain(self.limit.filter(|limit| limit.is_finite())).fold(0.0, f64::max)
    }

    /// Where the samples with a value are, from 0 at the left to 1 at the right.
    #[allow(clippy::cast_precision_loss)]
    pub fn stops(&self) -> Vec<f64> {
        let span = self.to.0.saturating_sub(self.from.0).max(1) as f64;
        self.inside().map(|(at, _)| at.saturating_sub(self.from.0) as f64 / span).collect()
    }

    /// The samples with a value as rows of a table, newest first: as they are where they are few, else what was lowest and
    /// highest in each of at most [`ROWS`] round spans of time.
    fn rows(&self) -> Rows {
        let mut samples: Vec<(i64, f64)> = self.inside().collect();
        samples.reverse();
        if samples.len() <= ROWS {
            return Rows::Each(samples);
        }
        let span = self.to.0.saturating_sub(self.from.0).max(1);
        #[allow(clippy::cast_possible_wrap)] // few
        let step = STEPS.into_iter().find(|step| span / step < ROWS as i64).unwrap_or(i64::MAX);
        let spans = samples.chunk_by(|a, b| a.0.div_euclid(step) == b.0.div_euclid(step)).map(|samples| {
            let values = || samples.iter().map(|(_, value)| *value);
            let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
            (samples[0].0.div_euclid(step) * step, low, high)
        });
        Rows::Spans(spans.collect())
    }

    /// A time as short as the others in the window allow.
    fn time(&self, at: i64) -> String {
        let time = LocalTime(at).with_space();
        if LocalTime(at).day() == self.to.day() { time.get(11..).unwrap_or(&time).to_owned() } else { time }
    }

    /// How exactly a value is said: energy to the Wh.
    fn decimals(&self) -> u32 {
        if self.unit == "kWh" { 3 } else { 2 }
    }

    /// A stop in words: `15:09:47 · 31.9 A`.
    pub fn read(&self, stop: usize) -> String {
        self.inside().nth(stop).map_or_else(String::new, |(at, value)| {
            [&self.time(at), " · ", &measured(value, self.decimals()), " ", self.unit].concat()
        })
    }
}

/// The most rows of a table.
const ROWS: usize = 60;

/// What stands in a table: times in ms with values, or with the lowest and the highest of a span that begins then.
enum Rows {
    Each(Vec<(i64, f64)>),
    Spans(Vec<(i64, f64, f64)>),
}

/// The words of a table.
#[derive(Debug, Clone, Copy)]
pub struct TableWords<'a> {
    /// What it is.
    pub caption: &'a str,
    /// Heads the times: "Time".
    pub time: &'a str,
    /// "Lowest".
    pub lowest: &'a str,
    /// "Highest".
    pub highest: &'a str,
}

/// The same data as a table, newest first, for those who do not see the curve.
pub fn table(data: &CurveData, words: TableWords<'_>) -> String {
    let mut out = String::with_capacity(4096);
    let cell = |out: &mut String, open: &str, text: &str, close: &str| {
        out.push_str(open);
        push_escaped(out, text);
        out.push_str(close);
    };
    cell(&mut out, "<table class=\"data plain\"><caption>", words.caption, " (");
    cell(&mut out, "", data.unit, ")</caption><thead><tr>");
    cell(&mut out, "<th scope=\"col\">", words.time, "</th>");
    let (heads, rows) = match data.rows() {
        Rows::Each(rows) => (vec![words.caption], rows.into_iter().map(|(at, value)| (at, vec![value])).collect()),
        Rows::Spans(rows) => {
            let rows: Vec<(i64, Vec<f64>)> = rows.into_iter().map(|(at, low, high)| (at, vec![low, high])).collect();
            (vec![words.lowest, words.highest], rows)
        }
    };
    for head in heads {
        cell(&mut out, "<th scope=\"col\" class=\"number\">", head, "</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for (at, values) in rows {
        cell(&mut out, "<tr><th scope=\"row\">", &data.time(at), "</th>");
        for value in values {
            cell(&mut out, "<td class=\"number\">", &measured(value, data.decimals()), "</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}

/// The samples with a value for programs, oldest first.
#[allow(clippy::cast_possible_truncation)] // saturates
pub fn csv(data: &CurveData, time: &str, name: &str) -> String {
    let mut out = [&*quoted(time), ",", &quoted(&[name, " (", data.unit, ")"].concat()), "\r\n"].concat();
    for (at, value) in data.inside() {
        out.push_str(&LocalTime(at).with_t());
        out.push(',');
        push_plain(&mut out, (value * 1000.0).round() as i64);
        out.push_str("\r\n");
    }
    out
}

type Plane<'a> = DrawingArea<Canvas<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn draw_runs(area: &Plane<'_>, runs: Vec<Vec<(f64, f64)>>, span: f64) -> Option<()> {
    // All areas, then all lines: one path each.
    for run in &runs {
        if let [(first, _), .., (last, _)] = run[..] {
            let mut outline = Vec::with_capacity(run.len() + 2);
            outline.push((first, 0.0));
            outline.extend(run.iter().map(|(x, y)| (*x, y.max(0.0))));
            outline.push((last, 0.0));
            area.draw(&Polygon::new(outline, Ink::Area.fill())).ok()?;
        }
    }
    for mut run in runs {
        if let [(x, y)] = run[..] {
            // One sample alone is a short dash rather than nothing.
            run = vec![((x - span / 400.0).max(0.0), y), ((x + span / 400.0).min(span), y)];
        }
        area.draw(&PathElement::new(run, Ink::Curve.stroke())).ok()?;
    }
    Some(())
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Steps between time labels.
const STEPS: [i64; 18] = [
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    56 * DAY,
    364 * DAY,
    3640 * DAY,
];

/// Round times between the ends with their labels; every second one shows from a medium width on.
fn time_labels(from: LocalTime, to: LocalTime) -> Vec<(i64, String, Ink)> {
    let span = to.0.saturating_sub(from.0).max(1);
    let step = STEPS.into_iter().find(|step| span / step <= 8).unwrap_or(i64::MAX);
    let mut labels = Vec::new();
    let mut at = from.0.div_euclid(step).saturating_mul(step);
    while at <= to.0 && labels.len() < 12 {
        // At the very ends a label would stick out.
        if at.saturating_sub(from.0) > span / 40 && to.0.saturating_sub(at) > span / 40 {
            let text = LocalTime(at).with_space();
            let text = if step < DAY { text.get(11..16) } else { text.get(5..10) }.unwrap_or_default().to_owned();
            let ink = if at.div_euclid(step) % 2 == 0 { Ink::Label } else { Ink::LabelMedium };
            labels.push((at, text, ink));
        }
        match at.checked_add(step) {
            Some(next) => at = next,
            None => break,
        }
    }
    labels
}

/// The curve with axes; screen readers get `label`.
pub fn draw(data: &CurveData, label: &str) -> String {
    let mut sheet = Sheet::default();
    paint(data, &mut sheet);
    sheet.finish(HEIGHT, "curve-chart", label)
}

#[allow(clippy::cast_precision_loss)] // ms within a window
fn paint(data: &CurveData, sheet: &mut Sheet) -> Option<()> {
    let span = data.to.0.saturating_sub(data.from.0).max(1) as f64;
    let (top, ticks) = round_scale(data.largest().min(1e12));
    let sheet_area = Canvas::area(sheet, HEIGHT);
    let (x, y) = sheet_area.margin(TOP * UNITS_PER_PX, BOTTOM * UNITS_PER_PX, 0, 0).get_pixel_range();
    let area = sheet_area.apply_coord_spec(Cartesian2d::new(0.0..span, 0.0..top, (x, y.end..y.start)));

    let value_label = Ink::ValueLabel.text(HPos::Right);
    sheet_area.draw_text(data.unit, &value_label, (0, 8 * UNITS_PER_PX)).ok()?;
    for tick in ticks {
        let ink = if tick > 0.0 { Ink::Grid } else { Ink::Axis };
        area.draw(&PathElement::new([(0.0, tick), (span, tick)], ink.stroke())).ok()?;
        #[allow(clippy::cast_possible_truncation)] // within the scale
        let text = thousandths((tick * 1000.0).round() as i64, 3);
        sheet_area.draw_text(&text, &value_label, area.map_coordinate(&(0.0, tick))).ok()?;
    }
    draw_runs(&area, data.runs(), span)?;
    if let Some(limit) = data.limit.filter(|limit| limit.is_finite() && (0.0..=top).contains(limit)) {
        area.draw(&PathElement::new([(0.0, limit), (span, limit)], Ink::Limit.stroke())).ok()?;
    }
    for (at, text, ink) in time_labels(data.from, data.to) {
        let (x, _) = area.map_coordinate(&((at - data.from.0) as f64, 0.0));
        sheet_area.draw_text(&text, &ink.text(HPos::Center), (x, (HEIGHT - 12) * UNITS_PER_PX)).ok()?;
    }
    Some(())
}

/// The windows to choose from: 15 minutes, an hour, four hours, a day.
#[cfg(test)]
const WINDOWS_MS: [i64; 4] = [15 * MINUTE, HOUR, 4 * HOUR, DAY];

#[cfg(test)]
#[allow(clippy::cast_precision_loss, clippy::float_cmp)] // small numbers, kept exactly
mod tests {
    use super::*;
    use crate::charts::backend::text_width;

    fn window(ms: i64) -> CurveData {
        let to = LocalTime::parse("2019-06-15T12:34:56").unwrap();
        CurveData { samples: vec![], from: LocalTime(to.0 - ms), to, gap_ms: 60_000, unit: "A", limit: Some(32.0) }
    }

    fn sound(svg: &str) {
        for wrong in ["NaN", "inf", "height=\"-"] {
            assert!(!svg.contains(wrong), "{wrong} in {svg}");
        }
    }

    #[test]
    fn gaps_are_gaps() {
        let mut data = window(HOUR);
        let at = |ms| LocalTime(data.from.0 + ms);
        data.samples = vec![
            (at(0), Some(10.0)),
            (at(30_000), Some(12.0)),
            // More than a minute later.
            (at(200_000), Some(12.0)),
            (at(230_000), None),
            (at(231_000), Some(9.0)),
        ];
        assert_eq!(data.runs().iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(draw(&data, "").matches('M').count(), 1 + 3 + 1 + 5, "area, curves, limit, grid");

        assert_eq!(data.read(3), "11:38:47 · 9 A");
        data.unit = "kWh";
        data.samples[4].1 = Some(0.003);
        assert_eq!(data.read(3), "11:38:47 · 0.003 kWh");
    }

    #[test]
    fn a_small_curve() {
        let mut data = window(15 * MINUTE);
        data.samples =
            (0..4_i32).map(|i| (LocalTime(data.from.0 + i64::from(i) * 50_000), Some(f64::from(i) * 8.0))).collect();
        insta::assert_snapshot!(draw(&data, "Current").replace("><", ">\n<"));
    }

    #[test]
    fn extremes_draw() {
        for value in [0.0, -5.0, 1e-9, 1e300, f64::MAX, f64::NAN, f64::INFINITY] {
            for ms in [0, 1, HOUR, DAY, 400 * DAY, -HOUR] {
                let mut data = window(ms);
                data.limit = Some(value);
                data.samples = (-1..5).map(|i| (LocalTime(data.from.0 + i * ms / 4), Some(value))).collect();
                {
                    let svg = draw(&data, "");
                    sound(&svg);
                }
            }
        }
        let mut data = window(HOUR);
        (data.from, data.to) = (LocalTime(i64::MIN), LocalTime(i64::MAX));
        sound(&draw(&data, ""));
    }

    #[test]
    fn few_samples_are_rows_and_many_are_spans() {
        let words = TableWords { caption: "<Current>", time: "Time", lowest: "Lowest", highest: "Highest" };
        let mut data = window(HOUR);
        data.samples = (0..3).map(|i| (LocalTime(data.from.0 + i * MINUTE), Some(1.5))).collect();
        data.samples.push((LocalTime(data.from.0 + 10 * MINUTE), None));
        let html = table(&data, words);
        assert_eq!(html.matches("<tr>").count(), 1 + 3);
        assert!(html.contains("<caption>&lt;Current&gt; (A)</caption>"), "{html}");
        assert!(
            html.contains("<tbody><tr><th scope=\"row\">11:36:56</th><td class=\"number\">1.5</td></tr>"),
            "{html}"
        );
        assert_eq!(csv(&data, "Time", "Current").lines().next_back(), Some("2019-06-15T11:36:56,1.5"));
        assert_eq!(csv(&data, "Time", "Current").lines().count(), 1 + 3);

        let mut data = window(DAY);
        data.samples = (0..1440).map(|i| (LocalTime(data.from.0 + i * MINUTE), Some(i as f64))).collect();
        let html = table(&data, words);
        let rows = html.matches("<tr>").count() - 1;
        assert!((24..=ROWS).contains(&rows), "{rows}");
        assert!(html.contains("Lowest") && html.contains("<th scope=\"row\">12:30:00</th>"), "{html}");
        for value in [0.0, -5.0, 1e300, f64::NAN] {
            data.samples.iter_mut().for_each(|sample| sample.1 = Some(value));
            sound(&table(&data, words));
            sound(&csv(&data, "", ""));
        }
    }

    #[test]
    fn many_samples_stay_small_and_keep_their_extremes() {
        let mut data = window(DAY);
        data.samples = (0..86_400)
            .map(|s| (LocalTime(data.from.0 + s * 1000), Some(if s == 50_000 { 31.0 } else { 5.0 })))
            .collect();
        let runs = data.runs();
        assert_eq!(runs.len(), 1);
        assert!(runs[0].len() <= 2 * usize::from(COLUMNS) + 4, "{}", runs[0].len());
        assert!(runs[0].iter().any(|(_, value)| *value == 31.0));
        assert!(draw(&data, "").len() < 40_000);
    }

    #[test]
    fn time_labels_do_not_collide() {
        for ms in WINDOWS_MS.into_iter().chain([7 * MINUTE, 100 * MINUTE, 3 * DAY, 30 * DAY]) {
            let data = window(ms);
            for (width, medium) in [(225.0, false), (410.0, true)] {
                let mut end = f64::NEG_INFINITY;
                let mut count = 0;
                for (at, text, ink) in time_labels(data.from, data.to) {
                    if ink == Ink::LabelMedium && !medium {
                        continue;
                    }
                    count += 1;
                    let middle = (at - data.from.0) as f64 * width / ms as f64;
                    assert!(middle - text_width(&text) / 2.0 > end + 4.0, "{text} of {ms} at {width} px");
                    end = middle + text_width(&text) / 2.0;
                }
                assert!(count >= 2, "{ms} at {width} px: {count}");
            }
        }
    }
}
