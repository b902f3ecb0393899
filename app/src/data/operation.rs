//! What the forms of commands on the details page know of the charge point: its connectors and sessions, its configuration,
//! reservations, local list and schedule, as it last answered.

use super::Moment;
use bmw_domain::calendar::LocalTime;

/// What the forms know.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Operation {
    /// The numbers of its connectors, from 1.
    pub connectors: Vec<i32>,
    /// The sessions that run: their numbers and connectors.
    pub running: Vec<(i32, i32)>,
    /// Its configuration as it was last read.
    pub configuration: Option<Configuration>,
    /// Reservations that hold.
    pub reservations: Vec<ReservationLine>,
    /// How many cards the site knows.
    pub cards: usize,
    /// The version of the local list that was last sent, and when.
    pub list_sent: Option<(i64, Moment)>,
    /// The version of the local list that it last told, and when. 0 is an empty list, −1 none at all.
    pub list_told: Option<(i64, Moment)>,
    /// The schedule of limits as it last told.
    pub schedule: Option<Schedule>,
}

/// A charge point's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// When it was read.
    pub at: Moment,
    /// Its keys.
    pub keys: Vec<ConfigurationLine>,
}

/// A key of a configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigurationLine {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Whether it cannot be changed.
    pub is_read_only: bool,
    /// Whether it was changed since, and needs a reset to take effect.
    pub needs_reset: bool,
    /// Whether its value is shown to nobody.
    pub is_secret: bool,
}

/// A reservation.
#[derive(Debug, Clone, PartialEq)]
pub struct ReservationLine {
    /// Its number.
    pub id: i64,
    /// The connector; 0 is any.
    pub connector: i64,
    /// The card that it is for.
    pub card: String,
    /// How long it holds.
    pub until: LocalTime,
}

/// The limits of a connector over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// When it was told.
    pub at: Moment,
    /// The connector; 0 is the whole charge point.
    pub connector: i64,
    /// A or W.
    pub unit: String,
    /// From when on, how much, and on how many phases where that is said.
    pub periods: Vec<(LocalTime, f64, Option<i64>)>,
}

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use crate::data::{DataError, moment};
    use bmw_domain::calendar::Timestamp;
    use bmw_domain::command::{Action, Command, CommandState};
    use bmw_site::{Caller, ChargePointNow, Clock, Site};
    use serde_json::Value;

    /// Commands that are looked through for reservations and changes of the configuration.
    const NEWEST: u32 = 100;
    /// The most keys of a configuration that are shown, and characters of each value: 500 are allowed (OCPP 1.6, 7.29).
    const KEYS: usize = 500;
    const VALUE_MOST: usize = 500;
    /// The most periods of a schedule that are shown.
    const PERIODS: usize = 100;

    /// A command that the charge point has accepted, with what was asked and answered.
    struct Accepted {
        id: i64,
        action: Action,
        arguments: Value,
        result: Value,
        at: Timestamp,
    }

    impl Accepted {
        fn of(command: &Command) -> Option<Self> {
            use CommandState::{Accepted, Effective, NoEffect};
            let is_accepted = matches!(command.state, Accepted | Effective | NoEffect);
            let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
            is_accepted.then(|| Self {
                id: command.id,
                action: command.action,
                arguments: json(&command.arguments),
                result: command.result.as_deref().map(json).unwrap_or_default(),
                at: command.history.first().map_or(Timestamp(0), |(_, at)| *at),
            })
        }
    }

    /// What the forms know for those who may not see what it has answered.
    pub fn without_answers(now: &ChargePointNow) -> Operation {
        Operation { connectors: connectors(now), ..Operation::default() }
    }

    fn connectors(now: &ChargePointNow) -> Vec<i32> {
        let mut connectors: Vec<i32> =
            now.connectors.iter().map(|connector| connector.number).filter(|number| *number > 0).collect();
        if connectors.is_empty() {
            connectors.push(1);
        }
        connectors
    }

    /// What the forms know of a charge point.
    pub async fn operation(site: &Site, now: &ChargePointNow, caller: &Caller) -> Result<Operation, DataError> {
        let accepted = |commands: Vec<Command>| commands.iter().filter_map(Accepted::of).collect::<Vec<_>>();
        let last = accepted(site.last_answers(now.key, caller).await?);
        let newest = accepted(site.commands_of(now.key, NEWEST, caller).await?);
        let last_of = |action| last.iter().find(|command| command.action == action);
        let version = |command: &Accepted, value: &Value| {
            value["listVersion"].as_i64().map(|version| (version, moment(site, command.at)))
        };
        Ok(Operation {
            connectors: connectors(now),
            running: now.running.iter().map(|session| (session.transaction.id.0, session.connector)).collect(),
            configuration: last_of(Action::GetConfiguration).map(|read| configuration(site, read, &newest)),
            reservations: reservations(site, now, &newest),
            cards: site.card_count().0,
            list_sent: last_of(Action::SendLocalList).and_then(|sent| version(sent, &sent.arguments)),
            list_told: last_of(Action::GetLocalListVersion).and_then(|told| version(told, &told.result)),
            schedule: last_of(Action::GetCompositeSchedule).and_then(|told| schedule(site, told)),
        })
    }

    /// The configuration as it was read, with what was changed since.
    fn configuration(site: &Site, read: &Accepted, newest: &[Accepted]) -> Configuration {
        let changed: Vec<&Accepted> = newest
            .iter()
            .filter(|command| command.action == Action::ChangeConfiguration && command.id > read.id)
            .collect();
        let line = |entry: &Value| {
            let key = entry["key"].as_str()?;
            // The newest change comes first.
            let change = changed.iter().find(|change| change.arguments["key"] == key);
            let value = change.map_or(&entry["value"], |change| &change.arguments["value"]);
            Some(ConfigurationLine {
                key: key.chars().take(VALUE_MOST).collect(),
                value: value.as_str().unwrap_or_default().chars().take(VALUE_MOST).collect(),
                is_read_only: entry["readonly"].as_bool().unwrap_or(false),
                is_secret: bmw_site::is_secret_key(key),
                needs_reset: change.is_some_and(|change| change.result["status"] == "RebootRequired"),
            })
        };
        let keys = read.result["configurationKey"].as_array().into_iter().flatten().filter_map(line).take(KEYS);
        let mut keys: Vec<ConfigurationLine> = keys.collect();
        keys.sort_by(|a, b| a.key.cmp(&b.key));
        Configuration { at: moment(site, read.at), keys }
    }

    /// The reservations that were accepted and are neither over, nor used, nor cancelled.
    fn reservations(site: &Site, now: &ChargePointNow, newest: &[Accepted]) -> Vec<ReservationLine> {
        let cancelled: Vec<&Value> = newest
            .iter()
            .filter(|command| command.action == Action::CancelReservation)
            .map(|command| &command.arguments["reservationId"])
            .collect();
        let line = |command: &Accepted| {
            let arguments = &command.arguments;
            let connector = arguments["connectorId"].as_i64()?;
            let until = instant(&arguments["expiryDate"]).filter(|until| *until > Clock::real())?;
            let is_used = now.running.iter().any(|session| {
                (connector == 0 || i64::from(session.connector) == connector) && session.received.0 > command.at
            });
            (!is_used && !cancelled.contains(&&arguments["reservationId"])).then_some(ReservationLine {
                id: arguments["reservationId"].as_i64()?,
                connector,
                card: arguments["idTag"].as_str().unwrap_or_default().to_owned(),
                until: site.clock().zone().local(until),
            })
        };
        newest.iter().filter(|command| command.action == Action::ReserveNow).filter_map(line).collect()
    }

    fn schedule(site: &Site, told: &Accepted) -> Option<Schedule> {
        let schedule = &told.result["chargingSchedule"];
        let start = [&told.result["scheduleStart"], &schedule["startSchedule"]];
        let start = start.into_iter().find_map(instant).unwrap_or(told.at);
        let period = |period: &Value| {
            let from = start.plus(period["startPeriod"].as_i64()?.saturating_mul(1000));
            Some((site.clock().zone().local(from), period["limit"].as_f64()?, period["numberPhases"].as_i64()))
        };
        let periods = schedule["chargingSchedulePeriod"].as_array()?.iter().filter_map(period).take(PERIODS);
        Some(Schedule {
            at: moment(site, told.at),
            connector: told.arguments["connectorId"].as_i64().unwrap_or(0),
            unit: schedule["chargingRateUnit"].as_str().unwrap_or("A").chars().take(8).collect(),
            periods: periods.collect(),
        })
    }

    /// A time as RFC 3339 has it.
    fn instant(value: &Value) -> Option<Timestamp> {
        value.as_str()?.parse::<jiff::Timestamp>().ok().map(|at| Timestamp(at.as_millisecond()))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_what_was_accepted_counts() {
            let command = |state| Command {
                id: 1,
                charge_point: bmw_domain::record::ChargePointKey(1),
                action: Action::GetConfiguration,
                arguments: "{}".to_owned(),
                state,
                result: Some(r#"{"status":"Accepted"}"#.to_owned()),
                history: vec![(CommandState::Queued, Timestamp(5))],
            };
            assert_eq!(Accepted::of(&command(CommandState::Effective)).unwrap().at, Timestamp(5));
            for state in [CommandState::Queued, CommandState::Rejected, CommandState::Failed, CommandState::TimedOut] {
                assert!(Accepted::of(&command(state)).is_none(), "{state:?}");
            }
        }

        #[test]
        fn times_of_charge_points_are_read() {
            for (text, expected) in [("1970-01-01T00:00:05Z", Some(Timestamp(5_000))), ("soon", None)] {
                assert_eq!(instant(&text.into()), expected);
            }
        }
    }
}
