//! The audit log, which both databases keep and look through alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::calendar::Timestamp;
use bmw_store::site_file::SiteFile;
use bmw_store::{AuditEntry, AuditFilter, AuditPlace, ImportMode, Role, Store};
use common::{Site, run};

fn entry(at: i64, actor: &str, action: &str, subject: &str) -> AuditEntry {
    AuditEntry {
        at: Timestamp(at),
        actor: actor.to_owned(),
        origin: "::1".to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        before: "null".to_owned(),
        after: "{}".to_owned(),
    }
}

/// Entries whose times are not all in the order in which they came, with two of one time.
fn deeds() -> [AuditEntry; 7] {
    [
        entry(10, "Boss", "settings.save", ""),
        entry(20, "boss (meter)", "command.Reset", "A"),
        entry(20, "anna", "command.Reset", "a"),
        entry(15, "anna (a (b))", "command.ClearCache", "B"),
        entry(30, "", "sign_in.fail", "Boss"),
        entry(40, "Ännä", "card.put", "充电卡"),
        entry(50, "terminal", "site.import", ""),
    ]
}

/// The places in [`deeds`] of those that a filter lets through, in parts of two.
async fn found(store: &dyn Store, filter: AuditFilter) -> Vec<usize> {
    let all = deeds();
    let (mut places, mut before) = (Vec::new(), None);
    loop {
        let part = store.audit_log_page(&filter, before, 2).await.unwrap();
        places.extend(part.iter().map(|stored| all.iter().position(|entry| *entry == stored.entry).unwrap()));
        assert!(part.len() <= 2);
        let Some(last) = part.last() else { return places };
        before = Some(last.place());
    }
}

async fn by_account(store: &dyn Store, account: &str) -> Vec<usize> {
    found(store, AuditFilter { account: Some(account.to_owned()), ..AuditFilter::default() }).await
}

async fn by_actor(store: &dyn Store, actor: &str) -> Vec<usize> {
    found(store, AuditFilter { actor: Some(actor.to_owned()), ..AuditFilter::default() }).await
}

async fn by_kind(store: &dyn Store, kind: &str) -> Vec<usize> {
    found(store, AuditFilter { kind: Some(kind.to_owned()), ..AuditFilter::default() }).await
}

async fn on(store: &dyn Store, subject: &str) -> Vec<usize> {
    found(store, AuditFilter { subject: Some(subject.to_owned()), ..AuditFilter::default() }).await
}

#[test]
fn the_story_of_the_audit_log() {
    for site in Site::each() {
        println!("{}", site.name);
        run(async {
            let (store, _) = site.try_open(Some("UTC"), Role::Owner).await.unwrap();
            assert!(found(&*store, AuditFilter::default()).await.is_empty());
            for entry in deeds() {
                store.add_audit(&entry).await.unwrap();
            }
            it_is_looked_through(&*store).await;
            parts_have_places(&*store).await;
            who_imports_is_noted(&*store).await;
            store.close().await;
            let (store, _) = site.try_open(Some("UTC"), Role::Owner).await.unwrap();
            assert_eq!(store.audit_log(100).await.unwrap().len(), deeds().len() + 1);
            store.close().await;
        });
    }
}

async fn it_is_looked_through(store: &dyn Store) {
    assert_eq!(found(store, AuditFilter::default()).await, [6, 5, 4, 2, 1, 3, 0], "newest first, then what came last");
    let from = Some(Timestamp(15));
    assert_eq!(found(store, AuditFilter { from, ..AuditFilter::default() }).await, [6, 5, 4, 2, 1, 3]);
    let to = Some(Timestamp(20));
    assert_eq!(found(store, AuditFilter { from, to, ..AuditFilter::default() }).await, [3]);
    // An account is all of its programs as well.
    assert_eq!(by_account(store, "BOSS").await, [1, 0]);
    assert_eq!(by_account(store, "anna").await, [2, 3]);
    assert_eq!(by_account(store, "Ännä").await, [5]);
    assert_eq!(by_account(store, "").await, [4]);
    assert_eq!(by_actor(store, "boss (meter)").await, [1]);
    assert_eq!(by_actor(store, "anna (a (b))").await, [3]);
    assert!(by_actor(store, "anna (a").await.is_empty());
    assert_eq!(by_kind(store, "command").await, [2, 1, 3]);
    assert_eq!(by_kind(store, "command.Reset").await, [2, 1]);
    assert!(by_kind(store, "comm").await.is_empty());
    assert_eq!(on(store, "A").await, [2, 1]);
    assert_eq!(on(store, "充电卡").await, [5]);
    assert!(on(store, "充电").await.is_empty() && on(store, "a\0").await.is_empty());
    let all = AuditFilter {
        from,
        to: Some(Timestamp(21)),
        account: Some("boss".to_owned()),
        actor: Some("boss (meter)".to_owned()),
        kind: Some("command.Reset".to_owned()),
        subject: Some("a".to_owned()),
    };
    assert_eq!(found(store, all).await, [1]);
}

async fn parts_have_places(store: &dyn Store) {
    let whole = store.audit_log_page(&AuditFilter::default(), None, 100).await.unwrap();
    for (place, stored) in whole.iter().enumerate() {
        let rest = store.audit_log_page(&AuditFilter::default(), Some(stored.place()), 100).await.unwrap();
        assert_eq!(rest, whole[place + 1..]);
    }
    let before_all = AuditPlace { at: Timestamp(i64::MIN), id: i64::MIN };
    assert!(store.audit_log_page(&AuditFilter::default(), Some(before_all), 100).await.unwrap().is_empty());
}

async fn who_imports_is_noted(store: &dyn Store) {
    let deed = entry(60, "terminal", "site.import", "");
    let dangling = SiteFile {
        sessions: Some(vec![common::session(9, "a", "2019-02-06T10:00:00", "2019-02-06T13:00:00", 1)]),
        ..SiteFile::default()
    };
    store.import_by(&dangling, ImportMode::Replace, Some(&deed)).await.unwrap_err();
    assert_eq!(store.audit_log(100).await.unwrap().len(), deeds().len(), "what was refused is in no log");
    store.import_by(&SiteFile::default(), ImportMode::Replace, Some(&deed)).await.unwrap();
    let log = store.audit_log(100).await.unwrap();
    assert_eq!((log.len(), &log[0]), (deeds().len() + 1, &deed), "what was there before stays");
}
