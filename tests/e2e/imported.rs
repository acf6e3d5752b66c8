//! Accounts that come from elsewhere with their passwords, and the rules for new ones.

use roster_tests::{Machine, Run};

use crate::people::{
    ALICES, PASSWORD_PROMPT, add_alice, add_bob, change_own_password, dialogue, login,
    set_password, ssh,
};

const CAROLS: &str = "nine amber otters resting";

/// A local account with a password that the machine's own tools have hashed, as it stands in
/// /etc/shadow; then it is gone.
fn shadow_of(m: &Machine, name: &str, method: &str, also: &str) -> String {
    m.sh(&format!("useradd --create-home --shell /bin/bash {name}")).ok();
    m.sh(&format!("echo '{name}:{CAROLS}' | chpasswd {method}")).ok();
    m.sh(&format!("true; {also}")).ok();
    let line = m.sh(&format!("getent shadow {name}")).ok().line().to_owned();
    m.sh(&format!("userdel --remove {name}")).run();
    line
}

fn import(m: &Machine, name: &str, line: &str) -> Run {
    m.roster(["user", "create", name, "--home-create", "--ssh-password", "--password-disabled"])
        .ok();
    m.roster(["user", "password", name, "--shadow-stdin"]).stdin(format!("{line}\n"))
}

/// How often a text stands in the store.
fn stored(m: &Machine, text: &str) -> String {
    m.sh(&format!(
        "systemctl stop rosterd.service; cat /var/lib/roster/store/roster.db* | grep -aoF '{text}' | wc -l"
    ))
    .ok()
    .line()
    .to_owned()
}

#[test]
fn a_local_account_moves_in_with_its_password_and_ages() {
    let m = Machine::boot("imported").unwrap();
    add_bob(&m);
    let line = shadow_of(&m, "carol", "", "chage -M 90 -W 14 carol");
    assert!(line.starts_with("carol:$y$j9T$"), "{line}");
    import(&m, "carol", &line).ok().says("yescrypt");
    let carol = m.roster(["user", "show", "carol", "--json"]).ok().json();
    assert_eq!((&carol["password_max_age"], &carol["password_warn"]), (&90.into(), &14.into()));
    ssh(&m, "carol", "not the password").fails();
    let hash = line.split(':').nth(1).unwrap();
    assert_eq!(stored(&m, hash), "1", "until the first login");
    m.run_as("bob", &format!("echo '{CAROLS}' | su - carol -c 'id -un'")).ok().says("carol");
    assert_eq!((stored(&m, hash).as_str(), stored(&m, "$argon2id$").as_str()), ("0", "1"));
    ssh(&m, "carol", CAROLS).ok().says("in as carol at /home/carol");
    login(&m, "carol", CAROLS);
    change_own_password(&m, "carol", CAROLS, ALICES).ok();
    ssh(&m, "carol", ALICES).ok();
}

#[test]
fn other_hashes_and_locks_come_along_and_weak_ones_do_not() {
    let m = Machine::boot("imported-others").unwrap();
    add_bob(&m);
    let line = shadow_of(&m, "dave", "-c SHA512", "usermod --lock dave");
    assert!(line.starts_with("dave:!$6$"), "{line}");
    import(&m, "dave", &line).ok().says("sha512crypt").says("locked");
    ssh(&m, "dave", CAROLS).fails();
    m.roster(["user", "unlock", "dave"]).ok();
    ssh(&m, "dave", CAROLS).ok().says("in as dave");

    let line = shadow_of(&m, "erin", "-c SHA256", "");
    import(&m, "erin", &line).ok().says("sha256crypt");
    ssh(&m, "erin", CAROLS).ok().says("in as erin");

    // What has to be changed there has to be changed here.
    let line = shadow_of(&m, "gina", "", "chage -d 0 gina");
    import(&m, "gina", &line).ok();
    let su = "setpriv --reuid=bob --regid=bob --init-groups su - gina -c {id -un}";
    let answers = [
        (PASSWORD_PROMPT, CAROLS),
        ("[Cc]urrent password: $", CAROLS),
        ("New password: $", ALICES),
        ("new password: $", ALICES),
    ];
    dialogue(&m, su, &answers).ok().says("gina");
    ssh(&m, "gina", ALICES).ok();
    ssh(&m, "gina", CAROLS).fails();

    let weak = "$1$salt$qJH7.N4xYta3aEG/dfqo/0";
    import(&m, "frank", weak).exits(1).says("MD5").says("new password");
    let frank = || m.roster(["user", "password", "frank", "--shadow-stdin"]);
    frank().stdin("frank::19000:0:99999:7:::\n").exits(1).says("without a password");
    frank().stdin(line).exits(1).says("another user's line");
    m.sh("getent shadow root | sed 's/^root:/frank:/' | roster user password frank --shadow-stdin")
        .ok();
}

#[test]
fn the_rules_for_passwords_hold_at_every_door_and_root_may_set_them_aside() {
    let m = Machine::boot("rules").unwrap();
    add_alice(&m);
    let by_roster = |password: &str, flags: &[&str]| {
        let words = ["user", "password", "alice", "--password-stdin"];
        m.roster([&words[..], flags].concat()).stdin(format!("{password}\n"))
    };
    by_roster("password1", &[]).fails().says("too easy to guess");
    by_roster("short", &[]).fails().says("shorter than 8");
    by_roster("password1", &["--override-policy"]).ok();
    ssh(&m, "alice", "password1").ok();
    m.roster(["audit", "list", "--user", "alice", "--json"]).ok().says("overridden");
    // By the user itself: three tries, each with its reason.
    let own = "setpriv --reuid=alice --regid=alice --init-groups passwd";
    let (prompt, new) = ("[Cc]urrent password: $", "New password: $");
    let refused = dialogue(
        &m,
        own,
        &[(prompt, "password1"), (new, "qwertyuiop"), (new, "12345678"), (new, "short")],
    );
    refused.fails().says("too easy to guess").says("shorter than 8");
    change_own_password(&m, "alice", "password1", CAROLS).ok();
    change_own_password(&m, "alice", CAROLS, ALICES).fails().says("one of the last 5");
    // By root, who is told.
    set_password(&m, "alice", "password1").ok().says("BAD PASSWORD");
    ssh(&m, "alice", "password1").ok();
    // Those that have leaked.
    m.sh(
        "printf '%s\\n' 'eleven copper lanterns' 'forty green umbrellas' | LC_ALL=C sort >/var/lib/leaked; \
         mkdir -p /etc/roster; printf '[passwords]\\nleaked_list = \"/var/lib/leaked\"\\n' >/etc/roster/roster.toml; \
         systemctl restart rosterd",
    )
    .ok();
    by_roster("forty green umbrellas", &[]).fails().says("leaked");
    by_roster("forty green umbrella", &[]).ok();
    m.sh("rm /var/lib/leaked; systemctl restart rosterd").ok();
    by_roster("forty green umbrellas", &[]).ok();
    m.sh("journalctl -b -u rosterd").ok().says("leaked_list cannot be used");
}
