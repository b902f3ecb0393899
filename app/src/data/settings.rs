//! The settings form: read, checked and saved by the same rules on both sides.

use super::DataError;
#[cfg(feature = "ssr")]
use super::{Query, caller, encode, site};
use bmw_domain::field::FieldError;
use bmw_domain::settings::SettingField;
#[cfg(feature = "ssr")]
use bmw_domain::settings::{Input, Settings};
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A field's name in the form and in the address.
pub const fn field_name(field: SettingField) -> &'static str {
    match field {
        SettingField::CardReaderPort => "card_reader_port",
        SettingField::InstallationYear => "installation_year",
        SettingField::InstallationMonth => "installation_month",
        SettingField::CurrentDistribution => "current_distribution",
        SettingField::MeterPort => "meter_port",
        SettingField::PhaseSequence => "phase_sequence",
        SettingField::Currency => "currency",
        SettingField::EnergyStep => "energy_step",
        SettingField::TimeStep => "time_step",
        SettingField::PriorityPerEnergyStep => "priority_per_energy_step",
        SettingField::PriorityPerTimeStep => "priority_per_time_step",
        SettingField::EnergyPerCount => "energy_per_count",
        SettingField::InternalTesting => "internal_testing",
        SettingField::MaxCurrentA => "max_current_a",
        SettingField::MaxCurrentB => "max_current_b",
        SettingField::MaxCurrentC => "max_current_c",
    }
}

/// What was typed, by the names of the fields.
pub type Typed = BTreeMap<String, String>;

/// What the settings page shows. Values are text, as the form has them: the browser needs no settings, only their rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsPage {
    /// What is stored, in the order of [`SettingField::ALL`].
    pub stored: Vec<String>,
    /// What a form without WebAssembly could not save.
    pub typed: Typed,
    /// What only the server could find wrong with that.
    pub unfit: Vec<(SettingField, FieldError)>,
    /// What such a form has saved: the fields that changed.
    pub saved: Option<Vec<SettingField>>,
    /// Why such a form could not be saved, though nothing was wrong with it.
    pub failed: Option<DataError>,
}

impl SettingsPage {
    /// What the form sends: each field with what it holds.
    pub fn form<'a>(&self, value: impl Fn(SettingField) -> &'a str) -> Typed {
        SettingField::ALL.into_iter().map(|field| (field_name(field).to_owned(), value(field).to_owned())).collect()
    }
}

/// What came of saving.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SaveOutcome {
    /// Saved: the page now (see [`super::decode`]), and the fields that changed.
    Saved(Vec<u8>, Vec<SettingField>),
    /// Nothing was saved: what is wrong.
    Wrong(Vec<(SettingField, FieldError)>),
}

/// Reads what was typed.
///
/// # Errors
/// Every wrong field with its reason, in the order of the document.
#[cfg(feature = "ssr")]
pub fn check(typed: &Typed) -> Result<Settings, Vec<(SettingField, FieldError)>> {
    Settings::from_inputs(|field| typed.get(field_name(field)).map(|text| Input::Text(text)))
}

/// What a form without WebAssembly left in the address: the typed values of one that could not be saved.
#[cfg(feature = "ssr")]
pub fn typed_in(query: &Query) -> Option<Typed> {
    query.get("wrong")?;
    let value = |field| Some((field_name(field).to_owned(), query.raw(field_name(field))?.to_owned()));
    Some(SettingField::ALL.into_iter().filter_map(value).collect())
}

/// The fields that such a form has changed; `None` when none was sent.
#[cfg(feature = "ssr")]
pub fn saved_in(query: &Query) -> Option<Vec<SettingField>> {
    let names = query.raw("saved")?;
    Some(
        SettingField::ALL.into_iter().filter(|field| names.split(',').any(|name| name == field_name(*field))).collect(),
    )
}

/// Saves the settings, all or nothing, and answers with a [`SaveOutcome`] (see [`super::decode`]). A plain form is led
/// back to the page, which shows the outcome by its address.
#[server(endpoint = "settings/save", prefix = "/fn", output = Postcard)]
pub async fn save_settings(
    /// What was typed.
    #[server(flatten)]
    values: Typed,
) -> Result<Vec<u8>, DataError> {
    encode(&on_server::answered(values).await?)
}

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use bmw_domain::account::Right;
    use bmw_site::NotSaved;
    use http::request::Parts;

    /// A typed value that is brought back to a page by its address is cut here; nothing that is accepted is longer.
    const TYPED_MOST: usize = 100;

    async fn save(values: &Typed) -> Result<SaveOutcome, DataError> {
        // Before anything is looked at: who may not is told that first.
        caller().check(Right::Settings)?;
        let outcome = match check(values) {
            Ok(settings) => match site()?.save_settings(settings.clone(), &caller()).await {
                Ok(before) => {
                    let changed = settings.changed_fields(&before);
                    SaveOutcome::Saved(encode(&self::settings(&Query::default())?)?, changed)
                }
                Err(NotSaved::TooMuch(phase, needed)) => {
                    let field = SettingField::MAX_CURRENT[phase.index()];
                    SaveOutcome::Wrong(vec![(field, FieldError::UnderSafe(needed))])
                }
                Err(NotSaved::NotDone(error)) => return Err(error.into()),
            },
            Err(errors) => SaveOutcome::Wrong(errors),
        };
        Ok(outcome)
    }

    /// The same; a form without WebAssembly is led back to the page, which says what came of it.
    pub async fn answered(values: Typed) -> Result<SaveOutcome, DataError> {
        let outcome = save(&values).await;
        if is_plain_form() {
            leptos_axum::redirect(&back(&outcome, &values));
        }
        outcome
    }

    /// Everything that the page shows, by its query string.
    pub fn settings(query: &Query) -> Result<SettingsPage, DataError> {
        let site = site()?;
        let settings = site.present().settings().clone();
        let unfit = typed_in(query).and_then(|typed| check(&typed).ok()).and_then(|typed| site.unfit_limit(&typed));
        let unfit =
            unfit.map(|(phase, needed)| (SettingField::MAX_CURRENT[phase.index()], FieldError::UnderSafe(needed)));
        Ok(SettingsPage {
            unfit: unfit.into_iter().collect(),
            stored: SettingField::ALL.map(|field| field.text_of(&settings)).to_vec(),
            typed: typed_in(query).unwrap_or_default(),
            saved: saved_in(query),
            failed: query.get("failed").and_then(DataError::from_word),
        })
    }

    /// Whether a form was sent by the browser itself, which wants a page.
    pub fn is_plain_form() -> bool {
        use_context::<Parts>().is_some_and(|parts| {
            parts
                .headers
                .get(http::header::ACCEPT)
                .is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")))
        })
    }

    fn back(outcome: &Result<SaveOutcome, DataError>, values: &Typed) -> String {
        let failed = match outcome {
            Ok(_) => "",
            Err(error) => error.word(),
        };
        match outcome {
            Ok(SaveOutcome::Saved(_, changed)) => {
                let names: Vec<&str> = changed.iter().map(|field| field_name(*field)).collect();
                // Said also when nothing changed.
                format!("/settings/?saved={}", names.join(","))
            }
            Ok(SaveOutcome::Wrong(_)) | Err(_) => {
                let cut = |text: &String| text.chars().take(TYPED_MOST).collect::<String>();
                SettingField::ALL
                    .into_iter()
                    .filter_map(|field| values.get_key_value(field_name(field)))
                    .fold(Query::from([("wrong", "1"), ("failed", failed)]), |query, (name, value)| {
                        query.with_raw(name, cut(value))
                    })
                    .on("/settings/")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_back_by_the_address() {
        let query = Query::parse("wrong=1&max_current_a=-1&meter_port=&currency=86");
        let typed = typed_in(&query).unwrap();
        assert_eq!(typed.get("max_current_a").map(String::as_str), Some("-1"));
        assert_eq!(typed.get("meter_port").map(String::as_str), Some(""));
        assert!(check(&typed).unwrap_err().contains(&(SettingField::MeterPort, FieldError::Blank)));
        assert_eq!(typed_in(&Query::parse("max_current_a=1")), None);
    }

    #[test]
    fn an_address_tells_what_was_saved() {
        let query = Query::parse("saved=currency,max_current_a,<script>");
        assert_eq!(saved_in(&query), Some(vec![SettingField::Currency, SettingField::MaxCurrentA]));
        assert_eq!(saved_in(&Query::parse("saved=")), Some(Vec::new()));
        assert_eq!(saved_in(&Query::default()), None);
    }
}
