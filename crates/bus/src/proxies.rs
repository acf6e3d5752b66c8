//! The client's view of the service. Calls that polkit may have to ask about let it ask.

#![allow(missing_docs, reason = "the interface's documentation is packaging/dbus/*.xml")]

use std::collections::HashMap;

use zbus::wire::OwnedFd;
use zbus::{Fd, OwnedObjectPath, Result, proxy};

use crate::dictionary::Dictionary;

/// Options of a call: a dictionary that may borrow.
type Options<'a> = HashMap<&'a str, zbus::Variant<'a>>;

/// The management interface. Lists are paged: a page may end early when it would grow too large
/// for the bus, so go on from the entries that came, until `total`.
#[proxy(
    interface = "org.roster.Accounts1",
    default_service = "org.roster.Accounts1",
    default_path = "/org/roster/Accounts1"
)]
pub trait Accounts {
    #[zbus(allow_interactive_auth)]
    fn create_user(
        &self,
        fields: &Dictionary,
        options: Options<'_>,
    ) -> Result<(Dictionary, Vec<OwnedFd>)>;

    #[zbus(allow_interactive_auth)]
    fn update_user(
        &self,
        subject: &str,
        fields: &Dictionary,
        options: Options<'_>,
    ) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn delete_user(&self, subject: &str, options: Options<'_>) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn get_user(&self, subject: &str) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn find_user(&self, subject: &str) -> Result<OwnedObjectPath>;

    #[zbus(allow_interactive_auth)]
    fn list_users(&self, options: Options<'_>) -> Result<(u64, Vec<Dictionary>)>;

    #[zbus(allow_interactive_auth)]
    fn lock_user(&self, subject: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn unlock_user(&self, subject: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn set_password(&self, subject: &str, password: Fd<'_>, options: Options<'_>) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn change_password(&self, old: Fd<'_>, new: Fd<'_>) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn generate_password(&self, subject: &str, options: Options<'_>) -> Result<OwnedFd>;

    #[zbus(allow_interactive_auth)]
    fn clear_password(&self, subject: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn enroll_totp(&self, subject: &str, options: Options<'_>) -> Result<OwnedFd>;

    #[zbus(allow_interactive_auth)]
    fn confirm_totp(&self, subject: &str, code: Fd<'_>) -> Result<OwnedFd>;

    #[zbus(allow_interactive_auth)]
    fn verify_totp(&self, subject: &str, code: Fd<'_>) -> Result<bool>;

    #[zbus(allow_interactive_auth)]
    fn generate_recovery_codes(&self, subject: &str) -> Result<OwnedFd>;

    #[zbus(allow_interactive_auth)]
    fn get_two_factor_state(&self, subject: &str) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn enable_two_factor(&self, subject: &str, provider: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn disable_two_factor(&self, subject: &str, provider: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn add_key(&self, subject: &str, key: &str, options: Options<'_>) -> Result<i64>;

    #[zbus(allow_interactive_auth)]
    fn list_keys(&self, subject: &str) -> Result<Vec<Dictionary>>;

    #[zbus(allow_interactive_auth)]
    fn remove_key(&self, subject: &str, id: i64) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn grant_sudo(&self, holder: &str, command: &str, options: Options<'_>) -> Result<i64>;

    #[zbus(allow_interactive_auth)]
    fn revoke_sudo(&self, holder: &str, id: i64) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn list_sudo(&self, holder: &str) -> Result<Vec<Dictionary>>;

    #[zbus(allow_interactive_auth)]
    fn create_group(&self, fields: &Dictionary) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn get_group(&self, subject: &str) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn list_groups(&self, options: Options<'_>) -> Result<(u64, Vec<Dictionary>)>;

    #[zbus(allow_interactive_auth)]
    fn delete_group(&self, subject: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn add_member(&self, group: &str, user: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn remove_member(&self, group: &str, user: &str) -> Result<()>;

    fn get_passwd_entry(&self, subject: &str) -> Result<Dictionary>;

    fn get_next_uid(&self) -> Result<u32>;

    fn list_shells(&self) -> Result<HashMap<String, String>>;

    #[zbus(name = "WhoAmI")]
    fn who_am_i(&self) -> Result<Dictionary>;

    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> Result<String>;

    #[zbus(signal)]
    fn user_added(&self, path: zbus::ObjectPath<'_>, name: &str) -> Result<()>;

    #[zbus(signal)]
    fn user_changed(&self, path: zbus::ObjectPath<'_>, name: &str) -> Result<()>;

    #[zbus(signal)]
    fn user_removed(&self, path: zbus::ObjectPath<'_>, name: &str) -> Result<()>;
}

/// One user; the object's path comes from [`AccountsProxy::find_user`].
#[proxy(interface = "org.roster.Accounts1.User", default_service = "org.roster.Accounts1")]
pub trait User {
    #[zbus(property)]
    fn id(&self) -> Result<String>;
    #[zbus(property)]
    fn uid(&self) -> Result<u32>;
    #[zbus(property)]
    fn name(&self) -> Result<String>;
    #[zbus(property)]
    fn gid(&self) -> Result<u32>;
    #[zbus(property)]
    fn group(&self) -> Result<String>;
    #[zbus(property)]
    fn groups(&self) -> Result<Vec<String>>;
    #[zbus(property)]
    fn full_name(&self) -> Result<String>;
    #[zbus(property)]
    fn email(&self) -> Result<String>;
    #[zbus(property)]
    fn home(&self) -> Result<String>;
    #[zbus(property)]
    fn shell(&self) -> Result<String>;
    #[zbus(property)]
    fn role(&self) -> Result<String>;
    #[zbus(property)]
    fn locked(&self) -> Result<bool>;
    #[zbus(property)]
    fn enabled(&self) -> Result<bool>;
    #[zbus(property)]
    fn password_disabled(&self) -> Result<bool>;
    #[zbus(property)]
    fn ssh_password_enabled(&self) -> Result<bool>;
    #[zbus(property)]
    fn twofactor_auth_configured(&self) -> Result<bool>;
    #[zbus(property)]
    fn generation(&self) -> Result<u64>;

    #[zbus(allow_interactive_auth)]
    fn get(&self) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn update(&self, fields: &Dictionary, options: Options<'_>) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn lock(&self) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn unlock(&self) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn set_password(&self, password: Fd<'_>, options: Options<'_>) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn delete(&self, options: Options<'_>) -> Result<Dictionary>;
}
