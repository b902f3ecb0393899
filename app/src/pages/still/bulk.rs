//! The commands for several charge points at once, below the head of the device list.

use super::form::Form;
use crate::components::{Entry, Glyph, What, icon};
use crate::data::{Devices, WrongForm};
use crate::pages::devices::{BULK, back};
use crate::pages::parts::{command, order};
use crate::text::Lang;
use crate::ui::cannot;
use bmw_domain::account::{Right, Role};
use bmw_domain::command::Action;
use maud::{Markup, html};

/// The commands for all that are chosen: their boxes belong to this form.
pub(crate) fn bulk(lang: Lang, data: &Devices, role: Option<Role>) -> Markup {
    let cannot = cannot(lang, role, Right::Command);
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
            div.commands role="group" aria-label=(lang.labelled(lang.device_list(), lang.actions())) {
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
