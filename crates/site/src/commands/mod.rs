//! Commands: checked, stored, sent, and watched until they take effect.

mod arguments;
mod effect;
mod fault;
mod limit;

pub use arguments::Arguments;
pub(crate) use effect::accepted_limit;
pub use fault::Fault;

use crate::Clock;
use crate::access::{Caller, Denied, NotDone};
use crate::audit::{ARGUMENT_MOST, cut_texts};
use crate::charger_passwords::PasswordError;
use crate::diagnostics::{OpenUpload, Token, UPLOAD_PATH, UPLOAD_TIME};
use crate::links::{NotTaken, Order, Replied, Reply, ReplyTo};
use crate::running::Site;
use crate::secrets::{has_mask, is_authorization_key, masked, masked_command, masked_value};
use arguments::Known;
use bmw_domain::account::Right;
use bmw_domain::calendar::Timestamp;
use bmw_domain::charger::password::AUTHORIZATION_KEY;
use bmw_domain::command::{Action, Command, CommandState};
use bmw_domain::record::ChargePointKey;
use bmw_store::{NewCommand, StoreError};
use effect::{Effect, LONGEST};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

/// How long a command may wait to be sent: as long as the one before it may take, and a little more.
const QUEUED: Duration = Duration::from_secs(45);
/// The pause before what could not be stored is stored again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a charge point may take to answer, a little more than its connection allows it.
const ANSWERED: Duration = Duration::from_secs(35);
/// Who has waited for so many times as long may wait a little more before it looks again: what is watched for weeks shall not look
/// at each change of the site.
const LEISURE: u32 = 256;

/// Gives commands. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    site: Arc<Site>,
    /// The card of an operator's start.
    operator: Arc<str>,
    /// Becomes true when the program ends.
    ending: Arc<watch::Sender<bool>>,
    /// How long an effect is watched for, instead of as long as it may take.
    patience: Option<Duration>,
}

/// Why a command is not given.
#[derive(Debug)]
pub enum Refusal {
    /// A field of the payload is wrong, or missing: its name, and what is wrong.
    Field(String, Fault),
    /// One of that kind is pending for that charge point.
    Pending,
    /// The key was used for another command.
    KeyUsed,
    /// Who asks may not.
    Denied(Denied),
    /// It could not be stored.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Exists(_) => Self::Pending,
            error => Self::Store(error),
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// A command to be given.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The charge point.
    pub charge_point: ChargePointKey,
    /// What.
    pub action: Action,
    /// The payload as far as it was given.
    pub arguments: Arguments,
    /// Asking again with the same key gives the same command.
    pub key: Option<String>,
}

impl Commands {
    /// The commands of a site.
    pub fn new(site: Arc<Site>, operator: &str, ending: Arc<watch::Sender<bool>>) -> Self {
        Self { site, operator: operator.into(), ending, patience: None }
    }

    /// Watches each effect for so long, instead of as long as it may take.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// Watches further what charge points had accepted when the site was last at work.
    ///
    /// # Errors
    /// The store's.
    pub async fn resume(&self) -> Result<(), StoreError> {
        let open = self.site.store().open_commands().await?;
        for command in open.into_iter().filter(|command| command.state == CommandState::Accepted) {
            let arguments = serde_json::from_str(&command.arguments).unwrap_or_default();
            let command = masked_command(command);
            tokio::spawn(Life { commands: self.clone(), command, arguments, upload: None, password: None }.run());
        }
        Ok(())
    }

    /// Gives a command, and returns it as it is stored. It is carried out meanwhile.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn give(&self, ask: Ask, caller: &Caller) -> Result<Command, Refusal> {
        caller.check(Right::Command)?;
        let key = ask.arguments.get("key").and_then(Value::as_str);
        if ask.action == Action::ChangeConfiguration && key.is_some_and(is_authorization_key) {
            // A charge point with a password that the site does not know could not come in any more.
            return Err(Refusal::Field("key".to_owned(), Fault::Password));
        }
        if self.site.present().settings().current_distribution
            && let Some(field) = limited_beside(ask.action, &ask.arguments)
        {
            return Err(Refusal::Field(field.to_owned(), Fault::Distributed));
        }
        self.give_any(ask, None, caller).await
    }

    /// Sends a charge point a new random password, which nobody else learns. Those that it has hold until it has come with this one.
    ///
    /// # Errors
    /// See [`PasswordError`]; `Ok(Err(…))` where the command is not given.
    pub async fn send_password(
        &self,
        charge_point: ChargePointKey,
        caller: &Caller,
    ) -> Result<Result<Command, Refusal>, PasswordError> {
        let (number, password) = self.site.propose_charger_password(charge_point, caller).await?;
        let mut arguments = Arguments::new();
        arguments.insert("key".to_owned(), AUTHORIZATION_KEY.into());
        arguments.insert("value".to_owned(), password.into());
        let ask = Ask { charge_point, action: Action::ChangeConfiguration, arguments, key: None };
        let given = self.give_any(ask, Some(number), caller).await;
        if given.is_err() {
            self.site.withdraw_charger_password(charge_point, number).await;
        }
        Ok(given)
    }

    async fn give_any(&self, ask: Ask, password: Option<i32>, caller: &Caller) -> Result<Command, Refusal> {
        let Some(now) = self.site.present().get(ask.charge_point).cloned() else {
            return Err(Refusal::Store(StoreError::Unknown(format!("charge point number {}", ask.charge_point.0))));
        };
        let mut arguments = ask.arguments.clone();
        let time = Clock::real();
        if let Some(key) = &ask.key
            && let Some(known) = self.site.store().command_by_key(key).await?
        {
            return same(known, &ask);
        }
        let upload = self.upload(&ask)?;
        let known = Known {
            now: &now,
            cards: &self.site.cards(),
            operator: &self.operator,
            time,
            upload: upload.as_ref().map(|(address, _)| address.clone()),
        };
        arguments::fill(ask.action, &mut arguments, &known);
        arguments::check(ask.action, &arguments).map_err(|(field, fault)| Refusal::Field(field, fault))?;
        let arguments = Value::Object(arguments);
        // What is stored and told is without secrets; the charge point alone gets them.
        let mut shown = arguments.clone();
        masked_value(&mut shown);
        let new = NewCommand {
            charge_point: ask.charge_point,
            action: ask.action,
            arguments: shown.to_string(),
            key: ask.key.clone(),
            at: time,
        };
        let charger = now.charge_point.identity.as_str();
        let mut told = json!({ "charger": charger, "arguments": shown });
        cut_texts(&mut told, ARGUMENT_MOST);
        let kind = format!("command.{}", ask.action.name());
        let audit = caller.entry(&kind, "null".to_owned(), told.to_string()).on(charger);
        let command = {
            let _step = self.site.step().await;
            match self.site.store().add_command(&new, &audit).await {
                // Asked twice at once with one key.
                Err(StoreError::Exists(_)) if new.key.is_some() => {
                    let known = self.site.store().command_by_key(new.key.as_deref().unwrap_or_default()).await?;
                    return known.map_or(Err(Refusal::Pending), |known| same(known, &ask));
                }
                outcome => outcome?,
            }
        };
        let upload =
            upload.map(|(_, token)| self.site.allow_upload_with(token, command.charge_point, command.id, UPLOAD_TIME));
        tokio::spawn(Life { commands: self.clone(), command: command.clone(), arguments, upload, password }.run());
        Ok(command)
    }

    /// Where the charge point can upload to the site itself, and the permission, where diagnostics are asked for and nobody
    /// said where to. The address is the one that the charge point connected to: no other one is proven to be reached.
    fn upload(&self, ask: &Ask) -> Result<Option<(String, Token)>, Refusal> {
        if ask.action != Action::GetDiagnostics || ask.arguments.contains_key("location") {
            return Ok(None);
        }
        let address = self.site.links().address(ask.charge_point);
        let upload = address.and_then(|address| Some((format!("{address}{UPLOAD_PATH}"), Token::random()?)));
        upload.map(Some).ok_or_else(|| Refusal::Field("location".to_owned(), Fault::NotReached))
    }

    /// A command.
    ///
    /// # Errors
    /// For those who may not see it; the store's.
    pub async fn find(&self, id: i64, caller: &Caller) -> Result<Option<Command>, NotDone> {
        caller.check(Right::ReadSensitive)?;
        Ok(self.site.store().command(id).await?.map(masked_command))
    }
}

/// The field by which a command would give sessions a limit beside those of the distribution. A limit of the whole charge point only
/// bounds what is distributed.
fn limited_beside(action: Action, arguments: &Arguments) -> Option<&'static str> {
    let purpose = |name: &str| arguments.get(name)?.get("chargingProfilePurpose").and_then(Value::as_str);
    match action {
        Action::SetChargingProfile => {
            let purpose = purpose("csChargingProfiles").filter(|purpose| *purpose != "ChargePointMaxProfile");
            purpose.map(|_| "csChargingProfiles.chargingProfilePurpose")
        }
        Action::RemoteStartTransaction => arguments.get("chargingProfile").map(|_| "chargingProfile"),
        _ => None,
    }
}

/// The command that was given with a key, if it is the one that is asked for again. What was filled in then counts. One with a secret
/// never is: what is stored is without it, so nobody knows whether this one is the same.
fn same(known: Command, ask: &Ask) -> Result<Command, Refusal> {
    let known = masked_command(known);
    let arguments: Arguments = serde_json::from_str(&known.arguments).unwrap_or_default();
    let mut asked = Value::Object(ask.arguments.clone());
    masked_value(&mut asked);
    let is_same = !has_mask(&asked)
        && known.charge_point == ask.charge_point
        && known.action == ask.action
        && asked.as_object().is_some_and(|asked| asked.iter().all(|(name, value)| arguments.get(name) == Some(value)));
    if is_same { Ok(known) } else { Err(Refusal::KeyUsed) }
}

/// A command while it is carried out.
struct Life {
    commands: Commands,
    command: Command,
    arguments: Value,
    /// What the charge point may upload here as long as the command is open.
    upload: Option<OpenUpload>,
    /// The number of the password that the charge point is sent.
    password: Option<i32>,
}

impl Life {
    async fn run(mut self) {
        let mut ending = self.commands.ending.subscribe();
        let work = async {
            if self.command.state == CommandState::Accepted { self.watch().await } else { self.carry_out().await }
        };
        tokio::select! {
            () = work => {}
            // The next start of the site says that it was interrupted, or watches further.
            () = async { drop(ending.wait_for(|ending| *ending).await) } => {}
        }
    }

    async fn carry_out(&mut self) {
        let Some(orders) = self.commands.site.links().orders(self.command.charge_point) else {
            return self.never_left(CommandState::Offline).await;
        };
        let (sent, is_sent) = oneshot::channel();
        let (reply, replied) = ReplyTo::new(effect::accepted(self.command.action, &self.arguments));
        let order = Box::new(Order { action: self.command.action.name(), payload: self.payload(), sent, reply });
        let deadline = Instant::now() + QUEUED;
        match orders.hand_in(order) {
            Ok(()) => {}
            Err(NotTaken::Closed) => return self.never_left(CommandState::Offline).await,
            Err(NotTaken::Full) => return self.never_left(CommandState::TimedOut).await,
        }
        let since = match timeout_at(deadline, is_sent).await {
            Ok(Ok(since)) => since,
            Ok(Err(_)) => return self.never_left(CommandState::Offline).await,
            Err(_) => return self.never_left(CommandState::TimedOut).await,
        };
        self.enter_at(CommandState::Sent, None, since).await;
        match timeout(ANSWERED, replied).await {
            Ok(Ok(replied)) => self.replied(replied).await,
            Err(_) => self.enter(CommandState::TimedOut, None).await,
            Ok(Err(_)) => self.unanswered().await,
        }
    }

    async fn never_left(&mut self, state: CommandState) {
        self.withdraw_password().await;
        self.enter(state, None).await;
    }

    /// The charge point does not have the password that it was to be sent.
    async fn withdraw_password(&mut self) {
        if let Some(number) = self.password {
            self.commands.site.withdraw_charger_password(self.command.charge_point, number).await;
        }
    }

    /// The payload as it is sent. Only here is the address of an upload whole: whoever knows it may upload.
    fn payload(&self) -> Value {
        let mut payload = self.arguments.clone();
        if let Some(upload) = &self.upload {
            let address = payload["location"].as_str().unwrap_or_default();
            payload["location"] = address.replace(UPLOAD_PATH, &upload.path()).into();
        }
        payload
    }

    async fn replied(&mut self, Replied { reply, noted }: Replied) {
        match (reply, noted) {
            (Reply::Result(result), Some(noted)) => {
                if noted.await.is_err() {
                    tracing::warn!(command = self.command.id, "that a command was accepted could not be noted");
                }
                if let Some(upload) = &self.upload {
                    upload.set_name(result["fileName"].as_str().unwrap_or_default());
                }
                self.enter(CommandState::Accepted, Some(result)).await;
                self.watch().await;
            }
            (Reply::Result(result), None) => {
                self.withdraw_password().await;
                self.enter(CommandState::Rejected, Some(result)).await;
            }
            (Reply::Error(code, text), _) => {
                self.withdraw_password().await;
                self.enter(CommandState::Failed, Some(json!({ "error": code, "description": text }))).await;
            }
            (Reply::TimedOut, _) => self.enter(CommandState::TimedOut, None).await,
        }
    }

    /// The connection was lost before an answer. A reset may have been quicker than its answer: then its boot follows.
    async fn unanswered(&mut self) {
        if self.command.action == Action::Reset && self.is_seen(Clock::real()).await {
            self.enter(CommandState::Accepted, None).await;
            return self.enter(CommandState::Effective, None).await;
        }
        self.enter(CommandState::Failed, Some(json!({ "error": "connection lost" }))).await;
    }

    /// Watches an accepted command until its effect is seen.
    async fn watch(&mut self) {
        let accepted = self.entered(CommandState::Accepted);
        let seen = self.is_seen(accepted).await;
        self.enter(if seen { CommandState::Effective } else { CommandState::NoEffect }, None).await;
    }

    /// When it has entered a state; where that is not known, when it was given.
    fn entered(&self, state: CommandState) -> Timestamp {
        let entries = &self.command.history;
        let entry = entries.iter().find(|(entered, _)| *entered == state).or(entries.first());
        entry.map_or_else(Clock::real, |(_, at)| *at)
    }

    /// Whether the charge point has put off what it accepted until a session has ended (OCPP 1.6, 5.2).
    fn is_put_off(&self) -> bool {
        let result: Value =
            self.command.result.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
        result["status"] == "Scheduled"
    }

    /// Waits until the effect is seen, or for too long since a moment.
    async fn is_seen(&self, from: Timestamp) -> bool {
        let mut changes = self.commands.site.subscribe();
        let effect = Effect::of(self.command.action, &self.arguments);
        let (since, is_put_off) = (self.entered(CommandState::Sent), self.is_put_off());
        let patience = self.commands.patience.unwrap_or_else(|| effect.patience());
        let begun = Instant::now();
        let mut deadline = begun + effect.time_left(patience, from, Clock::real());
        let mut was_held = false;
        loop {
            changes.mark_unchanged();
            // Its notification may get lost; what has come is there.
            if self.upload.as_ref().is_some_and(OpenUpload::is_whole) {
                return true;
            }
            let Some(now) = self.commands.site.present().get(self.command.charge_point).cloned() else { return false };
            if let Some(is_seen) = effect.is_seen(&now, since) {
                return is_seen;
            }
            let is_held = is_put_off && effect.is_held(&now) && begun.elapsed() < LONGEST;
            if is_held || was_held {
                deadline = Instant::now() + patience;
            }
            was_held = is_held;
            match timeout_at(deadline, changes.changed()).await {
                Ok(Ok(())) => tokio::time::sleep((begun.elapsed() / LEISURE).min(PAUSE)).await,
                // Its time begins when the session has ended.
                Err(_) if is_held => {}
                Ok(Err(_)) | Err(_) => return false,
            }
        }
    }

    async fn enter(&mut self, state: CommandState, result: Option<Value>) {
        self.enter_at(state, result, Clock::real()).await;
    }

    async fn enter_at(&mut self, state: CommandState, result: Option<Value>, at: Timestamp) {
        self.command.enter(state, at);
        if let Some(result) = result {
            self.command.result = Some(masked(&result.to_string()).into_owned());
        }
        let site = &self.commands.site;
        let outcome = site.outcome(&self.command);
        // Stored in the end: a command that hangs would keep others of its kind from being given.
        loop {
            let step = site.step().await;
            match site.store().update_command(&self.command, outcome.as_ref()).await {
                Ok(()) => break,
                Err(error) => {
                    drop(step);
                    tracing::warn!(%error, command = self.command.id, "how far a command is could not be stored yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        site.tell_command(&self.command);
    }
}
