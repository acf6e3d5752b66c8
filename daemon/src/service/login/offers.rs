//! Secrets that logins have shown to users who must set up a second factor, until one of their codes
//! is typed.
//!
//! They are in no store: whoever looks at one and goes away leaves nothing behind. The same login,
//! tried again from the same place while the app still has the secret, is shown the same one; it is
//! never shown elsewhere, since whoever else knows the password would then hold a copy of what the
//! user confirms.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use accounts::UserId;

use crate::authenticate::{Totp, TotpError};
use crate::secret::Secret;

/// Digits of a code and seconds that it is shown: what every app takes for granted.
pub(super) const DIGITS: u32 = 6;
pub(super) const INTERVAL: u32 = 30;
/// For how many seconds a secret is shown again.
const LASTS: i64 = 15 * 60;
/// Secrets that are remembered; the oldest one goes for a further one.
const MOST: usize = 1024;

/// The secrets.
#[derive(Default)]
pub(in crate::service) struct Offers(Mutex<HashMap<(UserId, String), Offer>>);

struct Offer {
    secret: Secret,
    at: i64,
}

impl Offers {
    /// The secret for a login of that user from there.
    pub(super) fn secret(&self, user: UserId, remote: &str, now: i64) -> Result<Totp, TotpError> {
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        offers.retain(|_, offer| (0..LASTS).contains(&(now - offer.at)));
        let key = (user, remote.to_owned());
        if let Some(offer) = offers.get(&key) {
            return Totp::new(offer.secret.clone(), DIGITS, INTERVAL);
        }
        let totp = Totp::generate(DIGITS, INTERVAL)?;
        if offers.len() >= MOST
            && let Some(oldest) =
                offers.iter().min_by_key(|(_, offer)| offer.at).map(|(key, _)| key.clone())
        {
            offers.remove(&oldest);
        }
        offers.insert(key, Offer { secret: totp.secret().clone(), at: now });
        Ok(totp)
    }

    /// Forgets what was shown to that user, who has a second factor now.
    pub(super) fn forget(&self, user: UserId) {
        let mut offers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        offers.retain(|(of, _), _| *of != user);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn shown(offers: &Offers, who: u128, remote: &str, now: i64) -> Vec<u8> {
        offers.secret(user(who), remote, now).unwrap().secret().as_bytes().to_vec()
    }

    #[test]
    fn the_same_place_is_shown_the_same_secret_for_a_while_and_no_other_place() {
        let offers = Offers::default();
        let first = shown(&offers, 1, "192.0.2.1", 1000);
        assert_eq!(shown(&offers, 1, "192.0.2.1", 1000 + LASTS - 1), first);
        assert_ne!(shown(&offers, 1, "192.0.2.2", 1000), first);
        assert_ne!(shown(&offers, 2, "192.0.2.1", 1000), first);
        assert_ne!(shown(&offers, 1, "192.0.2.1", 1000 + LASTS), first);
        let clock_set_back = shown(&offers, 1, "192.0.2.1", 10);
        assert_ne!(clock_set_back, first);
        offers.forget(user(1));
        assert_ne!(shown(&offers, 1, "192.0.2.1", 10), clock_set_back);
    }

    #[test]
    fn strangers_cannot_make_it_grow() {
        let offers = Offers::default();
        for n in 0..2 * MOST {
            shown(&offers, 1, &format!("host{n}"), 1000);
        }
        assert_eq!(offers.0.lock().unwrap().len(), MOST);
    }
}
