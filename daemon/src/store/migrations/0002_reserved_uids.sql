-- Numbers that are held for a while before a user is created with them.
CREATE TABLE reserved_uids (
    uid   INTEGER NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT;
