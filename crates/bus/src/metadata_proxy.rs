//! The client's view of attributes, settings and profiles.

#![allow(missing_docs, reason = "the interface's documentation is packaging/dbus/*.xml")]

use std::collections::HashMap;

use zbus::{Result, Variant, proxy};

use crate::dictionary::Dictionary;

/// What is kept beside a user's record proper, on the object of [`crate::AccountsProxy`].
#[proxy(
    interface = "org.roster.Accounts1.Metadata",
    default_service = "org.roster.Accounts1",
    default_path = "/org/roster/Accounts1"
)]
pub trait Metadata {
    #[zbus(allow_interactive_auth)]
    fn get_metadata(&self, subject: &str) -> Result<Dictionary>;

    #[zbus(allow_interactive_auth)]
    fn set_attribute(&self, subject: &str, key: &str, value: Variant<'_>) -> Result<bool>;

    #[zbus(allow_interactive_auth)]
    fn pop_attribute(&self, subject: &str, key: &str) -> Result<bool>;

    #[zbus(allow_interactive_auth)]
    fn set_setting(
        &self,
        subject: &str,
        app: &str,
        key: &str,
        value: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn delete_setting(&self, subject: &str, app: &str, key: &str) -> Result<bool>;

    #[zbus(allow_interactive_auth)]
    fn set_profile(
        &self,
        subject: &str,
        key: &str,
        value: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn delete_profile(&self, subject: &str, key: &str) -> Result<bool>;
}
