//! What reaches the journal, and the file beside the database.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;

use serde_json::json;

use super::*;
use crate::authorize::Action;
use crate::publish::journal::tests::{fields, listen};
use crate::service::testing::{Fixture, subject};
use crate::store::AuditKind;

fn entries(socket: &UnixDatagram) -> Vec<BTreeMap<String, String>> {
    let mut bytes = vec![0; 256 * 1024];
    let mut entries = Vec::new();
    while let Ok(length) = socket.recv(&mut bytes) {
        let fields = fields(&bytes[..length]);
        let count = fields.len();
        let entry: BTreeMap<_, _> = fields.into_iter().collect();
        assert_eq!(entry.len(), count, "a field twice");
        entries.push(entry);
    }
    entries
}

fn ids(socket: &UnixDatagram) -> Vec<String> {
    entries(socket).into_iter().map(|mut entry| entry.remove("ROSTER_AUDIT_ID").unwrap()).collect()
}

fn record(f: &Fixture) -> Record {
    Record::load(&f.path("audit-head")).unwrap().unwrap()
}

fn lock(f: &Fixture, name: &str) {
    let grant = f.root(Action::UserLock, Some(name));
    f.service.lock_user(&grant, &subject(name)).unwrap();
}

#[test]
fn what_is_committed_is_in_the_journal_and_nothing_else() {
    let f = Fixture::new();
    let journal = listen(&f.path("journal"));
    f.create(json!({"name": "alice", "full_name": "Alice"})).unwrap();
    assert!(f.create(json!({"name": "alice"})).is_err());
    assert!(f.create(json!({"name": "bob\nROSTER_ACTOR=root"})).is_err());
    let entries = entries(&journal);
    assert_eq!(entries.len(), 1, "{entries:?}");
    let id = f.service.user(&subject("alice")).unwrap().id.to_string();
    let hash = record(&f).head.unwrap().to_string().split_off(2);
    for (field, value) in [
        ("MESSAGE", "root: user-create alice"),
        ("MESSAGE_ID", MESSAGE_ID),
        ("PRIORITY", "5"),
        ("SYSLOG_IDENTIFIER", "rosterd"),
        ("ROSTER_AUDIT_ID", "1"),
        ("ROSTER_AUDIT_HASH", &hash),
        ("ROSTER_AT", "2023-11-14T22:13:20Z"),
        ("ROSTER_ACTOR", "root"),
        ("ROSTER_ACTOR_UID", "0"),
        ("ROSTER_VIA", "bus"),
        ("ROSTER_ACTION", "user-create"),
        ("ROSTER_SUBJECT", "alice"),
        ("ROSTER_SUBJECT_ID", &id),
    ] {
        assert_eq!(entries[0][field], value, "{field}");
    }
    assert!(entries[0]["ROSTER_CHANGE"].starts_with('{'));
}

#[test]
fn what_the_journal_missed_it_gets_later_and_once() {
    let f = Fixture::new();
    let journal = listen(&f.path("journal"));
    f.create(json!({"name": "alice"})).unwrap();
    assert_eq!(ids(&journal), ["1"]);
    // Nobody listens, and a socket is there: a journal that has crashed.
    drop(journal);
    lock(&f, "alice");
    f.create(json!({"name": "bob"})).unwrap();
    assert!(f.service.mirror.is_behind());
    assert_eq!((record(&f).journal, record(&f).head.unwrap().id), (1, 3));
    std::fs::remove_file(f.path("journal")).unwrap();
    let journal = listen(&f.path("journal"));
    f.service.recover().unwrap();
    assert_eq!(ids(&journal), ["2", "3"]);
    f.service.recover().unwrap();
    let f = f.restarted();
    assert!(ids(&journal).is_empty());
    lock(&f, "bob");
    assert_eq!(ids(&journal), ["4"]);
}

#[test]
fn a_crash_before_the_file_was_written_is_made_good_at_the_start() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let early = std::fs::read(f.path("audit-head")).unwrap();
    lock(&f, "alice");
    let journal = listen(&f.path("journal"));
    let path = f.path("audit-head");
    let f = f.restarted_after(|| std::fs::write(&path, early).unwrap());
    assert_eq!(ids(&journal), ["2"]);
    assert!(f.service.verify_audit(&[]).unwrap().is_valid());
    assert_eq!(record(&f).head.unwrap().id, 2);
}

#[test]
fn an_older_copy_of_the_database_is_told_also_when_the_log_goes_on() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    f.service.settle();
    let copy = std::fs::read(f.path("store/roster.db")).unwrap();
    f.create(json!({"name": "bob"})).unwrap();
    lock(&f, "alice");
    let (database, log) = (f.path("store/roster.db"), f.path("store/roster.db-wal"));
    let f = f.restarted_after(|| {
        std::fs::write(&database, copy).unwrap();
        let _ = std::fs::remove_file(log);
    });
    let report = f.service.verify_audit(&[]).unwrap();
    assert_eq!(report.findings.len(), 1, "{report:?}");
    let finding = &report.findings[0];
    assert_eq!((finding.kind, finding.row), (AuditKind::Recorded, 3));
    assert_eq!(finding.message, "the log ends with row 1, before row 3 that was recorded");
    for name in ["carol", "dora", "emil"] {
        f.create(json!({ "name": name })).unwrap();
    }
    let f = f.restarted();
    let report = f.service.verify_audit(&[]).unwrap();
    assert_eq!((report.rows, report.findings.len()), (4, 1));
    assert_eq!(report.findings[0].row, 3);
    assert_eq!((record(&f).witnesses.len(), record(&f).head.unwrap().id), (1, 4));
}

#[test]
fn the_file_itself_is_watched() {
    let f = Fixture::new();
    f.create(json!({"name": "alice"})).unwrap();
    let path = f.path("audit-head");
    std::fs::remove_file(&path).unwrap();
    let found = f.service.verify_audit(&[]).unwrap().findings;
    assert!(found[0].message.ends_with("audit-head was removed"), "{found:?}");
    std::fs::write(&path, "nonsense").unwrap();
    assert!(!f.service.verify_audit(&[]).unwrap().is_valid());
    // Written again with the next change.
    lock(&f, "alice");
    assert!(f.service.verify_audit(&[]).unwrap().is_valid());
}

#[test]
fn what_is_too_long_for_an_entry_is_cut_and_said_to_be() {
    let row = |change: String| AuditRow {
        id: 1,
        at: 0,
        actor_uid: -1,
        actor: "a\u{1b}[31m".repeat(1000),
        via: String::new(),
        action: "x\ny".to_owned(),
        subject: "é".repeat(3000),
        subject_id: String::new(),
        change,
        hash: String::new(),
    };
    let bytes = |row: &AuditRow| {
        let dir = tempfile::tempdir().unwrap();
        let socket = listen(&dir.path().join("s"));
        Journal::new(dir.path().join("s")).send(&entry(row, MAX_CHANGE)).unwrap();
        entries(&socket).remove(0)
    };
    let long = bytes(&row("ü".repeat(MAX_CHANGE)));
    assert_eq!(
        (long["ROSTER_CHANGE"].len(), long["ROSTER_SUBJECT"].len()),
        (MAX_CHANGE, MAX_FIELD)
    );
    assert_eq!(long["ROSTER_CHANGE_CUT"], (2 * MAX_CHANGE).to_string());
    assert!(long["MESSAGE"].chars().all(|c| !c.is_control()), "{}", long["MESSAGE"]);
    assert_eq!(long["ROSTER_ACTION"], "x\ny");
    assert!(!bytes(&row("{}".to_owned())).contains_key("ROSTER_CHANGE_CUT"));
}
