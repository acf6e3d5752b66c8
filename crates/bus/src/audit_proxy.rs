//! The client's view of the audit log.

#![allow(missing_docs, reason = "the interface's documentation is packaging/dbus/*.xml")]

use std::collections::HashMap;

use zbus::{Result, Variant, proxy};

use crate::dictionary::Dictionary;

#[proxy(
    interface = "org.roster.Accounts1.Audit",
    default_service = "org.roster.Accounts1",
    default_path = "/org/roster/Accounts1"
)]
pub trait Audit {
    #[zbus(allow_interactive_auth)]
    fn list_audit(&self, options: HashMap<&str, Variant<'_>>) -> Result<(Vec<Dictionary>, bool)>;

    #[zbus(allow_interactive_auth)]
    fn verify_audit(&self, options: HashMap<&str, Variant<'_>>) -> Result<Dictionary>;
}
