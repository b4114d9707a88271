//! The rules that every store of the audit log keeps; `audit_conformance_tests!(new_store)` makes the tests.

use domain::{Caller, Timestamp};
use serde_json::{Map, json};
use testkit::build::{NOON_MICROS, tenant};

use crate::audit::{AuditAction, AuditStore, NewAuditEntry};

/// Makes a test of every rule for the audit log that `$new_store` opens.
#[macro_export]
macro_rules! audit_conformance_tests {
    ($new_store:path) => {
        $crate::audit_conformance_tests!($new_store:
            entries_are_kept_unchanged,
            entries_are_listed_newest_first_page_by_page,
            tenants_do_not_see_each_others_entries,
        );
    };
    ($new_store:path: $($rule:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (_guard, store) = $new_store().await;
                $crate::conformance::audit::$rule(&*store).await;
            }
        )+
    };
}

/// Returns an entry about a delete in a tenant's logs.
#[must_use]
pub fn an_entry(owner: &str, subject: &str) -> NewAuditEntry {
    NewAuditEntry {
        at: Timestamp::saturating_from_micros(NOON_MICROS + 7),
        tenant: tenant(owner),
        caller: Some(Caller::User("zoë".to_owned())),
        address: "2001:db8::7".parse().ok(),
        action: AuditAction::LogsDeleted,
        subject: subject.to_owned(),
        details: Map::from_iter([
            ("filter".to_owned(), json!("q=a b")),
            ("deleted".to_owned(), json!(u64::MAX)),
        ]),
    }
}

async fn add(store: &dyn AuditStore, entry: NewAuditEntry) -> i64 {
    store.append(entry).await.unwrap()
}

/// What was added is listed as it was, whatever is known of it.
pub async fn entries_are_kept_unchanged(store: &dyn AuditStore) {
    let known = an_entry("a", "ä \"b\"\n");
    let unknown = NewAuditEntry { caller: None, address: None, details: Map::new(), ..an_entry("a", "") };
    add(store, known.clone()).await;
    add(store, unknown).await;

    let listed = store.list(&tenant("a"), None, 10).await.unwrap();

    assert_eq!(listed.len(), 2);
    let (unknown_kept, kept) = (&listed[0], &listed[1]);
    assert_eq!((kept.at, &kept.subject, &kept.details), (known.at, &known.subject, &known.details));
    assert_eq!(kept.caller.as_deref(), Some("user:zoë"));
    assert_eq!(kept.address.as_deref(), Some("2001:db8::7"));
    assert_eq!(kept.action, "logs.deleted");
    assert_eq!((&unknown_kept.caller, &unknown_kept.address), (&None, &None));
    assert!(unknown_kept.details.is_empty());
}

/// A page ends where it was asked to, and the next one goes on behind its last entry.
pub async fn entries_are_listed_newest_first_page_by_page(store: &dyn AuditStore) {
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(add(store, an_entry("a", &number.to_string())).await);
    }
    let listed = async |before, limit| -> Vec<i64> {
        let entries = store.list(&tenant("a"), before, limit).await.unwrap();
        entries.iter().map(|entry| entry.id).collect()
    };

    assert_eq!(listed(None, 2).await, [ids[4], ids[3]]);
    assert_eq!(listed(Some(ids[3]), 9).await, [ids[2], ids[1], ids[0]]);
    assert!(listed(Some(ids[0]), 9).await.is_empty());
}

/// An entry is its tenant's.
pub async fn tenants_do_not_see_each_others_entries(store: &dyn AuditStore) {
    add(store, an_entry("a", "of a")).await;
    add(store, an_entry("b", "of b")).await;

    for (owner, subject) in [("a", "of a"), ("b", "of b")] {
        let listed = store.list(&tenant(owner), None, 10).await.unwrap();
        let subjects: Vec<_> = listed.iter().map(|entry| entry.subject.as_str()).collect();
        assert_eq!(subjects, [subject]);
    }
}
