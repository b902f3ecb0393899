//! The device list: every charge point, and what can be done with it.

use super::happenings::out_of_contact;
use super::parts::{
    BothNames, Commanded, Form, badge, cell, changed_mark, command, command_form, command_state, commands,
    details_link, findings, get_form, lines, lines_key, nothing_yet, order, phases, placed_cell, plain, row_head,
    state_word, table as table_of, tiles, told, when,
};
use super::{Page, Seen, settle};
use crate::charts::number::measured;
use crate::components::{Entry, Glyph, Span, What, card, choice, empty, icon, link_button, select};
use crate::data::{ADMIT, CurrentLine, DeviceLine, DeviceSort, Devices, Moment, Query, WrongForm};
use crate::feed_message::{ChargerMessage, Totals};
use crate::text::Lang;
use crate::told::{charges_now, is_contact_news, is_news_of};
use bmw_domain::account::Right;
use bmw_domain::command::Action;
use maud::{Markup, html};
use std::collections::BTreeMap;

impl Page for Devices {
    fn live_since(&self) -> Option<Moment> {
        Some(self.now)
    }

    fn is_outdated(&self, told: &BTreeMap<String, ChargerMessage>) -> bool {
        let is_news = |line: &DeviceLine| is_news_of(told, (&line.id, line.state.as_deref(), line.online));
        is_contact_news(told, self.chargers.iter().map(|line| (line.id.as_str(), line.online)))
            || (self.shows_sessions() && self.chargers.iter().any(is_news))
    }

    fn shows_sessions(&self) -> bool {
        // Which charge points are listed, and where, follows from their states then.
        !self.state.is_empty() || matches!(self.sort, DeviceSort::State | DeviceSort::Contact)
    }

    fn has_missed(&self, totals: &Totals) -> bool {
        totals.since(self.number).is_none()
    }

    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        let count = html! {
            // It is no page of this interface.
            @if self.has_simulator { a href="/simulator/" rel="external" { (lang.simulator()) } " " }
            a href="/qr_codes/" rel="external" { (lang.qr_codes()) } " "
            span.muted { (lang.shown_of(self.chargers.len(), self.count)) }
        };
        html! {
            (told(seen, &self.told, &back(self)))
            (tiles(seen, &self.tiles))
            div.grid {
                (card("currents", Span::Two, lang.live_currents(), &html! {}, &currents(seen, self)))
                (phases(seen, &self.phases))
                @if !self.joining.is_empty() {
                    (card("joining", Span::All, lang.joining(), &html! {}, &joining(seen, self)))
                }
                (card("device-list", Span::All, lang.device_list(), &count, &list(seen, self)))
                @if !self.findings.is_empty() { (findings(seen, self.now, &self.findings)) }
            }
        }
    }

    fn order(&self) -> Vec<&str> {
        self.chargers.iter().map(|line| line.id.as_str()).collect()
    }

    fn settle(&mut self, shown: &[&str]) {
        settle(&mut self.chargers, |line| &line.id, shown);
    }

    fn selectable(&self) -> Vec<String> {
        self.chargers.iter().map(|charger| charger.id.clone()).collect()
    }
}

/// The charge points that draw current or might: for each of their lines what is measured within what is offered within the limit.
fn currents(seen: &Seen<'_>, data: &Devices) -> Markup {
    let lang = seen.lang;
    let mut known = data.currents.clone();
    // The feed knows who has begun and who has stopped since.
    for (id, told) in seen.chargers {
        let line = CurrentLine { id: id.clone(), lines: told.lines, limit: told.limit, phases: told.phases };
        match known.iter().position(|line| line.id >= *id) {
            Some(place) if known[place].id == *id => known[place] = line,
            place => known.insert(place.unwrap_or(known.len()), line),
        }
    }
    known.retain(|line| line.lines.is_live());
    let amperes = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| measured(value, 1));
    let rest = data.count.saturating_sub(known.len());
    html! {
        div.currents-box {
            @if known.is_empty() { (empty(Glyph::POWER, lang.no_current(), "", &html! {})) } @else {
                (lines_key(lang))
                ul.currents {
                    @for line in &known {
                        li data-key=(line.id) {
                            p.currents-head {
                                (details_link(&line.id))
                                span.number {
                                    (amperes(line.lines.offered))
                                    @if let Some(limit) = line.limit { " / " (measured(limit.into(), 1)) }
                                    " A"
                                }
                            }
                            (lines(seen, data.phases.sequence, &line.lines, (line.limit, line.phases)))
                        }
                    }
                }
                @if rest > 0 { p.muted { (lang.without_current(rest)) } }
            }
        }
    }
}

fn list(seen: &Seen<'_>, data: &Devices) -> Markup {
    let lang = seen.lang;
    if data.count == 0 {
        return nothing_yet(lang, lang.no_chargers());
    }
    html! {
        (filters(lang, data))
        @if data.chargers.is_empty() {
            @let clear = link_button("/devices/", lang.clear_filters(), None);
            (empty(Glyph::SEARCH, lang.none_match(), "", &clear))
        } @else {
            (table(seen, data))
        }
    }
}

fn filters(lang: Lang, data: &Devices) -> Markup {
    let sorts = html! {
        @for (sort, word) in DeviceSort::ALL {
            @let label = match sort {
                DeviceSort::Added => lang.sort_added(),
                DeviceSort::Id => lang.sort_id(),
                DeviceSort::State => lang.sort_state(),
                DeviceSort::Contact => lang.sort_contact(),
            };
            (choice(word, label, data.sort == sort))
        }
    };
    let states = html! {
        (choice("", lang.all_states(), data.state.is_empty()))
        @for state in &data.states {
            (choice(state, &state_word(lang, Some(state)), state.eq_ignore_ascii_case(&data.state)))
        }
    };
    let body = html! {
        label.filter.is-wide {
            span { (lang.search()) }
            input type="search" name="search" value=(data.search) placeholder=(lang.search_hint())
                autocomplete="off" data-search;
        }
        (select(lang.state(), "state", &states))
        (select(lang.sort(), "sort", &sorts))
    };
    get_form(lang, "/devices/", "filters", &body)
}

fn table(seen: &Seen<'_>, data: &Devices) -> Markup {
    let lang = seen.lang;
    let names = [("Charger ID", "电桩ID"), ("Firmware Ver", "固件版本"), ("Model ID", "固件ID"), ("State", "状态")]
        .map(|(en, zh)| BothNames(en, zh));
    let labels = names.map(BothNames::text);
    let chosen = data.chargers.iter().filter(|charger| seen.local.selection.contains(&charger.id)).count();
    html! {
        div.bulk {
            label.check {
                input type="checkbox" value="" data-select checked[chosen == data.chargers.len()];
                span { (lang.select_all()) }
            }
            span.muted role="status" { (lang.selected(chosen)) }
            div.bulk-commands { (bulk(seen, data, chosen)) }
        }
        div.table-box {
            table.data.compact.device-table {
                caption.sr-only { (lang.device_list()) }
                thead {
                    tr {
                        th scope="col" { span.sr-only { (lang.select()) } }
                        @for name in names { th scope="col" { (name.draw()) } }
                        th scope="col" { (lang.actions()) }
                    }
                }
                tbody { @for (number, charger) in data.chargers.iter().enumerate() { (row(seen, data, number, &labels, charger)) } }
            }
        }
    }
}

/// Charge points that nobody knows, each with a button that takes it in.
fn joining(seen: &Seen<'_>, data: &Devices) -> Markup {
    let lang = seen.lang;
    let now = seen.now(data.now);
    let back = back(data);
    let columns = [(lang.charger_id(), false), (lang.address(), false), (lang.time(), false), (lang.actions(), false)];
    let [id, address, time, actions] = columns;
    let rows = html! {
        @for line in &data.joining {
            @let admit = html! {
                (order(ADMIT, lang.admit(), Glyph::PLUG, seen.cannot(Right::Admit), None))
            };
            tr data-key=(line.id) {
                (row_head(id, &plain(&line.id)))
                (cell(address, &plain(&line.peer)))
                (cell(time, &when(lang, now, Some(line.at))))
                (cell(actions, &command_form(&[&line.id], &back, &admit)))
            }
        }
    };
    html! {
        p.muted { (lang.joining_help()) }
        div.table-box { (table_of("data joining", lang.joining(), &columns, &rows, &html! {})) }
    }
}

/// The page as a command's form comes back to it.
fn back(data: &Devices) -> String {
    let sort = DeviceSort::ALL.into_iter().find(|(sort, _)| *sort == data.sort).map_or("", |(_, word)| word);
    Query::from([("search", data.search.as_str()), ("state", &data.state), ("sort", sort)]).on("/devices/")
}

/// The commands for all that are chosen: their boxes belong to this form.
fn bulk(seen: &Seen<'_>, data: &Devices, chosen: usize) -> Markup {
    let lang = seen.lang;
    // Without WebAssembly nobody knows how many are chosen.
    let cannot = seen.cannot(Right::Command);
    let more: [(&str, &str, Glyph, Option<&str>); 12] = [
        (
            "ChangeAvailability?type=Inoperative&connectorId=0",
            lang.availability_off(),
            Glyph::POWER_OFF,
            Some(lang.ask_availability()),
        ),
        ("ChangeAvailability?type=Operative&connectorId=0", lang.availability_on(), Glyph::POWER, None),
        ("UnlockConnector", lang.unlock(), Glyph::PLUG_ZAP, None),
        ("TriggerMessage?requestedMessage=StatusNotification", lang.trigger_status(), Glyph::REFRESH_CW, None),
        ("Reset?type=Hard", lang.reset_hard(), Glyph::POWER, Some(lang.ask_reset())),
        ("GetDiagnostics", lang.diagnostics(), Glyph::INBOX, None),
        ("ClearChargingProfile", lang.limits_clear(), Glyph::X, None),
        ("GetCompositeSchedule?connectorId=0", lang.schedule_read(), Glyph::REFRESH_CW, None),
        ("SendLocalList", lang.send_local_list(), Glyph::SAVE, None),
        ("GetLocalListVersion", lang.local_list_version(), Glyph::REFRESH_CW, None),
        ("ClearCache", lang.clear_cache(), Glyph::X, None),
        ("GetConfiguration", lang.get_configuration(), Glyph::SETTINGS, None),
    ];
    let wrong = data.told.wrong.as_ref();
    let firmware = Form { lang, command: "UpdateFirmware", wrong };
    let location = Entry { name: "location", label: lang.firmware_address(), what: What::Url, value: "" };
    html! {
        form.command-form id=(BULK) method="post" action="/fn/command" data-send {
            // By the Enter key a form presses its first button: not the one that starts all chargers.
            button type="submit" hidden disabled {}
            span hidden { input type="hidden" name="back" value=(back(data)); }
            div.commands role="group" aria-label=(lang.labelled(lang.actions(), &lang.selected(chosen))) {
                (command(Action::RemoteStartTransaction, lang.start(), Glyph::PLAY, cannot, None))
                (command(Action::RemoteStopTransaction, lang.stop(), Glyph::SQUARE, cannot, Some(lang.ask_stop_all())))
                (command(Action::Reset, lang.reset(), Glyph::ROTATE_CCW, cannot, Some(lang.ask_reset())))
            }
            details.bulk-more data-menu open[wrong.is_some()] {
                summary.button { (icon(Glyph::ELLIPSIS)) span { (lang.more()) } }
                div.bulk-body {
                    div.commands {
                        @for (word, name, glyph, ask) in more { (order(word, name, glyph, cannot, ask)) }
                    }
                    div.commands {
                        (firmware.entry(&location))
                        (command(Action::UpdateFirmware, lang.update_firmware(), Glyph::DOWNLOAD, cannot,
                            Some(lang.ask_update())))
                    }
                    (bulk_groups(lang, wrong))
                }
            }
        }
    }
}

/// The commands for all that are chosen which need more to be filled in.
fn bulk_groups(lang: Lang, wrong: Option<&WrongForm>) -> Markup {
    let text = |name, label| Entry { name, label, what: What::Text(""), value: "" };
    let pair = |value: &str, name: &str| (value.to_owned(), name.to_owned());
    let purposes = [pair("TxDefaultProfile", lang.each_session()), pair("ChargePointMaxProfile", lang.whole_charger())];
    let units = [pair("A", "A"), pair("W", "W")];
    let limit = [
        Entry { name: "purpose", label: lang.limit_for(), what: What::Choice(&purposes), value: "" },
        Entry { name: "limit", label: lang.limit(), what: What::Decimal, value: "" },
        Entry { name: "unit", label: lang.unit(), what: What::Choice(&units), value: "" },
        Entry { name: "minutes", label: lang.for_minutes(), what: What::Whole(lang.until_cleared()), value: "" },
    ];
    let reservation = [
        Entry { name: "connectorId", label: lang.connector(), what: What::Whole("1"), value: "" },
        Entry { name: "idTag", label: lang.card(), what: What::Text(lang.operators_card()), value: "" },
        Entry { name: "expiryDate", label: lang.until(), what: What::Time, value: "" },
    ];
    let configuration = [text("key", lang.configuration_key()), text("value", lang.configuration_value())];
    let message = [text("vendorId", lang.vendor_id()), text("messageId", lang.message_id()), text("data", lang.data())];
    let groups: [(&str, &str, &[Entry<'_>], &str, Glyph); 4] = [
        ("SetChargingProfile", lang.group_limits(), &limit, lang.limit_set(), Glyph::GAUGE),
        ("ReserveNow", lang.reservation(), &reservation, lang.reserve(), Glyph::HOURGLASS),
        ("ChangeConfiguration", lang.group_configuration(), &configuration, lang.change_configuration(), Glyph::SAVE),
        ("DataTransfer", lang.vendor_message(), &message, lang.send(), Glyph::PLUG),
    ];
    html! {
        div.groups {
            @for (name, heading, entries, button, glyph) in groups {
                @let form = Form { lang, command: name, wrong };
                details.group data-key=(name) open[wrong.is_some_and(|wrong| wrong.form == name)] {
                    summary { (icon(Glyph::CHEVRON_RIGHT)) span { (heading) } }
                    div.commands {
                        @for entry in entries { (form.entry(entry)) }
                        (order(name, button, glyph, None, None))
                    }
                }
            }
        }
    }
}

/// The form for all that are chosen.
const BULK: &str = "bulk";

fn row(seen: &Seen<'_>, data: &Devices, number: usize, names: &[String; 4], charger: &DeviceLine) -> Markup {
    let lang = seen.lang;
    let id = &charger.id;
    let state = seen.chargers.get(id).map_or(&charger.state, |told| &told.state);
    let now = seen.now(data.now);
    let online = seen.chargers.get(id).map_or(charger.online, |told| told.online);
    let ended = seen.totals.and_then(|totals| totals.since(data.number)).unwrap_or_default();
    let has_ended = ended.iter().any(|session| session.charger == *id);
    let is_charging = charges_now((charger.state.as_deref(), charger.is_charging), state.as_deref(), has_ended);
    let [id_name, firmware_name, model_name, state_name] = names;
    html! {
        tr data-key=(id) {
            td.check-cell {
                label.check {
                    input type="checkbox" name={ "c" (number) } value=(id) form=(BULK) data-select
                        checked[seen.local.selection.contains(id)];
                    span.sr-only { (lang.select()) " " (id) }
                }
            }
            (row_head((id_name, false), &html! { (details_link(id)) (changed_mark(seen, id)) }))
            (placed_cell((firmware_name, false), "left second", &plain(&charger.firmware)))
            (placed_cell((model_name, false), "second", &plain(&charger.model)))
            (placed_cell((state_name, false), "first", &html! {
                (badge(lang, state.as_deref())) " "
                @if online {
                    @if let Some(at) = charger.contact {
                        small.age title=(lang.last_contact()) { (lang.ago(now.at.since(at.at))) }
                    }
                } @else {
                    small.age { (out_of_contact(lang, now, charger.contact)) }
                }
            }))
            td.commands-cell {
                (commands(lang, Commanded {
                    id,
                    online,
                    is_charging,
                    back: &back(data),
                    cannot: seen.cannot(Right::Command),
                }))
                @if let Some(command) = &charger.command {
                    p.command-life {
                        (command.action.name()) " " (command_state(lang, command.state))
                        " " small.age { (lang.ago(now.at.since(command.at.at))) }
                    }
                }
            }
        }
    }
}
