-- API keys. Only a digest of a key is kept: `digest` is SHA-256 of the whole key.
CREATE TABLE api_keys (
    id         TEXT    PRIMARY KEY,
    digest     BLOB    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    tenant     TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,
    service    TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

PRAGMA application_id = 1280263523;
PRAGMA user_version = 1;
