//! Noting in the audit log what was done by requests.

use std::error::Error as StdError;
use std::net::IpAddr;

use domain::{Caller, Principal, Tenant, UserName};
use poem::Request;
use sentinel_http::{Problem, client_address};
use serde_json::{Map, Value};
use store::{AuditAction, By, NewAuditEntry, NotedKeys, StoreError, User};

use super::Context;

/// More about what was done, by name.
pub(super) type Details<const N: usize> = [(&'static str, Value); N];

/// Something that was done to a user, perhaps by nobody who is known.
pub(super) struct Note {
    /// Whose installation it was done to.
    pub(super) tenant: Tenant,
    /// Who did it, if that is known.
    pub(super) caller: Option<Caller>,
    /// What was done.
    pub(super) action: AuditAction,
    /// The user's name; may be empty.
    pub(super) subject: String,
}

impl Note {
    /// Says that a user did something to a user, perhaps to himself.
    pub(super) fn by(user: &User, action: AuditAction, subject: &UserName) -> Self {
        let (tenant, caller) = (user.tenant.clone(), user.principal().caller);
        Self { tenant, caller: Some(caller), action, subject: subject.to_string() }
    }

    /// Keeps the note. It is done already: when it cannot be noted, that stands in the service's log.
    pub(super) async fn keep(self, context: &Context, request: &Request) {
        let entry = NewAuditEntry {
            at: context.clock.now(),
            tenant: self.tenant,
            caller: self.caller,
            address: client_address(request),
            action: self.action,
            subject: self.subject,
            details: Map::new(),
        };
        let action = entry.action.name();
        if let Err(error) = context.audit.append(entry).await {
            let error: &dyn StdError = &error;
            tracing::error!(action, error, "what was done was not noted in the audit log");
        }
    }
}

impl Context {
    /// Notes what is about to be done.
    ///
    /// # Errors
    /// A 5xx: then it is not to be done.
    pub(super) async fn note<const N: usize>(
        &self,
        key: &Principal,
        request: &Request,
        action: AuditAction,
        subject: String,
        details: Details<N>,
    ) -> Result<(), Problem> {
        let noted = self.append(key, client_address(request), action, subject, details).await;
        noted.map(drop).map_err(|error| match error {
            StoreError::Full(_) => error.into(),
            error => store::NotedKeysError::Audit(error).into(),
        })
    }

    /// Notes what is done already, and cannot be taken back. If that fails, it stands in the service's log.
    pub(super) async fn note_done<const N: usize>(
        &self,
        key: &Principal,
        address: Option<IpAddr>,
        action: AuditAction,
        subject: String,
        details: Details<N>,
    ) {
        if let Err(error) = self.append(key, address, action, subject, details).await {
            let error: &dyn StdError = &error;
            let (caller, tenant, action) = (&key.caller, &key.tenant, action.name());
            tracing::error!(%caller, %tenant, action, error, "what was done was not noted in the audit log");
        }
    }

    async fn append<const N: usize>(
        &self,
        key: &Principal,
        address: Option<IpAddr>,
        action: AuditAction,
        subject: String,
        details: Details<N>,
    ) -> Result<i64, StoreError> {
        let details = details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let entry = NewAuditEntry {
            at: self.clock.now(),
            tenant: key.tenant.clone(),
            caller: Some(key.caller.clone()),
            address,
            action,
            subject,
            details,
        };
        self.audit.append(entry).await
    }

    /// Returns the store of keys, in the hands of the caller of a request.
    pub(super) fn keys_by(&self, key: &Principal, request: &Request) -> NotedKeys<'_> {
        let by =
            By { caller: Some(key.caller.clone()), address: client_address(request), details: Map::new() };
        NotedKeys { keys: &*self.keys, audit: &*self.audit, by, at: self.clock.now() }
    }
}
