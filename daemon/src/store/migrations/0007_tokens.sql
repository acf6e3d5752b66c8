-- Secrets that stand in for a password, each for something of its own. Only hashes: a token has 120
-- bits or more, so that a plain hash is enough.
CREATE TABLE tokens (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         TEXT    NOT NULL CHECK (kind IN ('app', 'access', 'refresh', 'reset', 'email')),
    hash         BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    name         TEXT    NOT NULL,
    -- What one login gave, an access and a refresh token: they end together.
    family       BLOB    CHECK ((family IS NULL) = (kind NOT IN ('access', 'refresh'))),
    -- The address that an 'email' token is to prove.
    address      TEXT    CHECK ((address IS NULL) = (kind <> 'email')),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX tokens_by_user ON tokens (user_id, kind);
CREATE UNIQUE INDEX tokens_by_family ON tokens (family, kind) WHERE family IS NOT NULL;
CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;

-- PAM services that an app password is for.
CREATE TABLE token_scopes (
    token_id INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    service  TEXT    NOT NULL,
    PRIMARY KEY (token_id, service)
) STRICT, WITHOUT ROWID;
