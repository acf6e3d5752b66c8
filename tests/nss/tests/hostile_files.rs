//! Hostile files under a process that has them mapped, in every way that `programs/damage.c` knows: the
//! module answers something sane, inside of the caller's buffers, and comes to an end. Then the same
//! with fewer links that go astray under valgrind, which sees every byte that is read.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;

use nss_tests::accounts::{group, publish, user};
use nss_tests::installed::install;
use nss_tests::isolated_tests;
use nss_tests::program::Program;
use snapshot::layout::header;
use snapshot::writer::Contents;

/// Publishes few accounts, with a checkpoint that nobody can turn to; gives the program and the bytes
/// in use in both files.
fn prepared() -> (Program, [String; 2]) {
    install();
    publish(&Contents {
        users: vec![user("alice", 3000), user("bob", 3001)],
        groups: vec![group("team", 4000, &["alice", "bob"]), group("e", 4001, &["alice"])],
        generation: 1,
    });
    fs::remove_dir_all("/var/lib/roster/index").unwrap();
    let used = ["index", "shadow"].map(|name| {
        let file = fs::read(format!("/run/roster/{name}")).unwrap();
        let word: [u8; 4] = file[4 * header::USED..][..4].try_into().unwrap();
        (8 * u32::from_ne_bytes(word)).to_string()
    });
    (Program::compile("damage", &[]), used)
}

isolated_tests! {
    fn damage_everywhere() {
        let (program, [index, shadow]) = prepared();
        program.succeeds(&["1", "20000", &index, &shadow]);
    }

    fn damage_under_valgrind() {
        let (program, [index, shadow]) = prepared();
        let valgrind = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full"];
        program.succeeds_under(&valgrind, &["7", "2000", &index, &shadow]);
    }
}
