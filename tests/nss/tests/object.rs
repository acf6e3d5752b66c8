//! What the shipped object is made of, by readelf(1) and nm(1).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::process::Command;

use nss_tests::object::shipped;

/// All that we may ask of libc. Not in it: memory (but for the caller's own array in initgroups),
/// threads, locks, the environment, signals, output.
const IMPORTS: &[&str] = &[
    "__errno_location",
    "bcmp",
    "fstat",
    "memcmp",
    "memcpy",
    "memmove",
    "memset",
    "mmap",
    "munmap",
    "realloc",
    "strnlen",
    "syscall",
];

const EXPORTS: &[&str] = &[
    "_nss_roster_endgrent",
    "_nss_roster_endpwent",
    "_nss_roster_endspent",
    "_nss_roster_getgrent_r",
    "_nss_roster_getgrgid_r",
    "_nss_roster_getgrnam_r",
    "_nss_roster_getpwent_r",
    "_nss_roster_getpwnam_r",
    "_nss_roster_getpwuid_r",
    "_nss_roster_getspent_r",
    "_nss_roster_getspnam_r",
    "_nss_roster_initgroups_dyn",
    "_nss_roster_setgrent",
    "_nss_roster_setpwent",
    "_nss_roster_setspent",
];

fn output(program: &str, options: &[&str]) -> String {
    let output = Command::new(program).args(options).arg(shipped()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} (binutils): {error}"));
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// Names of the dynamic symbols, without their versions.
fn symbols(option: &str) -> BTreeSet<String> {
    output("nm", &["--dynamic", "--format=posix", option])
        .lines()
        .map(|line| line.split([' ', '@']).next().unwrap().to_owned())
        .collect()
}

#[test]
fn it_exports_the_entry_points_and_nothing_else() {
    let expected: BTreeSet<_> = EXPORTS.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(symbols("--defined-only"), expected);
}

#[test]
fn it_imports_only_what_is_harmless() {
    let allowed: BTreeSet<_> = IMPORTS.iter().map(|&name| name.to_owned()).collect();
    let imported = symbols("--undefined-only");
    assert!(!imported.is_empty());
    let surprising: Vec<_> = imported.difference(&allowed).collect();
    assert!(surprising.is_empty(), "{surprising:?}");
}

#[test]
fn it_needs_libc_alone_stays_loaded_and_runs_nothing_at_load() {
    let dynamic = output("readelf", &["--dynamic", "--wide"]);
    let of = |tag: &str| -> Vec<&str> {
        dynamic.lines().filter(|line| line.contains(&format!("({tag})"))).collect()
    };
    let needed = of("NEEDED");
    assert!(needed.len() == 1 && needed[0].contains("[libc.so.6]"), "{needed:?}");
    assert!(of("SONAME")[0].contains("[libnss_roster.so.2]"));
    let flags = of("FLAGS_1");
    assert!(flags[0].contains("NODELETE") && flags[0].contains("NOW"), "{flags:?}");
    for tag in ["INIT", "FINI", "INIT_ARRAY", "FINI_ARRAY", "RPATH", "RUNPATH", "TEXTREL"] {
        assert!(of(tag).is_empty(), "{:?}", of(tag));
    }
}

#[test]
fn it_has_no_thread_local_storage_and_no_executable_stack() {
    let segments = output("readelf", &["--program-headers", "--wide"]);
    assert!(segments.contains("LOAD"), "{segments}");
    let starting_with = |tag: &str| -> Vec<&str> {
        segments.lines().map(str::trim).filter(|line| line.starts_with(tag)).collect()
    };
    assert!(starting_with("TLS").is_empty());
    assert!(!starting_with("GNU_RELRO").is_empty());
    let stack = starting_with("GNU_STACK");
    assert!(stack.len() == 1 && stack[0].contains(" RW "), "{stack:?}");
}

#[test]
fn it_reads_no_environment_and_other_paths_than_its_own() {
    let text = std::fs::read(shipped()).unwrap();
    let contains = |needle: &[u8]| text.windows(needle.len()).any(|window| window == needle);
    let paths: [&[u8]; 4] = [
        b"/run/roster/index\0",
        b"/run/roster/shadow\0",
        b"/var/lib/roster/index/index\0",
        b"/var/lib/roster/index/shadow\0",
    ];
    assert!(paths.into_iter().all(contains));
    let others: [&[u8]; 4] = [b"getenv", b"environ", b"ROSTER_", b"/tmp"];
    assert!(!others.into_iter().any(contains));
}
