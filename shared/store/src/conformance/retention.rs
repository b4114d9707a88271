//! The rules that every store of retention rules keeps; `retention_conformance_tests!(new_store)` makes the tests.

use domain::limits::RETENTION_RULES_MAX;
use domain::{ByteSize, Keep, MaxAge, NewRetentionRule, RetentionRule, Timestamp};
use testkit::build::{NOON_MICROS, tenant};

use crate::{AddOutcome, RetentionStore};

/// Makes a test of every rule for the store of retention rules that `$new_store` opens.
#[macro_export]
macro_rules! retention_conformance_tests {
    ($new_store:path) => {
        $crate::retention_conformance_tests!($new_store:
            rules_are_kept_unchanged_and_listed_oldest_first,
            tenants_do_not_see_each_others_rules,
            a_removed_rule_is_gone_and_its_id_is_not_given_again,
            a_tenant_has_a_bounded_number_of_rules,
        );
    };
    ($new_store:path: $($rule:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (_guard, store) = $new_store().await;
                $crate::conformance::retention::$rule(&*store).await;
            }
        )+
    };
}

/// Returns a rule of a tenant that keeps 30 days and 50 GiB of a service with an odd name.
#[must_use]
pub fn a_rule(owner: &str, name: &str) -> NewRetentionRule {
    NewRetentionRule {
        name: name.to_owned(),
        tenant: tenant(owner),
        filter: "service=zahlung%20%C3%A4&q=%22a%20b%22".to_owned(),
        keep: Keep::new(MaxAge::parse("30d").ok(), ByteSize::parse("50GiB").ok()).unwrap(),
        created_at: Timestamp::saturating_from_micros(NOON_MICROS + 1),
    }
}

async fn add(store: &dyn RetentionStore, rule: NewRetentionRule) -> RetentionRule {
    match store.add(rule).await.unwrap() {
        AddOutcome::Added(added) => added,
        AddOutcome::LimitReached => panic!("there are few rules"),
    }
}

/// What was added is listed as it was, with either bound or both, oldest first.
pub async fn rules_are_kept_unchanged_and_listed_oldest_first(store: &dyn RetentionStore) {
    assert_eq!(store.list(&tenant("a")).await.unwrap(), []);
    assert_eq!(store.list_all().await.unwrap(), []);
    let both = a_rule("a", "both ü");
    let largest = ByteSize::from_bytes(i64::MAX.cast_unsigned()).unwrap();
    let by_size =
        NewRetentionRule { keep: Keep::new(None, Some(largest)).unwrap(), ..a_rule("a", "both ü") };
    let by_age = NewRetentionRule {
        keep: Keep::new(MaxAge::parse("1s").ok(), None).unwrap(),
        filter: String::new(),
        ..a_rule("a", "everything")
    };

    let mut added = Vec::new();
    for rule in [both, by_size, by_age] {
        let kept = add(store, rule.clone()).await;
        assert_eq!(kept.rule, rule);
        added.push(kept);
    }

    assert!(added.is_sorted_by_key(|rule| rule.id) && added[0].id > 0 && added[0].id < added[1].id);
    assert_eq!(store.list(&tenant("a")).await.unwrap(), added);
    assert_eq!(store.list_all().await.unwrap(), added);
}

/// A tenant lists and removes its own rules only; `list_all` has those of all, tenant by tenant.
pub async fn tenants_do_not_see_each_others_rules(store: &dyn RetentionStore) {
    let (first_of_b, of_a) = (add(store, a_rule("b", "1")).await, add(store, a_rule("a", "2")).await);
    let second_of_b = add(store, a_rule("b", "3")).await;

    assert!(!store.remove(&tenant("a"), first_of_b.id).await.unwrap());

    assert_eq!(store.list(&tenant("a")).await.unwrap(), std::slice::from_ref(&of_a));
    assert_eq!(store.list(&tenant("b")).await.unwrap(), [first_of_b.clone(), second_of_b.clone()]);
    assert_eq!(store.list_all().await.unwrap(), [of_a, first_of_b, second_of_b]);
    assert_eq!(store.list(&tenant("c")).await.unwrap(), []);
}

/// A removed rule is gone at once, and no later rule is taken for it.
pub async fn a_removed_rule_is_gone_and_its_id_is_not_given_again(store: &dyn RetentionStore) {
    let (kept, removed) = (add(store, a_rule("a", "kept")).await, add(store, a_rule("a", "removed")).await);

    assert!(store.remove(&tenant("a"), removed.id).await.unwrap());
    assert!(!store.remove(&tenant("a"), removed.id).await.unwrap());
    assert!(!store.remove(&tenant("a"), i64::MAX).await.unwrap());

    assert_eq!(store.list(&tenant("a")).await.unwrap(), std::slice::from_ref(&kept));
    let next = add(store, a_rule("a", "next")).await;
    assert!(next.id > removed.id, "{} after {}", next.id, removed.id);
}

/// One rule too many is not kept; another tenant has its own number, and a removed rule makes room.
pub async fn a_tenant_has_a_bounded_number_of_rules(store: &dyn RetentionStore) {
    let mut last_id = 0;
    for n in 0..RETENTION_RULES_MAX {
        last_id = add(store, a_rule("a", &n.to_string())).await.id;
    }

    assert_eq!(store.add(a_rule("a", "too many")).await.unwrap(), AddOutcome::LimitReached);
    assert_eq!(store.list(&tenant("a")).await.unwrap().len(), RETENTION_RULES_MAX);
    add(store, a_rule("b", "the first")).await;

    assert!(store.remove(&tenant("a"), last_id).await.unwrap());
    add(store, a_rule("a", "in its place")).await;
}
