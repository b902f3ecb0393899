//! Rows of the database, and the domain's words for them. The same for both databases.

use crate::{DayEnergy, Result, StoreError};
use bmw_domain::calendar::{Day, Timestamp};
use bmw_domain::charger::card::{Card, IdTag};
use bmw_domain::charger::event::Told;
use bmw_domain::charger::limit::Limits;
use bmw_domain::charger::{
    Connector, End, Finding, FindingKind, Happening, HappeningKind, Measured, Session, SessionMeter,
};
use bmw_domain::command::{Action, Command, CommandState};
use bmw_domain::diagnostics::{DiagnosticsFile, FileName};
use bmw_domain::distribution::{Distribution, Wiring};
use bmw_domain::energy::{ChargingTime, Energy};
use bmw_domain::phase::{LineCurrents, PhaseSequence};
use bmw_domain::record::{
    ChargePoint, ChargePointKey, ChargePointState, Identity, MeterValue, Model, Transaction, TransactionId,
};
use bmw_domain::settings::Settings;
use sqlx::FromRow;

#[derive(FromRow)]
pub(crate) struct TransactionRow {
    id: i32,
    charge_point: i32,
    cycle: Option<i32>,
    queued_at: Option<i64>,
    started_at: Option<i64>,
    planned_finish: Option<i64>,
    finished_at: Option<i64>,
    energy_wh: i64,
    id_tag: Option<String>,
}

impl From<TransactionRow> for Transaction {
    fn from(row: TransactionRow) -> Self {
        Self {
            id: TransactionId(row.id),
            charge_point: ChargePointKey(row.charge_point),
            cycle: row.cycle,
            queued_at: row.queued_at.map(Timestamp),
            started_at: row.started_at.map(Timestamp),
            planned_finish: row.planned_finish.map(Timestamp),
            finished_at: row.finished_at.map(Timestamp),
            energy: Energy::from_wh(row.energy_wh),
            id_tag: row.id_tag,
        }
    }
}

/// A session with what is needed to carry it on.
#[derive(FromRow)]
pub(crate) struct SessionRow {
    #[sqlx(flatten)]
    transaction: TransactionRow,
    connector: Option<i32>,
    told_start: Option<i64>,
    received_start: Option<i64>,
    register_start: Option<i64>,
    told_stop: Option<i64>,
    received_stop: Option<i64>,
    register_stop: Option<i64>,
    stop_reason: Option<String>,
    end_assumed: bool,
}

impl From<SessionRow> for Session {
    /// What a site file brought has neither connector nor register; it counts from 0 on the first one.
    fn from(row: SessionRow) -> Self {
        let transaction = Transaction::from(row.transaction);
        let started = transaction.started_at.or(transaction.queued_at).unwrap_or(Timestamp(0));
        let start = told(started, row.told_start);
        let register = row.register_start.unwrap_or(-1);
        let end = match transaction.finished_at {
            None => None,
            Some(_) if row.end_assumed => Some(End::Assumed),
            Some(_) => Some(End::Told),
        };
        let stop = transaction.finished_at.map(|at| told(at, row.told_stop));
        // What was booked of a session that has ended is what its register had gained.
        let reached = stop.filter(|_| register >= 0).map(|_| register.saturating_add(transaction.energy.wh()));
        let meter = SessionMeter::begin(register, start).resume(transaction.energy, reached, stop.unwrap_or(start));
        Self {
            connector: row.connector.unwrap_or(1),
            register,
            start,
            meter,
            end,
            stop,
            register_stop: row.register_stop,
            reason: row.stop_reason,
            received: (row.received_start.map_or(started, Timestamp), row.received_stop.map(Timestamp)),
            transaction,
        }
    }
}

/// A time that counts, with what the charge point's own clock said.
fn told(at: Timestamp, own: Option<i64>) -> Told {
    Told { at, claimed: own.map(Timestamp).filter(|own| *own != at) }
}

/// Carries a session on from its newest reading.
pub(crate) fn carry_on(session: &mut Session, newest: &Measured) {
    let energy = newest.value.energy.unwrap_or(session.transaction.energy);
    session.transaction.energy = energy;
    let time = told(newest.value.at, newest.claimed.map(|claimed| claimed.0));
    session.meter = session.meter.resume(energy, newest.register, time);
}

#[derive(FromRow)]
pub(crate) struct ConnectorRow {
    pub(crate) charge_point: i32,
    number: i32,
    state: Option<String>,
    status: Option<String>,
    error_code: Option<String>,
    info: Option<String>,
    updated_at: Option<i64>,
}

impl From<ConnectorRow> for Connector {
    fn from(row: ConnectorRow) -> Self {
        Self {
            number: row.number,
            state: row.state,
            status: row.status,
            error: row.error_code,
            info: row.info,
            since: row.updated_at.map(Timestamp),
            ..Self::default()
        }
    }
}

/// The limits of current of a charge point.
#[derive(FromRow)]
pub(crate) struct LimitsRow {
    pub(crate) charge_point: i32,
    limits: String,
}

impl TryFrom<LimitsRow> for Limits {
    type Error = StoreError;
    fn try_from(row: LimitsRow) -> Result<Self> {
        serde_json::from_str(&row.limits).map_err(|error| {
            StoreError::Corrupt(format!("limits of charge point number {}: {error}", row.charge_point))
        })
    }
}

/// Limits as they are stored.
pub(crate) fn written_limits(limits: &Limits) -> String {
    // Words and numbers always can be written.
    serde_json::to_string(limits).unwrap_or_default()
}

#[derive(FromRow)]
pub(crate) struct FindingRow {
    charge_point: i32,
    found_at: i64,
    kind: String,
    connector: Option<i32>,
    transaction_id: Option<i32>,
    detail: String,
}

impl TryFrom<FindingRow> for Finding {
    type Error = StoreError;
    fn try_from(row: FindingRow) -> Result<Self> {
        let kind = FindingKind::from_word(&row.kind);
        Ok(Self {
            charge_point: ChargePointKey(row.charge_point),
            at: Timestamp(row.found_at),
            kind: kind.ok_or_else(|| StoreError::Corrupt(format!("finding {:?}", row.kind)))?,
            connector: row.connector,
            transaction: row.transaction_id.map(TransactionId),
            detail: row.detail,
        })
    }
}

#[derive(FromRow)]
pub(crate) struct HappeningRow {
    charge_point: i32,
    happened_at: i64,
    kind: String,
    connector: Option<i32>,
    status: Option<String>,
    detail: String,
}

impl TryFrom<HappeningRow> for Happening {
    type Error = StoreError;
    fn try_from(row: HappeningRow) -> Result<Self> {
        let kind = HappeningKind::from_word(&row.kind);
        Ok(Self {
            charge_point: ChargePointKey(row.charge_point),
            at: Timestamp(row.happened_at),
            kind: kind.ok_or_else(|| StoreError::Corrupt(format!("event {:?}", row.kind)))?,
            connector: row.connector,
            status: row.status,
            detail: row.detail,
        })
    }
}

#[derive(FromRow)]
pub(crate) struct CommandRow {
    id: i64,
    charge_point: i32,
    action: String,
    arguments: String,
    state: String,
    result: Option<String>,
    history: String,
}

impl TryFrom<CommandRow> for Command {
    type Error = StoreError;
    fn try_from(row: CommandRow) -> Result<Self> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("command {}: {what}", row.id));
        Ok(Self {
            charge_point: ChargePointKey(row.charge_point),
            action: Action::from_name(&row.action).ok_or_else(|| corrupt(&row.action))?,
            state: CommandState::from_word(&row.state).ok_or_else(|| corrupt(&row.state))?,
            history: history(&row.history).ok_or_else(|| corrupt(&row.history))?,
            id: row.id,
            arguments: row.arguments,
            result: row.result,
        })
    }
}

fn history(text: &str) -> Option<Vec<(CommandState, Timestamp)>> {
    let steps: Vec<(String, i64)> = serde_json::from_str(text).ok()?;
    steps.into_iter().map(|(word, ms)| Some((CommandState::from_word(&word)?, Timestamp(ms)))).collect()
}

/// The history of a command as it is stored.
pub(crate) fn written_history(history: &[(CommandState, Timestamp)]) -> String {
    let steps: Vec<(&str, i64)> = history.iter().map(|(state, at)| (state.word(), at.0)).collect();
    // Words and numbers always can be written.
    serde_json::to_string(&steps).unwrap_or_default()
}

/// A file that is whole.
#[derive(FromRow)]
pub(crate) struct DiagnosticsRow {
    id: i64,
    charge_point: i32,
    command_id: i64,
    name: String,
    size: i64,
    received_at: Option<i64>,
}

impl TryFrom<DiagnosticsRow> for DiagnosticsFile {
    type Error = StoreError;
    fn try_from(row: DiagnosticsRow) -> Result<Self> {
        let impossible = |what: &str| StoreError::Corrupt(format!("diagnostics file {}: {what}", row.id));
        Ok(Self {
            id: row.id,
            charge_point: ChargePointKey(row.charge_point),
            command: row.command_id,
            name: FileName::of(&row.name).ok_or_else(|| impossible("its name"))?,
            size: row.size,
            received_at: row.received_at.map(Timestamp).ok_or_else(|| impossible("no time"))?,
        })
    }
}

#[derive(FromRow)]
pub(crate) struct CardRow {
    tag: String,
    card_group: Option<String>,
    blocked: bool,
    expires_at: Option<i64>,
    note: String,
}

impl TryFrom<CardRow> for Card {
    type Error = StoreError;
    fn try_from(row: CardRow) -> Result<Self> {
        let tag = |text: &str| IdTag::new(text).map_err(|error| StoreError::Corrupt(format!("card {text:?}: {error}")));
        Ok(Self {
            tag: tag(&row.tag)?,
            group: row.card_group.as_deref().map(tag).transpose()?,
            is_blocked: row.blocked,
            expires_at: row.expires_at.map(Timestamp),
            note: row.note,
        })
    }
}

/// A meter value as an earlier version has stored it.
#[derive(FromRow)]
pub(crate) struct OldMeterValueRow {
    charge_point: i32,
    connector: i32,
    transaction_id: Option<i32>,
    measured_at: i64,
    energy_wh: Option<i64>,
    current_l1: Option<f64>,
    current_l2: Option<f64>,
    current_l3: Option<f64>,
    offered: Option<f64>,
    power: Option<f64>,
    register_wh: Option<i64>,
    received_at: Option<i64>,
    claimed_at: Option<i64>,
}

impl From<OldMeterValueRow> for Measured {
    fn from(row: OldMeterValueRow) -> Self {
        Self {
            value: MeterValue {
                charge_point: ChargePointKey(row.charge_point),
                connector: row.connector,
                transaction: row.transaction_id.map(TransactionId),
                at: Timestamp(row.measured_at),
                energy: row.energy_wh.map(Energy::from_wh),
                currents: LineCurrents([row.current_l1, row.current_l2, row.current_l3]),
                offered: row.offered,
                power: row.power,
            },
            register: row.register_wh,
            claimed: row.claimed_at.map(Timestamp),
            received: Timestamp(row.received_at.unwrap_or(row.measured_at)),
        }
    }
}

#[derive(FromRow)]
pub(crate) struct ModelRow {
    id: String,
    max_current: Option<f64>,
    min_current: Option<f64>,
    phases: Option<i32>,
}

impl From<ModelRow> for Model {
    fn from(row: ModelRow) -> Self {
        Self { id: row.id, max_current: row.max_current, min_current: row.min_current, phases: row.phases }
    }
}

#[derive(FromRow)]
pub(crate) struct ChargePointRow {
    pub(crate) id: i32,
    identity: String,
    model_id: String,
    vendor: Option<String>,
    serial_number: Option<String>,
    firmware_version: Option<String>,
    total_energy_wh: Option<i64>,
    total_time_ms: Option<i64>,
    ip: Option<String>,
    mac: Option<String>,
    pub(crate) has_sessions: bool,
    pub(crate) last_cycle: i32,
    pub(crate) newest_start: Option<i64>,
}

impl TryFrom<ChargePointRow> for ChargePoint {
    type Error = StoreError;
    fn try_from(row: ChargePointRow) -> Result<Self> {
        Ok(Self {
            identity: identity(&row.identity)?,
            model_id: row.model_id,
            vendor: row.vendor,
            serial_number: row.serial_number,
            firmware_version: row.firmware_version,
            total_energy: row.total_energy_wh.map(Energy::from_wh),
            total_time: row.total_time_ms.map(ChargingTime::from_ms),
            ip: row.ip,
            mac: row.mac,
        })
    }
}

/// An identity that was checked before it was stored.
pub(crate) fn identity(text: &str) -> Result<Identity> {
    Identity::new(text).map_err(|error| StoreError::Corrupt(format!("charge point {text:?}: {error}")))
}

#[derive(FromRow)]
pub(crate) struct StateRow {
    pub(crate) charge_point: i32,
    state: Option<String>,
    command: Option<String>,
    socket: Option<String>,
    current_offered: Option<i32>,
    current_limit: Option<i32>,
    current_drawn: Option<i32>,
    session_energy: Option<i32>,
    session_minutes: Option<i32>,
    phases: Option<i32>,
    last_contact: Option<i64>,
}

impl From<StateRow> for ChargePointState {
    fn from(row: StateRow) -> Self {
        Self {
            state: row.state,
            command: row.command,
            socket: row.socket,
            current_offered: row.current_offered,
            current_limit: row.current_limit,
            current: row.current_drawn,
            session_energy: row.session_energy,
            session_minutes: row.session_minutes,
            phases: row.phases,
            last_contact: row.last_contact.map(Timestamp),
        }
    }
}

#[derive(FromRow)]
pub(crate) struct SettingsRow {
    card_reader_port: String,
    installation_year: i32,
    installation_month: i32,
    current_distribution: bool,
    meter_port: String,
    phase_sequence: String,
    currency: i32,
    energy_step: f64,
    time_step: i32,
    priority_per_energy_step: i32,
    priority_per_time_step: i32,
    energy_per_count: f64,
    internal_testing: bool,
    max_current_a: i32,
    max_current_b: i32,
    max_current_c: i32,
}

impl TryFrom<SettingsRow> for Settings {
    type Error = StoreError;
    fn try_from(row: SettingsRow) -> Result<Self> {
        Ok(Self {
            card_reader_port: row.card_reader_port,
            installation_year: setting(row.installation_year)?,
            installation_month: setting(row.installation_month)?,
            current_distribution: row.current_distribution,
            meter_port: row.meter_port,
            phase_sequence: PhaseSequence::parse(&row.phase_sequence)
                .ok_or_else(|| StoreError::Corrupt(format!("phase sequence {:?}", row.phase_sequence)))?,
            currency: setting(row.currency)?,
            energy_step: row.energy_step,
            time_step: setting(row.time_step)?,
            priority_per_energy_step: setting(row.priority_per_energy_step)?,
            priority_per_time_step: setting(row.priority_per_time_step)?,
            energy_per_count: row.energy_per_count,
            internal_testing: row.internal_testing,
            max_current: [setting(row.max_current_a)?, setting(row.max_current_b)?, setting(row.max_current_c)?],
        })
    }
}

fn setting<T: TryFrom<i32>>(stored: i32) -> Result<T> {
    T::try_from(stored).map_err(|_| StoreError::Corrupt(format!("setting {stored}")))
}

/// A setting as it is stored; those over the column's range never pass the settings' own rules.
pub(crate) fn stored_setting(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[derive(FromRow)]
pub(crate) struct DistributionRow {
    headroom: i32,
    safe: i32,
    turn: i32,
    has_meter: bool,
}

impl TryFrom<DistributionRow> for Distribution {
    type Error = StoreError;
    fn try_from(row: DistributionRow) -> Result<Self> {
        Ok(Self {
            headroom: setting(row.headroom)?,
            safe: setting(row.safe)?,
            turn: setting(row.turn)?,
            has_meter: row.has_meter,
        })
    }
}

/// How a charge point is connected.
#[derive(FromRow)]
pub(crate) struct WiringRow {
    charge_point: i32,
    phase_sequence: Option<String>,
    reports_rotated: bool,
    cable: Option<i32>,
    most: Option<i32>,
    is_apart: bool,
}

impl TryFrom<WiringRow> for (ChargePointKey, Wiring) {
    type Error = StoreError;
    fn try_from(row: WiringRow) -> Result<Self> {
        let sequence = |text: String| {
            PhaseSequence::parse(&text).ok_or_else(|| StoreError::Corrupt(format!("phase sequence {text:?}")))
        };
        let wiring = Wiring {
            sequence: row.phase_sequence.map(sequence).transpose()?,
            reports_rotated: row.reports_rotated,
            cable: row.cable.map(setting).transpose()?,
            most: row.most.map(setting).transpose()?,
            is_apart: row.is_apart,
        };
        Ok((ChargePointKey(row.charge_point), wiring))
    }
}

#[derive(FromRow)]
pub(crate) struct DayEnergyRow {
    charge_point: i32,
    day: i32,
    energy_wh: i64,
}

impl From<DayEnergyRow> for DayEnergy {
    fn from(row: DayEnergyRow) -> Self {
        Self {
            charge_point: ChargePointKey(row.charge_point),
            day: Day(row.day),
            energy: Energy::from_wh(row.energy_wh),
        }
    }
}

/// Totals of the sessions that a filter lets through, and the ids that bound them.
#[derive(FromRow)]
pub(crate) struct TotalsRow {
    pub(crate) sessions: i64,
    pub(crate) energy_wh: i64,
    pub(crate) time_ms: i64,
    pub(crate) first_id: Option<i32>,
    pub(crate) last_id: Option<i32>,
}

/// A session of a site file on its way into the database.
pub(crate) struct NewSession<'a> {
    pub(crate) id: i32,
    pub(crate) charge_point: i32,
    pub(crate) cycle: Option<i32>,
    pub(crate) queued_at: Option<i64>,
    pub(crate) started_at: Option<i64>,
    pub(crate) planned_finish: Option<i64>,
    pub(crate) finished_at: Option<i64>,
    pub(crate) energy_wh: i64,
    pub(crate) id_tag: Option<&'a std::sync::Arc<str>>,
    pub(crate) listed_day: Option<i32>,
    pub(crate) counted_day: Option<i32>,
}
