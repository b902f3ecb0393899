//! Pieces that several pages share.

use super::Seen;
use crate::charts::CurveData;
use crate::components::{
    self as components, ChartWords, Dial, DialWords, GetForm, Glyph, LineBar, LineWords, NoticeKind, Span, card,
    choice, empty, icon, line_bars, link_button, notice, phase_gauges,
};
use crate::data::{FindingLine, Lines, Moment, Phases, Problem, Query, THINNED_SPANS, Tiles, Told, Value};
use crate::text::Lang;
use crate::text::format::{grouped, kwh_2, with_unit};
use crate::told::counts;
use bmw_domain::calendar::LocalTime;
use bmw_domain::charger::FindingKind;
use bmw_domain::command::{Action, CommandState};
use bmw_domain::energy::Energy;
use bmw_domain::phase::{Phase, PhaseSequence};
use bmw_domain::status::{Condition, condition};
use maud::{Markup, html};

/// The four tiles; they follow the live feed.
pub fn tiles(seen: &Seen<'_>, tiles: &Tiles) -> Markup {
    let lang = seen.lang;
    let (chargers, in_use) =
        counts(seen.chargers).map_or((tiles.chargers, tiles.in_use), |counts| (counts.chargers, counts.in_use));
    let (energy, time, sessions) = seen
        .totals
        .map_or((tiles.energy, tiles.time, tiles.sessions), |totals| (totals.energy, totals.time, totals.sessions));
    let time = [lang.charging_time(), " ", &lang.hours(time)].concat();
    components::tiles([
        (Glyph::PLUG_ZAP, lang.tile_chargers(), grouped(chargers), "", lang.tile_chargers_note()),
        (Glyph::BATTERY_CHARGING, lang.tile_energy(), kwh_2(energy), "kWh", lang.tile_energy_note()),
        (Glyph::HISTORY, lang.tile_sessions(), grouped(sessions), "", &time),
        (Glyph::ZAP, lang.tile_in_use(), grouped(in_use), "", lang.tile_in_use_note()),
    ])
}

/// A charge point's state as word, icon and colour.
pub fn badge(lang: Lang, state: Option<&str>) -> Markup {
    components::badge(condition(state), &state_word(lang, state))
}

/// A state in words; one that has none is shown as it came.
pub fn state_word(lang: Lang, state: Option<&str>) -> String {
    let Some(state) = state else {
        return lang.unknown().to_owned();
    };
    lang.state_name(state).map_or_else(|| state.to_owned(), ToOwned::to_owned)
}

/// A local time with its age beside it.
pub fn when(lang: Lang, now: Moment, at: Option<Moment>) -> Markup {
    html! {
        @if let Some(at) = at {
            time.when datetime=(at.local.with_t()) {
                (at.local.with_space()) " " span.age { (lang.ago(now.at.since(at.at))) }
            }
        } @else {
            span.muted { (lang.never()) }
        }
    }
}

/// The load, the limits and the peaks of the site's phases as they are now: the feed knows them newer than the page.
pub fn phases_now(seen: &Seen<'_>, phases: &Phases) -> Phases {
    let told = seen.totals.and_then(|totals| totals.phases.as_ref());
    let told = told.map(|told| (told.limits, told.peaks, told.shares));
    let (limits, peaks, shares) = told.unwrap_or((phases.limits, phases.peaks, phases.shares));
    Phases { load: seen.phases.unwrap_or(phases.load), limits, peaks, shares, sequence: phases.sequence }
}

/// The load of the site's phases against their limits; follows the live feed.
pub fn phases(seen: &Seen<'_>, phases: &Phases) -> Markup {
    let lang = seen.lang;
    let Phases { load, limits, peaks, shares, .. } = phases_now(seen, phases);
    let names = Phase::ALL.map(|phase| [lang.phase(), " ", phase.letter().encode_utf8(&mut [0; 4])].concat());
    let times = peaks.map(|peak| peak.map(|peak| peak.at.with_space()));
    let dial = |phase: usize| Dial {
        name: &names[phase],
        load: load[phase],
        limit: limits[phase],
        share: shares[phase].map(|share| (share.allocated, share.reserved)),
        peak: peaks[phase]
            .zip(times[phase].as_deref())
            .map(|(peak, time)| (peak.amperes, time.get(11..16).unwrap_or(time))),
    };
    let words = DialWords {
        unknown: lang.unknown_load(),
        headroom: lang.headroom(),
        peak: lang.peak_today(),
        allocated: lang.allocated(),
        reserved: lang.reserved(),
        colon: lang.colon(),
    };
    let body = html! {
        (phase_gauges(&[dial(0), dial(1), dial(2)], words))
        p.muted { (lang.phases_help()) }
    };
    let aside = link_button("/settings/#field-max_current_a", lang.change_limits(), Some(Glyph::SETTINGS));
    card("phases", Span::One, lang.phase_gauges(), &aside, &body)
}

/// A charge point's lines that are in use, each by the site's phase that it is wired to: what it draws within what is offered
/// within the limit. `sequence` is the wiring as the page knows it.
pub fn lines(
    seen: &Seen<'_>,
    sequence: PhaseSequence,
    lines: &Lines,
    (limit, phases): (Option<i32>, Option<i32>),
) -> Markup {
    let lang = seen.lang;
    let told = seen.totals.and_then(|totals| totals.phases.as_ref());
    let wired = told.map_or(sequence, |told| told.sequence).phases();
    let used = lines.used(phases);
    let bar = |line: usize| {
        let letter = wired[line].letter();
        let name = [["L1", "L2", "L3"][line], " · ", lang.phase(), " ", letter.encode_utf8(&mut [0; 4])].concat();
        LineBar { name, letter, measured: lines.measured[line] }
    };
    let bars: Vec<LineBar> = (0..3).filter(|line| used[*line]).map(bar).collect();
    let words = LineWords {
        offered: lang.line_offered(),
        limit: lang.line_limit(),
        unknown: lang.unknown_load(),
        comma: lang.comma(),
    };
    line_bars(&bars, (lines.offered, limit.map(f64::from)), words)
}

/// What the parts of the lines' bars mean.
pub fn lines_key(lang: Lang) -> Markup {
    html! {
        p.line-key {
            @for (class, word) in
                [("measured", lang.line_measured()), ("offered", lang.line_offered()), ("track", lang.line_limit())]
            {
                span { i class=(class) {} (word) }
            }
        }
    }
}

/// The words around a chart.
pub fn chart_words<'a>(lang: Lang, label: &'a str, empty: &'a str) -> ChartWords<'a> {
    ChartWords { label, empty, behind: lang.chart_behind(), download: lang.download() }
}

/// A part of a file's name, without what some systems have no names for.
pub fn file_part(text: &str) -> String {
    text.chars()
        .map(|char| if char.is_ascii_alphanumeric() || char >= '\u{80}' || "-_.".contains(char) { char } else { '-' })
        .collect()
}

/// What is measured every minute leaves a gap when three values are missing.
const GAP_MS: i64 = 200_000;
/// Values further apart than this are never joined.
const MOST_GAP_MS: i64 = 3_600_000;

/// Samples further apart than this have a gap between them, ms: than three times the usual, which is the median. What was thinned
/// out is no gap.
fn gap_ms(samples: &[(LocalTime, Option<f64>)], span: i64) -> i64 {
    let known = samples.windows(2).filter(|pair| pair.iter().all(|(_, value)| value.is_some()));
    let mut apart: Vec<i64> = known.map(|pair| pair[1].0.0 - pair[0].0.0).filter(|apart| *apart > 0).collect();
    sort(&mut apart);
    let usual = apart.get(apart.len().saturating_sub(1) / 2).copied().unwrap_or_default();
    (usual * 3).clamp(GAP_MS, MOST_GAP_MS).max(span / THINNED_SPANS + 1)
}

/// Sorts (Shell's way, with Knuth's gaps): the library's own weighs more than a page.
fn sort(values: &mut [i64]) {
    let mut gap = 1;
    while gap < values.len() / 3 {
        gap = gap * 3 + 1;
    }
    while gap > 0 {
        for at in gap..values.len() {
            let mut place = at;
            while place >= gap && values[place - gap] > values[place] {
                values.swap(place - gap, place);
                place -= gap;
            }
        }
        gap /= 3;
    }
}

/// A measured quantity over a span of time.
pub fn curve(
    values: &[Value],
    value: impl Fn(&Value) -> Option<f64>,
    unit: &'static str,
    limit: Option<f64>,
    (from, to): (LocalTime, LocalTime),
) -> CurveData {
    // A value of something else says nothing of this: only the known gaps interrupt it.
    let samples = values.iter().map(|measured| (measured.at, value(measured), measured.is_gap()));
    let samples: Vec<_> =
        samples.filter(|(_, value, is_gap)| value.is_some() || *is_gap).map(|(at, value, _)| (at, value)).collect();
    let gap_ms = gap_ms(&samples, to.0 - from.0);
    CurveData { samples, from, to, gap_ms, unit, limit }
}

/// Energy of a value in kWh, for a curve.
pub fn energy_kwh(value: &Value) -> Option<f64> {
    value.energy.map(Energy::kwh)
}

/// Parts a curve of a session's energy where it falls: another session has begun there, and nothing lies in between.
pub fn parted_by_session(mut curve: CurveData) -> CurveData {
    let mut last: Option<f64> = None;
    let mut parted = Vec::with_capacity(curve.samples.len());
    for (at, value) in curve.samples {
        if value.zip(last).is_some_and(|(value, last)| value < last) {
            parted.push((at, None));
        }
        last = value.or(last);
        parted.push((at, value));
    }
    curve.samples = parted;
    curve
}

/// Power of a value in kW, for a curve.
pub fn power_kw(value: &Value) -> Option<f64> {
    value.power.map(|watt| watt / 1000.0)
}

/// When a charge point was last heard of; one that is in contact is heard of all the time.
pub fn contact(seen: &Seen<'_>, id: &str, (online, at): (bool, Option<Moment>), now: Moment) -> Markup {
    let online = seen.chargers.get(id).map_or(online, |told| told.online);
    if online {
        html! { (seen.lang.online()) }
    } else {
        when(seen.lang, seen.now(now), at)
    }
}

/// Says that there are no charge points, and what to do.
pub fn nothing_yet(lang: Lang, title: &str) -> Markup {
    empty(Glyph::INBOX, title, lang.no_chargers_help(), &html! {})
}

/// A heading in both languages, as the document asks.
#[derive(Debug, Clone, Copy)]
pub struct BothNames(pub &'static str, pub &'static str);

impl BothNames {
    /// `Charger ID（电桩ID）`
    pub fn text(self) -> String {
        [self.0, "（", self.1, "）"].concat()
    }

    /// The same, each part in its language.
    pub fn draw(self) -> Markup {
        html! { span lang="en" { (self.0) } span lang="zh" { "（" (self.1) "）" } }
    }
}

/// A table of properties: each with its label in the chosen language, and smaller in the other one.
pub fn properties(lang: Lang, caption: &str, rows: &[(fn(Lang) -> &'static str, Markup)]) -> Markup {
    let other = lang.other();
    html! {
        div.properties-box {
            table.properties {
                caption.sr-only { (caption) }
                tbody {
                    @for (label, value) in rows {
                        tr {
                            th scope="row" {
                                (label(lang)) " " span.second-label lang=(other.code()) { (label(other)) }
                            }
                            td { (value) }
                        }
                    }
                }
            }
        }
    }
}

/// Plain text as the value of a property; a dash for none.
pub fn plain(text: impl AsRef<str>) -> Markup {
    let text = text.as_ref();
    html! { (if text.trim().is_empty() { "–" } else { text }) }
}

/// A number of ampere; empty for none.
pub fn ampere(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(String::new, |value| with_unit(value, "A"))
}

/// A number; empty for none.
pub fn number(value: Option<i32>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A form that leads to an address, see [`components::get_form`].
pub fn get_form(lang: Lang, action: &str, class: &str, body: &Markup) -> Markup {
    components::get_form(GetForm { action, class, apply: lang.apply() }, body)
}

/// The charge points as choices. One that was asked for and does not exist is still shown as chosen.
pub fn charger_choices(lang: Lang, identities: &[String], chosen: &str) -> Markup {
    html! {
        (choice("", lang.all_chargers(), chosen.is_empty()))
        @if !chosen.is_empty() && !identities.iter().any(|id| id == chosen) { (choice(chosen, chosen, true)) }
        @for id in identities { (choice(id, id, id == chosen)) }
    }
}

/// A column of a table: its name, and whether it holds numbers.
pub type Column<'a> = (&'a str, bool);

/// A table. On a phone each row becomes a card, and each cell shows its `data-label`; of one with the class `compact` the cells
/// stand where their classes say, see [`placed_cell`].
pub fn table(class: &str, caption: &str, columns: &[Column<'_>], rows: &Markup, foot: &Markup) -> Markup {
    html! {
        table class=(class) {
            caption.sr-only { (caption) }
            thead {
                tr {
                    @for (name, is_number) in columns { th scope="col" class=[is_number.then_some("number")] { (name) } }
                }
            }
            tbody { (rows) }
            (foot)
        }
    }
}

/// A cell of a table under its column.
pub fn cell((name, is_number): Column<'_>, content: &Markup) -> Markup {
    html! { td class=[is_number.then_some("number")] data-label=(name) { (content) } }
}

/// A cell of a table that is [compact](table) on a phone: the classes say where it stands there.
pub fn placed_cell((name, is_number): Column<'_>, place: &str, content: &Markup) -> Markup {
    html! { td class={ @if is_number { "number " } (place) } data-label=(name) { (content) } }
}

/// The cell that names its row.
pub fn row_head((name, is_number): Column<'_>, content: &Markup) -> Markup {
    html! { th scope="row" class=[is_number.then_some("number")] data-label=(name) { (content) } }
}

/// A reading that glides to its next value.
pub fn gliding(text: impl AsRef<str>) -> Markup {
    html! { span data-glide { (plain(text)) } }
}

/// A link.
pub fn link(href: &str, text: &str) -> Markup {
    html! { a href=(href) { (text) } }
}

/// The way to a charge point's details, by its identity.
pub fn details_link(id: &str) -> Markup {
    link(&Query::from([("charger_id", id)]).on("/details/"), id)
}

/// Marks a charge point that has become another while nobody looked.
pub fn changed_mark(seen: &Seen<'_>, id: &str) -> Markup {
    html! {
        @if seen.is_changed(id) { " " span.changed-dot title=(seen.lang.changed_while_away()) { span.sr-only { (seen.lang.changed_while_away()) } } }
    }
}

/// What the operation commands need to know of a charge point.
#[derive(Debug, Clone, Copy)]
pub struct Commanded<'a> {
    /// Its identity.
    pub id: &'a str,
    /// Whether it is in contact.
    pub online: bool,
    /// Whether a session runs.
    pub is_charging: bool,
    /// The page that the commands stand on.
    pub back: &'a str,
    /// Why the person may give none.
    pub cannot: Option<&'static str>,
}

/// The operation commands; what cannot be done now is there and says why.
pub fn commands(lang: Lang, of: Commanded<'_>) -> Markup {
    let offline = (!of.online).then(|| lang.no_connection());
    let cannot = of.cannot.or(offline);
    let cannot_start = cannot.or_else(|| of.is_charging.then(|| lang.charges_already()));
    let cannot_stop = cannot.or_else(|| (!of.is_charging).then(|| lang.charges_not()));
    let more = Query::from([("charger_id", of.id)]).on("/details/") + "#operation";
    let body = html! {
        div.commands role="group" aria-label={ (lang.actions()) " " (of.id) } {
            (command(Action::RemoteStartTransaction, lang.start(), Glyph::PLAY, cannot_start, None))
            (command(Action::RemoteStopTransaction, lang.stop(), Glyph::SQUARE, cannot_stop, None))
            (command(Action::Reset, lang.reset(), Glyph::ROTATE_CCW, cannot, Some(lang.ask_reset())))
            @for (name, glyph) in [(lang.update(), Glyph::DOWNLOAD), (lang.more(), Glyph::ELLIPSIS)] {
                @match offline {
                    Some(why) => {
                        button.button type="button" aria-disabled="true" title=(why) { (icon(glyph)) span { (name) } }
                    }
                    None => a.button href=(more) title=(name) { (icon(glyph)) span { (name) } },
                }
            }
        }
    };
    command_form(&[of.id], of.back, &body)
}

/// A form that gives a command to charge points. It is one like any other, also without WebAssembly.
pub fn command_form(chargers: &[&str], back: &str, body: &Markup) -> Markup {
    html! {
        form.command-form method="post" action="/fn/command" data-send {
            span hidden {
                input type="hidden" name="back" value=(back);
                @for (number, id) in chargers.iter().enumerate() {
                    input type="hidden" name={ "c" (number) } value=(id);
                }
            }
            (body)
        }
    }
}

/// The button of a command in its form. `cannot` says why it cannot be given, `ask` what is asked before.
pub fn command(action: Action, name: &str, glyph: Glyph, cannot: Option<&str>, ask: Option<&str>) -> Markup {
    order(action.name(), name, glyph, cannot, ask)
}

/// The same by the command's word: its name, and what always goes with it, as in `Reset?type=Hard`.
pub fn order(word: &str, name: &str, glyph: Glyph, cannot: Option<&str>, ask: Option<&str>) -> Markup {
    html! {
        @match cannot {
            Some(why) => {
                button.button type="button" aria-disabled="true" title=(why) { (icon(glyph)) span { (name) } }
            }
            None => {
                button.button type="submit" name="command" value=(word) title=(name) data-ask=[ask] {
                    (icon(glyph)) span { (name) }
                }
            }
        }
    }
}

/// How far a command is, in words.
pub fn command_state(lang: Lang, state: CommandState) -> Markup {
    let (word, condition) = match state {
        CommandState::Queued => (lang.command_queued(), Condition::Waiting),
        CommandState::Sent => (lang.command_sent(), Condition::Waiting),
        CommandState::Accepted => (lang.command_accepted(), Condition::Waiting),
        CommandState::Rejected => (lang.command_rejected(), Condition::Faulted),
        CommandState::Failed => (lang.command_failed(), Condition::Faulted),
        CommandState::TimedOut => (lang.command_timed_out(), Condition::Faulted),
        CommandState::Offline => (lang.command_offline(), Condition::Unknown),
        CommandState::Effective => (lang.command_effective(), Condition::Ready),
        CommandState::NoEffect => (lang.command_no_effect(), Condition::Faulted),
    };
    components::badge(condition, word)
}

/// What an operator should see, newest first.
pub fn findings(seen: &Seen<'_>, at: Moment, findings: &[FindingLine]) -> Markup {
    let lang = seen.lang;
    let now = seen.now(at);
    let columns = [
        (lang.charger_id(), false),
        (lang.finding(), false),
        (lang.record_id(), false),
        (lang.time(), false),
        (lang.finding_detail(), false),
    ];
    let [id, kind, record, time, detail] = columns;
    let rows = html! {
        @for line in findings {
            tr {
                (row_head(id, &link(&Query::from([("charger_id", &line.charger)]).on("/details/"), &line.charger)))
                (cell(kind, &plain(finding_word(lang, line.kind))))
                (cell(record, &plain(number(line.record))))
                (cell(time, &when(lang, now, Some(line.at))))
                (cell(detail, &plain(line.detail.get(lang))))
            }
        }
    };
    let body = html! {
        p.muted { (lang.findings_help()) }
        div.table-box { (table("data findings", lang.findings(), &columns, &rows, &html! {})) }
    };
    card("findings", Span::All, lang.findings(), &html! {}, &body)
}

/// What was found, in words.
pub fn finding_word(lang: Lang, kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::OrphanStop => lang.finding_orphan_stop(),
        FindingKind::OrphanValues => lang.finding_orphan_values(),
        FindingKind::MeterJump => lang.finding_meter_jump(),
        FindingKind::MeterBack => lang.finding_meter_back(),
        FindingKind::WrongClock => lang.finding_wrong_clock(),
        FindingKind::LostStop => lang.finding_lost_stop(),
        FindingKind::SecondStop => lang.finding_second_stop(),
    }
}

/// What came of giving commands. It stays in sight, as the button may stand far down the page, until it is put away: `back` is the
/// page without it.
/// What came of a form: that it was saved, or why not.
pub fn told_of(seen: &Seen<'_>, told: &Told, saved: &str) -> Markup {
    let lang = seen.lang;
    html! {
        @if let Some(error) = &seen.local.failed {
            (notice(NoticeKind::Error, &html! { (super::reason(lang, error)) }))
        }
        @if told.given > 0 { (notice(NoticeKind::Success, &html! { (saved) })) }
        @if !told.refused.is_empty() {
            (notice(NoticeKind::Error, &html! { @for why in &told.refused { p { (why.get(lang)) } } }))
        }
    }
}

/// What came of giving commands.
pub fn told(seen: &Seen<'_>, told: &Told, back: &str) -> Markup {
    let said = said(seen, told);
    html! {
        @if !said.0.is_empty() {
            div.told data-key="told" {
                (said)
                @if seen.local.failed.is_none() {
                    a.button.icon-only data-noscroll href=(back) title=(seen.lang.put_away()) {
                        (icon(Glyph::X)) span.sr-only { (seen.lang.put_away()) }
                    }
                }
            }
        }
    }
}

fn said(seen: &Seen<'_>, told: &Told) -> Markup {
    let lang = seen.lang;
    html! {
        @if let Some(error) = &seen.local.failed {
            (notice(NoticeKind::Error, &html! { (super::reason(lang, error)) }))
        }
        @if told.given > 0 { (notice(NoticeKind::Info, &html! { (lang.commands_given(told.given)) })) }
        @if told.is_for_none { (notice(NoticeKind::Warning, &html! { (lang.choose_first()) })) }
        @if let Some(wrong) = &told.wrong {
            (notice(NoticeKind::Warning, &html! {
                @let name = Action::from_name(&wrong.form).map_or(wrong.form.as_str(), |action| lang.action(action));
                (lang.commands_refused()) (lang.colon()) (lang.labelled(name, &lang.wrong_entries(wrong.errors.len())))
                // Whether the form has such a field is not known here.
                @for (_, problem) in &wrong.errors {
                    @if let Problem::Told(field, text) = problem { br; (lang.labelled(field.get(lang), text.get(lang))) }
                }
            }))
        } @else if !told.refused.is_empty() {
            (notice(NoticeKind::Warning, &html! {
                p { (lang.commands_refused()) (lang.colon()) }
                ul { @for why in &told.refused { li { (why.get(lang)) } } }
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn values_are_sorted() {
        for length in 0..200_i64 {
            let mut values: Vec<i64> = (0..length).map(|value| value * 7919 % 101 - 50).collect();
            let mut expected = values.clone();
            expected.sort_unstable();
            sort(&mut values);
            assert_eq!(values, expected);
        }
    }

    /// What is no gap yet, in minutes, of a current that was measured at these minutes of a day.
    fn gap_of(minutes: &[i64], span: i64) -> i64 {
        let value =
            |minute: &i64| Value { at: LocalTime(minute * MINUTE), current: Some(16.0), energy: None, power: None };
        let values: Vec<Value> = minutes.iter().map(value).collect();
        let data = curve(&values, |value| value.current, "A", None, (LocalTime(0), LocalTime(span * MINUTE)));
        data.gap_ms / MINUTE
    }

    #[test]
    fn a_gap_is_longer_than_three_times_the_usual_time_between_values() {
        let every = |minutes: i64| (0..12).map(|count| count * minutes).collect::<Vec<_>>();
        assert_eq!(gap_of(&every(1), 60), 3);
        assert_eq!(gap_of(&every(5), 60), 15);
        assert_eq!(gap_of(&[0, 5, 10, 15, 45, 50, 55], 60), 15, "a gap is not the usual");
        assert_eq!(gap_of(&[0, 1, 1, 1, 5, 10, 15, 20], 60), 15, "nor is what was told twice");
        // Few values are not joined over hours.
        assert_eq!(gap_of(&[0, 360], 1440), 60);
        assert_eq!(gap_of(&[], 60), 3);
        // Of a day, what was thinned out.
        assert_eq!(gap_of(&every(1), 1440), 6);
    }

    #[test]
    fn another_session_begins_a_curve_of_its_own() {
        let value = |minute: i64, wh: i64| Value {
            at: LocalTime(minute * MINUTE),
            current: None,
            energy: Some(Energy::from_wh(wh)),
            power: None,
        };
        let values = [value(0, 5_000), value(1, 9_000), value(2, 9_000), value(3, 0), value(4, 100)];
        let data = curve(&values, energy_kwh, "kWh", None, (LocalTime(0), LocalTime(60 * MINUTE)));
        let samples: Vec<_> = parted_by_session(data).samples.into_iter().map(|(_, value)| value).collect();
        assert_eq!(samples, [Some(5.0), Some(9.0), Some(9.0), None, Some(0.0), Some(0.1)]);
    }

    #[test]
    fn what_was_not_measured_with_a_value_does_not_part_its_curve() {
        let value =
            |minute: i64| Value { at: LocalTime(minute * MINUTE), current: Some(16.0), energy: None, power: None };
        let other = |minute| Value { current: None, power: Some(1.0), ..value(minute) };
        let gap = |minute| Value { current: None, ..value(minute) };
        let values = [value(0), other(1), value(5), gap(6), value(10), value(15)];
        let data = curve(&values, |value| value.current, "A", None, (LocalTime(0), LocalTime(60 * MINUTE)));
        let samples: Vec<_> = data.samples.iter().map(|(at, value)| (at.0 / MINUTE, value.is_some())).collect();
        assert_eq!(samples, [(0, true), (5, true), (6, false), (10, true), (15, true)]);
        assert_eq!(data.gap_ms, 15 * MINUTE);
    }
}
