//! Errors as they travel over the bus: a name for programs, a message for people, and the fields
//! that were refused.

use accounts::{FieldError, FieldErrors};
use serde_json::{Map, Value};
use zbus::message::{Header, Message};
use zbus::{DBusError, fdo};

use crate::dictionary::to_dictionary;
use crate::names::ERROR_PREFIX;

macro_rules! error_names {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The errors of `org.roster.Accounts1`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorName {
            $($(#[$doc])* $name,)*
        }

        impl ErrorName {
            /// Every name there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The full D-Bus error name.
            #[must_use]
            pub const fn full(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("org.roster.Accounts1.Error.", stringify!($name)),)*
                }
            }

            /// The name in `snake_case`, as programs see it in JSON.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

error_names! {
    /// No user is meant by the subject.
    NoSuchUser = "no_such_user",
    /// No group is meant by the subject.
    NoSuchGroup = "no_such_group",
    /// The user has no such key.
    NoSuchKey = "no_such_key",
    /// The holder has no such sudo rule.
    NoSuchRule = "no_such_rule",
    /// The user has no such token.
    NoSuchToken = "no_such_token",
    /// The name of the user is taken.
    UserExists = "user_exists",
    /// The name of the group is taken.
    GroupExists = "group_exists",
    /// The uid or gid is taken.
    IdInUse = "id_in_use",
    /// One or more fields are wrong; all of them are listed.
    InvalidField = "invalid_field",
    /// The password is not good enough.
    PasswordPolicy = "password_policy",
    /// The last administrator would be lost.
    LastAdministrator = "last_administrator",
    /// What was to be changed cannot change.
    Immutable = "immutable",
    /// The record has changed since the caller read it.
    StaleGeneration = "stale_generation",
    /// It is so already.
    AlreadyInState = "already_in_state",
    /// The caller may not do that.
    NotAuthorized = "not_authorized",
    /// The code of the second factor is wrong.
    WrongCode = "wrong_code",
    /// The user has no such second factor.
    NotEnrolled = "not_enrolled",
    /// Too many calls or attempts; later again.
    RateLimited = "rate_limited",
    /// The old password is wrong.
    WrongPassword = "wrong_password",
    /// The token is none of ours, or not any more.
    InvalidToken = "invalid_token",
    /// The login was refused, for whatever reason.
    LoginRefused = "login_refused",
    /// No mail can be sent, or it has not left.
    MailUnavailable = "mail_unavailable",
    /// The home directory could not be made or moved.
    HomeDirectory = "home_directory",
    /// A change of the host failed.
    HostEffect = "host_effect",
    /// The store cannot be used now.
    Unavailable = "unavailable",
}

impl ErrorName {
    /// The name behind a full D-Bus error name, if it is one of ours.
    #[must_use]
    pub fn from_full(name: &str) -> Option<Self> {
        let short = name.strip_prefix(ERROR_PREFIX)?;
        Self::ALL.iter().copied().find(|known| known.full()[ERROR_PREFIX.len()..] == *short)
    }
}

/// An error of `org.roster.Accounts1`. Its body is the message and the refused fields as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BusError {
    /// Which error, for programs.
    pub name: ErrorName,
    /// What happened, for people. Never holds a secret.
    pub message: String,
    /// The fields that were refused, if that is what happened.
    pub fields: FieldErrors,
    /// The plan that a rehearsal ends with. It is sent as the call's answer, not as an error: the
    /// verb itself, which has not come to its answer, need not know.
    pub plan: Option<Box<Map<String, Value>>>,
}

impl BusError {
    /// An error that is about no field.
    #[must_use]
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), fields: FieldErrors::default(), plan: None }
    }

    /// An error about fields; the message is theirs.
    #[must_use]
    pub fn with_fields(name: ErrorName, fields: FieldErrors) -> Self {
        Self { name, message: fields.to_string(), fields, plan: None }
    }

    fn fields_json(&self) -> String {
        serde_json::to_string(&self.fields.0).unwrap_or_else(|_| "[]".to_owned())
    }
}

impl DBusError for BusError {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        if let Some(plan) = &self.plan {
            let mut plan = plan.as_ref().clone();
            let verb = call.member().map_or("", |member| member.as_str());
            plan.insert("verb".to_owned(), verb.into());
            let plan =
                to_dictionary(&plan).map_err(|error| zbus::Error::Failure(error.to_string()))?;
            return Message::method_return(call).build(&plan);
        }
        // D-Bus text holds no NUL.
        let message = self.message.replace('\0', "\u{fffd}");
        Message::error(call, self.name.full()).build(&(message, self.fields_json()))
    }

    fn name(&self) -> zbus::names::ErrorName<'_> {
        zbus::names::ErrorName::from_static_str_unchecked(self.name.full())
    }

    fn description(&self) -> Option<&str> {
        Some(&self.message)
    }
}

/// Why a call did not succeed, as a client sees it.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service refused.
    #[error(transparent)]
    Refused(#[from] BusError),
    /// There is no bus, no service on it, or no answer.
    #[error("the account service cannot be reached: {0}")]
    Unreachable(String),
    /// Anything else: an answer that cannot be read, or an error that is not ours.
    #[error("{0}")]
    Other(String),
}

impl From<zbus::Error> for CallError {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::MethodError(name, detail, reply) => {
                match ErrorName::from_full(name.as_str()) {
                    Some(name) => Self::Refused(from_reply(name, detail, &reply)),
                    None => Self::Other(detail.unwrap_or_else(|| name.to_string())),
                }
            }
            zbus::Error::FDO(error) => (*error).into(),
            zbus::Error::InputOutput(_)
            | zbus::Error::Connection(..)
            | zbus::Error::Address(_)
            | zbus::Error::Handshake(_) => Self::Unreachable(error.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<fdo::Error> for CallError {
    fn from(error: fdo::Error) -> Self {
        let refused = |name, message| Self::Refused(BusError::new(name, message));
        match error {
            fdo::Error::ZBus(error) => error.into(),
            fdo::Error::ServiceUnknown(m)
            | fdo::Error::NameHasNoOwner(m)
            | fdo::Error::NoReply(m)
            | fdo::Error::NoServer(m)
            | fdo::Error::Timeout(m)
            | fdo::Error::TimedOut(m)
            | fdo::Error::Disconnected(m)
            | fdo::Error::NoNetwork(m)
            | fdo::Error::SpawnExecFailed(m)
            | fdo::Error::SpawnForkFailed(m)
            | fdo::Error::SpawnChildExited(m)
            | fdo::Error::SpawnChildSignaled(m)
            | fdo::Error::SpawnFailed(m) => Self::Unreachable(m),
            fdo::Error::AccessDenied(m)
            | fdo::Error::AuthFailed(m)
            | fdo::Error::InteractiveAuthorizationRequired(m) => {
                refused(ErrorName::NotAuthorized, m)
            }
            fdo::Error::LimitsExceeded(m) => refused(ErrorName::RateLimited, m),
            other => Self::Other(other.to_string()),
        }
    }
}

fn from_reply(name: ErrorName, detail: Option<String>, reply: &Message) -> BusError {
    let body = reply.body();
    let Ok((message, fields)) = body.deserialize::<(String, String)>() else {
        return BusError::new(name, detail.unwrap_or_else(|| name.code().to_owned()));
    };
    let fields = serde_json::from_str::<Vec<FieldError>>(&fields).unwrap_or_default();
    BusError { name, message, fields: FieldErrors(fields), plan: None }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use accounts::Code;

    use super::*;

    fn over_the_wire(error: &BusError) -> CallError {
        let call = Message::method_call("/", "Call");
        let call = call.destination("org.roster.Accounts1").build(&()).unwrap();
        zbus::Error::from(error.create_reply(&call.header()).unwrap()).into()
    }

    #[test]
    fn every_error_arrives_as_it_was_sent() {
        for name in ErrorName::ALL {
            let mut sent = BusError::new(*name, "it's so:\n“é”");
            sent.fields.add("name", Code::InUse, "is taken");
            sent.fields.add("uid", Code::IdInUse, "is \"taken\"");
            let CallError::Refused(got) = over_the_wire(&sent) else { panic!("{name:?}") };
            assert_eq!(got, sent);
        }
    }

    #[test]
    fn names_and_codes_belong_together() {
        for name in ErrorName::ALL {
            assert_eq!(ErrorName::from_full(name.full()), Some(*name));
            let mut snake = String::new();
            for c in name.full()[ERROR_PREFIX.len()..].chars() {
                if c.is_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.extend(c.to_lowercase());
            }
            assert_eq!(snake, name.code());
        }
        assert_eq!(ErrorName::from_full("org.roster.Accounts1.Error.Nonsense"), None);
        assert_eq!(ErrorName::from_full("NoSuchUser"), None);
    }

    #[test]
    fn a_message_with_nul_still_gets_out() {
        let CallError::Refused(got) = over_the_wire(&BusError::new(ErrorName::Immutable, "a\0b"))
        else {
            panic!("refused")
        };
        assert_eq!(got.message, "a\u{fffd}b");
    }

    #[test]
    fn a_missing_service_is_unreachable_and_a_denial_is_not_authorized() {
        let error = zbus::Error::from(fdo::Error::ServiceUnknown("gone".into()));
        assert!(matches!(CallError::from(error), CallError::Unreachable(_)));
        let error = zbus::Error::from(fdo::Error::AccessDenied("no".into()));
        let CallError::Refused(refused) = CallError::from(error) else { panic!("refused") };
        assert_eq!(refused.name, ErrorName::NotAuthorized);
    }
}
