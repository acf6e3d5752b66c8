//! The client's view of tokens.

#![allow(missing_docs, reason = "the interface's documentation is packaging/dbus/*.xml")]

use std::collections::HashMap;

use zbus::{Fd, OwnedFd, Result, Variant, proxy};

use crate::dictionary::Dictionary;

/// App passwords, and logins by token, on the management object.
#[proxy(
    interface = "org.roster.Accounts1.Tokens",
    default_service = "org.roster.Accounts1",
    default_path = "/org/roster/Accounts1"
)]
pub trait Tokens {
    #[zbus(allow_interactive_auth)]
    fn create_token(
        &self,
        subject: &str,
        name: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<(i64, OwnedFd)>;

    #[zbus(allow_interactive_auth)]
    fn list_tokens(&self, subject: &str) -> Result<Vec<Dictionary>>;

    #[zbus(allow_interactive_auth)]
    fn revoke_token(&self, subject: &str, id: i64) -> Result<()>;

    #[zbus(allow_interactive_auth)]
    fn revoke_tokens(&self, subject: &str, options: HashMap<&str, Variant<'_>>) -> Result<u32>;

    fn log_in(
        &self,
        name: &str,
        password: Fd<'_>,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<OwnedFd>;

    fn refresh_tokens(&self, token: Fd<'_>) -> Result<OwnedFd>;

    fn verify_token(&self, token: Fd<'_>) -> Result<Dictionary>;
}
