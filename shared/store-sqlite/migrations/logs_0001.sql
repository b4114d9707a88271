-- Blocks of records; see `src/block/mod.rs` for what the blobs hold.
CREATE TABLE blocks (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant        TEXT    NOT NULL,
    first_id      INTEGER NOT NULL,
    last_id       INTEGER NOT NULL,
    record_count  INTEGER NOT NULL,
    min_timestamp INTEGER NOT NULL,
    max_timestamp INTEGER NOT NULL,
    min_received  INTEGER NOT NULL,
    max_received  INTEGER NOT NULL,
    checksum      INTEGER NOT NULL,
    summary       BLOB    NOT NULL,
    head          BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX blocks_by_id ON blocks (tenant, first_id);
CREATE INDEX blocks_newest_first ON blocks (tenant, max_timestamp, min_timestamp);
CREATE INDEX blocks_oldest_first ON blocks (tenant, min_timestamp, max_timestamp);

-- The texts of a block's records. `id` is the block's id * 64 + the chunk's place in it, so that a block's
-- chunks lie side by side and need no index of their own.
CREATE TABLE chunks (
    id      INTEGER PRIMARY KEY,
    payload BLOB NOT NULL
) STRICT;

-- Exact counts, moved in the same transaction as the block that causes them.
CREATE TABLE counters (
    tenant         TEXT    NOT NULL,
    service        TEXT    NOT NULL,
    severity       INTEGER NOT NULL,
    record_count   INTEGER NOT NULL CHECK (record_count >= 0),
    last_timestamp INTEGER NOT NULL,
    PRIMARY KEY (tenant, service, severity)
) STRICT, WITHOUT ROWID;

-- First answers, so that a repeated request stores nothing.
CREATE TABLE idempotency_keys (
    tenant         TEXT    NOT NULL,
    key            TEXT    NOT NULL,
    request_digest BLOB    NOT NULL,
    answered_at    INTEGER NOT NULL,
    first_id       INTEGER NOT NULL,
    last_id        INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (answered_at);

-- The last id that was given out. Ids are never reused, whatever is deleted.
CREATE TABLE record_ids (
    last_id INTEGER NOT NULL
) STRICT;
INSERT INTO record_ids VALUES (0);

PRAGMA application_id = 1280263507;
PRAGMA user_version = 1;
