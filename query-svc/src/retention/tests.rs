//! Retention over the reference store, with clocks that a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::{
    ByteSize, Clock, Filter, Keep, LogRecord, MaxAge, NewRetentionRule, Page, RetentionRule, Tenant,
    Timestamp,
};
use store::{
    AddOutcome, Append, Appended, AuditStore, Buckets, CounterEntry, Counts, KeyedAppend, LogStore,
    MemoryAuditStore, MemoryLogStore, MemoryRetentionStore, RecordOutcome, RetentionStore, Scan, ScanPage,
    SearchPage, StoreError,
};
use testkit::build::{NOON_MICROS, batch, record, tenant};
use testkit::{RecordBuilder, wait_until};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::params::parse_timeless_filter;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// Long enough for any machine; what takes longer does not happen.
const PLENTY: Duration = Duration::from_secs(60);

/// Both clocks of a machine, in microseconds.
#[derive(Default)]
struct FakeClocks {
    wall: AtomicI64,
    up: AtomicI64,
}

/// The reference store, with rules that fail: a delete of the service `busy` while it is busy, and one of the
/// service `panic`, always.
#[derive(Default)]
struct FlakyStore {
    logs: MemoryLogStore,
    is_busy: AtomicBool,
    panics: AtomicUsize,
}

/// A store with rules, and what applies them.
struct World {
    logs: Arc<FlakyStore>,
    rules: Arc<MemoryRetentionStore>,
    audit: Arc<MemoryAuditStore>,
    clocks: Arc<FakeClocks>,
    scheduler: Arc<Scheduler>,
}

impl Clock for FakeClocks {
    fn now(&self) -> Timestamp {
        Timestamp::saturating_from_micros(self.wall.load(Ordering::SeqCst))
    }
}

impl Uptime for FakeClocks {
    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.up.load(Ordering::SeqCst).cast_unsigned())
    }
}

impl FakeClocks {
    /// Lets time pass: both clocks move.
    fn pass(&self, micros: i64) {
        self.up.fetch_add(micros, Ordering::SeqCst);
        self.set(micros);
    }

    /// Sets the wall clock only.
    fn set(&self, by_micros: i64) {
        self.wall.fetch_add(by_micros, Ordering::SeqCst);
    }
}

impl World {
    /// Starts at noon.
    fn new() -> Self {
        let clocks = Arc::new(FakeClocks::default());
        clocks.set(NOON_MICROS);
        let (logs, rules) = (Arc::<FlakyStore>::default(), Arc::<MemoryRetentionStore>::default());
        let audit = Arc::<MemoryAuditStore>::default();
        let watch = ClockWatch::start(clocks.clone(), clocks.clone());
        let scheduler = Arc::new(Scheduler::new(logs.clone(), rules.clone(), audit.clone(), watch));
        Self { logs, rules, audit, clocks, scheduler }
    }

    /// Stores records of the tenant `a`.
    async fn store(&self, records: &[RecordBuilder]) {
        self.store_of("a", records).await;
    }

    async fn store_of(&self, owner: &str, records: &[RecordBuilder]) {
        let append = Append { tenant: tenant(owner), batch: batch(records), idempotency: None };
        self.logs.append(append).await.unwrap();
    }

    /// Adds a rule of the tenant `a`.
    async fn rule(&self, filter: &str, max_age: Option<&str>, max_bytes: Option<u64>) -> RetentionRule {
        self.rule_of("a", filter, max_age, max_bytes).await
    }

    async fn rule_of(
        &self,
        owner: &str,
        filter: &str,
        max_age: Option<&str>,
        max_bytes: Option<u64>,
    ) -> RetentionRule {
        let max_age = max_age.map(|age| MaxAge::parse(age).unwrap());
        let max_bytes = max_bytes.map(|bytes| ByteSize::from_bytes(bytes).unwrap());
        let rule = NewRetentionRule {
            name: filter.to_owned(),
            tenant: tenant(owner),
            filter: filter.to_owned(),
            keep: Keep::new(max_age, max_bytes).unwrap(),
            created_at: self.clocks.now(),
        };
        match self.rules.add(rule).await.unwrap() {
            AddOutcome::Added(added) => added,
            AddOutcome::LimitReached => panic!("there are few rules"),
        }
    }

    /// Applies all rules; returns the messages of `a` that are left.
    async fn round(&self) -> Vec<String> {
        self.scheduler.run_round().await;
        self.left("a").await
    }

    async fn left(&self, owner: &str) -> Vec<String> {
        let page = Page { order: domain::Order::Ascending, ..Page::default() };
        let found = self.logs.search(&tenant(owner), &Filter::default(), &page, deadline()).await.unwrap();
        found.records.into_iter().map(|record| record.message).collect()
    }
}

fn deadline() -> Instant {
    Instant::now() + PLENTY
}

/// A record that arrived so long before noon.
fn arrived(message: &str, micros_before_noon: i64) -> RecordBuilder {
    record(message).received_micros(NOON_MICROS - micros_before_noon)
}

#[tokio::test]
async fn what_arrived_longer_ago_than_a_rule_keeps_is_deleted_whatever_its_timestamp() {
    let world = World::new();
    world
        .store(&[
            arrived("old", DAY + 1).at_micros(NOON_MICROS + YEAR),
            arrived("just in time", DAY).at_micros(0),
            arrived("new", 0).at_micros(1),
        ])
        .await;
    world.rule("", Some("1d"), None).await;

    assert_eq!(world.round().await, ["just in time", "new"]);
    world.clocks.pass(1);
    assert_eq!(world.round().await, ["new"]);
    world.clocks.pass(DAY);
    assert!(world.round().await.is_empty());
}

#[tokio::test]
async fn beyond_its_size_a_rule_deletes_what_arrived_first() {
    let world = World::new();
    world.store(&[arrived("1234567890", 3), arrived("abcdefghij", 1), arrived("ABCDEFGHIJ", 2)]).await;
    world.rule("", None, Some(29)).await;

    assert_eq!(world.round().await, ["abcdefghij", "ABCDEFGHIJ"]);
    assert_eq!(world.round().await.len(), 2, "what fits stays");
    world.rule("", None, Some(9)).await;
    assert!(world.round().await.is_empty());
}

#[tokio::test]
async fn of_two_bounds_the_one_that_keeps_less_counts() {
    for (max_age, max_bytes, expected) in
        [("1h", 1000, vec!["new"]), ("30d", 3, vec!["new"]), ("30d", 1000, vec!["old", "new"])]
    {
        let world = World::new();
        world.store(&[arrived("old", DAY), arrived("new", 0)]).await;
        world.rule("", Some(max_age), Some(max_bytes)).await;
        assert_eq!(world.round().await, expected, "{max_age} {max_bytes}");
    }
}

#[tokio::test]
async fn a_rule_deletes_only_what_its_filter_selects_and_only_of_its_tenant() {
    let world = World::new();
    let old = [
        arrived("payment failed", DAY).service("pay").severity("ERROR"),
        arrived("payment done", DAY).service("pay"),
        arrived("login failed", DAY).service("auth").severity("ERROR"),
    ];
    world.store(&old).await;
    world.store_of("b", &old).await;
    world.rule("service=pay&q=failed&level=error", Some("1h"), None).await;
    world.rule_of("b", "service=auth", None, Some(1)).await;

    assert_eq!(world.round().await, ["payment done", "login failed"]);
    assert_eq!(world.left("b").await, ["payment failed", "payment done"]);
}

#[tokio::test]
async fn a_preview_counts_what_a_round_then_deletes() {
    let cases = [
        ("q=old", Some("1h"), None, 1),
        ("", Some("36h"), Some(100), 1),
        ("", Some("36h"), Some(6), 1),
        ("", None, Some(3), 2),
        ("", None, Some(2), 3),
        ("", None, Some(12), 0),
    ];
    for (filter, max_age, max_bytes, expected) in cases {
        let world = World::new();
        world.store(&[arrived("oldest", 2 * DAY), arrived("old", DAY), arrived("new", 0)]).await;
        let kept = world.rule(filter, max_age, max_bytes).await;

        let meant = parse_timeless_filter(filter).unwrap();
        let preview = rehearse(&*world.logs, &kept.rule, meant, world.clocks.now()).await.unwrap();
        let untouched = world.left("a").await.len();
        let after = world.round().await.len();

        assert_eq!((preview.deleted, untouched), (expected, 3), "{filter} {max_age:?} {max_bytes:?}");
        assert_eq!(untouched - after, expected as usize, "{filter} {max_age:?} {max_bytes:?}");
        assert_eq!(preview.keeps_from.is_none(), expected == 0, "{preview:?}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_a_year_either_way_deletes_nothing_until_it_is_right_again() {
    for jump in [YEAR, -YEAR, HOUR + 1, -HOUR - 1] {
        let world = World::new();
        world.store(&[arrived("old", 2 * DAY), arrived("new", 0)]).await;
        world.rule("", Some("3d"), None).await;
        world.rule("q=new", None, Some(1)).await;

        world.clocks.set(jump);
        assert_eq!(world.round().await, ["old", "new"], "{jump}");
        world.clocks.pass(DAY + HOUR);
        assert_eq!(world.round().await, ["old", "new"], "{jump}, later");

        world.clocks.set(-jump);
        assert!(world.round().await.is_empty(), "{jump}, mended");
    }
}

#[tokio::test]
async fn a_clock_that_is_corrected_a_little_is_trusted() {
    for jump in [HOUR, -HOUR] {
        let world = World::new();
        world.store(&[arrived("old", 2 * DAY)]).await;
        world.rule("", Some("1d"), None).await;
        world.clocks.pass(1);
        world.clocks.set(jump);
        assert!(world.round().await.is_empty(), "{jump}");
    }
}

#[tokio::test]
async fn a_clock_that_stands_before_what_arrived_already_deletes_nothing() {
    let world = World::new();
    let future = arrived("from the future", -HOUR - 1);
    world.store(&[arrived("old", 2 * DAY)]).await;
    world.store_of("b", &[future]).await;
    world.rule("", Some("1d"), None).await;
    world.rule_of("b", "", Some("1d"), None).await;

    assert_eq!(world.round().await, ["old"]);
    world.clocks.pass(1);
    assert!(world.round().await.is_empty(), "an hour is within what clocks stray");
}

#[tokio::test]
async fn an_error_in_one_rule_stops_no_other_and_it_is_tried_again() {
    let world = World::new();
    let old = ["first", "busy", "last"].map(|service| arrived(service, DAY).service(service));
    world.store(&old).await;
    for service in ["first", "busy", "last"] {
        world.rule(&format!("service={service}"), Some("1h"), None).await;
    }

    world.logs.is_busy.store(true, Ordering::SeqCst);
    assert_eq!(world.round().await, ["busy"]);
    world.logs.is_busy.store(false, Ordering::SeqCst);
    assert!(world.round().await.is_empty());
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_deletes_nothing() {
    let world = World::new();
    world.store(&[arrived("old", DAY).service("auth"), arrived("other", DAY)]).await;
    world.rule("colour=blue", Some("1h"), None).await;
    world.rule("q=(old", Some("1h"), None).await;
    world.rule("service=auth", Some("1h"), None).await;

    assert_eq!(world.round().await, ["other"]);
}

#[tokio::test]
async fn a_removed_rule_deletes_nothing_more() {
    let world = World::new();
    world.store(&[arrived("old", DAY)]).await;
    let kept = world.rule("", Some("1h"), None).await;
    world.rules.remove(&tenant("a"), kept.id).await.unwrap();

    assert_eq!(world.round().await, ["old"]);
}

#[tokio::test]
async fn rounds_follow_each_other_in_spite_of_a_panic_until_the_shutdown() {
    let world = World::new();
    world.store(&[arrived("old", DAY), arrived("doomed", DAY).service("panic")]).await;
    world.rule("q=old", Some("1h"), None).await;
    world.rule("service=panic", Some("1h"), None).await;
    let shutdown = CancellationToken::new();
    let running =
        tokio::spawn(Arc::clone(&world.scheduler).run_until(Duration::from_millis(1), shutdown.clone()));

    wait_until("three rounds panicked", PLENTY, async || {
        (world.logs.panics.load(Ordering::SeqCst) >= 3).then_some(())
    })
    .await;
    world.store(&[arrived("old too", DAY)]).await;
    wait_until("later rounds delete", PLENTY, async || (world.left("a").await == ["doomed"]).then_some(()))
        .await;
    shutdown.cancel();

    tokio::time::timeout(PLENTY, running).await.expect("it ends").unwrap();
    world.store(&[arrived("old as well", DAY)]).await;
    assert_eq!(world.left("a").await.len(), 2);
}

#[tokio::test]
async fn a_service_is_told_to_stop_after_retention_has_and_at_once_when_it_is_off() {
    let stores = store::Stores::in_memory();
    for interval in ["0", "1s", "1d"] {
        let shutdown = CancellationToken::new();
        let clock = Arc::new(FakeClocks::default());
        let until = start(&stores, interval.parse().unwrap(), clock, shutdown.clone());
        assert!(!until.is_cancelled(), "{interval}");
        shutdown.cancel();
        tokio::time::timeout(PLENTY, until.cancelled()).await.expect(interval);
    }
}

#[async_trait]
impl LogStore for FlakyStore {
    async fn delete(&self, tenant: &Tenant, filter: &Filter, dry_run: bool) -> Result<u64, StoreError> {
        let is_of = |name: &str| filter.services.as_ref().is_some_and(|services| services.contains(name));
        if is_of("busy") && self.is_busy.load(Ordering::SeqCst) {
            return Err(StoreError::Busy { waiting_records: 0 });
        }
        if is_of("panic") {
            self.panics.fetch_add(1, Ordering::SeqCst);
            panic!("a rule that cannot be applied");
        }
        self.logs.delete(tenant, filter, dry_run).await
    }

    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        self.logs.append(append).await
    }

    async fn append_keyed(&self, append: KeyedAppend) -> Result<Vec<RecordOutcome>, StoreError> {
        self.logs.append_keyed(append).await
    }

    async fn search(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        page: &Page,
        deadline: Instant,
    ) -> Result<SearchPage, StoreError> {
        self.logs.search(tenant, filter, page, deadline).await
    }

    async fn get(&self, tenant: &Tenant, id: i64) -> Result<Option<LogRecord>, StoreError> {
        self.logs.get(tenant, id).await
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        scan: &Scan,
        deadline: Instant,
    ) -> Result<ScanPage, StoreError> {
        self.logs.scan(tenant, filter, scan, deadline).await
    }

    fn watch_last_id(&self) -> watch::Receiver<i64> {
        self.logs.watch_last_id()
    }

    async fn counters(&self, tenant: &Tenant) -> Result<Vec<CounterEntry>, StoreError> {
        self.logs.counters(tenant).await
    }

    async fn count_by(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        buckets: Option<&Buckets>,
        deadline: Instant,
    ) -> Result<Counts, StoreError> {
        self.logs.count_by(tenant, filter, buckets, deadline).await
    }

    async fn arrival_that_fits(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        max_bytes: u64,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.logs.arrival_that_fits(tenant, filter, max_bytes).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.logs.check().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.logs.close().await
    }
}

#[tokio::test]
async fn what_a_rule_deletes_is_noted_once_and_a_round_that_deletes_nothing_is_not() {
    let world = World::new();
    world.store(&[record("old").received_micros(NOON_MICROS - 2 * DAY), record("new")]).await;
    let rule = world.rule("q=old", Some("1d"), None).await;

    world.round().await;
    world.round().await;

    let noted = world.audit.list(&tenant("a"), None, 10).await.unwrap();
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert_eq!((noted[0].action.as_str(), noted[0].subject.as_str()), ("logs.deleted", "q=old"));
    assert_eq!((&noted[0].caller, &noted[0].address), (&None, &None));
    let details = serde_json::json!({"rule_id": rule.id, "filter": "q=old", "deleted": 1});
    assert_eq!(serde_json::Value::Object(noted[0].details.clone()), details);
}
