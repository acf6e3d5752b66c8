//! Tokens: secrets that stand in for a password, each for something of its own.
//!
//! | file | subject |
//! | --- | --- |
//! | `manage` | app passwords made; they and logins listed and ended |
//! | `services` | which PAM services an app password is for |
//! | `sign_in` | a login for tokens, and the next tokens of a login |
//! | `verify` | whose token is it? |
//! | `mailed` | what a mail carries: to choose a new password, to prove an address |
//!
//! All end at once when their user is disabled or deleted, and when the password changes or is
//! cleared (`store::passwords` sees to that). While the user is locked or expired none is taken.
//! Whoever hands in one that is not taken is not told why.

mod mailed;
mod manage;
mod services;
mod sign_in;
mod verify;

#[cfg(test)]
mod tests;

pub use manage::{MAX_SCOPE, TokenEntry, TokenType, Which};
pub use services::gives_power;
pub(super) use services::takes;
pub use sign_in::LoginTokens;
pub use verify::VerifiedToken;

use super::login::is_good;
use super::{Error, Service};
use crate::authenticate::{Purpose, Token};
use crate::secret::Secret;
use crate::store::{Db, TokenKind, TokenRow, UserKey, UserRow};

/// A new token of that purpose.
fn generate(purpose: Purpose) -> Result<Token, Error> {
    Token::generate(purpose).map_err(no_randomness)
}

fn no_randomness(error: getrandom::Error) -> Error {
    Error::Unavailable(format!("the system gives no random numbers: {error}"))
}

const fn kind(purpose: Purpose) -> TokenKind {
    match purpose {
        Purpose::Access => TokenKind::Access,
        Purpose::Refresh => TokenKind::Refresh,
        Purpose::Reset => TokenKind::Reset,
        Purpose::Email => TokenKind::Email,
    }
}

/// Reads a token of that purpose that somebody handed in.
fn parse(text: &Secret, purpose: Purpose) -> Result<Token, Error> {
    Token::parse(text.as_bytes())
        .filter(|token| token.purpose() == purpose)
        .ok_or(Error::InvalidToken)
}

/// The row of a token that is good at `now`, and its user, who may in.
fn find(db: Db<'_>, token: &Token, now: i64) -> Result<(TokenRow, UserRow), Error> {
    let row = db.token_by_hash(kind(token.purpose()), &token.hash())?;
    let row = row.filter(|row| row.lasts(now)).ok_or(Error::InvalidToken)?;
    let user = db.user(UserKey::Id(row.user_id))?;
    let user = user.filter(|user| is_good(user, now)).ok_or(Error::InvalidToken)?;
    Ok((row, user))
}

impl Service {
    /// Forgets tokens whose time is over.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn sweep_tokens(&self) -> Result<(), Error> {
        let now = self.now();
        if self.read(|db| Ok(db.any_expired_token(now)?))? {
            self.note(|db| Ok(db.delete_expired_tokens(now)?))?;
        }
        Ok(())
    }
}
