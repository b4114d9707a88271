//! The SQL of an append, inside its transaction.

use domain::Tenant;
use domain::limits::IDEMPOTENCY_KEPT_MICROS;
use sqlx::SqliteConnection;
use store::{Appended, Idempotency, StoreError};

use super::group::KeptKey;
use crate::database::{busy, classify, column};

/// How many forgotten idempotency keys an append clears away for each one that it keeps: more than one, so
/// that there are never many more than a day's.
const CLEARED_PER_KEPT: usize = 4;

/// Takes `count` new ids and returns the first.
pub(super) async fn take_ids(connection: &mut SqliteConnection, count: i64) -> Result<i64, StoreError> {
    let update = sqlx::query_scalar("UPDATE record_ids SET last_id = last_id + ? RETURNING last_id");
    let last_id: i64 = update.bind(count).fetch_one(connection).await.map_err(classify)?;
    Ok(last_id - count + 1)
}

/// Returns the answer to a repeat of a stored request; `None`: it is no repeat.
pub(super) async fn find_first_answer(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    idempotency: &Idempotency,
    now_micros: i64,
) -> Result<Option<Result<Appended, StoreError>>, StoreError> {
    const TABLE: &str = "idempotency_keys";
    let find = sqlx::query(
        "SELECT request_digest, first_id, last_id FROM idempotency_keys
         WHERE tenant = ? AND key = ? AND answered_at > ?",
    );
    let find = find.bind(tenant.as_str()).bind(&idempotency.key).bind(now_micros - IDEMPOTENCY_KEPT_MICROS);
    let Some(row) = find.fetch_optional(connection).await.map_err(classify)? else { return Ok(None) };
    let digest: &[u8] = column(&row, TABLE, "request_digest")?;
    if digest != idempotency.request_digest {
        return Ok(Some(Err(StoreError::IdempotencyConflict)));
    }
    let appended =
        Appended { first_id: column(&row, TABLE, "first_id")?, last_id: column(&row, TABLE, "last_id")? };
    Ok(Some(Ok(appended)))
}

/// Keeps idempotency keys with their answers, and clears some that are older than a day.
pub(super) async fn keep_keys(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    keys: &[KeptKey<'_>],
) -> Result<(), StoreError> {
    let mut forgotten_until = i64::MIN;
    for key in keys {
        // A key that is kept already and not forgotten was kept by another process since this one looked: nothing
        // of the group is stored, and who asks again finds that answer.
        let insert = sqlx::query(
            "INSERT INTO idempotency_keys (tenant, key, request_digest, answered_at, first_id, last_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (tenant, key) DO UPDATE SET request_digest = ?3, answered_at = ?4, first_id = ?5, last_id = ?6
             WHERE answered_at <= ?7",
        );
        let forgotten = key.answered_at - IDEMPOTENCY_KEPT_MICROS;
        let insert = insert
            .bind(tenant.as_str())
            .bind(&key.idempotency.key)
            .bind(&key.idempotency.request_digest[..])
            .bind(key.answered_at)
            .bind(key.appended.first_id)
            .bind(key.appended.last_id)
            .bind(forgotten);
        if insert.execute(&mut *connection).await.map_err(classify)?.rows_affected() == 0 {
            return Err(busy());
        }
        forgotten_until = forgotten_until.max(forgotten);
    }
    if !keys.is_empty() {
        let clear = sqlx::query(
            "DELETE FROM idempotency_keys WHERE (tenant, key) IN
             (SELECT tenant, key FROM idempotency_keys WHERE answered_at <= ? ORDER BY answered_at LIMIT ?)",
        );
        let clear = clear.bind(forgotten_until).bind((CLEARED_PER_KEPT * keys.len()) as i64);
        clear.execute(connection).await.map_err(classify)?;
    }
    Ok(())
}
