//! The key of second-factor secrets: settled at start, exchanged by `roster 2fa rotate-key`. How it
//! outlives a crash is told in `authenticate/sealer.rs`.

use serde_json::json;

use super::administrators::need;
use super::change::Change;
use super::{Error, Service};
use crate::authenticate::SealError;
use crate::authorize::{Action, Actor, Grant};
use crate::store::SealedRow;

impl Service {
    /// Exchanges the key: every secret is sealed anew, in one transaction. Answers how many.
    ///
    /// # Errors
    /// [`Error::Immutable`] when the key is given by a credential; when a file cannot be written.
    pub fn rotate_totp_key(&self, grant: &Grant) -> Result<u64, Error> {
        need(grant, Action::TotpKeyRotate, None)?;
        if self.sealer.is_from_credential() {
            return Err(Error::Immutable(
                "the key is given by the credential totp-key: keep the present one as \
                 roster.totp-key-previous, put a new one in the place of roster.totp-key and \
                 restart rosterd, which then seals every secret anew"
                    .to_owned(),
            ));
        }
        let _only = self.sealer.begin_rotation();
        if !grant.rehearses() {
            // What an earlier one has left is brought to its end first.
            self.settle_keys()?;
            self.sealer.prepare().map_err(sealing)?;
        }
        let count = self.reseal_with_next(grant.actor())?;
        self.finish_rotation();
        Ok(count)
    }

    /// The one transaction of an exchange.
    fn reseal_with_next(&self, actor: &Actor) -> Result<u64, Error> {
        let mut switched = false;
        let resealed = self.change(actor, |change| {
            let rows = change.db.sealed_secrets()?;
            if !actor.rehearses() {
                // While the store is held, so that nobody seals with the old one after this.
                self.sealer.switch();
                switched = true;
            }
            let (from, to) = (json!("the one in force"), json!("a new one"));
            change.planned("key", "totp", "key", &from, &to);
            let count = if actor.rehearses() { 0 } else { self.reseal(change, &rows)? };
            let said = json!({ "key": { "from": from, "to": to }, "secrets": count });
            change.audit("two-factor-rotate-key", "", "", &said)?;
            Ok(count)
        });
        if resealed.is_err() && switched {
            // Both keys stay: the next exchange, or start, tells by the secrets which they need.
            self.sealer.switch();
        }
        resealed
    }

    fn finish_rotation(&self) {
        if let Err(error) = self.sealer.finish() {
            tracing::error!(%error, "an earlier key of second-factor secrets was not removed: the \
                             next start tries again");
        }
    }

    /// As [`Service::settle_keys`], where nobody waits for the outcome.
    pub(super) fn settle_keys_at_start(&self) {
        let _only = self.sealer.begin_rotation();
        if let Err(error) = self.settle_keys() {
            tracing::error!(%error, "second-factor secrets were not sealed with the key in use");
        }
    }

    /// Settles which key is in use, and seals anew what was sealed with an earlier one.
    pub(super) fn settle_keys(&self) -> Result<(), Error> {
        // One by one, twice: of a million secrets none is kept that needs nothing.
        let stale = self.read(|db| {
            db.each_sealed_secret(|row| {
                self.sealer.choose(std::iter::once(row.sealed.as_slice()));
            })?;
            let mut stale = Vec::new();
            db.each_sealed_secret(|row| {
                if !self.sealer.is_current(&row.sealed) {
                    stale.push(row);
                }
            })?;
            Ok(stale)
        })?;
        if !stale.is_empty() {
            let count = self.change(&Actor::daemon(), |change| {
                let count = self.reseal(change, &stale)?;
                let said = json!({ "secrets": count });
                if count > 0 {
                    change.audit("two-factor-rotate-key", "", "", &said)?;
                }
                Ok(count)
            })?;
            tracing::info!(count, "second-factor secrets were sealed with the key in use");
        }
        self.finish_rotation();
        Ok(())
    }

    /// Seals these with the key in use; those that no key opens are left as they are.
    fn reseal(&self, change: &Change<'_>, rows: &[SealedRow]) -> Result<u64, Error> {
        let mut count = 0;
        for row in rows {
            let secret = match self.sealer.open(row.user, &row.sealed) {
                Ok(secret) => secret,
                Err(error) => {
                    tracing::error!(user = %row.user, %error, "a second-factor secret does not open");
                    continue;
                }
            };
            let sealed = self.sealer.seal(row.user, &secret).map_err(sealing)?;
            change.db.reseal(&SealedRow { sealed, ..row.clone() })?;
            count += 1;
        }
        Ok(count)
    }
}

fn sealing(error: SealError) -> Error {
    Error::Unavailable(error.to_string())
}

#[cfg(test)]
#[path = "key_rotation_tests.rs"]
mod tests;
