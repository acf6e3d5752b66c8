//! The user record as everybody may see it: public and derived fields, never a hash or a secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Email, HomeMode, HomePath, Role, ShellPath, Timestamp, UserId, UserName};

/// A public key of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKeyEntry {
    /// What `key remove` takes.
    pub id: i64,
    /// The line: type, base64, comment.
    pub key: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
}

/// Failed tries to log in, with one kind of secret from one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedLogins {
    /// The remote host; `local` for a console, sudo or su, `bus` for D-Bus.
    pub from: String,
    /// What was wrong: `password` or `code`.
    pub kind: String,
    /// How many in a row.
    pub count: u32,
    /// When the last one was.
    pub last_at: Timestamp,
    /// Until when no try from there counts, which may be past; none while mistakes are free.
    pub throttled_until: Option<Timestamp>,
}

/// A user, in the field names of the published record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Immutable identifier.
    pub id: UserId,
    /// Login name.
    pub name: UserName,
    /// User number, immutable.
    pub uid: u32,
    /// Primary group's name.
    pub group: String,
    /// Primary group's number.
    pub gid: u32,
    /// Names of supplementary groups, sorted.
    pub groups: Vec<String>,
    /// Full name; stands first in GECOS.
    pub full_name: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Mail address.
    pub email: Option<Email>,
    /// Whether the address was proven to be the user's.
    pub email_verified: bool,
    /// Home directory.
    pub home: HomePath,
    /// Home directory's mode, octal.
    pub home_mode: HomeMode,
    /// Login shell.
    pub shell: ShellPath,
    /// No password login of any kind.
    pub password_disabled: bool,
    /// No login of any kind.
    pub locked: bool,
    /// A disabled account is locked, its sessions ended, its tokens revoked.
    pub enabled: bool,
    /// Whether sshd takes the password.
    pub ssh_password_enabled: bool,
    /// Whether Samba knows the user.
    pub smb: bool,
    /// What sudo lets the user run with its password.
    pub sudo_commands: Vec<String>,
    /// What sudo lets the user run without its password.
    pub sudo_commands_nopasswd: Vec<String>,
    /// Public keys.
    pub ssh_keys: Vec<SshKeyEntry>,
    /// When the account stops working.
    pub expires_at: Option<Timestamp>,
    /// Days after which the password must be changed.
    pub password_max_age: Option<u32>,
    /// Days before which the password may not be changed again.
    pub password_min_age: Option<u32>,
    /// Days of warning before the password is due.
    pub password_warn: Option<u32>,
    /// Days after the due date until the account is refused.
    pub password_inactive: Option<u32>,
    /// Role in the store.
    pub role: Role,
    /// Labels, sorted.
    pub tags: Vec<String>,
    /// Free JSON object.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// `app` → `key` → text.
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// `key` → text.
    pub profile: BTreeMap<String, String>,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub updated_at: Timestamp,
    /// Counts the record's changes; for optimistic locking.
    pub generation: u64,
    /// Made by Roster itself.
    pub builtin: bool,
    /// Refuses changes of name, group, home and smb.
    pub immutable: bool,
    /// From our own store (always true today).
    pub local: bool,
    /// Whether a second factor is confirmed and on.
    pub twofactor_auth_configured: bool,
    /// Last session, if ever.
    pub last_login: Option<Timestamp>,
    /// First session, if ever.
    pub first_login: Option<Timestamp>,
    /// Failed tries since the last right one, per place they came from.
    pub failed_logins: Vec<FailedLogins>,
    /// When the password was last set, if there is one.
    pub password_changed_at: Option<Timestamp>,
    /// Identifiers of the user's tokens.
    pub tokens: Vec<i64>,
    /// Windows security identifier: none.
    pub sid: Option<String>,
    /// Windows name: none.
    pub nt_name: Option<String>,
}

impl User {
    /// The GECOS field (passwd(5)).
    #[must_use]
    pub fn gecos(&self) -> &str {
        &self.full_name
    }
}
