-- Who must have a second factor, and from when on. One row: there is one policy.
CREATE TABLE two_factor_policy (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    enforced INTEGER NOT NULL,
    due_at   INTEGER
) STRICT;
INSERT INTO two_factor_policy (id, enforced, due_at) VALUES (1, 0, NULL);

-- Groups by their numbers, ours or the host's. Without a required one everybody must have it.
CREATE TABLE two_factor_policy_groups (
    gid  INTEGER NOT NULL PRIMARY KEY,
    rule TEXT    NOT NULL CHECK (rule IN ('required', 'excluded'))
) STRICT;
