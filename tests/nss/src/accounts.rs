//! Contents to publish at the real paths of an isolated test.

use std::path::Path;

use snapshot::layout::{header, header_checksum};
use snapshot::writer::{Contents, GroupEntry, IndexWriter, ShadowEntry, UserEntry};

/// A writer for the paths that are compiled into the modules.
pub fn writer() -> IndexWriter {
    IndexWriter::new(Path::new("/run/roster"), Path::new("/var/lib/roster/index"))
}

/// Publishes `contents` at those paths.
pub fn publish(contents: &Contents) {
    writer().publish(contents).expect("publish");
}

/// A user whose number is also that of the primary group.
pub fn user(name: &str, uid: u32) -> UserEntry {
    UserEntry {
        name: name.to_owned(),
        uid,
        gid: uid,
        gecos: format!("User {name}"),
        home: format!("/home/{name}"),
        shell: "/bin/bash".to_owned(),
        ..UserEntry::default()
    }
}

/// A group of ours.
pub fn group(name: &str, gid: u32, members: &[&str]) -> GroupEntry {
    let members = members.iter().map(|&member| member.to_owned()).collect();
    GroupEntry { name: name.to_owned(), gid, members, external: false }
}

/// Users and groups of every shape, few enough to go through all of them.
pub fn varied() -> Contents {
    let shadow = ShadowEntry {
        last_change: Some(20_000),
        min: Some(1),
        max: Some(90),
        warn: Some(7),
        inactive: Some(30),
        expire: Some(30_000),
        ..ShadowEntry::default()
    };
    let long = "x".repeat(200);
    Contents {
        users: vec![
            UserEntry { shadow, ..user("alice", 3000) },
            UserEntry { locked: true, ..user("bob", 3001) },
            UserEntry { gecos: String::new(), expires_at: Some(1), ..user("c", 3002) },
            UserEntry { gecos: "Åsa Ø,,+47,".to_owned(), ..user("asa", i32::MAX as u32) },
            UserEntry { home: format!("/{long}"), shell: String::new(), ..user(&long, 3004) },
        ],
        groups: vec![
            group("alice", 3000, &[]),
            group("team", 4000, &["alice", "bob", "root", "nobody-knows"]),
            GroupEntry { external: true, ..group("sudo", 27, &["alice", "bob"]) },
            group(&long, 4001, &[&long, "c"]),
            group("e", 4002, &["alice"]),
        ],
        generation: 1,
    }
}

/// `count` users `user0`… from uid 10000 on, and nothing else.
pub fn many(count: u32) -> Contents {
    let users = (0..count).map(|at| user(&format!("user{at}"), 10_000 + at)).collect();
    Contents { users, groups: Vec::new(), generation: 1 }
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
