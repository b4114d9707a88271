//! Tails over the reference store: every record once and in order, whatever store, hub and client do.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{Filter, SeveritySet};
use futures_util::{FutureExt, Stream, StreamExt};
use serde_json::Value;
use store::LogStore;
use testkit::build::{record, tenant};
use testkit::{RecordBuilder, wait_until};
use tokio::time::timeout;

use super::hub::BATCH_MAX_RECORDS;
use super::options::DEFAULT_MAX_TAILS;
use super::start::newest_id;
use super::{LagLimits, TailLimits, TailOptions, Tails};
use crate::places::AllTaken;
use crate::test_store::TestStore;

/// Long enough for any machine; what takes longer does not happen.
const PLENTY: Duration = Duration::from_secs(60);

/// Whoever is behind by more than some ids is too slow.
const IMPATIENT: LagLimits = LagLimits { time: Duration::ZERO, ids: 20 };

/// A store, and tails over it.
struct World {
    store: Arc<TestStore>,
    tails: Arc<Tails>,
}

/// A tail that is read.
struct Client {
    chunks: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    events: VecDeque<Event>,
    comments: usize,
}

/// An event that was read.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    id: i64,
    kind: String,
    data: Value,
}

fn world(limits: TailLimits) -> World {
    let store = Arc::new(TestStore::default());
    let tails = Arc::new(Tails::new(store.clone(), limits, None));
    World { store, tails }
}

fn patient() -> TailLimits {
    TailLimits { heartbeat_every: PLENTY, ..TailOptions::default().into() }
}

fn impatient() -> TailLimits {
    TailLimits { lag: IMPATIENT, ..patient() }
}

fn records(count: usize) -> Vec<RecordBuilder> {
    (0..count).map(|n| record(&format!("log {n}"))).collect()
}

fn errors() -> Filter {
    Filter {
        severities: SeveritySet::band_of(domain::Severity::parse("error").unwrap()),
        ..Filter::default()
    }
}

impl World {
    /// Starts a tail of the tenant `a`.
    fn tail(&self, filter: Filter, position: i64) -> Client {
        self.tail_of("a", filter, position)
    }

    fn tail_of(&self, owner: &str, filter: Filter, position: i64) -> Client {
        let place = self.tails.take_place(&tenant(owner)).unwrap();
        let tail = self.tails.start(place, &tenant(owner), filter, position);
        Client { chunks: Box::pin(tail.into_stream()), events: VecDeque::new(), comments: 0 }
    }
}

impl Client {
    /// Returns the next event.
    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let chunk = timeout(PLENTY, self.chunks.next()).await.expect("something comes");
            self.read(&chunk.expect("a tail has no end").unwrap());
        }
    }

    /// Returns the ids of the next events, which have to be logs.
    async fn next_ids(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let event = self.next().await;
            assert_eq!((event.kind.as_str(), &event.data["id"]), ("log", &event.id.into()), "{event:?}");
            ids.push(event.id);
        }
        ids
    }

    /// Reads what is there; returns whether there was anything.
    fn read_what_is_there(&mut self) -> bool {
        let mut is_any = false;
        while let Some(chunk) = self.chunks.next().now_or_never() {
            self.read(&chunk.expect("a tail has no end").unwrap());
            is_any = true;
        }
        is_any
    }

    fn read(&mut self, chunk: &[u8]) {
        let text = std::str::from_utf8(chunk).unwrap();
        for block in text.split_terminator("\n\n") {
            let field =
                |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            match field("data") {
                None => self.comments += usize::from(block.starts_with(':')),
                Some(data) => self.events.push_back(Event {
                    id: field("id").unwrap().parse().unwrap(),
                    kind: field("event").unwrap().to_owned(),
                    data: serde_json::from_str(data).unwrap(),
                }),
            }
        }
    }
}

#[tokio::test]
async fn a_tail_sends_what_its_filter_selects_of_its_tenant_as_it_comes() {
    let world = world(patient());
    let mut tail = world.tail(errors(), 0);
    let mut expected = Vec::new();
    for round in 0..20 {
        world.store.add("b", &[record("not mine").severity("error")]).await;
        let batch: Vec<_> = (0..round % 3 + 1).map(|_| record("mine").severity("error")).collect();
        let last = world.store.add("a", &batch).await;
        expected.extend(last - round % 3..=last);
        world.store.add("a", &[record("no error")]).await;
        let missing = expected.len() - usize::try_from(round % 3).unwrap() - 1;
        assert_eq!(tail.next_ids(batch.len()).await, expected[missing..]);
    }
    assert!(!tail.read_what_is_there());
}

#[tokio::test(flavor = "multi_thread")]
async fn history_flows_into_the_present_without_a_gap_or_a_repeat() {
    const BATCHES: usize = 400;
    let world = world(patient());
    world.store.answer_in_pages_of(7);
    let store = Arc::clone(&world.store);
    let writing = tokio::spawn(async move {
        for n in 0..BATCHES {
            store.add(if n % 3 == 0 { "b" } else { "a" }, &records(n % 5 + 1)).await;
            tokio::task::yield_now().await;
        }
    });
    let mut reading = tokio::task::JoinSet::new();
    for n in 0..10 {
        wait_until("records come in", PLENTY, async || {
            (newest_id(&*world.store, &tenant("a"), Instant::now() + PLENTY).await.unwrap() > n * 40)
                .then_some(())
        })
        .await;
        let position = n * 20;
        let mut client = world.tail(Filter::default(), position);
        let store = Arc::clone(&world.store);
        reading.spawn(async move {
            let mut ids = Vec::new();
            loop {
                ids.extend(client.next_ids(1).await);
                if Some(&1200) <= ids.last() || ids.last() == Some(&last_id(&store).await) {
                    return (position, ids);
                }
            }
        });
    }
    writing.await.unwrap();

    let all = all_ids(&world.store).await;
    for (position, ids) in reading.join_all().await {
        let expected: Vec<i64> = all.iter().copied().filter(|id| *id > position).take(ids.len()).collect();
        assert_eq!(ids, expected, "behind {position}");
    }
}

#[tokio::test]
async fn a_burst_that_is_too_large_for_a_batch_arrives_completely() {
    let world = world(patient());
    let mut tail = world.tail(Filter::default(), 0);
    world.store.add("a", &records(1)).await;
    assert_eq!(tail.next_ids(1).await, [1]);

    let last = world.store.add("a", &records(3 * BATCH_MAX_RECORDS)).await;

    assert_eq!(tail.next_ids(3 * BATCH_MAX_RECORDS).await, (2..=last).collect::<Vec<_>>());
    world.store.add("a", &records(1)).await;
    assert_eq!(tail.next_ids(1).await, [last + 1]);
}

#[tokio::test]
async fn a_client_that_pauses_for_more_batches_than_are_kept_gets_all_of_them() {
    let world = world(patient());
    let (mut busy, mut paused) = (world.tail(Filter::default(), 0), world.tail(Filter::default(), 0));
    for id in 1..=100 {
        world.store.add("a", &records(1)).await;
        assert_eq!(busy.next_ids(1).await, [id]);
        if id == 3 {
            assert_eq!(paused.next_ids(3).await, [1, 2, 3]);
            assert!(!paused.read_what_is_there());
        }
    }
    assert_eq!(paused.next_ids(97).await, (4..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_client_that_was_at_the_present_and_is_too_slow_is_told_how_many_it_missed() {
    let world = world(impatient());
    let (mut busy, mut slow) = (world.tail(Filter::default(), 0), world.tail(errors(), 0));
    let seen = world.store.add("a", &[record("seen").severity("error")]).await;
    assert_eq!((busy.next_ids(1).await, slow.next_ids(1).await), (vec![seen], vec![seen]));
    assert!(!slow.read_what_is_there());

    let mut last = seen;
    for _ in 0..50 {
        world.store.add("b", &[record("not mine").severity("error")]).await;
        last = world.store.add("a", &[record("missed").severity("error"), record("no error")]).await;
        assert_eq!(busy.next_ids(2).await, [last - 1, last]);
    }
    let gap = slow.next().await;
    let (from_id, to_id) = (seen + 1, last);

    assert_eq!((gap.kind.as_str(), gap.id), ("gap", to_id));
    assert_eq!(gap.data, serde_json::json!({"missed": 50, "from_id": from_id, "to_id": to_id}));
    let next = world.store.add("a", &[record("seen again").severity("error")]).await;
    assert_eq!(slow.next_ids(1).await, [next]);
}

#[tokio::test]
async fn what_a_filter_does_not_select_is_no_gap() {
    let world = world(impatient());
    let (mut busy, mut slow) = (world.tail(Filter::default(), 0), world.tail(errors(), 0));
    let seen = world.store.add("a", &[record("seen").severity("error")]).await;
    assert_eq!((busy.next_ids(1).await, slow.next_ids(1).await), (vec![seen], vec![seen]));
    assert!(!slow.read_what_is_there());
    for id in seen + 1..seen + 51 {
        world.store.add("a", &[record("no error")]).await;
        assert_eq!(busy.next_ids(1).await, [id]);
    }
    assert!(!slow.read_what_is_there());
    let next = world.store.add("a", &[record("seen again").severity("error")]).await;
    assert_eq!(slow.next_ids(1).await, [next]);
}

#[tokio::test]
async fn a_history_is_never_cut_however_slow_its_reader() {
    let world = world(impatient());
    world.store.answer_in_pages_of(3);
    let mut last = world.store.add("a", &records(10)).await;
    let mut slow = world.tail(Filter::default(), 0);
    for id in 1..=400 {
        assert_eq!(slow.next_ids(1).await, [id]);
        if last < 400 {
            last = world.store.add("a", &records(5)).await;
        }
    }
}

#[tokio::test]
async fn a_tail_with_nothing_to_say_says_that_it_is_alive() {
    let world = world(TailLimits { heartbeat_every: Duration::from_millis(1), ..patient() });
    let mut tail = world.tail(errors(), 0);
    wait_until("heartbeats come", PLENTY, async || {
        tail.read_what_is_there();
        (tail.comments > 2).then_some(())
    })
    .await;
    let id = world.store.add("a", &[record("at last").severity("error")]).await;
    assert_eq!(tail.next_ids(1).await, [id]);
}

#[tokio::test]
async fn new_records_are_read_once_for_all_tails_of_a_tenant() {
    let world = world(patient());
    let mut tails: Vec<Client> = (0..50).map(|_| world.tail(errors(), 0)).collect();
    let error = [record("for all").severity("error")];
    // At the latest after the second one, the hub has begun.
    for _ in 0..2 {
        let id = world.store.add("a", &error).await;
        for tail in &mut tails {
            assert_eq!(tail.next_ids(1).await, [id]);
            assert!(!tail.read_what_is_there());
        }
    }
    assert_eq!(world.tails.hubs_at_work(), 1);
    let scans = world.store.scans();

    let id = world.store.add("a", &error).await;
    for tail in &mut tails {
        assert_eq!(tail.next_ids(1).await, [id]);
    }

    assert_eq!(world.store.scans(), scans + 1);
}

#[tokio::test]
async fn nothing_is_left_of_tails_whose_clients_are_gone() {
    let world = world(patient());
    let mut tails: Vec<Client> = (0..20).map(|_| world.tail(Filter::default(), 0)).collect();
    world.store.add("a", &records(1)).await;
    for tail in &mut tails {
        tail.next_ids(1).await;
    }
    assert_eq!((world.tails.hubs_at_work(), world.tails.places_left()), (1, DEFAULT_MAX_TAILS - 20));

    drop(tails);

    assert_eq!(world.tails.places_left(), DEFAULT_MAX_TAILS);
    wait_until("the hub ends", PLENTY, async || (world.tails.hubs_at_work() == 0).then_some(())).await;
    let mut again = world.tail(Filter::default(), 0);
    assert_eq!(again.next_ids(1).await, [1]);
}

#[tokio::test]
async fn there_are_only_so_many_tails() {
    let world = world(TailLimits { max_tails: 2, ..patient() });
    let tails = (world.tail(Filter::default(), 0), world.tail(Filter::default(), 0));
    let take = |of| world.tails.take_place(&tenant(of));
    assert_eq!(take("b").unwrap_err(), AllTaken::InAll { max: 2 });
    drop(tails.1);
    assert!(take("b").is_ok());
}

#[tokio::test]
async fn one_tenant_cannot_have_all_tails() {
    let world = world(TailLimits { max_tails: 4, tenant_max_tails: 3, ..patient() });
    let take = |of| world.tails.take_place(&tenant(of));
    let _taken = [take("a"), take("a"), take("a")].map(Result::unwrap);

    assert_eq!(take("a").unwrap_err(), AllTaken::OfTenant { max: 3 });
    assert!(take("b").is_ok());
}

#[tokio::test]
async fn a_tail_that_cannot_read_breaks_off_and_one_that_waits_goes_on_when_the_store_does() {
    let world = world(patient());
    let mut waiting = world.tail(Filter::default(), 0);
    // At the latest after the second one, the hub has begun.
    for id in 1..=2 {
        world.store.add("a", &records(1)).await;
        assert_eq!(waiting.next_ids(1).await, [id]);
        assert!(!waiting.read_what_is_there());
    }

    let scans = world.store.scans();
    world.store.fail(true);
    world.store.add("a", &records(1)).await;
    wait_until("the hub looks", PLENTY, async || (world.store.scans() > scans).then_some(())).await;
    let mut reading = world.tail(Filter::default(), 0);
    assert!(reading.chunks.next().await.unwrap().is_ok(), "the opening");
    assert!(reading.chunks.next().await.unwrap().is_err());
    assert!(reading.chunks.next().await.is_none());
    world.store.fail(false);

    assert_eq!(waiting.next_ids(1).await, [3]);
}

#[tokio::test]
async fn tails_of_two_tenants_that_listen_at_the_same_time_each_hear_their_own() {
    let world = world(patient());
    let mut tails = [world.tail_of("a", Filter::default(), 0), world.tail_of("b", Filter::default(), 0)];
    for round in 0..3 {
        let ids = [world.store.add("a", &records(1)).await, world.store.add("b", &records(1)).await];
        for (tail, id) in tails.iter_mut().zip(ids) {
            assert_eq!(tail.next_ids(1).await, [id], "round {round}");
        }
    }
    assert_eq!(world.tails.hubs_at_work(), 2);
}

#[tokio::test]
async fn the_newest_id_is_that_of_the_tenant() {
    let world = world(patient());
    let newest = async |of| newest_id(&*world.store, &tenant(of), Instant::now() + PLENTY).await.unwrap();
    assert_eq!(newest("a").await, 0);
    let id = world.store.add("a", &records(3)).await;
    world.store.add("b", &records(3)).await;
    assert_eq!(newest("a").await, id);
}

async fn last_id(store: &TestStore) -> i64 {
    newest_id(store, &tenant("a"), Instant::now() + PLENTY).await.unwrap()
}

async fn all_ids(store: &TestStore) -> Vec<i64> {
    let scan =
        store::Scan { after: 0, order: domain::Order::Ascending, limit: usize::MAX, max_bytes: usize::MAX };
    store.answer_in_pages_of(usize::MAX);
    let page = store.scan(&tenant("a"), &Filter::default(), &scan, Instant::now() + PLENTY).await.unwrap();
    page.records.iter().map(|record| record.id).collect()
}
