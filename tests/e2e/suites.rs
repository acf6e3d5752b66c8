//! Other projects' tests of the name service, as Debian packages them, with accounts of Roster's among
//! those that they meet. (Samba's `nsstest` and glibc's own tests are in no package.)

use std::time::Duration;

use roster_tests::Machine;

use crate::people::{add_alice, add_bob};

/// Local users and Roster's, groups of both kinds with members of both kinds.
fn machine(name: &str) -> Machine {
    let m = Machine::boot(name).unwrap();
    add_bob(&m);
    add_alice(&m);
    m.roster(["user", "create", "carol", "--password-disabled"]).ok();
    m.roster(["group", "create", "crew"]).ok();
    for (group, user) in [("crew", "alice"), ("crew", "carol"), ("crew", "bob"), ("sudo", "alice")]
    {
        m.roster(["group", "add-member", group, user]).ok();
    }
    m
}

/// CPython's: every entry of an enumeration is found by name and by number too, and the like.
#[test]
fn cpythons_test_pwd_and_test_grp() {
    let m = machine("cpython");
    let outcome =
        m.sh("python3 -m test -v test_pwd test_grp").timeout(Duration::from_secs(120)).ok();
    outcome.says("test_values");
    // The entries that it went through are ours as well.
    m.sh(
        "python3 -c 'import pwd, grp; assert any(e.pw_name == \"alice\" for e in pwd.getpwall()); \
          assert \"alice\" in grp.getgrnam(\"crew\").gr_mem'",
    )
    .ok();
}

/// systemd's: calls the entry points of a module directly, with buffers that begin too small.
#[test]
fn systemds_test_nss_users() {
    let m = machine("test-nss-users");
    let uid = m.sh("id -u alice").ok().line().to_owned();
    let program =
        m.sh("find /usr/lib/systemd/tests -name test-nss-users -type f").ok().line().to_owned();
    let outcome =
        m.sh(&format!("{program} roster alice {uid} crew eve 4294967295 65534 0 2>&1")).ok();
    outcome.says("alice").says("crew").says("_nss_roster_getpwuid_r");
}

/// cwrap's: loads the module beside accounts of its own, under programs that know nothing of it.
#[test]
fn cwraps_nss_wrapper_over_the_module() {
    let m = machine("nss-wrapper");
    m.write("/root/passwd", "wrapped:x:700:700:Wrapped:/:/bin/sh\n");
    m.write("/root/group", "wrapped:x:700:\n");
    let wrapped = |command: &str| {
        m.sh(&format!(
            "module=$(find /usr/lib -name libnss_roster.so.2 | head -n 1)
            export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=/root/passwd NSS_WRAPPER_GROUP=/root/group
            export NSS_WRAPPER_MODULE_SO_PATH=\"$module\" NSS_WRAPPER_MODULE_FN_PREFIX=roster
            {command}"
        ))
    };
    wrapped("getent passwd alice").ok().says("alice:x:").says(":/home/alice:");
    wrapped("getent passwd wrapped").ok().says("wrapped:x:700:");
    wrapped("getent passwd bob").exits(2);
    wrapped("getent group crew").ok().says("alice").says("bob").says("carol");
    wrapped("getent passwd").ok().says("alice:x:").says("carol:x:");
    wrapped("id -Gn alice").ok().says("alice").says("crew");
}
