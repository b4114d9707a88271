//! What was done by whom: the page of routes.

mod list_entries;

use poem::{Request, Result};
use poem_openapi::OpenApi;
use sentinel_http::{Admin, Authorized, OperationNotes};

use super::{Context, Group};
use crate::params::names;
use list_entries::EntriesAnswer;

/// The operations on the audit log.
#[derive(Clone)]
pub struct AuditApi(pub Context);

#[OpenApi]
impl AuditApi {
    /// Read the audit log
    ///
    /// Returns what was done to the tenant's keys, rules and logs, by whom, and from where, newest first. The log is only
    /// ever added to.
    #[oai(path = "/api/v1/audit", method = "get", operation_id = "listAuditEntries", tag = "Group::Audit")]
    async fn list_entries(&self, key: Authorized<Admin>, request: &Request) -> Result<EntriesAnswer> {
        list_entries::handle(&self.0, &key, request).await
    }
}

/// What the document says of these operations beside what their code says.
pub(super) const NOTES: &[OperationNotes] =
    &[OperationNotes { operations: &["listAuditEntries"], query: &[names::AUDIT_PAGE], problems: &[] }];
