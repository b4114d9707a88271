//! [`SqliteKeyStore`]: API keys in `control.db`, a file of its own, so that they never wait for logs.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::{Caller, Principal, ScopeSet, ServiceName, Tenant, Timestamp};
use sqlx::sqlite::SqliteRow;
use store::{KeyDigest, KeyRecord, KeyStore, KeyStoreError, NewKey, StoreError};
use tokio_util::sync::CancellationToken;

use crate::database::{
    Database, OpenError, READ_MAX, Reader, Schema, StoreDirectory, Writer, classify, column,
};
use crate::{SqliteAuditStore, SqliteRetentionStore};

/// API keys in one SQLite file.
#[derive(Debug)]
pub struct SqliteKeyStore {
    reader: Reader,
    writer: Arc<Writer>,
}

impl SqliteKeyStore {
    /// Opens the keys of a directory; makes the file if it is not there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(directory: &StoreDirectory) -> Result<Self, OpenError> {
        let database = Database::prepare(directory, directory.control_file(), &Schema::CONTROL).await?;
        let (reader, failed) = (database.reader(), CancellationToken::new());
        Ok(Self { reader, writer: Arc::new(Writer::new(database, failed)) })
    }

    /// Returns the retention rules, which lie in the same file: they are closed with the keys.
    #[must_use]
    pub fn retention(&self) -> SqliteRetentionStore {
        SqliteRetentionStore::new(self.reader.clone(), Arc::clone(&self.writer))
    }

    /// Returns the audit log, which lies in the same file: it is closed with the keys.
    #[must_use]
    pub fn audit(&self) -> SqliteAuditStore {
        SqliteAuditStore::new(self.reader.clone(), Arc::clone(&self.writer))
    }
}

fn failed(error: StoreError) -> KeyStoreError {
    KeyStoreError(error.into())
}

fn record(row: &SqliteRow) -> Result<KeyRecord, KeyStoreError> {
    read_record(row).map_err(failed)
}

fn read_record(row: &SqliteRow) -> Result<KeyRecord, StoreError> {
    const TABLE: &str = "api_keys";
    let id: String = column(row, TABLE, "id")?;
    let nonsense = |name: &str| StoreError::corrupt(format!("{TABLE}.{name} of key {id}"));
    let time = |name| -> Result<Option<Timestamp>, StoreError> {
        let micros: Option<i64> = column(row, TABLE, name)?;
        micros.map(Timestamp::from_micros).transpose().map_err(|_| nonsense(name))
    };
    let service: Option<&str> = column(row, TABLE, "service")?;
    Ok(KeyRecord {
        id: id.clone(),
        name: column(row, TABLE, "name")?,
        principal: Principal {
            tenant: Tenant::parse(column(row, TABLE, "tenant")?).map_err(|_| nonsense("tenant"))?,
            scopes: ScopeSet::parse(column(row, TABLE, "scopes")?).map_err(|_| nonsense("scopes"))?,
            service: service.map(ServiceName::parse).transpose().map_err(|_| nonsense("service"))?,
            caller: Caller::Key(id.clone()),
        },
        created_at: time("created_at")?.ok_or_else(|| nonsense("created_at"))?,
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
    })
}

#[async_trait]
impl KeyStore for SqliteKeyStore {
    async fn insert(&self, key: NewKey) -> Result<bool, KeyStoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let insert = sqlx::query(
            "INSERT INTO api_keys (id, digest, name, tenant, scopes, service, created_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        );
        let insert = insert
            .bind(&key.id)
            .bind(&key.digest.0[..])
            .bind(&key.name)
            .bind(key.tenant.as_str())
            .bind(key.scopes.to_string())
            .bind(key.service.as_ref().map(ServiceName::as_str))
            .bind(key.created_at.as_micros())
            .bind(key.expires_at.map(Timestamp::as_micros));
        let inserted = insert.execute(transaction.connection()).await.map_err(|e| failed(classify(e)))?;
        transaction.commit().await.map_err(failed)?;
        Ok(inserted.rows_affected() == 1)
    }

    async fn find(&self, digest: KeyDigest) -> Result<Option<KeyRecord>, KeyStoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await.map_err(failed)?;
        let query = sqlx::query(
            "SELECT id, name, tenant, scopes, service, created_at, expires_at, revoked_at
             FROM api_keys WHERE digest = ?",
        );
        let row = query.bind(&digest.0[..]).fetch_optional(&mut *snapshot).await;
        row.map_err(|e| failed(classify(e)))?.as_ref().map(record).transpose()
    }

    async fn list(&self) -> Result<Vec<KeyRecord>, KeyStoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await.map_err(failed)?;
        let query = sqlx::query(
            "SELECT id, name, tenant, scopes, service, created_at, expires_at, revoked_at
             FROM api_keys ORDER BY created_at, id",
        );
        let rows = query.fetch_all(&mut *snapshot).await.map_err(|e| failed(classify(e)))?;
        rows.iter().map(record).collect()
    }

    async fn revoke(&self, id: &str, at: Timestamp) -> Result<bool, KeyStoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let update = sqlx::query("UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL");
        let update = update.bind(at.as_micros()).bind(id);
        let updated = update.execute(transaction.connection()).await.map_err(|e| failed(classify(e)))?;
        transaction.commit().await.map_err(failed)?;
        Ok(updated.rows_affected() == 1)
    }

    async fn close(&self) -> Result<(), KeyStoreError> {
        self.reader.close().await;
        self.writer.close().await.map_err(failed)
    }
}
