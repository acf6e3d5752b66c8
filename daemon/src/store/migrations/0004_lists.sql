-- Lists in the orders people ask for. An index of a UNIQUE column does not count as holding the
-- identifier in a table without rowids, and each skipped row would be read: these do.
CREATE INDEX users_in_order ON users (name, id);
CREATE INDEX users_by_number ON users (uid, id);
CREATE INDEX users_by_address ON users (email, name, id);
CREATE INDEX users_by_creation ON users (created_at, name, id);
DROP INDEX users_by_email;
CREATE INDEX logins_by_time ON logins (last_at) WHERE last_at IS NOT NULL;

-- How many users there are, without counting a million of them for each page.
CREATE TABLE counts (
    what   TEXT    NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counts SELECT 'users', count(*) FROM users;
CREATE TRIGGER users_come AFTER INSERT ON users
    BEGIN UPDATE counts SET number = number + 1 WHERE what = 'users'; END;
CREATE TRIGGER users_go AFTER DELETE ON users
    BEGIN UPDATE counts SET number = number - 1 WHERE what = 'users'; END;
