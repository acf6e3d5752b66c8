//! Every way to tamper with one row is found.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;
use rusqlite::params;

use super::super::AuditEntry;
use super::*;
use crate::store::Store;

const COLUMNS: &[&str] =
    &["at", "actor_uid", "actor", "via", "action", "subject", "subject_id", "change", "hash"];

struct Log {
    _dir: tempfile::TempDir,
    store: Store,
}

impl Log {
    fn of(rows: i64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("s")).unwrap();
        let mut log = Self { _dir: dir, store };
        (0..rows).for_each(|n| log.add(n));
        log
    }

    fn add(&mut self, n: i64) {
        let entry = AuditEntry {
            at: 1_700_000_000 + n / 3,
            actor_uid: (n % 2) as u32 * 3000,
            actor: "root",
            via: "bus",
            action: "user-update",
            subject: "alice",
            subject_id: "",
            change: &format!("{{\"n\":{}}}", n / 2),
        };
        self.store.change(|db| db.audit(&entry)).unwrap();
    }

    /// Does something to the table that no verb does.
    fn tamper(&mut self, sql: &str, values: &[&dyn rusqlite::ToSql]) {
        let done = self
            .store
            .change(|db| -> Result<usize, StoreError> { Ok(db.connection.execute(sql, values)?) });
        assert!(done.unwrap() > 0, "{sql}");
    }

    fn head(&mut self) -> AuditHead {
        self.store.read(|db| db.audit_head()).unwrap().unwrap()
    }

    fn verify(&self, known: &[AuditHead]) -> AuditReport {
        let until = Instant::now() + Duration::from_secs(60);
        self.store.readers().verify_audit(known, until).unwrap()
    }

    fn kinds(&self) -> Vec<(AuditKind, i64)> {
        self.verify(&[]).findings.iter().map(|finding| (finding.kind, finding.row)).collect()
    }

    /// Computes every hash again, and the end, as whoever can write the database may.
    fn rebuild(&mut self) {
        self.store
            .change(|db| -> Result<(), StoreError> {
                let sql = "SELECT id, at, actor_uid, actor, via, action, subject, subject_id, change \
                           FROM audit ORDER BY id";
                let mut statement = db.connection.prepare(sql)?;
                let mut rows = statement.query([])?;
                let mut previous = Vec::new();
                let mut head = None;
                while let Some(row) = rows.next()? {
                    let mut texts = [&[][..]; 6];
                    for (i, text) in texts.iter_mut().enumerate() {
                        *text = bytes(row, i + 3)?;
                    }
                    let hashed = Hashed { at: row.get(1)?, actor_uid: row.get(2)?, texts };
                    let hash = chain(&previous, &hashed);
                    let id: i64 = row.get(0)?;
                    let set = "UPDATE audit SET hash = ?2 WHERE id = ?1";
                    db.connection.execute(set, params![id, hash.as_slice()])?;
                    previous = hash.to_vec();
                    head = Some(AuditHead { id, hash });
                }
                let set = "UPDATE meta SET value = ?1 WHERE key = 'audit_head'";
                db.connection.execute(set, [head.map(|head| head.to_string())])?;
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn a_log_that_nobody_touched_is_valid() {
    for rows in [0, 1, 7, ROWS, ROWS + 1] {
        let mut log = Log::of(if rows < 100 { rows } else { 0 });
        if rows >= 100 {
            let entry = AuditEntry {
                at: 1,
                actor_uid: 0,
                actor: "root",
                via: "bus",
                action: "a",
                subject: "b",
                subject_id: "c",
                change: "{}",
            };
            let add = |db: Db<'_>| (0..rows).try_for_each(|_| db.audit(&entry));
            log.store.change(add).unwrap();
        }
        let report = log.verify(&[]);
        assert!(report.is_valid(), "{report:?}");
        assert_eq!((report.rows, report.head.map_or(0, |head| head.id)), (rows as u64, rows));
    }
}

#[test]
fn a_log_from_before_the_end_was_written_down_is_valid_and_goes_on() {
    let mut log = Log::of(3);
    log.tamper("DELETE FROM meta WHERE key = 'audit_head'", &[]);
    assert!(log.verify(&[]).is_valid());
    log.add(3);
    assert!(log.verify(&[]).is_valid());
    assert_eq!(log.head().id, 4);
}

#[test]
fn rows_taken_from_either_end_are_missed_also_when_the_log_goes_on() {
    let mut log = Log::of(5);
    log.tamper("DELETE FROM audit WHERE id > 3", &[]);
    log.tamper("UPDATE sqlite_sequence SET seq = 3 WHERE name = 'audit'", &[]);
    assert_eq!(log.kinds(), [(AuditKind::End, 4)]);
    log.add(5);
    assert_eq!(log.kinds(), [(AuditKind::Missing, 4), (AuditKind::Changed, 6)]);
    let mut log = Log::of(5);
    log.tamper("DELETE FROM audit WHERE id < 3", &[]);
    assert_eq!(log.kinds(), [(AuditKind::Missing, 1), (AuditKind::Changed, 3)]);
    let mut log = Log::of(2);
    log.tamper("DELETE FROM audit", &[]);
    assert_eq!(log.kinds(), [(AuditKind::End, 1)]);
}

#[test]
fn rows_added_behind_the_daemons_back_are_found_also_when_the_log_goes_on() {
    let mut log = Log::of(2);
    let copy = "INSERT INTO audit SELECT id + 1, at, actor_uid, actor, via, action, subject, \
                subject_id, change, hash FROM audit WHERE id = 2";
    log.tamper(copy, &[]);
    assert_eq!(log.kinds(), [(AuditKind::Changed, 3), (AuditKind::End, 3)]);
    log.add(2);
    assert_eq!(log.head().id, 4);
    assert!(!log.verify(&[]).is_valid());
}

#[test]
fn a_chain_that_was_computed_again_is_found_by_what_is_known_of_it_elsewhere() {
    let mut log = Log::of(6);
    let known = [log.head()];
    log.add(6);
    assert!(log.verify(&known).is_valid());
    log.tamper("UPDATE audit SET subject = 'mallory' WHERE id = 2", &[]);
    log.rebuild();
    assert!(log.verify(&[]).is_valid(), "the database alone agrees with itself");
    let findings = log.verify(&known).findings;
    assert_eq!((findings.len(), findings[0].kind, findings[0].row), (1, AuditKind::Recorded, 6));
    let mut log = Log::of(6);
    let known = [log.head()];
    log.tamper("DELETE FROM audit WHERE id > 4", &[]);
    log.rebuild();
    assert!(log.verify(&[]).is_valid());
    let findings = log.verify(&known).findings;
    let message = "the log ends with row 4, before row 6 that was recorded";
    assert_eq!((findings.len(), findings[0].message.as_str()), (1, message));
}

#[test]
fn what_no_row_holds_is_a_finding_and_no_failure() {
    for (column, value) in [
        ("actor_uid", &-1_i64 as &dyn rusqlite::ToSql),
        ("actor_uid", &i64::MAX),
        ("hash", &[1_u8, 2].as_slice()),
        ("hash", &[].as_slice()),
        ("id", &i64::MAX),
        ("id", &0_i64),
        ("id", &-5_i64),
    ] {
        let mut log = Log::of(3);
        log.tamper(&format!("UPDATE audit SET {column} = ?1 WHERE id = 2"), &[value]);
        assert!(!log.verify(&[]).is_valid(), "{column}");
    }
    let mut log = Log::of(3);
    log.tamper("UPDATE audit SET actor = CAST(x'ff' AS TEXT) WHERE id = 2", &[]);
    assert_eq!(log.kinds(), [(AuditKind::Changed, 2)]);
    assert_eq!(log.verify(&[]).findings[0].count, 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn one_row_removed_changed_moved_or_added_is_found(
        rows in 1_i64..12, at in 0_i64..12, other in 0_i64..12, way in 0_usize..4,
        column in 0..COLUMNS.len(), goes_on in any::<bool>(),
    ) {
        let (at, other) = (at % rows + 1, other % rows + 1);
        let mut log = Log::of(rows);
        match way {
            0 => log.tamper("DELETE FROM audit WHERE id = ?1", &[&at]),
            1 => {
                let column = COLUMNS[column];
                let value = match column {
                    "at" | "actor_uid" => format!("{column} + 1"),
                    "hash" => "zeroblob(32)".to_owned(),
                    _ => format!("{column} || ' '"),
                };
                log.tamper(&format!("UPDATE audit SET {column} = {value} WHERE id = ?1"), &[&at]);
            }
            2 if at != other => {
                for (from, to) in [(at, -1), (other, at), (-1, other)] {
                    log.tamper("UPDATE audit SET id = ?2 WHERE id = ?1", &[&from, &to]);
                }
            }
            _ => {
                // A copy of one row, before the other one or behind all.
                let place = if goes_on { rows + 1 } else { other };
                for id in (place..=rows).rev() {
                    log.tamper("UPDATE audit SET id = ?1 + 1 WHERE id = ?1", &[&id]);
                }
                let from = if at >= place { at + 1 } else { at };
                let copy = "INSERT INTO audit SELECT ?2, at, actor_uid, actor, via, action, subject, \
                            subject_id, change, hash FROM audit WHERE id = ?1";
                log.tamper(copy, &[&from, &place]);
            }
        }
        prop_assert!(!log.verify(&[]).is_valid());
        if goes_on {
            log.add(rows);
            prop_assert!(!log.verify(&[]).is_valid(), "after another row");
        }
    }
}
