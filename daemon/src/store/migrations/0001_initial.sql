-- Users, groups and what hangs on them. Public fields and credentials live in different tables.

CREATE TABLE groups (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name          TEXT    NOT NULL UNIQUE,
    gid           INTEGER NOT NULL UNIQUE,
    display_name  TEXT    NOT NULL DEFAULT '',
    builtin       INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    generation    INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

-- gid is the primary group's number: a group of ours or one of /etc/group.
CREATE TABLE users (
    id                   BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name                 TEXT    NOT NULL UNIQUE,
    uid                  INTEGER NOT NULL UNIQUE,
    gid                  INTEGER NOT NULL,
    full_name            TEXT    NOT NULL DEFAULT '',
    first_name           TEXT    NOT NULL DEFAULT '',
    last_name            TEXT    NOT NULL DEFAULT '',
    email                TEXT,
    email_verified       INTEGER NOT NULL DEFAULT 0,
    home                 TEXT    NOT NULL,
    home_mode            INTEGER NOT NULL,
    shell                TEXT    NOT NULL,
    password_disabled    INTEGER NOT NULL DEFAULT 0,
    locked               INTEGER NOT NULL DEFAULT 0,
    enabled              INTEGER NOT NULL DEFAULT 1,
    ssh_password_enabled INTEGER NOT NULL DEFAULT 0,
    smb                  INTEGER NOT NULL DEFAULT 0,
    expires_at           INTEGER,
    password_max_age     INTEGER,
    password_min_age     INTEGER,
    password_warn        INTEGER,
    password_inactive    INTEGER,
    role                 TEXT    NOT NULL DEFAULT 'user',
    attributes           TEXT    NOT NULL DEFAULT '{}',
    builtin              INTEGER NOT NULL DEFAULT 0,
    immutable            INTEGER NOT NULL DEFAULT 0,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    generation           INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_email ON users (email) WHERE email IS NOT NULL;
CREATE INDEX users_by_gid ON users (gid);
CREATE INDEX users_by_role ON users (role) WHERE role = 'admin';
CREATE INDEX users_by_home ON users (home);

CREATE TABLE user_tags (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tag     TEXT NOT NULL,
    PRIMARY KEY (user_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_tags_by_tag ON user_tags (tag);

CREATE TABLE user_settings (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app     TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (user_id, app, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_profile (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;

-- Our users in our groups.
CREATE TABLE members (
    group_id BLOB NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user_id);

-- Users of /etc/passwd in our groups.
CREATE TABLE local_members (
    group_id  BLOB NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_name TEXT NOT NULL,
    PRIMARY KEY (group_id, user_name)
) STRICT, WITHOUT ROWID;

-- Our users in groups of /etc/group, which are merged when looked up.
CREATE TABLE host_group_members (
    group_name TEXT    NOT NULL,
    gid        INTEGER NOT NULL,
    user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_name, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX host_group_members_by_user ON host_group_members (user_id);

-- Numbers that were ever given out. Never deleted from: a number is used once.
CREATE TABLE used_uids (uid INTEGER NOT NULL PRIMARY KEY) STRICT;
CREATE TABLE used_gids (gid INTEGER NOT NULL PRIMARY KEY) STRICT;

CREATE TABLE ssh_keys (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    line        TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    added_at    INTEGER NOT NULL,
    expires_at  INTEGER,
    UNIQUE (user_id, fingerprint)
) STRICT;

-- The holder is a user of ours, or a group by its number.
CREATE TABLE sudo_rules (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    BLOB    REFERENCES users (id) ON DELETE CASCADE,
    gid        INTEGER,
    command    TEXT    NOT NULL,
    nopasswd   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    CHECK ((user_id IS NULL) <> (gid IS NULL))
) STRICT;
CREATE INDEX sudo_rules_by_user ON sudo_rules (user_id);
CREATE INDEX sudo_rules_by_expiry ON sudo_rules (expires_at) WHERE expires_at IS NOT NULL;

-- Credentials. phc: an argon2id PHC string, or an imported crypt(3) hash.
CREATE TABLE passwords (
    user_id     BLOB    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    phc         TEXT    NOT NULL,
    changed_at  INTEGER NOT NULL,
    must_change INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- state: 'active' codes are asked for; 'pending' waits for its first code.
CREATE TABLE totp (
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    state        TEXT    NOT NULL CHECK (state IN ('active', 'pending')),
    sealed       BLOB    NOT NULL,
    digits       INTEGER NOT NULL,
    interval     INTEGER NOT NULL,
    last_step    INTEGER NOT NULL DEFAULT -1,
    enabled      INTEGER NOT NULL DEFAULT 1,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (user_id, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
    user_id BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash    BLOB    NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE two_factor (
    user_id          BLOB    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    recovery_enabled INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

-- Consecutive failures, per user, kind of secret and where they came from.
CREATE TABLE throttle (
    user_id         BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind            TEXT    NOT NULL,
    remote          TEXT    NOT NULL,
    failures        INTEGER NOT NULL,
    last_failure_at INTEGER NOT NULL,
    retry_at        INTEGER NOT NULL,
    PRIMARY KEY (user_id, kind, remote)
) STRICT, WITHOUT ROWID;

CREATE TABLE logins (
    user_id        BLOB    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    first_at       INTEGER,
    last_at        INTEGER,
    last_service   TEXT    NOT NULL DEFAULT '',
    last_remote    TEXT    NOT NULL DEFAULT '',
    failures_since INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Host effects that a committed change still owes the host.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    effect     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Every mutation, chained: hash = SHA-256(previous hash, this row's fields).
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    actor_uid  INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    via        TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    subject_id TEXT    NOT NULL,
    change     TEXT    NOT NULL,
    hash       BLOB    NOT NULL
) STRICT;

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('generation', '0');
