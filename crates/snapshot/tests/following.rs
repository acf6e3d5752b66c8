//! How a process follows the file as it is replaced, and what it keeps meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use snapshot::layout::header;
use snapshot::writer::{Contents, IndexWriter};
use snapshot::{Advance, Enumeration, Shared, Step};
use support::{Site, group, load, small, user};

/// Contents in which everything tells the generation.
fn generation(generation: u64) -> Contents {
    let mut changing = user("changing", 3000);
    changing.gecos = generation.to_string();
    let name = format!("of{generation}");
    Contents {
        users: vec![changing, user(&name, 5000)],
        groups: vec![group("team", 4000, &["changing", &name])],
        generation,
    }
}

/// The generation that a lookup sees; fails if parts of the answer are of different ones.
fn seen(shared: &Shared) -> u64 {
    let pinned = shared.pin().unwrap();
    let index = pinned.index();
    let gecos = index.user_by_name(b"changing").unwrap().gecos();
    let generation: u64 = std::str::from_utf8(gecos).unwrap().parse().unwrap();
    let name = format!("of{generation}");
    assert_eq!(index.generation(), generation);
    assert_eq!(index.user_by_uid(5000).unwrap().name(), name.as_bytes());
    let members: Vec<_> = index.group_by_gid(4000).unwrap().members().collect();
    assert_eq!(members, [b"changing", name.as_bytes()]);
    assert_eq!(index.groups_of(name.as_bytes()).unwrap().collect::<Vec<_>>(), [4000]);
    generation
}

/// Number of mappings that readers have of files of the index in this process. The writer's own are
/// writable.
fn mapped(site: &Site) -> usize {
    let directory = site.live("").display().to_string();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains(&directory) && line.contains(" r--s ")).count()
}

fn set_mark(site: &Site, name: &str) {
    let file = fs::OpenOptions::new().write(true).open(site.live(name)).unwrap();
    file.write_all_at(&1_u32.to_ne_bytes(), header::SUPERSEDED as u64 * 4).unwrap();
}

#[test]
fn from_nothing_to_the_checkpoint_to_the_live_file() {
    let mut site = Site::new();
    let shared = site.shared("index");
    assert_eq!(shared.pin().err().unwrap().errno, libc::ENOENT);
    site.writer.publish(&generation(1)).unwrap();
    let live = load(&site.live("index"));
    fs::remove_file(site.live("index")).unwrap();
    assert_eq!(seen(shared), 1, "from the checkpoint");
    assert_eq!(seen(shared), 1, "from the checkpoint again");
    assert_eq!(shared.mappings(), 1);
    site.writer.publish(&generation(2)).unwrap();
    assert_eq!(seen(shared), 2, "the live file is looked for on each call");
    fs::remove_file(site.live("index")).unwrap();
    assert_eq!(seen(shared), 2, "an unmarked mapping goes on");
    assert!(!live.is_empty());
}

#[test]
fn each_publication_is_seen_by_the_next_lookup() {
    let mut site = Site::new();
    let shared = site.shared("index");
    for number in 1..300 {
        site.writer.publish(&generation(number)).unwrap();
        assert_eq!(seen(shared), number);
        assert_eq!(seen(shared), number);
        assert_eq!((shared.mappings(), mapped(&site)), (1, 1), "old mappings are unmapped");
    }
}

#[test]
fn a_marked_file_that_its_path_still_leads_to_is_valid() {
    let mut site = Site::new();
    let shared = site.shared("index");
    site.writer.publish(&generation(1)).unwrap();
    assert_eq!(seen(shared), 1);
    // The writer died between mark and rename.
    set_mark(&site, "index");
    assert_eq!(seen(shared), 1);
    assert_eq!(seen(shared), 1);
    assert_eq!(seen(site.shared("index")), 1, "in a process that begins now, too");
    assert_eq!(shared.mappings(), 1);
    site.writer.publish(&generation(2)).unwrap();
    assert_eq!(seen(shared), 2);
}

#[test]
fn a_marked_file_that_is_gone_is_not_believed() {
    let mut site = Site::new();
    let shared = site.shared("index");
    site.writer.publish(&generation(1)).unwrap();
    assert_eq!(seen(shared), 1);
    set_mark(&site, "index");
    fs::remove_file(site.live("index")).unwrap();
    assert_eq!(seen(shared), 1, "the checkpoint has the same");
    fs::remove_file(site.saved("index")).unwrap();
    assert_eq!(seen(shared), 1, "the checkpoint's mapping is not marked");
    let other = site.shared("index");
    assert!(other.pin().is_err());
    site.writer.publish(&generation(2)).unwrap();
    assert_eq!((seen(shared), seen(other)), (2, 2));
    set_mark(&site, "index");
    fs::remove_file(site.live("index")).unwrap();
    fs::remove_file(site.saved("index")).unwrap();
    assert_eq!(shared.pin().err().unwrap().errno, libc::ENOENT);
    site.writer.publish(&generation(3)).unwrap();
    assert_eq!(seen(shared), 3, "and it recovers");
}

#[test]
fn readers_of_a_file_that_somebody_removed_follow_the_next_one() {
    let mut site = Site::new();
    let shared = site.shared("index");
    site.writer.publish(&generation(1)).unwrap();
    assert_eq!(seen(shared), 1);
    fs::remove_file(site.live("index")).unwrap();
    fs::remove_file(site.live("shadow")).unwrap();
    assert_eq!(seen(shared), 1, "an unmarked mapping goes on");
    site.writer.publish(&generation(2)).unwrap();
    assert_eq!(seen(shared), 2);
    fs::remove_dir_all(site.live("")).unwrap();
    site.writer.publish(&generation(3)).unwrap();
    assert_eq!(seen(shared), 3, "the directory gone with it");
}

/// What the package's purge does before it removes the files (`postrm`).
#[test]
fn a_mark_of_four_bytes_at_sixteen_is_the_mark() {
    let mut site = Site::new();
    let shared = site.shared("index");
    site.writer.publish(&generation(1)).unwrap();
    assert_eq!(seen(shared), 1);
    let file = fs::OpenOptions::new().write(true).open(site.live("index")).unwrap();
    file.write_all_at(&[1; 4], 16).unwrap();
    fs::remove_file(site.live("index")).unwrap();
    fs::remove_file(site.saved("index")).unwrap();
    assert_eq!(shared.pin().err().unwrap().errno, libc::ENOENT, "gone for good");
    IndexWriter::new(&site.live(""), &site.saved("")).publish(&generation(2)).unwrap();
    assert_eq!(seen(shared), 2, "and found again when another writer begins");
}

#[test]
fn a_damaged_live_file_gives_way_to_the_checkpoint() {
    let mut site = Site::new();
    let shared = site.shared("index");
    site.writer.publish(&generation(1)).unwrap();
    fs::remove_file(site.live("index")).unwrap();
    fs::write(site.live("index"), vec![0xff; 4096]).unwrap();
    assert_eq!(seen(shared), 1);
    fs::write(site.saved("index"), b"").unwrap();
    let other = site.shared("index");
    assert_eq!(other.pin().err().unwrap().errno, libc::EBADMSG);
}

#[test]
fn a_failed_publication_leaves_everything_as_it_was() {
    let mut site = Site::new();
    let shared = site.shared("index");
    site.writer.publish(&generation(1)).unwrap();
    assert_eq!(seen(shared), 1);
    // The temporary name is taken by something that cannot be removed like a file.
    fs::create_dir(site.live(".shadow.new")).unwrap();
    let error = site.writer.publish(&generation(2)).unwrap_err();
    assert!(error.to_string().contains(".shadow.new"), "{error}");
    assert_eq!(seen(shared), 1);
    assert!(!site.live(".index.new").exists(), "the draft is removed");
    fs::remove_dir(site.live(".shadow.new")).unwrap();
    site.writer.publish(&generation(3)).unwrap();
    assert_eq!(seen(shared), 3);
}

#[test]
fn a_slow_reader_keeps_what_it_reads() {
    let mut site = Site::new();
    let shared = site.shared("index");
    site.writer.publish(&generation(1)).unwrap();
    let slow = shared.pin().unwrap();
    let alice = slow.index().user_by_name(b"of1").unwrap();
    for number in 2..50 {
        site.writer.publish(&generation(number)).unwrap();
        assert_eq!(seen(shared), number);
    }
    assert_eq!(alice.name(), b"of1");
    assert_eq!(shared.mappings(), 2, "the slow one's and the current one");
    drop(slow);
    assert_eq!(shared.mappings(), 1, "given back at once");
}

#[test]
fn more_slow_readers_than_slots_are_served_all_the_same() {
    let mut site = Site::new();
    let shared = site.shared("index");
    let mut slow = Vec::new();
    for number in 1..40 {
        site.writer.publish(&generation(number)).unwrap();
        slow.push((number, shared.pin().unwrap()));
        assert_eq!(seen(shared), number);
    }
    for (number, pinned) in &slow {
        assert_eq!(pinned.index().generation(), *number);
    }
    assert!(shared.mappings() < 20);
    drop(slow);
    assert_eq!(seen(shared), 39);
    site.writer.publish(&generation(40)).unwrap();
    assert_eq!(seen(shared), 40);
    assert_eq!((shared.mappings(), mapped(&site)), (1, 1));
}

#[test]
fn pins_that_a_fork_has_lost_cost_slots_and_nothing_else() {
    let mut site = Site::new();
    let shared = site.shared("index");
    let enumeration = Box::leak(Box::new(Enumeration::new(shared)));
    for number in 1..40 {
        site.writer.publish(&generation(number)).unwrap();
        if number <= 16 {
            // What a child sees of a thread that was in a lookup at the fork.
            std::mem::forget(shared.pin().unwrap());
        }
        assert_eq!(seen(shared), number);
        assert_eq!(seen(shared), number);
        assert!(mapped(&site) <= 16, "lookups without a slot unmap what they mapped");
    }
    // An enumeration needs a slot, and says that there is none.
    assert_eq!(enumeration.restart().unwrap_err().errno, libc::EAGAIN);
    assert!(enumeration.advance(|_, _| Step::Stay(())).is_err());
}

fn step(enumeration: &Enumeration) -> Option<String> {
    let taken = enumeration.advance(|index, position| match index.user_after(position) {
        Some(user) => {
            Step::Taken(user.position(), String::from_utf8_lossy(user.name()).into_owned())
        }
        None => Step::End,
    });
    match taken.unwrap() {
        Advance::Done(name) => Some(name),
        Advance::End => None,
    }
}

#[test]
fn an_enumeration_stays_in_the_image_in_which_it_began() {
    let mut site = Site::new();
    let shared = site.shared("index");
    let enumeration = Box::leak(Box::new(Enumeration::new(shared)));
    site.writer.publish(&generation(1)).unwrap();
    assert_eq!(step(enumeration).as_deref(), Some("changing"));
    site.writer.publish(&generation(2)).unwrap();
    assert_eq!(seen(shared), 2);
    assert_eq!(shared.mappings(), 2);
    assert_eq!(step(enumeration).as_deref(), Some("of1"));
    assert_eq!(step(enumeration), None);
    assert_eq!(shared.mappings(), 1, "the end lets go of the image");
    assert_eq!(step(enumeration), None);
    enumeration.restart().unwrap();
    assert_eq!(step(enumeration).as_deref(), Some("changing"));
    assert_eq!(step(enumeration).as_deref(), Some("of2"));
    site.writer.publish(&generation(3)).unwrap();
    enumeration.restart().unwrap();
    enumeration.restart().unwrap();
    step(enumeration);
    assert_eq!(step(enumeration).as_deref(), Some("of3"));
    enumeration.finish();
    enumeration.finish();
    assert_eq!(shared.mappings(), 1);
    assert_eq!(step(enumeration).as_deref(), Some("changing"));
    for number in 4..100 {
        site.writer.publish(&generation(number)).unwrap();
        enumeration.restart().unwrap();
        step(enumeration);
    }
    assert!(shared.mappings() <= 2);
}

#[test]
fn an_enumeration_that_cannot_begin_says_so_and_tries_again() {
    let mut site = Site::new();
    let enumeration = Box::leak(Box::new(Enumeration::new(site.shared("index"))));
    assert_eq!(enumeration.restart().unwrap_err().errno, libc::ENOENT);
    assert!(enumeration.advance(|_, _| Step::Stay(())).is_err());
    site.writer.publish(&small()).unwrap();
    assert_eq!(step(enumeration).as_deref(), Some("alice"));
}

#[test]
fn every_answer_in_thousands_of_publications_was_true_during_the_call() {
    let mut site = Site::new();
    let shared = site.shared("index");
    let enumeration: &'static Enumeration = Box::leak(Box::new(Enumeration::new(shared)));
    site.writer.publish(&generation(1)).unwrap();
    let (begun, done, stop) = (AtomicU64::new(1), AtomicU64::new(1), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut different = 0_u64;
                    let mut last = 0;
                    while !stop.load(SeqCst) {
                        let least = done.load(SeqCst);
                        let generation = seen(shared);
                        assert!(least <= generation && generation <= begun.load(SeqCst));
                        different += u64::from(generation != last);
                        last = generation;
                    }
                    different
                })
            })
            .collect();
        let enumerator = scope.spawn(|| {
            let mut count = 0_u64;
            while !stop.load(SeqCst) {
                enumeration.restart().unwrap();
                let names: Vec<_> = std::iter::from_fn(|| step(enumeration)).collect();
                assert!(names.len() == 2 && names[0] == "changing" && names[1].starts_with("of"));
                count += 1;
            }
            enumeration.finish();
            count
        });
        for number in 2..3000 {
            begun.store(number, SeqCst);
            site.writer.publish(&generation(number)).unwrap();
            done.store(number, SeqCst);
        }
        stop.store(true, SeqCst);
        for reader in readers {
            assert!(reader.join().unwrap() > 10, "a reader that saw no change proves nothing");
        }
        assert!(enumerator.join().unwrap() > 10);
    });
    assert_eq!(seen(shared), 2999);
    site.writer.publish(&generation(3000)).unwrap();
    assert_eq!(seen(shared), 3000);
    assert_eq!((shared.mappings(), mapped(&site)), (1, 1), "nothing was left mapped");
}
