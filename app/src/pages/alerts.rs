//! What an operator must hear of: what is open, by cause, and what has been.

use super::parts::{Column, cell, command_form, link, order, row_head, table, told_of, when};
use super::{Page, Seen};
use crate::components::{Glyph, Span, badge, card, empty, icon};
use crate::data::{ACKNOWLEDGE, AlertEntry, AlertGroup, AlertsPage, Moment, Query, WebhookLine};
use crate::feed_message::Totals;
use crate::notify::Notices;
use crate::text::Lang;
use bmw_domain::account::Right;
use bmw_domain::alert::AlertKind;
use bmw_domain::status::Condition;
use maud::{Markup, html};

/// The page's own address, where its forms lead back to.
const BACK: &str = "/alerts/";

type Cannot = Option<&'static str>;

impl Page for AlertsPage {
    fn live_since(&self) -> Option<Moment> {
        Some(self.now)
    }

    fn has_missed(&self, totals: &Totals) -> bool {
        totals.alerts_number > self.number
    }

    fn shows_sessions(&self) -> bool {
        false
    }

    fn shows_notices(&self) -> bool {
        true
    }

    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        let cannot = seen.cannot(Right::Command);
        let now = seen.now(self.now);
        html! {
            (told_of(seen, &self.told, &lang.alerts_seen(self.told.given)))
            div.grid {
                (card("open-alerts", Span::All, lang.alerts_open(), &self.all(lang, cannot), &self.open(lang, now, cannot)))
                (card("past-alerts", Span::All, lang.alerts_past(), &html! {}, &self.past(lang, now)))
                (card("alert-notices", Span::All, lang.alerts_told(), &html! {}, &self.ways(lang, now, seen.notices)))
            }
        }
    }
}

impl AlertsPage {
    /// The form that acknowledges all that is shown.
    fn all(&self, lang: Lang, cannot: Cannot) -> Markup {
        let until = self.open.iter().map(|group| group.until).max();
        let is_worth_it = self.open.iter().filter(|group| group.pressing > 0).count() > 1;
        html! {
            @if let Some(until) = until.filter(|_| is_worth_it) {
                (form("until", until, &html! {}, lang.acknowledge_all(), cannot))
            }
        }
    }

    fn open(&self, lang: Lang, now: Moment, cannot: Cannot) -> Markup {
        if self.open.is_empty() {
            return empty(Glyph::CIRCLE_CHECK, lang.alerts_none(), lang.alerts_none_help(), &html! {});
        }
        html! {
            @if let Some(why) = cannot.filter(|_| self.open.iter().any(|group| group.pressing > 0)) {
                p.muted { (lang.labelled(lang.acknowledge(), why)) }
            }
            ul.alerts {
                @for group in &self.open { (open_group(lang, now, group, cannot)) }
            }
        }
    }

    fn past(&self, lang: Lang, now: Moment) -> Markup {
        if self.ended.is_empty() {
            return html! { p.muted { (lang.alerts_no_past()) } };
        }
        let columns: [Column<'_>; 5] = [
            (lang.alert(), false),
            (lang.charger_id(), false),
            (lang.alert_since(), false),
            (lang.alert_ended(), false),
            (lang.alert_seen(), false),
        ];
        let [what, subject, since, ended, seen] = columns;
        let rows = html! {
            @for alert in &self.ended {
                tr data-key=(alert.id) {
                    (row_head(what, &html! { span { (lang.alert_kind(alert.kind)) (code(&alert.code)) (times(lang, alert)) } }))
                    (cell(subject, &html! { span { (self::subject(lang, alert)) (detail(alert)) } }))
                    (cell(since, &when(lang, now, Some(alert.since))))
                    (cell(ended, &html! { @if alert.ended.is_some() { (when(lang, now, alert.ended)) } }))
                    (cell(seen, &html! { span { @if alert.seen.is_some() { (self::seen(lang, now, alert)) } @else { "–" } } }))
                }
            }
        };
        html! {
            div.table-box { (table("data", lang.alerts_past(), &columns, &rows, &html! {})) }
            nav.parts aria-label=(lang.alerts_past()) {
                @if self.is_later_part { a.button href=(BACK) { span { (lang.newest()) } } }
                @if let Some(next) = &self.next {
                    a.button data-key="older" href=(Query::from([("before", next)]).on(BACK)) { span { (lang.older()) } }
                }
            }
        }
    }

    /// The ways in which alerts are told elsewhere: on this device, and to another program.
    fn ways(&self, lang: Lang, now: Moment, notices: Notices) -> Markup {
        let why = match notices {
            Notices::Off | Notices::On => lang.notices_help(),
            Notices::Unknown => lang.notices_unknown(),
            Notices::Insecure => lang.notices_insecure(),
            Notices::Denied => lang.notices_denied(),
            Notices::Missing => lang.notices_missing(),
        };
        let can = matches!(notices, Notices::Off | Notices::On);
        html! {
            @match &self.webhook {
                None => {}
                Some(None) => p.muted { (lang.webhook_none()) }
                Some(Some(webhook)) => (webhook_line(lang, now, webhook)),
            }
            p {
                button.button type="button" role="switch" aria-checked=(notices == Notices::On) data-do="notify"
                    disabled[!can] aria-describedby="notices-why"
                { (icon(Glyph::BELL)) span { (lang.notify_me()) } " " strong { @if notices == Notices::On { (lang.on()) } @else { (lang.off()) } } }
            }
            // Last: only the browser knows it, and nothing moves when it comes.
            p.muted #notices-why { (why) }
        }
    }
}

fn webhook_line(lang: Lang, now: Moment, webhook: &WebhookLine) -> Markup {
    html! {
        p #webhook {
            (lang.webhook_to()) " " strong { (webhook.host) } (lang.colon())
            @match &webhook.last {
                None => (lang.webhook_idle()),
                Some((at, None)) => { (lang.webhook_taken()) " " (when(lang, now, Some(*at))) }
                Some((at, Some(why))) => { (lang.webhook_failed()) " " (when(lang, now, Some(*at))) " · " (why) }
            }
        }
    }
}

/// A form that acknowledges: what, by a name and a number.
fn form(name: &str, value: i64, more: &Markup, label: &str, cannot: Cannot) -> Markup {
    let body = html! {
        input type="hidden" name=(name) value=(value);
        (more)
        (order(ACKNOWLEDGE, label, Glyph::CIRCLE_CHECK, cannot, None))
    };
    command_form(&[], BACK, &body)
}

fn open_group(lang: Lang, now: Moment, group: &AlertGroup, cannot: Cannot) -> Markup {
    let condition = match (group.pressing, group.kind) {
        (0, _) | (_, AlertKind::Offline) => Condition::Unknown,
        (_, AlertKind::Stopped) => Condition::Waiting,
        (_, AlertKind::Fault | AlertKind::Overload) => Condition::Faulted,
    };
    let more = html! {
        input type="hidden" name="cause" value=(group.kind.word());
        input type="hidden" name="code" value=(group.code);
    };
    let hidden = group.count as usize - group.alerts.len();
    let is_one = group.count == 1;
    let list = html! {
        ul.alert-list {
            @for alert in &group.alerts { (open_alert(lang, now, alert, cannot, is_one)) }
            @if hidden > 0 { li.muted { "+ " (hidden) } }
        }
    };
    html! {
        li.alert data-key={ (group.kind.word()) ":" (group.code) } data-cause=(group.kind.word()) {
            div.alert-head {
                h3 { (badge(condition, &lang.alert_count(group.kind, group.count))) (code(&group.code)) }
                @if group.pressing > 0 { (form("until", group.until, &more, lang.acknowledge(), cannot)) }
            }
            @if group.count > 3 {
                details data-key="list" { summary { (lang.alert_list()) } (list) }
            } @else { (list) }
        }
    }
}

fn open_alert(lang: Lang, now: Moment, alert: &AlertEntry, cannot: Cannot, is_alone: bool) -> Markup {
    html! {
        li data-key=(alert.id) {
            div {
                (subject(lang, alert)) (detail(alert))
                span { (lang.alert_since()) " " (when(lang, now, Some(alert.since))) (times(lang, alert)) }
                @if alert.seen.is_some() { span.muted { (lang.alert_seen()) " " (seen(lang, now, alert)) } }
            }
            @if alert.seen.is_none() && !is_alone { (form("id", alert.id, &html! {}, lang.acknowledge(), cannot)) }
        }
    }
}

/// What it is about, with the way there.
fn subject(lang: Lang, alert: &AlertEntry) -> Markup {
    html! {
        @if alert.kind == AlertKind::Overload {
            (link("/settings/#field-max_current_a", &[lang.phase(), " ", &alert.subject].concat()))
        } @else {
            (link(&Query::from([("charger_id", &alert.subject)]).on("/details/"), &alert.subject))
        }
    }
}

fn detail(alert: &AlertEntry) -> Markup {
    html! {
        @if let Some(record) = alert.record { " " span.muted { "#" (record) } }
        @if !alert.detail.is_empty() { " " span.muted { (alert.detail) } }
    }
}

fn code(code: &str) -> Markup {
    html! { @if !code.is_empty() { " " code { (code) } } }
}

fn times(lang: Lang, alert: &AlertEntry) -> Markup {
    html! { @if alert.times > 1 { " " span.tag { (lang.alert_times(alert.times)) } } }
}

/// Who has seen it, and when.
fn seen(lang: Lang, now: Moment, alert: &AlertEntry) -> Markup {
    html! {
        @if let Some((by, at)) = &alert.seen {
            @if !by.is_empty() { (by) " " }
            (when(lang, now, Some(*at)))
        }
    }
}
