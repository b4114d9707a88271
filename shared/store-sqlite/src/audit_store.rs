//! [`SqliteAuditStore`]: the audit log in `control.db`, beside the API keys. It shares their connections, and is closed
//! with them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::{Caller, Tenant};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use store::StoreError;
use store::audit::{AuditEntry, AuditStore, NewAuditEntry};

use crate::database::{READ_MAX, Reader, Writer, classify, column, time_column};

const TABLE: &str = "audit_log";

/// The audit log in one SQLite file.
#[derive(Debug)]
pub struct SqliteAuditStore {
    reader: Reader,
    writer: Arc<Writer>,
}

impl SqliteAuditStore {
    pub(crate) fn new(reader: Reader, writer: Arc<Writer>) -> Self {
        Self { reader, writer }
    }
}

fn read_entry(row: &SqliteRow) -> Result<AuditEntry, StoreError> {
    let id: i64 = column(row, TABLE, "id")?;
    let details: &str = column(row, TABLE, "details")?;
    let details = serde_json::from_str(details)
        .map_err(|_| StoreError::corrupt(format!("{TABLE}.details of entry {id}")))?;
    Ok(AuditEntry {
        id,
        at: time_column(row, TABLE, "at")?,
        caller: column(row, TABLE, "caller")?,
        address: column(row, TABLE, "address")?,
        action: column(row, TABLE, "action")?,
        subject: column(row, TABLE, "subject")?,
        details,
    })
}

#[async_trait]
impl AuditStore for SqliteAuditStore {
    async fn append(&self, entry: NewAuditEntry) -> Result<i64, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let insert = sqlx::query_scalar(
            "INSERT INTO audit_log (at, tenant, caller, address, action, subject, details)
             VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        );
        let insert = insert
            .bind(entry.at.as_micros())
            .bind(entry.tenant.as_str())
            .bind(entry.caller.as_ref().map(Caller::to_string))
            .bind(entry.address.as_ref().map(IpAddr::to_string))
            .bind(entry.action.name())
            .bind(&entry.subject)
            .bind(Value::Object(entry.details).to_string());
        let id = insert.fetch_one(transaction.connection()).await.map_err(classify)?;
        transaction.commit().await?;
        Ok(id)
    }

    async fn list(
        &self,
        tenant: &Tenant,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let query = sqlx::query(
            "SELECT id, at, caller, address, action, subject, details
             FROM audit_log WHERE tenant = ? AND id < ? ORDER BY id DESC LIMIT ?",
        );
        let query = query.bind(tenant.as_str()).bind(before.unwrap_or(i64::MAX)).bind(limit);
        let rows = query.fetch_all(&mut *snapshot).await.map_err(classify)?;
        rows.iter().map(read_entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{SqliteKeyStore, StoreDirectory};

    async fn new_store() -> (TempDir, Arc<dyn AuditStore>) {
        let folder = tempfile::tempdir().unwrap();
        let keys = SqliteKeyStore::open(&StoreDirectory::prepare(folder.path()).unwrap()).await.unwrap();
        (folder, Arc::new(keys.audit()))
    }

    store::audit_conformance_tests!(new_store);

    #[tokio::test]
    async fn what_was_noted_can_be_neither_changed_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = SqliteKeyStore::open(&StoreDirectory::prepare(folder.path()).unwrap()).await.unwrap();
        let audit = keys.audit();
        audit.append(store::conformance::audit::an_entry("a", "s")).await.unwrap();

        for change in ["UPDATE audit_log SET subject = 'x'", "DELETE FROM audit_log"] {
            let mut transaction = audit.writer.begin().await.unwrap();
            let refused = sqlx::query(change).execute(transaction.connection()).await.unwrap_err();
            assert!(refused.to_string().contains("only added to"), "{change}: {refused}");
        }
    }
}
