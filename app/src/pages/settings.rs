//! The settings form. One set of rules checks it while it is typed, when the server saves it, and when a form without
//! WebAssembly comes back by its address.

use super::{page, reason};
use crate::components::{ActionButton, ButtonKind, Choice, Control, Field, FieldErrors, Glyph, Notice, NoticeKind};
use crate::data::{
    DataError, PageName, Query, SaveOutcome, SaveSettings, Typed, check, field_name, save_settings, saved_in, typed_in,
};
use crate::text::Lang;
use bmw_domain::phase::PhaseSequence;
use bmw_domain::settings::{Input, SettingField, Settings};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_url;

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

/// The form's state. It outlives the views, which are drawn anew with the language.
#[derive(Clone, Copy)]
struct Form {
    /// What each field holds, by the order of `SettingField::ALL`.
    values: StoredValue<Vec<RwSignal<String>>>,
    /// What is stored, as far as it is known.
    stored: RwSignal<Option<Settings>>,
    /// What came of the last saving.
    outcome: RwSignal<Option<Result<SaveOutcome, DataError>>>,
    is_saving: RwSignal<bool>,
}

impl Form {
    fn new() -> Self {
        let values = SettingField::ALL.map(|_| RwSignal::new(String::new())).to_vec();
        Self {
            values: StoredValue::new(values),
            stored: RwSignal::new(None),
            outcome: RwSignal::new(None),
            is_saving: RwSignal::new(false),
        }
    }

    fn value(self, field: SettingField) -> RwSignal<String> {
        self.values.with_value(|values| values[field as usize])
    }

    fn typed(self) -> Typed {
        SettingField::ALL.into_iter().map(|field| (field_name(field).to_owned(), self.value(field).get())).collect()
    }

    fn fill(self, settings: &Settings) {
        for field in SettingField::ALL {
            self.value(field).set(field.text_of(settings));
        }
    }

    /// Takes over what the server says is stored. What was typed since stays.
    fn learn(self, settings: Settings, query: &Query) {
        let known = self.stored.get_untracked();
        if known.as_ref() == Some(&settings) {
            return;
        }
        let is_touched = known.is_some_and(|known| {
            SettingField::ALL.into_iter().any(|field| self.value(field).get_untracked() != field.text_of(&known))
        });
        if !is_touched {
            self.fill(&settings);
            for (name, text) in typed_in(query).unwrap_or_default() {
                if let Some(field) = SettingField::ALL.into_iter().find(|field| field_name(*field) == name) {
                    self.value(field).set(text);
                }
            }
        }
        self.stored.set(Some(settings));
    }

    fn is_changed(self, field: SettingField) -> bool {
        let value = self.value(field).get();
        self.stored.with(|stored| stored.as_ref().is_some_and(|stored| field.text_of(stored) != value))
    }

    fn changes(self) -> usize {
        SettingField::ALL.into_iter().filter(|field| self.is_changed(*field)).count()
    }

    fn save(self) {
        self.is_saving.set(true);
        let typed = self.typed();
        leptos::task::spawn_local(async move {
            let answer = save_settings(typed).await;
            let outcome = answer.and_then(|json| serde_json::from_str(&json).map_err(|_| DataError::Protocol));
            if let Ok(SaveOutcome::Saved(settings, _)) = &outcome {
                self.stored.set(Some(settings.as_ref().clone()));
                self.fill(settings);
            }
            self.outcome.set(Some(outcome));
            self.is_saving.set(false);
        });
    }
}

/// `/settings/`
#[component]
pub fn SettingsPage() -> impl IntoView {
    let form = Form::new();
    guard_leaving(form);
    let url = use_url();
    page(PageName::Settings, move |lang, settings| {
        let query = Query::parse(&url.with_untracked(|url| url.search().to_owned()));
        form.learn(settings, &query);
        draw(lang, form, &query)
    })
}

/// Asks before a page with unsaved changes is left for good.
fn guard_leaving(form: Form) {
    #[cfg(feature = "hydrate")]
    {
        let handle = window_event_listener(leptos::ev::beforeunload, move |event| {
            if untrack(|| form.changes()) > 0 {
                event.prevent_default();
                // Older browsers ask only when there is a text.
                event.set_return_value("unsaved");
            }
        });
        on_cleanup(move || handle.remove());
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = form;
    }
}

fn draw(lang: Lang, form: Form, query: &Query) -> AnyView {
    let errors = Signal::derive(move || {
        let wrong = check(&form.typed()).err().unwrap_or_default();
        wrong
            .into_iter()
            .map(|(field, error)| (field_name(field), lang.setting(field).to_owned(), lang.field_error(&error)))
            .collect::<Vec<_>>()
    });
    let heading = move || lang.wrong_entries(errors.with(Vec::len));
    let groups = GROUPS.into_iter().map(|(name, fields)| {
        view! {
            <fieldset class="card settings-group">
                <legend>{name(lang)}</legend>
                {fields.iter().map(|field| field_view(lang, form, *field)).collect_view()}
            </fieldset>
        }
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if errors.with_untracked(Vec::is_empty) && !form.is_saving.get_untracked() {
            form.save();
        }
    };
    let discard = move |()| {
        if let Some(stored) = form.stored.get_untracked() {
            form.fill(&stored);
            form.outcome.set(None);
        }
    };
    let save_label = move || if form.is_saving.get() { lang.saving() } else { lang.save() }.to_owned();
    view! {
        {said(lang, form, query)}
        <FieldErrors heading=heading errors=errors />
        <form class="settings" method="post" action=SaveSettings::PATH on:submit=submit novalidate>
            <div class="settings-groups">{groups.collect_view()}</div>
            <div class="form-bar">
                <ActionButton
                    label=save_label
                    glyph=Glyph::SAVE
                    kind=ButtonKind::Primary
                    submit=true
                />
                <ActionButton label=lang.discard() glyph=Glyph::X on_press=Callback::new(discard) />
                <span class="muted" role="status">
                    {move || {
                        let changes = form.changes();
                        (changes > 0).then(|| lang.unsaved_changes(changes))
                    }}
                </span>
            </div>
        </form>
    }
    .into_any()
}

/// What came of saving, in words.
fn said(lang: Lang, form: Form, query: &Query) -> AnyView {
    let by_address = saved_in(query);
    let said = move || {
        let changed = match form.outcome.get() {
            None => by_address.clone()?,
            Some(Ok(SaveOutcome::Saved(_, changed))) => changed,
            // The fields and the summary say it.
            Some(Ok(SaveOutcome::Wrong(_))) => return None,
            Some(Err(error)) => {
                let help = (error == DataError::Refused).then(|| lang.failed_refused_help());
                return Some(
                    view! { <Notice kind=NoticeKind::Error>{reason(lang, &error)} " " {help}</Notice> }.into_any(),
                );
            }
        };
        if changed.is_empty() {
            return Some(view! { <Notice>{lang.nothing_changed()}</Notice> }.into_any());
        }
        let lines = form.stored.with_untracked(|stored| {
            let value = |field: SettingField| stored.as_ref().map(|stored| field.text_of(stored)).unwrap_or_default();
            changed
                .iter()
                .map(|field| format!("{}: {}", lang.setting(*field), shown(lang, *field, &value(*field))))
                .collect::<Vec<_>>()
        });
        Some(
            view! {
                <Notice kind=NoticeKind::Success>
                    <p>{lang.saved()}</p>
                    <ul>{lines.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul>
                </Notice>
            }
            .into_any(),
        )
    };
    view! { <div class="said">{said}</div> }.into_any()
}

fn is_flag(field: SettingField) -> bool {
    matches!(field, SettingField::CurrentDistribution | SettingField::InternalTesting)
}

fn shown(lang: Lang, field: SettingField, value: &str) -> String {
    match value {
        "0" if is_flag(field) => lang.off().to_owned(),
        "1" if is_flag(field) => lang.on().to_owned(),
        value => value.to_owned(),
    }
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

fn control(lang: Lang, field: SettingField) -> Control {
    match field {
        SettingField::CurrentDistribution | SettingField::InternalTesting => {
            Control::Radio(vec![Choice::new("0", lang.off()), Choice::new("1", lang.on())])
        }
        SettingField::PhaseSequence => {
            let sequences = ["ABC", "ACB", "BAC", "BCA", "CAB", "CBA"];
            Control::Select(
                sequences
                    .into_iter()
                    .filter(|sequence| PhaseSequence::parse(sequence).is_some())
                    .map(|sequence| Choice::new(sequence, sequence))
                    .collect(),
            )
        }
        SettingField::CardReaderPort | SettingField::MeterPort => Control::Text,
        SettingField::EnergyStep | SettingField::EnergyPerCount => Control::Decimal,
        _ => Control::Whole,
    }
}

fn field_view(lang: Lang, form: Form, field: SettingField) -> AnyView {
    let value = form.value(field);
    let error = Signal::derive(move || {
        value.with(|text| field.check(Input::Text(text)).err()).map(|error| lang.field_error(&error))
    });
    let warning = Signal::derive(move || {
        let mut settings = Settings::default();
        let is_odd = value.with(|text| field.set(&mut settings, Input::Text(text)).is_ok()) && field.is_odd(&settings);
        is_odd.then(|| lang.month_is_odd().to_owned())
    });
    let changed = move || form.is_changed(field).then(|| lang.unsaved());
    let hint = if field.is_applied() { "" } else { lang.not_applied() };
    view! {
        <div class="setting" class:is-changed=move || form.is_changed(field)>
            <Field
                name=field_name(field)
                label=lang.setting(field)
                value=value
                control=control(lang, field)
                unit=unit(lang, field)
                help=lang.setting_help(field)
                hint=hint
                error=error
                warning=warning
            />
            <span class="changed-mark">{changed}</span>
        </div>
    }
    .into_any()
}
