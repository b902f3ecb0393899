//! One charge point, its measured values, and the session query.

use super::{CommandLine, DiagnosticsLine, EventLine, FindingLine, Lines, Moment, RecordLine, ShareNow, Told};
#[cfg(feature = "ssr")]
use super::{DataError, Query, caller, distribution::on_server::share_now, line, lines, moment, now, role, site};
use crate::text::Both;
use bmw_domain::calendar::{Day, LocalTime, Month};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase::PhaseSequence;
use serde::{Deserialize, Serialize};

/// What the details page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// When this was.
    pub now: Moment,
    /// All identities, for the picker.
    pub identities: Vec<String>,
    /// The identity that was asked for.
    pub asked: Option<String>,
    /// The charge point; `None` when there is none, or none of that identity.
    pub charger: Option<ChargerDetails>,
    /// The time span of the chart.
    pub span: Span,
    /// What was measured in it, oldest first.
    pub values: Vec<Value>,
    /// The phases that the lines of charge points are wired to.
    pub sequence: PhaseSequence,
    /// Its share of the site's current; `None` while that is not distributed, or it has none.
    pub share: Option<ShareNow>,
    /// The number of the plan that it is of.
    pub plan_number: i64,
    /// The session query.
    pub query: SessionQuery,
    /// The forms of commands, as markup.
    pub operation: Both,
    /// The session query, as markup.
    pub query_form: Both,
    /// The newest commands, newest first.
    pub commands: Vec<CommandLine>,
    /// What came of giving a command.
    pub told: Told,
    /// What an operator should see, newest first.
    pub findings: Vec<FindingLine>,
    /// The diagnostics that it has uploaded, newest first.
    pub diagnostics: Vec<DiagnosticsLine>,
    /// What happened, newest first.
    pub events: Vec<EventLine>,
    /// Whether more of it was asked for.
    pub more_events: bool,
    /// The newest raw frames, newest first.
    pub frames: Vec<FrameLine>,
    /// The text that they must contain.
    pub frames_with: String,
}

/// A charge point with all that 2.1 tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChargerDetails {
    /// Its identity.
    pub id: String,
    /// Its state's name.
    pub state: Option<String>,
    /// Whether it is in contact.
    pub online: bool,
    /// When it was last heard of.
    pub contact: Option<Moment>,
    /// The last message or command.
    pub command: Option<String>,
    /// Model.
    pub model: String,
    /// Vendor.
    pub vendor: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Firmware version.
    pub firmware: Option<String>,
    /// Energy over its life.
    pub total_energy: Option<Energy>,
    /// Charging time over its life.
    pub total_time: Option<ChargingTime>,
    /// Network address.
    pub ip: Option<String>,
    /// Hardware address.
    pub mac: Option<String>,
    /// Kind of socket.
    pub socket: Option<String>,
    /// Current offered to the car, A.
    pub offered: Option<i32>,
    /// The most that it may draw now, A.
    pub limit: Option<i32>,
    /// The current that it draws, A.
    pub current: Option<i32>,
    /// Energy of the running or last session, Wh.
    pub session_energy: Option<i32>,
    /// Minutes of the running or last session.
    pub session_minutes: Option<i32>,
    /// Phases that carry current.
    pub phases: Option<i32>,
    /// The most that the model can give, A.
    pub max_current: Option<f64>,
    /// The least that the model can give, A.
    pub min_current: Option<f64>,
    /// Phases of the model.
    pub max_phases: Option<i32>,
    /// Whether a session runs.
    pub is_charging: bool,
    /// What its lines draw.
    pub lines: Lines,
}

/// A raw frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameLine {
    /// When, by the site's clock.
    pub at: LocalTime,
    /// Whether the charge point sent it.
    pub is_in: bool,
    /// Its text, cut to a bearable length.
    pub text: String,
}

/// The time span of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Span {
    /// 15 minutes.
    Quarter,
    /// An hour.
    Hour,
    /// Four hours.
    FourHours,
    /// A day.
    Day,
}

impl Span {
    /// All, with their words in the address. The first is the usual one.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Quarter, "15m"), (Self::Hour, "1h"), (Self::FourHours, "4h"), (Self::Day, "1d")];

    /// Its length, ms.
    pub const fn ms(self) -> i64 {
        match self {
            Self::Quarter => 900_000,
            Self::Hour => 3_600_000,
            Self::FourHours => 14_400_000,
            Self::Day => 86_400_000,
        }
    }

    /// Its word in the address.
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(span, _)| *span == self).map_or("", |(_, word)| word)
    }
}

/// What was measured at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// When, by the site's clock.
    pub at: LocalTime,
    /// The highest current of its lines, A.
    pub current: Option<f64>,
    /// Energy of the session so far.
    pub energy: Option<Energy>,
    /// Power, W.
    pub power: Option<f64>,
}

/// The session query (2.2) as far as it has gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionQuery {
    /// The chosen day.
    pub date: Day,
    /// Only sessions of the page's charge point.
    pub only: bool,
    /// The month that the calendar shows.
    pub month: Month,
    /// The days of that month that have sessions.
    pub marked: Vec<Day>,
    /// The sessions of the day, by number.
    pub sessions: Vec<QueryLine>,
    /// The chosen one.
    pub chosen: Option<QueryLine>,
    /// The chosen one in full, once it was started.
    pub opened: Option<OpenedSession>,
}

/// A session to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryLine {
    /// Its number.
    pub id: i32,
    /// The charge point's own running number.
    pub cycle: Option<i32>,
    /// Its charge point.
    pub charger: String,
    /// Start.
    pub start: Option<LocalTime>,
}

/// A session in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenedSession {
    /// The session.
    pub line: RecordLine,
    /// When it asked for current.
    pub queued: Option<LocalTime>,
    /// Planned finish.
    pub planned: Option<LocalTime>,
    /// What was measured, oldest first.
    pub values: Vec<Value>,
}

/// A series that is too long to be shown is cut into so many spans of equal length, of each of which is kept what counts.
pub const THINNED_SPANS: i64 = 240;

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use crate::data::commands::on_server::{findings, log};
    use crate::data::diagnostics::on_server::diagnostics;
    use crate::data::events::on_server::events;
    use crate::data::operation::on_server::{operation, without_answers};
    use crate::pages::still;
    use bmw_domain::account::Right;
    use bmw_domain::calendar::Timestamp;
    use bmw_domain::charger::{Happening, HappeningKind};
    use bmw_domain::record::{ChargePointKey, MeterValue, TransactionId};
    use bmw_site::{Caller, ChargePointNow, Present, SessionLine, Site};
    use std::collections::BTreeSet;
    use std::ops::RangeInclusive;

    /// A series that is longer is thinned: more points than there are pixels help nobody.
    const POINTS: usize = 720;
    /// How much of what happened is read: what a span usually holds, and where that is not enough, all that is surely kept.
    const HAPPENINGS: [u32; 2] = [50, 1_000];
    /// A day of values every 10 s.
    const READ: u32 = 10_000;

    /// Everything that the page shows, by its query string.
    pub async fn details(query: &Query) -> Result<Details, DataError> {
        let (site, caller) = (site()?, caller());
        let present = site.present().clone();
        let asked = query.get("charger_id").map(ToOwned::to_owned);
        let charger = site.charge_point(asked.as_deref());
        let span = query.get("span").and_then(|word| Span::ALL.into_iter().find(|(_, known)| *known == word));
        let span = span.map_or(Span::Quarter, |(span, _)| span);
        let now = now(&site);
        let values = match &charger {
            Some(charger) => values_of_span(&site, charger.key, now.at, span).await?,
            None => Vec::new(),
        };
        let more_events = query.get("events").is_some();
        let (findings, events) = match &charger {
            Some(charger) => (
                findings(&site, Some(charger.key)).await?,
                events(&site, charger.key, EVENTS[usize::from(more_events)], &caller).await?,
            ),
            None => Default::default(),
        };
        let (commands, operation, diagnostics, frames) = match &charger {
            Some(charger) if caller.may(Right::ReadSensitive) => (
                log(&site, charger.key, &caller).await?,
                operation(&site, charger, &caller).await?,
                diagnostics(&site, charger.key, &caller).await?,
                frames(&site, charger, query, &caller).await?,
            ),
            Some(charger) => (Vec::new(), without_answers(charger), Vec::new(), Vec::new()),
            None => Default::default(),
        };
        let mut details = Details {
            now,
            diagnostics,
            operation: Both::Same(String::new()),
            query_form: Both::Same(String::new()),
            commands,
            events,
            more_events,
            frames,
            frames_with: query.get("frames").unwrap_or_default().to_owned(),
            findings,
            told: Told::of(query, &site),
            identities: present.by_identity().map(|charger| charger.charge_point.identity.to_string()).collect(),
            asked,
            span,
            values,
            sequence: charger.as_ref().map_or(present.settings().phase_sequence, |charger| {
                present.wiring(charger.key).reported(present.settings())
            }),
            share: charger.as_ref().and_then(|charger| share_now(&site, charger)),
            plan_number: site.plan().number,
            query: session_query(&site, &present, charger.as_ref().map(|charger| charger.key), query).await?,
            charger: charger.map(|charger| charger_details(&site, &charger, now.at)),
        };
        let role = role();
        details.operation = Both::of(|lang| still::groups(lang, &details, &operation, role).into_string());
        details.query_form = Both::of(|lang| still::session_query(lang, &details).into_string());
        Ok(details)
    }

    /// Events that are shown: the newest, and when more are asked for.
    const EVENTS: [u32; 2] = [12, 500];
    /// Raw frames that are shown, and the most characters of each.
    const FRAMES: usize = 20;
    const FRAME_MOST: usize = 600;

    async fn frames(
        site: &Site,
        charger: &ChargePointNow,
        query: &Query,
        caller: &Caller,
    ) -> Result<Vec<FrameLine>, DataError> {
        let found = site.frames(charger.key, query.get("frames").unwrap_or_default(), FRAMES, caller).await?;
        let line = |frame: bmw_site::Frame| FrameLine {
            at: site.clock().zone().local(frame.at),
            is_in: frame.way == bmw_site::Way::In,
            text: frame.text.chars().take(FRAME_MOST).collect(),
        };
        Ok(found.into_iter().map(line).collect())
    }

    async fn values_of_span(
        site: &Site,
        charger: ChargePointKey,
        now: Timestamp,
        span: Span,
    ) -> Result<Vec<Value>, DataError> {
        let from = now.plus(-span.ms());
        let values = site.store().meter_values(charger, from, now.plus(1), READ).await?;
        let [few, many] = HAPPENINGS;
        let mut happened = site.happenings(charger, few, &caller()).await?;
        if happened.len() >= few as usize && happened.last().is_some_and(|oldest| oldest.at > from) {
            happened = site.happenings(charger, many, &caller()).await?;
        }
        let gaps = gaps(&values, &happened, from..=now);
        let mut values = shown(site, &values);
        for at in gaps {
            let at = site.clock().zone().local(at);
            let gap = Value { at, current: None, energy: None, power: None };
            values.insert(values.partition_point(|value| value.at <= at), gap);
        }
        Ok(thinned(values))
    }

    /// By how much the clock of a charge point may differ from ours, ms: what it has measured right after it came back may seem to
    /// be from before.
    const CLOCKS_MS: i64 = 60_000;

    /// When contact was lost in a time, of a charge point whose happenings are these, newest first. What was measured without
    /// contact and told later leaves no gap.
    fn gaps(values: &[MeterValue], happened: &[Happening], time: RangeInclusive<Timestamp>) -> Vec<Timestamp> {
        let mut found = Vec::new();
        let mut until = Timestamp(i64::MAX);
        for happening in happened {
            match happening.kind {
                HappeningKind::Connected => until = happening.at,
                HappeningKind::Lost if time.contains(&happening.at) => {
                    let lost = happening.at;
                    let next = values.get(values.partition_point(|value| value.at <= lost));
                    if next.is_none_or(|next| until.since(next.at) <= CLOCKS_MS) {
                        found.push(lost);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// What charts show of measured values. One that measures something else is no gap.
    fn shown(site: &Site, measured: &[MeterValue]) -> Vec<Value> {
        measured.iter().map(|measured| value(site, measured)).filter(|value| !value.is_gap()).collect()
    }

    fn value(site: &Site, measured: &MeterValue) -> Value {
        Value {
            at: site.clock().zone().local(measured.at),
            current: measured.currents.0.into_iter().flatten().reduce(f64::max),
            energy: measured.energy,
            power: measured.power,
        }
    }

    /// Of a long series: of each span of time the first and the last value, the extremes of each quantity, and the gaps.
    fn thinned(values: Vec<Value>) -> Vec<Value> {
        let ends = values.first().zip(values.last()).filter(|_| values.len() > POINTS);
        let Some((first, last)) = ends.map(|(first, last)| (first.at.0, last.at.0)) else { return values };
        let length = ((last - first) / THINNED_SPANS + 1).max(1);
        let span = |value: &Value| (value.at.0 - first) / length;
        values.chunk_by(|a, b| span(a) == span(b)).flat_map(what_counts).copied().collect()
    }

    fn what_counts(values: &[Value]) -> impl Iterator<Item = &Value> {
        let quantities: [fn(&Value) -> Option<f64>; 3] =
            [|value| value.current, |value| value.energy.map(Energy::kwh), |value| value.power];
        let mut kept = BTreeSet::from([0, values.len() - 1]);
        for quantity in quantities {
            let known = || values.iter().enumerate().filter_map(|(place, value)| Some((place, quantity(value)?)));
            kept.extend(known().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place));
            kept.extend(known().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place));
        }
        let keeps = move |(place, value): (usize, &Value)| kept.contains(&place) || value.is_gap();
        values.iter().enumerate().filter(move |it| keeps(*it)).map(|(_, value)| value)
    }

    fn charger_details(site: &Site, charger: &ChargePointNow, now: Timestamp) -> ChargerDetails {
        let point = &charger.charge_point;
        let state = charger.state.clone().unwrap_or_default();
        let model = charger.model.as_deref();
        ChargerDetails {
            id: point.identity.to_string(),
            online: charger.is_online(),
            contact: charger.last_contact().map(|at| moment(site, at)),
            state: state.state,
            command: state.command,
            model: point.model_id.clone(),
            vendor: point.vendor.clone(),
            serial: point.serial_number.clone(),
            firmware: point.firmware_version.clone(),
            total_energy: point.total_energy,
            total_time: point.total_time,
            ip: point.ip.clone(),
            mac: point.mac.clone(),
            socket: state.socket,
            offered: state.current_offered,
            limit: state.current_limit,
            current: state.current,
            session_energy: state.session_energy,
            session_minutes: state.session_minutes,
            phases: state.phases,
            max_current: model.and_then(|model| model.max_current),
            min_current: model.and_then(|model| model.min_current),
            max_phases: model.and_then(|model| model.phases),
            is_charging: !charger.running.is_empty(),
            lines: lines(charger, now),
        }
    }

    async fn session_query(
        site: &Site,
        present: &Present,
        charger: Option<ChargePointKey>,
        query: &Query,
    ) -> Result<SessionQuery, DataError> {
        let date = query.get("date").and_then(Day::parse).unwrap_or_else(|| site.clock().today());
        let only = query.get("only").is_some();
        let charger = charger.filter(|_| only);
        let month = query
            .get("month")
            .and_then(|month| Day::parse(&format!("{month}-01")))
            .map_or_else(|| date.month(), Day::month);
        let last_day = Month(month.0 + 1).first_day().plus(-1);
        let marked = site.store().days_with_sessions(charger, month.first_day(), last_day).await?;
        let lines = site.sessions_of_day(date).await?;
        let to_choose = |line: SessionLine| QueryLine {
            id: line.id.0,
            cycle: line.cycle,
            charger: identity(present, line.charge_point),
            start: line.started_at.or(line.queued_at),
        };
        let sessions: Vec<QueryLine> = lines
            .iter()
            .filter(|line| charger.is_none_or(|charger| line.charge_point == charger))
            .map(to_choose)
            .collect();
        let asked: Option<i32> = query.get("record").and_then(|text| text.parse().ok());
        let chosen = asked.and_then(|id| sessions.iter().find(|line| line.id == id)).cloned();
        let opened = match &chosen {
            Some(chosen) if query.get("start").is_some() => opened(site, present, TransactionId(chosen.id)).await?,
            _ => None,
        };
        Ok(SessionQuery { date, only, month, marked, sessions, chosen, opened })
    }

    fn identity(present: &Present, key: ChargePointKey) -> String {
        present.get(key).map(|charger| charger.charge_point.identity.to_string()).unwrap_or_default()
    }

    async fn opened(site: &Site, present: &Present, id: TransactionId) -> Result<Option<OpenedSession>, DataError> {
        let Some(session) = site.session(id, &caller()).await? else {
            return Ok(None);
        };
        let measured = site.store().meter_values_of(id).await?;
        let local = |at: Option<_>| at.map(|at| site.clock().zone().local(at));
        Ok(Some(OpenedSession {
            line: line(site, present, &session),
            queued: local(session.queued_at),
            planned: local(session.planned_finish),
            values: thinned(shown(site, &measured)),
        }))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn current(at: i64, current: f64) -> Value {
            Value { at: LocalTime(at), current: Some(current), energy: None, power: None }
        }

        #[test]
        fn long_series_are_thinned_and_keep_their_end() {
            for length in [0_i64, 1, 719, 720, 721, 8640] {
                let values: Vec<Value> = (0..length).map(|at| current(at * 10_000, 16.0)).collect();
                let thin = thinned(values.clone());
                assert!((POINTS.min(values.len()) / 2..=POINTS).contains(&thin.len()), "{length}");
                assert_eq!(thin.last(), values.last());
            }
        }

        #[test]
        fn a_long_series_keeps_the_extremes_of_each_quantity_and_its_gaps() {
            let mut values: Vec<Value> = (0..8640).map(|at| current(at * 10_000, 16.0)).collect();
            values[5000].current = Some(32.0);
            values[5001].current = Some(0.0);
            values[5002].power = Some(-3.0);
            values[5003].power = Some(22_000.0);
            values[5004] = Value { current: None, ..values[5004] };
            values[5005].energy = Some(Energy::from_wh(7));
            let thin = thinned(values.clone());
            assert!(thin.len() < 2 * POINTS);
            for value in &values[5000..=5005] {
                assert!(thin.contains(value), "{value:?}");
            }
            assert!(thin.is_sorted_by_key(|value| value.at));
        }

        #[test]
        fn contact_that_was_lost_is_a_gap_unless_what_was_measured_meanwhile_came_later() {
            let happening = |at: i64, kind| Happening {
                charge_point: ChargePointKey(1),
                at: Timestamp(at * 1_000),
                kind,
                connector: None,
                status: None,
                detail: String::new(),
            };
            let measured = |at: i64| MeterValue {
                charge_point: ChargePointKey(1),
                connector: 1,
                transaction: None,
                at: Timestamp(at * 1_000),
                energy: None,
                currents: bmw_domain::phase::LineCurrents::default(),
                offered: None,
                power: None,
            };
            let newest_first = [
                happening(900, HappeningKind::Lost),
                // It came back twice.
                happening(710, HappeningKind::Connected),
                happening(700, HappeningKind::Connected),
                happening(650, HappeningKind::Status),
                happening(600, HappeningKind::Lost),
                happening(400, HappeningKind::Connected),
                happening(300, HappeningKind::Lost),
                happening(50, HappeningKind::Lost),
            ];
            let values = [100, 200, 330, 500, 800].map(measured);
            let found = |values: &[MeterValue], from: i64, to: i64| {
                gaps(values, &newest_first, Timestamp(from * 1_000)..=Timestamp(to * 1_000))
            };
            assert_eq!(found(&values, 100, 1000), [900_000, 600_000].map(Timestamp));
            assert_eq!(found(&[], 0, 800), [600_000, 300_000, 50_000].map(Timestamp));
            // By a clock that is late: it was measured after contact came back.
            assert_eq!(found(&[measured(690)], 550, 1000), [900_000, 600_000].map(Timestamp));
        }
    }
}
