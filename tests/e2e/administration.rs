//! Disabling, last logins, reserved numbers, renamed groups, and the first administrator.

use roster_tests::Machine;

use crate::people::{ALICES, add_alice, login, ssh};

#[test]
fn a_disabled_account_is_thrown_out_and_kept_out_until_enabled() {
    let m = Machine::boot("disable").unwrap();
    add_alice(&m);
    m.roster(["sudo", "grant", "alice", "/usr/bin/id"]).ok();
    m.sh("systemd-run --uid=alice --unit=alices sleep 600").ok();
    m.sh("pgrep -u alice sleep").ok();
    m.sh("cat /etc/sudoers.d/50-roster").ok().says("#3000 ");
    m.roster(["user", "disable", "alice"]).ok().says("Disabled alice");
    m.sh("pgrep -u alice").exits(1);
    // It was the only rule, and without rules there is no file.
    m.sh("ls /etc/sudoers.d/50-roster").fails();
    m.sh("visudo -c").ok();
    ssh(&m, "alice", ALICES).fails();
    m.sh("su - alice -c id").fails();
    m.roster(["user", "disable", "alice"]).exits(1);
    m.roster(["user", "enable", "alice"]).ok();
    m.sh("cat /etc/sudoers.d/50-roster").ok().says("#3000 ");
    ssh(&m, "alice", ALICES).ok().says("in as alice");
    m.roster(["user", "enable", "alice"]).exits(1);
}

#[test]
fn a_login_is_told_with_its_service() {
    let m = Machine::boot("lastseen").unwrap();
    add_alice(&m);
    let never = "alice has never logged in.";
    assert_eq!(m.roster(["user", "lastseen", "alice"]).ok().line(), never);
    ssh(&m, "alice", ALICES).ok();
    m.roster(["user", "lastseen", "--all"]).ok().says("alice's last login: 2").says("(sshd from ");
    let report = m.roster(["user", "report", "--json"]).ok().json();
    for (field, count) in [("ours", 1), ("homes", 1), ("active", 1), ("disabled", 0)] {
        assert_eq!(report[field], count, "{field}");
    }
    m.run_as("alice", "roster user lastseen alice").ok();
    m.run_as("alice", "roster user lastseen --all").exits(10);
}

#[test]
fn users_keep_the_own_settings_and_administrators_the_attributes() {
    let m = Machine::boot("settings").unwrap();
    add_alice(&m);
    m.run_as("alice", "roster user setting set alice core lang en").ok();
    m.run_as("alice", "roster user profile set alice pronouns she/her").ok();
    m.run_as("alice", "roster user attr set alice color blue").exits(10);
    m.roster(["user", "attr", "set", "alice", "color", "blue"]).ok().says("true");
    let record = m.roster(["user", "show", "alice", "--json"]).ok().json();
    assert_eq!(record["settings"]["core"]["lang"], "en");
    assert_eq!(record["profile"]["pronouns"], "she/her");
    assert_eq!(record["attributes"]["color"], "blue");
    m.roster(["user", "setting", "get", "alice", "core", "theme"]).exits(1);
}

#[test]
fn a_renamed_group_is_seen_at_once_and_a_reserved_uid_is_not_given() {
    let m = Machine::boot("group-update").unwrap();
    m.roster(["group", "create", "dev"]).ok();
    m.roster(["group", "update", "dev", "--name", "eng"]).ok();
    m.sh("getent group eng").ok().says("eng:x:3000:");
    m.sh("getent group dev").exits(2);
    let reserved = m.roster(["user", "next-uid", "--reserve", "--json"]).ok().json();
    add_alice(&m);
    assert_ne!(m.sh("id -u alice").ok().line(), reserved["uid"].to_string());
}

#[test]
fn the_first_administrator_is_set_up_once() {
    let m = Machine::boot("admin-setup").unwrap();
    let status = || m.roster(["admin", "status", "--json"]).ok().json();
    assert_eq!(status()["local_administrator_set_up"], false);
    let set_up =
        |name| m.roster(["admin", "setup", name, "--password-stdin"]).stdin("nine amber otters\n");
    set_up("root").exits(1).says("passwd(1)");
    set_up("admin").ok();
    assert_eq!(status()["local_administrator_set_up"], true);
    set_up("admin").exits(1).says("Local administrator is already set up.");
    login(&m, "admin", "nine amber otters");
    m.run_as("admin", "roster user create carol --password-disabled").ok();
    m.roster(["user", "disable", "admin"]).exits(1);
}

#[test]
fn a_group_is_made_with_its_members_and_rules() {
    let m = Machine::boot("group-lists").unwrap();
    add_alice(&m);
    let rule = "/usr/bin/systemctl reload nginx";
    let create = ["group", "create", "web", "--members", "alice,www-data", "--sudo-nopasswd", rule];
    m.roster(create).ok();
    m.sh("getent group web").ok().says("alice").says("www-data");
    m.sh("id -nG www-data").ok().says("web");
    m.sh("sudo -l -U alice").ok().says(&format!("(root) NOPASSWD: {rule}"));
    m.roster(["group", "update", "web", "--members", "www-data", "--sudo-nopasswd", ""]).ok();
    assert!(!m.sh("getent group web").ok().stdout.contains("alice"));
    assert!(!m.sh("sudo -l -U www-data").run().stdout.contains("systemctl"));
    m.roster(["group", "update", "web", "--members", "nobody-here"]).exits(1).says("members");
}

#[test]
fn an_unattended_installation_leaves_the_first_administrators_password_as_a_credential() {
    let m = Machine::boot("admin-credential").unwrap();
    m.sh("install -d -m 700 /etc/credstore; umask 077; \
          echo 'nine amber otters' >/etc/credstore/roster.admin-password; systemctl restart rosterd")
        .ok();
    assert_eq!(
        m.roster(["admin", "status", "--json"]).ok().json()["local_administrator_set_up"],
        true
    );
    login(&m, "admin", "nine amber otters");
    m.roster(["audit", "list", "--action", "admin-setup", "--json"]).ok().says("daemon");
    m.roster(["user", "password", "admin", "--password-stdin"]).stdin("eleven calm herons\n").ok();
    m.sh("systemctl restart rosterd").ok();
    login(&m, "admin", "eleven calm herons");
    assert!(!m.sh("journalctl -b").ok().stdout.contains("nine amber otters"));
}
