//! What happened at a charge point, and how long it has been out of contact.

use super::Seen;
use super::parts::{finding_word, number, state_word, when};
use crate::components::{Glyph, badge, icon};
use crate::data::{EventLine, EventWhat, Moment};
use crate::text::Lang;
use bmw_domain::charger::{HappeningKind, WRONG_PASSWORD};
use bmw_domain::status::{Condition, condition};
use maud::{Markup, html};

/// The events, newest first.
pub fn events(seen: &Seen<'_>, at: Moment, events: &[EventLine]) -> Markup {
    let lang = seen.lang;
    let now = seen.now(at);
    html! {
        @if events.is_empty() { p.muted { (lang.no_events()) } } @else {
            ul.events {
                @for event in events {
                    @let (condition, word) = words(lang, &event.what);
                    li {
                        (when(lang, now, Some(event.at)))
                        span.event {
                            (badge(condition, &word))
                            @if let Some(connector) = event.connector {
                                span.muted {
                                    @if connector == 0 { (lang.whole_charger()) } @else {
                                        (lang.connector()) " " (number(Some(connector)))
                                    }
                                }
                            }
                            @let detail = event.detail.get(lang);
                            @if !detail.is_empty() { span { (detail) } }
                        }
                    }
                }
            }
        }
    }
}

/// What an event means, and its name.
fn words(lang: Lang, what: &EventWhat) -> (Condition, String) {
    match what {
        EventWhat::Happened(HappeningKind::Status, status) => {
            (condition(status.as_deref()), state_word(lang, status.as_deref()))
        }
        EventWhat::Happened(HappeningKind::Connected, _) => (Condition::Ready, lang.live_connected().to_owned()),
        EventWhat::Happened(HappeningKind::Lost, _) => (Condition::Unknown, lang.event_lost().to_owned()),
        EventWhat::Happened(HappeningKind::Boot, _) => (Condition::Ready, lang.event_boot().to_owned()),
        // How far they are is told beside it.
        EventWhat::Happened(HappeningKind::Firmware, _) => (Condition::Waiting, lang.firmware_name().to_owned()),
        EventWhat::Happened(HappeningKind::Diagnostics, _) => (Condition::Waiting, lang.diagnostics_name().to_owned()),
        EventWhat::Happened(HappeningKind::Refused, status) => {
            let is_wrong = status.as_deref() == Some(WRONG_PASSWORD);
            let word = if is_wrong { lang.event_wrong_password() } else { lang.event_no_password() };
            (Condition::Faulted, word.to_owned())
        }
        EventWhat::Begun(id) => (Condition::Charging, lang.session_begun(*id)),
        EventWhat::Ended(id) => (Condition::Ready, lang.session_ended(*id)),
        EventWhat::Found(kind) => (Condition::Faulted, finding_word(lang, *kind).to_owned()),
    }
}

/// How long a charge point has been out of contact: counted on without asking.
pub fn out_of_contact(lang: Lang, now: Moment, contact: Option<Moment>) -> Markup {
    html! {
        span.out-of-contact title=[contact.map(|at| at.local.with_space())] {
            (icon(Glyph::WIFI_OFF))
            span {
                @match contact {
                    Some(at) => (lang.no_contact_for(now.at.since(at.at))),
                    None => (lang.no_contact_ever()),
                }
            }
        }
    }
}
