//! The client's view of the further verbs of an administrator.

#![allow(missing_docs, reason = "the interface's documentation is packaging/dbus/*.xml")]

use std::collections::HashMap;

use zbus::{Fd, Result, Variant, proxy};

use crate::dictionary::Dictionary;

/// The verbs beside those of [`crate::AccountsProxy`], on the same object.
#[proxy(
    interface = "org.roster.Accounts1.Administration",
    default_service = "org.roster.Accounts1",
    default_path = "/org/roster/Accounts1"
)]
pub trait Administration {
    #[zbus(allow_interactive_auth)]
    fn enable_user(&self, subject: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn disable_user(&self, subject: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn reserve_uid(&self) -> Result<u32>;

    #[zbus(allow_interactive_auth)]
    fn get_last_seen(&self, subject: &str) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn list_last_seen(&self, options: HashMap<&str, Variant<'_>>)
    -> Result<(u64, Vec<Dictionary>)>;

    #[zbus(allow_interactive_auth)]
    fn get_report(&self) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn update_group(&self, subject: &str, fields: &Dictionary) -> Result<Dictionary>;

    fn has_local_administrator_set_up(&self) -> Result<bool>;

    fn set_up_local_administrator(&self, name: &str, password: Fd<'_>) -> Result<Dictionary>;
}
