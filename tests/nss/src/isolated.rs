//! A process of its own for each test, in which the paths of the index are private.
//!
//! The paths are compiled into the module, on purpose: nothing in the environment of a process may
//! lead it to other accounts. So the tests change what stands at these paths instead, in a mount
//! namespace. What a module keeps for the life of a process starts afresh with each test, too.

use std::process::Command;

use crate::object;

const MARK: &str = "ROSTER_NSS_TEST_IS_ISOLATED";

/// In the namespace: empty /run and /var/lib/roster, then the test itself.
const SET_UP: &str = r#"
set -e
mount -t tmpfs -o mode=755 tmpfs /run
[ -d /var/lib/roster ] || mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir -p /var/lib/roster
mount -t tmpfs -o mode=755 tmpfs /var/lib/roster
mkdir /run/roster /var/lib/roster/index
exec "$@"
"#;

/// Defines tests that each run in a process and a mount namespace of their own.
///
/// As root this needs nothing else; otherwise it needs user namespaces.
#[macro_export]
macro_rules! isolated_tests {
    ($($(#[$attribute:meta])* fn $name:ident() $body:block)*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $name() {
                $crate::isolated::run(stringify!($name), || $body);
            }
        )*
    };
}

/// Runs `body` if this is the isolated process, else starts that process and fails if it does.
pub fn run(name: &str, body: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        // What is left of the environment must not matter to what is tested.
        return body();
    }
    // SAFETY: geteuid cannot fail and touches nothing.
    let as_root = unsafe { libc::geteuid() } == 0;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]);
    if !as_root {
        command.arg("--map-root-user");
    }
    let output = command
        .args(["--", "sh", "-c", SET_UP, "sh"])
        .arg(std::env::current_exe().expect("the path of this test"))
        .args(["--exact", name, "--nocapture"])
        .env(MARK, "1")
        .env("ROSTER_NSS_SO", object::shipped())
        .env("ROSTER_NSS_REFERENCE_SO", object::reference())
        .output()
        .expect("unshare (util-linux)");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}\n{out}\n{err}", output.status);
    assert!(out.contains("1 passed"), "{name} did not run in its own process:\n{out}\n{err}");
}
