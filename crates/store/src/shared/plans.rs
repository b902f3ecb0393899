//! No question of the trait reads the whole table of sessions, of meter values or of the audit log.

use super::super::testing::{EXPLAIN, PLAN, PREPARE, database, is_costly};
use super::super::{Connection, Database, ThisStore};
use super::{Store, audit, push_page, push_totals};
use crate::site_file::{SessionRow, SiteFile};
use crate::{AuditFilter, AuditPlace, ImportMode, OpenOptions, Role, SessionFilter, Zone, sql};
use bmw_domain::calendar::{Day, LocalTime, Timestamp};
use bmw_domain::energy::Energy;
use bmw_domain::record::{ChargePoint, ChargePointKey, Identity, TransactionId};
use sqlx::{AssertSqlSafe, QueryBuilder, Row};
use std::sync::Arc;

/// Statements and the number of their parameters, which are all whole numbers.
const STATEMENTS: [(&str, usize); 20] = [
    (sql::SESSION, 1),
    (sql::SESSIONS_OF_DAY, 1),
    (sql::RECENT_SESSIONS, 1),
    (sql::RUNNING_SESSIONS, 0),
    (sql::SESSIONS_AFTER, 2),
    (sql::LAST_SESSION, 0),
    (sql::SESSION_COUNT, 0),
    (sql::DAYS_WITH_SESSIONS, 2),
    (sql::DAYS_WITH_SESSIONS_OF, 3),
    (sql::CHARGE_POINTS, 0),
    (sql::WHOLE_RUNNING, 0),
    (sql::WHOLE_SESSION, 1),
    (sql::FINDINGS, 1),
    (sql::HAPPENINGS, 2),
    (sql::LAST_ANSWERS, 1),
    (sql::FINDINGS_OF, 2),
    (sql::PRUNE_FINDINGS, 2),
    (sql::METER_PARTS, 4),
    (sql::LATEST_METER_PARTS, 1),
    (sql::IS_EMPTY, 0),
];

/// Every combination of a filter's parts.
fn filters() -> impl Iterator<Item = SessionFilter> {
    (0..48).map(|parts| SessionFilter {
        charge_point: (parts & 1 > 0).then_some(ChargePointKey(1)),
        from: (parts & 2 > 0).then_some(Day(19_000)),
        to: (parts & 4 > 0).then_some(Day(20_000)),
        id_tag: (parts & 8 > 0).then(|| "CARD".to_owned()),
        finished: [None, Some(false), Some(true)][parts / 16],
    })
}

/// The same for the audit log, with the place before which it is asked for.
fn audit_filters() -> impl Iterator<Item = (AuditFilter, Option<AuditPlace>)> {
    (0..192).map(|parts| {
        let text = |bit: u32, text: &str| (parts & bit > 0).then(|| text.to_owned());
        let filter = AuditFilter {
            from: (parts & 1 > 0).then_some(Timestamp(1)),
            to: (parts & 2 > 0).then_some(Timestamp(1_790_000_000_000)),
            account: text(4, "boss"),
            actor: text(8, "boss (meter)"),
            kind: [None, Some("card"), Some("card.put")][parts as usize / 64].map(ToOwned::to_owned),
            subject: text(16, "A"),
        };
        (filter, (parts & 32 > 0).then_some(AuditPlace { at: Timestamp(1_780_000_000_000), id: 7 }))
    })
}

async fn some_sessions(store: &ThisStore, charge_point: &str) {
    let identity = Identity::new(charge_point).unwrap();
    store.add_charge_point(&ChargePoint::unknown(identity.clone()), None).await.unwrap();
    let begin = LocalTime::parse("2023-11-14T00:00:00").unwrap();
    let sessions = (0..40_i32).map(|day| {
        let started_at = LocalTime(begin.0 + i64::from(day) * 86_400_000);
        let finished_at = (day % 10 > 0).then_some(LocalTime(started_at.0 + 3_600_000));
        SessionRow {
            id: TransactionId(day + 1 + if charge_point == "two" { 40 } else { 0 }),
            charge_point: Arc::new(identity.clone()),
            cycle: Some(day),
            queued_at: Some(started_at),
            started_at: Some(started_at),
            planned_finish: finished_at,
            finished_at,
            energy: Energy::from_wh(day.into()),
            id_tag: (day % 2 == 0).then(|| format!("card{day}").into()),
        }
    });
    let file = SiteFile { sessions: Some(sessions.collect()), ..SiteFile::default() };
    store.import(&file, ImportMode::Merge).await.unwrap();
}

/// Entries by which the database can tell what is rare.
async fn some_deeds(store: &ThisStore, subject: &str) {
    for number in 0..40 {
        let entry = crate::AuditEntry {
            at: Timestamp(1_770_000_000_000 + number),
            actor: if number % 4 == 0 { "boss (meter)" } else { "boss" }.to_owned(),
            origin: "::1".to_owned(),
            action: if number % 10 == 0 { "card.put" } else { "card.remove" }.to_owned(),
            subject: subject.to_owned(),
            before: "null".to_owned(),
            after: "{}".to_owned(),
        };
        store.add_audit(&entry).await.unwrap();
    }
}

/// The plan of what is in the query.
async fn check(connection: &mut Connection, mut query: QueryBuilder<Database>) {
    let text = query.sql().as_str().to_owned();
    for line in query.build().fetch_all(&mut *connection).await.unwrap() {
        let line: String = line.get(PLAN);
        assert!(!is_costly(&line), "{line}\n{text}");
    }
}

#[test]
fn no_question_reads_all_of_a_large_table() {
    let folder = tempfile::tempdir().unwrap();
    let Some(url) = database(folder.path()) else { return };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let options = OpenOptions { url, zone: Some(Zone::named("UTC").unwrap()), role: Role::Owner };
        let (store, _) = ThisStore::open(&options).await.unwrap();
        let mut connection = store.writer.acquire().await.unwrap();
        sqlx::query(PREPARE).execute(&mut *connection).await.unwrap();
        drop(connection);
        // Without and with what the database knows about its own content.
        for round in ["one", "two"] {
            let mut connection = store.writer.acquire().await.unwrap();
            for (statement, parameters) in STATEMENTS {
                let mut query = sqlx::query(AssertSqlSafe(format!("{EXPLAIN}{statement}")));
                for _ in 0..parameters {
                    query = query.bind(1_i32);
                }
                for line in query.fetch_all(&mut *connection).await.unwrap() {
                    let line: String = line.get(PLAN);
                    assert!(!is_costly(&line), "{line}\n{statement}");
                }
            }
            for filter in filters() {
                let mut query = QueryBuilder::new(EXPLAIN);
                push_totals(&mut query, &filter);
                check(&mut connection, query).await;
                let mut query = QueryBuilder::new(EXPLAIN);
                push_page(&mut query, &filter, 1..=30, 10);
                check(&mut connection, query).await;
            }
            for (filter, before) in audit_filters() {
                let mut query = QueryBuilder::new(EXPLAIN);
                audit::push_page(&mut query, &filter, before, 10);
                check(&mut connection, query).await;
            }
            drop(connection);
            some_sessions(&store, round).await;
            some_deeds(&store, round).await;
            let mut connection = store.writer.acquire().await.unwrap();
            sqlx::query("ANALYZE").execute(&mut *connection).await.unwrap();
        }
        store.close().await;
    });
}
