//! The table `audit`: who changed what, each row chained to the one before it.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{Db, StoreError};

/// One mutation, as the audit log keeps it. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry<'a> {
    /// Unix seconds.
    pub at: i64,
    /// The caller's uid.
    pub actor_uid: u32,
    /// The caller's name.
    pub actor: &'a str,
    /// The front door: `bus`, `auth` or `daemon`.
    pub via: &'a str,
    /// The verb.
    pub action: &'a str,
    /// The user's or group's name at that moment.
    pub subject: &'a str,
    /// Its identifier.
    pub subject_id: &'a str,
    /// What changed, as JSON.
    pub change: &'a str,
}

/// A row of `audit`.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "see AuditEntry")]
pub struct AuditRow {
    pub id: i64,
    pub at: i64,
    pub actor_uid: u32,
    pub actor: String,
    pub via: String,
    pub action: String,
    pub subject: String,
    pub subject_id: String,
    pub change: String,
    pub hash: Vec<u8>,
}

/// SHA-256 over the previous row's hash and every field, each preceded by its length.
fn chain(previous: &[u8], entry: &AuditEntry<'_>) -> [u8; 32] {
    let AuditEntry { at, actor_uid, actor, via, action, subject, subject_id, change } = entry;
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(at.to_be_bytes());
    hasher.update(actor_uid.to_be_bytes());
    for field in [actor, via, action, subject, subject_id, change] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().into()
}

impl Db<'_> {
    /// Adds a row to the chain.
    pub(crate) fn audit(self, entry: &AuditEntry<'_>) -> Result<(), StoreError> {
        let previous: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT hash FROM audit ORDER BY id DESC LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let hash = chain(&previous.unwrap_or_default(), entry);
        let AuditEntry { at, actor_uid, actor, via, action, subject, subject_id, change } = entry;
        self.connection
            .prepare_cached(
                "INSERT INTO audit (at, actor_uid, actor, via, action, subject, subject_id, change, hash) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                at, actor_uid, actor, via, action, subject, subject_id, change, hash.as_slice()
            ])?;
        Ok(())
    }

    /// Rows after `after`, oldest first.
    #[cfg(test)]
    pub(crate) fn audit_rows(self, after: i64, limit: u64) -> Result<Vec<AuditRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, at, actor_uid, actor, via, action, subject, subject_id, change, hash \
             FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = statement.query_map(params![after, limit as i64], |row| {
            Ok(AuditRow {
                id: row.get(0)?,
                at: row.get(1)?,
                actor_uid: row.get(2)?,
                actor: row.get(3)?,
                via: row.get(4)?,
                action: row.get(5)?,
                subject: row.get(6)?,
                subject_id: row.get(7)?,
                change: row.get(8)?,
                hash: row.get(9)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Store, StoreError};
    use super::*;

    #[test]
    fn each_row_hangs_on_the_one_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(&dir.path().join("s")).unwrap();
        let entry = |action| AuditEntry {
            at: 1,
            actor_uid: 0,
            actor: "root",
            via: "bus",
            action,
            subject: "alice",
            subject_id: "x",
            change: "{}",
        };
        store
            .change(|db| {
                db.audit(&entry("user-create"))?;
                db.audit(&entry("user-lock"))?;
                let rows = db.audit_rows(0, 10)?;
                assert_eq!(rows[0].hash, chain(&[], &entry("user-create")));
                assert_eq!(rows[1].hash, chain(&rows[0].hash, &entry("user-lock")));
                assert_ne!(chain(&[], &entry("user-lock")).to_vec(), rows[1].hash);
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
}
