//! Diagnostics files, which both databases keep alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::calendar::Timestamp;
use bmw_domain::command::Action;
use bmw_domain::diagnostics::{DiagnosticsFile, FileName};
use bmw_domain::record::ChargePointKey;
use bmw_store::site_file::SiteFile;
use bmw_store::{AuditEntry, ImportMode, NewCommand, Role, Store, StoreError};
use common::{Site, charge_point, run};

const ONE: ChargePointKey = ChargePointKey(1);
const TWO: ChargePointKey = ChargePointKey(2);

async fn command(store: &dyn Store, charge_point: ChargePointKey) -> i64 {
    let entry = AuditEntry {
        at: Timestamp(1),
        actor: "operator".to_owned(),
        origin: "::1".to_owned(),
        action: "command.GetDiagnostics".to_owned(),
        subject: String::new(),
        before: "null".to_owned(),
        after: "{}".to_owned(),
    };
    let new = NewCommand {
        charge_point,
        action: Action::GetDiagnostics,
        arguments: "{}".to_owned(),
        key: None,
        at: Timestamp(1),
    };
    store.add_command(&new, &entry).await.unwrap().id
}

async fn upload(store: &dyn Store, charge_point: ChargePointKey, command: i64, name: &str, parts: &[&[u8]]) -> i64 {
    let file = store.begin_diagnostics(charge_point, command).await.unwrap();
    for (number, part) in (0..).zip(parts) {
        store.add_diagnostics_part(file, number, part).await.unwrap();
    }
    store.finish_diagnostics(file, &FileName::of(name).unwrap(), Timestamp(1_000 + file)).await.unwrap();
    file
}

async fn ids(store: &dyn Store, charge_point: ChargePointKey) -> Vec<i64> {
    store.diagnostics_of(charge_point).await.unwrap().iter().map(|file| file.id).collect()
}

/// Gives up what is beyond, and takes its parts away one by one.
async fn prune(store: &dyn Store, files: i64, bytes: i64) -> usize {
    let beyond = store.diagnostics_beyond(files, bytes).await.unwrap();
    store.drop_diagnostics(&beyond).await.unwrap();
    let mut sweeps = 1;
    while store.sweep_diagnostics(1).await.unwrap() {
        sweeps += 1;
    }
    sweeps
}

#[test]
fn the_story_of_diagnostics() {
    for site in Site::each() {
        println!("{}", site.name);
        run(async {
            let store = site.open("UTC").await;
            for name in ["a", "b"] {
                store.add_charge_point(&charge_point(name), None).await.unwrap();
            }
            let (one, two) = (command(&*store, ONE).await, command(&*store, TWO).await);
            files_are_listed_when_they_are_whole(&*store, one).await;
            the_newest_are_kept(&*store, one, two).await;
            let on_its_way = store.begin_diagnostics(TWO, two).await.unwrap();
            store.add_diagnostics_part(on_its_way, 0, b"half").await.unwrap();
            store.close().await;

            let (store, _) = site.try_open(None, Role::Owner).await.unwrap();
            what_was_on_its_way_is_given_up(&*store, on_its_way).await;
            let last = upload(&*store, TWO, two, "last", &[b"x"]).await;
            store.import(&SiteFile::default(), ImportMode::Replace).await.unwrap();
            assert_eq!(store.diagnostics_file(last).await.unwrap(), None, "{}", site.name);
            assert_eq!(store.diagnostics_part(last, 0).await.unwrap(), None);
            store.close().await;
        });
    }
}

async fn files_are_listed_when_they_are_whole(store: &dyn Store, command: i64) {
    let unknown = store.begin_diagnostics(ONE, 99).await;
    assert!(matches!(unknown, Err(StoreError::Unknown(_))), "{unknown:?}");
    let file = store.begin_diagnostics(ONE, command).await.unwrap();
    let odd: Vec<u8> = (0..=255).cycle().take(512 << 10).collect();
    store.add_diagnostics_part(file, 0, &odd).await.unwrap();
    store.add_diagnostics_part(file, 1, b"end").await.unwrap();
    assert!(store.diagnostics_of(ONE).await.unwrap().is_empty());
    assert_eq!(store.diagnostics_file(file).await.unwrap(), None);
    assert_eq!(store.diagnostics_part(file, 0).await.unwrap(), None);
    let name = FileName::of("诊断.zip").unwrap();
    store.finish_diagnostics(file, &name, Timestamp(77)).await.unwrap();
    let whole = DiagnosticsFile {
        id: file,
        charge_point: ONE,
        command,
        name,
        size: (512 << 10) + 3,
        received_at: Timestamp(77),
    };
    assert_eq!(store.diagnostics_of(ONE).await.unwrap(), std::slice::from_ref(&whole));
    assert!(store.diagnostics_of(TWO).await.unwrap().is_empty());
    assert_eq!(store.diagnostics_file(file).await.unwrap(), Some(whole.clone()));
    assert_eq!(store.diagnostics_part(file, 0).await.unwrap(), Some(odd));
    assert_eq!(store.diagnostics_part(file, 1).await.unwrap().as_deref(), Some(&b"end"[..]));
    assert_eq!(store.diagnostics_part(file, 2).await.unwrap(), None);
    // What is whole stays as it is.
    let more = store.add_diagnostics_part(file, 2, b"more").await;
    assert!(matches!(more, Err(StoreError::Unknown(_))), "{more:?}");
    let again = store.finish_diagnostics(file, &FileName::unnamed(), Timestamp(78)).await;
    assert!(matches!(again, Err(StoreError::Unknown(_))), "{again:?}");
    assert_eq!(store.diagnostics_part(file, 2).await.unwrap(), None);
    assert_eq!(store.diagnostics_file(file).await.unwrap(), Some(whole));
}

async fn the_newest_are_kept(store: &dyn Store, one: i64, two: i64) {
    let other = upload(store, TWO, two, "other", &[b"12"]).await;
    let mut files = ids(store, ONE).await;
    for number in 0..3 {
        files.insert(0, upload(store, ONE, one, &format!("f{number}"), &[b"1234", b"5678"]).await);
    }
    assert_eq!(ids(store, ONE).await, files);
    assert!(store.diagnostics_beyond(4, 1 << 30).await.unwrap().is_empty());
    let first = files.pop().unwrap();
    assert_eq!(store.diagnostics_beyond(3, 1 << 30).await.unwrap(), [first]);
    assert!(prune(store, 3, 1 << 30).await >= 2, "its two parts go one by one");
    assert_eq!(ids(store, ONE).await, files);
    assert_eq!(store.diagnostics_part(first, 0).await.unwrap(), None);
    // What is on its way counts and stays: 8 bytes of it, 8 of the newest.
    let on_its_way = store.begin_diagnostics(ONE, one).await.unwrap();
    store.add_diagnostics_part(on_its_way, 0, b"8 bytes!").await.unwrap();
    prune(store, 3, 16).await;
    assert_eq!((ids(store, ONE).await, ids(store, TWO).await), (vec![files[0]], Vec::new()));
    assert_eq!(store.diagnostics_file(other).await.unwrap(), None);
    store.finish_diagnostics(on_its_way, &FileName::unnamed(), Timestamp(5)).await.unwrap();
    assert_eq!(ids(store, ONE).await, [on_its_way, files[0]]);
    // A number is never given again.
    store.drop_diagnostics(&[on_its_way]).await.unwrap();
    assert_eq!(store.diagnostics_file(on_its_way).await.unwrap(), None);
    prune(store, 3, 1 << 30).await;
    assert!(store.begin_diagnostics(ONE, one).await.unwrap() > on_its_way);
}

async fn what_was_on_its_way_is_given_up(store: &dyn Store, file: i64) {
    let kept = ids(store, ONE).await;
    store.drop_unfinished_diagnostics().await.unwrap();
    while store.sweep_diagnostics(10).await.unwrap() {}
    let more = store.add_diagnostics_part(file, 1, b"more").await;
    assert!(matches!(more, Err(StoreError::Unknown(_))), "{more:?}");
    assert_eq!(ids(store, ONE).await, kept);
    assert!(ids(store, TWO).await.is_empty());
}
