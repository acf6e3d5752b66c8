//! What `pam_roster.so` brings into the processes that load it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// The module. Cargo builds no cdylib for the tests of a package, so this asks for it.
static MODULE: LazyLock<PathBuf> = LazyLock::new(|| {
    let build = Command::new(env!("CARGO"))
        .args(["build", "--package", "pam_roster", "--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    let messages = String::from_utf8(build.stdout).unwrap();
    let path = messages.split('"').find(|text| text.ends_with("/libpam_roster.so"));
    PathBuf::from(path.expect("cargo names the file that it has built"))
});

fn readelf(arguments: &[&str]) -> String {
    let output = Command::new("readelf").args(arguments).arg(&*MODULE).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn it_needs_libpam_and_libc_and_nothing_else() {
    let dynamic = readelf(&["--dynamic", "--wide"]);
    let needed: Vec<&str> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    assert!(needed.iter().any(|library| library.starts_with("libpam.so")), "{needed:?}");
    for library in needed {
        let allowed = ["libpam.so", "libc.so", "libgcc_s.so", "ld-linux", "libm.so"];
        assert!(allowed.iter().any(|name| library.starts_with(name)), "{library}");
    }
}

#[test]
fn it_stays_where_it_was_loaded() {
    let dynamic = readelf(&["--dynamic", "--wide"]);
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn it_has_the_six_entry_points_and_exports_nothing_else() {
    let symbols = readelf(&["--dyn-syms", "--wide"]);
    let mut exported: Vec<&str> = symbols
        .lines()
        .filter(|line| line.contains(" GLOBAL ") && !line.contains(" UND "))
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    exported.sort_unstable();
    assert_eq!(
        exported,
        [
            "pam_sm_acct_mgmt",
            "pam_sm_authenticate",
            "pam_sm_chauthtok",
            "pam_sm_close_session",
            "pam_sm_open_session",
            "pam_sm_setcred",
        ]
    );
}

#[test]
fn it_does_not_touch_signals_processes_or_the_environment() {
    let symbols = readelf(&["--dyn-syms", "--wide"]);
    let undefined: Vec<&str> = symbols
        .lines()
        .filter(|line| line.contains(" UND "))
        .filter_map(|line| line.split_whitespace().nth(7))
        .map(|name| name.split('@').next().unwrap_or(name))
        .collect();
    for name in ["setenv", "unsetenv", "putenv", "sigprocmask", "fork", "execve", "pthread_create"]
    {
        assert!(!undefined.contains(&name), "{name}");
    }
}
