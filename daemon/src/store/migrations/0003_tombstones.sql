-- What is left of deleted users: enough to bring them back, and no credential of theirs. A name may
-- stand here more than once; an id and a uid may not.
CREATE TABLE tombstones (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL,
    uid        INTEGER NOT NULL UNIQUE,
    deleted_at INTEGER NOT NULL,
    deleted_by TEXT    NOT NULL,
    home       TEXT    NOT NULL CHECK (home IN ('kept', 'archived', 'purged')),
    -- What the archived home's name in the quarantine ends with.
    label      TEXT    CHECK ((home = 'archived') = (label IS NOT NULL)),
    record     TEXT    NOT NULL,
    remains    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_by_name ON tombstones (name, deleted_at);
CREATE INDEX tombstones_by_time ON tombstones (deleted_at);
