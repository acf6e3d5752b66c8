//! The publication protocol under every order that a weakly ordered machine may show its readers
//! (loom): `RUSTFLAGS="--cfg loom" cargo test -p snapshot --lib --target-dir target/loom model`.
//!
//! Each model has one writer and one reader. What the reader finds must have been true at some moment
//! between the beginning and the end of its lookup, and complete: the changes are made while it runs,
//! so that is what was before, or what is after, any of them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use loom::sync::Arc;
use loom::thread;

use super::contents::UserEntry;
use super::image::{Image, Log, Sizes};
use crate::index::{Index, word_of};
use crate::layout::{Kind, Table, header, record};
use crate::sync::AtomicU32;
use crate::words::Words;

/// Words of an image: header, tables, and a few records.
const WORDS: usize = 640;
const KEY: [u32; 4] = [1, 2, 3, 4];

struct Memory(Vec<AtomicU32>);

impl Memory {
    fn new() -> Self {
        let memory = Self((0..WORDS).map(|_| AtomicU32::new(0)).collect());
        let log = Log::default();
        Image::format(&memory.0, &log, Kind::Index, &Sizes::default(), KEY).unwrap();
        memory
    }

    fn write(&self, change: impl FnOnce(&Image<'_>)) {
        let log = Log::default();
        change(&Image::open(&self.0, &log).unwrap());
    }

    fn index(&self) -> Index<'_> {
        Index::checked_before(Words::new(&self.0))
    }
}

fn user(name: &str, uid: u32, shell: &str) -> UserEntry {
    UserEntry {
        name: name.to_owned(),
        uid,
        gid: uid,
        shell: shell.to_owned(),
        ..UserEntry::default()
    }
}

/// Names that share a bucket, which is where readers meet each other's records.
fn neighbours(count: usize) -> Vec<String> {
    let half = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    let key = crate::hash::Key(half(KEY[0], KEY[1]), half(KEY[2], KEY[3]));
    let names = (0..).map(|number| format!("u{number}"));
    names.filter(|name| key.hash(name.as_bytes()) & 15 == 0).take(count).collect()
}

/// Runs `change` beside `read`, in every way.
fn model(
    prepare: impl Fn(&Image<'_>) + Sync + Send + 'static,
    change: impl Fn(&Image<'_>) + Sync + Send + 'static,
    read: impl Fn(Index<'_>) + Sync + Send + Clone + 'static,
) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.check(move || {
        let memory = Arc::new(Memory::new());
        memory.write(&prepare);
        let (other, read) = (memory.clone(), read.clone());
        let reader = thread::spawn(move || read(other.index()));
        memory.write(&change);
        reader.join().unwrap();
    });
}

fn shell_of(index: Index<'_>, name: &str) -> Option<String> {
    let found = index.user_by_name(name.as_bytes())?;
    assert_eq!(found.name(), name.as_bytes());
    Some(String::from_utf8(found.shell().to_vec()).unwrap())
}

#[test]
fn model_a_new_user_is_found_whole_or_not_at_all() {
    let names = neighbours(2);
    let (old, new) = (names[0].clone(), names[1].clone());
    let (before, after) = (user(&old, 10, "/a"), user(&new, 11, "/b"));
    model(
        move |image| image.add_user(&before).unwrap(),
        move |image| image.add_user(&after).unwrap(),
        move |index| {
            if let Some(shell) = shell_of(index, &new) {
                assert_eq!(shell, "/b");
                // Once seen, seen.
                assert!(shell_of(index, &new).is_some());
            }
            assert_eq!(shell_of(index, &old).as_deref(), Some("/a"), "who was there stays");
        },
    );
}

#[test]
fn model_a_replaced_user_is_the_old_one_or_the_new_one() {
    let names = neighbours(2);
    let (first, second) = (names[0].clone(), names[1].clone());
    let entries = [user(&first, 10, "/a"), user(&second, 11, "/b")];
    let changed = user(&first, 10, "/c");
    model(
        move |image| entries.iter().for_each(|entry| image.add_user(entry).unwrap()),
        move |image| drop(image.put_user(&changed).unwrap()),
        move |index| {
            let by_name = shell_of(index, &first).expect("never missing");
            assert!(by_name == "/a" || by_name == "/c");
            let by_uid = index.user_by_uid(10).expect("never missing");
            assert!(by_uid.shell() == b"/a" || by_uid.shell() == b"/c");
            if by_name == "/c" {
                let again = shell_of(index, &first);
                assert_eq!(again.as_deref(), Some("/c"), "time does not go back");
            }
        },
    );
}

#[test]
fn model_neighbours_of_what_goes_and_changes_are_found() {
    let names = neighbours(3);
    // The chain is the reverse of the order of insertion: the reader meets the two others first.
    let [last, middle, head] = [0, 1, 2].map(|at| names[at].clone());
    let entries =
        [user(&last, 10, "/last"), user(&middle, 11, "/middle"), user(&head, 12, "/head")];
    let changed = user(&middle, 11, "/other");
    model(
        move |image| entries.iter().for_each(|entry| image.add_user(entry).unwrap()),
        move |image| {
            image.remove_user(12).unwrap();
            image.put_user(&changed).unwrap();
        },
        move |index| {
            assert_eq!(shell_of(index, &last).as_deref(), Some("/last"));
            let middle = shell_of(index, &middle).expect("never missing");
            let gone = shell_of(index, &head).is_none();
            if middle == "/other" {
                assert!(gone, "changes are seen in their order");
            }
        },
    );
}

#[test]
fn model_enumeration_skips_and_repeats_no_survivor() {
    let entries = [user("a", 10, "/a"), user("b", 11, "/b"), user("c", 12, "/c")];
    let changed = user("c", 12, "/d");
    model(
        move |image| entries.iter().for_each(|entry| image.add_user(entry).unwrap()),
        move |image| {
            image.remove_user(11).unwrap();
            image.put_user(&changed).unwrap();
        },
        move |index| {
            let uids: Vec<u32> = index.users().map(|user| user.uid()).collect();
            assert!(uids == [10, 12] || uids == [10, 11, 12], "{uids:?}");
        },
    );
}

#[test]
fn model_members_between_equal_versions_are_those_of_a_moment() {
    model(
        move |image| {
            image.add_group("g", 20, false).unwrap();
            image.join(20, "a").unwrap();
        },
        move |image| {
            image.join(20, "b").unwrap();
            image.leave(20, "a").unwrap();
        },
        move |index| {
            let group = index.group_by_gid(20).expect("never missing");
            let version = group.members_version();
            let members: Vec<&[u8]> = group.members().collect();
            if version % 2 == 0 && group.members_version() == version {
                let moments: [&[&[u8]]; 3] = [&[b"a"], &[b"a", b"b"], &[b"b"]];
                assert!(moments.contains(&members.as_slice()), "{members:?}");
            }
            // Whoever has the membership is known by it.
            if let Some(groups) = index.groups_of(b"b") {
                assert_eq!(groups.collect::<Vec<_>>(), [20]);
            }
        },
    );
}

/// The models must be able to fail: a link that is stored without release shows a record that is not
/// there yet.
#[test]
#[should_panic(expected = "never missing")]
fn model_a_link_without_release_is_caught() {
    let name = neighbours(1).remove(0);
    let (entry, looked_for) = (user(&name, 10, "/a"), name.clone());
    model(
        move |image| image.add_user(&entry).unwrap(),
        move |image| {
            let old = image.index().user_by_uid(10).unwrap().position();
            let changed = super::encode::user(image.key(), &user(&name, 10, "/c")).unwrap();
            let link = image.append(&changed).unwrap();
            let hash = image.key().hash(name.as_bytes()) as usize;
            let table = header::TABLES + 2 * Table::UserByName as usize;
            let bucket = word_of(image.get(table).unwrap()) + (hash & 15);
            assert_eq!(image.get(bucket).unwrap(), old);
            image.set(word_of(link) + record::SEQ, 1).unwrap();
            image.set(bucket, link).unwrap();
        },
        move |index| drop(shell_of(index, &looked_for).expect("never missing")),
    );
}
