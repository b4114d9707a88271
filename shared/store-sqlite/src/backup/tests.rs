//! Backups under load, refusals, and what is left behind when one is stopped half way.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use domain::{Filter, Order, Page, PageStart, ScopeSet, Timestamp};
use sqlx::{Connection, SqliteConnection};
use store::{Append, KeyDigest, KeyStore, KeyedAppend, LogStore, NewKey, RecordKey, RecordOutcome};
use tempfile::TempDir;
use testkit::build::{NOON_MICROS, batch, record, tenant};
use testkit::wait_until;

use super::files::{LockedDirectory, Unfinished};
use super::*;
use crate::{SqliteKeyStore, SqliteLogStore, StoreDirectory};

const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "logsentinel-20250401-120000.db";

fn noon() -> Timestamp {
    Timestamp::from_micros(NOON_MICROS).unwrap()
}

async fn open(directory: &Path) -> SqliteLogStore {
    SqliteLogStore::open(&StoreDirectory::prepare(directory).unwrap()).await.unwrap()
}

async fn append(store: &SqliteLogStore, messages: &[String]) -> i64 {
    let records: Vec<_> = messages.iter().map(|message| record(message)).collect();
    let append = Append { tenant: tenant("a"), batch: batch(&records), idempotency: None };
    store.append(append).await.unwrap().last_id
}

/// Returns id and message of everything in a store.
async fn everything(store: &SqliteLogStore) -> Vec<(i64, String)> {
    let mut page = Page { limit: 1000, order: Order::Ascending, ..Page::default() };
    let mut all = Vec::new();
    loop {
        let deadline = Instant::now() + PATIENCE;
        let found = store.search(&tenant("a"), &Filter::default(), &page, deadline).await.unwrap();
        all.extend(found.records.into_iter().map(|record| (record.id, record.message)));
        let Some(next) = found.next else { return all };
        page.start = PageStart::After(next);
    }
}

/// Returns a message that cannot be compressed much: a digest of the number.
fn noise(n: usize) -> String {
    format!("m{:016x}", twox_hash::XxHash3_64::oneshot(&n.to_le_bytes()))
}

/// Makes a closed store of so many logs, and takes a backup of it.
async fn backed_up(logs: usize) -> (TempDir, BackupReport) {
    let (data, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(data.path()).await;
    append(&store, &(0..logs).map(noise).collect::<Vec<_>>()).await;
    store.close().await.unwrap();
    let report = backup(data.path(), target.path(), noon()).await.unwrap();
    (target, report)
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_backup_knows_the_keys_of_records() {
    let (data, target, restored) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keyed = || KeyedAppend {
        tenant: tenant("a"),
        batch: batch(&[record("x")]),
        keys: vec![Some(RecordKey::of("index", "1"))],
    };
    let store = open(data.path()).await;
    let first = store.append_keyed(keyed()).await.unwrap()[0];
    let report = backup(data.path(), target.path(), noon()).await.unwrap();

    restore(&report.logs.path, restored.path()).await.unwrap();
    let again = open(restored.path()).await.append_keyed(keyed()).await.unwrap();

    assert_eq!(again, [RecordOutcome::Repeat(first.id())]);
}

#[tokio::test]
async fn a_backup_under_appends_holds_everything_that_was_acknowledged_before_it_began() {
    let (data, target, restored) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Arc::new(open(data.path()).await);
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let appends = tokio::spawn({
        let (store, stop, acknowledged) = (Arc::clone(&store), Arc::clone(&stop), Arc::clone(&acknowledged));
        async move {
            let mut n = 0;
            while !stop.load(Ordering::Relaxed) {
                let messages: Vec<_> = (n..n + 50).map(|n| format!("message {n}")).collect();
                n += 50;
                acknowledged.store(append(&store, &messages).await, Ordering::SeqCst);
            }
        }
    });
    let at_least = |count: i64| {
        let acknowledged = &acknowledged;
        async move || (acknowledged.load(Ordering::SeqCst) >= count).then_some(())
    };
    wait_until("appends go on", PATIENCE, at_least(2000)).await;

    let before = acknowledged.load(Ordering::SeqCst);
    let report = backup(data.path(), target.path(), noon()).await.unwrap();
    let during = acknowledged.load(Ordering::SeqCst);
    wait_until("appends go on after it", PATIENCE, at_least(during + 500)).await;
    stop.store(true, Ordering::Relaxed);
    appends.await.unwrap();
    store.close().await.unwrap();

    let put_back = restore(&report.logs.path, restored.path()).await.unwrap();
    let copy = open(restored.path()).await;
    let logs = everything(&copy).await;
    assert!(logs.len() as i64 >= before, "{} of {before} logs", logs.len());
    for (place, (id, message)) in logs.iter().enumerate() {
        assert_eq!((*id, message), (place as i64 + 1, &format!("message {place}")));
    }
    assert_eq!((report.record_count, put_back.record_count), (logs.len() as u64, logs.len() as u64));
    // It goes on where it was: ids are not given twice.
    assert_eq!(append(&copy, &["later".to_owned()]).await, logs.len() as i64 + 1);
}

#[tokio::test]
async fn what_a_killed_service_left_in_its_write_ahead_log_is_backed_up() {
    let (data, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (crashed, saved) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(data.path()).await;
    append(&store, &["in the log".to_owned()]).await;
    for name in ["logs.db", "logs.db-wal"] {
        fs::copy(data.path().join(name), crashed.path().join(name)).unwrap();
    }

    let report = backup(crashed.path(), target.path(), noon()).await.unwrap();

    assert_eq!((report.record_count, report.keys), (1, None));
    restore(&report.logs.path, saved.path()).await.unwrap();
    assert_eq!(everything(&open(saved.path()).await).await, [(1, "in the log".to_owned())]);
}

#[tokio::test]
async fn keys_are_backed_up_beside_the_logs_and_put_back() {
    let (data, target, restored) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directory = StoreDirectory::prepare(data.path()).unwrap();
    let (logs, keys) = (open(data.path()).await, SqliteKeyStore::open(&directory).await.unwrap());
    keys.insert(NewKey {
        id: "12345678".to_owned(),
        digest: KeyDigest([7; 32]),
        name: "web".to_owned(),
        tenant: tenant("a"),
        scopes: ScopeSet::ALL,
        service: None,
        created_at: noon(),
        expires_at: None,
    })
    .await
    .unwrap();

    let report = backup(data.path(), target.path(), noon()).await.unwrap();
    restore(&report.logs.path, restored.path()).await.unwrap();

    let control = "logsentinel-20250401-120000.control.db";
    assert_eq!(names_in(target.path()), [control, NAME]);
    assert_eq!(report.keys.map(|keys| keys.path), Some(target.path().join(control)));
    assert_eq!(names_in(restored.path()), ["control.db", "logs.db"]);
    let restored = SqliteKeyStore::open(&StoreDirectory::prepare(restored.path()).unwrap()).await.unwrap();
    let found = restored.find(KeyDigest([7; 32])).await.unwrap().expect("the key is there");
    assert_eq!((found.name.as_str(), found.principal.tenant), ("web", tenant("a")));
    logs.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_is_refused_where_it_would_do_harm() {
    let (target, report) = backed_up(10).await;
    let data = tempfile::tempdir().unwrap();
    let nothing = backup(data.path(), target.path(), noon()).await.unwrap_err();
    assert!(matches!(nothing, BackupError::NotThere { .. }), "{nothing}");
    assert_eq!(names_in(data.path()), Vec::<String>::new());

    restore(&report.logs.path, data.path()).await.unwrap();
    let into_itself = backup(data.path(), &data.path().join("."), noon()).await.unwrap_err();
    let same_second = backup(data.path(), target.path(), noon()).await.unwrap_err();
    let locked = LockedDirectory::lock(target.path()).unwrap();
    let together = backup(data.path(), target.path(), noon()).await.unwrap_err();
    drop(locked);

    assert!(matches!(into_itself, BackupError::SameDirectory { .. }), "{into_itself}");
    assert!(matches!(same_second, BackupError::AlreadyThere { .. }), "{same_second}");
    assert!(matches!(together, BackupError::Locked { .. }), "{together}");
    assert_eq!(names_in(target.path()), [NAME]);
    restore(&report.logs.path, &data.path().join("again")).await.unwrap();
}

#[tokio::test]
async fn nothing_is_restored_over_a_store_or_over_what_is_left_of_one() {
    let (_target, report) = backed_up(10).await;
    for left in ["logs.db", "logs.db-wal", "logs.db-shm", "logs.db-journal"] {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(left), "old").unwrap();

        let refused = restore(&report.logs.path, data.path()).await.unwrap_err();

        assert!(matches!(&refused, BackupError::AlreadyThere { path } if path.ends_with(left)), "{refused}");
        assert_eq!(names_in(data.path()), [left]);
        assert_eq!(fs::read(data.path().join(left)).unwrap(), b"old");
    }
}

#[tokio::test]
async fn what_is_no_backup_is_not_restored_and_the_reason_is_said() {
    let (target, report) = backed_up(10).await;
    let data = tempfile::tempdir().unwrap();
    let other = target.path().join("other.db");
    let pragma = |pragma: &'static str| {
        let (from, to) = (report.logs.path.clone(), other.clone());
        async move {
            fs::copy(from, &to).unwrap();
            let mut file = SqliteConnection::connect(&format!("sqlite:{}", to.display())).await.unwrap();
            sqlx::raw_sql(pragma).execute(&mut file).await.unwrap();
            file.close().await.unwrap();
        }
    };
    let refusal = async || restore(&other, &data.path().join("new")).await.unwrap_err().to_string();

    fs::write(&other, "no database at all, but long enough to be looked at as one").unwrap();
    assert!(refusal().await.contains("is damaged"), "{}", refusal().await);
    pragma("PRAGMA user_version = 99").await;
    assert!(refusal().await.contains("use a newer program"), "{}", refusal().await);
    pragma("PRAGMA application_id = 7").await;
    assert!(refusal().await.contains("is not a Log Sentinel file"), "{}", refusal().await);
    pragma("UPDATE counters SET record_count = record_count + 1").await;
    assert!(refusal().await.contains("hold 10 logs, and its counters count 11"), "{}", refusal().await);
    fs::copy(&report.logs.path, &other).unwrap();
    fs::write(target.path().join("other.db-wal"), "frames").unwrap();
    assert!(refusal().await.contains("a live file"), "{}", refusal().await);
    assert_eq!(names_in(data.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_flipped_byte_in_any_page_of_a_backup_is_noticed() {
    let (target, report) = backed_up(30_000).await;
    let data = tempfile::tempdir().unwrap();
    let damaged = target.path().join("damaged.db");
    let pages = report.logs.bytes / 4096;
    assert!(pages > 60, "the texts fill pages of their own: {pages}");
    let payload_pages = pages_of_texts(&report.logs.path, pages);
    assert!(payload_pages.len() > 30, "{payload_pages:?}");
    for page in payload_pages {
        fs::copy(&report.logs.path, &damaged).unwrap();
        flip(&damaged, page * 4096 + 2000);

        let refused = restore(&damaged, data.path()).await.unwrap_err();

        assert!(
            matches!(&refused, BackupError::Damaged { path, .. } if *path == damaged),
            "page {page}: {refused}"
        );
        assert!(refused.to_string().contains("damaged.db is damaged"), "{refused}");
    }
    assert_eq!(names_in(data.path()), Vec::<String>::new());
}

/// Returns the pages that are full of compressed bytes: nearly no zeros.
fn pages_of_texts(path: &Path, pages: u64) -> Vec<u64> {
    let bytes = fs::read(path).unwrap();
    let is_full = |page: &u64| {
        let page = &bytes[*page as usize * 4096..][..4096];
        page.iter().filter(|byte| **byte == 0).count() < 300
    };
    (1..pages).filter(is_full).collect()
}

fn flip(path: &Path, offset: u64) {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[!byte[0]], offset).unwrap();
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_nothing_that_looks_like_one_and_the_next_one_tidies_up() {
    let (data, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(data.path()).await;
    append(&store, &["precious".to_owned()]).await;
    fs::write(target.path().join("somebody-elses.unfinished"), "kept").unwrap();

    // As far as a backup gets before the last step, and then neither dropped nor ended in order.
    let begun = Unfinished::begin(target.path().join(NAME)).unwrap();
    fs::write(begun.path(), "half a file").unwrap();
    fs::write(target.path().join(format!("{NAME}.unfinished-journal")), "pages").unwrap();
    std::mem::forget(begun);
    let after_the_kill = names_in(target.path());
    let next = Timestamp::from_micros(NOON_MICROS + 61_000_000).unwrap();
    let report = backup(data.path(), target.path(), next).await.unwrap();

    let unfinished = ["", "-journal"].map(|companion| format!("{NAME}.unfinished{companion}"));
    assert_eq!(after_the_kill, [&unfinished[0], &unfinished[1], "somebody-elses.unfinished"]);
    assert_eq!(names_in(target.path()), ["logsentinel-20250401-120101.db", "somebody-elses.unfinished"]);
    assert_eq!(report.record_count, 1);
}

#[tokio::test]
async fn a_backup_that_fails_leaves_nothing_at_all() {
    let (data, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(data.path()).await;
    append(&store, &["precious".to_owned()]).await;
    store.close().await.unwrap();
    let file = data.path().join("logs.db");
    let mut file = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let damage =
        "UPDATE chunks SET payload = CAST(substr(payload, 1, length(payload) - 4) || x'00000000' AS BLOB)";
    sqlx::raw_sql(damage).execute(&mut file).await.unwrap();
    file.close().await.unwrap();

    let refused = backup(data.path(), target.path(), noon()).await.unwrap_err();

    assert!(refused.to_string().contains("block 1, chunk"), "{refused}");
    assert_eq!(names_in(target.path()), Vec::<String>::new());
}
