-- When a key was last used, to a minute, and which key replaces it, if one does.
ALTER TABLE api_keys ADD COLUMN last_used_at INTEGER;
ALTER TABLE api_keys ADD COLUMN successor TEXT;

CREATE INDEX api_keys_by_tenant ON api_keys (tenant, created_at, id);

PRAGMA user_version = 4;
