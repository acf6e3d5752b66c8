//! Taking one kind of second factor away from everybody.

use serde_json::json;

use super::administrators::need;
use super::change::EventKind;
use super::two_factor::Provider;
use super::{Error, Service};
use crate::authorize::{Action, Grant};
use crate::store::UserKey;

impl Service {
    /// Removes a kind of second factor from every user, all at once; answers from how many. With the
    /// authenticators go the recovery codes, which only stand in for them.
    ///
    /// # Errors
    /// [`Error::Immutable`] for authenticators while they are enforced, unless `force`: at the next
    /// login everybody who knows a password could set up a second factor of their own.
    pub fn cleanup_two_factor(
        &self,
        grant: &Grant,
        provider: Provider,
        force: bool,
    ) -> Result<u64, Error> {
        need(grant, Action::TwoFactorEnforce, None)?;
        let name = provider.as_str();
        self.change(grant.actor(), |change| {
            let db = change.db;
            if provider == Provider::Totp && !force && db.two_factor_policy()?.enforced {
                return Err(Error::Immutable(
                    "second factors are enforced: whoever knows a password could set up a new one \
                     at the next login. Turn the policy off first (roster 2fa enforce --off), or \
                     force it"
                        .to_owned(),
                ));
            }
            let users = match provider {
                Provider::Totp => db.users_with_any_totp()?,
                Provider::Recovery => db.users_with_recovery_codes()?,
            };
            for id in &users {
                if provider == Provider::Totp {
                    db.delete_every_totp(*id)?;
                }
                db.set_recovery_codes(*id, &[])?;
                let Some(user) = db.user(UserKey::Id(*id))? else { continue };
                let said = json!({ "provider": name });
                change.audit("two-factor-cleanup", user.name.as_str(), &id.to_string(), &said)?;
                change.announce(EventKind::Changed, user.uid, user.name.as_str());
            }
            Ok(users.len() as u64)
        })
    }
}
