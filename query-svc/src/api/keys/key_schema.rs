//! How API keys look in answers.

use domain::{Scope, ServiceName, Timestamp};
use poem_openapi::{Enum, Object};
use store::{KeyRecord, KeyState};

/// An API key, without its text.
#[derive(Default, Object)]
#[oai(rename = "ApiKey", read_only_all)]
pub(super) struct KeySchema {
    /// Unique, and no secret: it stands in the key behind `ls_`, and in logs.
    id: String,
    /// What its owner calls it.
    name: String,
    /// What it may be used for: `ingest`, `read`, `delete`, `alerts`, `admin`.
    scopes: Vec<String>,
    /// The one service that it may send logs of; null: any.
    service: Option<String>,
    /// When it was made: RFC 3339, UTC.
    created_at: String,
    /// When it stops working: RFC 3339, UTC. Null: never.
    expires_at: Option<String>,
    /// When it was last used, to a minute: RFC 3339, UTC. Null: never.
    last_used_at: Option<String>,
    /// Whether it works.
    state: StateSchema,
}

/// An API key that was just made.
#[derive(Default, Object)]
#[oai(rename = "NewApiKey", read_only_all)]
pub(super) struct NewKeySchema {
    /// The key, as a client sends it. It is shown only here.
    key: String,
    /// What is kept of it.
    #[oai(flatten)]
    kept: KeySchema,
}

/// Whether an API key works.
#[derive(Default, Enum)]
#[oai(rename = "ApiKeyState", rename_all = "lowercase")]
enum StateSchema {
    #[default]
    Works,
    Expired,
    Revoked,
}

impl KeySchema {
    /// Describes a key as it is at `now`.
    pub(super) fn new(key: KeyRecord, now: Timestamp) -> Self {
        let state = match key.state_at(now) {
            KeyState::Works => StateSchema::Works,
            KeyState::Expired => StateSchema::Expired,
            KeyState::Revoked => StateSchema::Revoked,
        };
        let scopes = Scope::ALL.into_iter().filter(|scope| key.principal.scopes.contains(*scope));
        Self {
            id: key.id,
            name: key.name,
            scopes: scopes.map(|scope| scope.name().to_owned()).collect(),
            service: key.principal.service.as_ref().map(ServiceName::to_string),
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.map(|at| at.to_string()),
            last_used_at: key.last_used_at.map(|at| at.to_string()),
            state,
        }
    }
}

impl NewKeySchema {
    /// Describes a key that was made at `now`, with its text.
    pub(super) fn new(text: String, key: KeyRecord, now: Timestamp) -> Self {
        Self { key: text, kept: KeySchema::new(key, now) }
    }
}
