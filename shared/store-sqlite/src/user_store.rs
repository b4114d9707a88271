//! [`SqliteUserStore`]: users, sessions and the set-up token in `control.db`, beside the API keys. It shares their
//! connections, and is closed with them.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::limits::{USER_SESSIONS_MAX, USERS_MAX};
use domain::{Role, Tenant, Timestamp, UserName};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use store::users::{
    AddUserOutcome, NewSession, PasswordHash, RemoveUserOutcome, Session, SetUpOutcome, User, UserStore,
};
use store::{KeyDigest, StoreError};

use crate::database::{READ_MAX, Reader, Writer, classify, column, time_column};

const TABLE: &str = "users";

/// Users in one SQLite file.
#[derive(Debug)]
pub struct SqliteUserStore {
    reader: Reader,
    writer: Arc<Writer>,
}

impl SqliteUserStore {
    pub(crate) fn new(reader: Reader, writer: Arc<Writer>) -> Self {
        Self { reader, writer }
    }
}

/// Selects what [`read_user`] reads.
macro_rules! select_users {
    ($which:literal) => {
        concat!(
            "SELECT name, tenant, role, password_hash, created_at, password_changed_at FROM users ",
            $which
        )
    };
}

fn read_user(row: &SqliteRow) -> Result<User, StoreError> {
    let name: &str = column(row, TABLE, "name")?;
    let nonsense = |column: &str| StoreError::corrupt(format!("{TABLE}.{column} of user {name}"));
    Ok(User {
        name: UserName::parse(name).map_err(|_| nonsense("name"))?,
        tenant: Tenant::parse(column(row, TABLE, "tenant")?).map_err(|_| nonsense("tenant"))?,
        role: Role::parse(column(row, TABLE, "role")?).map_err(|_| nonsense("role"))?,
        password_hash: PasswordHash(column(row, TABLE, "password_hash")?),
        created_at: time_column(row, TABLE, "created_at")?,
        password_changed_at: time_column(row, TABLE, "password_changed_at")?,
    })
}

/// Keeps a user; returns whether the name was free.
async fn insert(connection: &mut SqliteConnection, user: &User) -> Result<bool, StoreError> {
    let insert = sqlx::query(
        "INSERT INTO users (name, tenant, role, password_hash, created_at, password_changed_at)
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let insert = insert
        .bind(user.name.as_str())
        .bind(user.tenant.as_str())
        .bind(user.role.name())
        .bind(&user.password_hash.0)
        .bind(user.created_at.as_micros())
        .bind(user.password_changed_at.as_micros());
    Ok(insert.execute(connection).await.map_err(classify)?.rows_affected() == 1)
}

/// Makes room for a session: those whose time is over go, and the oldest of a user who has too many.
async fn make_room(connection: &mut SqliteConnection, session: &NewSession) -> Result<(), StoreError> {
    let over = sqlx::query("DELETE FROM sessions WHERE expires_at <= ?");
    over.bind(session.created_at.as_micros()).execute(&mut *connection).await.map_err(classify)?;
    let oldest = sqlx::query(
        "DELETE FROM sessions WHERE rowid IN
         (SELECT rowid FROM sessions WHERE user = ? ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
    );
    let keep = i64::try_from(USER_SESSIONS_MAX - 1).unwrap_or(i64::MAX);
    oldest.bind(session.user.as_str()).bind(keep).execute(connection).await.map_err(classify)?;
    Ok(())
}

#[async_trait]
impl UserStore for SqliteUserStore {
    async fn add(&self, user: User) -> Result<AddUserOutcome, StoreError> {
        let mut transaction = self.writer.begin().await?;
        // Counted inside of the write transaction: two processes that add a user at once take turns.
        let count = sqlx::query_scalar("SELECT count(*) FROM users WHERE tenant = ?");
        let count: i64 =
            count.bind(user.tenant.as_str()).fetch_one(transaction.connection()).await.map_err(classify)?;
        let is_new = insert(transaction.connection(), &user).await?;
        if is_new && count >= i64::try_from(USERS_MAX).unwrap_or(i64::MAX) {
            return Ok(AddUserOutcome::LimitReached);
        }
        let delete = sqlx::query("DELETE FROM set_up_tokens WHERE (SELECT count(*) FROM users) = 1");
        delete.execute(transaction.connection()).await.map_err(classify)?;
        transaction.commit().await?;
        Ok(if is_new { AddUserOutcome::Added } else { AddUserOutcome::NameTaken })
    }

    async fn find(&self, name: &UserName) -> Result<Option<User>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let query = sqlx::query(select_users!("WHERE name = ?"));
        let row = query.bind(name.as_str()).fetch_optional(&mut *snapshot).await.map_err(classify)?;
        row.as_ref().map(read_user).transpose()
    }

    async fn list(&self, tenant: &Tenant) -> Result<Vec<User>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let query = sqlx::query(select_users!("WHERE tenant = ? ORDER BY name"));
        let rows = query.bind(tenant.as_str()).fetch_all(&mut *snapshot).await.map_err(classify)?;
        rows.iter().map(read_user).collect()
    }

    async fn list_all(&self) -> Result<Vec<User>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let query = sqlx::query(select_users!("ORDER BY name"));
        let rows = query.fetch_all(&mut *snapshot).await.map_err(classify)?;
        rows.iter().map(read_user).collect()
    }

    async fn remove(&self, tenant: &Tenant, name: &UserName) -> Result<RemoveUserOutcome, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let role = sqlx::query_scalar("SELECT role FROM users WHERE name = ? AND tenant = ?");
        let role: Option<String> = role
            .bind(name.as_str())
            .bind(tenant.as_str())
            .fetch_optional(transaction.connection())
            .await
            .map_err(classify)?;
        let Some(role) = role else { return Ok(RemoveUserOutcome::NotFound) };
        let admins = sqlx::query_scalar("SELECT count(*) FROM users WHERE tenant = ? AND role = ?");
        let admins: i64 = admins
            .bind(tenant.as_str())
            .bind(Role::Admin.name())
            .fetch_one(transaction.connection())
            .await
            .map_err(classify)?;
        if role == Role::Admin.name() && admins <= 1 {
            return Ok(RemoveUserOutcome::LastAdmin);
        }
        for delete in ["DELETE FROM users WHERE name = ?", "DELETE FROM sessions WHERE user = ?"] {
            let delete = sqlx::query(delete).bind(name.as_str());
            delete.execute(transaction.connection()).await.map_err(classify)?;
        }
        transaction.commit().await?;
        Ok(RemoveUserOutcome::Removed)
    }

    async fn set_password(
        &self,
        user: &User,
        hash: PasswordHash,
        at: Timestamp,
        but: Option<KeyDigest>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let update = sqlx::query(
            "UPDATE users SET password_hash = ?, password_changed_at = ? WHERE name = ? AND password_hash = ?",
        );
        let (name, before) = (user.name.as_str(), &user.password_hash.0);
        let update = update.bind(&hash.0).bind(at.as_micros()).bind(name).bind(before);
        let updated = update.execute(transaction.connection()).await.map_err(classify)?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        let end = sqlx::query("DELETE FROM sessions WHERE user = ? AND digest IS NOT ?");
        let end = end.bind(name).bind(but.as_ref().map(|digest| &digest.0[..]));
        end.execute(transaction.connection()).await.map_err(classify)?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn begin_session(&self, session: NewSession) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await?;
        make_room(transaction.connection(), &session).await?;
        // The user is looked at inside of the write transaction: a removal or a new password comes before or behind it.
        let insert = sqlx::query(
            "INSERT INTO sessions (digest, user, created_at, expires_at)
             SELECT ?1, name, ?2, ?3 FROM users WHERE name = ?4 AND password_changed_at = ?5",
        );
        let insert = insert
            .bind(&session.digest.0[..])
            .bind(session.created_at.as_micros())
            .bind(session.expires_at.as_micros())
            .bind(session.user.as_str())
            .bind(session.password_changed_at.as_micros());
        let inserted = insert.execute(transaction.connection()).await.map_err(classify)?;
        transaction.commit().await?;
        Ok(inserted.rows_affected() == 1)
    }

    async fn find_session(&self, digest: KeyDigest) -> Result<Option<Session>, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let query = sqlx::query(
            "SELECT name, tenant, role, password_hash, users.created_at AS created_at, password_changed_at, expires_at
             FROM sessions JOIN users ON users.name = sessions.user WHERE digest = ?",
        );
        let row = query.bind(&digest.0[..]).fetch_optional(&mut *snapshot).await.map_err(classify)?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Session { user: read_user(&row)?, expires_at: time_column(&row, "sessions", "expires_at")? }))
    }

    async fn end_session(&self, digest: KeyDigest) -> Result<bool, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let delete = sqlx::query("DELETE FROM sessions WHERE digest = ?").bind(&digest.0[..]);
        let deleted = delete.execute(transaction.connection()).await.map_err(classify)?;
        transaction.commit().await?;
        Ok(deleted.rows_affected() == 1)
    }

    async fn put_set_up_token(&self, digest: KeyDigest, expires_at: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await?;
        let delete = sqlx::query("DELETE FROM set_up_tokens");
        delete.execute(transaction.connection()).await.map_err(classify)?;
        let insert = sqlx::query("INSERT INTO set_up_tokens (digest, expires_at) VALUES (?, ?)");
        let insert = insert.bind(&digest.0[..]).bind(expires_at.as_micros());
        insert.execute(transaction.connection()).await.map_err(classify)?;
        transaction.commit().await
    }

    async fn has_set_up_token(&self, digest: KeyDigest, now: Timestamp) -> Result<bool, StoreError> {
        let mut snapshot = self.reader.begin(Instant::now() + READ_MAX).await?;
        let count =
            sqlx::query_scalar("SELECT count(*) FROM set_up_tokens WHERE digest = ? AND expires_at > ?");
        let count = count.bind(&digest.0[..]).bind(now.as_micros());
        let count: i64 = count.fetch_one(&mut *snapshot).await.map_err(classify)?;
        Ok(count > 0)
    }

    async fn use_set_up_token(&self, digest: KeyDigest, user: User) -> Result<SetUpOutcome, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let delete = sqlx::query("DELETE FROM set_up_tokens WHERE digest = ? AND expires_at > ?");
        let delete = delete.bind(&digest.0[..]).bind(user.created_at.as_micros());
        let deleted = delete.execute(transaction.connection()).await.map_err(classify)?;
        if deleted.rows_affected() == 0 {
            return Ok(SetUpOutcome::TokenUnknown);
        }
        // Not committed: the token still works.
        if !insert(transaction.connection(), &user).await? {
            return Ok(SetUpOutcome::NameTaken);
        }
        transaction.commit().await?;
        Ok(SetUpOutcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::{SqliteKeyStore, StoreDirectory};

    async fn new_store() -> (TempDir, Arc<dyn UserStore>) {
        let folder = tempfile::tempdir().unwrap();
        let keys = SqliteKeyStore::open(&StoreDirectory::prepare(folder.path()).unwrap()).await.unwrap();
        (folder, Arc::new(keys.users()))
    }

    store::user_conformance_tests!(new_store);
}
