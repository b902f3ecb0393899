//! Commands as the pages give and show them.

#[cfg(feature = "ssr")]
use super::refused::Refused;
use super::settings::Typed;
use super::{DataError, Moment};
#[cfg(feature = "ssr")]
use super::{Query, encode};
use crate::text::Both;
use bmw_domain::charger::FindingKind;
use bmw_domain::command::{Action, CommandState};
use bmw_domain::field::FieldError;
use leptos::prelude::*;
use leptos::server_fn::codec::Postcard;
use serde::{Deserialize, Serialize};

/// A command and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandLine {
    /// Its number.
    pub id: i64,
    /// What is asked.
    pub action: Action,
    /// How far it is.
    pub state: CommandState,
    /// Since when.
    pub at: Moment,
    /// What the charge point replied, as text.
    pub reply: String,
}

/// Something that an operator should see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingLine {
    /// The charge point.
    pub charger: String,
    /// What.
    pub kind: FindingKind,
    /// When it was found.
    pub at: Moment,
    /// The session, where it is one of ours.
    pub record: Option<i32>,
    /// The values that say more.
    pub detail: Both,
}

/// A charge point that nobody knows and that asked to come in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoiningLine {
    /// Who it says it is.
    pub id: String,
    /// From where it asked last.
    pub peer: String,
    /// When it asked last.
    pub at: Moment,
}

/// The word of a form that admits charge points, in the place of a command's.
pub const ADMIT: &str = "admit";

/// What came of giving commands, as the page's address tells it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// How many were given.
    pub given: u32,
    /// Whether no charge point was chosen to give it to.
    pub is_for_none: bool,
    /// Why some were not: whom or what it is about, and what is wrong.
    pub refused: Vec<Both>,
    /// The form that was not understood.
    pub wrong: Option<WrongForm>,
}

/// A form of a command with wrong fields, as it comes back to who filled it in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WrongForm {
    /// The command's name.
    pub form: String,
    /// What was typed, by the fields' names.
    pub typed: Vec<(String, String)>,
    /// What is wrong, by the fields' names.
    pub errors: Vec<(String, Problem)>,
}

/// What is wrong with a field of a command's form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Problem {
    /// By our own rules.
    Field(FieldError),
    /// By those of the protocol or the site, which only the command itself knows: the field's name in words, and what is wrong.
    Told(Both, Both),
}

/// What an address tells where nothing was chosen.
#[cfg(feature = "ssr")]
const FOR_NONE: &str = "0";

#[cfg(feature = "ssr")]
impl Told {
    /// What an address tells.
    pub fn of(query: &Query, site: &bmw_site::Site) -> Self {
        let (refused, more) = Refused::told(query);
        let refused = refused.iter().map(|refused| Both::of(|lang| lang.refused(refused)));
        let more = (more > 0).then(|| Both::of(|lang| lang.more_refused(more)));
        Self {
            given: query.number("given", 1..=100_000).unwrap_or(0),
            is_for_none: query.get("given") == Some(FOR_NONE),
            refused: refused.chain(more).collect(),
            wrong: super::forms::wrong_in(query, on_server::around(site)),
        }
    }
}

/// Carries out what a form asks, and answers with the address of the page that tells what came of it (see [`super::decode`]).
/// A plain form is led there.
///
/// The form's fields: `command`, a command to charge points, which may carry fixed fields (`Reset?type=Hard`), or one of the
/// words of cards, of the distribution, [`ADMIT`] and [`super::ACKNOWLEDGE`]; `back`, the page that it stands on; `c` and a number for each charge point; all others are what
/// that needs, those of a command by its name (`UpdateFirmware.location`).
#[server(endpoint = "command", prefix = "/fn", output = Postcard)]
pub async fn give_command(
    /// The form.
    #[server(flatten)]
    values: Typed,
) -> Result<Vec<u8>, DataError> {
    encode(&on_server::give(values).await?)
}

#[cfg(feature = "ssr")]
pub(super) mod on_server {
    use super::*;
    use crate::data::ACKNOWLEDGE;
    use crate::data::alerts::on_server as alerts;
    use crate::data::cards::on_server as cards;
    use crate::data::cards::word::ALL as CARD_WORDS;
    use crate::data::distribution::{distribution_word, on_server as distribution};
    use crate::data::forms::{Around, Form, is_charger};
    use crate::data::settings::on_server::is_plain_form;
    use crate::data::{caller, moment, site, unreadable};
    use crate::state::AppState;
    use bmw_domain::account::Right;
    use bmw_domain::charger::Finding;
    use bmw_domain::command::Command;
    use bmw_domain::record::{ChargePointKey, Identity};
    use bmw_site::{Ask, Caller, Clock, Joining, NotDone, Refusal, Site};
    use bmw_store::StoreError;

    /// Commands in the log of a page.
    const LOG: u32 = 20;
    /// The most characters of a reply that is shown.
    const REPLY_MOST: usize = 2_000;

    pub async fn give(values: Typed) -> Result<String, DataError> {
        let back = values.get("back").cloned().unwrap_or_default();
        match carry_out(values).await {
            // A person is led back to where he was, and told there.
            Err(DataError::Refused) if is_plain_form() => Ok(led(&led_back(&back, 0, &[Refused::Role]), &back)),
            outcome => outcome,
        }
    }

    async fn carry_out(values: Typed) -> Result<String, DataError> {
        let commands = use_context::<AppState>().map(|state| state.commands).ok_or(DataError::Protocol)?;
        let (site, caller) = (site()?, caller());
        let named = |name: &str| values.get(name).map(String::as_str).unwrap_or_default();
        let back = named("back").to_owned();
        if named("command") == ADMIT {
            return admit(&site, &values, &back, &caller).await;
        }
        if named("command") == ACKNOWLEDGE {
            let outcome = alerts::acknowledge(&site, &values, &caller).await?;
            let (seen, refused) = outcome.map_or_else(|wrong| (0, vec![wrong]), |seen| (seen, Vec::new()));
            return Ok(led(&led_back(&back, seen, &refused), &back));
        }
        if [distribution_word::SAVE, distribution_word::WIRE].contains(&named("command")) {
            let refused = distribution::change(&site, named("command"), &values).await?;
            return Ok(led(&led_back(&back, u32::from(refused.is_empty()), &refused), &back));
        }
        if CARD_WORDS.contains(&named("command")) {
            let outcome = cards::change(&site, named("command"), &values).await?;
            let (changed, refused) = outcome.map_or_else(|wrong| (0, vec![wrong]), |changed| (changed, Vec::new()));
            return Ok(led(&led_back(&back, changed, &refused), &back));
        }
        // Before anything is looked at: who may not is told that first.
        caller.check(Right::Command)?;
        let form = Form::of(named("command"), &values).ok_or_else(unreadable)?;
        // What is wrong stands at its field when the page is drawn again.
        let Ok(arguments) = form.payload(around(&site)) else {
            return Ok(led(&form.on(led_back(&back, 0, &[]), None), &back));
        };
        if !values.keys().any(|name| is_charger(name)) {
            return Ok(led(&led_back(&back, 0, &[]).with("given", FOR_NONE), &back));
        }
        let chargers = values.iter().filter(|(name, _)| is_charger(name)).map(|(_, identity)| identity);
        let (mut given, mut refused, mut found) = (0_u32, Vec::new(), None);
        for identity in chargers {
            let Some(now) = site.charge_point(Some(identity)) else { continue };
            let ask = Ask { charge_point: now.key, action: form.action, arguments: arguments.clone(), key: None };
            match commands.give(ask, &caller).await {
                Ok(_) => given += 1,
                Err(Refusal::Field(field, fault)) => {
                    refused.push(Refused::field(identity, &field, &fault));
                    // The form knows the last part of a field that lies deep.
                    found = Some((field.rsplit('.').next().unwrap_or_default().to_owned(), fault));
                }
                Err(Refusal::Pending | Refusal::KeyUsed) => {
                    refused.push(Refused::Pending(identity.clone(), form.action));
                }
                Err(Refusal::Denied(denied)) => return Err(denied.into()),
                Err(Refusal::Store(error)) => return Err(error.into()),
            }
        }
        let address = led_back(&back, given, &refused);
        // What some could take is not filled in wrongly: then it is said who could not.
        let wrong = found.filter(|_| given == 0);
        Ok(led(&wrong.map_or(address.clone(), |found| form.on(address, Some(&found))), &back))
    }

    /// When and where forms are read: commands have the real clock.
    pub fn around(site: &Site) -> Around<'_> {
        Around { now: Clock::real(), zone: site.clock().zone() }
    }

    /// Takes in the charge points of a form.
    async fn admit(site: &Site, values: &Typed, back: &str, caller: &Caller) -> Result<String, DataError> {
        caller.check(Right::Admit)?;
        let (mut admitted, mut refused) = (0, Vec::new());
        for (_, identity) in values.iter().filter(|(name, _)| is_charger(name)) {
            match Identity::new(identity) {
                Ok(identity) => match site.add_charge_point(identity.clone(), caller).await {
                    Ok(_) => admitted += 1,
                    Err(NotDone::Store(StoreError::Exists(_))) => {
                        refused.push(Refused::Exists(identity.to_string()));
                    }
                    Err(error) => return Err(error.into()),
                },
                Err(error) => refused.push(Refused::identity(identity, error)),
            }
        }
        Ok(led(&led_back(back, admitted, &refused), back))
    }

    /// What an address tells of what came of it.
    fn led_back(back: &str, given: u32, refused: &[Refused]) -> Query {
        let (_, query) = back.split_once('?').unwrap_or((back, ""));
        let given = if given > 0 { given.to_string() } else { String::new() };
        Refused::tell(Query::parse(query).with("given", given), refused)
    }

    /// The page that a form stood on, which now tells this; a plain form is led there. Another page than ours is none.
    fn led(told: &Query, back: &str) -> String {
        let path = back.split('?').next().unwrap_or_default();
        let path = if ["/details/", "/devices/", "/cards/", "/alerts/", "/distribution/"].contains(&path) {
            path
        } else {
            "/devices/"
        };
        let address = told.on(path);
        if is_plain_form() {
            leptos_axum::redirect(&address);
        }
        address
    }

    /// The newest commands of a charge point.
    pub async fn log(site: &Site, charger: ChargePointKey, caller: &Caller) -> Result<Vec<CommandLine>, DataError> {
        let commands = site.commands_of(charger, LOG, caller).await?;
        Ok(commands.iter().map(|command| line(site, command)).collect())
    }

    /// The newest findings, of one charge point or of all.
    pub async fn findings(site: &Site, charger: Option<ChargePointKey>) -> Result<Vec<FindingLine>, DataError> {
        let present = site.present().clone();
        let found = site.findings(charger, LOG, &caller()).await?;
        let line = |finding: &Finding| FindingLine {
            charger: present
                .get(finding.charge_point)
                .map(|now| now.charge_point.identity.to_string())
                .unwrap_or_default(),
            kind: finding.kind,
            at: moment(site, finding.at),
            record: finding.transaction.map(|id| id.0),
            detail: Both::of(|lang| lang.finding_values(&finding.detail)),
        };
        Ok(found.iter().map(line).collect())
    }

    /// The charge points that asked to come in.
    pub fn joining(site: &Site) -> Vec<JoiningLine> {
        let line = |joining: Joining| JoiningLine {
            id: joining.identity.to_string(),
            peer: joining.peer.unwrap_or_default(),
            at: moment(site, joining.last_at),
        };
        site.joining_for(&caller()).into_iter().map(line).collect()
    }

    pub fn line(site: &Site, command: &Command) -> CommandLine {
        let at = command.history.last().map_or(bmw_domain::calendar::Timestamp(0), |(_, at)| *at);
        let reply = command.result.as_deref().unwrap_or_default().chars().take(REPLY_MOST).collect();
        CommandLine { id: command.id, action: command.action, state: command.state, at: moment(site, at), reply }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_pages_of_ours_are_led_back_to() {
            let told = |back, given, refused: &[Refused]| led(&led_back(back, given, refused), back);
            assert_eq!(told("/details/?charger_id=a&given=9", 1, &[]), "/details/?charger_id=a&given=1");
            let refused = told("https://evil.example/", 2, &[Refused::NoCard]);
            assert_eq!(refused, "/devices/?given=2&refused=%5B%22NoCard%22%5D");
            assert_eq!(told("//evil.example/", 0, &[]), "/devices/");
        }

        #[test]
        fn charge_points_of_a_form_are_told_apart() {
            assert!(is_charger("c0") && is_charger("c12") && !is_charger("c") && !is_charger("connectorId"));
        }
    }
}
