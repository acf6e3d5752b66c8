//! Reads of the store: pages of records, and the entry that NSS serves.

use accounts::{Subject, User};
use serde::Serialize;

use super::{Error, Service, caller};
use crate::store::UserRow;

/// A page of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// How many there are in all.
    pub total: u64,
    /// Those of this page.
    pub items: Vec<T>,
}

/// `struct passwd` (getpwnam(3)) without the password field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "getpwnam(3)")]
pub struct PasswdEntry {
    pub pw_name: String,
    pub pw_uid: u32,
    pub pw_gid: u32,
    pub pw_gecos: String,
    pub pw_dir: String,
    pub pw_shell: String,
}

/// The entry of a row; the index is made from the same.
pub(super) fn passwd(row: &UserRow) -> PasswdEntry {
    PasswdEntry {
        pw_name: row.name.to_string(),
        pw_uid: row.uid,
        pw_gid: row.gid,
        pw_gecos: row.full_name.clone(),
        pw_dir: row.home.as_str().to_owned(),
        pw_shell: row.shell.as_str().to_owned(),
    }
}

impl Service {
    /// Users by name, from `offset` on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list_users(&self, offset: u64, limit: u64) -> Result<Page<User>, Error> {
        self.find_whole(None, offset, limit)
    }

    /// The user's `struct passwd`, straight from the store.
    ///
    /// # Errors
    /// When there is no such user.
    pub fn passwd_entry(&self, subject: &Subject) -> Result<PasswdEntry, Error> {
        self.read(|db| Ok(passwd(&caller::find(db, subject)?)))
    }
}
