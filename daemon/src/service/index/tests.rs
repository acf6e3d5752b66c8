//! The index that edits have led to, against one made anew from the store.

#![allow(clippy::unwrap_used)]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

use accounts::{GroupId, GroupName, HomePath, ShellPath, UserId, UserName};
use proptest::prelude::*;
use proptest::sample::select;
use snapshot::{Kind, Reader};

use super::super::testing::Fixture;
use super::super::{Error, change::Change};
use crate::authorize::Actor;
use crate::store::{
    GroupRow, KeyRow, PasswordRow, PolicyRow, TotpRow, TotpState, UserKey, UserRow,
};

/// Everything that the two files show, a line each, in an order of its own.
pub(super) fn shown(f: &Fixture) -> Vec<String> {
    let open = |name: &str, kind| {
        let path = CString::new(f.path(&format!("run/{name}")).as_os_str().as_bytes()).unwrap();
        Reader::open(&path, kind, 0).unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut lines = Vec::new();
    let reader = open("index", Kind::Index);
    let index = reader.index();
    for user in index.users() {
        assert_eq!(index.user_by_name(user.name()).unwrap().uid(), user.uid());
        assert_eq!(index.user_by_uid(user.uid()).unwrap().name(), user.name());
        let keys: Vec<_> = user.keys().map(|key| (text(key.line), key.expires_at)).collect();
        lines.push(format!(
            "user {} {} {} {} {} {} {} {:?} {keys:?}",
            text(user.name()),
            user.uid(),
            user.gid(),
            text(user.gecos()),
            text(user.home()),
            text(user.shell()),
            user.locked(),
            user.expires_at(),
        ));
    }
    let mut names: Vec<Vec<u8>> = Vec::new();
    for (name, gid) in NAMES.iter().zip(1..) {
        let _: u32 = gid;
        names.push(name.as_bytes().to_vec());
    }
    for group in GROUPS.iter().chain(&["docker", "users"]) {
        if let Some(group) = index.group_by_name(group.as_bytes()) {
            let mut members: Vec<_> = group.members().map(text).collect();
            members.sort();
            assert_eq!(index.group_by_gid(group.gid()).unwrap().name(), group.name());
            let external = group.is_external();
            lines.push(format!(
                "group {} {} {external} {members:?}",
                text(group.name()),
                group.gid()
            ));
        }
    }
    for group in index.groups() {
        let mut members: Vec<_> = group.members().map(text).collect();
        members.sort();
        names.extend(group.members().map(<[u8]>::to_vec));
        lines.push(format!("{} {} {members:?}", text(group.name()), group.gid()));
    }
    names.sort();
    names.dedup();
    for name in names {
        let mut gids: Vec<u32> = index.groups_of(&name).into_iter().flatten().collect();
        gids.sort_unstable();
        if !gids.is_empty() {
            lines.push(format!("groups of {} {gids:?}", text(&name)));
        }
    }
    let reader = open("shadow", Kind::Shadow);
    for shadow in reader.index().shadows() {
        let ageing = [shadow.last_change(), shadow.min(), shadow.max(), shadow.warn()];
        let (name, end) = (text(shadow.name()), shadow.expire());
        lines.push(format!("shadow {name} {} {ageing:?} {end}", shadow.locked()));
    }
    lines.sort();
    lines
}

/// Users and groups, few enough to meet.
const NAMES: [&str; 5] = ["ann", "bob", "cy", "local", "eve"];
const GROUPS: [&str; 5] = ["dev", "ops", "docker", "eng", "qa"];

/// What is written, past every rule of the verbs: whatever can be in the store is shown right.
#[derive(Debug, Clone)]
enum Write {
    Make(usize, &'static str),
    Delete(usize),
    Rename(usize, &'static str),
    Change(usize, u32, bool, bool),
    MakeGroup(usize, &'static str),
    RenameGroup(usize, &'static str),
    DeleteGroup(usize),
    Join(usize, usize, bool),
    Local(usize, &'static str, bool),
    Host(&'static str, u32, usize, bool),
    Code(usize, bool),
    Password(usize, bool, bool),
    Key(usize, bool),
    Policy(PolicyRow),
    HostFile(&'static str),
    Later(i64),
}

fn user_id(n: usize) -> UserId {
    UserId(uuid::Uuid::from_u128(1000 - n as u128))
}

fn group_id(n: usize) -> GroupId {
    GroupId(uuid::Uuid::from_u128(500 + n as u128))
}

fn row(n: usize, name: &str) -> UserRow {
    UserRow {
        id: user_id(n),
        name: UserName::parse(name).unwrap(),
        uid: 3000 + n as u32,
        gid: 100,
        full_name: format!("Number {n}"),
        first_name: String::new(),
        last_name: String::new(),
        email: None,
        email_verified: false,
        home: HomePath::parse(&format!("/home/{name}")).unwrap(),
        home_mode: accounts::HomeMode::default(),
        shell: ShellPath::parse("/bin/sh").unwrap(),
        password_disabled: false,
        locked: false,
        enabled: true,
        ssh_password_enabled: n.is_multiple_of(2),
        smb: false,
        expires_at: None,
        password_max_age: None,
        password_min_age: None,
        password_warn: None,
        password_inactive: None,
        role: accounts::Role::User,
        attributes: serde_json::Map::new(),
        builtin: false,
        immutable: false,
        created_at: 0,
        updated_at: 0,
        generation: 1,
    }
}

/// Writes, if that is possible.
fn write(change: &mut Change<'_>, write: &Write) -> Result<(), Error> {
    let db = change.db;
    change.shows();
    match write {
        Write::Make(n, name) => {
            if db.user(UserKey::Id(user_id(*n)))?.is_none()
                && db.user(UserKey::Name(name))?.is_none()
            {
                db.insert_user(&row(*n, name))?;
            }
        }
        Write::Delete(n) => db.delete_user(user_id(*n))?,
        Write::Rename(n, name) => {
            if db.user(UserKey::Name(name))?.is_none()
                && let Some(user) = db.user(UserKey::Id(user_id(*n)))?
            {
                let name = UserName::parse(name).unwrap();
                db.update_user(&UserRow { name, ..user })?;
            }
        }
        Write::Change(n, gid, locked, by_password) => {
            if let Some(user) = db.user(UserKey::Id(user_id(*n)))? {
                let (gid, locked, ssh_password_enabled) = (*gid, *locked, *by_password);
                db.update_user(&UserRow { gid, locked, ssh_password_enabled, ..user })?;
            }
        }
        Write::MakeGroup(n, name) => {
            if db.group_by_id(group_id(*n))?.is_none() && db.group_by_name(name)?.is_none() {
                db.insert_group(&GroupRow {
                    id: group_id(*n),
                    name: GroupName::parse(name).unwrap(),
                    gid: 4000 + *n as u32,
                    display_name: String::new(),
                    builtin: false,
                    created_at: 0,
                    updated_at: 0,
                    generation: 1,
                })?;
            }
        }
        Write::RenameGroup(n, name) => {
            if db.group_by_name(name)?.is_none()
                && let Some(group) = db.group_by_id(group_id(*n))?
            {
                let name = GroupName::parse(name).unwrap();
                db.update_group(&GroupRow { name, ..group })?;
            }
        }
        Write::DeleteGroup(n) => {
            if let Some(group) = db.group_by_id(group_id(*n))? {
                db.delete_group(&group)?;
            }
        }
        Write::Join(group, user, join) => {
            let there = db.group_by_id(group_id(*group))?.is_some()
                && db.user(UserKey::Id(user_id(*user)))?.is_some();
            match join {
                true if there => db.add_member(group_id(*group), user_id(*user)).map(drop)?,
                true => {}
                false => db.remove_member(group_id(*group), user_id(*user)).map(drop)?,
            }
        }
        Write::Local(group, name, join) => {
            let there = db.group_by_id(group_id(*group))?.is_some();
            match join {
                true if there => db.add_local_member(group_id(*group), name).map(drop)?,
                true => {}
                false => db.remove_local_member(group_id(*group), name).map(drop)?,
            }
        }
        Write::Host(group, gid, user, join) => {
            let there = db.user(UserKey::Id(user_id(*user)))?.is_some();
            match join {
                true if there => {
                    db.add_host_group_member(group, *gid, user_id(*user)).map(drop)?;
                }
                true => {}
                false => db.remove_host_group_member(group, user_id(*user)).map(drop)?,
            }
        }
        Write::Code(n, on) => {
            if *on && db.user(UserKey::Id(user_id(*n)))?.is_some() {
                let (sealed, digits, interval) = (vec![1], 6, 30);
                let (last_step, enabled, created_at) = (-1, true, 0);
                let row = TotpRow { sealed, digits, interval, last_step, enabled, created_at };
                db.set_totp(user_id(*n), TotpState::Active, &row)?;
            } else {
                db.set_totp_enabled(user_id(*n), false)?;
            }
        }
        Write::Password(n, on, must_change) => {
            if *on && db.user(UserKey::Id(user_id(*n)))?.is_some() {
                let (phc, changed_at) = ("x".to_owned(), change.now);
                let row = PasswordRow { phc, changed_at, must_change: *must_change };
                db.set_password(user_id(*n), &row)?;
            } else {
                db.delete_password(user_id(*n))?;
            }
        }
        Write::Key(n, on) => {
            let user_id = user_id(*n);
            let keys = db.keys_of(user_id)?;
            if let Some(key) = keys.first() {
                db.delete_key(user_id, key.id)?;
            }
            if *on && db.user(UserKey::Id(user_id))?.is_some() {
                let (line, fingerprint) = (format!("ssh-ed25519 {n} x"), format!("SHA256:{n}"));
                let (added_at, expires_at) = (0, Some(7));
                db.insert_key(&KeyRow { id: 0, user_id, line, fingerprint, added_at, expires_at })?;
            }
        }
        Write::Policy(policy) => {
            db.set_two_factor_policy(policy)?;
            change.publish();
        }
        Write::HostFile(_) | Write::Later(_) => {}
    }
    Ok(())
}

const HOST: &str = "root:x:0:\ndocker:x:990:\nusers:x:100:\nroster-users:x:980:\n\
                    roster-2fa:x:981:\nroster-2fa-password:x:982:\n";
const HOST_NAMES_MEMBERS: &str = "root:x:0:\ndocker:x:990:ann,bob\nusers:x:100:\n\
                    roster-users:x:980:\nroster-2fa:x:981:\nroster-2fa-password:x:982:\n";
const HOST_WITHOUT_OURS: &str = "root:x:0:\ndocker:x:991:\nusers:x:100:\nroster-2fa:x:981:\n";

fn policy() -> impl Strategy<Value = PolicyRow> {
    let gids = || proptest::sample::subsequence(vec![100_u32, 990, 4000, 4001, 4002], 0..=3);
    let due = select(&[None, Some(1_700_000_050), Some(0)][..]);
    (any::<bool>(), due, gids(), gids()).prop_map(|(enforced, due_at, required, excluded)| {
        if !enforced {
            return PolicyRow::default();
        }
        let excluded = excluded.into_iter().filter(|gid| !required.contains(gid)).collect();
        PolicyRow { enforced, due_at, required, excluded }
    })
}

fn writes() -> impl Strategy<Value = Write> {
    let (user, group) = (|| 0..4_usize, || 0..4_usize);
    let on = any::<bool>;
    prop_oneof![
        6 => (user(), select(&NAMES[..])).prop_map(|(n, name)| Write::Make(n, name)),
        2 => user().prop_map(Write::Delete),
        3 => (user(), select(&NAMES[..])).prop_map(|(n, name)| Write::Rename(n, name)),
        2 => (user(), select(&[100_u32, 4000, 4001, 990][..]), on(), on())
            .prop_map(|(n, gid, locked, by)| Write::Change(n, gid, locked, by)),
        5 => (group(), select(&GROUPS[..])).prop_map(|(n, name)| Write::MakeGroup(n, name)),
        2 => (group(), select(&GROUPS[..])).prop_map(|(n, name)| Write::RenameGroup(n, name)),
        1 => group().prop_map(Write::DeleteGroup),
        7 => (group(), user(), on()).prop_map(|(g, u, on)| Write::Join(g, u, on)),
        3 => (group(), select(&NAMES[..]), on()).prop_map(|(g, name, on)| Write::Local(g, name, on)),
        4 => (
            select(&["docker", "users"][..]),
            select(&[990_u32, 990, 990, 991, 100, 4001][..]),
            user(),
            on()
        )
            .prop_map(|(name, gid, u, on)| Write::Host(name, gid, u, on)),
        2 => (user(), on()).prop_map(|(n, on)| Write::Code(n, on)),
        2 => (user(), on(), on()).prop_map(|(n, on, must)| Write::Password(n, on, must)),
        2 => (user(), on()).prop_map(|(n, on)| Write::Key(n, on)),
        1 => policy().prop_map(Write::Policy),
        1 => select(&[HOST, HOST_NAMES_MEMBERS, HOST_WITHOUT_OURS][..]).prop_map(Write::HostFile),
        1 => select(&[10_i64, 60][..]).prop_map(Write::Later),
    ]
}

fn agree(changes: &[Vec<Write>]) -> Result<(), TestCaseError> {
    let f = Fixture::in_memory();
    for (n, writes) in changes.iter().enumerate() {
        for before in writes {
            match before {
                Write::HostFile(text) => std::fs::write(f.path("group"), text).unwrap(),
                Write::Later(seconds) => f.clock.forward(*seconds),
                _ => {}
            }
        }
        let done = f.service.change(&Actor::daemon(), |change| {
            writes.iter().try_for_each(|one| write(change, one))
        });
        prop_assert!(done.is_ok(), "change {}: {:?}", n, done);
        let by_edits = shown(&f);
        f.service.publish().unwrap();
        prop_assert_eq!(by_edits, shown(&f), "change {} {:?}", n, writes);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256, failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default()
    })]

    #[test]
    fn edits_lead_to_what_a_whole_index_shows(
        changes in proptest::collection::vec(proptest::collection::vec(writes(), 1..4), 1..40)
    ) {
        agree(&changes)?;
    }
}

/// What random changes have found; each was wrong once.
#[test]
fn names_and_ids_that_change_hands_within_one_change() {
    let again = [
        vec![Write::Make(1, "ann"), Write::MakeGroup(0, "dev"), Write::Join(0, 1, true)],
        vec![Write::Delete(1), Write::Make(1, "ann")],
    ];
    agree(&again).unwrap();
    let handed_on =
        [vec![Write::Make(0, "ann")], vec![Write::Rename(0, "bob"), Write::Make(1, "ann")]];
    agree(&handed_on).unwrap();
    let in_a_group = [
        vec![Write::Make(0, "ann"), Write::MakeGroup(0, "dev")],
        vec![Write::Rename(0, "bob"), Write::Make(1, "ann"), Write::Join(0, 1, true)],
    ];
    agree(&in_a_group).unwrap();
    let groups = [
        vec![Write::MakeGroup(1, "dev"), Write::Make(0, "ann"), Write::Join(1, 0, true)],
        vec![Write::RenameGroup(1, "ops"), Write::MakeGroup(0, "dev")],
    ];
    agree(&groups).unwrap();
}
