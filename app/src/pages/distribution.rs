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
use bmw_domain::distribution::{Current, Share, Standing, Supply, Taker, plan, taken_up};
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
        let takers: Vec<Taker> = self.chargers.iter().map(|line| line.taker).collect();
        let now = self.planned(self.supply, &takers, false);
        html! {
            (told_of(seen, &self.told, lang.distribution_saved()))
            (PreEscaped(self.notices.get(lang)))
            div.grid {
                (card("supply", Span::Two, lang.supply(), &html! {}, &tried.as_ref().unwrap_or(&now).bars(lang)))
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
    /// How it stands with each charge point: as it is, or as it would if it were told at once what is tried out.
    standings: Vec<Standing>,
}

impl DistributionPage {
    /// A field of what is tried out: what is typed now, else what came by the address. `None` where nothing is.
    fn tried_value(&self, seen: &Seen<'_>, name: &str) -> Option<Current> {
        let text = seen.local.typed.get(name).or_else(|| self.typed.get(name))?;
        let whole: i32 = text.trim().parse().ok()?;
        Some(Current::tenths(whole.clamp(0, TRIED_MOST) * 10))
    }

    /// Plans for this supply and these charge points.
    fn planned(&self, supply: Supply, takers: &[Taker], is_tried: bool) -> Planned {
        let shares = plan(&supply, takers, self.at.at, self.rules);
        let standing = |((line, taker), share): ((&ShareLine, &Taker), Share)| {
            let is_new = is_tried && taker.is_told();
            let (told, may) = if is_new { (Some(share.current), share.current) } else { (line.told, line.may) };
            Standing { taker: *taker, share, told, may }
        };
        Planned { supply, standings: self.chargers.iter().zip(takers).zip(shares).map(standing).collect() }
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
        let takers: Vec<Taker> = self.chargers.iter().map(taker).collect();
        is_tried.then(|| self.planned(supply, &takers, true))
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
            (lang.phase(), false),
            (lang.told_current(), true),
            (lang.planned_current(), true),
            (lang.tried_current(), true),
            (lang.why(), false),
        ];
        let [id, priority, phases, told, planned, would, why] = columns;
        let shown: Vec<Column<'_>> = columns.into_iter().filter(|column| tried.is_some() || *column != would).collect();
        let local = |at: Timestamp| LocalTime(self.at.local.0 + at.since(self.at.at));
        let standings = now.standings.iter().zip(&tried.unwrap_or(now).standings);
        let rows = html! {
            @for (line, (now, shown)) in self.chargers.iter().zip(standings).filter(|(line, _)| line.is_listed()) {
                @let taker = &line.taker;
                tr data-key=(line.id) {
                    (row_head(id, &details_link(&line.id)))
                    (placed_cell(priority, "extra", &html! { @if taker.session.is_some() { (taker.priority) } @else { "–" } }))
                    (placed_cell(phases, "extra", &html! { (taker.uses.iter().map(Phase::letter).collect::<String>()) }))
                    (placed_cell(told, "second labelled", &line.told.map_or_else(|| html! { "–" }, |told| gliding(amperes(told)))))
                    (placed_cell(planned, "first", &gliding(amperes(now.share.current))))
                    @if tried.is_some() {
                        (placed_cell(would, "second labelled", &tried_cell(shown.share.current, now.share.current)))
                    }
                    (placed_cell(why, "third left", &html! { (lang.reason(shown, local)) }))
                }
            }
        };
        html! { div.table-box { (table("data compact queue", lang.queue(), &shown, &rows, &html! {})) } (idle) }
    }
}

/// What one would get, and whether that is more or less than it has.
fn tried_cell(would: Current, has: Current) -> Markup {
    let arrow = match would.cmp(&has) {
        Ordering::Greater => "↑ ",
        Ordering::Less => "↓ ",
        Ordering::Equal => "",
    };
    html! { span.tried { (arrow) (amperes(would)) } }
}

impl Planned {
    /// How the phases are taken up.
    fn bars(&self, lang: Lang) -> Markup {
        let names = [
            ("allocated", lang.allocated()),
            ("reserved", lang.reserved()),
            ("others", lang.other_load()),
            ("headroom", lang.headroom_kept()),
        ];
        html! {
            p.line-key.supply-key { @for (class, word) in names { span { i class=(class) {} (word) } } }
            div.supply {
                @for phase in Phase::ALL { (self.bar(lang, phase, names)) }
            }
        }
    }

    fn bar(&self, lang: Lang, phase: Phase, names: [(&str, &str); 4]) -> Markup {
        let supply = &self.supply;
        let limit = supply.limits[phase.index()];
        let (allocated, kept) = taken_up(&self.standings, phase);
        let parts = [allocated, kept, supply.others[phase.index()].unwrap_or(limit), supply.headroom];
        let [all, used] = [4, 3].map(|count| parts[..count].iter().fold(Current::ZERO, |sum, part| sum + *part));
        let share = |current: Current| current.amperes() / limit.max(all).max(Current::tenths(10)).amperes() * 100.0;
        let letter = phase.letter().to_string();
        let used = [&*measured(used.amperes(), 1), " / ", &*amperes(limit)].concat();
        let mut from = 0.0;
        html! {
            div.supply-phase data-key=(letter) {
                p.supply-head { strong { (lang.phase()) " " (letter) } span.number { (gliding(&used)) } }
                svg.supply-bar viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                    rect.track width="100" height="6" {}
                    @for ((class, _), part) in names.into_iter().zip(parts) {
                        rect class=(class) x=(measured(from, 2)) width=(measured(share(part), 2)) height="6" {}
                        @let () = from += share(part);
                    }
                    // Where all fits below the limit, that is the end of the bar.
                    @if all > limit { rect.limit x=(measured(share(limit) - 0.3, 2)) width="0.6" height="6" {} }
                }
                p.muted {
                    @for (place, ((_, word), part)) in names[..3].iter().zip(parts).enumerate() {
                        @if place > 0 { " · " }
                        (word) " " (amperes(part))
                    }
                }
            }
        }
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
