//! A new account, and everything that knows it from that moment on.

use roster_tests::Machine;

use crate::people::{ALICES, BOB, BOBS, add_alice, add_bob, ssh};

/// Looks alice up every 10 ms, from before she exists; says when it has found her.
const WATCHER: &str = r#"
import pwd, time
open("/run/watching", "w").close()
for _ in range(3000):
    try:
        open("/run/found", "w").write(str(pwd.getpwnam("alice").pw_uid))
        break
    except KeyError:
        time.sleep(0.01)
"#;

#[test]
fn a_created_account_is_known_everywhere_at_once() {
    let m = Machine::boot("create").unwrap();
    add_bob(&m);
    m.sh("getent passwd alice").exits(2);
    m.write("/root/watcher.py", WATCHER);
    m.sh("python3 /root/watcher.py >/dev/null 2>&1 & while [ ! -e /run/watching ]; do sleep 0.05; done")
        .ok();

    add_alice(&m);
    let entry = "alice:x:3000:3000:Alice Ng:/home/alice:/bin/bash";
    assert_eq!(m.sh("getent passwd alice").ok().line(), entry);
    assert_eq!(m.sh("getent passwd 3000").ok().line(), entry);
    assert_eq!(m.sh("getent passwd | grep alice").ok().line(), entry);
    assert_eq!(m.sh("getent group alice").ok().line(), "alice:x:3000:");
    m.sh("id alice").ok().says("uid=3000(alice) gid=3000(alice)");
    m.sh("getent group roster-users").ok().says("alice");

    let shadow = m.sh("getent shadow alice").ok();
    let hash = shadow.line().split(':').nth(1).unwrap();
    assert!(hash.starts_with('!') || hash.starts_with('*'), "a locked hash: {shadow}");
    m.run_as(BOB, "getent shadow alice").exits(2);
    m.run_as(BOB, "getent passwd alice").ok();
    m.run_as(BOB, "ls -ld /home/alice").ok().says("alice alice");
    m.sh("for i in $(seq 100); do [ -e /run/found ] && break; sleep 0.05; done; cat /run/found")
        .ok()
        .says("3000");
}

#[test]
fn the_new_home_is_made_from_skel_and_private() {
    let m = Machine::boot("home").unwrap();
    m.sh("echo hello >/etc/skel/greeting; ln -s greeting /etc/skel/link").ok();
    add_alice(&m);
    m.sh("stat -c '%a %U %G' /home/alice").ok().says("700 alice alice");
    m.sh("stat -c '%U' /home/alice/greeting").ok().says("alice");
    m.sh("cat /home/alice/greeting").ok().says("hello");
    m.sh("test -f /home/alice/.bashrc").ok();
    ssh(&m, "alice", ALICES).ok().says("in as alice at /home/alice");
}

#[test]
fn a_home_that_is_missing_is_made_at_the_first_login() {
    let m = Machine::boot("first-login").unwrap();
    m.roster(["user", "create", "carol", "--ssh-password", "--password-stdin"])
        .stdin(format!("{ALICES}\n"))
        .ok();
    m.sh("test ! -e /home/carol").ok();
    ssh(&m, "carol", ALICES).ok().says("in as carol at /home/carol");
    m.sh("stat -c '%a %U' /home/carol").ok().says("700 carol");
}

#[test]
fn the_command_shows_what_the_system_knows() {
    let m = Machine::boot("show").unwrap();
    add_alice(&m);
    let record = m.roster(["user", "show", "alice", "--json"]).ok().json();
    assert_eq!(record["name"], "alice");
    assert_eq!(record["uid"], 3000);
    assert_eq!(record["full_name"], "Alice Ng");
    assert_eq!(record["home"], "/home/alice");
    assert_eq!(record["locked"], false);
    let list = m.roster(["user", "list", "--json"]).ok().json();
    assert_eq!(list["total"], 1);
    assert_eq!(list["users"][0]["name"], "alice");
    let entry = m.roster(["user", "passwd-entry", "alice", "--json"]).ok().json();
    assert_eq!(entry["pw_gecos"], "Alice Ng");
    assert_eq!(m.roster(["user", "show", "uid:3000", "--json"]).ok().json(), record);
    m.roster(["user", "show", "nobody-like-that"]).exits(6);
    let everything = m.roster(["user", "show", "alice", "--json"]).ok().stdout;
    assert!(!everything.contains("argon2"), "no hash in a record");
}

#[test]
fn a_deleted_account_is_gone_and_its_uid_is_not_given_again() {
    let m = Machine::boot("delete").unwrap();
    add_bob(&m);
    add_alice(&m);
    m.roster(["user", "delete", "alice"]).ok();
    m.sh("getent passwd alice").exits(2);
    m.sh("getent group alice").exits(2);
    ssh(&m, "alice", ALICES).fails();
    m.roster(["user", "create", "carol", "--password-disabled"]).ok();
    assert_eq!(m.sh("id -u carol").ok().line(), "3001");
    ssh(&m, BOB, BOBS).ok();
}

#[test]
fn groups_are_merged_with_those_of_etc_group() {
    let m = Machine::boot("groups").unwrap();
    add_bob(&m);
    add_alice(&m);
    m.sh("groupadd press && usermod -aG press bob").ok();
    m.roster(["group", "create", "writers"]).ok();
    m.roster(["group", "add-member", "writers", "alice"]).ok();
    m.roster(["group", "add-member", "writers", "bob"]).ok();
    m.roster(["group", "add-member", "press", "alice"]).ok();
    let press = m.sh("getent group press").ok();
    press.says("bob").says("alice");
    m.sh("id -nG alice").ok().says("writers").says("press");
    m.sh("id -nG bob").ok().says("writers").says("press").says("sudo");
    m.roster(["group", "remove-member", "press", "alice"]).ok();
    assert!(!m.sh("getent group press").ok().stdout.contains("alice"));
    m.sh("getent group press").ok().says("bob");
}

#[test]
fn a_renamed_account_keeps_its_number_files_keys_and_sessions() {
    let m = Machine::boot("rename").unwrap();
    add_alice(&m);
    m.sh("ssh-keygen -q -t ed25519 -N '' -f /root/key").ok();
    m.roster(["key", "add", "alice", "--file", "/root/key.pub"]).ok();
    m.run_as("alice", "echo mine >/home/alice/letter").ok();
    m.sh("systemd-run --uid=alice --unit=alices sleep 600").ok();
    let id = m.roster(["user", "show", "alice", "--json"]).ok().json()["id"].clone();
    m.roster(["user", "update", "alice", "--name", "alicia"]).ok();
    assert_eq!(m.roster(["user", "show", "alicia", "--json"]).ok().json()["id"], id);
    assert_eq!(m.sh("id -u alicia").ok().line(), "3000");
    m.sh("getent passwd alice").exits(2);
    m.sh("stat -c %U /home/alice/letter").ok().says("alicia");
    m.sh("pgrep -u alicia sleep").ok();
    let ssh = "ssh -o StrictHostKeyChecking=no -o BatchMode=yes -i /root/key";
    m.sh(&format!("{ssh} alicia@127.0.0.1 cat /home/alice/letter")).ok().says("mine");
    m.sh(&format!("{ssh} alice@127.0.0.1 true")).fails();
}

#[test]
fn a_member_of_the_hosts_administrators_is_one_for_sudo_and_polkit() {
    let m = Machine::boot("administrators").unwrap();
    add_alice(&m);
    // polkit asks for the password of one of these (Debian: the group sudo).
    let identities = "pkaction --action-id org.freedesktop.systemd1.manage-units --verbose";
    m.sh(identities).ok().says("auth_admin");
    m.roster(["group", "add-member", "sudo", "alice"]).ok();
    m.sh("getent group sudo").ok().says("alice");
    m.sh("sudo -l -U alice").ok().says("(ALL : ALL) ALL");
    // Her own password makes her an administrator, for polkit's text agent as for sudo.
    m.run_as("alice", &format!("echo '{ALICES}' | sudo -S id -u")).ok().says("0");
    let agent = format!(
        "spawn setpriv --reuid=alice --regid=alice --init-groups pkexec id -u\n\
         expect {{ -re {{Authenticating as: .*alice}} {{}} eof {{ exit 95 }} timeout {{ exit 96 }} }}\n\
         expect {{ -re {{assword: $}} {{ send \"{ALICES}\\r\" }} timeout {{ exit 97 }} }}\n\
         expect {{ -re {{AUTHENTICATION COMPLETE}} {{}} timeout {{ exit 98 }} }}\n\
         expect {{ -re {{\\n0\\r?\\n}} {{}} timeout {{ exit 99 }} }}\nexpect eof\n"
    );
    m.expect(&agent).ok();
}
