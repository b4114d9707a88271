//! [`SqliteKeyStore`]: API keys in `control.db`, a file of its own, so that they never wait for logs.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::limits::KEYS_MAX;
use domain::{Caller, Principal, ScopeSet, ServiceName, Tenant, Timestamp};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use store::{
    InsertOutcome, KeyDigest, KeyRecord, KeyStore, KeyStoreError, NewKey, RotateOutcome, Rotation, StoreError,
};
use tokio_util::sync::CancellationToken;

use crate::database::{
    Database, OpenError, READ_MAX, Reader, Schema, StoreDirectory, Writer, classify, column,
};
use crate::{SqliteAuditStore, SqliteRetentionStore, SqliteUserStore};

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
        Self::open_beside(directory, CancellationToken::new()).await
    }

    /// As [`Self::open`], beside other stores: `failed` is cancelled when it, or one of them, cannot go on.
    pub(crate) async fn open_beside(
        directory: &StoreDirectory,
        failed: CancellationToken,
    ) -> Result<Self, OpenError> {
        let database = Database::prepare(directory, directory.control_file(), &Schema::CONTROL).await?;
        Ok(Self { reader: database.reader(), writer: Arc::new(Writer::new(database, failed)) })
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

    /// Returns the users, who lie in the same file: they are closed with the keys.
    #[must_use]
    pub fn users(&self) -> SqliteUserStore {
        SqliteUserStore::new(self.reader.clone(), Arc::clone(&self.writer))
    }
}

/// Selects what [`record`] reads.
macro_rules! select_keys {
    ($which:literal) => {
        concat!(
            "SELECT id, name, tenant, scopes, service, created_at, expires_at, revoked_at, last_used_at, successor \
             FROM api_keys ",
            $which
        )
    };
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
        last_used_at: time("last_used_at")?,
        successor: column(row, TABLE, "successor")?,
    })
}

/// Keeps a key; `None`: one with its id or digest is there already.
async fn insert_row(
    connection: &mut SqliteConnection,
    digest: KeyDigest,
    key: &KeyRecord,
) -> Result<Option<()>, KeyStoreError> {
    let insert = sqlx::query(
        "INSERT INTO api_keys (id, digest, name, tenant, scopes, service, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let insert = insert
        .bind(&key.id)
        .bind(&digest.0[..])
        .bind(&key.name)
        .bind(key.principal.tenant.as_str())
        .bind(key.principal.scopes.to_string())
        .bind(key.principal.service.as_ref().map(ServiceName::as_str))
        .bind(key.created_at.as_micros())
        .bind(key.expires_at.map(Timestamp::as_micros));
    let inserted = insert.execute(connection).await.map_err(|e| failed(classify(e)))?;
    Ok((inserted.rows_affected() == 1).then_some(()))
}

/// Says whether a tenant has more keys that work at `now` than it may have.
async fn are_too_many(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<bool, KeyStoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM api_keys
         WHERE tenant = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)",
    );
    let count = count.bind(tenant.as_str()).bind(now.as_micros());
    let count: i64 = count.fetch_one(connection).await.map_err(|e| failed(classify(e)))?;
    Ok(usize::try_from(count).is_ok_and(|count| count > KEYS_MAX))
}

impl SqliteKeyStore {
    /// Revokes a key, of this tenant or of any.
    async fn revoke_in(&self, of: Option<&Tenant>, id: &str, at: Timestamp) -> Result<bool, KeyStoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let update = sqlx::query(
            "UPDATE api_keys SET revoked_at = ?1
             WHERE id = ?2 AND revoked_at IS NULL AND (?3 IS NULL OR tenant = ?3)",
        );
        let update = update.bind(at.as_micros()).bind(id).bind(of.map(Tenant::as_str));
        let updated = update.execute(transaction.connection()).await.map_err(|e| failed(classify(e)))?;
        transaction.commit().await.map_err(failed)?;
        Ok(updated.rows_affected() == 1)
    }
}

#[async_trait]
impl KeyStore for SqliteKeyStore {
    async fn insert(&self, key: NewKey) -> Result<InsertOutcome, KeyStoreError> {
        let (digest, now) = (key.digest, key.created_at);
        let key = key.into_record();
        // Counted inside of the write transaction: two processes that add a key at once take turns. Left without a
        // commit, the transaction changes nothing.
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        if insert_row(transaction.connection(), digest, &key).await?.is_none() {
            return Ok(InsertOutcome::AlreadyThere);
        }
        if are_too_many(transaction.connection(), &key.principal.tenant, now).await? {
            return Ok(InsertOutcome::LimitReached);
        }
        transaction.commit().await.map_err(failed)?;
        Ok(InsertOutcome::Inserted)
    }

    async fn find(&self, digest: KeyDigest) -> Result<Option<KeyRecord>, KeyStoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await.map_err(failed)?;
        let query = sqlx::query(select_keys!("WHERE digest = ?"));
        let row = query.bind(&digest.0[..]).fetch_optional(&mut *snapshot).await;
        row.map_err(|e| failed(classify(e)))?.as_ref().map(record).transpose()
    }

    async fn list(&self) -> Result<Vec<KeyRecord>, KeyStoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await.map_err(failed)?;
        let query = sqlx::query(select_keys!("ORDER BY created_at, id"));
        let rows = query.fetch_all(&mut *snapshot).await.map_err(|e| failed(classify(e)))?;
        rows.iter().map(record).collect()
    }

    async fn list_of(&self, tenant: &Tenant) -> Result<Vec<KeyRecord>, KeyStoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await.map_err(failed)?;
        let query = sqlx::query(select_keys!("WHERE tenant = ? ORDER BY created_at, id"));
        let rows = query.bind(tenant.as_str()).fetch_all(&mut *snapshot).await;
        rows.map_err(|e| failed(classify(e)))?.iter().map(record).collect()
    }

    async fn revoke(&self, id: &str, at: Timestamp) -> Result<bool, KeyStoreError> {
        self.revoke_in(None, id, at).await
    }

    async fn revoke_of(&self, tenant: &Tenant, id: &str, at: Timestamp) -> Result<bool, KeyStoreError> {
        self.revoke_in(Some(tenant), id, at).await
    }

    async fn rotate(&self, of: Option<&Tenant>, rotation: &Rotation) -> Result<RotateOutcome, KeyStoreError> {
        // Left without a commit, the transaction changes nothing.
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        let query = sqlx::query(select_keys!("WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)"));
        let query = query.bind(&rotation.id).bind(of.map(Tenant::as_str));
        let row = query.fetch_optional(transaction.connection()).await.map_err(|e| failed(classify(e)))?;
        let Some(row) = row else { return Ok(RotateOutcome::NotWorking) };
        let rotated = match rotation.of(record(&row)?) {
            Ok(rotated) => rotated,
            Err(refused) => return Ok(refused),
        };
        let update = sqlx::query("UPDATE api_keys SET expires_at = ?, successor = ? WHERE id = ?");
        let update = update
            .bind(rotated.replaced.expires_at.map(Timestamp::as_micros))
            .bind(&rotated.replaced.successor)
            .bind(&rotated.replaced.id);
        update.execute(transaction.connection()).await.map_err(|e| failed(classify(e)))?;
        let (digest, successor) = (rotation.successor_digest, &rotated.successor);
        if insert_row(transaction.connection(), digest, successor).await?.is_none() {
            return Err(KeyStoreError("the successor's id or text is taken".into()));
        }
        if are_too_many(transaction.connection(), &successor.principal.tenant, rotation.at).await? {
            return Ok(RotateOutcome::LimitReached);
        }
        transaction.commit().await.map_err(failed)?;
        Ok(RotateOutcome::Rotated(Box::new(rotated)))
    }

    async fn note_used(&self, uses: &[(String, Timestamp)]) -> Result<(), KeyStoreError> {
        let mut transaction = self.writer.begin().await.map_err(failed)?;
        for (id, at) in uses {
            let update = sqlx::query(
                "UPDATE api_keys SET last_used_at = ?1
                 WHERE id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)",
            );
            let update = update.bind(at.as_micros()).bind(id);
            update.execute(transaction.connection()).await.map_err(|e| failed(classify(e)))?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn close(&self) -> Result<(), KeyStoreError> {
        self.reader.close().await;
        self.writer.close().await.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use store::conformance::keys::{a_key, a_rotation};
    use tempfile::TempDir;
    use testkit::build::tenant;

    use super::*;

    async fn open(folder: &TempDir) -> SqliteKeyStore {
        SqliteKeyStore::open(&StoreDirectory::prepare(folder.path()).unwrap()).await.unwrap()
    }

    async fn new_store() -> (TempDir, Arc<dyn KeyStore>) {
        let folder = tempfile::tempdir().unwrap();
        let keys = open(&folder).await;
        (folder, Arc::new(keys))
    }

    store::key_conformance_tests!(new_store);

    #[tokio::test]
    async fn two_stores_on_one_file_see_each_others_changes_and_replace_a_key_once() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (open(&folder).await, open(&folder).await);
        first.insert(a_key("a", "one")).await.unwrap();
        assert_eq!(second.insert(a_key("a", "one")).await.unwrap(), InsertOutcome::AlreadyThere);

        let (left, right) = (a_rotation("one", "left", 1, "1h"), a_rotation("one", "right", 1, "1h"));
        let (left, right) = tokio::join!(first.rotate(None, &left), second.rotate(None, &right));
        let outcomes = [left.unwrap(), right.unwrap()];
        second.note_used(&[("one".to_owned(), Timestamp::MAX)]).await.unwrap();
        let listed = first.list_of(&tenant("a")).await.unwrap();
        let revoked = second.revoke_of(&tenant("a"), "one", Timestamp::MIN).await.unwrap();

        let refused = outcomes.iter().filter(|one| **one == RotateOutcome::AlreadyRotated).count();
        assert_eq!((refused, listed.len()), (1, 2), "{outcomes:?}");
        assert_eq!(listed[0].last_used_at, Some(Timestamp::MAX));
        let seen = first.find(KeyDigest::of("one")).await.unwrap().unwrap();
        assert!(revoked && seen.revoked_at == Some(Timestamp::MIN));
    }

    #[tokio::test]
    async fn keys_are_as_they_were_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let keys = open(&folder).await;
        keys.insert(a_key("a", "one")).await.unwrap();
        keys.rotate(None, &a_rotation("one", "two", 1, "1h")).await.unwrap();
        keys.note_used(&[("two".to_owned(), Timestamp::MIN)]).await.unwrap();
        let before = keys.list().await.unwrap();
        keys.close().await.unwrap();

        assert_eq!(open(&folder).await.list().await.unwrap(), before);
        assert!(keys.note_used(&[("two".to_owned(), Timestamp::MAX)]).await.is_err());
    }
}
