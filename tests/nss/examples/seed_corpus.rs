//! Writes the seeds of the fuzz target (tests/fuzz/corpus): small files as the writer makes them, each
//! behind a question that it can answer. To be run again whenever the layout changes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use nss_tests::accounts::{group, many, user, varied};
use snapshot::Kind;
use snapshot::layout::header;
use snapshot::writer::{Contents, Edit, IndexWriter, KeyEntry, UserEntry};

#[path = "../../fuzz/src/walk.rs"]
#[allow(dead_code)]
mod walk;

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let work = std::env::temp_dir().join(format!("roster-seeds-{}", std::process::id()));
    fs::create_dir_all(&corpus).unwrap();
    for old in fs::read_dir(&corpus).unwrap() {
        fs::remove_file(old.unwrap().path()).unwrap();
    }
    for (name, contents, asked) in seeds() {
        let (live, saved) = (work.join(name), work.join(format!("{name}-saved")));
        for folder in [&live, &saved] {
            fs::create_dir_all(folder).unwrap();
        }
        let mut writer = IndexWriter::new(&live, &saved);
        writer.publish(&contents).unwrap();
        if name == "changed" {
            writer.apply(&changes(), 4).unwrap();
        }
        for (file, kind) in [("index", Kind::Index), ("shadow", Kind::Shadow)] {
            write(&corpus.join(format!("{name}-{file}")), &live.join(file), kind, asked);
        }
    }
    fs::remove_dir_all(work).unwrap();
}

/// Contents, and the name and the number to ask for.
fn seeds() -> Vec<(&'static str, Contents, (&'static str, u32))> {
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 alice@home".to_owned();
    let alice = UserEntry {
        keys: vec![
            KeyEntry { line: line.clone(), expires_at: None },
            KeyEntry { line, expires_at: Some(2_000_000_000) },
        ],
        ..user("alice", 3000)
    };
    let crowd = Contents {
        users: vec![alice],
        groups: (0..12).map(|at| group(&format!("g{at}"), 4000 + at, &["alice", "bob"])).collect(),
        generation: 3,
    };
    vec![
        ("changed", varied(), ("carol", 3005)),
        ("empty", Contents::default(), ("", 0)),
        ("varied", varied(), ("alice", 4000)),
        ("crowd", crowd, ("bob", 4011)),
        ("many", many(40), ("user39", 10_039)),
    ]
}

/// What leaves records behind that nothing leads to any more, and lists with gaps.
fn changes() -> Vec<Edit> {
    let (carol, team) = ("carol".to_owned(), 4000);
    vec![
        Edit::User(UserEntry { gecos: "Changed".to_owned(), ..user("alice", 3000) }),
        Edit::Group { name: "crew".to_owned(), gid: team, external: false },
        Edit::Join { gid: team, name: carol.clone() },
        Edit::User(user(&carol, 3005)),
        Edit::Leave { gid: team, name: "bob".to_owned() },
        Edit::RemoveUser { uid: 3002 },
        Edit::RemoveGroup { gid: 4002 },
    ]
}

/// One seed: the question, then the file without the room that it has in reserve.
fn write(seed: &Path, file: &Path, kind: Kind, (name, id): (&str, u32)) {
    let image = fs::read(file).unwrap();
    let words: Vec<AtomicU32> = image
        .as_chunks::<4>()
        .0
        .iter()
        .map(|word| AtomicU32::new(u32::from_ne_bytes(*word)))
        .collect();
    let used = 2 * words[header::USED].load(Relaxed) as usize;
    let words = &words[..used];
    walk::mend(words, kind);
    let mut bytes = vec![0; walk::QUESTION];
    bytes[0] = if kind == Kind::Shadow { walk::SHADOW } else { 0 };
    bytes[1] = name.len() as u8;
    bytes[4..8].copy_from_slice(&id.to_le_bytes());
    bytes[8..8 + name.len()].copy_from_slice(name.as_bytes());
    bytes.extend(words.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()));
    fs::write(seed, bytes).unwrap();
}
