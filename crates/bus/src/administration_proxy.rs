//! The client's view of the further verbs of an administrator.

#![allow(missing_docs, reason = "the interface's documentation is packaging/dbus/*.xml")]

use zbus::{Result, proxy};

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
}
