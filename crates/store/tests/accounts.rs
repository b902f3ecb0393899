//! Accounts, sign-ins and tokens, which both databases keep alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::account::{AccountKey, AccountName, Role as AccountRole};
use bmw_domain::calendar::Timestamp;
use bmw_store::site_file::SiteFile;
use bmw_store::{
    AuditEntry, FactorSecret, ImportMode, NewAccount, NewSecondFactor, NewSignIn, NewToken, Role, SecretHash, Store,
    StoreError,
};
use common::{Site, run};

fn entry(action: &str) -> AuditEntry {
    AuditEntry {
        at: Timestamp(77),
        actor: "boss".to_owned(),
        origin: "::1".to_owned(),
        action: action.to_owned(),
        subject: String::new(),
        before: "null".to_owned(),
        after: "{}".to_owned(),
    }
}

fn new_account(name: &str, role: AccountRole) -> NewAccount {
    let name = AccountName::new(name).unwrap();
    NewAccount { name, role, password_hash: "$argon2id$x".to_owned(), at: Timestamp(1) }
}

fn new_sign_in(account: AccountKey, number: u8) -> NewSignIn {
    NewSignIn {
        account,
        secret: SecretHash([number; 32]),
        device: SecretHash([number / 10; 32]),
        at: Timestamp(10),
        expires_at: Timestamp(1_000),
        address: "192.168.0.7".to_owned(),
        user_agent: "浏览器".to_owned(),
    }
}

fn new_token(account: AccountKey, number: u8, expires_at: Option<Timestamp>) -> NewToken {
    NewToken {
        account,
        secret: SecretHash([number; 32]),
        name: "meter".to_owned(),
        role: AccountRole::Viewer,
        at: Timestamp(20),
        expires_at,
    }
}

async fn actions(store: &dyn Store) -> Vec<String> {
    store.audit_log(100).await.unwrap().into_iter().rev().map(|entry| entry.action).collect()
}

#[test]
fn the_story_of_accounts() {
    for site in Site::each() {
        println!("{}", site.name);
        run(async {
            let (store, _) = site.try_open(Some("UTC"), Role::Owner).await.unwrap();
            assert_eq!(store.accounts().await.unwrap(), bmw_store::AccountInventory::default());
            let (anna, boss) = names_are_unique_ignoring_case(&*store).await;
            sign_ins_begin_and_end(&*store, anna, boss).await;
            tokens_come_and_go(&*store, boss).await;
            an_account_changes_as_a_whole(&*store, anna).await;
            a_second_factor_takes_each_code_once(&*store, anna, boss).await;
            let before = store.accounts().await.unwrap();
            store.import(&SiteFile::default(), ImportMode::Replace).await.unwrap();
            assert_eq!(store.accounts().await.unwrap(), before, "accounts are no part of a site file");
            store.close().await;
            let (store, _) = site.try_open(Some("UTC"), Role::Owner).await.unwrap();
            assert_eq!(store.accounts().await.unwrap(), before);
            store.close().await;
        });
    }
}

async fn names_are_unique_ignoring_case(store: &dyn Store) -> (AccountKey, AccountKey) {
    let anna = store.add_account(&new_account("Änna", AccountRole::Operator), &entry("account.add")).await.unwrap();
    let boss =
        store.add_account(&new_account("boss", AccountRole::Administrator), &entry("account.add")).await.unwrap();
    let again = store.add_account(&new_account("äNNA", AccountRole::Viewer), &entry("account.add")).await.unwrap_err();
    assert_eq!(again.to_string(), "account äNNA exists already");
    assert_eq!(actions(store).await, ["account.add"; 2], "what was refused is in no log");
    let found = store.account("änna").await.unwrap().unwrap();
    assert_eq!((found.account.key, found.account.name.as_str()), (anna, "Änna"));
    assert_eq!((found.account.role, found.account.is_disabled), (AccountRole::Operator, false));
    assert_eq!(found.password_hash, "$argon2id$x");
    assert_eq!(store.account("Änna").await.unwrap(), None, "asked for by its key");
    (anna, boss)
}

async fn sign_ins_begin_and_end(store: &dyn Store, anna: AccountKey, boss: AccountKey) {
    let mut ids = Vec::new();
    for (account, number) in [(anna, 10), (anna, 11), (boss, 20)] {
        ids.push(store.add_sign_in(&new_sign_in(account, number), &entry("sign_in.begin")).await.unwrap());
    }
    let nobody = store.add_sign_in(&new_sign_in(AccountKey(99), 30), &entry("sign_in.begin")).await.unwrap_err();
    assert!(matches!(nobody, StoreError::Unknown(_)), "{nobody}");
    store.touch_sign_in(ids[0], Timestamp(500)).await.unwrap();
    store.touch_sign_in(ids[0], Timestamp(400)).await.unwrap();
    store.end_sign_ins(&ids[1..2], &entry("sign_in.end")).await.unwrap();
    let stored = store.accounts().await.unwrap().sign_ins;
    let seen: Vec<_> = stored.iter().map(|stored| (stored.sign_in.last_seen.0, stored.ended_at)).collect();
    assert_eq!(seen, [(500, None), (10, Some(Timestamp(77))), (10, None)]);
    assert_eq!(stored[0].sign_in.user_agent, "浏览器");
    assert_eq!((stored[0].secret, stored[0].device), (SecretHash([10; 32]), SecretHash([1; 32])));
    store.forget_sign_ins(&ids[1..]).await.unwrap();
    assert_eq!(store.accounts().await.unwrap().sign_ins.len(), 1);
}

async fn tokens_come_and_go(store: &dyn Store, boss: AccountKey) {
    let one = store.add_token(&new_token(boss, 1, None), &entry("token.add")).await.unwrap();
    let two = store.add_token(&new_token(boss, 2, Some(Timestamp(9))), &entry("token.add")).await.unwrap();
    store.touch_token(one, Timestamp(600)).await.unwrap();
    let stored = store.accounts().await.unwrap().tokens;
    let seen: Vec<_> = stored.iter().map(|stored| (stored.token.last_used, stored.token.expires_at)).collect();
    assert_eq!(seen, [(Some(Timestamp(600)), None), (None, Some(Timestamp(9)))]);
    store.remove_tokens(&[two], &entry("token.remove")).await.unwrap();
    assert_eq!(store.accounts().await.unwrap().tokens.len(), 1);
}

async fn an_account_changes_as_a_whole(store: &dyn Store, anna: AccountKey) {
    let token = store.add_token(&new_token(anna, 3, None), &entry("token.add")).await.unwrap();
    let sign_in = store.add_sign_in(&new_sign_in(anna, 40), &entry("sign_in.begin")).await.unwrap();
    let mut account = store.account("änna").await.unwrap().unwrap();
    (account.account.role, account.account.is_disabled) = (AccountRole::Viewer, true);
    "$argon2id$y".clone_into(&mut account.password_hash);
    store.change_account(&account, &[sign_in], &[token], &entry("account.change")).await.unwrap();
    assert_eq!(store.account("änna").await.unwrap().as_ref(), Some(&account));
    let inventory = store.accounts().await.unwrap();
    assert!(inventory.tokens.iter().all(|stored| stored.token.id != token));
    assert!(inventory.sign_ins.iter().any(|stored| stored.sign_in.id == sign_in && stored.ended_at.is_some()));
    assert_eq!(actions(store).await.last().map(String::as_str), Some("account.change"));
    account.account.key = AccountKey(99);
    let unknown = store.change_account(&account, &[], &[], &entry("account.change")).await.unwrap_err();
    assert!(matches!(unknown, StoreError::Unknown(_)), "{unknown}");
}

async fn a_second_factor_takes_each_code_once(store: &dyn Store, anna: AccountKey, boss: AccountKey) {
    let factor = |number: u8| NewSecondFactor {
        secret: FactorSecret([number; 20]),
        last_step: 100,
        codes: vec![SecretHash([number; 32]), SecretHash([number + 1; 32])],
    };
    let sign_in = store.add_sign_in(&new_sign_in(anna, 50), &entry("sign_in.begin")).await.unwrap();
    store.set_second_factor(anna, Some(&factor(1)), &[sign_in], &entry("account.second_factor.on")).await.unwrap();
    store.set_second_factor(boss, Some(&factor(2)), &[], &entry("account.second_factor.on")).await.unwrap();
    let account = store.account("änna").await.unwrap().unwrap();
    let stored = account.second_factor.clone().unwrap();
    assert_eq!((stored.secret, stored.last_step, stored.codes_left), (FactorSecret([1; 20]), 100, 2));
    assert!(account.account.has_second_factor);
    assert!(!format!("{account:?}{stored:?}").contains("1, 1"), "nothing secret is shown");
    let inventory = store.accounts().await.unwrap();
    assert_eq!(inventory.accounts[0], account);
    assert!(inventory.sign_ins.iter().any(|stored| stored.sign_in.id == sign_in && stored.ended_at.is_some()));
    // A step counts once, and none before it any more.
    for (step, is_taken) in [(100, false), (101, true), (101, false), (99, false), (103, true), (102, false)] {
        assert_eq!(store.take_step(anna, step).await.unwrap(), is_taken, "{step}");
    }
    // A code counts once, and is its owner's alone.
    let used = entry("sign_in.recovery_code");
    for (number, is_taken) in [(3, false), (2, true), (2, false), (1, true)] {
        assert_eq!(
            store.take_recovery_code(anna, SecretHash([number; 32]), &used).await.unwrap(),
            is_taken,
            "{number}"
        );
    }
    assert_eq!(actions(store).await.iter().filter(|action| **action == used.action).count(), 2, "each is told once");
    let left = async |key: &str| store.account(key).await.unwrap().unwrap().second_factor.map(|it| it.codes_left);
    assert_eq!((left("änna").await, left("boss").await), (Some(0), Some(2)));
    store.set_recovery_codes(anna, &[SecretHash([9; 32])], &entry("account.recovery_codes")).await.unwrap();
    assert_eq!(left("änna").await, Some(1));
    // What else of an account changes leaves it as it is.
    store.change_account(&account, &[], &[], &entry("account.change")).await.unwrap();
    assert_eq!(left("änna").await, Some(1));
    store.set_second_factor(anna, None, &[], &entry("account.second_factor.off")).await.unwrap();
    assert_eq!(left("änna").await, None);
    assert!(!store.take_step(anna, 200).await.unwrap());
    assert!(!store.take_recovery_code(anna, SecretHash([9; 32]), &used).await.unwrap());
    let none =
        store.set_recovery_codes(anna, &[SecretHash([9; 32])], &entry("account.recovery_codes")).await.unwrap_err();
    assert!(matches!(none, StoreError::Unknown(_)), "{none}");
    let nobody = store.set_second_factor(AccountKey(99), Some(&factor(1)), &[], &entry("x")).await.unwrap_err();
    assert!(matches!(nobody, StoreError::Unknown(_)), "{nobody}");
}
