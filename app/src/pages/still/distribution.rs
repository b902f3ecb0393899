//! What does not move on the distribution page: a day of plans as a chart, and the forms of what an operator says of it.

use crate::charts::backend::series_class;
use crate::charts::number::measured;
use crate::components::{Glyph, NoticeKind, Span, behind, card, choice, icon, input, notice, select};
use crate::csv::quoted;
use crate::data::{Query, ShareLine, distribution_word};
use crate::pages::distribution::{HEADROOM, TRIED_MOST, limit_name, max_name};
use crate::pages::parts::{chart_words, command_form, file_part, get_form, order};
use crate::text::Lang;
use crate::ui::cannot;
use bmw_domain::account::{Right, Role};
use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::distribution::{Current, Distribution, DistributionField, Supply, Wiring};
use bmw_domain::phase::{Phase, PhaseSequence};
use bmw_domain::record::ChargePointKey;
use bmw_site::{Plan, Site};
use maud::{Markup, PreEscaped, html};
use std::collections::BTreeMap;

/// Where the forms of this page lead back to.
const BACK: &str = "/distribution/";
/// How many charge points have an area of their own in the chart; the others are one.
const OWN: usize = 7;
/// The height of the chart and of its parts, px, and what is beside it, in the chart's own units (ten to a px).
const HEIGHT: i32 = 240;
const TOP: f64 = 120.0;
const BOTTOM: f64 = 280.0;
/// Moments further apart than this have a gap between them, ms: they are kept each five minutes.
const GAP_MS: i64 = 900_000;
const MS_AN_HOUR: i64 = 3_600_000;

/// What was planned on a phase over a day.
pub(crate) struct Day {
    phase: Phase,
    ends: (LocalTime, LocalTime),
    /// Who had most, by name; what is beyond them is of all others.
    names: Vec<String>,
    moments: Vec<DayMoment>,
}

/// A moment of it.
struct DayMoment {
    at: LocalTime,
    limit: f64,
    /// What each of [`Day::names`] had, then all others, then what was kept free, A.
    parts: Vec<f64>,
}

impl Day {
    /// Of these plans, between two instants.
    pub fn new(site: &Site, plans: &[Plan], (from, to): (Timestamp, Timestamp), phase: Phase) -> Self {
        // What is planned now holds until now.
        let newest = site.plan();
        let now = Plan { at: to, ..Plan::clone(&newest) };
        let is_now = newest.is_on && to.since(newest.at) < GAP_MS && newest.at <= to;
        let plans: Vec<&Plan> = plans.iter().chain(is_now.then_some(&now)).collect();
        let mut sums: BTreeMap<ChargePointKey, i64> = BTreeMap::new();
        let had = |plan: &Plan| -> Vec<(ChargePointKey, Current)> {
            plan.standings.iter().map(|it| (it.share.key, it.allocated(phase))).collect()
        };
        for (key, current) in plans.iter().copied().flat_map(&had) {
            #[allow(clippy::cast_possible_truncation)] // tenths of an ampere
            let tenths = (current.amperes() * 10.0) as i64;
            *sums.entry(key).or_default() += tenths;
        }
        let mut most: Vec<(ChargePointKey, i64)> = sums.into_iter().filter(|(_, sum)| *sum > 0).collect();
        most.sort_by_key(|(key, sum)| (-sum, *key));
        most.truncate(OWN);
        most.sort_by_key(|(key, _)| *key);
        let present = site.present();
        let local = |at| site.clock().zone().local(at);
        let moment = |plan: &Plan| {
            let all = had(plan);
            let of = |key| all.iter().filter(|(own, _)| *own == key).map(|(_, current)| current.amperes()).sum();
            let mut parts: Vec<f64> = most.iter().map(|(key, _)| of(*key)).collect();
            let given: f64 = all.iter().map(|(_, current)| current.amperes()).sum();
            let kept: f64 = plan.standings.iter().map(|it| it.reserves(phase).amperes()).sum();
            parts.push((given - parts.iter().sum::<f64>()).max(0.0));
            parts.push((kept - given).max(0.0));
            DayMoment { at: local(plan.at), limit: plan.supply.limits[phase.index()].amperes(), parts }
        };
        let name = |(key, _): &(ChargePointKey, i64)| {
            present.get(*key).map(|now| now.charge_point.identity.to_string()).unwrap_or_default()
        };
        Self {
            phase,
            ends: (local(from), local(to)),
            names: most.iter().map(name).collect(),
            moments: plans.into_iter().map(moment).collect(),
        }
    }

    /// The chart with its form, its legend and the table behind it.
    pub fn draw(&self, lang: Lang, query: &Query) -> Markup {
        let letters = Phase::ALL.map(|phase| phase.letter().to_string());
        let at = query.get("at").unwrap_or_default();
        let body = html! {
            (crate::components::segmented("phase", lang.phase(), Phase::ALL.map(|phase| (letters[phase.index()].as_str(), letters[phase.index()].as_str(), phase == self.phase))))
            (input("datetime-local", lang.distribution_until(), "at", at))
        };
        html! {
            (get_form(lang, BACK, "filters", &body))
            @if self.moments.is_empty() { p.muted { (lang.distribution_no_day()) } } @else {
                @let file = ["distribution_", &letters[self.phase.index()], "_", &file_part(&self.ends.1.with_t())].concat();
                div.chart-frame data-file=(file) {
                    (PreEscaped(self.svg(lang)))
                    (self.legend(lang))
                    (behind(chart_words(lang, lang.distribution_day(), ""), &file, &self.csv(lang), Some(self.table(lang).into_string())))
                }
            }
        }
    }

    fn labels(&self, lang: Lang) -> Vec<String> {
        let rest = [lang.other_chargers_short().to_owned(), lang.reserved().to_owned()];
        self.names.iter().cloned().chain(rest).collect()
    }

    fn class(&self, part: usize) -> &'static str {
        // What is only kept free is no colour of anybody's.
        if part > self.names.len() { "kept" } else { series_class(part) }
    }

    fn legend(&self, lang: Lang) -> Markup {
        html! {
            p.line-key.day-key {
                @for (part, label) in self.labels(lang).iter().enumerate() {
                    @if self.moments.iter().any(|moment| moment.parts[part] > 0.0) { span { i class=(self.class(part)) {} (label) } }
                }
                span { i class="limit" {} (lang.limit()) }
            }
        }
    }

    fn csv(&self, lang: Lang) -> String {
        let heads = std::iter::once(lang.time().to_owned()).chain(self.labels(lang)).chain([lang.limit().to_owned()]);
        let mut out = heads.map(|head| quoted(&head).into_owned()).collect::<Vec<_>>().join(",");
        for moment in &self.moments {
            out.push_str("\r\n");
            out.push_str(&moment.at.with_t());
            for amperes in moment.parts.iter().chain([&moment.limit]) {
                out.push(',');
                out.push_str(&measured_plain(*amperes));
            }
        }
        out.push_str("\r\n");
        out
    }

    fn table(&self, lang: Lang) -> Markup {
        html! {
            table class="data plain" {
                caption { (lang.distribution_day()) " (A)" }
                thead { tr {
                    th scope="col" { (lang.time()) }
                    @for label in self.labels(lang) { th scope="col" class="number" { (label) } }
                    th scope="col" class="number" { (lang.limit()) }
                } }
                tbody {
                    @for moment in self.moments.iter().rev() {
                        tr {
                            th scope="row" { (moment.at.with_space()) }
                            @for amperes in &moment.parts { td.number { (measured(*amperes, 1)) } }
                            td.number { (measured(moment.limit, 1)) }
                        }
                    }
                }
            }
        }
    }

    /// The highest of all that is shown, rounded up.
    fn scale(&self) -> f64 {
        let highest = self.moments.iter().map(|it| it.limit.max(it.parts.iter().sum())).fold(1.0, f64::max);
        (highest / 10.0).ceil() * 10.0
    }

    #[allow(clippy::cast_precision_loss)] // ms of a day
    fn x(&self, at: LocalTime) -> f64 {
        let (from, to) = self.ends;
        (at.0 - from.0) as f64 / ((to.0 - from.0).max(1)) as f64 * 10_000.0
    }

    /// Where a label at so many percent of the width stands, so that it stays inside on a phone too.
    fn anchor(place: f64) -> &'static str {
        match place {
            ..6.0 => "start",
            94.0.. => "end",
            _ => "middle",
        }
    }

    fn y(amperes: f64, scale: f64) -> f64 {
        let height = f64::from(HEIGHT) * 10.0 - TOP - BOTTOM;
        TOP + height * (1.0 - amperes / scale)
    }

    /// The moments without those between which nothing is known.
    fn runs(&self) -> impl Iterator<Item = &[DayMoment]> {
        self.moments.chunk_by(|one, next| next.at.0 - one.at.0 <= GAP_MS)
    }

    fn svg(&self, lang: Lang) -> String {
        let scale = self.scale();
        let point = |at: LocalTime, amperes: f64| format!("{:.0} {:.0}", self.x(at), Self::y(amperes, scale));
        let label = [lang.distribution_day(), " ", lang.phase(), " ", &self.phase.letter().to_string()].concat();
        let parts = self.names.len() + 2;
        let area = |run: &[DayMoment], part: usize| {
            let below = |moment: &DayMoment, count: usize| moment.parts[..count].iter().sum::<f64>();
            let top = run.iter().map(|moment| point(moment.at, below(moment, part + 1)));
            let bottom = run.iter().rev().map(|moment| point(moment.at, below(moment, part)));
            ["M", &top.chain(bottom).collect::<Vec<_>>().join("L"), "Z"].concat()
        };
        let limit = |run: &[DayMoment]| {
            ["M", &run.iter().map(|moment| point(moment.at, moment.limit)).collect::<Vec<_>>().join("L")].concat()
        };
        let lines = [0.0, scale / 2.0, scale];
        let (from, _) = self.ends;
        let first = from.0.div_euclid(6 * MS_AN_HOUR) + 1;
        let hours = (first..first + 4).map(|step| LocalTime(step * 6 * MS_AN_HOUR));
        let markup = html! {
            svg class="chart plan" width="100%" height=(HEIGHT) role="img" aria-label=(label) {
                svg width="100%" height="100%" preserveAspectRatio="none" viewBox={ "0 0 10000 " (HEIGHT * 10) } {
                    @for line in lines { path class="grid s" d=(format!("M0 {:.0}H10000", Self::y(line, scale))) {} }
                    @for run in self.runs() {
                        @for part in 0..parts { path class={ (self.class(part)) " f" } d=(area(run, part)) {} }
                        path class="limit s" d=(limit(run)) {}
                    }
                }
                @for line in lines {
                    text class="y" x="0" y=(format!("{:.0}", Self::y(line, scale) / 10.0 - 4.0)) { (measured(line, 0)) " A" }
                }
                @for hour in hours {
                    @let place = self.x(hour) / 100.0;
                    text class="x" x=(format!("{place:.1}%")) y=(HEIGHT - 8) text-anchor=(Self::anchor(place)) {
                        (hour.with_space().get(11..16).unwrap_or_default())
                    }
                }
            }
        };
        markup.into_string()
    }
}

/// What must be said of the whole: that nothing is distributed, that the safe currents do not fit, or that this is a stored moment.
pub(crate) fn notices(lang: Lang, plan: &Plan, past: Option<LocalTime>) -> Markup {
    html! {
        @if !plan.is_on {
            (notice(NoticeKind::Info, &html! {
                (lang.distribution_is_off()) " " a href="/settings/#field-current_distribution" { (lang.settings()) }
            }))
        }
        @if let Some(phase) = plan.too_much { (notice(NoticeKind::Error, &html! { (lang.safe_too_much(phase)) })) }
        @if let Some(at) = past {
            (notice(NoticeKind::Info, &html! {
                (lang.labelled(lang.distribution_past(), &at.with_space())) " " a href=(BACK) { (lang.distribution_to_now()) }
            }))
        }
    }
}

/// How many have no car, which are not listed.
pub(crate) fn idle(lang: Lang, lines: &[ShareLine]) -> Markup {
    let count = lines.iter().filter(|line| !line.is_listed()).count();
    html! { @if count > 0 { p.muted { (lang.without_car(count)) } } }
}

/// The form by which something is tried out: the browser plans anew while it is filled in.
pub(crate) struct Trying<'a> {
    pub supply: &'a Supply,
    pub chargers: &'a [ShareLine],
    /// What came by the address.
    pub typed: &'a BTreeMap<String, String>,
    /// The stored moment that is looked at.
    pub at: Option<&'a str>,
}

impl Trying<'_> {
    /// The form.
    pub fn draw(&self, lang: Lang) -> Markup {
        let limit = |phase: Phase| {
            let label = [lang.limit(), " ", &phase.letter().to_string(), &lang.bracketed("A")].concat();
            self.field(&label, &limit_name(phase), self.supply.limits[phase.index()])
        };
        let body = html! {
            @for phase in Phase::ALL { (limit(phase)) }
            (self.field(&[lang.headroom_kept(), &lang.bracketed("A")].concat(), HEADROOM, self.supply.headroom))
            details.try-max data-key="maxima" {
                summary { (lang.maxima()) }
                @for line in self.chargers { (self.field(&line.id, &max_name(&line.id), line.taker.max)) }
            }
            @if let Some(at) = self.at { input type="hidden" name="at" value=(at); }
        };
        html! {
            p.muted { (lang.what_if_help()) }
            (get_form(lang, BACK, "filters try", &body))
            p { a.button href=(BACK) { (icon(Glyph::X)) span { (lang.discard()) } } }
        }
    }

    fn field(&self, label: &str, name: &str, has: Current) -> Markup {
        html! {
            label.filter {
                span { (label) }
                input type="number" min="0" max=(TRIED_MOST) name=(name) autocomplete="off" data-typed
                    value=(self.typed.get(name).map_or("", String::as_str)) placeholder=(measured(has.amperes(), 0));
            }
        }
    }
}

/// Amperes as programs read them.
fn measured_plain(amperes: f64) -> String {
    format!("{amperes:.1}")
}

/// The forms of what an operator says.
pub(crate) struct Forms {
    settings: Distribution,
    identities: Vec<String>,
    /// The charge point that is looked at, and how it is connected.
    chosen: Option<(String, Wiring)>,
}

impl Forms {
    /// As it stands, with the form of a charge point.
    pub fn new(site: &Site, charger: Option<&str>) -> Self {
        let present = site.present();
        let chosen = charger.and_then(|charger| site.charge_point(Some(charger)));
        Self {
            settings: site.distribution(),
            identities: present.by_identity().map(|now| now.charge_point.identity.to_string()).collect(),
            chosen: chosen.map(|now| (now.charge_point.identity.to_string(), present.wiring(now.key))),
        }
    }

    /// Both forms, for somebody of this role.
    pub fn draw(&self, lang: Lang, role: Option<Role>) -> Markup {
        let cannot = cannot(lang, role, Right::Settings);
        html! {
            (card("distribution-settings", Span::One, lang.distribution_settings(), &html! {}, &self.settings_form(lang, cannot)))
            (card("wiring", Span::Two, lang.wiring(), &html! {}, &self.wiring_form(lang, cannot)))
        }
    }

    fn settings_form(&self, lang: Lang, cannot: Option<&str>) -> Markup {
        let value = |field: DistributionField| field.text_of(&self.settings);
        let body = html! {
            @for field in [DistributionField::Headroom, DistributionField::Safe, DistributionField::Turn] {
                (input("number", lang.distribution_field(field.name()), field.name(), &value(field)))
            }
            label.filter {
                span { (lang.distribution_field(DistributionField::HasMeter.name())) }
                select name=(DistributionField::HasMeter.name()) {
                    (choice("0", lang.off(), !self.settings.has_meter))
                    (choice("1", lang.on(), self.settings.has_meter))
                }
            }
            (order(distribution_word::SAVE, lang.save(), Glyph::SAVE, cannot, None))
        };
        html! {
            p.muted { (lang.distribution_settings_help()) }
            div.operation { (command_form(&[], BACK, &body)) }
            @if let Some(why) = cannot { p.muted { (why) } }
        }
    }

    fn wiring_form(&self, lang: Lang, cannot: Option<&str>) -> Markup {
        let chosen = self.chosen.as_ref().map(|(id, _)| id.as_str()).unwrap_or_default();
        let choices = html! {
            (choice("", lang.choose_charger(), chosen.is_empty()))
            @for id in &self.identities { (choice(id, id, id == chosen)) }
        };
        html! {
            p.muted { (lang.wiring_help()) }
            (get_form(lang, BACK, "filters", &select(lang.charger(), "charger", &choices)))
            @if let Some((id, wiring)) = &self.chosen { div.operation { (wiring_of(lang, id, wiring, cannot)) } }
        }
    }
}

fn wiring_of(lang: Lang, id: &str, wiring: &Wiring, cannot: Option<&str>) -> Markup {
    let number = |name: &str| input("number", lang.distribution_field(name), name, &wiring.text_of(name));
    let tick = |name: &str, is_so: bool| {
        html! {
            label.check { input type="checkbox" name=(name) value="1" checked[is_so]; span { (lang.distribution_field(name)) } }
        }
    };
    let sequence = wiring.text_of("sequence");
    let body = html! {
        input type="hidden" name="charger" value=(id);
        (select(lang.distribution_field("sequence"), "sequence", &html! {
            (choice("", lang.as_settings(), sequence.is_empty()))
            @for known in PhaseSequence::ALL { (choice(known, known, known == sequence)) }
        }))
        (number("cable"))
        (number("most"))
        (tick("reports_rotated", wiring.reports_rotated))
        (tick("is_apart", wiring.is_apart))
        (order(distribution_word::WIRE, lang.save(), Glyph::SAVE, cannot, None))
    };
    command_form(&[], &Query::from([("charger", id)]).on(BACK), &body)
}
