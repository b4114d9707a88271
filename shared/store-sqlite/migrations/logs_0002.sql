-- What a block takes on the disk and in memory, whether its tokens have a filter, and which of its records are deleted:
-- `record_count` is how many it holds, `live_count` how many of them are not deleted.
ALTER TABLE blocks ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blocks ADD COLUMN text_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blocks ADD COLUMN has_token_filter INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blocks ADD COLUMN live_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blocks ADD COLUMN tombstones BLOB;

-- Nobody kept how long the texts of older blocks are: they are taken to be ten times as long as what is stored.
UPDATE blocks SET stored_bytes = length(summary) + length(head) + (
    SELECT coalesce(sum(length(payload)), 0) FROM chunks WHERE chunks.id >= blocks.id * 64 AND chunks.id < blocks.id * 64 + 64
);
UPDATE blocks SET text_bytes = stored_bytes * 10, live_count = record_count;

-- Blocks that a merge may take: those that are not full.
CREATE INDEX blocks_to_merge ON blocks (tenant, first_id) WHERE live_count < 12288;

-- The tokens of a block's records, as a filter in slices; see `src/block/token_filter.rs`. `id` is the block's
-- id * 16 + the slice.
CREATE TABLE token_slices (
    id   INTEGER PRIMARY KEY,
    bits BLOB NOT NULL
) STRICT;

-- Services by number, for the counts per minute. Never reused.
CREATE TABLE services (
    code   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    name   TEXT NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

-- Exact counts per minute (of the Unix epoch), service and severity; see `src/counters/minutes.rs` for the cells.
-- Moved in the same transaction as the block that causes them.
CREATE TABLE minutes (
    tenant TEXT    NOT NULL,
    minute INTEGER NOT NULL,
    cells  BLOB    NOT NULL,
    PRIMARY KEY (tenant, minute)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 2;
