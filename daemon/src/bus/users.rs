//! Verbs that the management interface and a user's object share.

use std::sync::Arc;

use accounts::{Code, Subject};
use bus::{BusError, Dictionary, ErrorName};
use zbus::OwnedFd;
use zbus::message::Header;

use super::door::Door;
use super::options::Options;
use super::records::{are_own, fields, give_power, record};
use super::verb::Verb;
use crate::authorize::Grant;
use crate::secret::Secret;
use crate::service::{DeleteOptions, HomeFate, NewPassword, Service};

/// `GetUser`.
pub(super) async fn get(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
) -> Result<Dictionary, BusError> {
    door.grant(call, Verb::GetUser, Some(&subject)).await?;
    record(&door.run(move |service| service.user(&subject)).await?)
}

/// `WhoAmI`.
pub(super) async fn who_am_i(door: &Arc<Door>, call: &Header<'_>) -> Result<Dictionary, BusError> {
    let subject = Subject::Number(door.sender(call).await?.uid);
    match door.run(move |service| service.user(&subject)).await {
        Ok(user) => record(&user),
        Err(error) if error.name == ErrorName::NoSuchUser => Ok(Dictionary::new()),
        Err(error) => Err(error),
    }
}

/// `UpdateUser`.
pub(super) async fn update(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
    fields: &Dictionary,
    options: Dictionary,
) -> Result<Dictionary, BusError> {
    let fields = self::fields(fields)?;
    let mut options = Options::new(options);
    let expected = options.number("expect_generation");
    let password = options.descriptor("password");
    let imposed = options.flag("override_policy");
    options.finish()?;
    let power = give_power(&fields, &door.service().config().accounts.root_groups);
    let mut grant = door.grant_update(call, &subject, are_own(&fields), power).await?;
    let password = match password {
        Some(fd) => {
            grant = grant.and(door.grant(call, Verb::SetPassword, Some(&subject)).await?);
            grant = and_override(door, call, grant, Some(&subject), imposed).await?;
            given(door.secret("password", fd).await?, imposed)
        }
        None => NewPassword::None,
    };
    let update = move |service: &Service| {
        service.update_user_with(&grant, &subject, &fields, expected, password)
    };
    record(&door.run(update).await?)
}

/// `DeleteUser`.
pub(super) async fn delete(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
    options: Dictionary,
) -> Result<Dictionary, BusError> {
    let mut options = Options::new(options);
    let delete_group = options.truth("delete_group").unwrap_or(true);
    let home = match options.text("home").as_deref() {
        None | Some("keep") => HomeFate::Keep,
        Some("archive") => HomeFate::Archive,
        Some("purge") => HomeFate::Purge,
        Some(_) => {
            options.refuse("home", Code::Invalid, "is keep, archive or purge");
            HomeFate::Keep
        }
    };
    options.finish()?;
    let grant = door.grant(call, Verb::DeleteUser, Some(&subject)).await?;
    let options = DeleteOptions { delete_group, home };
    record(&door.run(move |service| service.delete_user(&grant, &subject, options)).await?)
}

/// `LockUser`.
pub(super) async fn lock(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
) -> Result<(), BusError> {
    let grant = door.grant(call, Verb::LockUser, Some(&subject)).await?;
    door.run(move |service| service.lock_user(&grant, &subject)).await
}

/// `UnlockUser`.
pub(super) async fn unlock(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
) -> Result<(), BusError> {
    let grant = door.grant(call, Verb::UnlockUser, Some(&subject)).await?;
    door.run(move |service| service.unlock_user(&grant, &subject)).await
}

/// Of the options of `CreateUser`: the password, whether to make one up, and whether it goes against
/// the rules.
pub(super) fn first_password(options: &mut Options) -> (Option<std::os::fd::OwnedFd>, bool, bool) {
    let fd = options.descriptor("password");
    let generate = options.flag("generate_password");
    if fd.is_some() && generate {
        let message = "give a password or have one generated, not both";
        options.refuse("generate_password", Code::Conflict, message);
    }
    (fd, generate, options.flag("override_policy"))
}

/// The same right, and the one to set the rules for passwords aside, where that is asked for.
pub(super) async fn and_override(
    door: &Door,
    call: &Header<'_>,
    grant: Grant,
    subject: Option<&Subject>,
    imposed: bool,
) -> Result<Grant, BusError> {
    Ok(match imposed {
        true => grant.and(door.grant(call, Verb::OverridePasswordPolicy, subject).await?),
        false => grant,
    })
}

/// The password that came, with the rules or against them.
pub(super) const fn given(secret: Secret, imposed: bool) -> NewPassword {
    if imposed { NewPassword::Imposed(secret) } else { NewPassword::Given(secret) }
}

/// `SetPassword`.
pub(super) async fn set_password(
    door: &Arc<Door>,
    call: &Header<'_>,
    subject: Subject,
    password: OwnedFd,
    options: Dictionary,
) -> Result<(), BusError> {
    let mut options = Options::new(options);
    let expire = options.flag("expire");
    let imposed = options.flag("override_policy");
    options.finish()?;
    let grant = door.grant(call, Verb::SetPassword, Some(&subject)).await?;
    let grant = and_override(door, call, grant, Some(&subject), imposed).await?;
    let password = given(door.secret("password", password.into()).await?, imposed);
    let set = move |service: &Service| {
        service.set_password(&grant, &subject, password, expire).map(|_| ())
    };
    door.run(set).await
}
