//! The distribution of the site's current: what there is, who gets how much of it and why, and what would be if it were otherwise.
//!
//! What is tried out is planned here, by the planner that rules the charge points: in the browser while it is typed, on the server
//! where there is no WebAssembly.

use super::parts::{Column, details_link, gliding, placed_cell, row_head, table, told_of};
use super::{Page, Seen};
use crate::charts::number::measured;
use crate::components::{Glyph, Span, card, empty};
use crate::data::{DistributionPage, Moment, ShareLine, TRIED};
use crate::feed_message::Totals;
use crate::text::Lang;
use crate::text::distribution::amperes;
use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::distribution::{Current, Share, Standing, Supply, Taker, plan};
use bmw_domain::phase::Phase;
use maud::{Markup, PreEscaped, html};
use std::cmp::Ordering;

/// The most that can be tried out, A.
pub(super) const TRIED_MOST: i32 = 10_000;

impl Page for DistributionPage {
    fn live_since(&self) -> Option<Moment> {
        Some(self.now)
    }

    fn has_missed(&self, totals: &Totals) -> bool {
        // What was is what it was.
        !self.is_past && totals.plan_number > self.number
    }

    fn shows_sessions(&self) -> bool {
        false
    }

    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        let tried = self.tried(seen);
        let now = self.planned(self.supply, self.chargers.iter().map(|line| line.taker).collect());
        html! {
            (told_of(seen, &self.told, lang.distribution_saved()))
            (PreEscaped(self.notices.get(lang)))
            div.grid {
                (card("supply", Span::Two, lang.supply(), &html! {}, &self.supply_bars(lang, &now, tried.as_ref())))
                (card("try", Span::One, lang.what_if(), &html! {}, &PreEscaped(self.try_form.get(lang).to_owned())))
                (card("queue", Span::All, lang.queue(), &html! {}, &self.queue(lang, &now, tried.as_ref())))
                (card("day", Span::All, lang.distribution_day(), &html! {}, &PreEscaped(self.day.get(lang).to_owned())))
                (PreEscaped(self.forms.get(lang)))
            }
        }
    }
}

/// What is planned, or would be.
struct Planned {
    supply: Supply,
    takers: Vec<Taker>,
    shares: Vec<Share>,
}

impl DistributionPage {
    /// A field of what is tried out: what is typed now, else what came by the address. `None` where nothing is.
    fn tried_value(&self, seen: &Seen<'_>, name: &str) -> Option<Current> {
        let text = seen.local.typed.get(name).or_else(|| self.typed.get(name))?;
        let whole: i32 = text.trim().parse().ok()?;
        Some(Current::tenths(whole.clamp(0, TRIED_MOST) * 10))
    }

    /// Plans for this supply and these charge points.
    fn planned(&self, supply: Supply, takers: Vec<Taker>) -> Planned {
        let shares = plan(&supply, &takers, self.at.at, self.rules);
        Planned { supply, takers, shares }
    }

    /// Plans anew, where something is tried out.
    fn tried(&self, seen: &Seen<'_>) -> Option<Planned> {
        let mut is_tried = false;
        let mut value = |name: &str| {
            let value = self.tried_value(seen, name);
            is_tried |= value.is_some();
            value
        };
        let mut supply = self.supply;
        for phase in Phase::ALL {
            if let Some(limit) = value(&limit_name(phase)) {
                supply.limits[phase.index()] = limit;
            }
        }
        supply.headroom = value(HEADROOM).unwrap_or(supply.headroom);
        let taker = |line: &ShareLine| {
            let mut taker = line.taker;
            if let Some(max) = value(&max_name(&line.id)) {
                (taker.max, taker.floor) = (max, taker.floor.min(max));
            }
            taker
        };
        let takers = self.chargers.iter().map(taker).collect();
        is_tried.then(|| self.planned(supply, takers))
    }

    /// How it stands with one: as it is, or as it would if it were told at once what is tried out.
    fn standing(&self, place: usize, planned: &Planned, is_tried: bool) -> Option<Standing> {
        let (line, taker, share) =
            (self.chargers.get(place)?, *planned.takers.get(place)?, *planned.shares.get(place)?);
        let is_new = is_tried && taker.is_told();
        let (told, may) = if is_new { (Some(share.current), share.current) } else { (line.told, line.may) };
        Some(Standing { taker, share, told, may })
    }

    /// What of a phase is given to sessions, and what is kept free beside it, A.
    fn sums(&self, (planned, is_tried): (&Planned, bool), phase: Phase) -> (f64, f64) {
        let standings = || (0..self.chargers.len()).filter_map(|place| self.standing(place, planned, is_tried));
        let sum = |of: &dyn Fn(&Standing) -> Current| standings().map(|it| of(&it).amperes()).sum();
        let (all, allocated): (f64, f64) = (sum(&|it| it.reserves(phase)), sum(&|it| it.allocated(phase)));
        (allocated, all - allocated)
    }

    /// How the phases are taken up.
    fn supply_bars(&self, lang: Lang, now: &Planned, tried: Option<&Planned>) -> Markup {
        let key = [
            ("allocated", lang.allocated()),
            ("reserved", lang.reserved()),
            ("others", lang.other_load()),
            ("headroom", lang.headroom_kept()),
        ];
        html! {
            p.line-key.supply-key { @for (class, word) in key { span { i class=(class) {} (word) } } }
            div.supply {
                @for phase in Phase::ALL { (self.supply_bar(lang, phase, now, tried)) }
            }
        }
    }

    fn supply_bar(&self, lang: Lang, phase: Phase, now: &Planned, tried: Option<&Planned>) -> Markup {
        let supply = &tried.unwrap_or(now).supply;
        let (allocated, reserved) = self.sums((tried.unwrap_or(now), tried.is_some()), phase);
        let limit = supply.limits[phase.index()].amperes();
        let others = supply.others[phase.index()].map_or(limit, Current::amperes);
        let parts = [
            ("allocated", allocated),
            ("reserved", reserved),
            ("others", others),
            ("headroom", supply.headroom.amperes()),
        ];
        let all: f64 = parts.iter().map(|(_, amperes)| amperes).sum();
        let scale = limit.max(all).max(1.0);
        let letter = phase.letter().to_string();
        let used = [&*measured(allocated + reserved + others, 1), " / ", &*measured(limit, 1), " A"].concat();
        let words = [(lang.allocated(), allocated), (lang.reserved(), reserved), (lang.other_load(), others)];
        let mut from = 0.0;
        let bars = parts.map(|(class, amperes)| {
            let (x, width) = (from, amperes / scale * 100.0);
            from += width;
            (class, x, width)
        });
        html! {
            div.supply-phase data-key=(letter) {
                p.supply-head { strong { (lang.phase()) " " (letter) } span.number { (gliding(&used)) } }
                svg.supply-bar viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                    rect.track width="100" height="6" {}
                    @for (class, x, width) in bars {
                        rect class=(class) x=(measured(x, 2)) width=(measured(width, 2)) height="6" {}
                    }
                    rect.limit x=(measured(limit / scale * 100.0 - 0.3, 2)) width="0.6" height="6" {}
                }
                p.muted {
                    @for (place, (word, amperes)) in words.into_iter().enumerate() {
                        @if place > 0 { " · " }
                        (word) " " (measured(amperes, 1)) " A"
                    }
                }
            }
        }
    }

    /// Who gets what, and why.
    fn queue(&self, lang: Lang, now: &Planned, tried: Option<&Planned>) -> Markup {
        let idle = PreEscaped(self.idle.get(lang));
        if !self.chargers.iter().any(ShareLine::is_listed) {
            return empty(Glyph::POWER, lang.queue_empty(), "", &html! { (idle) });
        }
        let columns: [Column<'_>; 7] = [
            (lang.charger_id(), false),
            (lang.priority(), true),
            (lang.phases(), false),
            (lang.told_current(), true),
            (lang.planned_current(), true),
            (lang.tried_current(), true),
            (lang.why(), false),
        ];
        let [id, priority, phases, told, planned, would, why] = columns;
        let shown: Vec<Column<'_>> = columns.into_iter().filter(|column| tried.is_some() || *column != would).collect();
        let local = |at: Timestamp| LocalTime(self.at.local.0 + at.since(self.at.at));
        let rows = html! {
            @for (place, line) in self.chargers.iter().enumerate().filter(|(_, line)| line.is_listed()) {
                @let (taker, planned_now) = (&line.taker, now.shares[place].current);
                tr data-key=(line.id) {
                    (row_head(id, &details_link(&line.id)))
                    (placed_cell(priority, "extra", &html! { @if taker.session.is_some() { (taker.priority) } @else { "–" } }))
                    (placed_cell(phases, "extra", &html! { (taker.uses.iter().map(Phase::letter).collect::<String>()) }))
                    (placed_cell(told, "second labelled", &line.told.map_or_else(|| html! { "–" }, |told| gliding(amperes(told)))))
                    (placed_cell(planned, "first", &gliding(amperes(planned_now))))
                    @if let Some(tried) = tried { (placed_cell(would, "second labelled", &tried.cell(place, planned_now))) }
                    @if let Some(standing) = self.standing(place, tried.unwrap_or(now), tried.is_some()) {
                        (placed_cell(why, "third left", &html! { (lang.reason(&standing, local)) }))
                    }
                }
            }
        };
        html! { div.table-box { (table("data compact queue", lang.queue(), &shown, &rows, &html! {})) } (idle) }
    }
}

impl Planned {
    /// What one would get, and how much more or less that is.
    fn cell(&self, place: usize, has: Current) -> Markup {
        let would = self.shares.get(place).map(|share| share.current).unwrap_or_default();
        let arrow = match would.cmp(&has) {
            Ordering::Greater => "↑ ",
            Ordering::Less => "↓ ",
            Ordering::Equal => "",
        };
        html! { span.tried { (arrow) (amperes(would)) } }
    }
}

/// What the fields are called by which something is tried out.
pub(super) const HEADROOM: &str = "try_headroom";

pub(super) fn limit_name(phase: Phase) -> String {
    [TRIED, "limit_", &phase.letter().to_string()].concat()
}

pub(super) fn max_name(id: &str) -> String {
    [TRIED, "max_", id].concat()
}
