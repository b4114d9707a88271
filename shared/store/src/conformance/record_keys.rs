//! The rules of records that have keys of their own.

use domain::Filter;
use domain::limits::IDEMPOTENCY_KEPT_MICROS;
use testkit::RecordBuilder;
use testkit::build::{batch, record, tenant};

use super::{all, append, messages};
use crate::{KeyedAppend, LogStore, RecordKey, RecordOutcome};

use RecordOutcome::{Repeat, Stored};

/// Appends records, each with the key of this name; empty: without one.
async fn append_keyed(
    store: &dyn LogStore,
    owner: &str,
    records: &[(RecordBuilder, &str)],
) -> Vec<RecordOutcome> {
    let key = |name: &str| (!name.is_empty()).then(|| RecordKey::of("index", name));
    let keys = records.iter().map(|(_, name)| key(name)).collect();
    let batch = batch(records.iter().map(|(record, _)| record));
    let append = KeyedAppend { tenant: tenant(owner), batch, keys };
    store.append_keyed(append).await.expect("a healthy store takes records")
}

/// A record whose key is known is not stored; the others of its batch are, with consecutive ids.
pub async fn a_record_with_a_known_key_is_not_stored_again(store: &dyn LogStore) {
    let first = append_keyed(store, "a", &[(record("1"), "k1"), (record("2"), "k2")]).await;
    let other = append(store, "a", &[record("3")]).await;
    let mixed = [
        (record("4"), "k4"),
        (record("2"), "k2"),
        (record("5"), ""),
        (record("1"), "k1"),
        (record("6"), "k6"),
        (record("5"), ""),
    ];
    let second = append_keyed(store, "a", &mixed).await;
    let again = append_keyed(store, "a", &[(record("1"), "k1"), (record("6"), "k6")]).await;

    let [Stored(id1), Stored(id2)] = first[..] else { panic!("{first:?}") };
    assert!(id2 == id1 + 1 && other.first_id > id2);
    let Stored(id4) = second[0] else { panic!("{second:?}") };
    assert!(id4 > other.last_id);
    let expected = [Stored(id4), Repeat(id2), Stored(id4 + 1), Repeat(id1), Stored(id4 + 2), Stored(id4 + 3)];
    assert_eq!(second, expected);
    assert_eq!(again, [Repeat(id1), Repeat(id4 + 2)]);
    let mut stored = all(store, "a").await;
    stored.sort_by_key(|record| record.id);
    assert_eq!(messages(&stored), ["1", "2", "3", "4", "5", "6", "5"]);
    assert_eq!(store.counters(&tenant("a")).await.unwrap()[0].count, 7);
}

/// Of equal keys in a batch the first record is stored, and the others get its id.
pub async fn of_equal_keys_in_a_batch_the_first_is_stored(store: &dyn LogStore) {
    let sent =
        [(record("first"), "k"), (record("second"), "k"), (record("other"), "o"), (record("third"), "k")];
    let outcomes = append_keyed(store, "a", &sent).await;

    let Stored(id) = outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(outcomes, [Stored(id), Repeat(id), Stored(id + 1), Repeat(id)]);
    assert_eq!(messages(&all(store, "a").await), ["other", "first"]);
}

/// A key is never a conflict: what comes later under it counts as stored, whatever it says. Another tenant's key is
/// another key.
pub async fn a_record_key_belongs_to_one_tenant_and_to_one_record_whatever_it_says(store: &dyn LogStore) {
    let first = append_keyed(store, "a", &[(record("1"), "k")]).await;
    let changed = append_keyed(store, "a", &[(record("changed"), "k")]).await;
    let theirs = append_keyed(store, "b", &[(record("theirs"), "k")]).await;

    assert_eq!(changed, [Repeat(first[0].id())]);
    assert!(matches!(theirs[..], [Stored(_)]), "{theirs:?}");
    assert_eq!(messages(&all(store, "a").await), ["1"]);
    assert_eq!(messages(&all(store, "b").await), ["theirs"]);
}

/// A day after its record arrived, a key may be used again; the day begins anew then.
pub async fn a_record_key_is_forgotten_after_a_day(store: &dyn LogStore) {
    let day = IDEMPOTENCY_KEPT_MICROS / 1_000_000;
    let sent = async |received| append_keyed(store, "a", &[(record("x").received(received), "k")]).await[0];

    let first = sent(0).await;
    assert_eq!(sent(day - 1).await, Repeat(first.id()));
    let second = sent(day).await;
    assert!(matches!(second, Stored(_)), "{second:?}");
    assert_eq!(sent(2 * day - 1).await, Repeat(second.id()));
    assert!(matches!(sent(2 * day).await, Stored(_)));
    assert_eq!(all(store, "a").await.len(), 3);
}

/// Whoever deletes a record does not want it back from a sender that repeats it.
pub async fn a_record_key_outlives_its_record(store: &dyn LogStore) {
    let first = append_keyed(store, "a", &[(record("1"), "k")]).await;
    assert_eq!(store.delete(&tenant("a"), &Filter::default(), false).await.unwrap(), 1);

    let again = append_keyed(store, "a", &[(record("1"), "k")]).await;

    assert_eq!(again, [Repeat(first[0].id())]);
    assert_eq!(all(store, "a").await, []);
}
