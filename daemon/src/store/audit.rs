//! The table `audit`: who changed what, each row chained to the one before it.
//!
//! The end of the log, its last row's number and hash, stands in `meta` too, so that rows taken away
//! there are missed. New rows hang on that end, whatever the table holds.

mod list;
mod verify;

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

pub use list::{AuditAbout, AuditFilter, AuditFrom, AuditPage, AuditRow};
pub use verify::{AuditFinding, AuditKind, AuditReport};

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

/// A row's number and hash, which stands for that row and all before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// The row's number, from 1 on.
    pub id: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl AuditHead {
    /// Reads `ID:HASH`, the hash in hexadecimal.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, hex) = text.split_once(':')?;
        let id = id.parse().ok().filter(|id| *id > 0)?;
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut hash = [0; 32];
        for (i, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()?;
        }
        Some(Self { id, hash })
    }

    /// The hash in hexadecimal.
    #[must_use]
    pub fn hash_text(&self) -> String {
        hex(&self.hash)
    }
}

impl std::fmt::Display for AuditHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.id, self.hash_text())
    }
}

/// Where the chain goes on.
#[derive(Debug)]
pub struct AuditTail {
    /// The highest number of a row.
    id: i64,
    /// What the next row hangs on.
    end: Option<AuditHead>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a row's hash is made of, as it lies in the table.
struct Hashed<'a> {
    at: i64,
    actor_uid: u32,
    texts: [&'a [u8]; 6],
}

/// SHA-256 over the previous row's hash and every field, each preceded by its length.
fn chain(previous: &[u8], row: &Hashed<'_>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(row.at.to_be_bytes());
    hasher.update(row.actor_uid.to_be_bytes());
    for text in row.texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    hasher.finalize().into()
}

impl<'a> From<&AuditEntry<'a>> for Hashed<'a> {
    fn from(entry: &AuditEntry<'a>) -> Self {
        let AuditEntry { at, actor_uid, actor, via, action, subject, subject_id, change } = entry;
        let texts = [actor, via, action, subject, subject_id, change].map(|text| text.as_bytes());
        Self { at: *at, actor_uid: *actor_uid, texts }
    }
}

impl Db<'_> {
    /// Adds a row to the chain.
    pub(crate) fn audit(self, entry: &AuditEntry<'_>) -> Result<(), StoreError> {
        let mut tail = self.audit_tail()?;
        self.audit_at(&mut tail, entry)?;
        self.settle_audit(&tail)
    }

    /// Where the chain goes on, for whoever adds many rows.
    pub(crate) fn audit_tail(self) -> Result<AuditTail, StoreError> {
        let last = self.last_audit_row()?;
        let end = self.audit_head()?.or_else(|| last.clone());
        // Rows that somebody else has added keep their numbers, and are found by that.
        let id = end.iter().chain(&last).map(|head| head.id).max().unwrap_or(0).max(0);
        Ok(AuditTail { id, end })
    }

    /// Adds a row where the chain goes on. The log's end has to be settled in the same transaction.
    pub(crate) fn audit_at(
        self,
        tail: &mut AuditTail,
        entry: &AuditEntry<'_>,
    ) -> Result<(), StoreError> {
        let id = tail.id.saturating_add(1);
        let previous = tail.end.as_ref().map_or(&[][..], |end| &end.hash);
        let head = AuditHead { id, hash: chain(previous, &entry.into()) };
        let AuditEntry { at, actor_uid, actor, via, action, subject, subject_id, change } = entry;
        self.connection
            .prepare_cached(
                "INSERT INTO audit (id, at, actor_uid, actor, via, action, subject, subject_id, change, \
                 hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                id,
                at,
                actor_uid,
                actor,
                via,
                action,
                subject,
                subject_id,
                change,
                head.hash.as_slice()
            ])?;
        (tail.id, tail.end) = (id, Some(head));
        Ok(())
    }

    /// Writes down where the log ends after rows were added.
    pub(crate) fn settle_audit(self, tail: &AuditTail) -> Result<(), StoreError> {
        let Some(head) = &tail.end else { return Ok(()) };
        self.connection
            .prepare_cached(
                "INSERT INTO meta (key, value) VALUES ('audit_head', ?1) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?
            .execute([head.to_string()])?;
        Ok(())
    }

    /// The end of the log, as it was written down beside the table; none when nothing was.
    pub(crate) fn audit_head(self) -> Result<Option<AuditHead>, StoreError> {
        let text: Option<String> = self
            .connection
            .prepare_cached("SELECT value FROM meta WHERE key = 'audit_head'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(text.as_deref().and_then(AuditHead::parse))
    }

    /// The end of the log; that of the table while nothing was written down.
    pub(crate) fn audit_end(self) -> Result<Option<AuditHead>, StoreError> {
        match self.audit_head()? {
            Some(head) => Ok(Some(head)),
            None => self.last_audit_row(),
        }
    }

    /// The hash of a row, if it is there.
    pub(crate) fn audit_hash(self, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT hash FROM audit WHERE id = ?1")?;
        Ok(statement.query_row([id], |row| row.get(0)).optional()?)
    }

    /// The last row that the table holds.
    fn last_audit_row(self) -> Result<Option<AuditHead>, StoreError> {
        let last: Option<(i64, Vec<u8>)> = self
            .connection
            .prepare_cached("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        // A hash of another length is nobody's; what follows it hangs on nothing and is found.
        Ok(last.map(|(id, hash)| AuditHead { id, hash: hash.try_into().unwrap_or_default() }))
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
        let hash = |previous: &[u8], action| chain(previous, &(&entry(action)).into());
        store
            .change(|db| {
                assert_eq!(db.audit_head()?, None);
                db.audit(&entry("user-create"))?;
                db.audit(&entry("user-lock"))?;
                let first = db.audit_hash(1)?.unwrap();
                let second = db.audit_hash(2)?.unwrap();
                assert_eq!(first, hash(&[], "user-create"));
                assert_eq!(second, hash(&first, "user-lock"));
                assert_ne!(second, hash(&[], "user-lock"));
                let head = db.audit_head()?.unwrap();
                assert_eq!((head.id, head.hash.as_slice()), (2, second.as_slice()));
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }

    #[test]
    fn the_chain_is_what_it_always_was() {
        let entry = AuditEntry {
            at: 1_700_000_000,
            actor_uid: 3000,
            actor: "alice",
            via: "bus",
            action: "user-update",
            subject: "bob",
            subject_id: "0190",
            change: r#"{"fields":["shell"]}"#,
        };
        // Computed by another program; every log there is depends on it.
        let known = "5521d0f62befff304d85c0e3335a30342df8e7d48d0873c7783e59d683cc1581";
        assert_eq!(hex(&chain(&[7; 32], &(&entry).into())), known);
    }

    #[test]
    fn an_end_is_read_as_it_is_written() {
        let head = AuditHead { id: 42, hash: [0xa5; 32] };
        assert_eq!(AuditHead::parse(&head.to_string()), Some(head));
        let hash = "a5".repeat(32);
        for odd in ["", "1", "1:", "x:aa", &format!("0:{hash}"), &format!("1:{hash}a"), "1:é"] {
            assert_eq!(AuditHead::parse(odd), None, "{odd}");
        }
    }
}
