//! The rules that every store of users keeps; `user_conformance_tests!(new_store)` makes the tests.

use domain::limits::{USER_SESSIONS_MAX, USERS_MAX};
use domain::{Role, Timestamp, UserName};
use testkit::build::{NOON_MICROS, tenant};

use crate::KeyDigest;
use crate::users::{
    AddUserOutcome, NewSession, PasswordHash, RemoveUserOutcome, SetUpOutcome, User, UserStore,
};

/// Makes a test of every rule for the users that `$new_store` opens.
#[macro_export]
macro_rules! user_conformance_tests {
    ($new_store:path) => {
        $crate::user_conformance_tests!($new_store:
            users_are_kept_unchanged_and_listed_by_name,
            a_name_is_given_once_in_the_installation,
            a_tenant_has_only_so_many_users,
            the_last_admin_of_a_tenant_stays,
            a_removed_user_has_no_session_any_more,
            a_new_password_ends_all_sessions_but_one,
            a_session_begins_only_with_the_password_that_it_was_asked_for_with,
            a_session_ends_when_it_is_told_to,
            sessions_whose_time_is_over_and_the_oldest_of_too_many_are_forgotten,
            a_set_up_token_makes_one_user_and_only_the_newest_does,
            a_set_up_token_for_the_first_user_is_useless_when_there_is_one,
        );
    };
    ($new_store:path: $($rule:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (_guard, store) = $new_store().await;
                $crate::conformance::users::$rule(&*store).await;
            }
        )+
    };
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::saturating_from_micros(NOON_MICROS + seconds * 1_000_000)
}

fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

/// Returns a user of a tenant, made at noon.
#[must_use]
pub fn a_user(owner: &str, user: &str, role: Role) -> User {
    User {
        name: name(user),
        tenant: tenant(owner),
        role,
        password_hash: PasswordHash(format!("$hash$of${user}")),
        created_at: at(0),
        password_changed_at: at(0),
    }
}

/// Returns a session of a user that begins at a second after noon and lasts for an hour.
#[must_use]
pub fn a_session(user: &User, token: &str, begins: i64) -> NewSession {
    NewSession {
        digest: KeyDigest::of(token),
        user: user.name.clone(),
        password_changed_at: user.password_changed_at,
        created_at: at(begins),
        expires_at: at(begins + 3600),
    }
}

async fn add(store: &dyn UserStore, owner: &str, user: &str, role: Role) -> User {
    let user = a_user(owner, user, role);
    assert_eq!(store.add(user.clone()).await.unwrap(), AddUserOutcome::Added);
    user
}

async fn begin(store: &dyn UserStore, user: &User, token: &str, begins: i64) -> bool {
    store.begin_session(a_session(user, token, begins)).await.unwrap()
}

async fn has_session(store: &dyn UserStore, token: &str) -> bool {
    store.find_session(KeyDigest::of(token)).await.unwrap().is_some()
}

/// What was added is found and listed as it was.
pub async fn users_are_kept_unchanged_and_listed_by_name(store: &dyn UserStore) {
    let zoe = add(store, "a", "zoe", Role::Viewer).await;
    let ann = add(store, "a", "ann@x.org", Role::Admin).await;
    let bob = add(store, "b", "bob", Role::Editor).await;

    assert_eq!(store.find(&zoe.name).await.unwrap().as_ref(), Some(&zoe));
    assert_eq!(store.find(&name("nobody")).await.unwrap(), None);
    assert_eq!(store.list(&tenant("a")).await.unwrap(), [ann.clone(), zoe.clone()]);
    assert_eq!(store.list_all().await.unwrap(), [ann, bob, zoe]);
}

/// A name that another tenant's user has is taken.
pub async fn a_name_is_given_once_in_the_installation(store: &dyn UserStore) {
    let first = add(store, "a", "ann", Role::Viewer).await;

    for owner in ["a", "b"] {
        let again = store.add(a_user(owner, "ann", Role::Admin)).await.unwrap();
        assert_eq!(again, AddUserOutcome::NameTaken);
    }

    assert_eq!(store.list_all().await.unwrap(), [first]);
}

/// One user too many is refused; other tenants have room.
pub async fn a_tenant_has_only_so_many_users(store: &dyn UserStore) {
    for number in 0..USERS_MAX {
        add(store, "a", &format!("u{number}"), Role::Viewer).await;
    }
    let further = store.add(a_user("a", "further", Role::Viewer)).await.unwrap();
    assert_eq!(further, AddUserOutcome::LimitReached);
    add(store, "b", "other", Role::Viewer).await;
}

/// Somebody can always keep the users.
pub async fn the_last_admin_of_a_tenant_stays(store: &dyn UserStore) {
    let first = add(store, "a", "first", Role::Admin).await.name;
    let second = add(store, "a", "second", Role::Admin).await.name;
    let viewer = add(store, "a", "viewer", Role::Viewer).await.name;
    add(store, "b", "other", Role::Admin).await;
    let remove = async |owner, name| store.remove(&tenant(owner), name).await.unwrap();

    assert_eq!(remove("b", &first).await, RemoveUserOutcome::NotFound);
    assert_eq!(remove("a", &first).await, RemoveUserOutcome::Removed);
    assert_eq!(remove("a", &first).await, RemoveUserOutcome::NotFound);
    assert_eq!(remove("a", &second).await, RemoveUserOutcome::LastAdmin);
    assert_eq!(remove("a", &viewer).await, RemoveUserOutcome::Removed);
    assert!(store.find(&second).await.unwrap().is_some());
}

/// Sessions end with their user, also for a new user of the same name.
pub async fn a_removed_user_has_no_session_any_more(store: &dyn UserStore) {
    let ann = add(store, "a", "ann", Role::Viewer).await;
    let bob = add(store, "a", "bob", Role::Viewer).await;
    assert!(begin(store, &ann, "of ann", 1).await && begin(store, &bob, "of bob", 1).await);

    store.remove(&tenant("a"), &ann.name).await.unwrap();

    assert!(!has_session(store, "of ann").await && has_session(store, "of bob").await);
    assert!(!begin(store, &ann, "later", 2).await, "there is no such user");
    add(store, "a", "ann", Role::Admin).await;
    assert!(!has_session(store, "of ann").await);
}

/// Whoever knows the old password, or stole a session, is out.
pub async fn a_new_password_ends_all_sessions_but_one(store: &dyn UserStore) {
    let ann = add(store, "a", "ann", Role::Viewer).await;
    let bob = add(store, "a", "bob", Role::Viewer).await;
    for (user, token) in [(&ann, "mine"), (&ann, "stolen"), (&bob, "of bob")] {
        assert!(begin(store, user, token, 1).await);
    }
    let hash = PasswordHash("$new".to_owned());

    let kept = Some(KeyDigest::of("mine"));
    assert!(store.set_password(&ann, hash.clone(), at(9), kept).await.unwrap());

    assert!(has_session(store, "mine").await && has_session(store, "of bob").await);
    assert!(!has_session(store, "stolen").await);
    let found = store.find(&ann.name).await.unwrap().unwrap();
    assert_eq!((&found.password_hash, found.password_changed_at), (&hash, at(9)));
    let newest = PasswordHash("$newest".to_owned());
    assert!(!store.set_password(&ann, newest.clone(), at(10), None).await.unwrap(), "changed meanwhile");
    assert!(has_session(store, "mine").await);
    assert!(store.set_password(&found, newest, at(10), None).await.unwrap());
    assert!(!has_session(store, "mine").await);
    let nobody = User { name: name("nobody"), ..found };
    assert!(!store.set_password(&nobody, hash, at(11), None).await.unwrap());
}

/// A password that was changed while it was compared begins no session.
pub async fn a_session_begins_only_with_the_password_that_it_was_asked_for_with(store: &dyn UserStore) {
    let ann = add(store, "a", "ann", Role::Viewer).await;
    store.set_password(&ann, PasswordHash("$new".to_owned()), at(5), None).await.unwrap();

    assert!(!begin(store, &ann, "late", 6).await);
    assert!(!has_session(store, "late").await);
    let ann = store.find(&ann.name).await.unwrap().unwrap();
    assert!(begin(store, &ann, "new", 6).await);
    let session = store.find_session(KeyDigest::of("new")).await.unwrap().unwrap();
    assert_eq!((session.user, session.expires_at), (ann, at(3606)));
}

/// A link for the first user makes no second one; a link that was made while there were users does.
pub async fn a_set_up_token_for_the_first_user_is_useless_when_there_is_one(store: &dyn UserStore) {
    let (first, later) = (KeyDigest::of("first"), KeyDigest::of("later"));
    store.put_set_up_token(first, at(10)).await.unwrap();
    add(store, "a", "ann", Role::Admin).await;

    assert!(!store.has_set_up_token(first, at(1)).await.unwrap());
    let bob = a_user("a", "bob", Role::Admin);
    assert_eq!(store.use_set_up_token(first, bob.clone()).await.unwrap(), SetUpOutcome::TokenUnknown);
    store.put_set_up_token(later, at(10)).await.unwrap();
    add(store, "a", "carl", Role::Viewer).await;
    assert_eq!(store.use_set_up_token(later, bob).await.unwrap(), SetUpOutcome::Done);
}

/// A session that was ended is not there any more, and others are.
pub async fn a_session_ends_when_it_is_told_to(store: &dyn UserStore) {
    let ann = add(store, "a", "ann", Role::Viewer).await;
    assert!(begin(store, &ann, "one", 1).await && begin(store, &ann, "two", 1).await);

    assert!(store.end_session(KeyDigest::of("one")).await.unwrap());
    assert!(!store.end_session(KeyDigest::of("one")).await.unwrap());
    assert!(!has_session(store, "one").await && has_session(store, "two").await);
}

/// Sessions do not pile up.
pub async fn sessions_whose_time_is_over_and_the_oldest_of_too_many_are_forgotten(store: &dyn UserStore) {
    let ann = add(store, "a", "ann", Role::Viewer).await;
    let bob = add(store, "a", "bob", Role::Viewer).await;
    assert!(begin(store, &bob, "over", 0).await && begin(store, &bob, "of bob", 1).await);
    for number in 0..=USER_SESSIONS_MAX {
        assert!(begin(store, &ann, &format!("{number}"), 3600 + i64::try_from(number).unwrap() / 50).await);
    }

    assert!(!has_session(store, "over").await && has_session(store, "1").await);
    assert!(!has_session(store, "0").await, "the oldest of too many");
    assert!(has_session(store, &USER_SESSIONS_MAX.to_string()).await);
}

/// A set-up token works once, until its time is over, and only the newest one does.
pub async fn a_set_up_token_makes_one_user_and_only_the_newest_does(store: &dyn UserStore) {
    let [old, new] = ["old", "new"].map(KeyDigest::of);
    let put = async |token| store.put_set_up_token(token, at(10)).await.unwrap();
    let user = |user, seconds| User { created_at: at(seconds), ..a_user("a", user, Role::Admin) };
    let set_up = async |token, user| store.use_set_up_token(token, user).await.unwrap();
    let taken = add(store, "b", "taken", Role::Viewer).await;
    assert_eq!(set_up(old, user("first", 1)).await, SetUpOutcome::TokenUnknown);
    put(old).await;
    put(new).await;

    let works = async |token, seconds| store.has_set_up_token(token, at(seconds)).await.unwrap();
    assert_eq!([works(old, 1).await, works(new, 1).await, works(new, 10).await], [false, true, false]);
    assert_eq!(set_up(old, user("first", 1)).await, SetUpOutcome::TokenUnknown);
    assert_eq!(set_up(new, user("first", 10)).await, SetUpOutcome::TokenUnknown, "its time is over");
    assert_eq!(set_up(new, user("taken", 1)).await, SetUpOutcome::NameTaken);
    assert_eq!(set_up(new, user("first", 1)).await, SetUpOutcome::Done);
    assert_eq!(set_up(new, user("second", 1)).await, SetUpOutcome::TokenUnknown);

    assert!(!works(new, 1).await);
    assert_eq!(store.list_all().await.unwrap(), [user("first", 1), taken]);
}
