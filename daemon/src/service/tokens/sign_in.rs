//! A login by a local service, which gets tokens for it: an access token to act as the user for an
//! hour or so, and a refresh token to get the next one.
//!
//! Anybody on the machine may try, so it goes the way of every login: under the throttle, with the
//! same argon2 computation and the same write to the store for whoever does not get in, and one
//! answer for all of them.

use accounts::UserName;

use super::super::login::{Account, Attempt, PasswordTry, Tried, is_current, is_good};
use super::super::{Error, Service};
use super::{generate, no_randomness, parse};
use crate::authenticate::{Purpose, Requester, Token};
use crate::authorize::{Actor, Caller};
use crate::secret::Secret;
use crate::store::{Db, ThrottleKind, TokenKind, TokenRow, UserKey, UserRow};

/// Logins that a user may have; one more ends the one that was used longest ago.
const MAX_LOGINS: usize = 50;

/// What a login gives. Times in unix seconds.
pub struct LoginTokens {
    /// Whose it is.
    pub user: UserName,
    /// Acts as the user until `access_expires_at`.
    pub access: Secret,
    /// Gives the next access token, once, until `refresh_expires_at`.
    pub refresh: Secret,
    /// When the access token ends.
    pub access_expires_at: i64,
    /// When the refresh token ends.
    pub refresh_expires_at: i64,
}

impl Service {
    /// Logs a user in, by name or by the address that no other enabled user has. Blocks, for as
    /// long as a password hash takes.
    ///
    /// # Errors
    /// [`Error::LoginRefused`], whatever the reason; [`Error::Unavailable`].
    pub fn log_in(
        &self,
        caller: &Caller,
        name: &str,
        password: &Secret,
        code: Option<&Secret>,
    ) -> Result<LoginTokens, Error> {
        let remote = format!("bus:{}", caller.uid);
        let account = self.read(|db| {
            let user = user_called(db, name)?;
            user.map(|user| Account::read(db, user)).transpose()
        })?;
        let phc = account.as_ref().and_then(Account::phc);
        // One line for all that a caller tries: many names are no way to the front.
        let requester = Requester { host: &remote, name: "" };
        let compared = self.hasher.verify(password, phc, requester);
        let compared = compared.map_err(|error| Error::Unavailable(error.to_string()))?;
        let Some(account) = account else {
            self.settle_nothing()?;
            tracing::warn!(remote, "login for tokens refused: no such user");
            return Err(Error::LoginRefused);
        };
        let attempt = Attempt { user: account.user.id, remote: &remote };
        let now = self.now();
        let code = code.filter(|_| account.totp.is_some());
        let welcome = is_good(&account.user, now)
            && is_current(&account.user, account.password.as_ref(), now)
            && account.totp.is_some() == code.is_some()
            && (account.totp.is_some() || !self.must_enrol(&account.user, now)?);
        let tried = PasswordTry { matches: compared.matches, welcome };
        let mut tried = self.settle_password(attempt, tried)?;
        if let (Tried::Accepted, Some(code)) = (tried, code) {
            tried = self.settle_code(attempt, code, welcome)?;
        }
        if tried != Tried::Accepted {
            let user = account.user.name.as_str();
            tracing::warn!(user, remote, ?tried, welcome, "login for tokens refused");
            return Err(Error::LoginRefused);
        }
        self.forget_failures(attempt, ThrottleKind::Password)?;
        if code.is_some() {
            self.forget_failures(attempt, ThrottleKind::Code)?;
        }
        let rehashed = compared.outdated.then(|| self.rehash(&account, password)).flatten();
        self.issue_login(&account, rehashed.as_deref(), &remote)
    }

    /// Whether the user must have a second factor by now; without one there are no tokens.
    fn must_enrol(&self, user: &UserRow, now: i64) -> Result<bool, Error> {
        self.read(|db| {
            let reach = self.reach(db)?;
            Ok(reach.is_due(now) && reach.covers(db, user)?)
        })
    }

    /// Computes the hash of a password anew, while it is known.
    fn rehash(&self, account: &Account, password: &Secret) -> Option<String> {
        let old = account.phc()?;
        let rehashed = self.hash_password(password).and_then(|new| {
            let same = self.note(|db| Ok(db.rehash_password(account.user.id, old, &new)?))?;
            Ok(same.then_some(new))
        });
        rehashed.unwrap_or_else(|error| {
            tracing::warn!(user = account.user.name.as_str(), %error, "a password was not hashed anew");
            None
        })
    }

    /// Makes the tokens of a new login, if the password is still the one that was compared.
    fn issue_login(
        &self,
        account: &Account,
        rehashed: Option<&str>,
        remote: &str,
    ) -> Result<LoginTokens, Error> {
        let now = self.now();
        let refresh = generate(Purpose::Refresh)?;
        self.note(|db| {
            let id = account.user.id;
            let user = db.user(UserKey::Id(id))?.filter(|user| is_good(user, now));
            let user = user.ok_or(Error::LoginRefused)?;
            let current = Account::read(db, user)?;
            if current.phc().is_none_or(|phc| Some(phc) != account.phc() && Some(phc) != rehashed) {
                return Err(Error::LoginRefused);
            }
            make_room(db, &current.user, now)?;
            let row = TokenRow {
                id: 0,
                user_id: id,
                kind: TokenKind::Refresh,
                name: format!("login by {remote}"),
                family: refresh.family(),
                address: None,
                created_at: now,
                expires_at: Some(self.refresh_ends(now)),
                last_used_at: None,
            };
            db.insert_token(&row, &refresh.hash())?;
            self.give(db, current.user, row, &refresh, now)
        })
    }

    /// Takes a refresh token for the next pair. One that was taken before is a sign that somebody
    /// else has it: then all of its login ends.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], whatever the reason.
    pub fn refresh_tokens(&self, caller: &Caller, token: &Secret) -> Result<LoginTokens, Error> {
        let token = parse(token, Purpose::Refresh)?;
        let now = self.now();
        let next = token.successor().map_err(no_randomness)?;
        let refreshed = self.note(|db| {
            let Some(row) = db.token_by_hash(TokenKind::Refresh, &token.hash())? else {
                return Ok(None);
            };
            let user = db.user(UserKey::Id(row.user_id))?.filter(|user| is_good(user, now));
            let user = user.filter(|_| row.lasts(now)).ok_or(Error::InvalidToken)?;
            if !is_current(&user, db.password(user.id)?.as_ref(), now) {
                return Err(Error::InvalidToken);
            }
            db.rotate_token(row.id, &next.hash(), self.refresh_ends(now), now)?;
            self.give(db, user, row, &next, now).map(Some)
        })?;
        match refreshed {
            Some(tokens) => Ok(tokens),
            None => {
                self.end_stolen(&Actor::bearer(caller), &token)?;
                Err(Error::InvalidToken)
            }
        }
    }

    /// Ends the login of a refresh token that is not its latest.
    fn end_stolen(&self, actor: &Actor, token: &Token) -> Result<(), Error> {
        let Some(family) = token.family() else { return Ok(()) };
        let login = |db: Db<'_>| Ok(db.token_of_family(TokenKind::Refresh, &family)?);
        if self.read(login)?.is_none() {
            return Ok(());
        }
        self.change(actor, |change| {
            let Some(row) = login(change.db)? else { return Ok(()) };
            let Some(user) = change.db.user(UserKey::Id(row.user_id))? else { return Ok(()) };
            change.db.delete_token(&row)?;
            let name = user.name.as_str();
            tracing::warn!(user = name, "a refresh token came a second time: its login has ended");
            let shown = serde_json::json!({ "ids": [row.id] });
            change.audit("token-reused", name, &user.id.to_string(), &shown)
        })
    }

    /// Makes an access token for a login, in place of the one before.
    fn give(
        &self,
        db: Db<'_>,
        user: UserRow,
        login: TokenRow,
        refresh: &Token,
        now: i64,
    ) -> Result<LoginTokens, Error> {
        let access = generate(Purpose::Access)?;
        let access_expires_at = now.saturating_add(i64::from(self.config.tokens.access_seconds));
        if let Some(family) = &login.family {
            db.delete_access_token(family)?;
        }
        let row = TokenRow {
            id: 0,
            kind: TokenKind::Access,
            created_at: now,
            expires_at: Some(access_expires_at),
            last_used_at: None,
            ..login
        };
        db.insert_token(&row, &access.hash())?;
        Ok(LoginTokens {
            user: user.name,
            access: access.text(),
            refresh: refresh.text(),
            access_expires_at,
            refresh_expires_at: self.refresh_ends(now),
        })
    }

    fn refresh_ends(&self, now: i64) -> i64 {
        now.saturating_add(i64::from(self.config.tokens.refresh_seconds))
    }
}

/// The user of that name; where it is an address, the one enabled user who has it.
fn user_called(db: Db<'_>, name: &str) -> Result<Option<UserRow>, Error> {
    if name.contains('@') {
        Ok(db.enabled_user_with_address(name)?)
    } else {
        Ok(db.user(UserKey::Name(name))?)
    }
}

/// Ends what is over, and the login that was used longest ago if there are as many as may be.
fn make_room(db: Db<'_>, user: &UserRow, now: i64) -> Result<(), Error> {
    db.delete_expired_tokens(now)?;
    let mut logins = db.tokens_of(user.id)?;
    logins.retain(|token| token.kind == TokenKind::Refresh);
    logins.sort_by_key(|login| login.last_used_at.unwrap_or(login.created_at));
    let surplus = (logins.len() + 1).saturating_sub(MAX_LOGINS);
    for login in logins.iter().take(surplus) {
        db.delete_token(login)?;
    }
    Ok(())
}
