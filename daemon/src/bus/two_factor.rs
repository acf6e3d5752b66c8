//! The verbs of second factors.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use accounts::Subject;
use bus::{BusError, Dictionary, ErrorName};
use serde::Serialize;
use serde_json::json;
use zbus::message::Header;
use zbus::{OwnedFd, Variant};

use super::door::{Door, give};
use super::errors::invalid;
use super::options::Options;
use super::records::{record, secret_json};
use super::verb::Verb;
use crate::secret::Secret;
use crate::service::{Enrolment, Provider, Service};

/// An enrolment, as its descriptor carries it.
#[derive(Serialize)]
struct EnrolmentJson<'a> {
    secret: Option<&'a str>,
    uri: Option<&'a str>,
    digits: u32,
    interval: u32,
}

/// `EnrollTotp`.
pub(super) async fn enroll(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
    options: Dictionary,
) -> Result<OwnedFd, BusError> {
    let mut options = Options::new(options);
    let (digits, interval) = (options.number("digits"), options.number("interval"));
    options.finish()?;
    // What does not fit is as wrong as what is out of range; the service knows the range.
    let small = |number: Option<u64>, default| {
        number.map_or(default, |number| u32::try_from(number).unwrap_or(u32::MAX))
    };
    let (digits, interval) = (small(digits, 6), small(interval, 30));
    let grant = door.grant(call, Verb::EnrollTotp, Some(&subject)).await?;
    let enroll = move |service: &Service| service.enroll_totp(&grant, &subject, digits, interval);
    give_enrolment(&door.run(enroll).await?)
}

/// `GetProvisioningUri`.
pub(super) async fn pending(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
) -> Result<OwnedFd, BusError> {
    let grant = door.grant(call, Verb::GetProvisioningUri, Some(&subject)).await?;
    give_enrolment(&door.run(move |service| service.pending_totp(&grant, &subject)).await?)
}

fn give_enrolment(enrolment: &Enrolment) -> Result<OwnedFd, BusError> {
    give(&secret_json(&EnrolmentJson {
        secret: enrolment.secret.as_str(),
        uri: enrolment.uri.as_str(),
        digits: enrolment.digits,
        interval: enrolment.interval,
    })?)
}

/// `ConfirmTotp`.
pub(super) async fn confirm(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
    code: OwnedFd,
) -> Result<OwnedFd, BusError> {
    let grant = door.grant(call, Verb::ConfirmTotp, Some(&subject)).await?;
    let code = door.secret("code", code.into()).await?;
    give_codes(&door.run(move |service| service.confirm_totp(&grant, &subject, &code)).await?)
}

/// `VerifyTotp`.
pub(super) async fn verify(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
    code: OwnedFd,
) -> Result<bool, BusError> {
    let grant = door.grant(call, Verb::VerifyTotp, Some(&subject)).await?;
    let code = door.secret("code", code.into()).await?;
    door.run(move |service| service.verify_totp(&grant, &subject, &code)).await
}

/// `GenerateRecoveryCodes`.
pub(super) async fn recovery_codes(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
) -> Result<OwnedFd, BusError> {
    let grant = door.grant(call, Verb::GenerateRecoveryCodes, Some(&subject)).await?;
    give_codes(&door.run(move |service| service.generate_recovery_codes(&grant, &subject)).await?)
}

/// `GetTwoFactorState`.
pub(super) async fn state(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
) -> Result<Dictionary, BusError> {
    door.grant(call, Verb::GetTwoFactorState, Some(&subject)).await?;
    let state = door.run(move |service| service.two_factor_state(&subject)).await?;
    let mut dictionary = record(&json!({
        "enabled": state.enabled,
        "enforced": state.enforced,
        "due_at": state.due_at,
        "recovery_codes_left": state.recovery_codes_left,
    }))?;
    let providers = HashMap::from([("totp", state.totp), ("recovery", state.recovery)]);
    let providers = Variant::new(providers)
        .try_into_owned()
        .map_err(|error| BusError::new(ErrorName::Unavailable, error.to_string()))?;
    dictionary.insert("providers".to_owned(), providers);
    Ok(dictionary)
}

/// `EnableTwoFactor` and `DisableTwoFactor`.
pub(super) async fn set(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
    provider: &str,
    on: bool,
) -> Result<(), BusError> {
    let provider = Provider::parse(provider)
        .ok_or_else(|| invalid("provider", "a provider is totp or recovery"))?;
    let verb = if on { Verb::EnableTwoFactor } else { Verb::DisableTwoFactor };
    let grant = door.grant(call, verb, Some(&subject)).await?;
    door.run(move |service| service.set_two_factor(&grant, &subject, provider, on)).await
}

fn give_codes(codes: &[Secret]) -> Result<OwnedFd, BusError> {
    let codes: Vec<_> = codes.iter().map(Secret::as_str).collect();
    give(&secret_json(&BTreeMap::from([("recovery_codes", codes)]))?)
}
