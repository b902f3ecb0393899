//! One charge point: what is known of it, what it measured, and the sessions of a day.

use super::diagnostics::diagnostics;
use super::happenings::{events, out_of_contact};
use super::parts::{
    Commanded, ampere, badge, cell, chart_words, command_state, commands, contact, curve, energy_kwh, file_part,
    findings, get_form, gliding, lines, lines_key, link, nothing_yet, number, parted_by_session, plain, power_kw,
    properties, row_head, table, told, when,
};
use super::{Page, Seen};
use crate::charts::{Chart, CurveData};
use crate::components::{self, Glyph, NoticeKind, Span, card, curve_chart, dialog, empty, hidden, icon, input, notice};
use crate::data::{self, ChargerDetails, Details, Moment, OpenedSession, Query, RecordLine, ShareNow, Value};
use crate::feed_message::{ChargerMessage, Totals};
use crate::text::Lang;
use crate::text::distribution::amperes;
use crate::text::format::{kwh_2, kwh_3, one_decimal, with_unit};
use crate::told::{is_news_of, joined};
use bmw_domain::account::Right;
use bmw_domain::calendar::LocalTime;
use bmw_domain::energy::{ChargingTime, Energy};
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeMap;

impl Page for Details {
    fn live_since(&self) -> Option<Moment> {
        Some(self.now)
    }

    fn is_outdated(&self, told: &BTreeMap<String, ChargerMessage>) -> bool {
        self.charger.as_ref().is_some_and(|it| is_news_of(told, (&it.id, it.state.as_deref(), it.online)))
    }

    fn has_missed(&self, totals: &Totals) -> bool {
        self.share.is_some() && totals.plan_number > self.plan_number
    }

    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        html! {
            (head(seen, self))
            (told(seen, &self.told, &back(self)))
            div.grid.details-grid {
                (charger(seen, self))
                @if self.charger.is_some() {
                    (card("operation", Span::Two, lang.operation(), &html! {}, &operation(seen, self)))
                }
                @if !self.identities.is_empty() {
                    (card("query", Span::All, lang.session_query(), &html! {}, &PreEscaped(self.query_form.get(lang).to_owned())))
                    @if seen.may(Right::ReadSensitive) { (diagnostics(seen, self.now, &self.diagnostics)) }
                    (card("events", Span::All, lang.events(), &events_aside(lang, self), &events(seen, self.now, &self.events)))
                    @if seen.may(Right::ReadSensitive) { (card("frames", Span::All, lang.frames(), &frames_aside(lang, self), &frames(lang, self))) }
                    @if !self.findings.is_empty() { (findings(seen, self.now, &self.findings)) }
                }
            }
            @if let Some(session) = &self.query.opened { (opened(lang, self, session)) }
        }
    }

    fn chart(&self, seen: &Seen<'_>, name: &str) -> Option<Chart> {
        let curve = match name {
            CURRENT => Series::of(seen, self).current(),
            ENERGY => Series::of(seen, self).energy(),
            POWER => power_curve(self.query.opened.as_ref()?)?,
            _ => return None,
        };
        Some(Chart::Curve(curve))
    }
}

/// The names of the page's charts.
const CURRENT: &str = "current";
const ENERGY: &str = "energy";
const POWER: &str = "power";

/// The page's address with what it shows now, to be changed in one point.
pub(super) fn address(data: &Details) -> Query {
    let query = &data.query;
    let span = if data.span == data::Span::ALL[0].0 { "" } else { data.span.word() };
    Query::default()
        .with("charger_id", data.asked.as_deref().unwrap_or_default())
        .with("span", span)
        .with("date", query.date)
        .with("frames", &data.frames_with)
        .with("events", if data.more_events { "all" } else { "" })
        .with("only", if query.only { "1" } else { "" })
        .with("record", query.chosen.as_ref().map(|chosen| chosen.id.to_string()).unwrap_or_default())
}

/// The page as a command's form comes back to it.
pub(super) fn back(data: &Details) -> String {
    address(data).on("/details/")
}

fn is_online(seen: &Seen<'_>, charger: &ChargerDetails) -> bool {
    seen.chargers.get(&charger.id).map_or(charger.online, |told| told.online)
}

fn commanded<'a>(seen: &Seen<'_>, charger: &'a ChargerDetails, back: &'a str) -> Commanded<'a> {
    let cannot = seen.cannot(Right::Command);
    Commanded { id: &charger.id, online: is_online(seen, charger), is_charging: charger.is_charging, back, cannot }
}

fn head(seen: &Seen<'_>, data: &Details) -> Markup {
    let lang = seen.lang;
    let shown = data.charger.as_ref().map(|charger| &charger.id).or(data.asked.as_ref());
    let picker = html! {
        label.filter.is-wide {
            span { (lang.choose_charger()) }
            input id="charger-picker" type="search" name="charger_id" list="charger-identities" autocomplete="off"
                value=(shown.map_or("", String::as_str));
        }
        datalist id="charger-identities" { @for id in &data.identities { option value=(id) {} } }
    };
    html! {
        div.page-head {
            (get_form(lang, "/details/", "picker", &picker))
            @if let Some(charger) = &data.charger {
                @let online = is_online(seen, charger);
                div.head-actions {
                    (commands(lang, commanded(seen, charger, &back(data))))
                    @if !online {
                        p.reason {
                            (out_of_contact(lang, seen.now(data.now), charger.contact))
                            span { (lang.no_connection_help()) }
                        }
                    }
                }
            }
        }
    }
}

/// The commands, and what became of the last ones.
fn operation(seen: &Seen<'_>, data: &Details) -> Markup {
    let lang = seen.lang;
    html! {
        (PreEscaped(data.operation.get(lang)))
        h3 { (lang.command_log()) }
        @if !seen.may(Right::ReadSensitive) { (super::for_those_signed_in(lang, lang.sign_in_for_logs())) }
        @else if data.commands.is_empty() { p.muted { (lang.no_commands()) } } @else { (command_log(seen, data)) }
    }
}

fn command_log(seen: &Seen<'_>, data: &Details) -> Markup {
    let lang = seen.lang;
    let now = seen.now(data.now);
    let columns = [(lang.command_column(), false), (lang.state(), false), (lang.time(), false), (lang.reply(), false)];
    let [_, state, time, reply] = columns;
    let rows = html! {
        @for line in &data.commands {
            tr data-key=(line.id) {
                (row_head(columns[0], &html! { (line.action.name()) }))
                (cell(state, &command_state(lang, line.state)))
                (cell(time, &when(lang, now, Some(line.at))))
                (cell(reply, &html! { code.reply { (line.reply) } }))
            }
        }
    };
    html! { div.table-box { (table("data command-log", lang.command_log(), &columns, &rows, &html! {})) } }
}

/// The way to more events, or back to the newest.
fn events_aside(lang: Lang, data: &Details) -> Markup {
    let (label, events) = if data.more_events { (lang.newest(), "") } else { (lang.older(), "all") };
    html! {
        a.button data-noscroll href=(address(data).with("events", events).on("/details/")) {
            (icon(Glyph::HISTORY)) span { (label) }
        }
    }
}

/// The raw frames, with a filter.
fn frames(lang: Lang, data: &Details) -> Markup {
    let charger = data.charger.as_ref().map(|charger| charger.id.as_str()).unwrap_or_default();
    let filter = html! {
        (hidden(&[("charger_id", charger)]))
        (input("search", lang.frames_with(), "frames", &data.frames_with))
    };
    html! {
        (get_form(lang, "/details/", "filters", &filter))
        @if data.frames.is_empty() { p.muted { (lang.no_frames()) } } @else {
            ul.frames {
                @for frame in &data.frames {
                    li {
                        span.muted { (frame.at.with_space()) " " (if frame.is_in { lang.frame_in() } else { lang.frame_out() }) }
                        " " code.reply { (frame.text) }
                    }
                }
            }
        }
    }
}

/// The download of all that are kept.
fn frames_aside(lang: Lang, data: &Details) -> Markup {
    let charger = data.charger.as_ref().map(|charger| charger.id.as_str()).unwrap_or_default();
    let address = Query::from([("charger_id", charger), ("frames", &data.frames_with)]).on("/details/frames.txt");
    html! { a.button href=(address) download rel="external" { (icon(Glyph::DOWNLOAD)) span { (lang.download()) } } }
}

/// What is known of the charge point, or why nothing is.
/// Its share of the site's current, and why it is no more.
fn share(lang: Lang, share: &ShareNow) -> Markup {
    html! {
        p.share {
            (link("/distribution/", lang.distribution())) (lang.colon())
            @if let Some(told) = share.told { (lang.told_current()) " " (gliding(amperes(told))) " · " }
            (lang.planned_current()) " " (gliding(amperes(share.planned))) " · "
            span { (share.reason.get(lang)) }
        }
    }
}

fn charger(seen: &Seen<'_>, data: &Details) -> Markup {
    let lang = seen.lang;
    let Some(known) = &data.charger else {
        if data.identities.is_empty() {
            return nothing_yet(lang, lang.no_chargers());
        }
        let asked = data.asked.as_deref().unwrap_or_default();
        let body = html! {
            p { (lang.labelled(lang.unknown_charger(), asked)) }
            p { (lang.unknown_charger_help()) }
        };
        return notice(NoticeKind::Warning, &body);
    };
    let mut charger = known.clone();
    if let Some(told) = seen.chargers.get(&known.id) {
        charger.online = told.online;
        (charger.state, charger.command) = (told.state.clone(), told.command.clone());
        (charger.limit, charger.current, charger.phases) = (told.limit, told.current, told.phases);
        (charger.session_energy, charger.session_minutes) = (told.energy, told.minutes);
        charger.lines = told.lines;
    }
    let online = html! {
        a rel="external" href=(Query::from([("charger_id", &known.id)]).on("/qr_codes/")) { (lang.qr_code()) } " "
        (components::tag(if charger.online { lang.online() } else { lang.offline() }))
    };
    let contact = contact(seen, &known.id, (known.online, known.contact), data.now);
    let table = charger_table(lang, &contact, &charger);
    html! {
        (card("properties", Span::One, lang.properties(), &online, &table))
        (card("curve", Span::Two, lang.curve(), &spans(lang, data), &live(seen, data, &charger)))
    }
}

/// What matters now, at a glance.
fn figures(lang: Lang, charger: &ChargerDetails) -> Markup {
    let current = charger.current.map_or_else(|| "–".to_owned(), |current| with_unit(current, "A"));
    let limit = charger.limit.map(|limit| ["/ ", &with_unit(limit, "A")].concat());
    let figures = [
        (lang.charging_current(), current, limit),
        (lang.session_energy(), charger.session_energy.map_or_else(|| "–".to_owned(), session_kwh), None),
        (
            lang.session_time(),
            charger.session_minutes.map_or_else(|| "–".to_owned(), |it| session_time(lang, it)),
            None,
        ),
    ];
    html! {
        dl.figures {
            div { dt { (lang.state()) } dd { (badge(lang, charger.state.as_deref())) } }
            @for (name, value, of) in figures {
                div { dt { (name) } dd { b data-glide { (value) } @if let Some(of) = of { " " span.unit { (of) } } } }
            }
        }
    }
}

fn session_kwh(wh: i32) -> String {
    with_unit(kwh_3(Energy::from_wh(i64::from(wh))), "kWh")
}

fn session_time(lang: Lang, minutes: i32) -> String {
    lang.hours(ChargingTime::from_ms(i64::from(minutes) * 60_000))
}

/// The table of 2.1.
fn charger_table(lang: Lang, contact: &Markup, charger: &ChargerDetails) -> Markup {
    let text = |value: &Option<String>| plain(value.as_deref().unwrap_or_default());
    let rows: [(fn(Lang) -> &'static str, Markup); 22] = [
        (Lang::charger_id, plain(&charger.id)),
        (Lang::state, badge(lang, charger.state.as_deref())),
        (Lang::last_command, text(&charger.command)),
        (Lang::last_contact, contact.clone()),
        (Lang::charging_current, gliding(ampere(charger.current))),
        (Lang::current_limit, plain(ampere(charger.limit))),
        (Lang::current_offered, gliding(ampere(charger.offered))),
        (Lang::session_energy, gliding(charger.session_energy.map(session_kwh).unwrap_or_default())),
        (Lang::session_time, plain(charger.session_minutes.map(|it| session_time(lang, it)).unwrap_or_default())),
        (Lang::charging_phases, plain(number(charger.phases))),
        (Lang::total_energy, gliding(charger.total_energy.map(|wh| with_unit(kwh_2(wh), "kWh")).unwrap_or_default())),
        (Lang::total_time, plain(charger.total_time.map(|time| lang.hours(time)).unwrap_or_default())),
        (Lang::model, plain(&charger.model)),
        (Lang::max_current, plain(ampere(charger.max_current.map(one_decimal)))),
        (Lang::min_current, plain(ampere(charger.min_current.map(one_decimal)))),
        (Lang::max_phases, plain(number(charger.max_phases))),
        (Lang::vendor, text(&charger.vendor)),
        (Lang::serial, text(&charger.serial)),
        (Lang::firmware, text(&charger.firmware)),
        (Lang::socket, text(&charger.socket)),
        (Lang::address, text(&charger.ip)),
        (Lang::mac, text(&charger.mac)),
    ];
    properties(lang, lang.properties(), &rows)
}

fn spans(lang: Lang, data: &Details) -> Markup {
    html! {
        nav.segmented aria-label=(lang.span()) {
            @for (span, word) in data::Span::ALL {
                @let label = match span {
                    data::Span::Quarter => lang.span_15m(),
                    data::Span::Hour => lang.span_1h(),
                    data::Span::FourHours => lang.span_4h(),
                    data::Span::Day => lang.span_1d(),
                };
                a data-noscroll href=(address(data).with("span", word).on("/details/"))
                    aria-current=[(span == data.span).then_some("true")] { (label) }
            }
        }
    }
}

/// What was measured in the span that is shown: stored, and told by the feed since.
struct Series {
    values: Vec<Value>,
    from: LocalTime,
    to: LocalTime,
    limit: Option<i32>,
}

impl Series {
    fn of(seen: &Seen<'_>, data: &Details) -> Self {
        let known = data.charger.as_ref();
        let told = known.and_then(|charger| seen.chargers.get(&charger.id));
        let limit = told.map_or_else(|| known.and_then(|charger| charger.limit), |told| told.limit);
        let values = joined(&data.values, data.now.local, told.map_or(&[], |told| &told.trail));
        // The page's clock moves in steps, and what is told may be ahead of it.
        let now = seen.now(data.now).local;
        let to = values.last().map_or(now, |last| last.at.max(now));
        Self { values, from: LocalTime(to.0 - data.span.ms()), to, limit }
    }

    /// The current, under the most that may be drawn.
    fn current(&self) -> CurveData {
        curve(&self.values, |value| value.current, "A", self.limit.map(f64::from), (self.from, self.to))
    }

    /// Energy of the session.
    fn energy(&self) -> CurveData {
        parted_by_session(curve(&self.values, energy_kwh, "kWh", None, (self.from, self.to)))
    }
}

/// What its lines draw now, and what was measured.
fn live(seen: &Seen<'_>, data: &Details, charger: &ChargerDetails) -> Markup {
    html! {
        (figures(seen.lang, charger))
        div.lines-now {
            h3 { (seen.lang.by_line()) }
            (lines(seen, data.sequence, &charger.lines, (charger.limit, charger.phases.or(charger.max_phases))))
            @if let Some(share) = &data.share { (self::share(seen.lang, share)) }
            (lines_key(seen.lang))
        }
        (values(seen.lang, &charger.id, &Series::of(seen, data)))
    }
}

/// A chart of a curve. Its files are called by `what` it shows, whose it is, and when it ends.
fn curve_of(lang: Lang, what: &str, id: &str, data: &CurveData, label: &str) -> Markup {
    let file = [what, "_", &file_part(id), "_", &file_part(&data.to.with_t())].concat();
    let heads = [lang.time(), lang.lowest(), lang.highest()];
    curve_chart((what, &file), data, chart_words(lang, label, lang.no_values()), heads)
}

/// Charging current and session energy over time, one curve under the other.
fn values(lang: Lang, id: &str, series: &Series) -> Markup {
    html! {
        div.chart-slot {
            @if series.values.iter().all(Value::is_gap) {
                (empty(Glyph::GAUGE, lang.no_values(), lang.no_values_help(), &html! {}))
            } @else {
                h3 { (lang.current()) }
                (curve_of(lang, CURRENT, id, &series.current(), lang.current()))
                h3 { (lang.session_energy()) }
                (curve_of(lang, ENERGY, id, &series.energy(), lang.session_energy()))
            }
        }
    }
}

/// The dialog with the session in a table and its power curve.
fn opened(lang: Lang, data: &Details, session: &OpenedSession) -> Markup {
    let power = power_curve(session);
    let body = html! {
        (session_table(lang, session))
        h3 { (lang.power_curve()) }
        @if let Some(power) = &power {
            div.chart-slot { (curve_of(lang, POWER, &session.line.id.to_string(), power, lang.power())) }
        } @else {
            (empty(Glyph::GAUGE, lang.no_power(), "", &html! {}))
        }
    };
    let heading = format!("{} {}", lang.session(), session.line.id);
    dialog("session", &heading, lang.close(), &address(data).on("/details/"), &body)
}

/// Power over the session; `None` where it was not measured.
fn power_curve(session: &OpenedSession) -> Option<CurveData> {
    let (first, last) = (session.values.first()?, session.values.last()?);
    let is_measured = session.values.iter().any(|value| value.power.is_some());
    (is_measured && first.at < last.at).then(|| curve(&session.values, power_kw, "kW", None, (first.at, last.at)))
}

fn session_table(lang: Lang, session: &OpenedSession) -> Markup {
    let line: &RecordLine = &session.line;
    let time = |at: Option<LocalTime>| plain(at.map(LocalTime::with_space).unwrap_or_default());
    let finish = line.finish.map_or_else(|| lang.running().to_owned(), LocalTime::with_space);
    let rows: [(fn(Lang) -> &'static str, Markup); 10] = [
        (Lang::record_id, plain(line.id.to_string())),
        (Lang::charge_code, plain(number(line.cycle))),
        (Lang::charger_id, plain(&line.charger)),
        (Lang::queued_time, time(session.queued)),
        (Lang::start_time, time(line.start)),
        (Lang::planned_finish, time(session.planned)),
        (Lang::finish_time, plain(finish)),
        (Lang::duration, plain(line.time.map(|time| lang.hours(time)).unwrap_or_default())),
        (Lang::energy, plain(with_unit(kwh_3(line.energy), "kWh"))),
        (Lang::card, plain(line.card.as_deref().unwrap_or_default())),
    ];
    properties(lang, lang.session(), &rows)
}
