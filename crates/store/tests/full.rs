//! A disk that is full for a while: what fails then fails as a whole, and the next write after it succeeds.
//!
//! The process that writes may make its files only so large. That needs no rights, and SQLite takes its transaction back as it
//! does when the disk itself is full.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod common;

use bmw_domain::calendar::Timestamp;
use bmw_domain::energy::Energy;
use bmw_domain::record::{ChargePointKey, TransactionId};
use common::{SessionStart, Site, charge_point, finish_session, run, start_session};
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

const DATABASE: &str = "BMW_TEST_FULL_DATABASE";
const NOON: i64 = 1_700_000_000_000;
/// The largest file, in the shell's blocks of 512 bytes: 2 MiB.
const LIMIT: &str = "4096";

/// Not a test of its own: the process whose disk is full. It writes until that fails, waits for a line, and writes again.
#[test]
#[ignore = "only the test below runs it"]
fn child_writes() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let site = Site { name: "child", url, folder: None };
    run(async {
        let store = site.open("Europe/Berlin").await;
        store.add_charge_point(&charge_point("a"), None).await.unwrap();
        let mut out = std::io::stdout();
        let (mut failures, mut left) = (0, 3);
        for number in 0_i64.. {
            let started_at = Timestamp(NOON + number * 3_600_000);
            let charge_point = ChargePointKey(1);
            let id_tag = Some("x".repeat(20));
            let start = SessionStart { charge_point, queued_at: started_at, started_at, id_tag };
            let outcome = async {
                let id = start_session(&*store, &start).await?.id;
                finish_session(&*store, id, started_at.plus(1_800_000), Energy::from_wh(7)).await?;
                Ok::<_, bmw_store::StoreError>(id)
            };
            match outcome.await {
                Ok(id) if failures == 0 => writeln!(out, "stored {}", id.0).unwrap(),
                Ok(id) => {
                    writeln!(out, "stored {}", id.0).unwrap();
                    left -= 1;
                    if left == 0 {
                        break;
                    }
                }
                Err(error) => {
                    failures += 1;
                    assert!(failures < 50, "it never recovers: {error}");
                    if failures == 5 {
                        // More than once: a connection that was upset by the first failure would fail on the second.
                        writeln!(out, "full {error}").unwrap();
                        std::io::stdin().read_line(&mut String::new()).unwrap();
                    }
                }
            }
        }
        store.close().await;
    });
}

/// The child's lines up to one that says what follows a word; those before are added to `stored`.
fn until(lines: &mut Lines<BufReader<ChildStdout>>, word: &str, stored: &mut Vec<i32>) -> Option<String> {
    for line in lines {
        let line = line.unwrap();
        if let Some(rest) = line.strip_prefix(word) {
            return Some(rest.to_owned());
        }
        stored.extend(line.strip_prefix("stored ").map(|id| id.parse::<i32>().unwrap()));
    }
    None
}

fn lift_the_limit(child: &Child) {
    let status = Command::new("prlimit")
        .args(["--fsize=unlimited", "--pid", &child.id().to_string()])
        .status()
        .expect("prlimit, of util-linux");
    assert!(status.success());
}

#[test]
fn what_fails_on_a_full_disk_fails_as_a_whole_and_the_next_write_succeeds() {
    let site = Site::sqlite();
    // Without a handler for it, the signal that tells of the limit would end the process.
    let script = format!("trap '' XFSZ; ulimit -S -f {LIMIT}; exec \"$0\" child_writes --exact --ignored --nocapture");
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(DATABASE, &site.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stored = Vec::new();
    let error = until(&mut lines, "full ", &mut stored).expect("the disk must become full");
    assert!(error.starts_with("database: "), "{error}");
    let before = stored.len();
    assert!(before > 0);
    lift_the_limit(&child);
    writeln!(child.stdin.take().unwrap(), "go on").unwrap();
    assert_eq!(until(&mut lines, "full ", &mut stored), None);
    assert!(child.wait().unwrap().success());
    assert_eq!(stored.len(), before + 3);
    run(async {
        let store = site.open("Europe/Berlin").await;
        for id in &stored {
            let session = store.session(TransactionId(*id)).await.unwrap().expect("what was answered is there");
            assert_eq!(session.energy.wh(), 7);
        }
        // Those that were begun, and whose end failed, are there as well.
        let finished = store.session_count().await.unwrap() - store.running_sessions().await.unwrap().len() as u64;
        assert_eq!(finished, stored.len() as u64);
        let sums = store.energy_by_day().await.unwrap();
        assert_eq!(sums.iter().map(|sum| sum.energy.wh()).sum::<i64>(), 7 * i64::try_from(stored.len()).unwrap());
    });
}
