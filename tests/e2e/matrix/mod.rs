//! What PAM applications get, function by function: an application that does exactly what it is told
//! (`tests/pam/application.c`), with stacks of its own.
//!
//! | file | subject |
//! | --- | --- |
//! | `states` | every state of an account in every phase |
//! | `stacks` | orders, other modules, and a user that changes on the way |
//! | `conversations` | applications that answer strangely or not at all |
//! | `enrolment` | a second factor that is to be set up |
//! | `trouble` | a daemon that answers strangely or not at all |

mod conversations;
mod enrolment;
mod stacks;
mod states;
mod trouble;

use std::path::{Path, PathBuf};
use std::process::Command;

use roster_tests::{Machine, Run};

use crate::people::{ALICES, add_alice};

/// Where the machine has the stacks of these tests.
const STACKS: &str = "/root/pam.d";

/// All four phases by our module alone.
const ALONE: &str = "auth required pam_roster.so\naccount required pam_roster.so\n\
                     password required pam_roster.so\nsession required pam_roster.so\n";

/// A machine with the application on it, the stack `alone`, and alice.
struct Pam {
    m: Machine,
}

impl Pam {
    fn boot(name: &str) -> Pam {
        let m = Machine::boot(name).unwrap();
        for (source, flags) in [
            ("application.c", &[][..]),
            ("false_daemon.c", &[][..]),
            ("renaming.c", &["-shared", "-fPIC"][..]),
        ] {
            put(&m, source, &compiled(source, flags));
        }
        m.sh(&format!("mkdir {STACKS}")).ok();
        let pam = Pam { m };
        pam.stack("alone", ALONE);
        add_alice(&pam.m);
        pam
    }

    fn stack(&self, service: &str, lines: &str) {
        self.m.write(&format!("{STACKS}/{service}"), lines);
    }

    /// The application with this script, as root.
    fn application(&self, service: &str, user: &str, script: &[&str]) -> Run {
        self.m
            .command(["/opt/pam/application", STACKS, service, user])
            .stdin(script.join("\n") + "\n")
    }

    /// What became of it, line by line.
    #[track_caller]
    fn seen(&self, service: &str, user: &str, script: &[&str]) -> Vec<String> {
        let outcome = self.application(service, user, script).ok();
        outcome.stdout.lines().map(str::to_owned).collect()
    }

    /// Insists on what becomes of it.
    #[track_caller]
    fn sees(&self, service: &str, user: &str, script: &[&str], expected: &[&str]) {
        let seen = self.seen(service, user, script);
        assert_eq!(seen, expected, "{service} {user} {script:?}");
    }

    /// A user with alice's password.
    fn add(&self, name: &str) {
        self.m
            .roster(["user", "create", name, "--home-create", "--ssh-password", "--password-stdin"])
            .stdin(format!("{ALICES}\n"))
            .ok();
    }
}

/// Compiles a file of `tests/pam`; the program's bytes.
fn compiled(source: &str, flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let program: PathBuf = folder.path().join("program");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("pam").join(source);
    let output = Command::new("gcc")
        .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1"])
        .args(flags)
        .arg("-o")
        .args([&program, &source])
        .arg("-lpam")
        .output()
        .expect("gcc is there (tests/run.sh installs it)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(program).unwrap()
}

/// Puts a compiled program into the machine: `x.c` becomes `/opt/pam/x`.
fn put(m: &Machine, source: &str, program: &[u8]) {
    let path = format!("/opt/pam/{}", source.trim_end_matches(".c"));
    let script = r#"mkdir -p /opt/pam && cat >"$1" && chmod 755 "$1""#;
    m.command(["sh", "-c", script, "sh", &path]).stdin(program).ok();
}
