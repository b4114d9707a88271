//! [`SqliteRetentionStore`]: retention rules in `control.db`, beside the API keys. It shares their connections, and
//! is closed with them.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::limits::RETENTION_RULES_MAX;
use domain::{ByteSize, Keep, MaxAge, NewRetentionRule, RetentionRule, Tenant};
use sqlx::sqlite::SqliteRow;
use store::{AddOutcome, RetentionStore, StoreError};

use crate::database::{READ_MAX, Reader, Writer, classify, column, time_column};

const TABLE: &str = "retention_rules";

/// Retention rules in one SQLite file.
#[derive(Debug)]
pub struct SqliteRetentionStore {
    reader: Reader,
    writer: Arc<Writer>,
}

impl SqliteRetentionStore {
    pub(crate) fn new(reader: Reader, writer: Arc<Writer>) -> Self {
        Self { reader, writer }
    }
}

fn read_rule(row: &SqliteRow) -> Result<RetentionRule, StoreError> {
    let id: i64 = column(row, TABLE, "id")?;
    let nonsense = |name: &str| StoreError::corrupt(format!("{TABLE}.{name} of rule {id}"));
    let number = |name| -> Result<Option<u64>, StoreError> {
        let number: Option<i64> = column(row, TABLE, name)?;
        number.map(u64::try_from).transpose().map_err(|_| nonsense(name))
    };
    let max_age = number("max_age_seconds")?.map(MaxAge::from_seconds).transpose();
    let max_bytes = number("max_bytes")?.map(ByteSize::from_bytes).transpose();
    let max_age = max_age.map_err(|_| nonsense("max_age_seconds"))?;
    let max_bytes = max_bytes.map_err(|_| nonsense("max_bytes"))?;
    let rule = NewRetentionRule {
        name: column(row, TABLE, "name")?,
        tenant: Tenant::parse(column(row, TABLE, "tenant")?).map_err(|_| nonsense("tenant"))?,
        filter: column(row, TABLE, "filter")?,
        keep: Keep::new(max_age, max_bytes).map_err(|_| nonsense("max_age_seconds"))?,
        created_at: time_column(row, TABLE, "created_at")?,
    };
    Ok(RetentionRule { id, rule })
}

/// Returns a number that SQL's integers hold; the types of the bounds see to it.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl RetentionStore for SqliteRetentionStore {
    async fn add(&self, rule: NewRetentionRule) -> Result<AddOutcome, StoreError> {
        let mut transaction = self.writer.begin().await?;
        // Counted inside of the write transaction: two processes that add a rule at once take turns.
        let insert = sqlx::query_scalar(
            "INSERT INTO retention_rules (tenant, name, filter, max_age_seconds, max_bytes, created_at)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6
             WHERE (SELECT count(*) FROM retention_rules WHERE tenant = ?1) < ?7
             RETURNING id",
        );
        let insert = insert
            .bind(rule.tenant.as_str())
            .bind(&rule.name)
            .bind(&rule.filter)
            .bind(rule.keep.max_age().map(|age| integer(age.as_seconds())))
            .bind(rule.keep.max_bytes().map(|size| integer(size.as_bytes())))
            .bind(rule.created_at.as_micros())
            .bind(integer(RETENTION_RULES_MAX as u64));
        let id: Option<i64> = insert.fetch_optional(transaction.connection()).await.map_err(classify)?;
        transaction.commit().await?;
        Ok(id.map_or(AddOutcome::LimitReached, |id| AddOutcome::Added(RetentionRule { id, rule })))
    }

    async fn list(&self, tenant: &Tenant) -> Result<Vec<RetentionRule>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let query = sqlx::query(
            "SELECT id, tenant, name, filter, max_age_seconds, max_bytes, created_at
             FROM retention_rules WHERE tenant = ? ORDER BY id",
        );
        let rows = query.bind(tenant.as_str()).fetch_all(&mut *snapshot).await.map_err(classify)?;
        rows.iter().map(read_rule).collect()
    }

    async fn list_all(&self) -> Result<Vec<RetentionRule>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let query = sqlx::query(
            "SELECT id, tenant, name, filter, max_age_seconds, max_bytes, created_at
             FROM retention_rules ORDER BY tenant, id",
        );
        let rows = query.fetch_all(&mut *snapshot).await.map_err(classify)?;
        rows.iter().map(read_rule).collect()
    }

    async fn remove(&self, tenant: &Tenant, id: i64) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let delete = sqlx::query("DELETE FROM retention_rules WHERE id = ? AND tenant = ?");
        let delete = delete.bind(id).bind(tenant.as_str());
        let deleted = delete.execute(transaction.connection()).await.map_err(classify)?;
        transaction.commit().await?;
        Ok(deleted.rows_affected() == 1)
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use sqlx::{ConnectOptions, Connection};
    use store::conformance::retention::a_rule;
    use store::keys::GeneratedKey;
    use store::{KeyDigest, KeyStore, NewKey};
    use tempfile::TempDir;
    use testkit::build::tenant;

    use super::*;
    use crate::{SqliteKeyStore, StoreDirectory};

    async fn open(directory: &TempDir) -> SqliteKeyStore {
        SqliteKeyStore::open(&StoreDirectory::prepare(directory.path()).unwrap()).await.unwrap()
    }

    async fn new_store() -> (TempDir, Arc<dyn RetentionStore>) {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory).await.retention();
        (directory, Arc::new(store))
    }

    store::retention_conformance_tests!(new_store);

    #[tokio::test]
    async fn rules_are_there_after_a_restart_and_ids_of_removed_ones_are_not_given_again() {
        let directory = tempfile::tempdir().unwrap();
        let keys = open(&directory).await;
        let first = keys.retention();
        let kept = first.add(a_rule("a", "kept")).await.unwrap();
        let AddOutcome::Added(removed) = first.add(a_rule("a", "removed")).await.unwrap() else {
            panic!("there are few rules");
        };
        first.remove(&tenant("a"), removed.id).await.unwrap();
        keys.close().await.unwrap();
        assert!(matches!(first.add(a_rule("a", "late")).await, Err(StoreError::Closed)));

        let second = open(&directory).await.retention();
        let listed = second.list_all().await.unwrap();
        let AddOutcome::Added(next) = second.add(a_rule("a", "next")).await.unwrap() else {
            panic!("there are few rules");
        };

        assert_eq!(AddOutcome::Added(listed[0].clone()), kept);
        assert!(listed.len() == 1 && next.id > removed.id, "{listed:?} {next:?}");
    }

    #[tokio::test]
    async fn two_stores_on_one_file_see_each_others_rules_and_share_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (open(&directory).await.retention(), open(&directory).await.retention());

        let mut outcomes = Vec::new();
        for n in 0..=RETENTION_RULES_MAX / 2 {
            let (one, two) = (a_rule("a", &n.to_string()), a_rule("a", &n.to_string()));
            let (one, two) = tokio::join!(first.add(one), second.add(two));
            outcomes.extend([one.unwrap(), two.unwrap()]);
        }

        let refused = outcomes.iter().filter(|outcome| **outcome == AddOutcome::LimitReached).count();
        assert_eq!(refused, 2);
        assert_eq!(first.list_all().await.unwrap(), second.list(&tenant("a")).await.unwrap());
        assert_eq!(first.list_all().await.unwrap().len(), RETENTION_RULES_MAX);
    }

    #[tokio::test]
    async fn a_file_of_the_version_before_keeps_its_keys_and_gets_the_table() {
        let directory = tempfile::tempdir().unwrap();
        let keys = open(&directory).await;
        let key = GeneratedKey::new(|bytes| bytes.fill(7));
        let digest = KeyDigest::of(&key.text);
        let new = NewKey {
            id: key.id,
            digest,
            name: "old".to_owned(),
            tenant: tenant("a"),
            scopes: domain::ScopeSet::ALL,
            service: None,
            created_at: Timestamp::MIN,
            expires_at: None,
        };
        keys.insert(new).await.unwrap();
        keys.close().await.unwrap();
        let file = StoreDirectory::prepare(directory.path()).unwrap().control_file();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
        let mut connection = options.connect().await.unwrap();
        let back = "DROP TABLE retention_rules; DROP TABLE audit_log; DROP TABLE users; DROP TABLE sessions;
                    DROP TABLE set_up_tokens; DROP INDEX api_keys_by_tenant;
                    ALTER TABLE api_keys DROP COLUMN last_used_at; ALTER TABLE api_keys DROP COLUMN successor;
                    PRAGMA user_version = 1";
        sqlx::raw_sql(back).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();

        let keys = open(&directory).await;
        let added = keys.retention().add(a_rule("a", "new")).await.unwrap();

        assert!(matches!(added, AddOutcome::Added(_)));
        assert_eq!(keys.find(digest).await.unwrap().map(|key| key.name).as_deref(), Some("old"));
    }
}
