//! Diagnostics over the death of the site.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

use bmw_domain::calendar::Timestamp;
use bmw_domain::command::Action;
use bmw_domain::diagnostics::FileName;
use bmw_domain::record::{ChargePointKey, Identity};
use bmw_site::{Site, SiteOptions};
use bmw_store::{AuditEntry, NewCommand, OpenOptions, Role, Store, Zone};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

async fn open(folder: &Path) -> (Arc<dyn Store>, Arc<Site>) {
    let url = format!("sqlite://{}", folder.join("site.db").display());
    let options = OpenOptions { url, zone: Some(Zone::named("UTC").unwrap()), role: Role::Owner };
    let (store, _) = bmw_store::open(&options).await.unwrap();
    let (site, ..) = Site::start(Arc::clone(&store), SiteOptions::default()).await.unwrap();
    (store, site)
}

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

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_half_done_is_taken_away_and_its_permission_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, site) = open(folder.path()).await;
    let key = site.register_charge_point(Identity::new("A").unwrap(), None).await.unwrap();
    let command = command(&*store, key).await;
    let upload = site.allow_upload(key, command, Duration::from_mins(1)).unwrap();
    let token = upload.path().split('/').nth(3).unwrap().to_owned();
    let mut receiving = site.receive_upload(&token).unwrap();
    receiving.take(&vec![1; 2 << 20]).await.unwrap();
    // As when the program is killed.
    std::mem::forget(receiving);
    let other = site.allow_upload(key, command, Duration::from_mins(1)).unwrap();
    let mut whole = site.receive_upload(other.path().split('/').nth(3).unwrap()).unwrap();
    whole.take(b"whole").await.unwrap();
    whole.finish(FileName::of("a.log")).await.unwrap();
    store.close().await;

    let (store, site) = open(folder.path()).await;
    store.drop_unfinished_diagnostics().await.unwrap();
    assert!(!store.sweep_diagnostics(0).await.unwrap(), "nothing half done is left");
    let files = store.diagnostics_of(key).await.unwrap();
    assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a.log"]);
    assert!(site.receive_upload(&token).is_err());
    store.close().await;
}
