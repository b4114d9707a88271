//! Noting in the audit log what was done by requests.

use std::error::Error as StdError;
use std::net::IpAddr;

use domain::{Caller, Principal, Tenant};
use poem::Request;
use sentinel_http::{Problem, client_address};
use serde_json::{Map, Value};
use store::{AuditAction, By, NewAuditEntry, NotedKeys, StoreError, User};

use super::Context;

/// More about what was done, by name.
pub(super) type Details<const N: usize> = [(&'static str, Value); N];

/// Something to note.
pub(super) struct Note {
    /// Whose installation it is done to.
    tenant: Tenant,
    /// Who does it, if that is known.
    caller: Option<Caller>,
    /// What is done.
    action: AuditAction,
    /// What it is done to; may be empty.
    subject: String,
    /// More about it.
    details: Map<String, Value>,
}

impl Note {
    /// Says that a caller does something in his own tenant.
    pub(super) fn by(key: &Principal, action: AuditAction, subject: impl Into<String>) -> Self {
        let (tenant, caller) = (key.tenant.clone(), Some(key.caller.clone()));
        Self { tenant, caller, action, subject: subject.into(), details: Map::new() }
    }

    /// Says that somebody who is not known tries something.
    pub(super) fn by_nobody(tenant: Tenant, action: AuditAction, subject: String) -> Self {
        Self { tenant, caller: None, action, subject, details: Map::new() }
    }

    /// Says that a user does something to himself.
    pub(super) fn by_user(user: &User, action: AuditAction) -> Self {
        Self::by(&user.principal(), action, user.name.to_string())
    }

    /// Adds more about it.
    pub(super) fn with<const N: usize>(self, details: Details<N>) -> Self {
        let details = details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { details, ..self }
    }
}

impl Context {
    /// Notes what is about to be done.
    ///
    /// # Errors
    /// A 5xx: then it is not to be done.
    pub(super) async fn note(&self, request: &Request, note: Note) -> Result<(), Problem> {
        let noted = self.audit.append(self.entry(client_address(request), note)).await;
        noted.map(drop).map_err(|error| match error {
            StoreError::Full(_) => error.into(),
            error => store::NotedKeysError::Audit(error).into(),
        })
    }

    /// Notes what is done already, and cannot be taken back. If that fails, it stands in the service's log.
    pub(super) async fn note_done(&self, address: Option<IpAddr>, note: Note) {
        let entry = self.entry(address, note);
        let (tenant, action) = (entry.tenant.clone(), entry.action.name());
        let caller = entry.caller.as_ref().map(Caller::to_string);
        if let Err(error) = self.audit.append(entry).await {
            let error: &dyn StdError = &error;
            tracing::error!(caller, %tenant, action, error, "what was done was not noted in the audit log");
        }
    }

    fn entry(&self, address: Option<IpAddr>, note: Note) -> NewAuditEntry {
        let Note { tenant, caller, action, subject, details } = note;
        NewAuditEntry { at: self.clock.now(), tenant, caller, address, action, subject, details }
    }

    /// Returns the store of keys, in the hands of the caller of a request.
    pub(super) fn keys_by(&self, key: &Principal, request: &Request) -> NotedKeys<'_> {
        let by =
            By { caller: Some(key.caller.clone()), address: client_address(request), details: Map::new() };
        NotedKeys { keys: &*self.keys, audit: &*self.audit, by, at: self.clock.now() }
    }
}
