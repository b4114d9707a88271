//! `GET /api/v1/audit`

use std::collections::HashMap;

use domain::Principal;
use domain::limits::{AUDIT_PAGE_DEFAULT_ENTRIES, AUDIT_PAGE_MAX_ENTRIES};
use poem::{Request, Result};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use sentinel_http::Problem;
use serde_json::Value;
use store::AuditEntry;

use super::Context;
use crate::params::{Query, read_count};

/// The answer to a request for entries.
#[derive(ApiResponse)]
pub(super) enum EntriesAnswer {
    /// The entries.
    #[oai(status = 200)]
    Listed(Json<Entries>),
}

/// A page of the audit log.
#[derive(Object)]
#[oai(rename = "AuditEntries", read_only_all)]
pub(super) struct Entries {
    /// The entries, newest first.
    entries: Vec<EntrySchema>,
    /// Where the next page begins: its `before`. Null: there is none.
    next_before: Option<i64>,
}

/// Something that was done.
#[derive(Object)]
#[oai(rename = "AuditEntry", read_only_all)]
struct EntrySchema {
    /// Unique; grows.
    #[oai(validator(minimum(value = "1")))]
    id: i64,
    /// When it was done: RFC 3339, UTC.
    at: String,
    /// Who did it: `key:<id>` or `user:<name>`. Null: nobody that is known, the service itself, or the machine's owner.
    caller: Option<String>,
    /// From which address. Null: not over a network.
    address: Option<String>,
    /// What was done, such as `key.revoked` or `logs.deleted`.
    action: String,
    /// What it was done to, such as a key's id or a rule's name.
    subject: String,
    /// More about it, such as a delete's filter and count.
    details: HashMap<String, Value>,
}

impl From<AuditEntry> for EntrySchema {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            at: entry.at.to_string(),
            caller: entry.caller,
            address: entry.address,
            action: entry.action,
            subject: entry.subject,
            details: entry.details.into_iter().collect(),
        }
    }
}

pub(super) async fn handle(context: &Context, key: &Principal, request: &Request) -> Result<EntriesAnswer> {
    let mut query = Query::of(request)?;
    let limit = read_count(&mut query, "limit")?.unwrap_or(u64::from(AUDIT_PAGE_DEFAULT_ENTRIES));
    let before = read_count(&mut query, "before")?;
    query.finish()?;
    let limit = u32::try_from(limit).unwrap_or(u32::MAX).min(AUDIT_PAGE_MAX_ENTRIES);
    let before = before.map(|id| i64::try_from(id).unwrap_or(i64::MAX));
    // One more than asked for tells whether there is a next page.
    let found = context.audit.list(&key.tenant, before, limit + 1).await.map_err(Problem::from)?;
    let mut entries: Vec<EntrySchema> = found.into_iter().map(EntrySchema::from).collect();
    let has_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let next_before = entries.last().filter(|_| has_more).map(|entry| entry.id);
    Ok(EntriesAnswer::Listed(Json(Entries { entries, next_before })))
}
