//! The distribution of the site's current as the pages show it.

#[cfg(feature = "ssr")]
use super::{DataError, Query, caller, moment, now, role, site};
use super::{Moment, Told};
use crate::text::Both;
use bmw_domain::distribution::{Current, Rules, Supply, Taker};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the distribution page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DistributionPage {
    /// When this was.
    pub now: Moment,
    /// The number of the plan: the feed tells of later ones.
    pub number: i64,
    /// When the plan was made: now, or the stored moment that is looked at.
    pub at: Moment,
    /// Whether it is a stored one.
    pub is_past: bool,
    /// What there is.
    pub supply: Supply,
    /// How turns are taken.
    pub rules: Rules,
    /// The charge points, the first in the queue first. What is planned for them is planned again where the page is drawn.
    pub chargers: Vec<ShareLine>,
    /// What must be said of the whole.
    pub notices: Both,
    /// How many are not listed.
    pub idle: Both,
    /// The form by which something is tried out.
    pub try_form: Both,
    /// What was asked by a form without WebAssembly, by the names of its fields.
    pub typed: BTreeMap<String, String>,
    /// What was planned on a day, as a chart.
    pub day: Both,
    /// The forms of the settings.
    pub forms: Both,
    /// What came of a form.
    pub told: Told,
}

/// A charge point, as far as current goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareLine {
    /// Who.
    pub id: String,
    /// As the plan is made of it.
    pub taker: Taker,
    /// What it was told last, where that holds.
    pub told: Option<Current>,
    /// What it may draw, as far as anything is known.
    pub may: Current,
}

impl ShareLine {
    /// Whether there is anything to be seen of it: a car, or current that is kept free for it.
    pub fn is_listed(&self) -> bool {
        self.taker.session.is_some() || self.may > Current::ZERO || !self.taker.is_told()
    }
}

/// A charge point's share as its own page shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareNow {
    /// What it was told last, where that holds.
    pub told: Option<Current>,
    /// What is planned.
    pub planned: Current,
    /// Why, in words.
    pub reason: Both,
}

/// The words of the forms of the distribution, in the place of a command's.
#[cfg(feature = "ssr")]
pub mod distribution_word {
    /// Saves the settings.
    pub const SAVE: &str = "save-distribution";
    /// Saves how a charge point is connected.
    pub const WIRE: &str = "save-wiring";
}

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use crate::data::refused::Refused;
    use crate::data::settings::Typed;
    use crate::pages::still::distribution::{Day, Forms, Trying, idle, notices};
    use bmw_domain::account::Right;
    use bmw_domain::calendar::{LocalTime, Timestamp};
    use bmw_domain::distribution::{Distribution, DistributionField, Standing, Wiring};
    use bmw_domain::field::FieldError;
    use bmw_domain::phase::Phase;
    use bmw_site::{ChargePointNow, NotSaved, Plan, Site};
    use std::cmp::Reverse;

    const MS_A_DAY: i64 = 86_400_000;

    /// Everything that the page shows, by its query string.
    pub async fn distribution(query: &Query) -> Result<DistributionPage, DataError> {
        let site = site()?;
        caller().check(Right::Read)?;
        let now = now(&site);
        // A day that somebody has chosen, else the last 24 hours.
        let until = query.get("at").and_then(local_time).map_or(now.at, |local| site.clock().zone().instant(local));
        let is_past = until < now.at;
        let plans = site.plans(until.plus(-MS_A_DAY), until.plus(1)).await?;
        let present = site.plan().clone();
        let plan = if is_past {
            plans.last().cloned().unwrap_or_else(|| no_plan(&present, until))
        } else {
            Plan::clone(&present)
        };
        let role = role();
        let chargers = lines(&site, &plan);
        let typed = typed(query);
        let trying = Trying { supply: &plan.supply, chargers: &chargers, typed: &typed, at: query.get("at") };
        let past = is_past.then(|| site.clock().zone().local(plan.at));
        let day = Day::new(&site, &plans, (until.plus(-MS_A_DAY), until), phase_of(query));
        let forms = Forms::new(&site, query.get("charger"));
        Ok(DistributionPage {
            now,
            number: present.number,
            at: if is_past { moment(&site, plan.at) } else { now },
            is_past,
            supply: plan.supply,
            rules: plan.rules,
            notices: Both::of(|lang| notices(lang, &present, past).into_string()),
            idle: Both::of(|lang| idle(lang, &chargers).into_string()),
            try_form: Both::of(|lang| trying.draw(lang).into_string()),
            chargers,
            typed,
            day: Both::of(|lang| day.draw(lang, query).into_string()),
            forms: Both::of(|lang| forms.draw(lang, role).into_string()),
            told: Told::of(query, &site),
        })
    }

    /// A time when nothing was planned, or nothing of it is kept.
    fn no_plan(present: &Plan, at: Timestamp) -> Plan {
        Plan { at, standings: Vec::new(), ..present.clone() }
    }

    fn local_time(text: &str) -> Option<LocalTime> {
        // As a browser's field has it, without seconds.
        LocalTime::parse(text).or_else(|| LocalTime::parse(&[text, ":00"].concat()))
    }

    fn phase_of(query: &Query) -> Phase {
        let word = query.get("phase").unwrap_or_default();
        Phase::ALL.into_iter().find(|phase| word.starts_with(phase.letter())).unwrap_or(Phase::A)
    }

    /// The fields of what is tried out.
    fn typed(query: &Query) -> BTreeMap<String, String> {
        let is_tried = |name: &str| name.starts_with(super::TRIED);
        query
            .pairs()
            .filter(|(name, _)| is_tried(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Who charges, by what he gets; then all others.
    fn lines(site: &Site, plan: &Plan) -> Vec<ShareLine> {
        let present = site.present();
        let mut standings: Vec<&Standing> = plan.standings.iter().collect();
        standings.sort_by_key(|Standing { taker, share, .. }| {
            let has_car = taker.session.is_some();
            (
                !has_car,
                share.current <= Current::ZERO,
                Reverse(taker.priority),
                taker.session.map(|it| it.since),
                taker.key,
            )
        });
        let line = |standing: &Standing| {
            let id = present.get(standing.share.key)?.charge_point.identity.to_string();
            Some(ShareLine { id, taker: standing.taker, told: standing.told, may: standing.may })
        };
        standings.into_iter().filter_map(line).collect()
    }

    /// The share of a charge point; `None` while nothing is distributed, or it has none.
    pub fn share_now(site: &Site, now: &ChargePointNow) -> Option<ShareNow> {
        let plan = site.plan();
        let standing = *plan.standings.iter().find(|standing| standing.share.key == now.key)?;
        let local = |at| site.clock().zone().local(at);
        let (told, planned) = (standing.told, standing.share.current);
        Some(ShareNow { told, planned, reason: Both::of(|lang| lang.reason(&standing, local)) })
    }

    /// Carries out what a form of the distribution asks; else what is wrong.
    pub async fn change(site: &Site, word: &str, values: &Typed) -> Result<Vec<Refused>, DataError> {
        let caller = caller();
        // Before anything is looked at: who may not is told that first.
        caller.check(Right::Settings)?;
        let named = |name: &str| values.get(name).map(|text| text.trim()).unwrap_or_default();
        if word == distribution_word::WIRE {
            return wire(site, named).await;
        }
        let mut settings = Distribution::default();
        let set = |field: DistributionField| {
            let error = field.set(&mut settings, named(field.name())).err()?;
            Some(Refused::Distribution { field: field.name().to_owned(), error })
        };
        let wrong: Vec<Refused> = DistributionField::ALL.into_iter().filter_map(set).collect();
        if !wrong.is_empty() {
            return Ok(wrong);
        }
        match site.save_distribution(settings, &caller).await {
            Ok(()) => Ok(Vec::new()),
            Err(NotSaved::TooMuch(_, needed)) => {
                let field = DistributionField::Safe.name().to_owned();
                Ok(vec![Refused::Distribution { field, error: FieldError::UnderSafe(needed) }])
            }
            Err(NotSaved::NotDone(error)) => Err(error.into()),
        }
    }

    async fn wire<'a>(site: &Site, named: impl Fn(&str) -> &'a str) -> Result<Vec<Refused>, DataError> {
        let Some(now) = site.charge_point(Some(named("charger"))) else {
            let error = FieldError::NotAChoice;
            return Ok(vec![Refused::Distribution { field: "charger".to_owned(), error }]);
        };
        let mut wiring = Wiring::default();
        let set = |name: &'static str| {
            let text = match (name, named(name)) {
                // Boxes that are not ticked are not sent.
                ("reports_rotated" | "is_apart", "") => "0",
                (_, text) => text,
            };
            let error = wiring.set(name, text).err()?;
            Some(Refused::Distribution { field: name.to_owned(), error })
        };
        let wrong: Vec<Refused> = Wiring::NAMES.into_iter().filter_map(set).collect();
        if wrong.is_empty() {
            match site.save_wiring(now.key, wiring, &caller()).await {
                Ok(()) => {}
                Err(NotSaved::NotDone(error)) => return Err(error.into()),
                Err(NotSaved::TooMuch(..)) => return Err(DataError::Protocol),
            }
        }
        Ok(wrong)
    }
}

/// What the names of fields begin with by which something is tried out.
pub const TRIED: &str = "try_";
