//! The rules that every store of keys keeps; `key_conformance_tests!(new_store)` makes the tests.

use domain::limits::KEYS_MAX;
use domain::{Caller, ScopeSet, ServiceName, Timestamp};
use testkit::build::{NOON_MICROS, tenant};

use crate::keys::rotation::Overlap;
use crate::{
    InsertOutcome, KeyDigest, KeyRecord, KeyState, KeyStore, NewKey, RotateOutcome, Rotated, Rotation,
};

const HOUR: i64 = 3600 * 1_000_000;

/// Makes a test of every rule for the store of keys that `$new_store` opens.
#[macro_export]
macro_rules! key_conformance_tests {
    ($new_store:path) => {
        $crate::key_conformance_tests!($new_store:
            a_key_is_kept_unchanged_and_found_by_its_digest,
            a_key_that_is_there_is_left_as_it_is,
            a_tenant_lists_and_revokes_its_own_keys_only,
            a_revoked_key_stays_revoked,
            a_successor_may_do_the_same_and_lives_as_long,
            a_key_with_a_successor_works_until_the_overlap_ends,
            only_a_key_that_works_and_has_no_successor_is_replaced,
            a_tenant_has_a_bounded_number_of_keys_that_work,
            the_last_use_only_moves_on,
        );
    };
    ($new_store:path: $($rule:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (_guard, store) = $new_store().await;
                $crate::conformance::keys::$rule(&*store).await;
            }
        )+
    };
}

/// Returns so many hours after noon.
fn hour(hours: i64) -> Timestamp {
    Timestamp::saturating_from_micros(NOON_MICROS + hours * HOUR)
}

/// Returns a key of a tenant, made at noon, whose text is its id.
#[must_use]
pub fn a_key(owner: &str, id: &str) -> NewKey {
    NewKey {
        id: id.to_owned(),
        digest: KeyDigest::of(id),
        name: format!("name of {id} ü"),
        tenant: tenant(owner),
        scopes: ScopeSet::parse("ingest,alerts").unwrap(),
        service: Some(ServiceName::parse("zahlung ä").unwrap()),
        created_at: hour(0),
        expires_at: None,
    }
}

/// Returns the replacement of a key, after so many hours.
#[must_use]
pub fn a_rotation(id: &str, successor: &str, after_hours: i64, overlap: &str) -> Rotation {
    Rotation {
        id: id.to_owned(),
        successor_id: successor.to_owned(),
        successor_digest: KeyDigest::of(successor),
        at: hour(after_hours),
        overlap: overlap.parse::<Overlap>().unwrap(),
    }
}

async fn insert(store: &dyn KeyStore, key: NewKey) {
    assert_eq!(store.insert(key).await.unwrap(), InsertOutcome::Inserted);
}

async fn found(store: &dyn KeyStore, id: &str) -> KeyRecord {
    store.find(KeyDigest::of(id)).await.unwrap().expect("the key is kept")
}

async fn rotated(store: &dyn KeyStore, rotation: &Rotation) -> Rotated {
    match store.rotate(None, rotation).await.unwrap() {
        RotateOutcome::Rotated(rotated) => *rotated,
        refused => panic!("{refused:?}"),
    }
}

fn ids(keys: &[KeyRecord]) -> Vec<&str> {
    keys.iter().map(|key| key.id.as_str()).collect()
}

/// What was kept is found and listed as it was.
pub async fn a_key_is_kept_unchanged_and_found_by_its_digest(store: &dyn KeyStore) {
    let key = NewKey { expires_at: Some(hour(7)), ..a_key("a", "one") };
    insert(store, key.clone()).await;
    insert(store, NewKey { service: None, ..a_key("a", "two") }).await;

    let kept = found(store, "one").await;
    assert_eq!(kept, key.into_record());
    assert_eq!(kept.principal.caller, Caller::Key("one".to_owned()));
    assert_eq!(found(store, "two").await.principal.service, None);
    assert_eq!(store.list().await.unwrap()[0], kept);
    assert!(store.find(KeyDigest::of("three")).await.unwrap().is_none());
}

/// A key whose id or digest is known is not kept, and changes nothing.
pub async fn a_key_that_is_there_is_left_as_it_is(store: &dyn KeyStore) {
    insert(store, a_key("a", "one")).await;
    let before = store.list().await.unwrap();
    let same_id = NewKey { digest: KeyDigest::of("other"), ..a_key("b", "one") };
    let same_digest = NewKey { digest: KeyDigest::of("one"), ..a_key("b", "two") };

    for key in [same_id, same_digest] {
        assert_eq!(store.insert(key).await.unwrap(), InsertOutcome::AlreadyThere);
    }

    assert_eq!(store.list().await.unwrap(), before);
}

/// What a tenant does reaches no other tenant's keys; the machine's owner reaches all.
pub async fn a_tenant_lists_and_revokes_its_own_keys_only(store: &dyn KeyStore) {
    insert(store, a_key("b", "of-b")).await;
    insert(store, NewKey { created_at: hour(1), ..a_key("a", "later-of-a") }).await;
    insert(store, a_key("a", "of-a")).await;

    assert_eq!(ids(&store.list().await.unwrap()), ["of-a", "of-b", "later-of-a"]);
    assert_eq!(ids(&store.list_of(&tenant("a")).await.unwrap()), ["of-a", "later-of-a"]);
    assert!(store.list_of(&tenant("c")).await.unwrap().is_empty());
    assert!(!store.revoke_of(&tenant("a"), "of-b", hour(2)).await.unwrap());
    assert_eq!(
        store.rotate(Some(&tenant("a")), &a_rotation("of-b", "new", 2, "0s")).await.unwrap(),
        RotateOutcome::NotWorking
    );
    assert_eq!(found(store, "of-b").await.state_at(hour(3)), KeyState::Works);

    assert!(store.revoke_of(&tenant("b"), "of-b", hour(2)).await.unwrap());
    assert!(store.revoke("of-a", hour(2)).await.unwrap());
    assert_eq!(found(store, "of-b").await.revoked_at, Some(hour(2)));
    assert_eq!(found(store, "of-a").await.revoked_at, Some(hour(2)));
    assert_eq!(found(store, "later-of-a").await.revoked_at, None);
}

/// A revoked key is not revoked again, and is not brought back by keeping it once more.
pub async fn a_revoked_key_stays_revoked(store: &dyn KeyStore) {
    insert(store, a_key("a", "one")).await;
    assert!(store.revoke("one", hour(1)).await.unwrap());

    assert!(!store.revoke("one", hour(2)).await.unwrap());
    assert!(!store.revoke_of(&tenant("a"), "one", hour(2)).await.unwrap());
    assert!(!store.revoke("unknown", hour(2)).await.unwrap());
    assert_eq!(store.insert(a_key("a", "one")).await.unwrap(), InsertOutcome::AlreadyThere);

    let kept = found(store, "one").await;
    assert_eq!((kept.state_at(hour(3)), kept.revoked_at), (KeyState::Revoked, Some(hour(1))));
}

/// A successor is the same key with another text; its life begins anew and is as long.
pub async fn a_successor_may_do_the_same_and_lives_as_long(store: &dyn KeyStore) {
    insert(store, NewKey { expires_at: Some(hour(100)), ..a_key("a", "one") }).await;
    insert(store, a_key("a", "for-ever")).await;

    let Rotated { replaced, successor } = rotated(store, &a_rotation("one", "two", 10, "24h")).await;
    let for_ever = rotated(store, &a_rotation("for-ever", "next", 10, "24h")).await.successor;

    let expected = NewKey { created_at: hour(10), expires_at: Some(hour(110)), ..a_key("a", "two") };
    assert_eq!(successor, NewKey { name: "name of one ü".to_owned(), ..expected }.into_record());
    assert_eq!(for_ever.expires_at, None);
    assert_eq!((found(store, "two").await, found(store, "one").await), (successor, replaced));
}

/// A replaced key works until its overlap ends, or its own time does if that is earlier.
pub async fn a_key_with_a_successor_works_until_the_overlap_ends(store: &dyn KeyStore) {
    for (id, expires_at, overlap, end) in [
        ("for-ever", None, "24h", hour(25)),
        ("long", Some(hour(90)), "24h", hour(25)),
        ("short", Some(hour(3)), "24h", hour(3)),
        ("at-once", None, "0s", hour(1)),
    ] {
        insert(store, NewKey { expires_at, ..a_key("a", id) }).await;
        let successor = format!("{id}-2");
        let rotated = rotated(store, &a_rotation(id, &successor, 1, overlap)).await;

        assert_eq!(rotated.replaced.expires_at, Some(end), "{id}");
        assert_eq!(rotated.replaced.successor, Some(successor), "{id}");
        assert_eq!(found(store, id).await, rotated.replaced, "{id}");
    }
}

/// What does not work is not replaced, nor what is replaced already: the next rotation is the successor's.
pub async fn only_a_key_that_works_and_has_no_successor_is_replaced(store: &dyn KeyStore) {
    insert(store, a_key("a", "revoked")).await;
    store.revoke("revoked", hour(0)).await.unwrap();
    insert(store, NewKey { expires_at: Some(hour(1)), ..a_key("a", "expired") }).await;
    insert(store, a_key("a", "one")).await;
    rotated(store, &a_rotation("one", "two", 1, "24h")).await;
    let before = store.list().await.unwrap();

    for (id, refused) in [
        ("unknown", RotateOutcome::NotWorking),
        ("revoked", RotateOutcome::NotWorking),
        ("expired", RotateOutcome::NotWorking),
        ("one", RotateOutcome::AlreadyRotated),
    ] {
        let outcome = store.rotate(None, &a_rotation(id, "three", 1, "24h")).await.unwrap();
        assert_eq!(outcome, refused, "{id}");
    }

    assert_eq!(store.list().await.unwrap(), before);
    rotated(store, &a_rotation("two", "three", 2, "24h")).await;
}

/// One key too many is not kept; keys that no longer work do not count, and other tenants have a number of their own.
pub async fn a_tenant_has_a_bounded_number_of_keys_that_work(store: &dyn KeyStore) {
    insert(store, NewKey { expires_at: Some(hour(0)), ..a_key("a", "expired") }).await;
    for number in 0..KEYS_MAX {
        insert(store, a_key("a", &number.to_string())).await;
    }

    assert_eq!(store.insert(a_key("a", "more")).await.unwrap(), InsertOutcome::LimitReached);
    let beside = store.rotate(None, &a_rotation("1", "beside", 0, "1h")).await.unwrap();
    assert_eq!(beside, RotateOutcome::LimitReached);
    assert_eq!(found(store, "1").await, a_key("a", "1").into_record());
    rotated(store, &a_rotation("1", "instead", 0, "0s")).await;
    insert(store, a_key("b", "the first")).await;

    store.revoke("2", hour(0)).await.unwrap();
    insert(store, a_key("a", "in its place")).await;
    assert_eq!(store.list_of(&tenant("a")).await.unwrap().len(), KEYS_MAX + 3);
}

/// Uses are noted in any order, and of keys that are not there without an error.
pub async fn the_last_use_only_moves_on(store: &dyn KeyStore) {
    insert(store, a_key("a", "one")).await;
    insert(store, a_key("a", "two")).await;
    let used = |id: &str, hours| (id.to_owned(), hour(hours));

    store.note_used(&[used("one", 2), used("unknown", 2)]).await.unwrap();
    store.note_used(&[used("one", 1)]).await.unwrap();
    assert_eq!(found(store, "one").await.last_used_at, Some(hour(2)));
    store.note_used(&[used("one", 3), used("two", 1)]).await.unwrap();
    store.note_used(&[]).await.unwrap();

    assert_eq!(found(store, "one").await.last_used_at, Some(hour(3)));
    assert_eq!(found(store, "two").await.last_used_at, Some(hour(1)));
}
