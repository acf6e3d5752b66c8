//! Refusals that must not be told apart by the time they take.
//!
//! A name that nobody has is asked for a password as any other, costs the same computations and the
//! same write to the store, and gets the same answer. Its turn among the computations comes as
//! that of a known name from the same host would.
//!
//! A refusal always takes two computations. One answer may hold a password and a code and is then
//! compared twice; sshd hides from us what was typed for an unknown name, so the number of
//! computations may not depend on the answer, and whether an account has a second factor is nobody's
//! business either.

use accounts::UserId;
use auth_protocol::{Code, Step};

use super::super::{Error, Service};
use super::{Attempt, Login, verdict};
use crate::authenticate::{Failures, Requester};
use crate::secret::Secret;
use crate::store::ThrottleKind;

/// What sshd sends, over and over, in place of every character of a password that it will not
/// accept anyway: that of an unknown user, of a user that its settings refuse (`auth-pam.c`).
const SSHD_JUNK: &[u8] = b"\x08\n\r\x7fINCORRECT";

/// Computations behind every refusal.
const COMPUTATIONS: u32 = 2;

/// Whether sshd has hidden the real answer from us.
pub(super) fn is_hidden(answer: &Secret) -> bool {
    let bytes = answer.as_bytes();
    !bytes.is_empty() && bytes.iter().zip(SSHD_JUNK.iter().cycle()).all(|(is, junk)| is == junk)
}

impl Login {
    /// Refuses a name that nobody has, or whose owner went away meanwhile. The name is not
    /// logged: people type their password there by mistake.
    pub(super) fn refuse_stranger(&self, answer: &Secret) -> Result<Step, Error> {
        self.even_out(0, answer)?;
        self.service.settle_nothing()?;
        tracing::warn!(
            service = %self.request.service, remote = %self.request.remote,
            reason = "nobody has this name", "login refused"
        );
        Ok(verdict(Code::AuthenticationFailed))
    }

    /// Does what a refusal takes beyond the computations that were done.
    pub(super) fn even_out(&self, done: u32, answer: &Secret) -> Result<(), Error> {
        for _ in done..COMPUTATIONS {
            self.service.compare_with_nothing(&self.request.remote, &self.request.user, answer)?;
        }
        Ok(())
    }
}

impl Service {
    fn compare_with_nothing(&self, host: &str, name: &str, answer: &Secret) -> Result<(), Error> {
        match self.hasher.verify(answer, None, Requester { host, name }) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::Unavailable(error.to_string())),
        }
    }

    /// Writes as much as a refused try of somebody, and leaves nothing.
    pub(in crate::service) fn settle_nothing(&self) -> Result<(), Error> {
        let nobody = Attempt { user: UserId(uuid::Uuid::nil()), remote: "" };
        self.note(|db| {
            db.allow_nobody()?;
            nobody.refuse(db, ThrottleKind::Password, Failures::default())?;
            db.clear_throttle(nobody.user, ThrottleKind::Password, nobody.remote)?;
            Ok(db.clear_login(nobody.user)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sshd_hides_is_known_at_every_length() {
        let hidden = |bytes: &[u8]| is_hidden(&Secret::new(bytes.to_vec()));
        let twice = [SSHD_JUNK, SSHD_JUNK].concat();
        for length in 1..=twice.len() {
            assert!(hidden(&twice[..length]), "{length}");
        }
        for typed in [&b""[..], b"INCORRECT", b"\x08\n\r\x7fINCORRECt", b"\x08\n\r\x7fINCORRECTx"] {
            assert!(!hidden(typed), "{typed:?}");
        }
    }
}
