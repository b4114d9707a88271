//! The WAL's length under load, with readers that come and go and one that stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tempfile::TempDir;
use testkit::wait_until;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::database::{Database, Reader, Schema, Snapshot, StoreDirectory, Writer};

const MIB: u64 = 1024 * 1024;

const LONG: Duration = Duration::from_secs(3600);

struct Store {
    directory: TempDir,
    database: Database,
    writer: Writer,
}

impl Store {
    async fn new(limits: WalLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = StoreDirectory::prepare(directory.path()).unwrap();
        let database = Database::prepare(&place, place.logs_file(), &Schema::LOGS).await.unwrap();
        let mut writer = Writer::new(database.clone(), CancellationToken::new());
        writer.set_wal_limits(limits);
        Self { directory, database, writer }
    }

    fn wal_bytes(&self) -> u64 {
        fs::metadata(self.directory.path().join("logs.db-wal")).map_or(0, |file| file.len())
    }

    /// Commits about 64 KiB; returns how long the WAL is then.
    async fn write(&self, n: u64) -> Result<u64, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let insert = sqlx::query("INSERT OR REPLACE INTO chunks (id, payload) VALUES (?, randomblob(64000))");
        insert.bind(n as i64 % 64).execute(transaction.connection()).await.unwrap();
        transaction.commit().await?;
        Ok(self.wal_bytes())
    }
}

/// Opens a snapshot and takes its state of the file: BEGIN alone does not.
async fn open_snapshot(reader: &Reader) -> Snapshot {
    let mut snapshot = reader.begin(Instant::now() + LONG).await.unwrap();
    sqlx::query("SELECT count(*) FROM blocks").fetch_one(&mut *snapshot).await.unwrap();
    snapshot
}

/// Keeps a snapshot open all the time, each for three commits, or for 20 ms where no commit comes.
async fn read_all_the_time(reader: Reader, commits: Arc<AtomicU64>, opened: Arc<AtomicUsize>) {
    let mut open = open_snapshot(&reader).await;
    loop {
        let until = commits.load(Ordering::Relaxed) + 3;
        let until_commits = async {
            while commits.load(Ordering::Relaxed) < until {
                tokio::task::yield_now().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(20), until_commits).await;
        let next = open_snapshot(&reader).await;
        drop(std::mem::replace(&mut open, next));
        opened.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_overlap_all_the_time_do_not_make_the_wal_long() {
    let store = Store::new(WalLimits::default()).await;
    let (commits, opened) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let reader = store.database.reader();
    let readers = [(); 2]
        .map(|()| tokio::spawn(read_all_the_time(reader.clone(), Arc::clone(&commits), Arc::clone(&opened))));
    wait_until("a reader", LONG, async || (opened.load(Ordering::Relaxed) > 0).then_some(())).await;

    let mut longest = 0;
    for n in 0..4900 {
        longest = longest.max(store.write(n).await.unwrap());
        commits.fetch_add(1, Ordering::Relaxed);
    }

    let snapshots = opened.load(Ordering::Relaxed);
    println!(
        "the longest WAL has {longest} bytes, after 306 MiB in 4,900 commits beside {snapshots} snapshots"
    );
    assert!(longest < 64 * MIB, "{longest} bytes");
    assert!(longest > 40 * MIB, "{longest} bytes: the readers were in nobody's way");
    assert!(readers.iter().all(|task| !task.is_finished()));
    readers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_reader_that_stays_stops_the_writers_at_the_cap_and_they_go_on_when_it_ends() {
    let limits = WalLimits { copy_above: MIB, restart_above: 4 * MIB, refuse_above: 100 * MIB };
    let store = Store::new(limits).await;
    let reader = store.database.reader();
    let snapshot = open_snapshot(&reader).await;

    let mut written = 0;
    let refused = loop {
        match store.write(written).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };

    let full = store.wal_bytes();
    println!("refused at {full} bytes, after {written} commits");
    assert!(matches!(refused, StoreError::Busy { .. }), "{refused}");
    assert!((100 * MIB..101 * MIB).contains(&full), "{full} bytes");
    assert!(matches!(store.write(0).await, Err(StoreError::Busy { .. })), "and it stays so");
    let mut other = open_snapshot(&reader).await;
    let read = sqlx::query("SELECT * FROM chunks").fetch_all(&mut *other).await.unwrap();
    assert_eq!(read.len(), 64, "reads go on");
    drop((snapshot, other));

    let at_most = Duration::from_secs(60);
    wait_until("room to write", at_most, async || store.write(0).await.ok()).await;
    let left = store.wal_bytes();
    println!("{left} bytes once the reader had ended");
    assert!(left < MIB, "{left} bytes");
}

#[tokio::test]
async fn a_wal_without_readers_starts_over_after_it_was_copied() {
    let store = Store::new(WalLimits::default()).await;
    let mut longest = 0;
    for n in 0..600 {
        longest = longest.max(store.write(n).await.unwrap());
    }
    println!("the longest WAL has {longest} bytes, after 37 MiB in 600 commits");
    assert!((16 * MIB..17 * MIB).contains(&longest), "{longest} bytes");
}

#[tokio::test]
async fn a_wal_is_emptied_when_nobody_writes_and_left_alone_otherwise() {
    let store = Store::new(WalLimits::default()).await;
    for n in 0..3 {
        store.write(n).await.unwrap();
        store.writer.empty_quiet_wal().await.unwrap();
        assert!(store.wal_bytes() > 0, "somebody wrote since the last look");
    }

    store.writer.empty_quiet_wal().await.unwrap();

    assert_eq!(store.wal_bytes(), 0);
}

#[tokio::test]
async fn a_store_that_closes_waits_for_a_question_and_leaves_no_wal() {
    let store = Store::new(WalLimits::default()).await;
    store.write(0).await.unwrap();
    let reader = store.database.reader();
    let question = open_snapshot(&reader).await;
    // Keeps the file open, so that SQLite does not copy the WAL by itself.
    let other = open_snapshot(&reader).await;
    drop(other);
    let asking = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(question);
    });

    store.writer.close().await.unwrap();

    assert_eq!(store.wal_bytes(), 0);
    asking.await.unwrap();
}

#[tokio::test]
async fn a_writer_that_opens_writes_nothing_and_copies_nothing() {
    let store = Store::new(WalLimits::default()).await;
    for n in 0..100 {
        store.write(n).await.unwrap();
    }
    // Without one that stays open, the last to close would copy the WAL.
    let _snapshot = open_snapshot(&store.database.reader()).await;
    let lengths =
        || ["logs.db", "logs.db-wal"].map(|name| store.directory.path().join(name).metadata().unwrap().len());
    let before = lengths();

    for _ in 0..3 {
        drop(store.writer.begin().await.unwrap());
        assert_eq!(lengths(), before);
    }
}
