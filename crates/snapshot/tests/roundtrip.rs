//! What is published is what is read.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use snapshot::writer::{Contents, GroupEntry, KeyEntry, ShadowEntry, UserEntry, WriteError};
use snapshot::{Kind, Reader, find_user_in};
use support::{Site, c_path, small};

#[test]
fn every_field_comes_back() {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    for path in [site.live("index"), site.saved("index")] {
        let reader = Reader::open(c_path(&path), Kind::Index, site.owner()).unwrap();
        let index = reader.index();
        assert!(!index.superseded());
        assert_eq!(index.generation(), 7);
        let alice = index.user_by_name(b"alice").unwrap();
        assert_eq!((alice.uid(), alice.gid()), (3000, 3000));
        assert_eq!(alice.gecos(), b"User alice,,,");
        assert_eq!(alice.home(), b"/home/alice");
        assert_eq!(alice.shell(), b"/bin/bash");
        assert_eq!(alice.strings(), b"alice\0User alice,,,\0/home/alice\0/bin/bash\0");
        assert!(!alice.locked() && alice.expires_at().is_none() && alice.is_active(i64::MAX));
        let keys: Vec<_> = alice.keys().map(|key| (key.line, key.expires_at)).collect();
        let expected: [(&[u8], _); 2] = [
            (b"ssh-ed25519 AAAAC3Nz alice@home", None),
            (b"ssh-rsa AAAAB3Nz", Some(2_000_000_000)),
        ];
        assert_eq!(keys, expected);
        let bob = index.user_by_uid(3001).unwrap();
        assert_eq!(bob.name(), b"bob");
        assert!(bob.locked() && !bob.is_active(i64::MIN));
        assert_eq!(bob.expires_at(), Some(-5));
        let team = index.group_by_name(b"team").unwrap();
        assert_eq!(team.gid(), 4000);
        let members: Vec<_> = team.members().collect();
        assert_eq!(members, [&b"bob"[..], b"alice", b"root"]);
        assert_eq!(team.members_version() % 2, 0);
        assert!(index.group_by_gid(27).unwrap().is_external());
        assert_eq!(index.groups_of(b"alice").unwrap().collect::<Vec<_>>(), [4000, 27]);
        assert_eq!(index.groups_of(b"root").unwrap().collect::<Vec<_>>(), [4000]);
        assert!(index.groups_of(b"nobody").is_none());
        let names: Vec<_> = index.users().map(|user| user.name()).collect();
        assert_eq!(names, [&b"alice"[..], b"bob"]);
        let names: Vec<_> = index.groups().map(|group| group.name()).collect();
        assert_eq!(names, [&b"alice"[..], b"team", b"sudo"]);
    }
    for path in [site.live("shadow"), site.saved("shadow")] {
        let reader = Reader::open(c_path(&path), Kind::Shadow, site.owner()).unwrap();
        let alice = reader.index().shadow_by_name(b"alice").unwrap();
        let days = [alice.last_change(), alice.min(), alice.max(), alice.warn()];
        assert_eq!(days, [20_000, 0, 99_999, 7]);
        assert_eq!((alice.inactive(), alice.expire()), (-1, -1));
        assert!(!alice.locked());
        assert!(reader.index().shadow_by_name(b"bob").unwrap().locked());
        assert_eq!(reader.index().shadows().count(), 2);
        assert!(reader.index().user_by_name(b"alice").is_none());
    }
}

#[test]
fn only_root_reads_the_shadow_file_and_only_its_owner_writes_any() {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    for (name, expected) in [("index", 0o644), ("shadow", 0o600)] {
        assert_eq!(mode(site.live(name)), expected);
        assert_eq!(mode(site.saved(name)), expected);
    }
    let public = std::fs::read(site.live("index")).unwrap();
    let day = 20_000_i64.to_ne_bytes();
    assert!(!public.windows(8).any(|bytes| bytes == day), "ageing in the public file");
}

#[test]
fn files_of_another_owner_mode_or_kind_are_refused() {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    let (index, shadow) = (c_path(&site.live("index")), c_path(&site.live("shadow")));
    let refused = |path, kind, owner| Reader::open(path, kind, owner).unwrap_err().errno;
    assert_eq!(refused(index, Kind::Index, site.owner() + 1), libc::EPERM);
    assert_eq!(refused(shadow, Kind::Index, site.owner()), libc::EBADMSG);
    assert_eq!(refused(index, Kind::Shadow, site.owner()), libc::EPERM);
    assert_eq!(refused(c"/nonexistent", Kind::Index, site.owner()), libc::ENOENT);
    assert_eq!(refused(c"/dev/null", Kind::Index, 0), libc::EPERM);
    assert_eq!(refused(c"/", Kind::Index, 0), libc::EPERM);
    for mode in [0o664, 0o646] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(site.live("index"), permissions).unwrap();
        assert_eq!(refused(index, Kind::Index, site.owner()), libc::EPERM);
    }
    std::fs::set_permissions(site.live("index"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let link = site.live("link");
    std::os::unix::fs::symlink(site.live("index"), &link).unwrap();
    assert_eq!(refused(c_path(&link), Kind::Index, site.owner()), libc::ELOOP);
}

#[test]
fn find_user_takes_the_live_file_then_the_checkpoint_then_gives_up() {
    let mut site = Site::new();
    let (live, saved) = (c_path(&site.live("index")), c_path(&site.saved("index")));
    let owner = site.owner();
    assert_eq!(find_user_in(live, saved, owner, b"alice").unwrap_err().errno, libc::ENOENT);
    site.writer.publish(&small()).unwrap();
    let alice = find_user_in(live, saved, owner, b"alice").unwrap().unwrap();
    assert_eq!(alice.keys.len(), 2);
    assert_eq!(alice.keys_at(1_999_999_999).count(), 2);
    assert_eq!(alice.keys_at(2_000_000_000).count(), 1);
    std::fs::remove_file(site.live("index")).unwrap();
    assert_eq!(find_user_in(live, saved, owner, b"alice").unwrap().unwrap(), alice);
    assert_eq!(find_user_in(live, saved, owner, b"eve").unwrap(), None);
}

#[test]
fn what_would_change_the_meaning_of_a_line_is_not_published() {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    let before = support::load(&site.live("index"));
    let mut refuse = |change: &dyn Fn(&mut Contents)| {
        let mut contents = small();
        change(&mut contents);
        let error = site.writer.publish(&contents).unwrap_err();
        assert!(matches!(error, WriteError::Invalid { .. } | WriteError::Duplicate { .. }));
        assert!(!error.to_string().contains('\n'));
    };
    for text in ["a:b", "a\nb", "a\0b", "a\u{85}b", &"x".repeat(5000)] {
        refuse(&|contents| contents.users[0].gecos = text.to_owned());
        refuse(&|contents| contents.users[0].home = text.to_owned());
        refuse(&|contents| contents.users[0].shell = text.to_owned());
    }
    for text in ["", "a:b", "a,b", "a\nb", "a b", "a/b", &"x".repeat(256)] {
        refuse(&|contents| contents.users[0].name = text.to_owned());
        refuse(&|contents| contents.groups[0].name = text.to_owned());
        refuse(&|contents| contents.groups[1].members[0] = text.to_owned());
    }
    for line in ["", "a\nb", "a\0", &"x".repeat(20_000)] {
        refuse(&|contents| contents.users[0].keys[0].line = line.to_owned());
    }
    for id in [0, u32::MAX, 0x8000_0000] {
        refuse(&|contents| contents.users[0].uid = id);
        refuse(&|contents| contents.users[0].gid = id);
        refuse(&|contents| contents.groups[0].gid = id);
    }
    refuse(&|contents| contents.users[1].name = "alice".to_owned());
    refuse(&|contents| contents.users[1].uid = 3000);
    refuse(&|contents| contents.groups[1].name = "alice".to_owned());
    refuse(&|contents| contents.groups[1].gid = 3000);
    assert_eq!(support::load(&site.live("index")), before);
    let mut left: Vec<_> = std::fs::read_dir(site.live("index").parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["index", "shadow"], "a temporary file was left behind");
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[a-z_][a-z0-9_-]{0,15}", 1 => "[a-zé]{1,80}"]
}

fn text() -> impl Strategy<Value = String> {
    "[^:\\p{C}]{0,40}"
}

fn key() -> impl Strategy<Value = KeyEntry> {
    let line = prop_oneof![9 => "[!-~][ -~]{0,120}", 1 => "[!-~]{900,1000}"];
    (line, proptest::option::of(any::<i64>()))
        .prop_map(|(line, expires_at)| KeyEntry { line, expires_at })
}

fn shadow() -> impl Strategy<Value = ShadowEntry> {
    let days = || proptest::option::of(0..100_000_i64);
    (any::<bool>(), days(), days(), days(), days(), days(), days()).prop_map(
        |(locked, last_change, min, max, warn, inactive, expire)| ShadowEntry {
            locked,
            last_change,
            min,
            max,
            warn,
            inactive,
            expire,
        },
    )
}

fn user() -> impl Strategy<Value = UserEntry> {
    let numbers = (1..0x8000_0000_u32, 1..0x8000_0000_u32);
    let state = (any::<bool>(), proptest::option::of(any::<i64>()));
    let keys = proptest::collection::vec(key(), 0..4);
    (name(), numbers, (text(), text(), text()), state, keys, shadow()).prop_map(
        |(name, (uid, gid), (gecos, home, shell), (locked, expires_at), keys, shadow)| UserEntry {
            name,
            uid,
            gid,
            gecos,
            home,
            shell,
            locked,
            expires_at,
            keys,
            shadow,
        },
    )
}

fn group() -> impl Strategy<Value = GroupEntry> {
    let members = proptest::collection::vec(name(), 0..8);
    (name(), 1..0x8000_0000_u32, members, any::<bool>())
        .prop_map(|(name, gid, members, external)| GroupEntry { name, gid, members, external })
}

fn contents() -> impl Strategy<Value = Contents> {
    let users = proptest::collection::vec(user(), 0..40);
    let groups = proptest::collection::vec(group(), 0..20);
    (users, groups, any::<u64>()).prop_map(|(mut users, mut groups, generation)| {
        let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
        users.retain(|user| names.insert(user.name.clone()) && ids.insert(user.uid));
        let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
        groups.retain(|group| names.insert(group.name.clone()) && ids.insert(group.gid));
        // Members that exist, beside those that do not.
        let known: Vec<_> = users.iter().map(|user| user.name.clone()).collect();
        for (at, group) in groups.iter_mut().enumerate() {
            group.members.extend(known.iter().skip(at).step_by(3).cloned());
        }
        Contents { users, groups, generation }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_contents_come_back(contents in contents()) {
        let mut site = Site::new();
        site.writer.publish(&contents).unwrap();
        let reader = Reader::open(c_path(&site.live("index")), Kind::Index, site.owner()).unwrap();
        let index = reader.index();
        let mut groups_of: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for expected in &contents.users {
            groups_of.entry(&expected.name).or_default();
            let by_name = index.user_by_name(expected.name.as_bytes()).unwrap();
            let by_uid = index.user_by_uid(expected.uid).unwrap();
            prop_assert_eq!(by_name.position(), by_uid.position());
            prop_assert_eq!(by_name.name(), expected.name.as_bytes());
            prop_assert_eq!((by_name.uid(), by_name.gid()), (expected.uid, expected.gid));
            prop_assert_eq!(by_name.gecos(), expected.gecos.as_bytes());
            prop_assert_eq!(by_name.home(), expected.home.as_bytes());
            prop_assert_eq!(by_name.shell(), expected.shell.as_bytes());
            prop_assert_eq!(by_name.locked(), expected.locked);
            prop_assert_eq!(by_name.expires_at(), expected.expires_at);
            let keys: Vec<_> = by_name.keys().map(|key| (key.line.to_vec(), key.expires_at)).collect();
            let meant: Vec<_> = expected.keys.iter()
                .map(|key| (key.line.clone().into_bytes(), key.expires_at)).collect();
            prop_assert_eq!(keys, meant);
        }
        for expected in &contents.groups {
            let by_name = index.group_by_name(expected.name.as_bytes()).unwrap();
            prop_assert_eq!(by_name.position(), index.group_by_gid(expected.gid).unwrap().position());
            prop_assert_eq!(by_name.is_external(), expected.external);
            let mut once = BTreeSet::new();
            let meant: Vec<_> = expected.members.iter().filter(|name| once.insert(*name))
                .map(String::as_bytes).collect();
            prop_assert_eq!(by_name.members().collect::<Vec<_>>(), meant);
            for member in once {
                groups_of.entry(member).or_default().push(expected.gid);
            }
        }
        for (name, groups) in groups_of {
            prop_assert_eq!(index.groups_of(name.as_bytes()).unwrap().collect::<Vec<_>>(), groups);
        }
        prop_assert_eq!(index.users().map(|user| user.uid()).collect::<Vec<_>>(),
            contents.users.iter().map(|user| user.uid).collect::<Vec<_>>());
        prop_assert_eq!(index.groups().map(|group| group.gid()).collect::<Vec<_>>(),
            contents.groups.iter().map(|group| group.gid).collect::<Vec<_>>());
        let shadow = Reader::open(c_path(&site.live("shadow")), Kind::Shadow, site.owner()).unwrap();
        for expected in &contents.users {
            let found = shadow.index().shadow_by_name(expected.name.as_bytes()).unwrap();
            let meant = &expected.shadow;
            prop_assert_eq!(found.locked(), expected.locked || meant.locked);
            prop_assert_eq!(
                [found.last_change(), found.min(), found.max(), found.warn(), found.inactive(),
                    found.expire()],
                [meant.last_change, meant.min, meant.max, meant.warn, meant.inactive, meant.expire]
                    .map(|days| days.unwrap_or(-1))
            );
        }
    }
}
