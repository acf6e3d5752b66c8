//! Imports.

#![allow(clippy::unwrap_used)]

use std::io::{Seek, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{ImportOptions, Imported, Observer, Progress, open_input};
use crate::authorize::{Action, Caller, Decision, Grant, decide};
use crate::service::testing::{Fixture, subject};
use crate::service::{Error, Event, EventKind, Of, Service};

/// Waits until it does not.
#[derive(Default)]
pub(super) struct Watching {
    cancelled: AtomicBool,
}

impl Watching {
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }
}

impl Observer for Watching {
    fn progress(&self, _progress: &Progress) {}

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

const ALL_OR_NONE: ImportOptions = ImportOptions { continue_on_error: false, skip_existing: false };
const GO_ON: ImportOptions = ImportOptions { continue_on_error: true, skip_existing: false };

fn import_as(
    service: &Service,
    grant: &Grant,
    lines: &[Value],
    options: ImportOptions,
    observer: &dyn Observer,
) -> Result<Imported, Error> {
    let mut file = tempfile::tempfile().unwrap();
    for line in lines {
        writeln!(file, "{line}").unwrap();
    }
    file.rewind().unwrap();
    service.import_users(grant, open_input(file.into()).unwrap(), options, observer)
}

fn import(f: &Fixture, lines: &[Value], options: ImportOptions) -> Result<Imported, Error> {
    let grant = f.root(Action::UserCreate, None);
    import_as(&f.service, &grant, lines, options, &Watching::default())
}

/// So many plain records.
fn many(number: u64) -> Vec<Value> {
    (0..number).map(|n| json!({"name": format!("user{n}"), "full_name": "A Name"})).collect()
}

fn fields(error: &Error) -> Vec<String> {
    error.fields().unwrap().0.iter().map(|error| error.field.clone()).collect()
}

/// What a fixture holds that an import may change.
fn everything(f: &Fixture) -> (Vec<String>, Vec<u8>, Vec<u8>) {
    let file = |name: &str| std::fs::read(f.path(name)).unwrap_or_default();
    (f.service.dump(), file("numbers"), file("run/index"))
}

#[test]
fn an_imported_user_is_what_a_created_one_is() {
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";
    let records = [
        json!({"name": "alice"}),
        json!({"name": "bob", "uid": 3100, "first_name": "Bob", "last_name": "Ng", "role": "helpdesk",
            "groups": ["dev", "users", "docker"], "create_groups": true, "tags": ["x", "y"],
            "attributes": {"desk": {"floor": [2, null]}}, "email": "b@example.org",
            "sudo_commands": ["/usr/bin/id"], "expires_at": "2040-01-31", "password_max_age": 90,
            "ssh_keys": [key], "shell": "/bin/sh", "home_mode": "750", "locked": true}),
        json!({"name": "carol", "group": "users", "home": "/var/empty", "groups": ["dev"]}),
        json!({"name": "dora", "uid": 3000_u32 + 2, "home": "/srv/dora", "group_create": true}),
        json!({"name": "erin", "email": null, "ssh_password_enabled": true}),
    ];
    let (one_by_one, at_once, batches) = (Fixture::new(), Fixture::new(), Fixture::new());
    for record in &records {
        one_by_one.create(record.clone()).unwrap();
    }
    assert_eq!(import(&at_once, &records, ALL_OR_NONE).unwrap().created, 5);
    assert_eq!(import(&batches, &records, GO_ON).unwrap().created, 5);
    let shown = |f: &Fixture, name: &Value| {
        let user = f.service.user(&subject(name.as_str().unwrap())).unwrap();
        let mut user = serde_json::to_value(user).unwrap();
        user["id"] = Value::Null;
        user
    };
    let groups = |f: &Fixture| {
        let groups = f.service.list_groups("", 0, 100).unwrap().items;
        groups.into_iter().map(|g| (g.name.to_string(), g.gid, g.members)).collect::<Vec<_>>()
    };
    for imported in [&at_once, &batches] {
        for record in &records {
            let name = &record["name"];
            assert_eq!(shown(imported, name), shown(&one_by_one, name));
        }
        assert_eq!(groups(imported), groups(&one_by_one));
        assert_eq!(imported.sudoers(), one_by_one.sudoers());
        assert_eq!(imported.service.next_uid().unwrap(), one_by_one.service.next_uid().unwrap());
        let numbers = |f: &Fixture| {
            let text = std::fs::read_to_string(f.path("numbers")).unwrap();
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(numbers(imported), numbers(&one_by_one));
    }
}

#[test]
fn one_wrong_line_leaves_nothing() {
    let f = Fixture::new();
    f.create(json!({"name": "taken", "uid": 3500, "home": "/srv/taken"})).unwrap();
    for (wrong, field) in [
        (json!({"name": "taken"}), "name"),
        (json!({"name": "root"}), "name"),
        (json!({"name": "user3"}), "name"),
        (json!({"name": "x", "uid": 3500}), "uid"),
        (json!({"name": "x", "uid": 3001}), "uid"),
        (json!({"name": "x", "home": "/srv/taken/x"}), "home"),
        (json!({"name": "x", "home": "/home/user2"}), "home"),
        (json!({"name": "x", "groups": ["nogroup"]}), "groups"),
        (json!({"name": "x", "shell": "/bin/nosuch"}), "shell"),
        (json!({"name": "x", "smb": true}), "smb"),
        (json!({"name": "x", "nonsense": 1}), "nonsense"),
        (json!({"name": "x", "password": "hunter2"}), "password"),
        (json!({"uid": 3600}), "name"),
        (json!({"name": "user1", "group": "user1"}), "name"),
    ] {
        let before = everything(&f);
        let mut lines = many(20);
        lines.insert(10, wrong.clone());
        let error = import(&f, &lines, ALL_OR_NONE).unwrap_err();
        let named = fields(&error);
        assert!(named.contains(&format!("line 11: {field}")), "{wrong}: {named:?}");
        assert!(!error.to_string().contains("hunter2"));
        assert!(everything(&f) == before, "{wrong} has left something");
    }
    // And nothing is in the way of doing it right.
    assert_eq!(import(&f, &many(20), ALL_OR_NONE).unwrap().created, 20);
}

#[test]
fn every_wrong_line_is_named_up_to_a_hundred() {
    let f = Fixture::new();
    let error = import(&f, &vec![json!({"name": "A"}); 250], ALL_OR_NONE).unwrap_err();
    assert_eq!(fields(&error).len(), 101);
    assert!(error.to_string().contains("and 150 more"), "{error}");
    let error = import(&f, &vec![json!({"name": "root"}); 400], ALL_OR_NONE).unwrap_err();
    assert_eq!(fields(&error).len(), 101);
    let imported = import(&f, &vec![json!({"name": "root"}); 1400], GO_ON).unwrap();
    assert_eq!((imported.failed, imported.errors.len()), (1400, 100));
}

#[test]
fn what_is_right_is_imported_when_that_was_asked_for() {
    let f = Fixture::new();
    let mut lines = many(2500);
    lines.insert(0, json!({"name": "ALL"}));
    lines.insert(700, json!({"name": "user3"}));
    lines.push(json!({"name": "last", "groups": ["nogroup"]}));
    let imported = import(&f, &lines, GO_ON).unwrap();
    let Imported { records, created, failed, .. } = imported;
    assert_eq!((records, created, failed), (2503, 2500, 3));
    let told: Vec<_> = imported.errors.iter().map(|error| (error.line, error.code)).collect();
    assert_eq!(told, [(1, "invalid_field"), (701, "user_exists"), (2503, "invalid_field")]);
    assert_eq!(f.service.list_users(0, 1).unwrap().total, 2500);
    assert!(std::fs::read(f.path("run/index")).unwrap().windows(8).any(|part| part == b"user2499"));
    let report = f.service.verify_audit(&[]).unwrap();
    assert!(report.is_valid(), "{:?}", report.findings);
    assert_eq!(report.rows, 2501);
}

#[test]
fn a_user_that_comes_to_nothing_late_leaves_nothing() {
    let f = Fixture::new();
    let caller = Caller { uid: 4242, account: None };
    let Decision::AskPolkit(pending) = decide(&caller, Action::UserCreate, None) else {
        panic!("polkit is asked")
    };
    // May create users, and give no power: seen only once the user is written.
    let grant = pending.granted();
    let lines = [
        json!({"name": "alice"}),
        json!({"name": "bob", "groups": ["docker"]}),
        json!({"name": "carol", "sudo_commands": ["ALL"]}),
        json!({"name": "dora", "uid": 3001}),
    ];
    let watching = Watching::default();
    let before = everything(&f);
    let refused = import_as(&f.service, &grant, &lines, ALL_OR_NONE, &watching).unwrap_err();
    assert!(matches!(&refused, Error::NotAuthorized(why) if why.contains("line 2")), "{refused:?}");
    assert!(everything(&f) == before);
    let imported = import_as(&f.service, &grant, &lines, GO_ON, &watching).unwrap();
    assert_eq!((imported.created, imported.failed), (2, 2));
    assert_eq!(imported.errors[0].code, "not_authorized");
    assert_eq!(f.service.list_groups("", 0, 10).unwrap().total, 2);
    assert!(f.service.user(&subject("bob")).is_err());
    assert_eq!(f.sudoers(), "");
}

#[test]
fn who_is_there_is_left_alone() {
    let f = Fixture::new();
    f.create(json!({"name": "user1", "uid": 4000, "full_name": "Somebody"})).unwrap();
    let options = ImportOptions { skip_existing: true, ..ALL_OR_NONE };
    let mut lines = many(3);
    lines.push(json!({"name": "user0", "uid": 4000}));
    let imported = import(&f, &lines, options).unwrap();
    assert_eq!((imported.created, imported.skipped), (2, 2));
    let user = f.service.user(&subject("user1")).unwrap();
    assert_eq!((user.uid, user.full_name.as_str()), (4000, "Somebody"));
    // One of /etc/passwd is no user of ours.
    assert!(import(&f, &[json!({"name": "local"})], options).is_err());
}

#[test]
fn each_user_has_an_audit_row_and_the_import_one() {
    let f = Fixture::new();
    import(&f, &many(3), ALL_OR_NONE).unwrap();
    let rows = f.service.read(|db| Ok(db.audit_rows(0, 100)?)).unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.action.as_str(), row.subject.as_str())).collect();
    let users = [("user-create", "user0"), ("user-create", "user1"), ("user-create", "user2")];
    assert_eq!(told, [&users[..], &[("user-import", "")]].concat());
    let change: Value = serde_json::from_str(&rows[1].change).unwrap();
    assert_eq!(change["line"], 2);
    assert_eq!(change["uid"], json!({"from": null, "to": 3001}));
    assert_eq!(change["full_name"], json!({"from": null, "to": "A Name"}));
    let change: Value = serde_json::from_str(&rows[3].change).unwrap();
    assert_eq!(change, json!({"records": 3, "created": 3, "skipped": 0}));
    assert!(f.service.verify_audit(&[]).unwrap().is_valid());
    // What comes afterwards hangs on it.
    f.create(json!({"name": "after"})).unwrap();
    assert!(f.service.verify_audit(&[]).unwrap().is_valid());
}

#[test]
fn listeners_hear_of_a_few_one_by_one_and_of_many_at_once() {
    let f = Fixture::new();
    let mut events = f.service.subscribe();
    import(&f, &many(2), ALL_OR_NONE).unwrap();
    let mut heard = Vec::new();
    while let Ok(event) = events.try_recv() {
        heard.push((event.kind, event.of));
    }
    let added = |n| [(EventKind::Added, Of::Group(n)), (EventKind::Added, Of::User(n))];
    assert_eq!(heard, [added(3000), added(3001)].concat());
    let more: Vec<Value> = (0..600).map(|n| json!({"name": format!("more{n}")})).collect();
    import(&f, &more, ALL_OR_NONE).unwrap();
    let Event { of, .. } = events.try_recv().unwrap();
    assert_eq!(of, Of::Many(600));
    assert!(events.try_recv().is_err());
}

#[test]
fn a_rehearsal_tells_and_changes_nothing() {
    let f = Fixture::new();
    let before = everything(&f);
    let grant = f.root(Action::UserCreate, None).for_rehearsal();
    let mut lines = many(2000);
    lines.push(json!({"name": "x", "home_create": true, "role": "helpdesk"}));
    let plan = |lines: &[Value], options| match import_as(
        &f.service,
        &grant,
        lines,
        options,
        &Watching::default(),
    ) {
        Err(Error::Planned(plan)) => plan,
        other => panic!("{other:?}"),
    };
    let whole = plan(&lines, ALL_OR_NONE);
    assert!(whole.warnings.contains(&"2001 users would be created".to_owned()));
    assert!(whole.warnings.contains(&"1 of them would get a role or sudo rules".to_owned()));
    assert_eq!(whole.changes.len(), 1000);
    assert_eq!(whole.changes[0].name, "user0");
    lines.push(json!({"name": "user7"}));
    lines.push(json!({"name": "ALL"}));
    let wrong = import_as(&f.service, &grant, &lines, ALL_OR_NONE, &Watching::default());
    assert!(matches!(wrong, Err(Error::InvalidField(_))));
    let parts = plan(&lines, GO_ON).warnings.join("\n");
    assert!(parts.contains("2 lines would be left out"), "{parts}");
    assert!(parts.contains("line 2002: ") && parts.contains("line 2003: "), "{parts}");
    assert!(everything(&f) == before);
}

#[test]
fn homes_are_made_when_records_ask_for_them() {
    let f = Fixture::new();
    let records: Vec<Value> =
        (0..70).map(|n| json!({"name": format!("user{n}"), "home_create": true})).collect();
    // Somebody else's is in the way of one.
    std::fs::create_dir(f.path("home/user5")).unwrap();
    let imported = import(&f, &records, GO_ON).unwrap();
    let made = std::fs::read_dir(f.path("home")).unwrap().count() as u64;
    assert_eq!(made, imported.created + imported.failed);
    assert_eq!(imported.created + imported.failed, 70);
    assert!(f.path("home/user69/.profile").exists());
    assert!(f.service.read(|db| Ok(db.owed()?)).unwrap().len() <= 1);
}

/// Looks around from inside the transaction, and leaves if told so.
struct Inside<'s> {
    service: &'s Service,
    leaves: bool,
    looked: AtomicBool,
}

impl Observer for Inside<'_> {
    fn progress(&self, progress: &Progress) {
        if progress.phase == "writing" {
            // Nothing of it is seen, and nobody waits.
            assert_eq!(self.service.list_users(0, 1).unwrap().total, 1);
            assert!(self.service.user(&subject("there")).is_ok());
            self.looked.store(true, Ordering::SeqCst);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.leaves && self.looked.load(Ordering::SeqCst)
    }
}

#[test]
fn reads_go_on_meanwhile_and_leaving_ends_it() {
    let f = Fixture::new();
    f.create(json!({"name": "there"})).unwrap();
    let grant = f.root(Action::UserCreate, None);
    let before = everything(&f);
    let observer = |leaves| Inside { service: &f.service, leaves, looked: AtomicBool::new(false) };
    let leaving = observer(true);
    let left = import_as(&f.service, &grant, &many(3000), ALL_OR_NONE, &leaving);
    assert!(matches!(left, Err(Error::Unavailable(_))), "{left:?}");
    assert!(everything(&f) == before);
    let staying = observer(false);
    import_as(&f.service, &grant, &many(3000), ALL_OR_NONE, &staying).unwrap();
    assert!(staying.looked.load(Ordering::SeqCst));
    assert_eq!(f.service.list_users(0, 1).unwrap().total, 3001);
}

#[test]
fn there_is_one_import_at_a_time() {
    let f = Fixture::new();
    let under_way = f.service.importing.lock().unwrap();
    assert!(matches!(import(&f, &many(1), ALL_OR_NONE), Err(Error::AlreadyInState(_))));
    drop(under_way);
    import(&f, &many(1), ALL_OR_NONE).unwrap();
}

#[test]
fn who_may_not_create_users_imports_none() {
    let f = Fixture::new();
    let other = f.root(Action::UserList, None);
    let refused = import_as(&f.service, &other, &many(1), ALL_OR_NONE, &Watching::default());
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
}
