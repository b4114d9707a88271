//! Which keys are let in, and how often the store is asked. Also the store of keys that other tests use.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::{Caller, ScopeSet, Tenant, Timestamp};
use poem::http::StatusCode;
use store::keys::GeneratedKey;
use store::{InsertOutcome, KeyStoreError, NewKey, RotateOutcome, Rotation};

use super::*;

/// Keys in a map, and how often they were asked for.
#[derive(Default)]
pub(crate) struct FakeKeys {
    records: Mutex<HashMap<KeyDigest, KeyRecord>>,
    questions: AtomicUsize,
    uses: Mutex<Vec<(String, Timestamp)>>,
    broken: bool,
    closed: AtomicBool,
}

pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2025-04-01T12:00:00Z").unwrap()
    }
}

impl FakeKeys {
    pub(crate) fn add(&self, key: &str, scopes: &str) {
        self.add_until(key, scopes, None);
    }

    fn add_until(&self, key: &str, scopes: &str, expires_at: Option<&str>) {
        let principal = Principal {
            caller: Caller::Key(format!("id-of-{}", key.len())),
            tenant: Tenant::parse("default").unwrap(),
            scopes: ScopeSet::parse(scopes).unwrap(),
            service: None,
        };
        let record = KeyRecord {
            id: format!("id-of-{}", key.len()),
            name: "test".into(),
            principal,
            created_at: Timestamp::MIN,
            expires_at: expires_at.map(|at| Timestamp::parse(at).unwrap()),
            revoked_at: None,
            last_used_at: None,
            successor: None,
        };
        self.records.lock().unwrap().insert(KeyDigest::of(key), record);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn broken() -> Self {
        Self { broken: true, ..Self::default() }
    }

    pub(crate) fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    pub(crate) fn uses(&self) -> Vec<(String, Timestamp)> {
        self.uses.lock().unwrap().clone()
    }

    pub(crate) fn revoke_all(&self) {
        for record in self.records.lock().unwrap().values_mut() {
            record.revoked_at = Some(Timestamp::MIN);
        }
    }
}

#[async_trait]
impl KeyStore for FakeKeys {
    async fn insert(&self, _: NewKey) -> Result<InsertOutcome, KeyStoreError> {
        unreachable!("the tests insert directly")
    }

    async fn find(&self, digest: KeyDigest) -> Result<Option<KeyRecord>, KeyStoreError> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        if self.broken {
            return Err(KeyStoreError("broken".into()));
        }
        Ok(self.records.lock().unwrap().get(&digest).cloned())
    }

    async fn list(&self) -> Result<Vec<KeyRecord>, KeyStoreError> {
        unreachable!("nothing lists keys here")
    }

    async fn revoke(&self, _: &str, _: Timestamp) -> Result<bool, KeyStoreError> {
        unreachable!("the tests revoke directly")
    }

    async fn list_of(&self, _: &Tenant) -> Result<Vec<KeyRecord>, KeyStoreError> {
        unreachable!("nothing lists keys here")
    }

    async fn revoke_of(&self, _: &Tenant, _: &str, _: Timestamp) -> Result<bool, KeyStoreError> {
        unreachable!("the tests revoke directly")
    }

    async fn rotate(&self, _: Option<&Tenant>, _: &Rotation) -> Result<RotateOutcome, KeyStoreError> {
        unreachable!("nothing replaces keys here")
    }

    async fn note_used(&self, uses: &[(String, Timestamp)]) -> Result<(), KeyStoreError> {
        if self.broken {
            self.questions.fetch_add(1, Ordering::Relaxed);
            return Err(KeyStoreError("broken".into()));
        }
        self.uses.lock().unwrap().extend_from_slice(uses);
        Ok(())
    }

    async fn close(&self) -> Result<(), KeyStoreError> {
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn authenticator(keys: &Arc<FakeKeys>, remember_for: Duration, remember_at_most: usize) -> Authenticator {
    let options = AuthenticatorOptions { remember_for, remember_at_most, extra_header: None };
    Authenticator::new(Arc::clone(keys) as Arc<dyn KeyStore>, Arc::new(FixedClock), options)
}

fn request(key: &str) -> Request {
    Request::builder().header("X-API-Key", key).finish()
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_key_that_works_names_its_principal() {
    let keys = Arc::new(FakeKeys::default());
    keys.add_until("svc-reports-123", "ingest", Some("2025-04-01T12:00:01Z"));
    let principal = authenticator(&keys, LONG, 9).authenticate(&request("svc-reports-123")).await.unwrap();
    assert_eq!(principal.scopes.to_string(), "ingest");
}

#[tokio::test]
async fn unknown_expired_and_revoked_keys_get_the_same_answer() {
    let keys = Arc::new(FakeKeys::default());
    keys.add("revoked", "read");
    keys.revoke_all();
    keys.add_until("expired", "read", Some("2025-04-01T12:00:00Z"));
    let authenticator = authenticator(&keys, LONG, 9);

    let mut answers = Vec::new();
    for key in ["unknown", "expired", "revoked", "ls_mistyped"] {
        let problem = authenticator.authenticate(&request(key)).await.unwrap_err();
        answers.push((problem.status(), problem.code(), problem.detail().to_owned()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_mistyped_key_is_not_looked_up() {
    let keys = Arc::new(FakeKeys::default());
    let mut key = GeneratedKey::new(|bytes| bytes.fill(7)).text;
    key.pop();
    assert!(authenticator(&keys, LONG, 9).authenticate(&request(&key)).await.is_err());
    assert_eq!(keys.questions(), 0);
}

#[tokio::test]
async fn the_store_is_asked_once_while_its_answer_is_fresh() {
    let keys = Arc::new(FakeKeys::default());
    keys.add("K", "read");
    let mut authenticator = authenticator(&keys, LONG, 9);
    // Beyond what the options allow: a slow machine must not make the answer stale here.
    authenticator.options.remember_for = LONG;
    for _ in 0..5 {
        authenticator.authenticate(&request("K")).await.unwrap();
    }
    assert_eq!(keys.questions(), 1);
}

#[tokio::test]
async fn a_revoked_key_stops_working_when_the_answer_is_no_longer_fresh() {
    let keys = Arc::new(FakeKeys::default());
    keys.add("K", "read");
    let authenticator = authenticator(&keys, Duration::ZERO, 9);
    assert!(authenticator.authenticate(&request("K")).await.is_ok());
    keys.revoke_all();
    assert!(authenticator.authenticate(&request("K")).await.is_err());
}

#[test]
fn no_answer_is_used_for_longer_than_a_second() {
    let keys = Arc::new(FakeKeys::default());
    assert_eq!(authenticator(&keys, LONG, 9).options.remember_for, Duration::from_secs(1));
    assert!(AuthenticatorOptions::default().remember_for <= Duration::from_secs(1));
}

#[tokio::test]
async fn more_keys_than_can_be_remembered_still_work() {
    let keys = Arc::new(FakeKeys::default());
    let mut authenticator = authenticator(&keys, LONG, 2);
    authenticator.options.remember_for = LONG;
    for key in ["A", "B", "C", "D"] {
        keys.add(key, "read");
        assert!(authenticator.authenticate(&request(key)).await.is_ok(), "{key}");
    }
    assert_eq!(authenticator.known_keys.len(), 2);
}

#[tokio::test]
async fn guesses_take_no_room() {
    let keys = Arc::new(FakeKeys::default());
    let authenticator = authenticator(&keys, LONG, 9);
    assert!(authenticator.authenticate(&request("guess")).await.is_err());
    assert_eq!(authenticator.known_keys.len(), 0);
}

#[tokio::test]
async fn a_store_that_fails_is_not_the_clients_fault() {
    let keys = Arc::new(FakeKeys::broken());
    let problem = authenticator(&keys, LONG, 9).authenticate(&request("K")).await.unwrap_err();
    assert_eq!((problem.status().as_u16(), problem.code()), (503, "keys_unavailable"));
}

#[tokio::test]
async fn it_is_noted_that_a_key_is_used() {
    let keys = Arc::new(FakeKeys::default());
    keys.add("K", "read");
    let authenticator = authenticator(&keys, Duration::ZERO, 9);
    for _ in 0..3 {
        authenticator.authenticate(&request("K")).await.unwrap();
    }
    let plenty = Duration::from_secs(60);
    let uses = async || (!keys.uses().is_empty()).then(|| keys.uses());
    let uses = testkit::wait_until("it is noted", plenty, uses).await;
    assert_eq!(uses, [("id-of-1".to_owned(), FixedClock.now())]);
}
