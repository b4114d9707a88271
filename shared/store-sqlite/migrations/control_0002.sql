-- Retention rules: which logs are deleted by themselves. `filter` is the text of a query string, as GET /logs has it.
-- AUTOINCREMENT: an id is never given twice, so that a rule that is removed late is not another one.
CREATE TABLE retention_rules (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant          TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    filter          TEXT    NOT NULL,
    max_age_seconds INTEGER,
    max_bytes       INTEGER,
    created_at      INTEGER NOT NULL,
    CHECK (max_age_seconds IS NOT NULL OR max_bytes IS NOT NULL)
) STRICT;

CREATE INDEX retention_rules_by_tenant ON retention_rules (tenant, id);

PRAGMA user_version = 2;
