//! The tables `tokens` and `token_scopes`: hashes of what stands in for a password.

use accounts::UserId;
use rusqlite::{OptionalExtension, Row, params};

use super::{Db, StoreError, damaged, uuid_column};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A password for programs.
    App,
    /// Acts as the user for a while.
    Access,
    /// Gives the next access token.
    Refresh,
    /// Lets the user choose a new password.
    Reset,
    /// Proves an address.
    Email,
}

impl TokenKind {
    const ALL: [Self; 5] = [Self::App, Self::Access, Self::Refresh, Self::Reset, Self::Email];

    const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Reset => "reset",
            Self::Email => "email",
        }
    }
}

/// A row of `tokens`, without its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns' names say what they are; times in unix seconds")]
pub struct TokenRow {
    pub id: i64,
    pub user_id: UserId,
    pub kind: TokenKind,
    pub name: String,
    /// Of an access or refresh token: what it ends with.
    pub family: Option<[u8; 32]>,
    /// Of an e-mail token: what it is to prove.
    pub address: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
}

impl TokenRow {
    /// Whether its time is not over at `now`.
    #[must_use]
    pub fn lasts(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}

const COLUMNS: &str =
    "id, user_id, kind, name, family, address, created_at, expires_at, last_used_at";

fn read(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    let kind: String = row.get(2)?;
    let kind = TokenKind::ALL.into_iter().find(|known| known.as_str() == kind);
    Ok(TokenRow {
        id: row.get(0)?,
        user_id: UserId(uuid_column(row, 1)?),
        kind: kind.ok_or_else(|| damaged(2, "no kind of token"))?,
        name: row.get(3)?,
        family: row.get(4)?,
        address: row.get(5)?,
        created_at: row.get(6)?,
        expires_at: row.get(7)?,
        last_used_at: row.get(8)?,
    })
}

impl Db<'_> {
    /// Adds a token; its `id` is ignored and the new one answered.
    pub(crate) fn insert_token(self, token: &TokenRow, hash: &[u8; 32]) -> Result<i64, StoreError> {
        self.touch_user(token.user_id);
        let TokenRow {
            id: _,
            user_id,
            kind,
            name,
            family,
            address,
            created_at,
            expires_at,
            last_used_at,
        } = token;
        self.connection
            .prepare_cached(
                "INSERT INTO tokens (user_id, kind, hash, name, family, address, created_at, \
                 expires_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                user_id.0.as_bytes().as_slice(),
                kind.as_str(),
                hash.as_slice(),
                name,
                family.as_ref().map(<[u8; 32]>::as_slice),
                address,
                created_at,
                expires_at,
                last_used_at,
            ])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Sets the services that an app password is for.
    pub(crate) fn set_token_scope(self, id: i64, services: &[String]) -> Result<(), StoreError> {
        for service in services {
            let sql = "INSERT OR IGNORE INTO token_scopes (token_id, service) VALUES (?1, ?2)";
            self.connection.prepare_cached(sql)?.execute(params![id, service])?;
        }
        Ok(())
    }

    /// The services that an app password is for, sorted; none when it was not limited to any.
    pub(crate) fn token_scope(self, id: i64) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT service FROM token_scopes WHERE token_id = ?1 ORDER BY service";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([id], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The token with that hash.
    pub(crate) fn token_by_hash(
        self,
        kind: TokenKind,
        hash: &[u8; 32],
    ) -> Result<Option<TokenRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tokens WHERE hash = ?1 AND kind = ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row(params![hash.as_slice(), kind.as_str()], read).optional()?)
    }

    /// The token of that kind of a family.
    pub(crate) fn token_of_family(
        self,
        kind: TokenKind,
        family: &[u8; 32],
    ) -> Result<Option<TokenRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tokens WHERE family = ?1 AND kind = ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row(params![family.as_slice(), kind.as_str()], read).optional()?)
    }

    /// A user's tokens, oldest first.
    pub(crate) fn tokens_of(self, user: UserId) -> Result<Vec<TokenRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tokens WHERE user_id = ?1 ORDER BY id");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([user.0.as_bytes().as_slice()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ids of a user's app passwords and logins, in order.
    pub(crate) fn token_ids_of(self, user: UserId) -> Result<Vec<i64>, StoreError> {
        let sql = "SELECT id FROM tokens WHERE user_id = ?1 AND kind IN ('app', 'refresh') \
                   ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([user.0.as_bytes().as_slice()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Puts another secret in a token's place: the same login goes on.
    pub(crate) fn rotate_token(
        self,
        id: i64,
        hash: &[u8; 32],
        expires_at: i64,
        now: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE tokens SET hash = ?2, expires_at = ?3, last_used_at = ?4 WHERE id = ?1";
        let values = params![id, hash.as_slice(), expires_at, now];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Notes that a token was used; false when it has ended meanwhile.
    pub(crate) fn use_token(self, id: i64, now: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE tokens SET last_used_at = ?2 WHERE id = ?1";
        Ok(self.connection.prepare_cached(sql)?.execute([id, now])? > 0)
    }

    /// Notes that an access token was used, and its login with it; false when it has ended meanwhile.
    pub(crate) fn use_login(self, token: &TokenRow, now: i64) -> Result<bool, StoreError> {
        if let Some(family) = &token.family {
            let sql = "UPDATE tokens SET last_used_at = ?2 WHERE family = ?1";
            self.connection.prepare_cached(sql)?.execute(params![family.as_slice(), now])?;
        }
        self.use_token(token.id, now)
    }

    /// Ends the access token of a login.
    pub(crate) fn delete_access_token(self, family: &[u8; 32]) -> Result<(), StoreError> {
        let sql = "DELETE FROM tokens WHERE family = ?1 AND kind = 'access'";
        self.connection.prepare_cached(sql)?.execute([family.as_slice()])?;
        Ok(())
    }

    /// Ends one token, and what it ends with.
    pub(crate) fn delete_token(self, token: &TokenRow) -> Result<(), StoreError> {
        self.touch_user(token.user_id);
        match &token.family {
            Some(family) => {
                let sql = "DELETE FROM tokens WHERE family = ?1";
                self.connection.prepare_cached(sql)?.execute([family.as_slice()])?
            }
            None => {
                let sql = "DELETE FROM tokens WHERE id = ?1";
                self.connection.prepare_cached(sql)?.execute([token.id])?
            }
        };
        Ok(())
    }

    /// Ends a user's tokens of one kind.
    pub(crate) fn delete_tokens(self, user: UserId, kind: TokenKind) -> Result<(), StoreError> {
        self.touch_user(user);
        let sql = "DELETE FROM tokens WHERE user_id = ?1 AND kind = ?2";
        let key = params![user.0.as_bytes().as_slice(), kind.as_str()];
        self.connection.prepare_cached(sql)?.execute(key)?;
        Ok(())
    }

    /// Ends every token of a user.
    pub(crate) fn delete_every_token(self, user: UserId) -> Result<(), StoreError> {
        self.touch_user(user);
        let sql = "DELETE FROM tokens WHERE user_id = ?1";
        self.connection.prepare_cached(sql)?.execute([user.0.as_bytes().as_slice()])?;
        Ok(())
    }

    /// Whether the time of any token is over.
    pub(crate) fn any_expired_token(self, now: i64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM tokens WHERE expires_at <= ?1)";
        Ok(self.connection.prepare_cached(sql)?.query_row([now], |row| row.get(0))?)
    }

    /// Forgets tokens whose time is over.
    pub(crate) fn delete_expired_tokens(self, now: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM tokens WHERE expires_at <= ?1";
        self.connection.prepare_cached(sql)?.execute([now])?;
        Ok(())
    }
}
