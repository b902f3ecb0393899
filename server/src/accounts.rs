//! Accounts at the terminal: the first one, that of the demo, and one whose second factor was lost.

use crate::commands::say;
use crate::config::Config;
use crate::{Failure, serve};
use bmw_domain::account::{AccountName, Role};
use bmw_site::Caller;
use bmw_site::access::{Access, AccessError, random_password};
use bmw_store::{Role as StoreRole, Store};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;

/// The name of the demo's account.
const DEMO: &str = "demo";

/// Makes an account for an administrator. A server may run on the database meanwhile: it takes notice at the first sign-in.
pub async fn create_superuser(config: &Config, name: Option<String>, from_stdin: bool) -> Result<(), Failure> {
    let name = match name {
        Some(name) => name,
        None => asked("Username: ")?,
    };
    // Before the password is asked for.
    AccountName::new(&name).map_err(|fault| Failure::usage(format!("--username: {fault}")))?;
    let password = if from_stdin { line()? } else { asked_twice()? };
    let (store, opened) = serve::open(config, StoreRole::Reader).await?;
    serve::report(&opened, &store);
    let outcome = add(&store, &name, &password).await;
    store.close().await;
    outcome?;
    say(&format!("the account {name} was made"));
    Ok(())
}

async fn add(store: &Arc<dyn Store>, name: &str, password: &str) -> Result<(), Failure> {
    let access = Access::start(Arc::clone(store), false).await.map_err(Failure::failed)?;
    let added = access.add_account(&Caller::terminal(), name, password, Role::Administrator).await;
    added.map(|_| ()).map_err(|error| match error {
        AccessError::Fault(_) | AccessError::Exists => Failure::usage(error),
        error => Failure::failed(error),
    })
}

/// Takes the second factor of an account away, and ends its sign-ins. A server may run on the database meanwhile: it takes notice at
/// the next sign-in.
pub async fn reset_second_factor(config: &Config, name: &str) -> Result<(), Failure> {
    let name = AccountName::new(name).map_err(|fault| Failure::usage(format!("--username: {fault}")))?;
    let (store, opened) = serve::open(config, StoreRole::Reader).await?;
    serve::report(&opened, &store);
    let outcome = take_away(&store, &name).await;
    store.close().await;
    outcome?;
    say(&format!("the account {name} has no second factor any more"));
    Ok(())
}

async fn take_away(store: &Arc<dyn Store>, name: &AccountName) -> Result<(), Failure> {
    let access = Access::start(Arc::clone(store), false).await.map_err(Failure::failed)?;
    let terminal = Caller::terminal();
    let accounts = access.accounts(&terminal).await.map_err(Failure::failed)?;
    let account = accounts.iter().find(|account| account.name == *name);
    let account = account.ok_or_else(|| Failure::usage(format!("--username: there is no account {name}")))?;
    if !account.has_second_factor {
        return Err(Failure::usage(format!("--username: the account {name} has no second factor")));
    }
    access.reset_second_factor(&terminal, account.key).await.map_err(Failure::failed)
}

/// Makes the demo's account.
pub async fn make_demo(store: &Arc<dyn Store>) -> Result<(), Failure> {
    let password = fresh()?;
    add(store, DEMO, &password).await?;
    tell(&password);
    Ok(())
}

/// Says who can sign in where nobody could know it: the demo's account has a fresh password each time that it is served with
/// the simulator, as long as it is the only one, and a site without any account says how to make one.
pub async fn greet(access: &Arc<Access>, is_demo: bool) -> Result<(), Failure> {
    let terminal = Caller::terminal();
    let accounts = access.accounts(&terminal).await.map_err(Failure::failed)?;
    if accounts.is_empty() && !is_demo {
        tracing::warn!("there is no account yet, so nobody can change anything: bmw createsuperuser makes one");
    }
    if !is_demo {
        return Ok(());
    }
    let password = match accounts.iter().find(|account| account.name.as_str() == DEMO) {
        // Where there are others it is no mere demo any more.
        Some(demo) if !demo.is_disabled && accounts.len() == 1 => {
            let password = fresh()?;
            access.reset_password(&terminal, demo.key, &password).await.map_err(Failure::failed)?;
            password
        }
        None if accounts.is_empty() => {
            let password = fresh()?;
            access.add_account(&terminal, DEMO, &password, Role::Administrator).await.map_err(Failure::failed)?;
            password
        }
        Some(_) => {
            say(&format!(
                "the account {DEMO} has the password that it had: it is not the only account, or is disabled"
            ));
            return Ok(());
        }
        None => return Ok(()),
    };
    tell(&password);
    Ok(())
}

fn fresh() -> Result<String, Failure> {
    random_password().ok_or_else(|| Failure::failed("the system gives no random bytes"))
}

fn tell(password: &str) {
    say(&format!("sign in as {DEMO} with the password {password}"));
}

fn line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(Failure::failed)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Asks at the terminal.
fn asked(question: &str) -> Result<String, Failure> {
    let mut out = io::stderr();
    write!(out, "{question}").and_then(|()| out.flush()).map_err(Failure::failed)?;
    line()
}

fn asked_twice() -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("the standard input is no terminal: give --password-stdin"));
    }
    let ask = |question| rpassword::prompt_password(question).map_err(Failure::failed);
    let password = ask("Password: ")?;
    if ask("Password (again): ")? != password {
        return Err(Failure::usage("the passwords differ"));
    }
    Ok(password)
}
