//! What the tests of this crate share: directories, contents, images in memory.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;

use snapshot::layout::{header, header_checksum};
use snapshot::writer::{Contents, GroupEntry, IndexWriter, KeyEntry, ShadowEntry, UserEntry};
use snapshot::{Kind, Shared};

/// A live and a checkpoint directory of their own.
pub struct Site {
    directory: tempfile::TempDir,
    pub writer: IndexWriter,
}

impl Site {
    pub fn new() -> Self {
        // In memory where possible: the writer syncs, and these tests publish thousands of times.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let writer =
            IndexWriter::new(&directory.path().join("live"), &directory.path().join("saved"));
        Self { directory, writer }
    }

    pub fn live(&self, name: &str) -> PathBuf {
        self.directory.path().join("live").join(name)
    }

    pub fn saved(&self, name: &str) -> PathBuf {
        self.directory.path().join("saved").join(name)
    }

    /// What a process keeps of the index of this site.
    pub fn shared(&self, name: &str) -> &'static Shared {
        let kind = if name == "shadow" { Kind::Shadow } else { Kind::Index };
        let (live, saved) = (c_path(&self.live(name)), c_path(&self.saved(name)));
        Box::leak(Box::new(Shared::new(live, saved, kind, self.owner())))
    }

    /// Who owns what the writer writes here: the tests need not run as root.
    pub fn owner(&self) -> u32 {
        std::fs::metadata(self.directory.path()).unwrap().uid()
    }
}

/// A path for the reader, kept for the rest of the test.
pub fn c_path(path: &Path) -> &'static CStr {
    Box::leak(CString::new(path.as_os_str().as_bytes()).unwrap().into_boxed_c_str())
}

pub fn user(name: &str, uid: u32) -> UserEntry {
    UserEntry {
        name: name.to_owned(),
        uid,
        gid: uid,
        gecos: format!("User {name},,,"),
        home: format!("/home/{name}"),
        shell: "/bin/bash".to_owned(),
        ..UserEntry::default()
    }
}

pub fn group(name: &str, gid: u32, members: &[&str]) -> GroupEntry {
    let members = members.iter().map(|&member| member.to_owned()).collect();
    GroupEntry { name: name.to_owned(), gid, members, external: false }
}

/// Two users and three groups, with something in every field.
pub fn small() -> Contents {
    let alice = UserEntry {
        keys: vec![
            KeyEntry { line: "ssh-ed25519 AAAAC3Nz alice@home".to_owned(), expires_at: None },
            KeyEntry { line: "ssh-rsa AAAAB3Nz".to_owned(), expires_at: Some(2_000_000_000) },
        ],
        shadow: ShadowEntry {
            last_change: Some(20_000),
            min: Some(0),
            max: Some(99_999),
            warn: Some(7),
            ..ShadowEntry::default()
        },
        ..user("alice", 3000)
    };
    let bob = UserEntry { locked: true, expires_at: Some(-5), ..user("bob", 3001) };
    Contents {
        users: vec![alice, bob],
        groups: vec![
            group("alice", 3000, &[]),
            group("team", 4000, &["bob", "alice", "root", "alice"]),
            GroupEntry { external: true, ..group("sudo", 27, &["alice"]) },
        ],
        generation: 7,
    }
}

/// A whole file as words in memory.
pub fn load(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// The bytes as the words that a mapping of them would be; the last ones are cut off if they do not
/// fill a word.
pub fn words(bytes: &[u8]) -> Vec<AtomicU32> {
    bytes
        .chunks_exact(4)
        .map(|word| AtomicU32::new(u32::from_ne_bytes(word.try_into().unwrap())))
        .collect()
}

/// The file without its room for changes, as if it were full: tests that go through every byte have
/// no use for it.
pub fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    let word = |bytes: &[u8], at: usize| {
        Some(u32::from_ne_bytes(bytes.get(4 * at..4 * at + 4)?.try_into().ok()?))
    };
    let used = word(&bytes, header::USED).unwrap();
    bytes.truncate(used as usize * 8);
    let mut put = |at: usize, value: u32| {
        bytes[4 * at..4 * at + 4].copy_from_slice(&value.to_ne_bytes());
    };
    put(header::LENGTH, used);
    let sum = header_checksum(|at| word(&bytes, at)).unwrap();
    bytes[4 * header::CHECKSUM..4 * header::CHECKSUM + 4].copy_from_slice(&sum.to_ne_bytes());
    bytes
}
