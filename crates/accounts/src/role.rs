//! What an account may do to other accounts.

use serde::{Deserialize, Serialize};

use crate::field_error::Refused;

/// A user's role in the store. uid 0 is always an administrator, whatever the store says.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and changes parts of the own record.
    #[default]
    User,
    /// Reads all records, without secrets, and the audit log.
    Auditor,
    /// Unlocks and resets plain users.
    Helpdesk,
    /// Everything, sudo and roles included.
    Admin,
}

impl Role {
    /// The role's name, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Auditor => "auditor",
            Self::Helpdesk => "helpdesk",
            Self::Admin => "admin",
        }
    }

    /// Parses a role's name.
    ///
    /// # Errors
    /// Lists the roles there are.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        [Self::User, Self::Auditor, Self::Helpdesk, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| Refused::invalid("a role is one of user, auditor, helpdesk, admin"))
    }
}
