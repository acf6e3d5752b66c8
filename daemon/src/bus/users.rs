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
    options.finish()?;
    let power = give_power(&fields, &door.service().config().accounts.root_groups);
    let mut grant = door.grant_update(call, &subject, are_own(&fields), power).await?;
    let password = match password {
        Some(fd) => {
            grant = grant.and(door.grant(call, Verb::SetPassword, Some(&subject)).await?);
            Some(door.secret("password", fd).await?)
        }
        None => None,
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
    options.finish()?;
    let grant = door.grant(call, Verb::SetPassword, Some(&subject)).await?;
    let password = NewPassword::Given(door.secret("password", password.into()).await?);
    let set = move |service: &Service| {
        service.set_password(&grant, &subject, password, expire).map(|_| ())
    };
    door.run(set).await
}
