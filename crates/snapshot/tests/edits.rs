//! Changes to a published index: after each, what is read is what a model of it holds.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;

use proptest::prelude::*;
use snapshot::layout::header;
use snapshot::writer::{Contents, Edit, IndexWriter, Sizes, UserEntry, WriteError};
use snapshot::{Index, Kind, Reader};
use support::{Site, c_path, group, small, user};

/// What an index holds, as far as it can be told by reading it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    users: BTreeMap<u32, UserEntry>,
    groups: BTreeMap<u32, (String, bool)>,
    members: BTreeMap<u32, BTreeSet<String>>,
}

impl Model {
    fn of(contents: &Contents) -> Self {
        let mut model = Self::default();
        for user in &contents.users {
            model.apply(&Edit::User(user.clone()));
        }
        for group in &contents.groups {
            let (name, gid, external) = (group.name.clone(), group.gid, group.external);
            model.apply(&Edit::Group { name, gid, external });
            for name in &group.members {
                model.apply(&Edit::Join { gid, name: name.clone() });
            }
        }
        model
    }

    fn apply(&mut self, edit: &Edit) {
        match edit.clone() {
            Edit::User(entry) => {
                let before = self.users.insert(entry.uid, entry.clone());
                if let Some(before) = before.filter(|before| before.name != entry.name) {
                    for members in self.members.values_mut() {
                        if members.remove(&before.name) {
                            members.insert(entry.name.clone());
                        }
                    }
                }
            }
            Edit::RemoveUser { uid } => {
                if let Some(user) = self.users.remove(&uid) {
                    for members in self.members.values_mut() {
                        members.remove(&user.name);
                    }
                }
            }
            Edit::Group { name, gid, external } => {
                self.groups.insert(gid, (name, external));
                self.members.entry(gid).or_default();
            }
            Edit::RemoveGroup { gid } => {
                self.groups.remove(&gid);
                self.members.remove(&gid);
            }
            Edit::Join { gid, name } => {
                self.members.get_mut(&gid).unwrap().insert(name);
            }
            Edit::Leave { gid, name } => {
                if let Some(members) = self.members.get_mut(&gid) {
                    members.remove(&name);
                }
            }
        }
    }

    /// Whether an edit makes sense: the store has no two users of a name, nor members of no group.
    fn takes(&self, edit: &Edit) -> bool {
        match edit {
            Edit::User(entry) => {
                !self.users.values().any(|of| of.name == entry.name && of.uid != entry.uid)
            }
            Edit::Group { name, gid, .. } => {
                !self.groups.iter().any(|(of, (found, _))| found == name && of != gid)
            }
            Edit::Join { gid, .. } => self.groups.contains_key(gid),
            _ => true,
        }
    }

    fn groups_of(&self, name: &str) -> Option<BTreeSet<u32>> {
        let groups: BTreeSet<u32> = self
            .members
            .iter()
            .filter(|(_, members)| members.contains(name))
            .map(|(gid, _)| *gid)
            .collect();
        let known = !groups.is_empty() || self.users.values().any(|user| user.name == name);
        known.then_some(groups)
    }

    /// Compares every answer with this.
    fn check(&self, index: &Index<'_>, shadow: &Index<'_>) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut found = BTreeMap::new();
        for read in index.users() {
            let uid = read.uid();
            assert!(found.insert(uid, text(read.name())).is_none(), "{uid} is listed twice");
        }
        let expected = self.users.iter().map(|(uid, user)| (*uid, user.name.clone())).collect();
        assert_eq!(found, expected);
        for (uid, entry) in &self.users {
            let read = index.user_by_uid(*uid).unwrap();
            let named = index.user_by_name(entry.name.as_bytes()).unwrap();
            assert_eq!(read.position(), named.position());
            assert_eq!(text(read.shell()), entry.shell);
            assert_eq!((read.locked(), read.gid()), (entry.locked, entry.gid));
            assert_eq!(read.keys().count(), entry.keys.len());
            let aged = shadow.shadow_by_name(entry.name.as_bytes()).unwrap();
            assert_eq!(aged.max(), entry.shadow.max.unwrap_or(-1));
            assert_eq!(aged.locked(), entry.locked);
        }
        let shadows: BTreeSet<_> = shadow.shadows().map(|shadow| text(shadow.name())).collect();
        assert_eq!(shadows, self.users.values().map(|user| user.name.clone()).collect());
        assert_eq!(shadow.shadows().count(), self.users.len());
        let mut names = BTreeSet::new();
        for read in index.groups() {
            let members: Vec<_> = read.members().map(text).collect();
            let once: BTreeSet<_> = members.iter().cloned().collect();
            assert_eq!(members.len(), once.len(), "a member is listed twice");
            assert_eq!(once, self.members[&read.gid()]);
            assert_eq!((text(read.name()), read.is_external()), self.groups[&read.gid()]);
            let by_gid = index.group_by_gid(read.gid()).unwrap();
            let by_name = index.group_by_name(read.name()).unwrap();
            assert_eq!((by_gid.position(), by_name.position()), (read.position(), read.position()));
            names.extend(members);
        }
        assert_eq!(index.groups().count(), self.groups.len());
        names.extend(self.users.values().map(|user| user.name.clone()));
        names.extend(NAMES.map(str::to_owned));
        for name in names {
            let groups = index.groups_of(name.as_bytes());
            let groups = groups.map(|groups| groups.collect::<BTreeSet<_>>());
            assert_eq!(groups, self.groups_of(&name), "{name}");
            let is = self.users.values().any(|user| user.name == name);
            assert_eq!(index.user_by_name(name.as_bytes()).is_some(), is, "{name}");
        }
    }

    fn check_files(&self, site: &Site, directory: &str) {
        let path = |name| match directory {
            "live" => c_path(&site.live(name)),
            _ => c_path(&site.saved(name)),
        };
        let index = Reader::open(path("index"), Kind::Index, site.owner()).unwrap();
        let shadow = Reader::open(path("shadow"), Kind::Shadow, site.owner()).unwrap();
        assert!(!index.index().superseded() && !shadow.index().superseded());
        self.check(&index.index(), &shadow.index());
    }
}

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "local"];

fn edit() -> impl Strategy<Value = Edit> {
    let name = || (0..NAMES.len()).prop_map(|at| NAMES[at].to_owned());
    let uid = || 3000..3006_u32;
    let gid = || 4000..4005_u32;
    let made = (name(), uid(), any::<bool>(), 0..3_i64, 0..3_usize).prop_map(
        |(name, uid, locked, days, keys)| {
            let mut entry = UserEntry { locked, ..user(&name, uid) };
            entry.shadow.max = Some(days);
            entry.shell = format!("/bin/{}", ["sh", "bash", "zsh"][keys]);
            let key = small().users[0].keys[0].clone();
            entry.keys = vec![key; keys];
            Edit::User(entry)
        },
    );
    prop_oneof![
        6 => made,
        2 => uid().prop_map(|uid| Edit::RemoveUser { uid }),
        3 => (0..5_usize, gid(), any::<bool>()).prop_map(|(name, gid, external)| Edit::Group {
            name: format!("g{name}"), gid, external
        }),
        1 => gid().prop_map(|gid| Edit::RemoveGroup { gid }),
        8 => (gid(), name()).prop_map(|(gid, name)| Edit::Join { gid, name }),
        4 => (gid(), name()).prop_map(|(gid, name)| Edit::Leave { gid, name }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_changes_are_read_back(changes in proptest::collection::vec(proptest::collection::vec(edit(), 1..4), 1..60)) {
        let mut site = Site::new();
        let mut model = Model::of(&small());
        site.writer.publish(&small()).unwrap();
        for (number, edits) in changes.into_iter().enumerate() {
            let mut taken = Vec::new();
            for edit in edits {
                if model.takes(&edit) {
                    model.apply(&edit);
                    taken.push(edit);
                }
            }
            // In two halves, so that the checkpoint meets changes on its way.
            let (before, after) = taken.split_at(taken.len() / 2);
            let generation = number as u64 + 10;
            site.writer.apply(before, generation).unwrap();
            let copy = (number % 3 == 0).then(|| site.writer.start_checkpoint().unwrap().unwrap());
            let early = number % 2 == 0;
            if !early {
                site.writer.apply(after, generation).unwrap();
            }
            let copy = copy.map(|copy| copy.write().unwrap());
            if early {
                site.writer.apply(after, generation).unwrap();
            }
            model.check_files(&site, "live");
            if let Some(copy) = copy {
                let complete = site.writer.finish_checkpoint(copy).unwrap();
                complete.expect("no new file has come").commit().unwrap();
                model.check_files(&site, "saved");
            }
        }
    }
}

fn shared_index(site: &Site) -> snapshot::Pinned<'static> {
    site.shared("index").pin().unwrap()
}

#[test]
fn files_grow_when_they_are_full_and_their_readers_follow() {
    let mut site = Site::new();
    let shared = site.shared("index");
    let mut new = site.writer.begin(&Sizes::default()).unwrap();
    new.group(&group("all", 4000, &[])).unwrap();
    site.writer.finish(new, 1).unwrap();
    let mut model =
        Model::of(&Contents { groups: vec![group("all", 4000, &[])], ..Default::default() });
    let first = std::fs::metadata(site.live("index")).unwrap().len();
    for number in 0..3000_u32 {
        let (name, gid) = (format!("user{number}"), 4000);
        let edits = [
            Edit::User(user(&name, 10_000 + number)),
            Edit::Join { gid, name: name.clone() },
            // What is dead takes room too.
            Edit::Leave { gid, name: "user7".to_owned() },
            Edit::Join { gid, name: "user7".to_owned() },
        ];
        edits.iter().for_each(|edit| model.apply(edit));
        site.writer.apply(&edits, u64::from(number) + 2).unwrap();
        let pinned = shared.pin().unwrap();
        assert_eq!(pinned.index().user_by_uid(10_000 + number).unwrap().name(), name.as_bytes());
        assert_eq!(pinned.index().generation(), u64::from(number) + 2);
    }
    model.check_files(&site, "live");
    assert!(std::fs::metadata(site.live("index")).unwrap().len() > 4 * first);
    let left = std::fs::read_dir(site.live("")).unwrap().count();
    assert_eq!(left, 2, "temporary files were left behind");
}

/// A word of the header of a file.
fn word(site: &Site, name: &str, at: usize) -> u32 {
    let bytes = support::load(&site.live(name));
    u32::from_ne_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap())
}

/// Moves to a larger file, and says whether that was written anew: then its hash has another key.
fn moved_anew(site: &mut Site, mut edit: impl FnMut(u32) -> Edit) -> bool {
    let key = |site: &Site| [0, 1, 2, 3].map(|at| word(site, "index", header::KEY + at));
    let place = |site: &Site| std::fs::metadata(site.live("index")).unwrap().ino();
    let (key_before, before) = (key(site), place(site));
    for number in 0.. {
        site.writer.apply(&[edit(number)], 9).unwrap();
        if place(site) != before {
            break;
        }
    }
    key(site) != key_before
}

#[test]
fn a_file_that_lacks_room_alone_is_copied_and_what_is_gone_is_left_behind() {
    let mut site = Site::new();
    // Long tables, so that they are no reason to move.
    let mut new = site.writer.begin(&Sizes { users: 10_000, ..Sizes::default() }).unwrap();
    let users = (0..2000).map(|at| user(&format!("user{at}"), 10_000 + at)).collect();
    let contents = Contents { users, ..Contents::default() };
    contents.users.iter().for_each(|user| new.user(user).unwrap());
    site.writer.finish(new, 1).unwrap();
    let shared = site.shared("index");
    let mut model = Model::of(&contents);

    let mut apply = |edit: Edit| {
        model.apply(&edit);
        edit
    };
    let more = |number: u32| Edit::User(user(&format!("more{number}"), 20_000 + number));
    assert!(!moved_anew(&mut site, |number| apply(more(number))), "there was only room missing");
    let again = |number: u32| Edit::User(user(&format!("name{number}"), 10_007));
    let anew = (0..10).any(|_| moved_anew(&mut site, |number| apply(again(number))));
    assert!(anew, "what is gone was copied ten times");
    assert!(word(&site, "index", header::DEAD) * 4 < word(&site, "index", header::USED));
    model.check_files(&site, "live");
    assert_eq!(shared.pin().unwrap().index().user_by_uid(20_000).unwrap().name(), b"more0");
    assert_eq!(word(&site, "index", header::SUPERSEDED), 0);
}

#[test]
fn a_wrong_guess_of_sizes_costs_nothing_but_time() {
    let mut site = Site::new();
    let mut contents = Contents { generation: 5, ..Contents::default() };
    let names: Vec<String> = (0..2000).map(|number| format!("user{number}")).collect();
    contents.users = (0..2000).map(|at| user(&names[at as usize], 10_000 + at)).collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    contents.groups = (0..3).map(|at| group(&format!("g{at}"), 4000 + at, &members)).collect();
    for sizes in
        [Sizes::default(), Sizes { users: 100_000, groups: 10, members: 1, memberships: 7 }]
    {
        let mut new = site.writer.begin(&sizes).unwrap();
        contents.users.iter().for_each(|user| new.user(user).unwrap());
        contents.groups.iter().for_each(|group| new.group(group).unwrap());
        site.writer.finish(new, 5).unwrap();
        Model::of(&contents).check_files(&site, "live");
    }
}

#[test]
fn the_same_again_takes_no_room() {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    let before = support::load(&site.live("index"));
    for _ in 0..3 {
        let mut edits: Vec<Edit> = small().users.into_iter().map(Edit::User).collect();
        edits.push(Edit::Group { name: "team".to_owned(), gid: 4000, external: false });
        edits.push(Edit::Join { gid: 4000, name: "alice".to_owned() });
        edits.push(Edit::Leave { gid: 4000, name: "nobody".to_owned() });
        site.writer.apply(&edits, 7).unwrap();
    }
    assert_eq!(support::load(&site.live("index")), before);
}

#[test]
fn what_must_not_be_published_changes_nothing() {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    let before = support::load(&site.live("index"));
    for wrong in [
        Edit::User(user("a:b", 5000)),
        Edit::User(user("zero", 0)),
        Edit::Group { name: "a b".to_owned(), gid: 5000, external: false },
        Edit::Group { name: "wheel".to_owned(), gid: 0, external: false },
        Edit::Join { gid: 4000, name: "a,b".to_owned() },
    ] {
        let edits = [Edit::User(user("carol", 5001)), wrong];
        let error = site.writer.apply(&edits, 8).unwrap_err();
        assert!(matches!(error, WriteError::Invalid { .. }), "{error}");
        assert_eq!(support::load(&site.live("index")), before);
        assert!(site.writer.is_published());
    }
}

#[test]
fn edits_that_do_not_fit_ask_for_a_whole_index() {
    let mut site = Site::new();
    assert!(matches!(site.writer.apply(&[], 1), Err(WriteError::NotPublished)));
    for wrong in [
        Edit::User(user("alice", 5000)),
        Edit::Group { name: "team".to_owned(), gid: 5000, external: false },
        Edit::Join { gid: 5000, name: "alice".to_owned() },
    ] {
        site.writer.publish(&small()).unwrap();
        assert!(site.writer.apply(&[wrong], 8).is_err());
        assert!(!site.writer.is_published());
        assert!(matches!(site.writer.apply(&[], 9), Err(WriteError::NotPublished)));
    }
    site.writer.publish(&small()).unwrap();
    Model::of(&small()).check_files(&site, "live");
}

#[test]
fn a_file_that_somebody_removed_is_made_again_by_the_next_change() {
    let mut site = Site::new();
    let shared = site.shared("index");
    site.writer.publish(&small()).unwrap();
    shared.pin().unwrap();
    std::fs::remove_dir_all(site.live("")).unwrap();
    site.writer.apply(&[Edit::User(user("carol", 5000))], 8).unwrap();
    for pinned in [shared.pin().unwrap(), shared_index(&site)] {
        assert!(pinned.index().user_by_name(b"carol").is_some());
        assert!(pinned.index().user_by_name(b"alice").is_some());
    }
    let mut model = Model::of(&small());
    model.apply(&Edit::User(user("carol", 5000)));
    model.check_files(&site, "live");
}

#[test]
fn a_checkpoint_overtaken_by_a_new_index_is_begun_again() {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    site.writer.apply(&[Edit::User(user("carol", 5000))], 8).unwrap();
    let copy = site.writer.start_checkpoint().unwrap().unwrap().write().unwrap();
    let new = site.writer.begin(&Sizes::default()).unwrap();
    site.writer.finish(new, 9).unwrap();
    assert!(site.writer.finish_checkpoint(copy).unwrap().is_none());
    site.writer.checkpoint().unwrap();
    assert!(site.writer.start_checkpoint().unwrap().is_none(), "up to date");
    Model::default().check_files(&site, "saved");
}

#[test]
fn a_checkpoint_that_failed_is_tried_again() {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    std::fs::create_dir(site.saved(".index.new")).unwrap();
    let mut model = Model::of(&small());
    let edit = Edit::User(user("carol", 5000));
    model.apply(&edit);
    site.writer.apply(std::slice::from_ref(&edit), 8).unwrap();
    assert!(site.writer.checkpoint().is_err());
    Model::of(&small()).check_files(&site, "saved");
    std::fs::remove_dir(site.saved(".index.new")).unwrap();
    site.writer.checkpoint().unwrap();
    model.check_files(&site, "saved");
}

#[test]
fn a_writer_that_begins_anew_takes_over() {
    let mut site = Site::new();
    let shared = site.shared("index");
    site.writer.publish(&small()).unwrap();
    shared.pin().unwrap();
    let mut other = IndexWriter::new(&site.live(""), &site.saved(""));
    other.publish(&Contents { users: vec![user("dora", 6000)], ..small() }).unwrap();
    assert!(shared.pin().unwrap().index().user_by_name(b"dora").is_some());
    assert!(shared.pin().unwrap().index().user_by_name(b"alice").is_none());
}

#[test]
fn a_change_leaves_the_files_where_they_are() {
    use std::os::unix::fs::MetadataExt;
    let mut site = Site::new();
    let names: Vec<String> = (0..300).map(|number| format!("user{number}")).collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let contents = Contents {
        users: vec![user("user0", 10_000)],
        groups: (0..100).map(|at| group(&format!("g{at}"), 4000 + at, &members[..30])).collect(),
        generation: 1,
    };
    site.writer.publish(&contents).unwrap();
    let inode = |site: &Site, name| std::fs::metadata(site.live(name)).unwrap().ino();
    let files = |site: &Site| [inode(site, "index"), inode(site, "shadow")];
    let before = files(&site);
    for number in 0..20_u32 {
        let edits = [
            Edit::User(UserEntry { locked: number.is_multiple_of(2), ..user("user0", 10_000) }),
            Edit::Join { gid: 4000, name: format!("user{}", 100 + number) },
        ];
        site.writer.apply(&edits, u64::from(number)).unwrap();
    }
    assert_eq!(files(&site), before);
}
