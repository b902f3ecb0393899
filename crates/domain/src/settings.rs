//! The site's settings (2.4, 2.5) and what each of them accepts (reading guide, "Settings").

use crate::decimal::{self, DecimalError, Sign};
use crate::field::{self, FieldError};
use crate::phase::PhaseSequence;
use serde::{Deserialize, Serialize};

/// The settings of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Serial port of the RFID card reader, 1–64 printable characters.
    pub card_reader_port: String,
    /// Year of installation, 1901–2155.
    pub installation_year: u16,
    /// Month of installation, 0–1200 (the document's own example is 100).
    pub installation_month: u16,
    /// Whether the site's current is distributed over the charge points.
    pub current_distribution: bool,
    /// Serial port of the site's power meter, 1–64 printable characters.
    pub meter_port: String,
    /// Site phases of a charge point's L1, L2, L3.
    pub phase_sequence: PhaseSequence,
    /// Numeric code of the currency, 0–999.
    pub currency: u16,
    /// Energy step of the priority ladder, kWh, ≥ 0.
    pub energy_step: f64,
    /// Time step of the priority ladder, minutes.
    pub time_step: u32,
    /// Priority lost at each energy step.
    pub priority_per_energy_step: u32,
    /// Priority lost at each time step.
    pub priority_per_time_step: u32,
    /// kWh per count of the power meter, > 0.
    pub energy_per_count: f64,
    /// Internal test mode.
    pub internal_testing: bool,
    /// The most that the site may draw on phases A, B, C, in A: 0–10000 each.
    pub max_current: [u32; 3],
}

impl Default for Settings {
    /// The document's example, with load balancing and internal testing off.
    fn default() -> Self {
        Self {
            card_reader_port: "Com10".to_owned(),
            installation_year: 2013,
            installation_month: 100,
            current_distribution: false,
            meter_port: "Com4".to_owned(),
            phase_sequence: PhaseSequence::ABC,
            currency: 86,
            energy_step: 3.0,
            time_step: 120,
            priority_per_energy_step: 2,
            priority_per_time_step: 1,
            energy_per_count: 0.001,
            internal_testing: false,
            max_current: [32; 3],
        }
    }
}

/// One of the 16 fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)] // each is documented at its namesake in `Settings`
pub enum SettingField {
    CardReaderPort,
    InstallationYear,
    InstallationMonth,
    CurrentDistribution,
    MeterPort,
    PhaseSequence,
    Currency,
    EnergyStep,
    TimeStep,
    PriorityPerEnergyStep,
    PriorityPerTimeStep,
    EnergyPerCount,
    InternalTesting,
    MaxCurrentA,
    MaxCurrentB,
    MaxCurrentC,
}

/// A value as it was typed or sent, before anything is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Text of a form or of a JSON string.
    Text(&'a str),
    /// The literal text of a JSON number.
    Number(&'a str),
    /// Anything else that JSON has: true, null, a list, an object.
    Other,
}

impl SettingField {
    /// All, in the order of the document.
    pub const ALL: [Self; 16] = [
        Self::CardReaderPort,
        Self::InstallationYear,
        Self::InstallationMonth,
        Self::CurrentDistribution,
        Self::MeterPort,
        Self::PhaseSequence,
        Self::Currency,
        Self::EnergyStep,
        Self::TimeStep,
        Self::PriorityPerEnergyStep,
        Self::PriorityPerTimeStep,
        Self::EnergyPerCount,
        Self::InternalTesting,
        Self::MaxCurrentA,
        Self::MaxCurrentB,
        Self::MaxCurrentC,
    ];

    /// The limits of the phases A, B, C.
    pub const MAX_CURRENT: [Self; 3] = [Self::MaxCurrentA, Self::MaxCurrentB, Self::MaxCurrentC];

    /// Whether something on the site uses the value yet; the form marks the others "stored, not applied yet".
    pub const fn is_applied(self) -> bool {
        // Those by which the current is distributed; the gauges show the limits, too.
        matches!(
            self,
            Self::CurrentDistribution
                | Self::PhaseSequence
                | Self::EnergyStep
                | Self::TimeStep
                | Self::PriorityPerEnergyStep
                | Self::PriorityPerTimeStep
                | Self::MaxCurrentA
                | Self::MaxCurrentB
                | Self::MaxCurrentC
        )
    }

    /// The field's value as text: what an input shows and what the site file and 2.4 hold.
    pub fn text_of(self, settings: &Settings) -> String {
        match self {
            Self::CardReaderPort => settings.card_reader_port.clone(),
            Self::InstallationYear => settings.installation_year.to_string(),
            Self::InstallationMonth => settings.installation_month.to_string(),
            Self::CurrentDistribution => u8::from(settings.current_distribution).to_string(),
            Self::MeterPort => settings.meter_port.clone(),
            Self::PhaseSequence => settings.phase_sequence.to_string(),
            Self::Currency => settings.currency.to_string(),
            Self::EnergyStep => settings.energy_step.to_string(),
            Self::TimeStep => settings.time_step.to_string(),
            Self::PriorityPerEnergyStep => settings.priority_per_energy_step.to_string(),
            Self::PriorityPerTimeStep => settings.priority_per_time_step.to_string(),
            Self::EnergyPerCount => settings.energy_per_count.to_string(),
            Self::InternalTesting => u8::from(settings.internal_testing).to_string(),
            Self::MaxCurrentA => settings.max_current[0].to_string(),
            Self::MaxCurrentB => settings.max_current[1].to_string(),
            Self::MaxCurrentC => settings.max_current[2].to_string(),
        }
    }

    /// Checks a value and puts it into the settings.
    ///
    /// # Errors
    /// Why the field does not accept it; the settings are unchanged then.
    pub fn set(self, settings: &mut Settings, input: Input<'_>) -> Result<(), FieldError> {
        match self {
            Self::EnergyStep => settings.energy_step = float(not_negative(input)?),
            Self::EnergyPerCount => settings.energy_per_count = float(positive(input)?),
            _ => self.set_other(settings, input)?,
        }
        Ok(())
    }

    /// `set` for all but the decimals. Apart from them because the browser, which only checks, would carry the
    /// machinery of reading them for nothing: it is the heaviest piece of the whole bundle.
    fn set_other(self, settings: &mut Settings, input: Input<'_>) -> Result<(), FieldError> {
        match self {
            Self::EnergyStep | Self::EnergyPerCount => {}
            Self::CardReaderPort => settings.card_reader_port = port(input)?,
            Self::InstallationYear => settings.installation_year = year(input)?,
            Self::InstallationMonth => settings.installation_month = whole(input, 0..=1200)?,
            Self::CurrentDistribution => settings.current_distribution = flag(input)?,
            Self::MeterPort => settings.meter_port = port(input)?,
            Self::PhaseSequence => settings.phase_sequence = sequence(input)?,
            Self::Currency => settings.currency = whole(input, 0..=999)?,
            Self::TimeStep => settings.time_step = whole(input, 0..=WHOLE_MOST)?,
            Self::PriorityPerEnergyStep => settings.priority_per_energy_step = whole(input, 0..=WHOLE_MOST)?,
            Self::PriorityPerTimeStep => settings.priority_per_time_step = whole(input, 0..=WHOLE_MOST)?,
            Self::InternalTesting => settings.internal_testing = flag(input)?,
            Self::MaxCurrentA => settings.max_current[0] = whole(input, 0..=10_000)?,
            Self::MaxCurrentB => settings.max_current[1] = whole(input, 0..=10_000)?,
            Self::MaxCurrentC => settings.max_current[2] = whole(input, 0..=10_000)?,
        }
        Ok(())
    }

    /// Checks a value alone, as the form does while it is typed.
    ///
    /// # Errors
    /// Why the field does not accept it.
    pub fn check(self, input: Input<'_>) -> Result<(), FieldError> {
        match self {
            Self::EnergyStep => not_negative(input).map(drop),
            Self::EnergyPerCount => positive(input).map(drop),
            _ => self.set_other(&mut Settings::default(), input),
        }
    }

    /// A hint that does not keep a value from being saved: a month of installation outside 1–12.
    pub fn is_odd(self, input: Input<'_>) -> bool {
        self == Self::InstallationMonth && self.check(input).is_ok() && whole::<i64>(input, 1..=12).is_err()
    }
}

impl Settings {
    /// Reads all fields, or says what is wrong with each that is. A field for which `input` has nothing is missing.
    ///
    /// # Errors
    /// Every wrong field with its reason, in the order of the document.
    pub fn from_inputs<'a>(
        input: impl Fn(SettingField) -> Option<Input<'a>>,
    ) -> Result<Self, Vec<(SettingField, FieldError)>> {
        let mut settings = Self::default();
        let errors: Vec<_> = SettingField::ALL
            .into_iter()
            .filter_map(|field| {
                let outcome =
                    input(field).ok_or(FieldError::Required).and_then(|input| field.set(&mut settings, input));
                outcome.err().map(|error| (field, error))
            })
            .collect();
        if errors.is_empty() { Ok(settings) } else { Err(errors) }
    }

    /// The fields whose values differ.
    pub fn changed_fields(&self, other: &Self) -> Vec<SettingField> {
        SettingField::ALL.into_iter().filter(|field| field.text_of(self) != field.text_of(other)).collect()
    }
}

const WHOLE_MOST: i64 = i32::MAX as i64;

fn port(input: Input<'_>) -> Result<String, FieldError> {
    match input {
        Input::Text(text) => field::printable(text, 64),
        Input::Number(_) | Input::Other => Err(FieldError::NotText),
    }
}

fn whole<T: TryFrom<i64>>(input: Input<'_>, range: std::ops::RangeInclusive<i64>) -> Result<T, FieldError> {
    let (Input::Text(text) | Input::Number(text)) = input else {
        return Err(FieldError::NotWhole);
    };
    let most = *range.end();
    field::whole(text, range)?.try_into().map_err(|_| FieldError::TooLarge(most))
}

fn year(input: Input<'_>) -> Result<u16, FieldError> {
    let year = whole(input, 1901..=2155)?;
    match input {
        // 4 digits: `02013` is none.
        Input::Text(text) | Input::Number(text) if text.len() == 4 => Ok(year),
        _ => Err(FieldError::NotWhole),
    }
}

fn flag(input: Input<'_>) -> Result<bool, FieldError> {
    match whole::<i64>(input, i64::MIN..=i64::MAX)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(FieldError::NotFlag),
    }
}

fn sequence(input: Input<'_>) -> Result<PhaseSequence, FieldError> {
    match input {
        Input::Text("") => Err(FieldError::Blank),
        Input::Text(text) => PhaseSequence::parse(text).ok_or(FieldError::NotPhaseSequence),
        Input::Number(_) | Input::Other => Err(FieldError::NotText),
    }
}

fn decimal(input: Input<'_>) -> Result<(Sign, &str), FieldError> {
    let (Input::Text(text) | Input::Number(text)) = input else {
        return Err(FieldError::NotDecimal);
    };
    match decimal::sign(text) {
        Ok(sign) => Ok((sign, text)),
        Err(DecimalError::OutOfRange) if text.starts_with('-') => Err(FieldError::TooSmall(0)),
        Err(DecimalError::Malformed | DecimalError::OutOfRange) => Err(FieldError::NotDecimal),
    }
}

fn not_negative(input: Input<'_>) -> Result<&str, FieldError> {
    match decimal(input)? {
        (Sign::Negative, _) => Err(FieldError::TooSmall(0)),
        (Sign::Zero | Sign::Positive, text) => Ok(text),
    }
}

fn positive(input: Input<'_>) -> Result<&str, FieldError> {
    match decimal(input)? {
        (Sign::Positive, text) => Ok(text),
        _ => Err(FieldError::NotPositive),
    }
}

/// The value of a text that has been checked. A negative zero would print as -0.0.
fn float(text: &str) -> f64 {
    text.parse().map_or(0.0, f64::abs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(field: SettingField, value: &str) -> Result<(), FieldError> {
        field.check(Input::Text(value))
    }

    fn number(field: SettingField, value: &str) -> Result<(), FieldError> {
        field.check(Input::Number(value))
    }

    #[test]
    fn the_default_is_accepted_by_its_own_rules() {
        let settings = Settings { current_distribution: true, internal_testing: true, ..Settings::default() };
        let texts = SettingField::ALL.map(|field| field.text_of(&settings));
        let read = Settings::from_inputs(|field| Some(Input::Text(&texts[field as usize])));
        assert_eq!(read, Ok(settings));
    }

    #[test]
    fn numbers_come_as_json_or_text_but_nothing_else_is_a_number() {
        for value in ["32", "0", "10000"] {
            assert_eq!(text(SettingField::MaxCurrentA, value), Ok(()));
            assert_eq!(number(SettingField::MaxCurrentA, value), Ok(()));
        }
        for value in ["1.5", "1e3", "true", "", " 32", "32 "] {
            assert_eq!(text(SettingField::MaxCurrentB, value), Err(FieldError::NotWhole), "{value}");
        }
        assert_eq!(number(SettingField::TimeStep, "2147483647"), Ok(()));
        assert_eq!(number(SettingField::TimeStep, "2147483648"), Err(FieldError::TooLarge(2_147_483_647)));
        assert_eq!(SettingField::Currency.check(Input::Other), Err(FieldError::NotWhole));
        assert_eq!(number(SettingField::CurrentDistribution, "2"), Err(FieldError::NotFlag));
    }

    #[test]
    fn years_have_four_digits() {
        assert_eq!(text(SettingField::InstallationYear, "2013"), Ok(()));
        assert_eq!(number(SettingField::InstallationYear, "1901"), Ok(()));
        assert_eq!(text(SettingField::InstallationYear, "02013"), Err(FieldError::NotWhole));
        assert_eq!(text(SettingField::InstallationYear, "1900"), Err(FieldError::TooSmall(1901)));
        assert_eq!(text(SettingField::InstallationYear, "2156"), Err(FieldError::TooLarge(2155)));
    }

    #[test]
    fn decimals_are_finite_and_of_the_right_sign() {
        assert_eq!(text(SettingField::EnergyStep, "0"), Ok(()));
        assert_eq!(text(SettingField::EnergyStep, "-0.1"), Err(FieldError::TooSmall(0)));
        assert_eq!(text(SettingField::EnergyPerCount, "0"), Err(FieldError::NotPositive));
        assert_eq!(text(SettingField::EnergyPerCount, "nan"), Err(FieldError::NotDecimal));
        assert_eq!(number(SettingField::EnergyPerCount, "1e999"), Err(FieldError::NotDecimal));
        assert_eq!(number(SettingField::EnergyPerCount, "1e-3"), Ok(()));
    }

    #[test]
    fn ports_are_kept_as_they_come() {
        let mut settings = Settings::default();
        SettingField::MeterPort.set(&mut settings, Input::Text(" /dev/ttyUSB0 ")).unwrap();
        assert_eq!(settings.meter_port, " /dev/ttyUSB0 ");
        assert_eq!(text(SettingField::MeterPort, ""), Err(FieldError::Blank));
        assert_eq!(text(SettingField::MeterPort, &"x".repeat(65)), Err(FieldError::TooLong(64)));
        assert_eq!(text(SettingField::MeterPort, "a\nb"), Err(FieldError::NotPrintable));
        assert_eq!(text(SettingField::MeterPort, "Com\u{200b}4"), Err(FieldError::NotPrintable));
        assert_eq!(text(SettingField::MeterPort, "\u{202e}4moC"), Err(FieldError::NotPrintable));
        assert_eq!(text(SettingField::MeterPort, "串口 4"), Ok(()));
        assert_eq!(number(SettingField::MeterPort, "5"), Err(FieldError::NotText));
    }

    #[test]
    fn every_wrong_field_is_named() {
        let errors = Settings::from_inputs(|field| match field {
            SettingField::MeterPort => None,
            SettingField::Currency => Some(Input::Number("1000")),
            field => Some(Input::Text(if field == SettingField::PhaseSequence { "ABC" } else { "1" })),
        })
        .unwrap_err();
        assert_eq!(
            errors,
            [
                (SettingField::InstallationYear, FieldError::TooSmall(1901)),
                (SettingField::MeterPort, FieldError::Required),
                (SettingField::Currency, FieldError::TooLarge(999)),
            ]
        );
    }

    proptest! {
        #[test]
        fn what_is_accepted_comes_back(field in 0_usize..16, value in ".{0,70}") {
            let field = SettingField::ALL[field];
            let mut settings = Settings::default();
            if field.set(&mut settings, Input::Text(&value)).is_ok() {
                let printed = field.text_of(&settings);
                let mut again = Settings::default();
                prop_assert_eq!(field.set(&mut again, Input::Text(&printed)), Ok(()));
                prop_assert_eq!(again, settings);
            } else {
                prop_assert_eq!(settings, Settings::default());
            }
        }
    }
}
