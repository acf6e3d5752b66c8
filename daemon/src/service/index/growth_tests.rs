//! What a change costs, counted in steps of SQLite and bytes of the audit log, does not grow with
//! what is there.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use serde_json::json;

use super::super::testing::{Fixture, map, secret, subject};
use super::super::{DeleteOptions, NewPassword};
use super::{Showing, tests};
use crate::authorize::Action;

/// So many users u1, u2, … of uids from 3001 on, each with a group of its own.
fn with_users(count: u32) -> Fixture {
    let f = Fixture::in_memory();
    f.create_with(json!({"name": "boss", "role": "admin"}), given()).unwrap();
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    );
    let id = |kind: &str| format!("unhex(printf('{kind}%030x', i))");
    let (users, groups) = (id("aa"), id("bb"));
    let sql = format!(
        "INSERT INTO users (id, name, uid, gid, home, home_mode, shell, created_at, updated_at) \
           {numbers} SELECT {users}, 'u' || i, 3000 + i, 3000 + i, '/home/u' || i, 448, \
           '/bin/sh', 0, 0 FROM n;
         INSERT INTO groups (id, name, gid, created_at, updated_at) \
           {numbers} SELECT {groups}, 'u' || i, 3000 + i, 0, 0 FROM n;
         INSERT INTO ssh_keys (user_id, line, fingerprint, added_at) \
           {numbers} SELECT {users}, 'ssh-ed25519 AAAA x', 'SHA256:' || i, 0 FROM n;
         INSERT INTO passwords (user_id, phc, changed_at) {numbers} SELECT {users}, 'x', 0 FROM n;
         INSERT INTO sudo_rules (user_id, command, nopasswd, created_at) \
           {numbers} SELECT {users}, 'ALL', 0, 0 FROM n WHERE i % 10 = 0;
         INSERT INTO used_uids {numbers} SELECT 3000 + i FROM n;
         INSERT INTO used_gids {numbers} SELECT 3000 + i FROM n;"
    );
    f.service.note(|db| Ok(db.run(&sql)?)).unwrap();
    f.service.publish().unwrap();
    f
}

fn given() -> NewPassword {
    NewPassword::Given(secret("seven violet herons"))
}

fn steps_of(f: &Fixture) -> Arc<AtomicU64> {
    f.service.lock_store().as_mut().unwrap().count_steps()
}

/// What each verb costs where there are so many users.
fn costs(count: u32) -> Vec<(&'static str, u64)> {
    let f = with_users(count);
    let steps = steps_of(&f);
    let manager = f.root(Action::GroupManage, None);
    f.service.create_group(&manager, &map(json!({"name": "dev"}))).unwrap();
    let u = |action| f.root(action, Some("u7"));
    let (grants, user) =
        ([u(Action::UserUpdate), u(Action::UserLock), u(Action::UserDelete)], subject("u7"));
    let [update, lock, delete] = grants;
    let shell = map(json!({"shell": "/bin/bash"}));
    let mut costs = Vec::new();
    let mut cost = |verb: &'static str, run: &dyn Fn()| {
        let before = steps.load(SeqCst);
        run();
        costs.push((verb, steps.load(SeqCst) - before));
    };
    cost("create", &|| drop(f.create_with(json!({"name": "new"}), given()).unwrap()));
    cost("create again", &|| drop(f.create_with(json!({"name": "newer"}), given()).unwrap()));
    cost("update", &|| drop(f.service.update_user(&update, &user, &shell, None).unwrap()));
    cost("join", &|| f.service.add_member(&manager, "dev", "u7").unwrap());
    cost("join the host's", &|| f.service.add_member(&manager, "docker", "u7").unwrap());
    cost("leave", &|| f.service.remove_member(&manager, "dev", "u7").unwrap());
    cost("lock", &|| f.service.lock_user(&lock, &user).unwrap());
    cost("rename a group", &|| {
        drop(
            f.service
                .update_group(&manager, &subject("dev"), &map(json!({"name": "eng"})))
                .unwrap(),
        );
    });
    cost("who is asked for", &|| assert_eq!(f.service.target(&user).unwrap().uid, 3_007));
    cost("delete", &|| {
        f.service.delete_user(&delete, &user, DeleteOptions::default()).map(drop).unwrap();
    });
    costs
}

#[test]
fn a_change_costs_the_same_among_many_accounts() {
    let (few, many) = (costs(60), costs(6_000));
    for ((verb, among_few), (_, among_many)) in few.iter().zip(&many) {
        let grows = *among_many as f64 / *among_few as f64;
        assert!(grows < 1.1, "{verb}: {among_few} steps among 60, {among_many} among 6000");
    }
}

/// Puts the first so many users into the group dev, and u1 into so many groups of theirs.
fn with_memberships(members: u32, groups: u32) -> Fixture {
    let f = with_users(members.max(groups));
    let manager = f.root(Action::GroupManage, None);
    f.service.create_group(&manager, &map(json!({"name": "dev"}))).unwrap();
    let sql = format!(
        "INSERT INTO members SELECT (SELECT id FROM groups WHERE name = 'dev'), id FROM users \
           WHERE uid > 3000 AND uid < 3000 + {members};
         INSERT INTO members SELECT id, (SELECT id FROM users WHERE name = 'u1') FROM groups \
           WHERE gid > 3000 AND gid <= 3000 + {groups};"
    );
    f.service.note(|db| Ok(db.run(&sql)?)).unwrap();
    f.service.publish().unwrap();
    f
}

fn last_row(f: &Fixture) -> String {
    let head = f.service.read(|db| Ok(db.audit_end()?)).unwrap().unwrap();
    let rows = f.service.read(|db| Ok(db.audit_rows(head.id - 1, 1)?)).unwrap();
    rows.last().unwrap().change.clone()
}

/// What it costs to let u1 join and leave dev, and to lock it: steps, and bytes of audit rows.
fn costs_of_joining(members: u32, groups: u32) -> Vec<(u64, usize)> {
    let f = with_memberships(members, groups);
    let steps = steps_of(&f);
    let manager = f.root(Action::GroupManage, None);
    let lock = f.root(Action::UserLock, Some("u1"));
    let last = format!("u{}", members.max(groups));
    let mut costs = Vec::new();
    let mut cost = |run: &dyn Fn()| {
        let before = steps.load(SeqCst);
        run();
        costs.push((steps.load(SeqCst) - before, last_row(&f).len()));
    };
    cost(&|| f.service.add_member(&manager, "dev", &last).unwrap());
    cost(&|| f.service.remove_member(&manager, "dev", &last).unwrap());
    cost(&|| f.service.add_member(&manager, "docker", "u1").unwrap());
    cost(&|| f.service.lock_user(&lock, &subject("u1")).unwrap());
    assert!(tests::shown(&f).iter().any(|line| line.contains("docker 990 true [\"u1\"]")));
    costs
}

#[test]
fn a_membership_costs_the_same_among_a_hundred_thousand() {
    let (few, many) = (costs_of_joining(50, 20), costs_of_joining(100_000, 10_000));
    for (n, ((few, few_bytes), (many, many_bytes))) in few.iter().zip(&many).enumerate() {
        assert!((*many as f64) < *few as f64 * 1.1, "{n}: {few} steps, and {many} among many");
        assert!(*many_bytes < few_bytes + 64, "{n}: {few_bytes} bytes, and {many_bytes}");
    }
}

#[test]
fn a_large_group_that_goes_is_one_edit_and_one_short_row() {
    let f = with_memberships(3_000, 1);
    let manager = f.root(Action::GroupManage, None);
    f.service.delete_group(&manager, &subject("dev")).unwrap();
    let row = last_row(&f);
    assert!(row.len() < 4096 && row.contains("… and 2935 more"), "{row}");
    assert!(!tests::shown(&f).iter().any(|line| line.starts_with("dev ")));
}

#[test]
fn an_edit_touches_what_the_change_touches() {
    let f = with_users(20);
    let mut shown = None;
    let watched = f.service.change(&crate::authorize::Actor::daemon(), |change| {
        let user = change.db.user(crate::store::UserKey::Name("u3"))?.unwrap();
        let watcher = super::super::plan::Watcher::new(&f.service, change.now);
        change.db.watched(&watcher).update_user(&user)?;
        let (_, seen) = watcher.compare(change.db)?;
        shown = Some(f.service.edits(change.db, &seen, 7)?);
        Ok(())
    });
    watched.unwrap();
    let Some(Showing::Edits(edits, 7)) = shown else { panic!("{shown:?}") };
    // The record, and a look at Roster's own three groups.
    assert_eq!(edits.len(), 4, "{edits:?}");
}
