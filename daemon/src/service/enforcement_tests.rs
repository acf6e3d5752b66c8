//! The policy of second factors against a real store and index.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::service::testing::{Fixture, fields_of, map, secret, subject};
use crate::service::{Plan, Provider};

fn grant(f: &Fixture) -> Grant {
    f.root(Action::TwoFactorEnforce, None)
}

fn on() -> WantedPolicy {
    WantedPolicy { enforced: true, ..WantedPolicy::default() }
}

fn of(groups: &[&str], excluded: &[&str]) -> WantedPolicy {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    WantedPolicy { groups: texts(groups), excluded: texts(excluded), ..on() }
}

fn set(f: &Fixture, wanted: &WantedPolicy) -> Result<TwoFactorPolicy, Error> {
    f.service.set_two_factor_policy(&grant(f), wanted)
}

fn is_enforced(f: &Fixture, user: &str) -> bool {
    f.service.two_factor_state(&subject(user)).unwrap().enforced
}

/// The members of roster-2fa, as sshd sees them.
fn published(f: &Fixture) -> Vec<String> {
    let path = std::ffi::CString::new(f.path("run/index").to_str().unwrap()).unwrap();
    let owner = rustix::process::geteuid().as_raw();
    let reader = snapshot::Reader::open(&path, snapshot::Kind::Index, owner).unwrap();
    let index = reader.index();
    let group = index.group_by_name(b"roster-2fa").unwrap();
    group.members().map(|name| String::from_utf8(name.to_vec()).unwrap()).collect()
}

/// Enrols and confirms.
fn enrol(f: &Fixture, user: &str) {
    let manage = f.root(Action::TwoFactorManage, Some(user));
    let enrolment = f.service.enroll_totp(&manage, &subject(user), 6, 30).unwrap();
    let totp = totp_rs::Totp::from_url(enrolment.uri.as_str().unwrap()).unwrap();
    let code = totp.generate(f.service.now().unsigned_abs()).to_string();
    f.service.confirm_totp(&manage, &subject(user), &secret(&code)).unwrap();
}

/// alice in the group dev of ours, bob in docker of the host, carol in web as her primary group.
fn people() -> Fixture {
    let f = Fixture::new();
    let groups = f.root(Action::GroupManage, None);
    for name in ["dev", "web"] {
        f.service.create_group(&groups, &map(json!({ "name": name }))).unwrap();
    }
    f.create(json!({"name": "alice", "groups": ["dev"]})).unwrap();
    f.create(json!({"name": "bob", "groups": ["docker"]})).unwrap();
    f.create(json!({"name": "carol", "group": "web"})).unwrap();
    f
}

#[test]
fn nobody_must_until_it_is_on_and_then_everybody() {
    let f = people();
    assert!(!is_enforced(&f, "alice") && published(&f).is_empty());
    let policy = set(&f, &on()).unwrap();
    assert_eq!(policy, f.service.two_factor_policy().unwrap());
    assert!(policy.enforced && policy.groups.is_empty() && policy.due_at.is_none());
    assert!(is_enforced(&f, "alice"));
    assert_eq!(published(&f), ["alice", "bob", "carol"]);
    assert!(matches!(set(&f, &on()), Err(Error::AlreadyInState(_))));
    f.create(json!({"name": "dave"})).unwrap();
    assert_eq!(published(&f).len(), 4, "who comes later must, too");
    set(&f, &WantedPolicy::default()).unwrap();
    assert!(!is_enforced(&f, "alice") && published(&f).is_empty());
}

#[test]
fn groups_of_every_kind_decide_and_an_excluded_one_comes_first() {
    let f = people();
    for (groups, excluded, must) in [
        (&["dev"][..], &[][..], &["alice"][..]),
        (&["docker"], &[], &["bob"]),
        (&["web"], &[], &["carol"]),
        (&["990"], &[], &["bob"]),
        (&["dev", "web"], &[], &["alice", "carol"]),
        (&[], &["dev"], &["bob", "carol"]),
        (&[], &["docker", "web"], &["alice"]),
        (&["users"], &[], &[]),
    ] {
        set(&f, &of(groups, excluded)).unwrap();
        assert_eq!(published(&f), must, "{groups:?} {excluded:?}");
        for name in ["alice", "bob", "carol"] {
            assert_eq!(is_enforced(&f, name), must.contains(&name), "{name} {groups:?}");
        }
    }
    set(&f, &of(&["dev"], &["docker"])).unwrap();
    let members = f.root(Action::GroupManage, None);
    f.service.add_member(&members, "dev", "bob").unwrap();
    assert!(!is_enforced(&f, "bob"), "excluded, whatever else");
    f.service.add_member(&members, "dev", "carol").unwrap();
    assert_eq!(published(&f), ["alice", "carol"]);
    f.service.remove_member(&members, "dev", "alice").unwrap();
    assert_eq!(published(&f), ["carol"]);
}

#[test]
fn members_that_the_group_file_names_count() {
    let f = people();
    set(&f, &of(&["docker"], &[])).unwrap();
    let file = std::fs::read_to_string(f.path("group")).unwrap();
    std::fs::write(f.path("group"), file.replace("docker:x:990:", "docker:x:990:carol,nobody"))
        .unwrap();
    assert!(is_enforced(&f, "carol") && is_enforced(&f, "bob") && !is_enforced(&f, "alice"));
}

#[test]
fn a_group_that_is_gone_makes_the_policy_no_wider() {
    let f = people();
    let groups = f.root(Action::GroupManage, None);
    let gone = f.service.create_group(&groups, &map(json!({"name": "gone"}))).unwrap();
    set(&f, &of(&["gone"], &[])).unwrap();
    f.service.delete_group(&groups, &subject("gone")).unwrap();
    assert!(!is_enforced(&f, "alice"));
    assert_eq!(f.service.two_factor_policy().unwrap().groups, [format!("#{}", gone.gid)]);
}

#[test]
fn a_deadline_changes_the_published_group_when_it_passes() {
    let f = people();
    enrol(&f, "bob");
    let wanted = WantedPolicy { deadline: Some(Deadline::In(60)), ..on() };
    let policy = set(&f, &wanted).unwrap();
    assert_eq!(policy.due_at, Some(Timestamp(1_700_000_060)));
    let state = f.service.two_factor_state(&subject("alice")).unwrap();
    assert_eq!((state.enforced, state.due_at), (true, policy.due_at));
    assert_eq!(published(&f), ["bob"]);
    f.clock.forward(59);
    f.service.publish_when_due().unwrap();
    assert_eq!(published(&f), ["bob"]);
    f.clock.forward(1);
    f.service.publish_when_due().unwrap();
    assert_eq!(published(&f), ["alice", "bob", "carol"]);
    // Also when it passed while the daemon was not running.
    set(&f, &WantedPolicy { deadline: Some(Deadline::In(60)), ..on() }).unwrap();
    assert_eq!(published(&f), ["bob"]);
    f.clock.forward(3600);
    let f = f.restarted();
    assert_eq!(published(&f), ["alice", "bob", "carol"]);
}

#[test]
fn what_cannot_be_meant_names_its_field() {
    let f = people();
    let refused = |wanted: &WantedPolicy| fields_of(set(&f, wanted));
    assert_eq!(
        refused(&of(&["nosuch", "alsonot"], &["neither"])),
        ["excluded", "groups", "groups"]
    );
    assert_eq!(refused(&of(&["roster-users"], &["roster-2fa"])), ["excluded", "groups"]);
    assert_eq!(refused(&of(&["dev"], &["dev"])), ["excluded"]);
    assert_eq!(refused(&WantedPolicy { enforced: false, ..of(&["dev"], &[]) }), ["enforced"]);
    let until = |deadline| WantedPolicy { deadline: Some(deadline), ..on() };
    let now = f.service.now();
    assert_eq!(refused(&until(Deadline::At(Timestamp(now)))), ["due_at"]);
    assert_eq!(refused(&until(Deadline::In(0))), ["due_in"]);
    assert_eq!(refused(&until(Deadline::In(u64::MAX))), ["due_in"]);
    assert_eq!(refused(&until(Deadline::At(Timestamp(now + FARTHEST + 1)))), ["due_at"]);
    assert!(!f.service.two_factor_policy().unwrap().enforced);
}

#[test]
fn a_grant_for_something_else_is_of_no_use() {
    let f = people();
    let other = f.root(Action::UserUpdate, Some("alice"));
    let refused = f.service.set_two_factor_policy(&other, &on());
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
    let refused = f.service.cleanup_two_factor(&other, Provider::Totp, true);
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
    let refused = f.service.rotate_totp_key(&other);
    assert!(matches!(refused, Err(Error::NotAuthorized(_))));
}

fn plan<T: std::fmt::Debug>(planned: Result<T, Error>) -> Plan {
    match planned {
        Err(Error::Planned(plan)) => *plan,
        other => panic!("no plan: {other:?}"),
    }
}

#[test]
fn the_plan_says_who_would_be_led_and_who_could_be_locked_out() {
    let f = people();
    enrol(&f, "bob");
    f.service
        .note(|db| {
            let carol = db.user(crate::store::UserKey::Name("carol"))?.unwrap();
            let mut login = db.login(carol.id)?;
            login.last_service = "gdm-password".to_owned();
            Ok(db.set_login(carol.id, &login)?)
        })
        .unwrap();
    let rehearsal = grant(&f).for_rehearsal();
    let plan = plan(f.service.set_two_factor_policy(&rehearsal, &of(&[], &["dev"])));
    let fields: Vec<_> = plan.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["enforced", "excluded"]);
    let warnings = plan.warnings.join("\n");
    assert!(
        warnings.contains("1 of 2 users who must have a second factor have none"),
        "{warnings}"
    );
    assert!(warnings.contains("login, remote, sshd, su, su-l"), "{warnings}");
    assert!(warnings.contains("could be locked out") && warnings.contains("carol (gdm-password)"));
    assert!(!f.service.two_factor_policy().unwrap().enforced);
}

#[test]
fn nobody_switches_the_own_second_factor_off_while_it_is_required() {
    let f = people();
    enrol(&f, "alice");
    set(&f, &on()).unwrap();
    let uid = f.service.user(&subject("alice")).unwrap().uid;
    let own = f.grant(uid, Action::TwoFactorManage, Some("alice"));
    let off = |grant: &Grant, provider| {
        f.service.set_two_factor(grant, &subject("alice"), provider, false)
    };
    assert!(matches!(off(&own, Provider::Totp), Err(Error::Immutable(_))));
    off(&own, Provider::Recovery).unwrap();
    // An administrator may: the next login sets up another one.
    off(&f.root(Action::TwoFactorManage, Some("alice")), Provider::Totp).unwrap();
    assert!(published(&f).contains(&"alice".to_owned()), "and sshd goes on asking");
}

#[test]
fn cleaning_up_takes_one_kind_from_everybody_and_says_from_how_many() {
    let f = people();
    for name in ["alice", "bob"] {
        enrol(&f, name);
    }
    let manage = f.root(Action::TwoFactorManage, Some("carol"));
    f.service.enroll_totp(&manage, &subject("carol"), 6, 30).unwrap();
    let state = |name: &str| f.service.two_factor_state(&subject(name)).unwrap();
    let clean = |provider, force| f.service.cleanup_two_factor(&grant(&f), provider, force);
    assert_eq!(clean(Provider::Recovery, false).unwrap(), 2);
    assert!(state("alice").totp && state("alice").recovery_codes_left == 0);
    assert_eq!(clean(Provider::Recovery, false).unwrap(), 0);
    set(&f, &on()).unwrap();
    assert!(matches!(clean(Provider::Totp, false), Err(Error::Immutable(_))));
    assert!(state("alice").totp);
    assert_eq!(clean(Provider::Totp, true).unwrap(), 3, "what waits goes too");
    for name in ["alice", "bob"] {
        assert!(!state(name).enabled);
        let rows = f.service.dump();
        let told = |row: &&String| row.contains("two-factor-cleanup") && row.contains(name);
        assert_eq!(rows.iter().filter(told).count(), 2, "{name}");
    }
    let refused = f.service.confirm_totp(&manage, &subject("carol"), &secret("000000"));
    assert!(matches!(refused, Err(Error::NotEnrolled(_))));
}
