//! What not everybody may see: card numbers, logs of commands, what charge points uploaded, who asked to join.
//!
//! Pages and routes ask here and not the store, so that nothing of it is shown by mistake. What is a part of something that
//! everybody may see is left out; what is sensitive as a whole is refused.

use crate::access::{Caller, Denied, NotDone};
use crate::joining::Joining;
use crate::running::Site;
use crate::secrets::masked_command;
use bmw_domain::account::Right;
use bmw_domain::charger::card::Cards;
use bmw_domain::charger::{Finding, Happening};
use bmw_domain::command::Command;
use bmw_domain::diagnostics::DiagnosticsFile;
use bmw_domain::record::{ChargePointKey, Transaction, TransactionId};
use bmw_store::{SessionFilter, SessionPage, StoreError};
use std::collections::HashMap;
use std::sync::Arc;

const SENSITIVE: Right = Right::ReadSensitive;

impl Site {
    /// All cards.
    pub fn all_cards(&self, caller: &Caller) -> Result<Arc<Cards>, Denied> {
        caller.check(SENSITIVE)?;
        Ok(self.cards().clone())
    }

    /// How many cards there are, and whether others may charge, too.
    pub fn card_count(&self) -> (usize, bool) {
        let cards = self.cards();
        (cards.sorted().len(), cards.accepts_unknown())
    }

    /// A session, without its card for those who may not see it.
    pub async fn session(&self, id: TransactionId, caller: &Caller) -> Result<Option<Transaction>, StoreError> {
        Ok(self.store().session(id).await?.map(|session| without_card(session, caller)))
    }

    /// Sessions as [`bmw_store::Store::find_sessions`] has them, without their cards for those who may not see them.
    ///
    /// # Errors
    /// For those who ask for a card and may not see any; the store's.
    pub async fn find_sessions(
        &self,
        filter: &SessionFilter,
        before: Option<TransactionId>,
        limit: u32,
        caller: &Caller,
    ) -> Result<SessionPage, NotDone> {
        if filter.id_tag.is_some() {
            caller.check(SENSITIVE)?;
        }
        let mut page = self.store().find_sessions(filter, before, limit).await?;
        page.sessions = page.sessions.into_iter().map(|session| without_card(session, caller)).collect();
        Ok(page)
    }

    /// What an operator should see, without its values for those who may not see them: cards are among them.
    pub async fn findings(
        &self,
        charge_point: Option<ChargePointKey>,
        limit: u32,
        caller: &Caller,
    ) -> Result<Vec<Finding>, StoreError> {
        let mut found = self.store().findings(charge_point, limit).await?;
        if !caller.may(SENSITIVE) {
            for finding in &mut found {
                finding.detail.clear();
            }
        }
        Ok(found)
    }

    /// What happened at a charge point, without its values for those who may not see them.
    pub async fn happenings(
        &self,
        charge_point: ChargePointKey,
        limit: u32,
        caller: &Caller,
    ) -> Result<Vec<Happening>, StoreError> {
        let mut happened = self.store().happenings(charge_point, limit).await?;
        if !caller.may(SENSITIVE) {
            for happening in &mut happened {
                happening.detail.clear();
            }
        }
        Ok(happened)
    }

    /// The newest command of each charge point that was given one since the start; none for those who may not see any.
    pub fn newest_commands_for(&self, caller: &Caller) -> HashMap<ChargePointKey, Command> {
        if caller.may(SENSITIVE) { self.newest_commands() } else { HashMap::new() }
    }

    /// The newest commands of a charge point, newest first.
    pub async fn commands_of(
        &self,
        charge_point: ChargePointKey,
        limit: u32,
        caller: &Caller,
    ) -> Result<Vec<Command>, NotDone> {
        caller.check(SENSITIVE)?;
        Ok(self.store().commands_of(charge_point, limit).await?.into_iter().map(masked_command).collect())
    }

    /// The newest command of each kind that a charge point has accepted.
    pub async fn last_answers(&self, charge_point: ChargePointKey, caller: &Caller) -> Result<Vec<Command>, NotDone> {
        caller.check(SENSITIVE)?;
        Ok(self.store().last_answers(charge_point).await?.into_iter().map(masked_command).collect())
    }

    /// The files that a charge point has uploaded, newest first.
    pub async fn diagnostics_of(
        &self,
        charge_point: ChargePointKey,
        caller: &Caller,
    ) -> Result<Vec<DiagnosticsFile>, NotDone> {
        caller.check(SENSITIVE)?;
        Ok(self.store().diagnostics_of(charge_point).await?)
    }

    /// A file that is whole.
    pub async fn diagnostics_file(&self, file: i64, caller: &Caller) -> Result<Option<DiagnosticsFile>, NotDone> {
        caller.check(SENSITIVE)?;
        Ok(self.store().diagnostics_file(file).await?)
    }

    /// A part of a file that is whole.
    pub async fn diagnostics_part(&self, file: i64, number: i32, caller: &Caller) -> Result<Option<Vec<u8>>, NotDone> {
        caller.check(SENSITIVE)?;
        Ok(self.store().diagnostics_part(file, number).await?)
    }

    /// The charge points that were turned away; none for those who may not see what asks from where.
    pub fn joining_for(&self, caller: &Caller) -> Vec<Joining> {
        if caller.may(SENSITIVE) { self.joining() } else { Vec::new() }
    }
}

fn without_card(session: Transaction, caller: &Caller) -> Transaction {
    if caller.may(SENSITIVE) { session } else { Transaction { id_tag: None, ..session } }
}
