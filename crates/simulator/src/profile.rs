//! Charging profiles: which limit holds when (OCPP 1.6, 3.13).

use crate::car::VOLTS;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SECONDS_A_DAY: i64 = 86_400;

/// What a profile is for (OCPP 1.6, 7.11 `ChargingProfilePurposeType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Limits the whole charge point.
    ChargePointMax,
    /// Limits sessions that have no profile of their own.
    TxDefault,
    /// Limits one session.
    Tx,
}

/// What the times of a schedule count from (OCPP 1.6, 7.10 `ChargingProfileKindType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A time; without one the start of the session.
    From(Option<i64>),
    /// A time, and again after so many s.
    Every(i64, i64),
    /// The start of the session.
    Relative,
}

/// A charging profile. Times are s since 1970 by the charge point's own clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub id: i64,
    pub connector: i64,
    stack_level: i64,
    pub purpose: Purpose,
    kind: Kind,
    /// The session that it is for, by its number.
    transaction: Option<i64>,
    /// Valid from, and before.
    valid: (Option<i64>, Option<i64>),
    /// How long the schedule lasts, s.
    duration: Option<i64>,
    /// Limits in A, each from so many s on.
    periods: Vec<(i64, f64)>,
}

impl Profile {
    /// Reads a profile for a connector of a charge point that has so many phases; `None` for what cannot be one. `shown` is
    /// what the charge point's own clock shows at an instant: the schedule goes by that one. What lasts from an instant on ends at
    /// an instant, so that it lasts longer by a clock that is faster; what counts from a session's start goes by that clock alone.
    pub fn read(connector: i64, profile: &Value, phases: u32, speed: f64, shown: impl Fn(i64) -> i64) -> Option<Self> {
        let time = |value: &Value| time(value).map(|at| at.map(&shown));
        let purpose = match profile["chargingProfilePurpose"].as_str()? {
            "ChargePointMaxProfile" if connector == 0 => Purpose::ChargePointMax,
            "TxDefaultProfile" if connector <= 1 => Purpose::TxDefault,
            "TxProfile" if connector == 1 => Purpose::Tx,
            _ => return None,
        };
        let schedule = &profile["chargingSchedule"];
        let start = time(&schedule["startSchedule"]).ok()?;
        let kind = match (profile["chargingProfileKind"].as_str()?, profile["recurrencyKind"].as_str()) {
            ("Absolute", _) => Kind::From(start),
            ("Recurring", Some("Daily")) => Kind::Every(start?, SECONDS_A_DAY),
            ("Recurring", Some("Weekly")) => Kind::Every(start?, 7 * SECONDS_A_DAY),
            ("Relative", _) => Kind::Relative,
            _ => return None,
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // seconds of some years
        let lasting = |seconds: i64| match kind {
            Kind::From(Some(_)) => (seconds as f64 * speed) as i64,
            _ => seconds,
        };
        let is_watts = match schedule["chargingRateUnit"].as_str()? {
            "A" => false,
            "W" => true,
            _ => return None,
        };
        let period = |period: &Value| {
            let limit = period["limit"].as_f64().filter(|limit| *limit >= 0.0)?;
            let phases =
                period["numberPhases"].as_u64().map_or(f64::from(phases), |it| if it == 1 { 1.0 } else { 3.0 });
            Some((lasting(period["startPeriod"].as_i64()?), if is_watts { limit / VOLTS / phases } else { limit }))
        };
        let periods: Vec<_> =
            schedule["chargingSchedulePeriod"].as_array()?.iter().map(period).collect::<Option<_>>()?;
        if periods.first()?.0 != 0 || !periods.is_sorted_by(|one, next| one.0 < next.0) {
            return None;
        }
        Some(Self {
            id: profile["chargingProfileId"].as_i64()?,
            connector,
            stack_level: profile["stackLevel"].as_i64().filter(|level| *level >= 0)?,
            purpose,
            kind,
            transaction: profile["transactionId"].as_i64(),
            valid: (time(&profile["validFrom"]).ok()?, time(&profile["validTo"]).ok()?),
            duration: schedule["duration"].as_i64().map(lasting),
            periods,
        })
    }

    /// The start of the schedule that holds at a time.
    fn start(&self, at: i64, session: i64) -> i64 {
        match self.kind {
            Kind::From(Some(start)) => start,
            Kind::Every(start, every) => start + (at - start).div_euclid(every) * every,
            Kind::From(None) | Kind::Relative => session,
        }
    }

    /// The limit at a time, A; `None` where it says nothing.
    fn limit(&self, at: i64, session: i64) -> Option<f64> {
        let (from, to) = self.valid;
        let passed = at - self.start(at, session);
        let is_over = self.duration.is_some_and(|duration| passed >= duration);
        // A recurring one began at its first time.
        let is_early = matches!(self.kind, Kind::Every(first, _) if at < first);
        if from.is_some_and(|from| at < from) || to.is_some_and(|to| at >= to) || is_over || is_early {
            return None;
        }
        self.periods.iter().rev().find(|(start, _)| *start <= passed).map(|(_, limit)| *limit)
    }

    /// When it may say something else, between two times.
    fn edges(&self, from: i64, to: i64, session: i64) -> Vec<i64> {
        let mut edges: Vec<i64> = [self.valid.0, self.valid.1].into_iter().flatten().collect();
        let mut start = self.start(from, session);
        loop {
            edges.push(start);
            edges.extend(self.periods.iter().map(|(period, _)| start + period));
            edges.extend(self.duration.map(|duration| start + duration));
            match self.kind {
                Kind::Every(_, every) if start + every < to => start += every,
                _ => break,
            }
        }
        edges.retain(|edge| (from..to).contains(edge));
        edges
    }
}

/// A time that may be missing, but not be unreadable.
fn time(value: &Value) -> Result<Option<i64>, jiff::Error> {
    match value {
        Value::Null => Ok(None),
        value => value.as_str().unwrap_or_default().parse::<Timestamp>().map(|at| Some(at.as_second())),
    }
}

/// A session, as far as profiles know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InSession {
    /// Its number, once it has one.
    pub transaction: Option<i64>,
    /// When it began.
    pub since: i64,
}

/// All profiles of a charge point.
#[derive(Debug, Clone, Default)]
pub struct Profiles(Vec<Profile>);

impl Profiles {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a profile in: in the place of the one of its id, and of the one at its level. `false` for one of a session that
    /// does not run.
    pub fn put(&mut self, profile: Profile, session: Option<InSession>) -> bool {
        if profile.purpose == Purpose::Tx {
            let is_of =
                |session: InSession| profile.transaction.is_none() || profile.transaction == session.transaction;
            if !session.is_some_and(is_of) {
                return false;
            }
        }
        let place = |it: &Profile| (it.purpose, it.connector, it.stack_level);
        self.0.retain(|it| it.id != profile.id && place(it) != place(&profile));
        self.0.push(profile);
        true
    }

    /// Takes away the profiles that a request is about (OCPP 1.6, 5.5); `false` when there are none.
    pub fn clear(&mut self, request: &Value) -> bool {
        let purpose = match request["chargingProfilePurpose"].as_str() {
            Some("ChargePointMaxProfile") => Some(Purpose::ChargePointMax),
            Some("TxDefaultProfile") => Some(Purpose::TxDefault),
            Some("TxProfile") => Some(Purpose::Tx),
            _ => None,
        };
        let before = self.0.len();
        self.0.retain(|it| match request["id"].as_i64() {
            Some(id) => it.id != id,
            None => {
                request["connectorId"].as_i64().is_some_and(|wanted| wanted != it.connector)
                    || purpose.is_some_and(|wanted| wanted != it.purpose)
                    || request["stackLevel"].as_i64().is_some_and(|wanted| wanted != it.stack_level)
            }
        });
        self.0.len() < before
    }

    /// A session has ended, and its profiles with it.
    pub fn end_session(&mut self) {
        self.0.retain(|it| it.purpose != Purpose::Tx);
    }

    /// What the profiles for a purpose say at a time: the highest level that says something, and among the defaults the
    /// connector's own before those of all connectors.
    fn leading(&self, purpose: Purpose, at: i64, session: i64) -> Option<f64> {
        let of = self.0.iter().filter(|it| it.purpose == purpose);
        let saying = of.filter_map(|it| Some(((it.connector, it.stack_level), it.limit(at, session)?)));
        saying.max_by_key(|(place, _)| *place).map(|(_, limit)| limit)
    }

    /// The most that may be drawn on each phase at a time, A, of a charge point that gives so much. Without a session the
    /// defaults count as for one that begins `now`.
    pub fn limit(&self, at: i64, most: f64, session: Option<InSession>, now: i64) -> f64 {
        let since = session.map_or(now, |session| session.since);
        let own = session.and_then(|_| self.leading(Purpose::Tx, at, since));
        let of_session = own.or_else(|| self.leading(Purpose::TxDefault, at, since));
        let of_all = self.leading(Purpose::ChargePointMax, at, since);
        of_session.into_iter().chain(of_all).fold(most, f64::min)
    }

    /// The limits from now on for so many s: each from so many s on, A.
    pub fn composite(&self, now: i64, duration: i64, most: f64, session: Option<InSession>) -> Vec<(i64, f64)> {
        let since = session.map_or(now, |session| session.since);
        let end = now.saturating_add(duration);
        let edges: BTreeSet<i64> = self.0.iter().flat_map(|it| it.edges(now, end, since)).chain([now]).collect();
        let mut periods: Vec<(i64, f64)> = Vec::new();
        for edge in edges {
            let limit = self.limit(edge, most, session, now);
            if periods.last().is_none_or(|(_, last)| (last - limit).abs() > f64::EPSILON) {
                periods.push((edge - now, limit));
            }
        }
        periods
    }
}

/// The answer to `GetCompositeSchedule` (OCPP 1.6, 5.7) of a charge point with one connector and so many phases, whose own
/// clock shows `now`.
pub fn composite(
    profiles: &Profiles,
    request: &Value,
    session: Option<InSession>,
    now: i64,
    most: f64,
    phases: u32,
) -> Value {
    /// More would not be read by anybody.
    const DURATION_MOST: i64 = 366 * SECONDS_A_DAY;
    let connector = request["connectorId"].as_i64().filter(|connector| (0..=1).contains(connector));
    let duration = request["duration"].as_i64().filter(|duration| *duration > 0);
    let (Some(connector), Some(duration)) = (connector, duration.map(|it| it.min(DURATION_MOST))) else {
        return json!({ "status": "Rejected" });
    };
    let start = Timestamp::now();
    let is_watts = request["chargingRateUnit"] == "W";
    let period = |(start, limit): (i64, f64)| {
        let limit = if is_watts { limit * VOLTS * f64::from(phases) } else { limit };
        // The protocol has one decimal.
        json!({ "startPeriod": start, "limit": (limit * 10.0).round() / 10.0, "numberPhases": phases })
    };
    let periods: Vec<Value> = profiles.composite(now, duration, most, session).into_iter().map(period).collect();
    let start = Timestamp::from_second(start.as_second()).unwrap_or(start).to_string();
    json!({
        "status": "Accepted", "connectorId": connector, "scheduleStart": start,
        "chargingSchedule": {
            "duration": duration, "startSchedule": start, "chargingRateUnit": if is_watts { "W" } else { "A" },
            "chargingSchedulePeriod": periods,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000;
    const MOST: f64 = 32.0;

    fn profile(id: i64, level: i64, purpose: &str, kind: &Value, schedule: Value) -> Profile {
        let mut whole = json!({
            "chargingProfileId": id, "stackLevel": level, "chargingProfilePurpose": purpose, "chargingSchedule": schedule,
        });
        for (name, value) in kind.as_object().unwrap() {
            whole[name] = value.clone();
        }
        Profile::read(i64::from(purpose != "ChargePointMaxProfile"), &whole, 3, 1.0, |at| at).unwrap()
    }

    fn amperes(periods: &[(i64, f64)]) -> Value {
        let periods: Vec<Value> =
            periods.iter().map(|(start, limit)| json!({ "startPeriod": start, "limit": limit })).collect();
        json!({ "chargingRateUnit": "A", "chargingSchedulePeriod": periods })
    }

    fn at(seconds: i64) -> String {
        Timestamp::from_second(NOW + seconds).unwrap().to_string()
    }

    fn session(seconds_ago: i64) -> InSession {
        InSession { transaction: Some(7), since: NOW - seconds_ago }
    }

    #[test]
    fn without_profiles_all_is_offered() {
        assert_eq!(Profiles::default().composite(NOW, 100, MOST, None), [(0, MOST)]);
    }

    #[test]
    fn the_highest_level_leads_as_long_as_it_says_something() {
        let mut profiles = Profiles::default();
        let relative = json!({ "chargingProfileKind": "Relative" });
        assert!(profiles.put(profile(1, 0, "TxDefaultProfile", &relative, amperes(&[(0, 10.0), (600, 20.0)])), None));
        let mut short = amperes(&[(0, 6.0)]);
        short["duration"] = 300.into();
        assert!(profiles.put(profile(2, 1, "TxDefaultProfile", &relative, short), None));
        // The session began 100 s ago.
        assert_eq!(profiles.composite(NOW, 3_600, MOST, Some(session(100))), [(0, 6.0), (200, 10.0), (500, 20.0)]);
        assert_eq!(profiles.composite(NOW, 300, MOST, Some(session(100))), [(0, 6.0), (200, 10.0)]);
        // Without one it is as if one began now.
        assert_eq!(profiles.composite(NOW, 3_600, MOST, None), [(0, 6.0), (300, 10.0), (600, 20.0)]);
    }

    #[test]
    fn a_sessions_own_profile_leads_before_the_default_and_the_charge_points_limits_both() {
        let mut profiles = Profiles::default();
        let relative = json!({ "chargingProfileKind": "Relative" });
        let absolute = json!({ "chargingProfileKind": "Absolute" });
        let own = profile(1, 0, "TxProfile", &relative, amperes(&[(0, 25.0)]));
        assert!(!profiles.put(own.clone(), None), "no session runs");
        assert!(profiles.put(own.clone(), Some(session(0))));
        assert!(!profiles.put(Profile { transaction: Some(8), ..own }, Some(session(0))), "another session");
        assert!(profiles.put(profile(2, 9, "TxDefaultProfile", &relative, amperes(&[(0, 6.0)])), None));
        let mut night = amperes(&[(0, 16.0)]);
        night["startSchedule"] = at(50).into();
        night["duration"] = 100.into();
        assert!(profiles.put(profile(3, 0, "ChargePointMaxProfile", &absolute, night), None));
        assert_eq!(profiles.composite(NOW, 1_000, MOST, Some(session(0))), [(0, 25.0), (50, 16.0), (150, 25.0)]);
        assert_eq!(profiles.composite(NOW, 1_000, 20.0, Some(session(0))), [(0, 20.0), (50, 16.0), (150, 20.0)]);
        profiles.end_session();
        assert_eq!(profiles.composite(NOW, 1_000, MOST, None), [(0, 6.0)]);
    }

    #[test]
    fn schedules_recur_and_are_valid_for_a_time() {
        let mut profiles = Profiles::default();
        let daily = json!({
            "chargingProfileKind": "Recurring", "recurrencyKind": "Daily", "validTo": at(3 * SECONDS_A_DAY),
        });
        let mut schedule = amperes(&[(0, 8.0), (3_600, 12.0)]);
        // It began two days and an hour ago, and lasts two hours each day.
        schedule["startSchedule"] = at(-2 * SECONDS_A_DAY - 3_600).into();
        schedule["duration"] = 7_200.into();
        assert!(profiles.put(profile(1, 0, "ChargePointMaxProfile", &daily, schedule), None));
        let day = SECONDS_A_DAY;
        assert_eq!(
            profiles.composite(NOW, 2 * day, MOST, None),
            [(0, 12.0), (3_600, MOST), (day - 3_600, 8.0), (day, 12.0), (day + 3_600, MOST), (2 * day - 3_600, 8.0)]
        );
        let long = profiles.composite(NOW, 10 * day, MOST, None);
        assert_eq!(long.last(), Some(&(3 * day, MOST)), "it is valid no more: {long:?}");
    }

    #[test]
    fn profiles_are_replaced_and_taken_away() {
        let relative = json!({ "chargingProfileKind": "Relative" });
        let default = |id, level, limit| profile(id, level, "TxDefaultProfile", &relative, amperes(&[(0, limit)]));
        let mut profiles = Profiles::default();
        for profile in [default(1, 0, 10.0), default(1, 1, 11.0), default(2, 1, 12.0)] {
            assert!(profiles.put(profile, None));
        }
        assert_eq!(profiles.0.len(), 1, "the same id, then the same level");
        assert_eq!(profiles.composite(NOW, 1, MOST, None), [(0, 12.0)]);
        assert!(!profiles.clear(&json!({ "id": 1 })));
        assert!(!profiles.clear(&json!({ "chargingProfilePurpose": "TxProfile" })));
        assert!(profiles.clear(&json!({ "stackLevel": 1, "connectorId": 1 })));
        assert!(profiles.is_empty());
    }

    #[test]
    fn what_cannot_be_a_profile_is_none_and_watts_are_shared_by_the_phases() {
        let good = json!({
            "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "W", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 6_900.0 }],
            },
        });
        assert_eq!(Profile::read(1, &good, 3, 1.0, |at| at).unwrap().periods, [(0, 10.0)]);
        assert_eq!(Profile::read(1, &good, 1, 1.0, |at| at).unwrap().periods, [(0, 30.0)]);
        assert!(Profile::read(2, &good, 3, 1.0, |at| at).is_none(), "there is one connector");
        for (pointer, wrong) in [
            ("/chargingProfilePurpose", json!("ChargePointMaxProfile")),
            ("/chargingProfileKind", json!("Recurring")),
            ("/stackLevel", json!(-1)),
            ("/chargingSchedule/chargingRateUnit", json!("V")),
            ("/chargingSchedule/chargingSchedulePeriod", json!([])),
            ("/chargingSchedule/chargingSchedulePeriod/0/startPeriod", json!(5)),
            ("/chargingSchedule/chargingSchedulePeriod/0/limit", json!(-1)),
        ] {
            let mut broken = good.clone();
            *broken.pointer_mut(pointer).unwrap() = wrong;
            assert!(Profile::read(1, &broken, 3, 1.0, |at| at).is_none(), "{pointer}");
        }
        let mut broken = good.clone();
        broken["validFrom"] = json!("soon");
        assert!(Profile::read(1, &broken, 3, 1.0, |at| at).is_none());
    }

    #[test]
    fn the_composite_schedule_is_told_in_the_unit_that_is_asked_for() {
        let mut profiles = Profiles::default();
        let relative = json!({ "chargingProfileKind": "Relative" });
        profiles.put(profile(1, 0, "TxDefaultProfile", &relative, amperes(&[(0, 10.0)])), None);
        let told = composite(&profiles, &json!({ "connectorId": 1, "duration": 60 }), None, NOW, MOST, 3);
        assert_eq!(told["status"], "Accepted");
        assert_eq!(told["chargingSchedule"]["chargingRateUnit"], "A");
        assert_eq!(
            told["chargingSchedule"]["chargingSchedulePeriod"],
            json!([{ "startPeriod": 0, "limit": 10.0, "numberPhases": 3 }])
        );
        let in_watts = json!({ "connectorId": 0, "duration": 60, "chargingRateUnit": "W" });
        let told = composite(&profiles, &in_watts, None, NOW, MOST, 3);
        assert_eq!(told["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"], 6_900.0);
        for wrong in [json!({ "connectorId": 2, "duration": 60 }), json!({ "connectorId": 1, "duration": 0 })] {
            assert_eq!(composite(&profiles, &wrong, None, NOW, MOST, 3), json!({ "status": "Rejected" }));
        }
    }
}
