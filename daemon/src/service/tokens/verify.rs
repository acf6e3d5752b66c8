//! Whose is this token? For a local service that was handed one.

use accounts::{Timestamp, UserName};
use serde::Serialize;

use super::super::{Error, Service};
use super::{find, parse};
use crate::authenticate::Purpose;
use crate::secret::Secret;

/// A use is written down if the last one was so many seconds ago: each write waits for the disk.
const NOTED_EVERY: i64 = 5 * 60;

/// A token that is good, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedToken {
    /// The user's name, now.
    pub user: UserName,
    /// The user's number.
    pub uid: u32,
    /// What kind of token it is: `access`.
    pub kind: &'static str,
    /// What it is limited to; empty when to nothing.
    pub scope: Vec<String>,
    /// When its time is over.
    pub expires_at: Option<Timestamp>,
}

impl Service {
    /// Whose access token that is.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], whatever the reason.
    pub fn verify_token(&self, token: &Secret) -> Result<VerifiedToken, Error> {
        let token = parse(token, Purpose::Access)?;
        let now = self.now();
        let (row, user) = self.read(|db| find(db, &token, now))?;
        let is_noted = row.last_used_at.is_some_and(|at| (0..NOTED_EVERY).contains(&(now - at)));
        if !is_noted && !self.note(|db| Ok(db.use_login(&row, now)?))? {
            return Err(Error::InvalidToken);
        }
        Ok(VerifiedToken {
            user: user.name,
            uid: user.uid,
            kind: "access",
            scope: Vec::new(),
            expires_at: row.expires_at.map(Timestamp),
        })
    }
}
