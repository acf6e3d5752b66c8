//! The client's view of the lists by filter and by text.

#![allow(missing_docs, reason = "the interface's documentation is packaging/dbus/*.xml")]

use std::collections::HashMap;

use zbus::{Result, Variant, proxy};

use crate::dictionary::Dictionary;

/// Answers are total, limit, offset and a page, which may end early: go on from the entries that
/// came, until total.
#[proxy(
    interface = "org.roster.Accounts1.Query",
    default_service = "org.roster.Accounts1",
    default_path = "/org/roster/Accounts1"
)]
pub trait Query {
    #[zbus(allow_interactive_auth)]
    fn query_users(
        &self,
        filters: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<(u64, u64, u64, Vec<Dictionary>)>;

    #[zbus(allow_interactive_auth)]
    fn search_users(
        &self,
        text: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<(u64, u64, u64, Vec<Dictionary>)>;
}
