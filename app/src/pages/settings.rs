//! The settings form. One set of rules checks it while it is typed, when the server saves it, and when a form without
//! WebAssembly comes back by its address.

use super::{Local, Page, Saving, Seen, reason};
use crate::components::{Control, Field, Glyph, NoticeKind, field, field_errors, icon, link_button, notice};
use crate::data::{DataError, SaveSettings, SettingsPage, field_name};
use crate::text::Lang;
use bmw_domain::account::Right;
use bmw_domain::field::FieldError;
use bmw_domain::phase::PhaseSequence;
use bmw_domain::settings::{Input, SettingField};
use leptos::server_fn::ServerFn;
use maud::{Markup, html};

/// The fields by what they are about.
const GROUPS: [(fn(Lang) -> &'static str, &[SettingField]); 4] = [
    (
        Lang::group_site,
        &[
            SettingField::InstallationYear,
            SettingField::InstallationMonth,
            SettingField::Currency,
            SettingField::InternalTesting,
        ],
    ),
    (Lang::group_meters, &[SettingField::CardReaderPort, SettingField::MeterPort, SettingField::EnergyPerCount]),
    (
        Lang::group_current,
        &[
            SettingField::CurrentDistribution,
            SettingField::PhaseSequence,
            SettingField::MaxCurrentA,
            SettingField::MaxCurrentB,
            SettingField::MaxCurrentC,
        ],
    ),
    (
        Lang::group_ladder,
        &[
            SettingField::EnergyStep,
            SettingField::PriorityPerEnergyStep,
            SettingField::TimeStep,
            SettingField::PriorityPerTimeStep,
        ],
    ),
];

impl Page for SettingsPage {
    fn draw(&self, seen: &Seen<'_>) -> Markup {
        let lang = seen.lang;
        let errors = self.all_errors(seen.local);
        let changes = self.changes(seen.local);
        let is_saving = matches!(seen.local.saving, Saving::Sent);
        html! {
            div.said { (said(lang, self, seen.local)) }
            p.page-links {
                (link_button("/distribution/", lang.distribution(), Some(Glyph::GAUGE))) " "
                (link_button("/cards/", lang.cards(), Some(Glyph::CREDIT_CARD))) " "
                a.button rel="external" href="/qr_codes/" { (icon(Glyph::QR_CODE)) span { (lang.qr_codes()) } } " "
                a.button rel="external" href="/device/" { (icon(Glyph::SMARTPHONE)) span { (lang.on_this_device()) } } " "
                @if seen.may(Right::Users) {
                    a.button rel="external" href="/users/" { (icon(Glyph::USERS)) span { (lang.users()) } }
                }
                @if seen.may(Right::Audit) {
                    " " a.button rel="external" href="/audit/" { (icon(Glyph::HISTORY)) span { (lang.audit_log()) } }
                }
            }
            @if !errors.is_empty() {
                (field_errors(&lang.wrong_entries(errors.len()), errors.iter().map(|(field, error)| {
                    (field_name(*field), lang.labelled(lang.setting(*field), &lang.field_error(error)))
                })))
            }
            form.settings method="post" action=(SaveSettings::PATH) novalidate {
                div.settings-groups {
                    @for (name, fields) in GROUPS {
                        fieldset.card.settings-group {
                            legend { (name(lang)) }
                            @for field in fields { (setting(lang, self, seen.local, (*field, &errors))) }
                        }
                    }
                }
                div.form-bar {
                    @let name = if is_saving { lang.saving() } else { lang.save() };
                    @match seen.cannot(Right::Settings) {
                        Some(why) => {
                            button.button type="button" aria-disabled="true" title=(why) {
                                (icon(Glyph::SAVE)) span { (name) }
                            }
                            span.muted { (why) }
                        }
                        None => {
                            button.button.is-primary type="submit" { (icon(Glyph::SAVE)) span { (name) } }
                        }
                    }
                    button.button type="button" data-do="discard" {
                        (icon(Glyph::X)) span { (lang.discard()) }
                    }
                    span.muted role="status" { @if changes > 0 { (lang.unsaved_changes(changes)) } }
                }
            }
        }
    }

    fn unsaved(&self, local: &Local) -> bool {
        self.changes(local) > 0
    }

    fn holds(&self, name: &str, value: &str) -> bool {
        let untouched = Local::default();
        SettingField::ALL.into_iter().any(|field| field_name(field) == name && self.value(&untouched, field) == value)
    }
}

impl SettingsPage {
    /// What a field holds: what was typed, else what came back by the address, else what is stored.
    pub(super) fn value<'a>(&'a self, local: &'a Local, field: SettingField) -> &'a str {
        let name = field_name(field);
        local.typed.get(name).or_else(|| self.typed.get(name)).map_or(self.stored(field), String::as_str)
    }

    fn stored(&self, field: SettingField) -> &str {
        self.stored.get(field as usize).map_or("", String::as_str)
    }

    fn is_changed(&self, local: &Local, field: SettingField) -> bool {
        self.value(local, field) != self.stored(field)
    }

    fn changes(&self, local: &Local) -> usize {
        SettingField::ALL.into_iter().filter(|field| self.is_changed(local, *field)).count()
    }

    /// The same with what only the server could find wrong, while nothing else is.
    fn all_errors(&self, local: &Local) -> Vec<(SettingField, FieldError)> {
        let errors = self.errors(local);
        match &local.saving {
            Saving::Wrong(told) if errors.is_empty() => told.clone(),
            Saving::No if errors.is_empty() && local.typed.is_empty() => self.unfit.clone(),
            _ => errors,
        }
    }

    /// What is wrong with what is typed, in the order of the document.
    pub(super) fn errors(&self, local: &Local) -> Vec<(SettingField, FieldError)> {
        let wrong = |field: SettingField| field.check(Input::Text(self.value(local, field))).err();
        SettingField::ALL.into_iter().filter_map(|field| Some((field, wrong(field)?))).collect()
    }
}

/// What came of saving, in words.
fn said(lang: Lang, data: &SettingsPage, local: &Local) -> Markup {
    let (failed, changed) = match &local.saving {
        Saving::Failed(error) => (Some(error), None),
        Saving::Saved(changed) => (None, Some(changed)),
        Saving::No | Saving::Sent | Saving::Wrong(_) => (data.failed.as_ref(), data.saved.as_ref()),
    };
    if let Some(error) = failed {
        let help = if *error == DataError::Refused { lang.failed_refused_help() } else { "" };
        return notice(NoticeKind::Error, &html! { (reason(lang, error)) " " (help) });
    }
    match changed {
        None => html! {},
        Some(changed) if changed.is_empty() => notice(NoticeKind::Info, &html! { (lang.nothing_changed()) }),
        Some(changed) => {
            let body = html! {
                p { (lang.saved()) }
                ul {
                    @for field in changed {
                        li { (lang.labelled(lang.setting(*field), shown(lang, *field, data.stored(*field)))) }
                    }
                }
            };
            notice(NoticeKind::Success, &body)
        }
    }
}

fn shown(lang: Lang, field: SettingField, value: &str) -> &str {
    match value {
        "0" if is_flag(field) => lang.off(),
        "1" if is_flag(field) => lang.on(),
        value => value,
    }
}

fn is_flag(field: SettingField) -> bool {
    matches!(field, SettingField::CurrentDistribution | SettingField::InternalTesting)
}

fn unit(lang: Lang, field: SettingField) -> &'static str {
    match field {
        SettingField::EnergyStep => "kWh",
        SettingField::TimeStep => lang.minutes(),
        SettingField::EnergyPerCount => lang.kwh_per_count(),
        SettingField::MaxCurrentA | SettingField::MaxCurrentB | SettingField::MaxCurrentC => "A",
        _ => "",
    }
}

fn setting(
    lang: Lang,
    data: &SettingsPage,
    local: &Local,
    (setting, errors): (SettingField, &[(SettingField, FieldError)]),
) -> Markup {
    let value = data.value(local, setting);
    let input = Input::Text(value);
    let flags = [("0", lang.off()), ("1", lang.on())];
    let control = match setting {
        SettingField::CurrentDistribution | SettingField::InternalTesting => Control::Radio(&flags),
        SettingField::PhaseSequence => Control::Select(&PhaseSequence::ALL),
        SettingField::CardReaderPort | SettingField::MeterPort => Control::Text,
        SettingField::EnergyStep | SettingField::EnergyPerCount => Control::Decimal,
        _ => Control::Whole,
    };
    let is_changed = data.is_changed(local, setting);
    let error = errors.iter().find(|(field, _)| *field == setting);
    html! {
        div.setting.is-changed[is_changed] {
            (field(&Field {
                name: field_name(setting),
                label: lang.setting(setting),
                value,
                control,
                unit: unit(lang, setting),
                help: lang.setting_help(setting),
                hint: if setting.is_applied() { "" } else { lang.not_applied() },
                error: &error.map(|(_, error)| lang.field_error(error)).unwrap_or_default(),
                warning: if setting.is_odd(input) { lang.month_is_odd() } else { "" },
            }))
            span.changed-mark { @if is_changed { (lang.unsaved()) } }
        }
    }
}
