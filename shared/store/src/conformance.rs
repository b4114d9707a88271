//! The suite that every engine passes: one function per rule of the contract, each on a fresh store.
//!
//! An engine's tests write `conformance_tests!(new_store)`, where `new_store` is an `async fn` that returns
//! a guard (a temporary directory, say) and an `Arc<dyn LogStore>`.

#![expect(clippy::unwrap_used, reason = "this is test code, compiled only with the feature `conformance`")]

pub mod audit;
mod counts;
pub mod keys;
mod record_keys;
pub mod retention;
mod scans;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use domain::condition::{Clause, Condition, TextField, TextTest};
use domain::limits::IDEMPOTENCY_KEPT_MICROS;
use domain::{Filter, LogRecord, Order, Page, PageStart, Severity, SeveritySet, TextMatch, TimeRange};
use testkit::RecordBuilder;
use testkit::build::{NOON_MICROS, batch, record, tenant};

use crate::{Append, Appended, CounterEntry, Idempotency, LogStore, StoreError};

pub use counts::{counts_are_per_bucket_service_and_severity, what_fits_is_told_by_arrival};
pub use record_keys::{
    a_record_key_belongs_to_one_tenant_and_to_one_record_whatever_it_says,
    a_record_key_is_forgotten_after_a_day, a_record_key_outlives_its_record,
    a_record_with_a_known_key_is_not_stored_again, of_equal_keys_in_a_batch_the_first_is_stored,
};
pub use scans::{a_commit_is_noticed_by_whoever_watches, a_scan_brings_every_record_in_the_order_of_ids};

/// Makes a test of every rule for the engine that `$new_store` opens.
#[macro_export]
macro_rules! conformance_tests {
    ($new_store:path) => {
        $crate::conformance_tests!($new_store:
            an_empty_store_answers_nothing,
            what_was_appended_is_found_at_once_and_unchanged,
            ids_are_consecutive_in_an_append_and_grow_in_commit_order,
            rows_are_ordered_by_timestamp_then_id,
            every_filter_selects_what_its_meaning_says,
            a_walk_by_cursor_sees_every_record_once_while_others_come_and_go,
            an_offset_skips_rows_in_order,
            tenants_do_not_see_each_other,
            counters_equal_a_recount_after_appends_and_deletes,
            the_last_timestamp_falls_back_when_the_newest_record_is_deleted,
            counts_are_per_bucket_service_and_severity,
            a_scan_brings_every_record_in_the_order_of_ids,
            a_commit_is_noticed_by_whoever_watches,
            what_fits_is_told_by_arrival,
            a_dry_run_counts_and_deletes_nothing,
            deleting_everything_leaves_nothing_and_frees_no_id,
            a_repeated_append_stores_nothing_and_returns_the_first_ids,
            an_idempotency_key_belongs_to_one_request_and_one_tenant,
            an_idempotency_key_is_forgotten_after_a_day,
            a_record_with_a_known_key_is_not_stored_again,
            of_equal_keys_in_a_batch_the_first_is_stored,
            a_record_key_belongs_to_one_tenant_and_to_one_record_whatever_it_says,
            a_record_key_is_forgotten_after_a_day,
            a_record_key_outlives_its_record,
            a_closed_store_refuses,
        );
    };
    ($new_store:path: $($rule:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (_guard, store) = $new_store().await;
                $crate::conformance::$rule(&*store).await;
            }
        )+
    };
}

/// Far enough away that only a hang meets it.
fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

async fn append(store: &dyn LogStore, owner: &str, records: &[RecordBuilder]) -> Appended {
    let append = Append { tenant: tenant(owner), batch: batch(records), idempotency: None };
    store.append(append).await.expect("a healthy store takes records")
}

async fn append_with_key(
    store: &dyn LogStore,
    owner: &str,
    records: &[RecordBuilder],
    key: &str,
    digest: u8,
) -> Result<Appended, StoreError> {
    let idempotency = Some(Idempotency { key: key.to_owned(), request_digest: [digest; 32] });
    store.append(Append { tenant: tenant(owner), batch: batch(records), idempotency }).await
}

async fn search(store: &dyn LogStore, owner: &str, filter: &Filter, page: Page) -> Vec<LogRecord> {
    let found = store.search(&tenant(owner), filter, &page, deadline()).await;
    let found = found.expect("a healthy store answers");
    assert!(found.complete);
    found.records
}

async fn all(store: &dyn LogStore, owner: &str) -> Vec<LogRecord> {
    search(store, owner, &Filter::default(), Page { limit: 1000, ..Page::default() }).await
}

fn messages(records: &[LogRecord]) -> Vec<&str> {
    records.iter().map(|r| r.message.as_str()).collect()
}

fn of_service(name: &str) -> Filter {
    Filter { services: Some(BTreeSet::from([name.to_owned()])), ..Filter::default() }
}

fn holds(text: TextMatch) -> Condition {
    Condition::Is(Clause::Text(TextField::Message, TextTest::Holds(text)))
}

fn before_second(seconds: i64) -> Filter {
    let timestamp = TimeRange { from: None, to: Some(NOON_MICROS + seconds * 1_000_000) };
    Filter { timestamp, ..Filter::default() }
}

/// An empty store answers nothing.
pub async fn an_empty_store_answers_nothing(store: &dyn LogStore) {
    let owner = tenant("a");
    assert_eq!(all(store, "a").await, []);
    assert_eq!(store.get(&owner, 1).await.unwrap(), None);
    assert_eq!(store.count(&owner, &Filter::default(), deadline()).await.unwrap(), 0);
    assert_eq!(store.counters(&owner).await.unwrap(), []);
    assert_eq!(store.delete(&owner, &Filter::default(), false).await.unwrap(), 0);
    store.check().await.expect("an empty store is a healthy one");
}

/// What was appended is found at once, byte for byte, by search and by id.
pub async fn what_was_appended_is_found_at_once_and_unchanged(store: &dyn LogStore) {
    let odd_texts =
        ["", " ", "\0", "line\nline\r\n", "ünï 支付 🦀", "' OR 1=1 --", "\u{7f}\u{1b}[31m", "a\"b\\c"];
    let odd_attributes =
        ["", "{}", r#"{"n":1e400,"s":"\u0000\ud83e\udd80"}"#, r#"{"a":{"b":[null,true,-0.0]}}"#];
    for (n, text) in odd_texts.iter().enumerate() {
        let sent =
            record(text).span(text, "00f0").host(text).attributes(odd_attributes[n % odd_attributes.len()]);
        let long = record(&text.repeat(30_000)).service("svc ä").severity("FATAL3").at(-5);
        let appended = append(store, "a", &[sent.clone(), long.clone()]).await;

        for (id, sent) in [(appended.first_id, &sent), (appended.last_id, &long)] {
            let stored =
                store.get(&tenant("a"), id).await.unwrap().expect("an appended record is found by id");
            assert_eq!(stored.as_record_ref(), sent.as_record_ref());
        }
        let found = all(store, "a").await;
        let found = found.iter().find(|r| r.id == appended.first_id).expect("and by search");
        assert_eq!(found.as_record_ref(), sent.as_record_ref());
    }
}

/// The ids of an append are consecutive, and larger than those of every append before it.
pub async fn ids_are_consecutive_in_an_append_and_grow_in_commit_order(store: &dyn LogStore) {
    let mut last_id = 0;
    for owner in ["a", "b", "a"] {
        let appended = append(store, owner, &[record("1"), record("2"), record("3")]).await;
        assert!(appended.first_id > last_id && appended.last_id == appended.first_id + 2, "{appended:?}");
        last_id = appended.last_id;
    }
    assert!(last_id < 1 << 53);
}

/// Rows are ordered by timestamp, whatever the order of arrival; rows of one time by id.
pub async fn rows_are_ordered_by_timestamp_then_id(store: &dyn LogStore) {
    append(store, "a", &[record("t5 first").at(5), record("t9").at(9), record("t5 second").at(5)]).await;
    append(store, "a", &[record("t7").at(7), record("t1").at(1)]).await;
    append(store, "a", &[record("t5 third").at(5)]).await;

    let newest_first = all(store, "a").await;
    let expected = ["t9", "t7", "t5 third", "t5 second", "t5 first", "t1"];
    assert_eq!(messages(&newest_first), expected);

    let page = Page { order: Order::Ascending, ..Page::default() };
    let oldest_first = search(store, "a", &Filter::default(), page).await;
    let reversed: Vec<_> = expected.into_iter().rev().collect();
    assert_eq!(messages(&oldest_first), reversed);

    let page = Page { limit: 2, ..Page::default() };
    assert_eq!(messages(&search(store, "a", &Filter::default(), page).await), expected[..2]);
}

/// Every part of a filter selects exactly the records that [`Filter::matches`] says, in search and count.
pub async fn every_filter_selects_what_its_meaning_says(store: &dyn LogStore) {
    let severities = ["trace", "debug", "info2", "warn", "error4", "fatal"];
    let services = ["auth", "pay"];
    let mut sent = Vec::new();
    for n in 0..24_i64 {
        let at = (n * 7) % 12;
        let severity = severities[(n % 6) as usize];
        sent.push(
            record(&format!("m{n}"))
                .at(at)
                .received(n)
                .severity(severity)
                .service(services[(n % 2) as usize]),
        );
    }
    for part in sent.chunks(5) {
        append(store, "a", part).await;
    }
    let warn = Severity::parse("warn").expect("a severity");
    let range = |from: i64, to: i64| TimeRange {
        from: Some(NOON_MICROS + from * 1_000_000),
        to: Some(NOON_MICROS + to * 1_000_000),
    };
    let phrase = |text| TextMatch::phrase(text).expect("a word");
    let filters = [
        Filter::default(),
        of_service("pay"),
        of_service("nobody"),
        Filter { severities: SeveritySet::band_of(warn), ..Filter::default() },
        Filter { severities: SeveritySet::at_least(warn), ..of_service("auth") },
        Filter { timestamp: range(3, 8), ..Filter::default() },
        Filter { timestamp: range(8, 3), ..Filter::default() },
        Filter { received_at: range(10, 15), ..Filter::default() },
        Filter { timestamp: range(2, 9), received_at: range(4, 20), ..of_service("pay") },
        Filter { condition: holds(phrase("M7")), ..Filter::default() },
        Filter {
            condition: Condition::All(vec![holds(phrase("m1")), holds(phrase("m11"))]),
            ..Filter::default()
        },
        Filter { condition: holds(TextMatch::part("1").expect("a part")), ..of_service("pay") },
    ];
    for filter in filters {
        let mut expected: Vec<&str> = Vec::new();
        let selected: Vec<_> = sent.iter().filter(|r| filter.matches(1, &r.as_record_ref())).collect();
        expected.extend(selected.iter().map(|r| r.as_record_ref().message));
        expected.sort_unstable();

        let found = search(store, "a", &filter, Page::default()).await;
        let mut found = messages(&found);
        found.sort_unstable();
        assert_eq!(found, expected, "{filter:?}");
        let count = store.count(&tenant("a"), &filter, deadline()).await.unwrap();
        assert_eq!(count, expected.len() as u64, "{filter:?}");
    }
}

/// A walk by cursor sees every record that is there all the time exactly once, in both orders.
pub async fn a_walk_by_cursor_sees_every_record_once_while_others_come_and_go(store: &dyn LogStore) {
    for (round, order) in [Order::Descending, Order::Ascending].into_iter().enumerate() {
        let owner = ["a", "b"][round];
        let stays: Vec<_> = (0..40).map(|n| record(&format!("stays {n}")).at(n / 4)).collect();
        let goes: Vec<_> = (0..10).map(|n| record("goes").service("goes").at(n)).collect();
        append(store, owner, &stays[..17]).await;
        append(store, owner, &goes).await;
        append(store, owner, &stays[17..]).await;

        let mut seen = Vec::new();
        let mut page = Page { limit: 3, order, start: PageStart::First };
        loop {
            let found = store.search(&tenant(owner), &Filter::default(), &page, deadline()).await.unwrap();
            seen.extend(found.records.into_iter().map(|r| r.message).filter(|m| m.starts_with("stays")));
            let Some(next) = found.next else { break };
            page.start = PageStart::After(next);
            if seen.len() == 9 {
                store.delete(&tenant(owner), &of_service("goes"), false).await.unwrap();
            }
            append(store, owner, &[record("comes").at(5)]).await;
        }

        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (40, 40), "{order:?}");
    }
}

/// An offset skips so many rows of the order, also more than there are.
pub async fn an_offset_skips_rows_in_order(store: &dyn LogStore) {
    let sent: Vec<_> = (0..9).map(|n| record(&format!("m{n}")).at(n)).collect();
    append(store, "a", &sent[4..]).await;
    append(store, "a", &sent[..4]).await;

    let expect =
        [(0, vec!["m8", "m7"]), (5, vec!["m3", "m2"]), (8, vec!["m0"]), (9, vec![]), (999_999, vec![])];
    for (offset, expected) in expect {
        let page = Page { limit: 2, start: PageStart::Offset(offset), ..Page::default() };
        assert_eq!(
            messages(&search(store, "a", &Filter::default(), page).await),
            expected,
            "offset {offset}"
        );
    }
}

/// No call of one tenant shows or touches a record of another.
pub async fn tenants_do_not_see_each_other(store: &dyn LogStore) {
    let mine = append(store, "a", &[record("mine")]).await;
    let theirs = append(store, "b", &[record("theirs"), record("theirs")]).await;

    assert_eq!(messages(&all(store, "a").await), ["mine"]);
    assert_eq!(store.get(&tenant("a"), theirs.first_id).await.unwrap(), None);
    assert_eq!(store.count(&tenant("a"), &Filter::default(), deadline()).await.unwrap(), 1);
    assert_eq!(store.counters(&tenant("a")).await.unwrap()[0].count, 1);
    assert_eq!(store.counters(&tenant("c")).await.unwrap(), []);
    assert_eq!(store.delete(&tenant("a"), &Filter::default(), false).await.unwrap(), 1);
    assert_eq!(store.get(&tenant("a"), mine.first_id).await.unwrap(), None);
    assert_eq!(messages(&all(store, "b").await), ["theirs", "theirs"]);
    assert_eq!(store.counters(&tenant("b")).await.unwrap()[0].count, 2);
}

/// Counters say what a count of the records says, after every append and delete.
pub async fn counters_equal_a_recount_after_appends_and_deletes(store: &dyn LogStore) {
    for n in 0..30_i64 {
        let severity = ["info", "warn", "error"][(n % 3) as usize];
        let service = ["auth", "pay"][(n % 2) as usize];
        let sent: Vec<_> =
            (0..=n % 4).map(|k| record("x").at(n + k).severity(severity).service(service)).collect();
        append(store, "a", &sent).await;
        if n % 5 == 4 {
            store
                .delete(
                    &tenant("a"),
                    &Filter { timestamp: before_second(n - 6).timestamp, ..of_service("pay") },
                    false,
                )
                .await
                .unwrap();
        }
        assert_eq!(store.counters(&tenant("a")).await.unwrap(), recount(&all(store, "a").await));
    }
}

/// Returns what the counters of these records have to be.
#[must_use]
pub fn recount(records: &[LogRecord]) -> Vec<CounterEntry> {
    let mut entries: BTreeMap<(&str, Severity), CounterEntry> = BTreeMap::new();
    for record in records {
        let fresh = || CounterEntry {
            service: record.service.clone(),
            severity: record.severity,
            count: 0,
            last_timestamp: record.timestamp,
        };
        let entry = entries.entry((&record.service, record.severity)).or_insert_with(fresh);
        entry.count += 1;
        entry.last_timestamp = entry.last_timestamp.max(record.timestamp);
    }
    entries.into_values().collect()
}

/// When a service's newest record is deleted, its last timestamp is that of the newest one left.
pub async fn the_last_timestamp_falls_back_when_the_newest_record_is_deleted(store: &dyn LogStore) {
    append(store, "a", &[record("old").at(1), record("new").at(9)]).await;
    append(store, "a", &[record("between").at(4)]).await;

    let newest = Filter {
        timestamp: TimeRange { from: Some(NOON_MICROS + 5_000_000), to: None },
        ..Filter::default()
    };
    assert_eq!(store.delete(&tenant("a"), &newest, false).await.unwrap(), 1);

    let counters = store.counters(&tenant("a")).await.unwrap();
    assert_eq!(counters.len(), 1);
    assert_eq!(counters[0].count, 2);
    assert_eq!(counters[0].last_timestamp.as_micros(), NOON_MICROS + 4_000_000);
}

/// A dry run returns the count and changes nothing; the delete then returns the same count.
pub async fn a_dry_run_counts_and_deletes_nothing(store: &dyn LogStore) {
    let sent: Vec<_> = (0..10).map(|n| record(&format!("m{n}")).at(n)).collect();
    append(store, "a", &sent).await;
    let before = all(store, "a").await;

    assert_eq!(store.delete(&tenant("a"), &before_second(4), true).await.unwrap(), 4);
    assert_eq!(all(store, "a").await, before);

    assert_eq!(store.delete(&tenant("a"), &before_second(4), false).await.unwrap(), 4);
    assert_eq!(all(store, "a").await, before[..6], "ids and contents of the others are as before");
    assert_eq!(store.delete(&tenant("a"), &before_second(4), false).await.unwrap(), 0);
    let last = before[5].id;
    assert!(store.get(&tenant("a"), last).await.unwrap().is_some());
    assert!(store.get(&tenant("a"), before[6].id).await.unwrap().is_none());
}

/// A delete without a filter empties the tenant's store; later ids are new ones all the same.
pub async fn deleting_everything_leaves_nothing_and_frees_no_id(store: &dyn LogStore) {
    let first = append(store, "a", &[record("1"), record("2")]).await;
    assert_eq!(store.delete(&tenant("a"), &Filter::default(), false).await.unwrap(), 2);
    assert_eq!(all(store, "a").await, []);
    assert_eq!(store.counters(&tenant("a")).await.unwrap(), []);

    let second = append(store, "a", &[record("3")]).await;
    assert!(second.first_id > first.last_id);
}

/// A repeat of an append stores nothing and returns the first ids.
pub async fn a_repeated_append_stores_nothing_and_returns_the_first_ids(store: &dyn LogStore) {
    let sent = [record("1"), record("2")];
    let first = append_with_key(store, "a", &sent, "k1", 1).await.unwrap();
    append(store, "a", &[record("between")]).await;
    let again = append_with_key(store, "a", &sent, "k1", 1).await.unwrap();
    let other_key = append_with_key(store, "a", &sent, "k2", 1).await.unwrap();

    assert_eq!(again, first);
    assert_ne!(other_key, first);
    assert_eq!(all(store, "a").await.len(), 5);
}

/// A key with another request is a conflict; the same key of another tenant is another key.
pub async fn an_idempotency_key_belongs_to_one_request_and_one_tenant(store: &dyn LogStore) {
    append_with_key(store, "a", &[record("1")], "k", 1).await.unwrap();

    let conflict = append_with_key(store, "a", &[record("2")], "k", 2).await;
    assert!(matches!(conflict, Err(StoreError::IdempotencyConflict)), "{conflict:?}");
    assert_eq!(messages(&all(store, "a").await), ["1"]);

    append_with_key(store, "b", &[record("2")], "k", 2).await.unwrap();
    assert_eq!(messages(&all(store, "b").await), ["2"]);
}

/// A day after the first append, its key may be used again.
pub async fn an_idempotency_key_is_forgotten_after_a_day(store: &dyn LogStore) {
    let day = IDEMPOTENCY_KEPT_MICROS / 1_000_000;
    append_with_key(store, "a", &[record("1").received(0)], "k", 1).await.unwrap();

    let early = append_with_key(store, "a", &[record("2").received(day - 1)], "k", 2).await;
    assert!(matches!(early, Err(StoreError::IdempotencyConflict)), "{early:?}");
    append_with_key(store, "a", &[record("2").received(day)], "k", 2).await.unwrap();
    assert_eq!(all(store, "a").await.len(), 2);
}

/// After `close` every call is refused.
pub async fn a_closed_store_refuses(store: &dyn LogStore) {
    append(store, "a", &[record("1")]).await;
    store.close().await.unwrap();

    let append = Append { tenant: tenant("a"), batch: batch(&[record("2")]), idempotency: None };
    assert!(matches!(store.append(append).await, Err(StoreError::Closed)));
    assert!(matches!(store.counters(&tenant("a")).await, Err(StoreError::Closed)));
    assert!(matches!(store.check().await, Err(StoreError::Closed)));
    let owner = tenant("a");
    let found = store.search(&owner, &Filter::default(), &Page::default(), deadline()).await;
    assert!(matches!(found, Err(StoreError::Closed)));
    assert!(matches!(store.get(&owner, 1).await, Err(StoreError::Closed)));
    assert!(matches!(store.count(&owner, &Filter::default(), deadline()).await, Err(StoreError::Closed)));
    assert!(matches!(store.delete(&owner, &Filter::default(), false).await, Err(StoreError::Closed)));
}
