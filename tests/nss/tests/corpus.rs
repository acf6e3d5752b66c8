//! The committed corpus of the fuzz target, replayed with the ordinary toolchain: as it is, with damage
//! that a fuzzer would find first, and under valgrind.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::Command;

#[path = "../../fuzz/src/walk.rs"]
mod walk;

const REMAKE: &str = "cargo run -p nss_tests --example seed_corpus makes the corpus anew";

/// The seeds with their names.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus");
    let mut seeds: Vec<_> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{REMAKE}");
    seeds
}

#[test]
fn every_seed_is_a_file_of_the_layout_of_today() {
    for (name, mut seed) in seeds() {
        seed[0] |= walk::RAW;
        assert!(walk::input(&seed), "{name} is refused: {REMAKE}");
        seed[walk::QUESTION] ^= 1;
        assert!(!walk::input(&seed), "{name}: a header that does not fit is taken");
    }
}

#[test]
fn seeds_cut_off_zeroed_and_overwritten() {
    for (name, seed) in seeds() {
        eprintln!("{name}");
        damaged(&seed, walk::QUESTION..seed.len(), 4);
    }
}

#[test]
fn files_of_random_bytes_with_a_good_header() {
    random_bytes(3000);
}

#[test]
fn the_same_under_valgrind() {
    let output = Command::new("valgrind")
        .args(["--quiet", "--error-exitcode=99"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "sparsely", "--test-threads=1"])
        .output()
        .expect("valgrind (tests/run.sh installs it)");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && out.contains("1 passed"), "{output:?}");
}

/// The part of [`the_same_under_valgrind`] that runs there.
#[test]
fn sparsely() {
    for (_, seed) in seeds() {
        damaged(&seed, walk::QUESTION..seed.len(), 4 * 61);
    }
    random_bytes(100);
}

/// Walks through `seed` with damage at every `step`th byte of `range`.
fn damaged(seed: &[u8], range: std::ops::Range<usize>, step: usize) {
    let units = (seed.len() - walk::QUESTION) as u32 / 8;
    for at in range.step_by(step) {
        walk::input(&seed[..at]);
        let mut changed = seed.to_vec();
        changed[at..].fill(0);
        walk::input(&changed);
        changed.copy_from_slice(seed);
        let end = changed.len().min(at + 4096);
        changed[at..end].fill(0);
        walk::input(&changed);
        for value in [0, 1, 8, units / 2, units - 1, units, 1 << 28, 0x7fff_ffff, u32::MAX] {
            changed.copy_from_slice(seed);
            changed[at..at + 4].copy_from_slice(&u32::to_ne_bytes(value));
            walk::input(&changed);
        }
    }
}

/// Walks through as many files of random bytes, every other one with small words alone: links that lead
/// somewhere.
fn random_bytes(rounds: u64) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        // Xorshift (Marsaglia, 2003): the same bytes in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_ne_bytes()
    };
    for round in 0..rounds {
        let mut bytes: Vec<u8> = (0..round % 512 + 40).flat_map(|_| next()).collect();
        if round % 2 == 0 {
            for word in bytes[walk::QUESTION..].as_chunks_mut::<4>().0 {
                *word = (u32::from_ne_bytes(*word) % 600).to_ne_bytes();
            }
        }
        bytes[0] &= !walk::RAW;
        walk::input(&bytes);
    }
}
