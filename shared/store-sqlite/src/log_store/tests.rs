//! The engine against the contract, against the reference, and across processes' views.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Order, PageStart};
use proptest::prelude::*;
use store::{Effort, Idempotency, MemoryLogStore, RecordKey};
use tempfile::TempDir;
use testkit::RecordBuilder;
use testkit::build::{NOON_MICROS, batch, record, tenant};
use testkit::conditions::any_condition;
use testkit::strategy::{any_filter, any_record};

use super::*;

async fn new_store() -> (TempDir, Arc<dyn LogStore>) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    (directory, Arc::new(store))
}

async fn open(directory: &TempDir) -> SqliteLogStore {
    SqliteLogStore::open(&StoreDirectory::prepare(directory.path()).unwrap()).await.unwrap()
}

store::conformance_tests!(new_store);

fn append(records: &[RecordBuilder]) -> Append {
    Append { tenant: tenant("a"), batch: batch(records), idempotency: None }
}

/// An append of records with keys: `key % 4`, or none where that is 0.
fn keyed(records: &[RecordBuilder], keys: &[u8]) -> KeyedAppend {
    let key = |n: &u8| Some(n % 4).filter(|n| *n > 0).map(|n| RecordKey::of("index", &n.to_string()));
    KeyedAppend { tenant: tenant("a"), batch: batch(records), keys: keys.iter().map(key).collect() }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_reopen_and_ids_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    let keyed = |key: &str| Append {
        idempotency: Some(Idempotency { key: key.into(), request_digest: [1; 32] }),
        ..append(&[record("keyed")])
    };
    let first = store.append(keyed("k")).await.unwrap();
    store.close().await.unwrap();

    let store = open(&directory).await;
    let repeated = store.append(keyed("k")).await.unwrap();
    let second = store.append(append(&[record("later")])).await.unwrap();

    assert_eq!(repeated, first);
    assert_eq!(second.first_id, first.last_id + 1);
    assert_eq!(store.counters(&tenant("a")).await.unwrap()[0].count, 2);
}

#[tokio::test]
async fn a_second_opener_of_the_file_sees_an_append_and_a_delete_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (open(&directory).await, open(&directory).await);
    for n in 0..50 {
        let appended = one.append(append(&[record(&format!("m{n}"))])).await.unwrap();
        assert!(other.get(&tenant("a"), appended.first_id).await.unwrap().is_some());
    }
    assert_eq!(other.delete(&tenant("a"), &Filter::default(), false).await.unwrap(), 50);
    assert_eq!(one.count(&tenant("a"), &Filter::default(), deadline()).await.unwrap(), 0);
}

#[tokio::test]
async fn appends_at_the_same_time_share_commits_and_get_their_own_ids() {
    let (_directory, store) = new_store().await;
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let store = Arc::clone(&store);
            let sent = [record(&format!("{n}-0")), record(&format!("{n}-1"))];
            tokio::spawn(async move { (n, store.append(append(&sent)).await.unwrap()) })
        })
        .collect();
    for task in tasks {
        let (n, appended) = task.await.unwrap();
        let stored = store.get(&tenant("a"), appended.last_id).await.unwrap().unwrap();
        assert_eq!(stored.message, format!("{n}-1"));
    }
}

#[tokio::test]
async fn the_same_request_sent_three_times_at_once_is_stored_once() {
    let (_directory, store) = new_store().await;
    let send = |n: u8| {
        let idempotency = Some(Idempotency { key: format!("k{n}"), request_digest: [n; 32] });
        store.append(Append { idempotency, ..append(&[record("x"), record("y")]) })
    };
    for n in 0..20 {
        let (a, b, c) = tokio::join!(send(n), send(n), send(n));
        let first = a.unwrap();
        assert_eq!((b.unwrap(), c.unwrap()), (first, first));
    }
    assert_eq!(store.count(&tenant("a"), &Filter::default(), deadline()).await.unwrap(), 40);
}

#[tokio::test]
async fn record_keys_are_known_after_a_reopen_and_to_other_openers() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    let first = store.append_keyed(keyed(&[record("x"), record("y")], &[1, 2])).await.unwrap();
    store.close().await.unwrap();

    let (one, other) = (open(&directory).await, open(&directory).await);
    let repeated = one.append_keyed(keyed(&[record("y"), record("x")], &[2, 1])).await.unwrap();
    let third = other.append_keyed(keyed(&[record("z")], &[3])).await.unwrap()[0].id();
    let theirs = one.append_keyed(keyed(&[record("z")], &[3])).await.unwrap();

    assert_eq!(repeated, [RecordOutcome::Repeat(first[1].id()), RecordOutcome::Repeat(first[0].id())]);
    assert_eq!(theirs, [RecordOutcome::Repeat(third)]);
    assert_eq!(one.counters(&tenant("a")).await.unwrap()[0].count, 3);
}

#[tokio::test]
async fn records_with_equal_keys_that_share_a_commit_are_stored_once() {
    let (_directory, store) = new_store().await;
    for n in 1..4 {
        let send = || store.append_keyed(keyed(&[record("own"), record("shared")], &[0, n]));
        let unkeyed = store.append(append(&[record("between")]));
        let (a, unkeyed, b, c) = tokio::join!(send(), unkeyed, send(), send());
        let answers = [a.unwrap(), b.unwrap(), c.unwrap()];

        let shared: Vec<_> = answers.iter().map(|outcomes| outcomes[1]).collect();
        let stored = shared.iter().filter(|outcome| matches!(outcome, RecordOutcome::Stored(_))).count();
        assert_eq!(stored, 1, "{answers:?}");
        assert!(shared.iter().all(|outcome| outcome.id() == shared[0].id()), "{answers:?}");
        for (id, message) in [
            (shared[0].id(), "shared"),
            (unkeyed.unwrap().first_id, "between"),
            (answers[0][0].id(), "own"),
            (answers[1][0].id(), "own"),
            (answers[2][0].id(), "own"),
        ] {
            assert_eq!(store.get(&tenant("a"), id).await.unwrap().unwrap().message, message, "{id}");
        }
    }
    assert_eq!(store.count(&tenant("a"), &Filter::default(), deadline()).await.unwrap(), 15);
}

#[tokio::test]
async fn forgotten_record_keys_are_cleared_away() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    let day = domain::limits::IDEMPOTENCY_KEPT_MICROS / 1_000_000;
    store.append_keyed(keyed(&[record("x"), record("y")], &[1, 2])).await.unwrap();
    store.append_keyed(keyed(&[record("z").received(day + 2)], &[3])).await.unwrap();

    let mut transaction = store.writer.begin().await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM record_keys");
    let left: i64 = count.fetch_one(transaction.connection()).await.unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_file_of_a_later_version_or_of_another_program_is_refused() {
    for (pragma, expected) in [
        ("PRAGMA user_version = 99", "schema version 99"),
        ("PRAGMA application_id = 7", "is not a Log Sentinel file"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory).await;
        let mut connection = store.writer.begin().await.unwrap();
        sqlx::raw_sql(pragma).execute(connection.connection()).await.unwrap();
        connection.commit().await.unwrap();
        store.close().await.unwrap();

        let error =
            SqliteLogStore::open(&StoreDirectory::prepare(directory.path()).unwrap()).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_chunk_is_an_error_that_names_its_block() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    let appended = store.append(append(&[record("precious")])).await.unwrap();
    let mut transaction = store.writer.begin().await.unwrap();
    let damage =
        "UPDATE chunks SET payload = CAST(substr(payload, 1, length(payload) - 4) || x'00000000' AS BLOB)";
    sqlx::raw_sql(damage).execute(transaction.connection()).await.unwrap();
    transaction.commit().await.unwrap();

    let error = store.get(&tenant("a"), appended.first_id).await.unwrap_err();

    assert!(matches!(&error, StoreError::Corrupt { what, .. } if what == "block 1, chunk"), "{error:?}");
}

#[tokio::test]
async fn damaged_columns_and_summaries_are_errors_that_name_their_block() {
    for damage in [
        "UPDATE blocks SET min_timestamp = min_timestamp + 1",
        "UPDATE blocks SET summary = CAST(replace(summary, 'auth', 'auch') AS BLOB)",
        "UPDATE blocks SET record_count = 2",
    ] {
        let (_directory, store) = new_sqlite_store().await;
        store.append(append(&[record("precious")])).await.unwrap();
        execute(&store, damage).await;

        let error =
            store.search(&tenant("a"), &Filter::default(), &Page::default(), deadline()).await.unwrap_err();

        assert!(
            matches!(&error, StoreError::Corrupt { what, .. } if what == "block 1, row"),
            "{damage}: {error:?}"
        );
    }
}

async fn new_sqlite_store() -> (TempDir, SqliteLogStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    (directory, store)
}

async fn execute(store: &SqliteLogStore, statement: &'static str) {
    let mut transaction = store.writer.begin().await.unwrap();
    sqlx::raw_sql(statement).execute(transaction.connection()).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_stores_nothing_and_the_store_takes_records_again_when_there_is_room() {
    let (_directory, store) = new_sqlite_store().await;
    store.append(append(&[record("before")])).await.unwrap();
    let is_full = &store.writer.database().is_full;
    let noise: String =
        (0..40_000_u64).map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();

    // The limit is a connection's: the open one's, and that of each which is opened after a failed transaction.
    execute(&store, "PRAGMA max_page_count = 1").await;
    is_full.store(true, Ordering::Relaxed);
    for _ in 0..5 {
        let full = store.append(append(&[record(&noise[..200_000])])).await;
        assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
        assert_eq!(store.count(&tenant("a"), &Filter::default(), deadline()).await.unwrap(), 1);
    }
    assert!(store.check().await.is_ok() && !store.failed().is_cancelled());
    is_full.store(false, Ordering::Relaxed);

    store.append(append(&[record(&noise[..200_000])])).await.unwrap();
    assert_eq!(store.counters(&tenant("a")).await.unwrap()[0].count, 2);
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_written_any_more() {
    let (_directory, store) = new_sqlite_store().await;
    store.append(append(&[record("before")])).await.unwrap();

    store.writer.note(StoreError::Fatal("disk I/O error".into()));

    assert!(store.failed().is_cancelled());
    assert!(store.append(append(&[record("after")])).await.is_err());
    assert!(store.delete(&tenant("a"), &Filter::default(), false).await.is_err());
    assert!(store.check().await.is_err());
    assert_eq!(store.count(&tenant("a"), &Filter::default(), deadline()).await.unwrap(), 1);
}

#[tokio::test]
async fn many_small_blocks_and_a_large_one_are_searched_and_deleted_right() {
    let (_directory, store) = new_sqlite_store().await;
    let reference = MemoryLogStore::default();
    let service = |n: i64| ["auth", "pay", "ship"][(n % 3) as usize];
    let made = |n: i64| {
        record(&format!("m{n}")).at(n % 977).service(service(n)).span(&format!("t{n}"), &format!("s{n}"))
    };
    for n in 0..150 {
        store.append(append(&[made(n)])).await.unwrap();
        reference.append(append(&[made(n)])).await.unwrap();
    }
    let large: Vec<_> = (150..9_500).map(made).collect();
    store.append(append(&large)).await.unwrap();
    reference.append(append(&large)).await.unwrap();

    for name in ["pay", "auth"] {
        let filter = Filter { services: Some([name.to_owned()].into()), ..Filter::default() };
        let deleted = store.delete(&tenant("a"), &filter, false).await.unwrap();
        assert_eq!(deleted, reference.delete(&tenant("a"), &filter, false).await.unwrap());
        let page = Page { limit: 700, ..Page::default() };
        compare_walks(&store, &reference, &Filter::default(), page).await;
        let counters = store.counters(&tenant("a")).await.unwrap();
        assert_eq!(counters, reference.counters(&tenant("a")).await.unwrap());
    }
}

#[tokio::test]
async fn a_page_of_large_records_has_fewer_rows_and_the_walk_misses_none() {
    let (_directory, store) = new_sqlite_store().await;
    let text = "x".repeat(256 * 1024);
    let sent: Vec<_> = (0..100).map(|n| record(&text).at(n)).collect();
    for part in sent.chunks(50) {
        store.append(append(part)).await.unwrap();
    }

    let mut page = Page { limit: 1000, ..Page::default() };
    let mut sizes = Vec::new();
    loop {
        let found = store.search(&tenant("a"), &Filter::default(), &page, deadline()).await.unwrap();
        sizes.push(found.records.len());
        let Some(next) = found.next else { break };
        page.start = PageStart::After(next);
    }

    assert_eq!(sizes, [64, 36]);
}

#[tokio::test]
async fn tenants_that_share_a_commit_get_ids_of_their_own() {
    let (_directory, store) = new_store().await;
    let names: Vec<String> = (0..40).map(|n| format!("t{}", n % 5)).collect();
    let tasks: Vec<_> = names
        .into_iter()
        .map(|name| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let append = Append { tenant: tenant(&name), ..append(&[record(&name), record(&name)]) };
                (name, store.append(append).await.unwrap())
            })
        })
        .collect();
    for task in tasks {
        let (name, ids) = task.await.unwrap();
        assert_eq!(ids.last_id, ids.first_id + 1);
        for id in [ids.first_id, ids.last_id] {
            assert_eq!(store.get(&tenant(&name), id).await.unwrap().unwrap().message, name);
        }
    }
}

#[tokio::test]
async fn deletes_and_appends_of_two_openers_leave_exact_counters() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (Arc::new(open(&directory).await), Arc::new(open(&directory).await));
    let appends = tokio::spawn({
        let one = Arc::clone(&one);
        async move {
            for n in 0..60 {
                one.append(append(&[record("x").at(n), record("y").at(n).service("pay")])).await.unwrap();
            }
        }
    });
    let mut deleted = 0;
    let pay = Filter { services: Some(["pay".to_owned()].into()), ..Filter::default() };
    while !appends.is_finished() {
        let owner = tenant("a");
        let (a, b) = tokio::join!(other.delete(&owner, &pay, false), one.delete(&owner, &pay, false));
        deleted += a.unwrap() + b.unwrap();
    }
    appends.await.unwrap();

    let page = Page { limit: 1000, ..Page::default() };
    let left = one.search(&tenant("a"), &Filter::default(), &page, deadline()).await.unwrap().records;
    assert_eq!(left.len() as u64 + deleted, 120);
    assert_eq!(other.counters(&tenant("a")).await.unwrap(), store::conformance::recount(&left));
}

#[tokio::test]
async fn a_search_past_its_deadline_says_that_it_is_not_complete() {
    let (_directory, store) = new_store().await;
    store.append(append(&[record("x")])).await.unwrap();

    let found =
        store.search(&tenant("a"), &Filter::default(), &Page::default(), Instant::now()).await.unwrap();
    let of_text =
        Filter { condition: domain::query::parse("x", Timestamp::MIN).unwrap(), ..Filter::default() };
    let count = store.count(&tenant("a"), &of_text, Instant::now()).await;

    assert!(found.complete && found.records.len() == 1, "one block is always looked at");
    assert!(matches!(count, Err(StoreError::DeadlineExceeded)));
}

#[tokio::test]
async fn a_walk_that_is_always_out_of_time_gets_further_and_sees_every_record_once() {
    for order in [Order::Descending, Order::Ascending] {
        let (_directory, store) = new_store().await;
        // Blocks that overlap: the first one lies around all others.
        store.append(append(&[record("x").at(0), record("x").at(100)])).await.unwrap();
        for n in 1..9 {
            store.append(append(&[record("x").at(n), record("x").at(100 - n)])).await.unwrap();
        }
        let filter =
            Filter { condition: domain::query::parse("x", Timestamp::MIN).unwrap(), ..Filter::default() };

        let mut page = Page { limit: 4, order, ..Page::default() };
        let mut seen = Vec::new();
        for _ in 0..100 {
            let found = store.search(&tenant("a"), &filter, &page, Instant::now()).await.unwrap();
            seen.extend(found.records.into_iter().map(|record| record.id));
            let Some(next) = found.next else { break };
            assert_ne!(page.start, PageStart::After(next), "it gets further");
            page.start = PageStart::After(next);
        }

        seen.sort_unstable();
        assert_eq!(seen, (1..=18).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn several_openers_of_an_empty_directory_agree_on_one_schema() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b, c) = tokio::join!(open(&directory), open(&directory), open(&directory));
    let id = a.append(append(&[record("x")])).await.unwrap().first_id;
    for store in [&b, &c] {
        assert!(store.get(&tenant("a"), id).await.unwrap().is_some());
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<RecordBuilder>),
    AppendKeyed(Vec<(RecordBuilder, u8)>),
    Delete(Box<Filter>),
    /// Deletes what arrived first, until the rest takes at most so many bytes.
    KeepBytes(u64),
    Merge,
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(any_record(), 1..12).prop_map(Step::Append),
        2 => prop::collection::vec((any_record(), 0..8_u8), 1..12).prop_map(Step::AppendKeyed),
        3 => any_filter().prop_map(|filter| Step::Delete(Box::new(filter))),
        1 => (0..3000_u64).prop_map(Step::KeepBytes),
        3 => Just(Step::Merge),
        1 => Just(Step::Reopen),
    ]
}

fn any_page() -> impl Strategy<Value = Page> {
    let order = prop::sample::select(vec![Order::Ascending, Order::Descending]);
    let start = prop_oneof![Just(PageStart::First), (0..30_u64).prop_map(PageStart::Offset)];
    (1..20_u32, order, start).prop_map(|(limit, order, start)| Page { limit, order, start })
}

/// Walks through every page from `page` on, in both stores, and compares them.
async fn compare_walks(engine: &dyn LogStore, reference: &dyn LogStore, filter: &Filter, mut page: Page) {
    loop {
        let found = engine.search(&tenant("a"), filter, &page, deadline()).await.unwrap();
        let expected = reference.search(&tenant("a"), filter, &page, deadline()).await.unwrap();
        let (found, expected) = (without_effort(found), without_effort(expected));
        assert_eq!(found, expected, "{filter:?} {page:?}");
        let Some(next) = found.next else { return };
        page.start = PageStart::After(next);
    }
}

fn without_effort(page: SearchPage) -> SearchPage {
    SearchPage { effort: Effort::default(), ..page }
}

/// Scans both stores from end to end, in strides of their own, and compares what is brought.
async fn compare_scans(engine: &dyn LogStore, reference: &dyn LogStore, filter: &Filter, page: &Page) {
    let first = if page.order == Order::Ascending { 0 } else { i64::MAX };
    let expected = Scan { after: first, order: page.order, limit: usize::MAX, max_bytes: usize::MAX };
    let expected = reference.scan(&tenant("a"), filter, &expected, deadline()).await.unwrap();
    let mut scan =
        Scan { after: first, order: page.order, limit: page.limit as usize, max_bytes: usize::MAX };
    let mut found = Vec::new();
    loop {
        let next = engine.scan(&tenant("a"), filter, &scan, deadline()).await.unwrap();
        found.extend(next.records);
        scan.after = next.reached;
        if next.is_end {
            break;
        }
    }
    assert_eq!((found, scan.after), (expected.records, expected.reached), "{filter:?} {scan:?}");
}

/// Deletes in both stores what the engine says does not fit.
async fn keep_bytes(engine: &dyn LogStore, reference: &dyn LogStore, max_bytes: u64) {
    let owner = tenant("a");
    let fits = engine.arrival_that_fits(&owner, &Filter::default(), max_bytes).await.unwrap();
    let Some(arrival) = fits else { return };
    let received_at = domain::TimeRange { from: None, to: Some(arrival.as_micros()) };
    let filter = Filter { received_at, ..Filter::default() };
    let deleted = engine.delete(&owner, &filter, false).await.unwrap();
    assert_eq!(deleted, reference.delete(&owner, &filter, false).await.unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Many questions of a few settled blocks: what their token filters and templates rule out has to be right.
    #[test]
    fn a_condition_selects_in_settled_blocks_what_it_means(
        records in prop::collection::vec(any_record(), 10..40),
        conditions in prop::collection::vec(any_condition(), 60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let (engine, reference) = (open(&directory).await, MemoryLogStore::default());
            for records in records.chunks(records.len().div_ceil(2)) {
                engine.append(append(records)).await.unwrap();
                reference.append(append(records)).await.unwrap();
            }
            engine.merger().settle().await;
            for condition in conditions {
                let filter = Filter { condition, ..Filter::default() };
                let page = Page { limit: 7, ..Page::default() };
                compare_walks(&engine, &reference, &filter, page).await;
                compare_scans(&engine, &reference, &filter, &page).await;
                let count = engine.count(&tenant("a"), &filter, deadline()).await.unwrap();
                assert_eq!(count, reference.count(&tenant("a"), &filter, deadline()).await.unwrap());
            }
            engine.close().await.unwrap();
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_engine_answers_what_the_reference_answers(
        steps in prop::collection::vec(any_step(), 1..14),
        questions in prop::collection::vec((any_filter(), any_page()), 4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let mut engine = open(&directory).await;
            let reference = MemoryLogStore::default();
            for step in steps {
                match step {
                    Step::Append(records) => {
                        let ids = engine.append(append(&records)).await.unwrap();
                        assert_eq!(ids, reference.append(append(&records)).await.unwrap());
                    }
                    Step::AppendKeyed(records) => {
                        let (records, keys): (Vec<_>, Vec<_>) = records.into_iter().unzip();
                        let outcomes = engine.append_keyed(keyed(&records, &keys)).await.unwrap();
                        let expected = reference.append_keyed(keyed(&records, &keys)).await.unwrap();
                        assert_eq!(outcomes, expected);
                    }
                    Step::Delete(filter) => {
                        let planned = engine.delete(&tenant("a"), &filter, true).await.unwrap();
                        let deleted = engine.delete(&tenant("a"), &filter, false).await.unwrap();
                        assert_eq!(deleted, reference.delete(&tenant("a"), &filter, false).await.unwrap());
                        assert_eq!(deleted, planned);
                    }
                    Step::KeepBytes(max_bytes) => keep_bytes(&engine, &reference, max_bytes).await,
                    Step::Merge => engine.merger().settle().await,
                    Step::Reopen => {
                        engine.close().await.unwrap();
                        engine = open(&directory).await;
                    }
                }
                let counters = engine.counters(&tenant("a")).await.unwrap();
                assert_eq!(counters, reference.counters(&tenant("a")).await.unwrap());
            }
            for (filter, page) in questions {
                compare_walks(&engine, &reference, &filter, page).await;
                let count = engine.count(&tenant("a"), &filter, deadline()).await.unwrap();
                assert_eq!(count, reference.count(&tenant("a"), &filter, deadline()).await.unwrap());
                compare_scans(&engine, &reference, &filter, &page).await;
                let buckets = |width_micros| Buckets { start_micros: NOON_MICROS, width_micros, count: 3 };
                for buckets in [None, Some(buckets(10)), Some(buckets(60_000_000))] {
                    let counts = engine.count_by(&tenant("a"), &filter, buckets.as_ref(), deadline()).await;
                    let expected =
                        reference.count_by(&tenant("a"), &filter, buckets.as_ref(), deadline()).await;
                    assert_eq!(counts.unwrap(), expected.unwrap(), "{filter:?} {buckets:?}");
                }
            }
            engine.close().await.unwrap();
        });
    }
}
