//! The commands on a charge point's page: what is needed every day in front, the rest behind disclosures.

use super::form::Form;
use crate::components::{Entry, Glyph, What, badge, icon, tag};
use crate::data::{Configuration, ConfigurationLine, Details, Operation, Schedule, WrongForm};
use crate::pages::details::back;
use crate::pages::parts::{cell, command_form, order, plain, row_head, table, when};
use crate::text::Lang;
use crate::text::format::{one_decimal, with_unit};
use crate::ui::cannot;
use bmw_domain::account::{Right, Role};
use bmw_domain::status::Condition;
use maud::{Markup, html};

/// What all forms of the page have in common.
struct Forms<'a> {
    role: Option<Role>,
    data: &'a Details,
    known: &'a Operation,
    lang: Lang,
    id: &'a str,
    back: String,
    /// Why no command can be given.
    offline: Option<&'static str>,
}

/// The groups of commands of the page's charge point, for somebody of this role.
pub(crate) fn groups(lang: Lang, data: &Details, known: &Operation, role: Option<Role>) -> Markup {
    let Some(charger) = &data.charger else { return Markup::default() };
    let offline = cannot(lang, role, Right::Command).or_else(|| (!charger.online).then(|| lang.no_connection()));
    let forms = Forms { role, data, known, lang, id: &charger.id, back: back(data), offline };
    let groups: [(&str, &str, Markup, &[&str]); 5] = [
        ("everyday", lang.group_everyday(), forms.everyday(), &EVERYDAY),
        ("limits", lang.group_limits(), forms.limits(), &LIMITS),
        ("access", lang.group_access(), forms.access(), &ACCESS),
        ("maintenance", lang.group_maintenance(), forms.maintenance(), &MAINTENANCE),
        ("configuration", lang.group_configuration(), forms.configuration(), &CONFIGURATION),
    ];
    let wrong = data.told.wrong.as_ref().map_or("", |wrong| wrong.form.as_str());
    html! {
        div.groups data-key="groups" {
            @for (index, (name, heading, body, actions)) in groups.iter().enumerate() {
                details.group id={ "group-" (name) } data-key=(name) open[index == 0 || actions.contains(&wrong)] {
                    summary { (icon(Glyph::CHEVRON_RIGHT)) span { (heading) } }
                    (body)
                }
            }
        }
    }
}

/// The commands of each group: one that comes back with something wrong is open.
const EVERYDAY: [&str; 4] = ["RemoteStartTransaction", "UnlockConnector", "ChangeAvailability", "TriggerMessage"];
const LIMITS: [&str; 3] = ["SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule"];
const ACCESS: [&str; 2] = ["ReserveNow", "SendLocalList"];
const MAINTENANCE: [&str; 3] = ["UpdateFirmware", "GetDiagnostics", "DataTransfer"];
const CONFIGURATION: [&str; 1] = ["ChangeConfiguration"];

/// What can be asked for (OCPP 1.6, 7.34 `MessageTrigger`).
const MESSAGES: [&str; 6] = [
    "StatusNotification",
    "MeterValues",
    "BootNotification",
    "Heartbeat",
    "FirmwareStatusNotification",
    "DiagnosticsStatusNotification",
];

type Choices = Vec<(String, String)>;

impl Forms<'_> {
    fn wrong(&self) -> Option<&WrongForm> {
        self.data.told.wrong.as_ref()
    }

    /// One thing that can be done: its name, what to know of it, and how it is done.
    fn deed(name: &str, help: &str, body: &Markup) -> Markup {
        html! {
            div.deed data-key=(name) {
                div.deed-name { h3 { (name) } @if !help.is_empty() { p.muted { (help) } } }
                div.deed-body { (body) }
            }
        }
    }

    /// A form of one command, or of several that take the same fields.
    fn form(&self, command: &str, entries: &[Entry<'_>], buttons: &Markup) -> Markup {
        let form = Form { lang: self.lang, command, wrong: self.wrong() };
        let body = html! { @for entry in entries { (form.entry(entry)) } (buttons) };
        command_form(&[self.id], &self.back, &body)
    }

    fn button(&self, word: &str, name: &str, glyph: Glyph, ask: Option<&str>) -> Markup {
        order(word, name, glyph, self.offline, ask)
    }

    /// A form of one button.
    fn press(&self, word: &str, name: &str, glyph: Glyph, ask: Option<&str>) -> Markup {
        self.form(word, &[], &self.button(word, name, glyph, ask))
    }

    /// The connectors as choices, after what 0 stands for.
    fn connectors(&self, zero: &str) -> Choices {
        let zero = (!zero.is_empty()).then(|| ("0".to_owned(), zero.to_owned()));
        zero.into_iter().chain(self.known.connectors.iter().map(|it| (it.to_string(), it.to_string()))).collect()
    }

    fn connector<'a>(&self, choices: &'a Choices) -> Entry<'a> {
        Entry { name: "connectorId", label: self.lang.connector(), what: What::Choice(choices), value: "" }
    }

    fn everyday(&self) -> Markup {
        let lang = self.lang;
        let (each, any) = (self.connectors(""), self.connectors(lang.whole_charger()));
        let card = Entry { name: "idTag", label: lang.card(), what: What::Text(lang.operators_card()), value: "" };
        let messages: Choices = MESSAGES.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect();
        let message =
            Entry { name: "requestedMessage", label: lang.message(), what: What::Choice(&messages), value: "" };
        let charge = html! {
            (self.form("RemoteStartTransaction", &[self.connector(&each), card],
                &self.button("RemoteStartTransaction", lang.start(), Glyph::PLAY, None)))
            @for (id, connector) in &self.known.running {
                @let word = format!("RemoteStopTransaction?transactionId={id}");
                @let name = lang.stop_session(*id, *connector);
                (self.press(&word, &name, Glyph::SQUARE, None))
            }
        };
        let availability = html! {
            (self.button("ChangeAvailability?type=Inoperative", lang.availability_off(), Glyph::POWER_OFF,
                Some(lang.ask_availability())))
            (self.button("ChangeAvailability?type=Operative", lang.availability_on(), Glyph::POWER, None))
        };
        html! {
            (Self::deed(lang.charging(), "", &charge))
            (Self::deed(lang.unlock(), "", &self.form("UnlockConnector", &[self.connector(&each)],
                &self.button("UnlockConnector", lang.unlock(), Glyph::PLUG_ZAP, None))))
            (Self::deed(lang.availability(), "", &self.form("ChangeAvailability", &[self.connector(&any)], &availability)))
            (Self::deed(lang.trigger(), "", &self.form("TriggerMessage", &[message],
                &self.button("TriggerMessage", lang.ask_for_it(), Glyph::REFRESH_CW, None))))
        }
    }

    fn limits(&self) -> Markup {
        let lang = self.lang;
        let any = self.connectors(lang.whole_charger());
        let pair = |value: &str, name: &str| (value.to_owned(), name.to_owned());
        let mut purposes = vec![
            pair("TxDefaultProfile", lang.each_session()),
            pair("ChargePointMaxProfile", lang.whole_charger()),
            pair("TxProfile", lang.running_session()),
        ];
        let units = vec![pair("A", "A"), pair("W", "W")];
        let phases = [lang.as_it_is(), "1", "2", "3"].map(|it| pair(if it.len() == 1 { it } else { "" }, it)).to_vec();
        let set = [
            Entry { name: "purpose", label: lang.limit_for(), what: What::Choice(&purposes), value: "" },
            self.connector(&any),
            Entry { name: "limit", label: lang.limit(), what: What::Decimal, value: "" },
            Entry { name: "unit", label: lang.unit(), what: What::Choice(&units), value: "" },
            Entry { name: "numberPhases", label: lang.phases(), what: What::Choice(&phases), value: "" },
            Entry { name: "minutes", label: lang.for_minutes(), what: What::Whole(lang.until_cleared()), value: "" },
        ];
        let set = self.form(
            "SetChargingProfile",
            &set,
            &self.button("SetChargingProfile", lang.limit_set(), Glyph::GAUGE, None),
        );
        purposes.insert(0, pair("", lang.all()));
        let clear = [Entry {
            name: "chargingProfilePurpose",
            label: lang.limit_for(),
            what: What::Choice(&purposes),
            value: "",
        }];
        let clear = self.form(
            "ClearChargingProfile",
            &clear,
            &self.button("ClearChargingProfile", lang.limits_clear(), Glyph::X, None),
        );
        let read = self.form(
            "GetCompositeSchedule",
            &[
                self.connector(&any),
                Entry { name: "minutes", label: lang.for_minutes(), what: What::Whole("1440"), value: "" },
            ],
            &self.button("GetCompositeSchedule", lang.schedule_read(), Glyph::REFRESH_CW, None),
        );
        let schedule = html! { (read) @if let Some(told) = &self.known.schedule { (self.schedule(told)) } };
        html! {
            (Self::deed(lang.limit_set(), lang.limit_help(), &set))
            (Self::deed(lang.limits_clear(), "", &clear))
            (Self::deed(lang.schedule(), lang.schedule_help(), &schedule))
        }
    }

    fn schedule(&self, told: &Schedule) -> Markup {
        let lang = self.lang;
        let columns = [(lang.from(), false), (lang.limit(), true), (lang.phases(), true)];
        let [from, limit, phases] = columns;
        let of = if told.connector == 0 { lang.whole_charger().to_owned() } else { told.connector.to_string() };
        let rows = html! {
            @for (at, most, number) in &told.periods {
                tr {
                    (row_head(from, &plain(at.with_space())))
                    (cell(limit, &plain(with_unit(one_decimal(*most), &told.unit))))
                    (cell(phases, &plain(number.map(|it| it.to_string()).unwrap_or_default())))
                }
            }
        };
        html! {
            p.muted { (lang.labelled(lang.connector(), &of)) " · " (self.read_at(told.at)) }
            div.table-box { (table("data plain schedule", lang.schedule(), &columns, &rows, &html! {})) }
        }
    }

    fn read_at(&self, at: crate::data::Moment) -> Markup {
        html! { (self.lang.read_at()) " " (when(self.lang, self.data.now, Some(at))) }
    }

    fn access(&self) -> Markup {
        let lang = self.lang;
        let each = self.connectors("");
        let reserve = [
            self.connector(&each),
            Entry { name: "idTag", label: lang.card(), what: What::Text(lang.operators_card()), value: "" },
            Entry { name: "expiryDate", label: lang.until(), what: What::Time, value: "" },
        ];
        let reserve =
            self.form("ReserveNow", &reserve, &self.button("ReserveNow", lang.reserve(), Glyph::HOURGLASS, None));
        let reservations = html! {
            (reserve)
            @for line in &self.known.reservations {
                div.line data-key=(line.id) {
                    span {
                        strong { (line.card) } " · " (lang.connector()) " " (line.connector) " · "
                        (lang.until()) " " (line.until.with_space())
                    }
                    (self.press(&format!("CancelReservation?reservationId={}", line.id), lang.reservation_cancel(),
                        Glyph::X, None))
                }
            }
        };
        let version = |label: &str, told: Option<(i64, crate::data::Moment)>| {
            html! {
                @if let Some((version, at)) = told {
                    p.muted { (label) " " (version) (lang.comma()) (when(lang, self.data.now, Some(at))) }
                }
            }
        };
        let list = html! {
            (self.form("SendLocalList", &[], &html! {
                (self.button("SendLocalList", &lang.send_cards(self.known.cards), Glyph::SAVE, None))
                (self.button("GetLocalListVersion", lang.list_version(), Glyph::REFRESH_CW, None))
            }))
            (version(lang.list_sent(), self.known.list_sent))
            (version(lang.list_told(), self.known.list_told))
        };
        html! {
            (Self::deed(lang.reservation(), "", &reservations))
            (Self::deed(lang.local_list(), lang.local_list_help(), &list))
            (Self::deed(lang.cache(), lang.cache_help(), &self.press("ClearCache", lang.clear_cache(), Glyph::X, None)))
        }
    }

    /// Leads to where the charge point's password is kept: no script comes near it.
    fn password(&self) -> Markup {
        let cannot = cannot(self.lang, self.role, Right::Admit);
        let address = crate::data::Query::default().with("charger_id", self.id).on("/charger_password/");
        html! {
            a.button rel="external" href=[cannot.is_none().then_some(address)] role=[cannot.map(|_| "link")]
                aria-disabled=[cannot.map(|_| "true")] title=[cannot]
            {
                (icon(Glyph::KEY)) span { (self.lang.charger_password()) }
            }
        }
    }

    fn maintenance(&self) -> Markup {
        let lang = self.lang;
        let text = |name, label| Entry { name, label, what: What::Text(""), value: "" };
        let url = |label| Entry { name: "location", label, what: What::Url, value: "" };
        let reset = html! {
            (self.button("Reset?type=Soft", lang.reset_soft(), Glyph::ROTATE_CCW, Some(lang.ask_reset())))
            (self.button("Reset?type=Hard", lang.reset_hard(), Glyph::POWER, Some(lang.ask_reset())))
        };
        let firmware = [
            url(lang.firmware_address()),
            Entry { name: "retrieveDate", label: lang.when_empty_now(), what: What::Time, value: "" },
        ];
        let firmware = self.form(
            "UpdateFirmware",
            &firmware,
            &self.button("UpdateFirmware", lang.update_firmware(), Glyph::DOWNLOAD, Some(lang.ask_update())),
        );
        let diagnostics = self.form(
            "GetDiagnostics",
            &[url(lang.diagnostics_address())],
            &self.button("GetDiagnostics", lang.diagnostics(), Glyph::INBOX, None),
        );
        let message = self.form(
            "DataTransfer",
            &[text("vendorId", lang.vendor_id()), text("messageId", lang.message_id()), text("data", lang.data())],
            &self.button("DataTransfer", lang.send(), Glyph::PLUG, None),
        );
        html! {
            (Self::deed(lang.reset(), "", &self.form("Reset", &[], &reset)))
            (Self::deed(lang.firmware_name(), "", &firmware))
            (Self::deed(lang.diagnostics_name(), "", &diagnostics))
            (Self::deed(lang.vendor_message(), lang.vendor_message_help(), &message))
        }
    }

    fn configuration(&self) -> Markup {
        let lang = self.lang;
        let text = |name, label| Entry { name, label, what: What::Text(""), value: "" };
        let read = html! {
            (self.press("GetConfiguration", lang.get_configuration(), Glyph::REFRESH_CW, None))
            @if let Some(known) = &self.known.configuration { p.muted { (self.read_at(known.at)) } }
        };
        let other = self.form(
            "ChangeConfiguration",
            &[text("key", lang.configuration_key()), text("value", lang.configuration_value())],
            &self.button("ChangeConfiguration", lang.change_configuration(), Glyph::SAVE, None),
        );
        html! {
            (Self::deed(lang.charger_password(), lang.charger_password_help(), &self.password()))
            (Self::deed(lang.group_configuration(), lang.configuration_help(), &read))
            @if let Some(known) = &self.known.configuration { (self.keys(known)) }
            (Self::deed(lang.other_key(), "", &other))
        }
    }

    fn keys(&self, known: &Configuration) -> Markup {
        let lang = self.lang;
        let columns = [(lang.configuration_key(), false), (lang.configuration_value(), false)];
        let [key, value] = columns;
        let rows = html! {
            @for line in &known.keys {
                tr data-key=(line.key) { (row_head(key, &plain(&line.key))) (cell(value, &self.value(line))) }
            }
        };
        html! {
            div.table-box.is-tall {
                (table("data configuration", lang.group_configuration(), &columns, &rows, &html! {}))
            }
        }
    }

    /// The value of a key, in a form where it can be changed.
    fn value(&self, line: &ConfigurationLine) -> Markup {
        let lang = self.lang;
        if line.is_secret {
            return html! { span.value { (plain(&line.value)) } };
        }
        if line.is_read_only {
            return html! { span.value { (plain(&line.value)) } (tag(lang.read_only())) };
        }
        let body = html! {
            input type="hidden" name="ChangeConfiguration.key" value=(line.key);
            input type="text" name="ChangeConfiguration.value" value=(line.value) autocomplete="off"
                aria-label={ (lang.configuration_value()) " " (line.key) };
            (order("ChangeConfiguration", lang.save(), Glyph::SAVE, self.offline, None))
        };
        html! {
            (command_form(&[self.id], &self.back, &body))
            @if line.needs_reset { (badge(Condition::Waiting, lang.needs_reset())) }
        }
    }
}
