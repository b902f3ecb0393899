//! Pages under load and over bad lines: drawn to their end, whoever waits for them.

use crate::client::Served;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

const PAGES: [&str; 5] = ["/overview/", "/devices/", "/details/", "/records/", "/settings/"];

/// Counts the panics of the whole process from here on.
fn count_panics() -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        counted.fetch_add(1, Ordering::SeqCst);
        before(info);
    }));
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_pages_at_once_are_all_drawn() {
    let site = Arc::new(Served::of_2015().await);
    let mut asked = JoinSet::new();
    for place in 0..160 {
        let site = site.clone();
        asked.spawn(async move { site.get(PAGES[place % PAGES.len()]).await.status });
    }
    while let Some(status) = asked.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    Arc::into_inner(site).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pages_that_nobody_waits_for_upset_nothing() {
    let panics = count_panics();
    let site = Arc::new(Served::of_2015().await);
    let mut asked = JoinSet::new();
    for place in 0..1500 {
        let site = site.clone();
        asked.spawn(async move {
            let mut line = site.connect().await;
            let request = format!("GET {} HTTP/1.1\r\nhost: {}\r\n\r\n", PAGES[place % PAGES.len()], site.addr());
            line.write_all(request.as_bytes()).await.unwrap();
            // Gone while the page is drawn: at another moment each time.
            for _ in 0..place % 300 {
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(gone) = asked.join_next().await {
        gone.unwrap();
    }
    let site = Arc::into_inner(site).unwrap();
    site.end().await;
    assert_eq!(panics.load(Ordering::SeqCst), 0);
}
