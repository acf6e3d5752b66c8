//! Large files lie in huge pages where the kernel has them, and say the same as small ones.

#![allow(clippy::unwrap_used, clippy::expect_used, unsafe_code)]

mod support;

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;

use snapshot::writer::{Edit, IndexWriter, Sizes};
use snapshot::{Kind, Reader, Shared};
use support::{Site, c_path, user};

const HUGE: usize = 2 << 20;

/// What smaps says of the mappings of that file with those rights: the first address and the KiB in huge
/// pages of each.
fn mappings(path: &Path, rights: &str) -> Vec<(usize, usize)> {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut found = Vec::new();
    let mut of_file = false;
    for line in smaps.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [range, with, _, _, _, ref of @ ..] if range.contains('-') => {
                of_file = with == rights && of.first().is_some_and(|of| Path::new(of) == path);
                if of_file {
                    let start = range.split('-').next().unwrap();
                    found.push((usize::from_str_radix(start, 16).unwrap(), 0));
                }
            }
            ["ShmemPmdMapped:", kib, "kB"] if of_file => {
                found.last_mut().unwrap().1 = kib.parse().unwrap();
            }
            _ => {}
        }
    }
    found
}

/// Whether this kernel makes huge pages of a file beside that one when it is asked to.
fn can(beside: &Path) -> bool {
    let path = beside.with_file_name("probe");
    let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    file.set_len(2 * HUGE as u64).unwrap();
    let (rights, fd) = (libc::PROT_READ | libc::PROT_WRITE, file.as_raw_fd());
    let (private, null) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, std::ptr::null_mut());
    // SAFETY: a new mapping, then one of a file of ours inside of it, of which one byte is written; both
    // are unmapped at the end.
    unsafe {
        let place = libc::mmap(null, 3 * HUGE, libc::PROT_NONE, private, -1, 0);
        assert_ne!(place, libc::MAP_FAILED);
        let start = place.map_addr(|address| address.next_multiple_of(HUGE));
        let fixed = libc::MAP_SHARED | libc::MAP_FIXED;
        assert_eq!(libc::mmap(start, 2 * HUGE, rights, fixed, fd, 0), start);
        start.cast::<u8>().write_volatile(1);
        let done = libc::madvise(start, HUGE, libc::MADV_COLLAPSE) == 0;
        assert_eq!(libc::munmap(place, 3 * HUGE), 0);
        done
    }
}

fn name(n: u32) -> String {
    format!("somebody{n}")
}

fn check(shared: &Shared, count: u32) {
    let pinned = shared.pin().unwrap();
    let index = pinned.index();
    for n in 0..count {
        let wanted = user(&name(n), 3000 + n);
        let by_name = index.user_by_name(wanted.name.as_bytes()).unwrap();
        let by_uid = index.user_by_uid(wanted.uid).unwrap();
        assert_eq!((by_name.uid(), by_name.position()), (wanted.uid, by_uid.position()));
        assert_eq!(
            (by_uid.gecos(), by_uid.home()),
            (wanted.gecos.as_bytes(), wanted.home.as_bytes())
        );
    }
    assert_eq!(index.users().count(), count as usize);
    assert!(index.user_by_name(name(count).as_bytes()).is_none());
}

/// The first guess is for ten users, so the files grow again and again while they are written, and their
/// tables are cut anew; then changes make the whole move to a larger file.
#[test]
fn large_files_are_mapped_by_huge_pages_and_say_what_was_written() {
    const USERS: u32 = 40_000;
    let mut site = Site::new();
    let mut new = site.writer.begin(&Sizes { users: 10, ..Sizes::default() }).unwrap();
    for n in 0..USERS {
        new.user(&user(&name(n), 3000 + n)).unwrap();
    }
    site.writer.finish(new, 1).unwrap();
    let (path, shared) = (site.live("index"), site.shared("index"));
    check(shared, USERS);

    let length = fs::metadata(&path).unwrap().len() as usize;
    assert!(length > 2 * HUGE, "{length} bytes are too few for this test");
    let readers = mappings(&path, "r--s");
    assert_eq!(readers.len(), 1, "{readers:?}");
    assert!(readers[0].0.is_multiple_of(HUGE), "mapped at {:#x}", readers[0].0);
    if can(&path) {
        // Of what is read, all that are whole.
        let huge = length / HUGE * (HUGE / 1024);
        assert!(readers[0].1 * 2 >= huge, "{} of {huge} KiB", readers[0].1);
    } else {
        println!("this kernel makes no huge pages of files in {}", path.display());
        assert_eq!(readers[0].1, 0);
    }

    for n in USERS..2 * USERS {
        site.writer.apply(&[Edit::User(user(&name(n), 3000 + n))], u64::from(n)).unwrap();
    }
    check(shared, 2 * USERS);
    let readers = mappings(&path, "r--s");
    assert!(readers.iter().all(|(start, _)| start.is_multiple_of(HUGE)), "{readers:?}");
}

/// What is reserved to find a place is given back.
#[test]
fn opening_and_closing_leaves_no_addresses_behind() {
    let mut site = Site::new();
    let mut new = site.writer.begin(&Sizes { users: 20_000, ..Sizes::default() }).unwrap();
    for n in 0..20_000 {
        new.user(&user(&name(n), 3000 + n)).unwrap();
    }
    site.writer.finish(new, 1).unwrap();
    let path = c_path(&site.live("index"));
    assert!(fs::metadata(site.live("index")).unwrap().len() as usize > HUGE);
    let around = || {
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().filter(|line| line.contains("---p 00000000 00:00 0")).count()
    };
    // Other tests make threads meanwhile, each with a guard page or two.
    let before = around();
    for _ in 0..200 {
        drop(Reader::open(path, Kind::Index, site.owner()).unwrap());
    }
    assert!(around() < before + 100, "{} and {before} ranges without a use", around());
    assert_eq!(mappings(&site.live("index"), "r--s"), []);
}

/// A disk has none: it is written all the same.
#[test]
fn a_file_that_cannot_have_huge_pages_is_as_good() {
    const USERS: u32 = 40_000;
    let directory = tempfile::tempdir().unwrap();
    let live = directory.path().join("live");
    let mut writer = IndexWriter::new(&live, &directory.path().join("saved"));
    let mut new = writer.begin(&Sizes { users: USERS as usize, ..Sizes::default() }).unwrap();
    for n in 0..USERS {
        new.user(&user(&name(n), 3000 + n)).unwrap();
    }
    writer.finish(new, 1).unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&live).unwrap());
    let reader = Reader::open(c_path(&live.join("index")), Kind::Index, owner).unwrap();
    for n in 0..USERS {
        assert_eq!(reader.index().user_by_uid(3000 + n).unwrap().name(), name(n).as_bytes());
    }
}
