//! The SQL of an append, inside its transaction.

use domain::Tenant;
use domain::limits::IDEMPOTENCY_KEPT_MICROS;
use serde_json::json;
use sqlx::SqliteConnection;
use store::{Appended, Idempotency, RecordKey, StoreError};

use super::group::KeptKey;
use super::keyed::{KeptRecordKeys, KnownKeys};
use crate::database::{busy, classify, column};

/// How many forgotten keys an append clears away for each one that it keeps: more than one, so
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

/// Returns those of the keys that are known, with the ids of their records.
pub(super) async fn find_record_keys(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    keys: &[Option<RecordKey>],
    now_micros: i64,
) -> Result<KnownKeys, StoreError> {
    const TABLE: &str = "record_keys";
    // One statement for all of a request: a statement for each takes most of its time for the way to SQLite's thread.
    let digests: Vec<String> = keys.iter().flatten().map(in_hex).collect();
    let find = sqlx::query(
        "SELECT key, id FROM record_keys
         WHERE tenant = ? AND key IN (SELECT unhex(value) FROM json_each(?)) AND kept_at > ?",
    );
    let find = find
        .bind(tenant.as_str())
        .bind(json!(digests).to_string())
        .bind(now_micros - IDEMPOTENCY_KEPT_MICROS);
    let rows = find.fetch_all(connection).await.map_err(classify)?;
    let known = rows.iter().map(|row| {
        let key: &[u8] = column(row, TABLE, "key")?;
        let key = key.try_into().map_err(|_| StoreError::corrupt("record_keys.key"))?;
        Ok((RecordKey::from_bytes(key), column(row, TABLE, "id")?))
    });
    known.collect()
}

/// Keeps the keys of records with their ids, and clears some that are older than a day.
pub(super) async fn keep_record_keys(
    connection: &mut SqliteConnection,
    tenant: &Tenant,
    kept: &KeptRecordKeys,
) -> Result<(), StoreError> {
    if kept.keys.is_empty() {
        return Ok(());
    }
    let forgotten = kept.kept_at - IDEMPOTENCY_KEPT_MICROS;
    let rows: Vec<(String, i64)> = kept.keys.iter().map(|(key, id)| (in_hex(key), *id)).collect();
    // As with idempotency keys: one that is kept already was kept by another process since this one looked.
    let insert = sqlx::query(
        "INSERT INTO record_keys (tenant, key, kept_at, id)
         SELECT ?1, unhex(value ->> 0), ?2, value ->> 1 FROM json_each(?3) WHERE true
         ON CONFLICT (tenant, key) DO UPDATE SET kept_at = excluded.kept_at, id = excluded.id WHERE kept_at <= ?4",
    );
    let insert =
        insert.bind(tenant.as_str()).bind(kept.kept_at).bind(json!(rows).to_string()).bind(forgotten);
    let inserted = insert.execute(&mut *connection).await.map_err(classify)?.rows_affected();
    if inserted != kept.keys.len() as u64 {
        return Err(busy());
    }
    let clear = sqlx::query(
        "DELETE FROM record_keys WHERE (tenant, key) IN
         (SELECT tenant, key FROM record_keys WHERE kept_at <= ? ORDER BY kept_at LIMIT ?)",
    );
    let clear = clear.bind(forgotten).bind((CLEARED_PER_KEPT * kept.keys.len()) as i64);
    clear.execute(connection).await.map(drop).map_err(classify)
}

fn in_hex(key: &RecordKey) -> String {
    format!("{:032x}", u128::from_be_bytes(*key.as_bytes()))
}
