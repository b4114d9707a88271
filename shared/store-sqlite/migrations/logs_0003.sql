-- Where records with keys of their own were stored, so that a repeated record is not stored again. `key` is a digest.
CREATE TABLE record_keys (
    tenant  TEXT    NOT NULL,
    key     BLOB    NOT NULL,
    kept_at INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_keys_by_age ON record_keys (kept_at);

PRAGMA user_version = 3;
