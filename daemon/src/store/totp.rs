//! The table `totp`: sealed secrets and the last accepted step.

use accounts::UserId;
use rusqlite::{OptionalExtension, params};

use super::{Db, StoreError};

/// Whether a secret is in force or waits for its first code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotpState {
    /// Codes of it are asked for at login.
    Active,
    /// Its first code makes it active.
    Pending,
}

impl TotpState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
        }
    }
}

/// A row of `totp`. The secret is sealed; only the service's sealer opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns' names say what they are")]
pub struct TotpRow {
    pub sealed: Vec<u8>,
    pub digits: u32,
    pub interval: u32,
    pub last_step: i64,
    pub enabled: bool,
    pub created_at: i64,
}

/// A sealed secret, wherever it is: what a new key needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// Whose it is.
    pub user: UserId,
    /// In force or pending.
    pub state: TotpState,
    /// The sealed secret.
    pub sealed: Vec<u8>,
}

impl Db<'_> {
    /// Every sealed secret, in force or pending.
    pub(crate) fn sealed_secrets(self) -> Result<Vec<SealedRow>, StoreError> {
        let mut all = Vec::new();
        self.each_sealed_secret(|row| all.push(row))?;
        Ok(all)
    }

    /// The same, one after the other.
    pub(crate) fn each_sealed_secret(
        self,
        mut each: impl FnMut(SealedRow),
    ) -> Result<(), StoreError> {
        let sql = "SELECT user_id, state = 'active', sealed FROM totp ORDER BY user_id, state";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let user = UserId(super::uuid_column(row, 0)?);
            let state = if row.get(1)? { TotpState::Active } else { TotpState::Pending };
            each(SealedRow { user, state, sealed: row.get(2)? });
        }
        Ok(())
    }

    /// Replaces a sealed secret by the same one, sealed anew: nothing of the user changes.
    pub(crate) fn reseal(self, row: &SealedRow) -> Result<(), StoreError> {
        let SealedRow { user, state, sealed } = row;
        let sql = "UPDATE totp SET sealed = ?3 WHERE user_id = ?1 AND state = ?2";
        let key = params![user.0.as_bytes().as_slice(), state.as_str(), sealed];
        self.connection.prepare_cached(sql)?.execute(key)?;
        Ok(())
    }

    /// A user's secret in that state.
    pub(crate) fn totp(
        self,
        user: UserId,
        state: TotpState,
    ) -> Result<Option<TotpRow>, StoreError> {
        let sql = "SELECT sealed, digits, interval, last_step, enabled, created_at FROM totp \
                   WHERE user_id = ?1 AND state = ?2";
        Ok(self
            .connection
            .prepare_cached(sql)?
            .query_row(params![user.0.as_bytes().as_slice(), state.as_str()], |row| {
                Ok(TotpRow {
                    sealed: row.get(0)?,
                    digits: row.get(1)?,
                    interval: row.get(2)?,
                    last_step: row.get(3)?,
                    enabled: row.get(4)?,
                    created_at: row.get(5)?,
                })
            })
            .optional()?)
    }

    /// Sets a user's secret in that state.
    pub(crate) fn set_totp(
        self,
        user: UserId,
        state: TotpState,
        row: &TotpRow,
    ) -> Result<(), StoreError> {
        self.touch_user(user);
        let TotpRow { sealed, digits, interval, last_step, enabled, created_at } = row;
        self.connection.execute(
            "INSERT OR REPLACE INTO totp \
             (user_id, state, sealed, digits, interval, last_step, enabled, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                user.0.as_bytes().as_slice(),
                state.as_str(),
                sealed,
                digits,
                interval,
                last_step,
                enabled,
                created_at
            ],
        )?;
        Ok(())
    }

    /// Accepts a step of the active secret, once: false when it, or a later one, was accepted.
    pub(crate) fn accept_totp_step(self, user: UserId, step: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE totp SET last_step = ?2 \
                   WHERE user_id = ?1 AND state = 'active' AND last_step < ?2";
        Ok(self.connection.execute(sql, params![user.0.as_bytes().as_slice(), step])? > 0)
    }

    /// Turns the asking for codes on or off; whether there is an active secret.
    pub(crate) fn set_totp_enabled(self, user: UserId, enabled: bool) -> Result<bool, StoreError> {
        self.touch_user(user);
        let sql = "UPDATE totp SET enabled = ?2 WHERE user_id = ?1 AND state = 'active'";
        Ok(self.connection.execute(sql, params![user.0.as_bytes().as_slice(), enabled])? > 0)
    }

    /// Forgets a user's secret in that state.
    pub(crate) fn delete_totp(self, user: UserId, state: TotpState) -> Result<(), StoreError> {
        self.touch_user(user);
        self.connection.execute(
            "DELETE FROM totp WHERE user_id = ?1 AND state = ?2",
            params![user.0.as_bytes().as_slice(), state.as_str()],
        )?;
        Ok(())
    }

    /// Forgets a user's secrets, in force and pending.
    pub(crate) fn delete_every_totp(self, user: UserId) -> Result<(), StoreError> {
        self.delete_totp(user, TotpState::Active)?;
        self.delete_totp(user, TotpState::Pending)
    }

    /// Users who have a secret, in force or not.
    pub(crate) fn users_with_any_totp(self) -> Result<Vec<UserId>, StoreError> {
        let mut statement = self.connection.prepare("SELECT DISTINCT user_id FROM totp")?;
        let rows = statement.query_map([], |row| Ok(UserId(super::uuid_column(row, 0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
