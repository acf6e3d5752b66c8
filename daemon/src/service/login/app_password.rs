//! An app password in place of password and code, for the services that its scope names.

use auth_protocol::{Code, Step};

use super::super::{Error, tokens};
use super::{Account, Login, verdict};
use crate::authenticate::AppPassword;
use crate::secret::Secret;
use crate::store::TokenKind;

impl Login {
    /// The app password of the user's that the answer is, if this service takes it. Looked for
    /// whatever else the answer is, so that the time tells nothing.
    pub(super) fn app_password(
        &self,
        account: &Account,
        answer: &Secret,
    ) -> Result<Option<i64>, Error> {
        let user = account.user.id;
        let Some(typed) = AppPassword::parse(answer.as_bytes()) else { return Ok(None) };
        let now = self.service.now();
        self.service.read(|db| {
            let token = db.token_by_hash(TokenKind::App, &typed.hash(user))?;
            let Some(token) = token.filter(|token| token.user_id == user && token.lasts(now))
            else {
                return Ok(None);
            };
            let scope = db.token_scope(token.id)?;
            Ok(tokens::takes(&self.request.service, &scope).then_some(token.id))
        })
    }

    /// Lets the user in, unless the app password was revoked this moment. Failures with the password
    /// stay counted, and later modules do not get what is no password.
    pub(super) fn accept_app_password(&self, token: i64) -> Result<Step, Error> {
        let now = self.service.now();
        if !self.service.note(|db| Ok(db.use_token(token, now)?))? {
            return Ok(self.refuse(Code::AuthenticationFailed, "the app password was revoked"));
        }
        tracing::info!(
            user = %self.request.user, service = %self.request.service,
            remote = %self.request.remote, token, "authenticated by an app password"
        );
        Ok(verdict(Code::Success))
    }
}
