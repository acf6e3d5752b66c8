//! The client's view of deleted users.

#![allow(missing_docs, reason = "the interface's documentation is packaging/dbus/*.xml")]

use std::collections::HashMap;

use zbus::{Result, Variant, proxy};

use crate::dictionary::Dictionary;

/// The verbs about users that were deleted, on the management object.
#[proxy(
    interface = "org.roster.Accounts1.Lifecycle",
    default_service = "org.roster.Accounts1",
    default_path = "/org/roster/Accounts1"
)]
pub trait Lifecycle {
    #[zbus(allow_interactive_auth)]
    fn list_deleted_users(
        &self,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<(u64, Vec<Dictionary>)>;

    #[zbus(allow_interactive_auth)]
    fn restore_user(
        &self,
        subject: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<(Dictionary, Dictionary)>;

    #[zbus(allow_interactive_auth)]
    fn purge_user(&self, subject: &str) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn sync_users(
        &self,
        subjects: &[&str],
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<(u64, Vec<Dictionary>)>;
}
