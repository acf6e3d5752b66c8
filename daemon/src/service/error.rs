//! Why a verb was refused or failed.

use accounts::{Code, FieldErrors};

use super::plan::Plan;
use crate::store::StoreError;

/// Why a verb was refused or failed. Nothing was written, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No user of ours is meant.
    #[error("there is no user {0}")]
    NoSuchUser(String),
    /// No group is meant.
    #[error("there is no group {0}")]
    NoSuchGroup(String),
    /// The user has no such key.
    #[error("there is no key {0}: list the keys for their ids")]
    NoSuchKey(i64),
    /// The holder has no such sudo rule.
    #[error("there is no sudo rule {0}: list the rules for their ids")]
    NoSuchRule(i64),
    /// The user has no such token.
    #[error("there is no token {0}: list the tokens for their ids")]
    NoSuchToken(i64),
    /// The name is taken.
    #[error("{0}")]
    UserExists(FieldErrors),
    /// The group's name is taken.
    #[error("{0}")]
    GroupExists(FieldErrors),
    /// The number is taken.
    #[error("{0}")]
    IdInUse(FieldErrors),
    /// Fields of the request are wrong.
    #[error("{0}")]
    InvalidField(FieldErrors),
    /// The new password is too weak.
    #[error("the password {0}")]
    PasswordPolicy(String),
    /// Nobody could administer Roster afterwards.
    #[error("this is the last administrator who can get in for good: make another one first")]
    LastAdministrator,
    /// The account or field may not be changed.
    #[error("{0}")]
    Immutable(String),
    /// The record changed since the caller read it.
    #[error("the record is at generation {is}, not {expected}: read it again")]
    StaleGeneration {
        /// What the caller expected.
        expected: u64,
        /// What it is.
        is: u64,
    },
    /// The account is so already.
    #[error("{0}")]
    AlreadyInState(String),
    /// The caller may not do that.
    #[error("{0}")]
    NotAuthorized(String),
    /// The second factor's code is wrong or was used before.
    #[error("the code is wrong or was used before")]
    WrongCode,
    /// There is no second factor to do that with.
    #[error("{0}")]
    NotEnrolled(String),
    /// Too many failures, or too many requests.
    #[error("too many tries: wait {seconds} s")]
    RateLimited {
        /// How long to wait.
        seconds: i64,
    },
    /// The old password is wrong.
    #[error("the old password is wrong")]
    WrongPassword,
    /// A token is none of ours, or not any more, or its user may not in: nobody is told which.
    #[error("the token is not valid, or not any more: get a new one")]
    InvalidToken,
    /// A login was refused, for a reason that nobody is told.
    #[error(
        "the login was refused: the name, the password or the code is wrong, or the account may \
         not be used now; after several failures wait a while, right or wrong"
    )]
    LoginRefused,
    /// A mail cannot be sent, or has not left. What stands in the store stays.
    #[error("{0}")]
    MailUnavailable(String),
    /// A home directory cannot be made, moved or removed.
    #[error("home directory: {0}")]
    HomeDirectory(String),
    /// Another effect on the host failed.
    #[error("{0}")]
    HostEffect(String),
    /// It was a rehearsal: this is what would have been done.
    #[error("this was a rehearsal: nothing was changed")]
    Planned(Box<Plan>),
    /// The store, the disk or the index cannot be used now.
    #[error("accounts cannot be changed now: {0}")]
    Unavailable(String),
}

impl Error {
    /// The refusal of a request's fields, under the name that fits when there is only one.
    #[must_use]
    pub fn fields_refused(errors: FieldErrors) -> Self {
        match errors.0.as_slice() {
            [only] => match (only.field.as_str(), only.code) {
                ("name", Code::InUse) => Self::UserExists(errors),
                ("uid" | "gid", Code::IdInUse) => Self::IdInUse(errors),
                _ => Self::InvalidField(errors),
            },
            _ => Self::InvalidField(errors),
        }
    }

    /// One refused field.
    #[must_use]
    pub fn field(field: &str, code: Code, message: impl Into<String>) -> Self {
        Self::fields_refused(FieldErrors::one(field, code, message))
    }

    /// The error's stable name, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSuchUser(_) => "no_such_user",
            Self::NoSuchGroup(_) => "no_such_group",
            Self::NoSuchKey(_) => "no_such_key",
            Self::NoSuchRule(_) => "no_such_rule",
            Self::NoSuchToken(_) => "no_such_token",
            Self::UserExists(_) => "user_exists",
            Self::GroupExists(_) => "group_exists",
            Self::IdInUse(_) => "id_in_use",
            Self::InvalidField(_) => "invalid_field",
            Self::PasswordPolicy(_) => "password_policy",
            Self::LastAdministrator => "last_administrator",
            Self::Immutable(_) => "immutable",
            Self::StaleGeneration { .. } => "stale_generation",
            Self::AlreadyInState(_) => "already_in_state",
            Self::NotAuthorized(_) => "not_authorized",
            Self::WrongCode => "wrong_code",
            Self::NotEnrolled(_) => "not_enrolled",
            Self::RateLimited { .. } => "rate_limited",
            Self::WrongPassword => "wrong_password",
            Self::InvalidToken => "invalid_token",
            Self::LoginRefused => "login_refused",
            Self::MailUnavailable(_) => "mail_unavailable",
            Self::HomeDirectory(_) => "home_directory",
            Self::HostEffect(_) => "host_effect",
            Self::Planned(_) => "planned",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// The same, with one warning more if it is a plan.
    #[must_use]
    pub(super) fn warning(mut self, warning: &str) -> Self {
        if let Self::Planned(plan) = &mut self {
            plan.warnings.push(warning.to_owned());
        }
        self
    }

    /// The refused fields, when that is why.
    #[must_use]
    pub const fn fields(&self) -> Option<&FieldErrors> {
        match self {
            Self::UserExists(f)
            | Self::GroupExists(f)
            | Self::IdInUse(f)
            | Self::InvalidField(f) => Some(f),
            _ => None,
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<FieldErrors> for Error {
    fn from(errors: FieldErrors) -> Self {
        Self::fields_refused(errors)
    }
}
