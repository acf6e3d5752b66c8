//! Pages of the log, by what people ask for.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::authorize::Action;
use crate::service::testing::{Fixture, fields_of, subject};

fn query() -> AuditQuery {
    AuditQuery { limit: 100, ..AuditQuery::default() }
}

fn rows(f: &Fixture, query: &AuditQuery) -> Vec<String> {
    let page = f.service.list_audit(query).unwrap();
    page.rows.iter().map(|row| format!("{} {} {}", row.id, row.action, row.subject)).collect()
}

fn log() -> Fixture {
    let f = Fixture::new();
    f.create(json!({"name": "alice", "role": "admin"})).unwrap();
    f.clock.forward(100);
    f.create(json!({"name": "bob"})).unwrap();
    let dev = json!({"name": "dev"});
    f.service.create_group(&f.root(Action::GroupManage, None), dev.as_object().unwrap()).unwrap();
    let grant = f.grant(3000, Action::GroupManage, None);
    f.service.add_member(&grant, "dev", "bob").unwrap();
    f.clock.forward(100);
    let grant = f.grant(3000, Action::UserUpdate, Some("bob"));
    let name = json!({"name": "rob"});
    f.service.update_user(&grant, &subject("bob"), name.as_object().unwrap(), None).unwrap();
    f
}

#[test]
fn the_newest_row_comes_first_and_pages_go_on_from_either_end() {
    let f = log();
    let all = rows(&f, &query());
    assert_eq!(all.len(), 5, "{all:?}");
    assert_eq!(all[4], "1 user-create alice");
    let page = f.service.list_audit(&AuditQuery { limit: 2, ..query() }).unwrap();
    assert!(page.more && page.rows[1].id == 4);
    let before = |id| AuditQuery { from: AuditFrom::Before(id), limit: 2, ..query() };
    assert_eq!(rows(&f, &before(4)), all[2..4]);
    assert!(!f.service.list_audit(&before(3)).unwrap().more);
    let after = |id| AuditQuery { from: AuditFrom::After(id), limit: 2, ..query() };
    let mut forwards = rows(&f, &after(3));
    forwards.reverse();
    assert_eq!(forwards, all[..2]);
    for from in [AuditFrom::After(5), AuditFrom::Before(i64::MIN), AuditFrom::After(i64::MAX)] {
        assert!(rows(&f, &AuditQuery { from, ..query() }).is_empty());
    }
}

#[test]
fn rows_are_found_by_whom_they_are_about_also_under_another_name() {
    let f = log();
    let user = |name| rows(&f, &AuditQuery { user: Some(subject(name)), ..query() });
    // The one with that name now, its membership under the name it had, and nothing of the groups.
    assert_eq!(user("rob"), ["5 user-update rob", "2 user-create bob"]);
    assert_eq!(user("bob"), ["4 group-add-member dev", "2 user-create bob"]);
    assert_eq!(user("uid:3001"), user("rob"));
    assert!(user("dev").is_empty() && user("nobody").is_empty());
    let group = |name| rows(&f, &AuditQuery { group: Some(subject(name)), ..query() });
    assert_eq!(group("dev"), ["4 group-add-member dev", "3 group-create dev"]);
    assert!(group("bob").is_empty());
    let unknown = AuditQuery { user: Some(Subject::Number(7)), ..query() };
    assert!(matches!(f.service.list_audit(&unknown), Err(Error::NoSuchUser(_))));
    let both = AuditQuery { user: Some(subject("a")), group: Some(subject("b")), ..query() };
    assert_eq!(fields_of(f.service.list_audit(&both)), ["group"]);
}

#[test]
fn rows_are_found_by_actor_verb_and_time() {
    let f = log();
    let actor = |name| rows(&f, &AuditQuery { actor: Some(subject(name)), ..query() });
    assert_eq!(actor("alice"), ["5 user-update rob", "4 group-add-member dev"]);
    assert_eq!(actor("uid:3000"), actor("alice"));
    assert_eq!(actor("root").len(), 3);
    let action = Some("user-create".to_owned());
    assert_eq!(rows(&f, &AuditQuery { action, ..query() }).len(), 2);
    let start = 1_700_000_000;
    let between = |since, until| rows(&f, &AuditQuery { since, until, ..query() }).len();
    assert_eq!(between(Some(start + 100), None), 4);
    assert_eq!(between(None, Some(start + 100)), 1);
    assert_eq!(between(Some(start + 100), Some(start + 200)), 3);
    let long = AuditQuery { action: Some("x".repeat(65)), ..query() };
    assert_eq!(fields_of(f.service.list_audit(&long)), ["action"]);
}

#[test]
fn the_log_of_all_that_was_done_is_valid_and_what_the_caller_knows_is_asked_for() {
    let f = log();
    let report = f.service.verify_audit(&[]).unwrap();
    assert!(report.is_valid(), "{report:?}");
    let head = report.head.unwrap();
    assert_eq!((report.rows, head.id), (5, 5));
    assert!(f.service.verify_audit(std::slice::from_ref(&head)).unwrap().is_valid());
    for wrong in [AuditHead { hash: [0; 32], ..head.clone() }, AuditHead { id: 6, ..head }] {
        let report = f.service.verify_audit(std::slice::from_ref(&wrong)).unwrap();
        assert_eq!(
            (report.findings[0].kind, report.findings[0].row),
            (AuditKind::Recorded, wrong.id)
        );
    }
}
