//! What a mail carries: a token to choose a new password with, and one that proves the address.
//!
//! Both are good once and for a while. Who asks for one, and how often, is the business of those
//! who send the mail; here is what makes them, and what takes them back.

use accounts::{Code, Timestamp, UserId, UserName};
use serde_json::json;

use super::super::change::{Change, EventKind};
use super::super::login::is_good;
use super::super::{Error, Service};
use super::{find, generate, kind, parse};
use crate::authenticate::Purpose;
use crate::authorize::Actor;
use crate::secret::Secret;
use crate::store::{TokenRow, UserKey, UserRow};

impl Service {
    /// A token with which that user can choose a new password, once, within
    /// `tokens.reset_seconds`. Ends the ones before it, also those nobody has used.
    ///
    /// # Errors
    /// When the user is locked, disabled or expired.
    pub fn issue_reset_token(&self, actor: &Actor, user: UserId) -> Result<Secret, Error> {
        let lasts = self.config.tokens.reset_seconds;
        self.change(actor, |change| {
            let user = welcome(change, user)?;
            issue(change, &user, Purpose::Reset, lasts, None)
        })
    }

    /// Sets a new password by the token that was mailed, which is spent by that, and ends all other
    /// tokens of the user. Whose password it was is answered.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], for whatever reason; [`Error::PasswordPolicy`], and the token is
    /// still good then.
    pub fn redeem_reset_token(
        &self,
        actor: &Actor,
        token: &Secret,
        new: &Secret,
    ) -> Result<UserName, Error> {
        let token = parse(token, Purpose::Reset)?;
        let (_, user) = self.read(|db| find(db, &token, self.now()))?;
        if let Some(reason) = self.password_refusal(new, &user) {
            return Err(Error::PasswordPolicy(reason));
        }
        self.refuse_used_password(&user, new)?;
        let phc = self.hash_password(new)?;
        let user = self.change(actor, |change| {
            // Again: it may have been used while the hash was computed.
            let (_, mut user) = find(change.db, &token, change.now)?;
            self.write_password(change, &mut user, phc, false)?;
            let id = user.id.to_string();
            change.audit("password-reset", user.name.as_str(), &id, &json!({}))?;
            Ok(user)
        })?;
        self.hand_to_samba(actor, user.id, new)?;
        Ok(user.name)
    }

    /// A token that proves that mail to the user's present address arrives, good once, within
    /// `tokens.email_seconds`. Ends the ones before it.
    ///
    /// # Errors
    /// When the user has no address, or it is verified; when the user is locked, disabled or
    /// expired.
    pub fn issue_email_token(&self, actor: &Actor, user: UserId) -> Result<Secret, Error> {
        let lasts = self.config.tokens.email_seconds;
        self.change(actor, |change| {
            let user = welcome(change, user)?;
            let Some(email) = &user.email else {
                let message = format!("{} has no mail address: give one first", user.name);
                return Err(Error::field("email", Code::Required, message));
            };
            if user.email_verified {
                let message = format!("the mail address of {} is verified already", user.name);
                return Err(Error::AlreadyInState(message));
            }
            let address = email.as_str().to_owned();
            issue(change, &user, Purpose::Email, lasts, Some(address))
        })
    }

    /// Takes the token that was mailed for the proof that mail arrives, if the address is still the
    /// same. Whose it is is answered.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], for whatever reason.
    pub fn redeem_email_token(&self, actor: &Actor, token: &Secret) -> Result<UserName, Error> {
        let token = parse(token, Purpose::Email)?;
        self.change(actor, |change| {
            let (row, mut user) = find(change.db, &token, change.now)?;
            let address = user.email.as_ref().map(|email| email.as_str());
            if address.is_none() || address != row.address.as_deref() {
                return Err(Error::InvalidToken);
            }
            change.db.delete_tokens(user.id, row.kind)?;
            user.email_verified = true;
            user.updated_at = change.now;
            user.generation += 1;
            change.db.update_user(&user)?;
            change.audit("email-verify", user.name.as_str(), &user.id.to_string(), &json!({}))?;
            change.announce(EventKind::Changed, user.uid, user.name.as_str());
            Ok(user.name)
        })
    }
}

/// The user, who may be used.
fn welcome(change: &Change<'_>, id: UserId) -> Result<UserRow, Error> {
    let user = change.db.user(UserKey::Id(id))?;
    let user = user.ok_or_else(|| Error::NoSuchUser(format!("id {id}")))?;
    if is_good(&user, change.now) {
        return Ok(user);
    }
    let message = format!("{} is locked, disabled or expired: open the account first", user.name);
    Err(Error::field("name", Code::Conflict, message))
}

/// Makes a token of which a user has one at a time.
fn issue(
    change: &mut Change<'_>,
    user: &UserRow,
    purpose: Purpose,
    lasts: u32,
    address: Option<String>,
) -> Result<Secret, Error> {
    let token = generate(purpose)?;
    let expires_at = change.now.saturating_add(i64::from(lasts));
    change.db.delete_tokens(user.id, kind(purpose))?;
    let row = TokenRow {
        id: 0,
        user_id: user.id,
        kind: kind(purpose),
        name: String::new(),
        family: None,
        address,
        created_at: change.now,
        expires_at: Some(expires_at),
        last_used_at: None,
    };
    let id = change.db.insert_token(&row, &token.hash())?;
    let action = match purpose {
        Purpose::Email => "email-token-issue",
        _ => "reset-token-issue",
    };
    let shown = json!({ "id": id, "expires_at": Timestamp(expires_at) });
    change.audit(action, user.name.as_str(), &user.id.to_string(), &shown)?;
    Ok(token.text())
}
