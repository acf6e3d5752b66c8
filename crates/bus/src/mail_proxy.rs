//! The client's view of mails to users.

#![allow(missing_docs, reason = "the interface's documentation is packaging/dbus/*.xml")]

use std::collections::HashMap;

use zbus::{Fd, Result, Variant, proxy};

/// Mails to users, and what their tokens are good for, on the object of [`crate::AccountsProxy`].
#[proxy(
    interface = "org.roster.Accounts1.Mail",
    default_service = "org.roster.Accounts1",
    default_path = "/org/roster/Accounts1"
)]
pub trait Mail {
    #[zbus(allow_interactive_auth)]
    fn welcome_user(&self, subject: &str, options: HashMap<&str, Variant<'_>>) -> Result<()>;

    fn request_password_reset(&self, address: &str) -> Result<()>;

    fn reset_password(&self, token: Fd<'_>, password: Fd<'_>) -> Result<String>;

    #[zbus(allow_interactive_auth)]
    fn verify_email(&self, subject: &str) -> Result<()>;

    fn confirm_email(&self, token: Fd<'_>) -> Result<String>;
}
