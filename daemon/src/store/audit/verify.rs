//! Whether the audit log is what was written: every row, in its place, up to the end.

use std::time::Instant;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::{AuditHead, Hashed, chain};
use crate::store::{Db, Readers, StoreError};

/// Rows that are looked at in one go.
const ROWS: i64 = 2000;

/// What can be wrong with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditKind {
    /// A row is not what was written there: it or its place was changed.
    Changed,
    /// Numbers are missing: rows were removed.
    Missing,
    /// A row has a number that none can have.
    Misnumbered,
    /// The table does not end where the database says that it does.
    End,
    /// A row that was recorded outside the database is not there, or another one.
    Recorded,
}

impl AuditKind {
    /// Its name for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Misnumbered => "misnumbered",
            Self::End => "end",
            Self::Recorded => "recorded",
        }
    }
}

/// Everything of one kind that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFinding {
    /// What.
    pub kind: AuditKind,
    /// The first row that it is about.
    pub row: i64,
    /// How many there are of it.
    pub count: u64,
    /// The first one, for people.
    pub message: String,
}

/// What a walk over the log has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditReport {
    /// How many rows there are.
    pub rows: u64,
    /// The last row.
    pub head: Option<AuditHead>,
    /// What is wrong, by row; at most one of each kind.
    pub findings: Vec<AuditFinding>,
}

impl AuditReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, kind: AuditKind, row: i64, message: impl FnOnce() -> String) {
        match self.findings.iter_mut().find(|finding| finding.kind == kind) {
            Some(finding) => {
                finding.count += 1;
                if row < finding.row {
                    (finding.row, finding.message) = (row, message());
                }
            }
            None => {
                self.findings.push(AuditFinding { kind, row, count: 1, message: message() });
            }
        }
    }

    fn expect(&mut self, known: &AuditHead, there: Option<&[u8]>) {
        let id = known.id;
        match there {
            Some(hash) if hash == known.hash => {}
            Some(_) => self.find(AuditKind::Recorded, id, || {
                format!("row {id} is another one than was recorded outside the database")
            }),
            None => {
                let last = self.head.as_ref().map_or(0, |head| head.id);
                self.find(AuditKind::Recorded, id, || {
                    if last < id {
                        format!("the log ends with row {last}, before row {id} that was recorded")
                    } else {
                        format!("row {id}, which was recorded outside the database, is not there")
                    }
                });
            }
        }
    }
}

/// The walk, from the first row on.
struct Walk {
    report: AuditReport,
    previous: Vec<u8>,
    /// The number that comes next.
    next: i64,
}

impl Walk {
    fn row(&mut self, row: &Row<'_>) -> Result<(), rusqlite::Error> {
        let id: i64 = row.get(0)?;
        let hash = bytes(row, 9)?;
        if id < 1 {
            let message = || format!("row {id} is no row of ours: the first is row 1");
            self.report.find(AuditKind::Misnumbered, id, message);
        } else if id > self.next {
            let (first, last) = (self.next, id - 1);
            self.report.find(AuditKind::Missing, first, || match last - first {
                0 => format!("row {first} is missing"),
                _ => format!("rows {first} to {last} are missing"),
            });
        }
        if !follows(row, &self.previous, hash)? {
            let message = || format!("row {id} is not what was written there");
            self.report.find(AuditKind::Changed, id, message);
        }
        self.next = id.saturating_add(1).max(self.next);
        self.previous = hash.to_vec();
        self.report.rows += 1;
        let hash = hash.try_into().unwrap_or_default();
        self.report.head = Some(AuditHead { id, hash });
        Ok(())
    }
}

fn bytes<'r>(row: &'r Row<'_>, index: usize) -> Result<&'r [u8], rusqlite::Error> {
    Ok(match row.get_ref(index)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        _ => &[],
    })
}

/// Whether the row's hash is that of its fields and the row before it.
fn follows(row: &Row<'_>, previous: &[u8], hash: &[u8]) -> Result<bool, rusqlite::Error> {
    let mut texts = [&[][..]; 6];
    for (i, text) in texts.iter_mut().enumerate() {
        *text = bytes(row, i + 3)?;
    }
    let Ok(actor_uid) = u32::try_from(row.get::<_, i64>(2)?) else { return Ok(false) };
    let hashed = Hashed { at: row.get(1)?, actor_uid, texts };
    Ok(chain(previous, &hashed) == hash)
}

impl Db<'_> {
    /// Walks over the next rows; how many there were.
    fn audit_walk(self, walk: &mut Walk, after: i64) -> Result<(i64, i64), StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, at, actor_uid, actor, via, action, subject, subject_id, change, hash \
             FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut rows = statement.query([after, ROWS])?;
        let (mut seen, mut last) = (0, after);
        while let Some(row) = rows.next()? {
            walk.row(row)?;
            last = row.get(0)?;
            seen += 1;
        }
        Ok((seen, last))
    }
}

impl Readers {
    /// Checks the whole log, and that it holds the rows that are known from elsewhere. Rows that are
    /// added meanwhile may be looked at or not.
    ///
    /// # Errors
    /// When the database cannot be read, or the walk takes too long.
    pub fn verify_audit(
        &self,
        known: &[AuditHead],
        until: Instant,
    ) -> Result<AuditReport, StoreError> {
        let mut walk = Walk { report: AuditReport::default(), previous: Vec::new(), next: 1 };
        let mut after = i64::MIN;
        loop {
            // Each go is a read of its own: the database's log does not grow for long because of it.
            let ended = self.read(until, |db| -> Result<bool, StoreError> {
                let (seen, last) = db.audit_walk(&mut walk, after)?;
                after = last;
                if seen == ROWS {
                    return Ok(false);
                }
                let report = &mut walk.report;
                check_end(report, db.audit_head()?);
                for known in known {
                    report.expect(known, db.audit_hash(known.id)?.as_deref());
                }
                Ok(true)
            })?;
            if ended {
                break;
            }
        }
        let mut report = walk.report;
        report.findings.sort_by_key(|finding| (finding.row, finding.kind));
        Ok(report)
    }
}

/// Compares the last row with what the database says that it is.
fn check_end(report: &mut AuditReport, written: Option<AuditHead>) {
    let Some(written) = written else {
        // Logs from before the end was written down have none until their next row.
        return;
    };
    let last = report.head.as_ref().map_or(0, |head| head.id);
    if last < written.id {
        let (first, end) = (last.saturating_add(1), written.id);
        report.find(AuditKind::End, first, || {
            format!("the log ends with row {last}, and row {end} was its last")
        });
    } else if last > written.id {
        let end = written.id;
        report.find(AuditKind::End, end.saturating_add(1), || {
            format!("the log goes on to row {last}, and row {end} was its last")
        });
    } else if report.head.as_ref() != Some(&written) {
        report.find(AuditKind::End, last, || {
            format!("row {last} is another one than the last that was written")
        });
    }
}

#[cfg(test)]
mod tests;
