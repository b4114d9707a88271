-- Users, their sessions, and the token of the set-up link. `password_hash` is a PHC string. Of tokens only a digest is
-- kept: `digest` is SHA-256.
CREATE TABLE users (
    name                TEXT    PRIMARY KEY,
    tenant              TEXT    NOT NULL,
    role                TEXT    NOT NULL,
    password_hash       TEXT    NOT NULL,
    created_at          INTEGER NOT NULL,
    password_changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX users_by_tenant ON users (tenant, name);

-- With a rowid: it tells which of a user's sessions is the oldest.
CREATE TABLE sessions (
    digest     BLOB    NOT NULL UNIQUE,
    user       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE set_up_tokens (
    digest     BLOB    PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 5;
