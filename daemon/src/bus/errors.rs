//! How the service's refusals are named on the bus.

use bus::{BusError, DictionaryError, ErrorName};
use serde_json::Value;

use crate::service::Error;

/// The bus error that stands for a refusal of the service.
pub(super) fn bus_error(error: &Error) -> BusError {
    let name = match error {
        Error::NoSuchUser(_) => ErrorName::NoSuchUser,
        Error::NoSuchGroup(_) => ErrorName::NoSuchGroup,
        Error::NoSuchKey(_) => ErrorName::NoSuchKey,
        Error::NoSuchRule(_) => ErrorName::NoSuchRule,
        Error::NoSuchToken(_) => ErrorName::NoSuchToken,
        Error::UserExists(_) => ErrorName::UserExists,
        Error::GroupExists(_) => ErrorName::GroupExists,
        Error::IdInUse(_) => ErrorName::IdInUse,
        Error::InvalidField(_) => ErrorName::InvalidField,
        Error::PasswordPolicy(_) => ErrorName::PasswordPolicy,
        Error::LastAdministrator => ErrorName::LastAdministrator,
        Error::Immutable(_) => ErrorName::Immutable,
        Error::StaleGeneration { .. } => ErrorName::StaleGeneration,
        Error::AlreadyInState(_) => ErrorName::AlreadyInState,
        Error::NotAuthorized(_) => ErrorName::NotAuthorized,
        Error::WrongCode => ErrorName::WrongCode,
        Error::NotEnrolled(_) => ErrorName::NotEnrolled,
        Error::RateLimited { .. } => ErrorName::RateLimited,
        Error::WrongPassword => ErrorName::WrongPassword,
        Error::InvalidToken => ErrorName::InvalidToken,
        Error::LoginRefused => ErrorName::LoginRefused,
        Error::MailUnavailable(_) => ErrorName::MailUnavailable,
        Error::HomeDirectory(_) => ErrorName::HomeDirectory,
        Error::HostEffect(_) => ErrorName::HostEffect,
        // With the plan in it, see BusError.
        Error::Planned(_) | Error::Unavailable(_) => ErrorName::Unavailable,
    };
    let plan = match error {
        Error::Planned(plan) => serde_json::to_value(plan).ok(),
        _ => None,
    };
    let plan = plan.as_ref().and_then(Value::as_object).cloned().map(Box::new);
    let fields = error.fields().cloned().unwrap_or_default();
    BusError { name, message: error.to_string(), fields, plan }
}

/// The refusal of a dictionary that is no record.
pub(super) fn dictionary_error(error: &DictionaryError) -> BusError {
    invalid(error.key(), &error.to_string())
}

/// The refusal of one argument.
pub(super) fn invalid(field: &str, message: &str) -> BusError {
    // A caller's own key may be anything: it is escaped and cut.
    let field: String = field.escape_debug().take(64).collect();
    let code = accounts::Code::Invalid;
    let fields = accounts::FieldErrors::one(&field, code, message);
    BusError::with_fields(ErrorName::InvalidField, fields)
}

/// The refusal of a caller without the right.
pub(super) fn not_authorized() -> BusError {
    BusError::new(ErrorName::NotAuthorized, "you are not authorised to do that")
}
