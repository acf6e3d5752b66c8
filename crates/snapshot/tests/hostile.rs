//! Damaged and malicious files: whatever the bytes are, every call of the reader ends, with a miss if
//! nothing better.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use snapshot::layout::{self, header};
use snapshot::{Index, Kind, Reader, Words};
use support::{Site, c_path, load, small, trimmed, words};

/// More than any walk over these small files can take, and less than a loop would.
const MANY: usize = 100_000;

/// Calls everything there is. Gives the number of entries met.
fn read_everything(content: &[AtomicU32], kind: Kind) -> usize {
    let Some(index) = Index::new(Words::new(content), kind) else { return 0 };
    let mut met = 0;
    let mut meet = |bytes: &[u8]| {
        met += 1;
        assert!(met < MANY, "a loop");
        // Touches every byte that a caller would copy.
        std::hint::black_box(bytes.iter().fold(0, |sum: u8, byte| sum ^ byte));
    };
    for name in ["alice", "bob", "team", "sudo", "root", "nobody", "a"] {
        let name = name.as_bytes();
        if let Some(user) = index.user_by_name(name) {
            assert_eq!(user.name(), name);
            meet(user.strings());
            user.keys().for_each(|key| meet(key.line));
        }
        if let Some(group) = index.group_by_name(name) {
            assert_eq!(group.name(), name);
            group.members().for_each(&mut meet);
        }
        index.groups_of(name).into_iter().flatten().for_each(|_| meet(&[]));
        if let Some(shadow) = index.shadow_by_name(name) {
            meet(shadow.name());
        }
    }
    for id in [0, 27, 3000, 3001, 4000, u32::MAX] {
        if let Some(user) = index.user_by_uid(id) {
            assert_eq!(user.uid(), id);
            assert_ne!(id, 0);
            meet(user.strings());
        }
        if let Some(group) = index.group_by_gid(id) {
            assert_eq!(group.gid(), id);
            group.members().for_each(&mut meet);
        }
    }
    for user in index.users() {
        assert!(user.uid() != 0 && user.uid() <= layout::MAX_ID);
        meet(user.gecos());
        meet(user.home());
        meet(user.shell());
        user.keys().for_each(|key| meet(key.line));
        let _ = (user.gid(), user.flags(), user.expires_at(), user.is_active(0));
    }
    for group in index.groups() {
        meet(group.name());
        group.members().for_each(&mut meet);
    }
    for shadow in index.shadows() {
        meet(shadow.name());
        let _ = (shadow.locked(), shadow.last_change(), shadow.expire());
    }
    met
}

/// Makes the header's checksum fit again, so that damage to the header gets further.
fn mend(content: &[AtomicU32]) {
    let word = |at: usize| Some(content.get(at)?.load(Ordering::Relaxed));
    if let (Some(sum), Some(place)) = (layout::header_checksum(word), content.get(header::CHECKSUM))
    {
        place.store(sum, Ordering::Relaxed);
    }
}

fn files() -> [(Vec<u8>, Kind); 2] {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    [("index", Kind::Index), ("shadow", Kind::Shadow)]
        .map(|(name, kind)| (trimmed(load(&site.live(name))), kind))
}

#[test]
fn the_files_under_test_are_whole() {
    for (bytes, kind) in files() {
        assert!(read_everything(&words(&bytes), kind) > 2);
        assert_eq!(
            read_everything(
                &words(&bytes),
                if kind == Kind::Index { Kind::Shadow } else { Kind::Index }
            ),
            0
        );
    }
}

#[test]
fn cut_off_at_every_length() {
    for (bytes, kind) in files() {
        for length in 0..bytes.len() {
            let content = words(&bytes[..length]);
            assert_eq!(read_everything(&content, kind), 0, "{length}");
            // The same with a header that says it is so.
            if content.len() >= header::WORDS {
                content[header::LENGTH].store(content.len() as u32 / 2, Ordering::Relaxed);
                mend(&content);
                read_everything(&content, kind);
            }
        }
    }
}

#[test]
fn every_byte_flipped() {
    for (bytes, kind) in files() {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff, 0x10] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                let content = words(&damaged);
                read_everything(&content, kind);
                mend(&content);
                read_everything(&content, kind);
            }
        }
    }
}

#[test]
fn every_word_replaced_by_every_place_in_the_file() {
    // Among them all links that make a cycle of one or two records.
    let [(bytes, kind), _] = files();
    let content = words(&bytes);
    for at in 0..content.len() {
        let before = content[at].load(Ordering::Relaxed);
        for link in 0..=content.len() as u32 / 2 {
            content[at].store(link, Ordering::Relaxed);
            read_everything(&content, kind);
        }
        content[at].store(before, Ordering::Relaxed);
    }
}

#[test]
fn zeroed_from_every_word_on() {
    for (bytes, kind) in files() {
        for from in (0..bytes.len()).step_by(4) {
            let mut damaged = bytes.clone();
            damaged[from..].fill(0);
            read_everything(&words(&damaged), kind);
        }
    }
}

#[test]
fn files_on_disk_are_refused_the_same_way() {
    let mut site = Site::new();
    site.writer.publish(&small()).unwrap();
    let path = site.live("index");
    let bytes = load(&path);
    for length in [0, 1, 7, 8, 255, 256, 257, bytes.len() - 8, bytes.len() - 1, bytes.len() + 8] {
        let mut changed = bytes.clone();
        changed.resize(length, 0);
        std::fs::write(&path, &changed).unwrap();
        let error = Reader::open(c_path(&path), Kind::Index, site.owner()).unwrap_err();
        assert_eq!(error.errno, libc::EBADMSG, "{length}");
    }
    for filling in [0, 0xff, b'R'] {
        std::fs::write(&path, vec![filling; 8192]).unwrap();
        assert!(Reader::open(c_path(&path), Kind::Index, site.owner()).is_err());
    }
    std::fs::write(&path, &bytes).unwrap();
    Reader::open(c_path(&path), Kind::Index, site.owner()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_damage(damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 1..30)) {
        static FILES: std::sync::OnceLock<[(Vec<u8>, Kind); 2]> = std::sync::OnceLock::new();
        for (bytes, kind) in FILES.get_or_init(files) {
            let content = words(bytes);
            for (place, value) in &damage {
                // Small values are the links that lead somewhere.
                let value = if value % 2 == 0 { value % content.len() as u32 } else { *value };
                content[place.index(content.len())].store(value, Ordering::Relaxed);
            }
            read_everything(&content, *kind);
            for (at, word) in [
                (header::MAGIC, layout::MAGIC[0]),
                (header::MAGIC + 1, layout::MAGIC[1]),
                (header::VERSION, layout::VERSION),
                (header::KIND, *kind as u32),
                (header::LENGTH, content.len() as u32 / 2),
            ] {
                content[at].store(word, Ordering::Relaxed);
            }
            mend(&content);
            read_everything(&content, *kind);
        }
    }

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let content = words(&bytes);
        read_everything(&content, Kind::Index);
        if content.len() >= header::WORDS {
            for (at, word) in [
                (header::MAGIC, layout::MAGIC[0]),
                (header::MAGIC + 1, layout::MAGIC[1]),
                (header::VERSION, layout::VERSION),
                (header::KIND, Kind::Index as u32),
                (header::LENGTH, content.len() as u32 / 2),
            ] {
                content[at].store(word, Ordering::Relaxed);
            }
            mend(&content);
            read_everything(&content, Kind::Index);
        }
    }
}
