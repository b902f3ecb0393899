//! The log of frames, which both databases keep within the same bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::record::ChargePointKey;
use bmw_store::{FramePart, Store};
use common::{Site, charge_point, run};

const ONE: ChargePointKey = ChargePointKey(1);
const TWO: ChargePointKey = ChargePointKey(2);

fn part(charge_point: ChargePointKey, frames: i32) -> FramePart {
    FramePart { charge_point, frames, lines: vec![u8::try_from(frames).unwrap(); 10] }
}

/// How many frames the parts of a charge point have, newest first.
async fn frames(store: &dyn Store, charge_point: ChargePointKey) -> Vec<i32> {
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let parts = store.frames(charge_point, before, 2).await.unwrap();
        let Some((last, _)) = parts.last() else { return found };
        before = Some(*last);
        found.extend(parts.iter().map(|(_, part)| part.frames));
    }
}

#[test]
fn the_newest_of_each_and_so_many_bytes_of_all_are_kept() {
    for site in Site::each() {
        run(async {
            let store = site.open("UTC").await;
            for name in ["one", "two"] {
                store.add_charge_point(&charge_point(name), None).await.unwrap();
            }
            assert_eq!(store.frame_bytes().await.unwrap(), 0);
            assert_eq!(store.prune_frames(ONE, 5).await.unwrap(), 0);
            let parts = [part(ONE, 1), part(TWO, 2), part(ONE, 3), part(ONE, 4), part(TWO, 5), part(ONE, 6)];
            store.add_frames(&parts).await.unwrap();
            assert_eq!(frames(&*store, ONE).await, [6, 4, 3, 1], "{}", site.name);
            assert_eq!(store.frame_bytes().await.unwrap(), 60);
            // 10 of the newest are in two parts, 13 in three.
            assert_eq!(store.prune_frames(ONE, 13).await.unwrap(), 10, "{}", site.name);
            assert_eq!(frames(&*store, ONE).await, [6, 4, 3], "{}", site.name);
            assert_eq!(store.prune_frames(ONE, 12).await.unwrap(), 10, "{}", site.name);
            assert_eq!(store.prune_frames(ONE, 10).await.unwrap(), 0, "{}", site.name);
            assert_eq!((frames(&*store, ONE).await, frames(&*store, TWO).await), (vec![6, 4], vec![5, 2]));
            // The oldest of all are 2, then 4.
            assert_eq!(store.drop_oldest_frames(2).await.unwrap(), 20, "{}", site.name);
            assert_eq!((frames(&*store, ONE).await, frames(&*store, TWO).await), (vec![6], vec![5]));
            assert_eq!(store.frame_bytes().await.unwrap(), 20);
            assert_eq!(store.drop_oldest_frames(9).await.unwrap(), 20);
            assert_eq!(store.drop_oldest_frames(9).await.unwrap(), 0);
            store.close().await;
        });
    }
}
