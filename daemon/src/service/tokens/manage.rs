//! App passwords are made, and they and logins listed and ended, by their user or by those who may.

use accounts::{Code, ServiceName, Subject, Timestamp, TokenName};
use serde::Serialize;
use serde_json::json;

use super::super::administrators::need;
use super::super::change::{Change, EventKind};
use super::super::{Error, Service, caller};
use super::{gives_power, no_randomness};
use crate::authenticate::AppPassword;
use crate::authorize::{Action, Grant};
use crate::secret::Secret;
use crate::store::{Db, TokenKind, TokenRow, UserRow};

/// App passwords that a user may have.
const MAX_APP_PASSWORDS: usize = 100;
/// Services in a scope.
pub const MAX_SCOPE: usize = 32;

/// What people call a kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenType {
    /// An app password.
    App,
    /// A login, with its access and its refresh token.
    Login,
}

/// A token, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenEntry {
    /// Its number.
    pub id: i64,
    /// What its owner calls it.
    pub name: String,
    /// Which kind it is.
    #[serde(rename = "type")]
    pub kind: TokenType,
    /// The PAM services that it is for; empty when it was not limited to any.
    pub scope: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When its time is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Which of a user's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// One, by its number.
    One(i64),
    /// All that is asked for by neither kind nor use: every one, those that were mailed too.
    Every,
    /// Those of a kind, last used before an instant. One that was never used counts from when it
    /// was made.
    Those {
        /// App passwords or logins alone.
        kind: Option<TokenType>,
        /// Last used before.
        before: Option<Timestamp>,
    },
}

impl Service {
    /// Makes an app password. It is answered once, with its number.
    ///
    /// # Errors
    /// When the scope is too long, or gives power to a caller who may not; when the user has too
    /// many; when its time is over already.
    pub fn create_token(
        &self,
        grant: &Grant,
        subject: &Subject,
        name: &TokenName,
        scope: &[ServiceName],
        expires_at: Option<Timestamp>,
    ) -> Result<(i64, Secret), Error> {
        if scope.len() > MAX_SCOPE {
            let message = format!("names more than {MAX_SCOPE} services");
            return Err(Error::field("scope", Code::TooLong, message));
        }
        if expires_at.is_some_and(|Timestamp(at)| at <= self.now()) {
            return Err(Error::field("expires_at", Code::Invalid, "is in the past"));
        }
        let password = AppPassword::generate().map_err(no_randomness)?;
        let mut scope: Vec<String> =
            scope.iter().map(|service| service.as_str().to_owned()).collect();
        scope.sort();
        scope.dedup();
        let id = self.change(grant.actor(), |change| {
            let mut user = caller::find(change.db, subject)?;
            need(grant, Action::TokenCreate, Some(user.id))?;
            if let Some(service) = scope.iter().find(|service| gives_power(service)) {
                let what = format!("an app password for {service}");
                self.need_sudo_right(grant, Some(user.id), &what)?;
            }
            let tokens = change.db.tokens_of(user.id)?;
            let app = tokens.iter().filter(|token| token.kind == TokenKind::App);
            if app.count() >= MAX_APP_PASSWORDS {
                let message = format!(
                    "{} has {MAX_APP_PASSWORDS} app passwords: revoke one first",
                    user.name
                );
                return Err(Error::field("name", Code::TooLong, message));
            }
            let row = TokenRow {
                id: 0,
                user_id: user.id,
                kind: TokenKind::App,
                name: name.as_str().to_owned(),
                family: None,
                address: None,
                created_at: change.now,
                expires_at: expires_at.map(|Timestamp(at)| at),
                last_used_at: None,
            };
            let id = change.db.insert_token(&row, &password.hash(user.id))?;
            change.db.set_token_scope(id, &scope)?;
            let shown = json!({
                "id": id, "token": name.as_str(), "scope": scope, "expires_at": expires_at,
            });
            record(change, &mut user, "token-create", &shown)?;
            Ok(id)
        })?;
        Ok((id, password.text()))
    }

    /// A user's app passwords and logins, oldest first.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn list_tokens(&self, subject: &Subject) -> Result<Vec<TokenEntry>, Error> {
        let now = self.now();
        self.read(|db| {
            let user = caller::find(db, subject)?;
            let tokens = db.tokens_of(user.id)?.into_iter();
            let tokens = tokens.filter(|token| token.lasts(now));
            tokens.filter_map(|token| entry(db, token).transpose()).collect()
        })
    }

    /// Ends tokens of a user, at once; how many.
    ///
    /// # Errors
    /// When one is meant that the user does not have.
    pub fn revoke_tokens(
        &self,
        grant: &Grant,
        subject: &Subject,
        which: Which,
    ) -> Result<u32, Error> {
        self.change(grant.actor(), |change| {
            let mut user = caller::find(change.db, subject)?;
            need(grant, Action::TokenRevoke, Some(user.id))?;
            let tokens = change.db.tokens_of(user.id)?;
            let gone: Vec<&TokenRow> = tokens.iter().filter(|token| which.is(token)).collect();
            if let (Which::One(id), true) = (which, gone.is_empty()) {
                return Err(Error::NoSuchToken(id));
            }
            for token in &gone {
                change.db.delete_token(token)?;
            }
            // With its refresh token an access token has gone; nobody knows it by a number.
            let gone = gone.iter().filter(|token| token.kind != TokenKind::Access);
            let ids: Vec<i64> = gone.map(|token| token.id).collect();
            if !ids.is_empty() {
                record(change, &mut user, "token-revoke", &json!({ "ids": ids }))?;
            }
            Ok(u32::try_from(ids.len()).unwrap_or(u32::MAX))
        })
    }
}

fn record(
    change: &mut Change<'_>,
    user: &mut UserRow,
    action: &str,
    shown: &serde_json::Value,
) -> Result<(), Error> {
    change.audit(action, user.name.as_str(), &user.id.to_string(), shown)?;
    change.tell(EventKind::Changed, user.uid, user.name.as_str());
    Ok(())
}

const fn type_of(kind: TokenKind) -> Option<TokenType> {
    match kind {
        TokenKind::App => Some(TokenType::App),
        // Stands for the login; its access token hangs on it.
        TokenKind::Refresh => Some(TokenType::Login),
        TokenKind::Access | TokenKind::Reset | TokenKind::Email => None,
    }
}

fn entry(db: Db<'_>, token: TokenRow) -> Result<Option<TokenEntry>, Error> {
    let Some(kind) = type_of(token.kind) else { return Ok(None) };
    let TokenRow { id, name, created_at, expires_at, last_used_at, .. } = token;
    Ok(Some(TokenEntry {
        id,
        name,
        kind,
        scope: db.token_scope(id)?,
        created_at: Timestamp(created_at),
        last_used_at: last_used_at.map(Timestamp),
        expires_at: expires_at.map(Timestamp),
    }))
}

impl Which {
    fn is(self, token: &TokenRow) -> bool {
        let known = type_of(token.kind);
        match self {
            Self::Every => true,
            Self::One(id) => token.id == id && known.is_some(),
            Self::Those { kind, before } => {
                let used_at = token.last_used_at.unwrap_or(token.created_at);
                known.is_some()
                    && kind.is_none_or(|kind| known == Some(kind))
                    && before.is_none_or(|Timestamp(before)| used_at < before)
            }
        }
    }
}
