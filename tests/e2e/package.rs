//! Installing, upgrading, removing and purging, seen from the machine it happens to.

use roster_tests::{Machine, Run};

use crate::people::{
    ALICES, BOB, BOBS, add_alice, add_bob, change_own_password, login, refused_login, set_password,
    ssh,
};

/// Everything that decides who gets in: names, modes, owners and contents of all of /etc but what
/// every installation of any package touches.
const FINGERPRINT: &str = "cd /etc && find . \\( -type f -o -type l -o -type d \\) \
    ! -path './systemd/*' ! -path './ld.so.cache' ! -name '*-' ! -path './.pwd.lock' \
    -printf '%p %y %m %u %g %l\\n' | sort; \
    find . -type f ! -path './systemd/*' ! -path './ld.so.cache' ! -name '*-' -print0 \
    | sort -z | xargs -0 sha256sum";

fn fingerprint(m: &Machine) -> String {
    m.sh(FINGERPRINT).ok().stdout
}

fn purge(m: &Machine) -> Run {
    m.sh("DEBIAN_FRONTEND=noninteractive apt-get purge --yes roster")
}

fn remove(m: &Machine) -> Run {
    m.sh("DEBIAN_FRONTEND=noninteractive apt-get remove --yes roster")
}

/// What differs, for a message that can be read.
#[track_caller]
fn assert_same(before: &str, after: &str) {
    let only = |left: &str, right: &str| {
        let right: Vec<&str> = right.lines().collect();
        left.lines().filter(|line| !right.contains(line)).collect::<Vec<_>>().join("\n")
    };
    let (gone, new) = (only(before, after), only(after, before));
    assert!(before == after, "gone or changed:\n{gone}\nnew or changed:\n{new}");
}

/// A local account and the root account, through every door.
fn local_accounts_work(m: &Machine) {
    let other = "bobs second quiet passphrase";
    assert_eq!(m.sh("getent passwd root").ok().line(), "root:x:0:0:root:/root:/bin/bash");
    m.sh("id bob | grep -q 'uid=.*bob'").ok();
    login(m, "root", m.root_password());
    login(m, BOB, BOBS);
    refused_login(m, "root");
    ssh(m, BOB, BOBS).ok().says("in as bob");
    ssh(m, BOB, "wrong").fails().says("Permission denied");
    m.run_as(BOB, &format!("echo '{}' | su -c 'id -un'", m.root_password())).ok().says("root");
    m.run_as(BOB, "echo wrong | su -c 'id -un'").fails();
    m.sh("su - bob -c 'id -un'").ok().says("bob");
    m.sh("pamtester cron bob acct_mgmt open_session").ok();
    change_own_password(m, BOB, BOBS, other).ok();
    ssh(m, BOB, other).ok();
    set_password(m, BOB, BOBS).ok();
    ssh(m, BOB, BOBS).ok();
    m.run_as(BOB, &format!("echo '{BOBS}' | sudo -S -k id -un")).ok().says("root");
}

#[test]
fn install_changes_nothing_for_local_accounts() {
    let m = Machine::plain("install").unwrap();
    add_bob(&m);
    local_accounts_work(&m);
    m.install().ok();
    local_accounts_work(&m);
    let units = "rosterd.service rosterd.socket rosterd-mail.socket";
    assert_eq!(m.sh(&format!("systemctl is-active {units}")).ok().line(), "active\nactive\nactive");
    assert_eq!(
        m.sh(&format!("systemctl is-enabled {units}")).ok().line(),
        "enabled\nenabled\nenabled"
    );
    m.sh("sshd -t && visudo -c").ok();
    m.sh("grep -q '^passwd: *files roster' /etc/nsswitch.conf").ok();
    m.sh("grep -q pam_roster.so /etc/pam.d/common-auth").ok();
    assert_eq!(m.sh("dpkg --verify roster").ok().line(), "");
    assert_eq!(m.sh("systemctl --failed --no-legend").ok().line(), "");
}

/// Also with a module that cannot be loaded, and with none at all.
#[test]
fn a_broken_pam_module_locks_no_local_account_out() {
    let m = Machine::boot("broken").unwrap();
    add_bob(&m);
    let module = m.sh("dpkg -L roster | grep pam_roster.so").ok().line().to_owned();
    m.write(&module, "this is no shared object");
    local_accounts_work(&m);
    m.sh(&format!("rm {module}")).ok();
    local_accounts_work(&m);
}

#[test]
fn purge_gives_back_every_byte() {
    let m = Machine::plain("purge").unwrap();
    add_bob(&m);
    let before = fingerprint(&m);
    m.install().ok();
    assert_ne!(fingerprint(&m), before, "the fingerprint must see an installation");
    purge(&m).ok();
    assert_same(&before, &fingerprint(&m));
    let left = "find / -xdev -iname '*roster*' -not -path '/proc/*' -not -path '/opt/*' \
                -not -path '/var/cache/*' -not -path '/run/systemd/*'";
    assert_eq!(m.sh(left).ok().line(), "");
    m.sh("getent group roster-users").exits(2);
    local_accounts_work(&m);
}

/// The bus and every other daemon have the index mapped all the while.
#[test]
fn processes_that_live_through_a_purge_know_the_next_accounts() {
    let m = Machine::plain("purge-and-back").unwrap();
    m.install().ok();
    m.roster(["user", "create", "before", "--password-disabled"]).ok();
    m.run_as("before", "roster whoami").ok().says("before");
    purge(&m).ok();
    m.install().ok();
    m.roster(["user", "create", "filler", "--password-disabled"]).ok();
    m.roster(["user", "create", "after", "--password-disabled"]).ok();
    m.run_as("after", "roster whoami").ok().says("after");
}

#[test]
fn a_purge_takes_the_accounts_and_leaves_the_homes() {
    let m = Machine::plain("purge-alice").unwrap();
    let before = fingerprint(&m);
    m.install().ok();
    add_alice(&m);
    m.roster(["sudo", "grant", "alice", "/usr/bin/id"]).ok();
    m.sh("test -e /etc/sudoers.d/50-roster").ok();
    ssh(&m, "alice", ALICES).ok();
    purge(&m).ok();
    assert_same(&before, &fingerprint(&m));
    m.sh("getent passwd alice").exits(2);
    m.sh("test ! -e /var/lib/roster && test ! -e /run/roster").ok();
    m.sh("test -d /home/alice").ok();
    ssh(&m, "alice", ALICES).fails();
}

#[test]
fn accounts_outlive_a_removal_and_their_rules_do_not() {
    let m = Machine::plain("keep").unwrap();
    m.install().ok();
    add_alice(&m);
    m.roster(["sudo", "grant", "alice", "/usr/bin/id"]).ok();
    remove(&m).ok();
    m.sh("getent passwd alice").exits(2);
    m.sh("test ! -e /etc/sudoers.d/50-roster && visudo -c").ok();
    m.install().ok();
    m.sh("getent passwd alice").ok();
    ssh(&m, "alice", ALICES).ok();
    m.sh("grep -q '#3000' /etc/sudoers.d/50-roster && visudo -c").ok();
}

#[test]
fn removal_gives_back_the_login_configuration_and_a_second_install_takes_it_up_again() {
    let m = Machine::plain("remove").unwrap();
    let relevant = "cd /etc && sha256sum nsswitch.conf pam.d/* ssh/sshd_config ssh/sshd_config.d/*.conf \
                    sudoers sudoers.d/* 2>/dev/null; ls ssh/sshd_config.d/*.conf sudoers.d";
    let before = m.sh(relevant).run().stdout;
    m.install().ok();
    let installed = m.sh(relevant).run().stdout;
    m.sh("echo '# mine' >>/etc/ssh/sshd_config.d/10-roster.conf").ok();
    remove(&m).ok();
    assert_same(&before, &m.sh(relevant).run().stdout);
    m.sh("test -d /var/lib/roster/store").ok();
    m.sh("test ! -e /etc/sudoers.d/50-roster").ok();
    m.sh("sshd -t").ok();
    m.install().ok();
    m.sh("grep -q '# mine' /etc/ssh/sshd_config.d/10-roster.conf").ok();
    m.sh("sed -i '/^# mine/d' /etc/ssh/sshd_config.d/10-roster.conf").ok();
    assert_same(&installed, &m.sh(relevant).run().stdout);
    assert_eq!(m.sh("systemctl is-active rosterd.service").ok().line(), "active");
}

#[test]
fn installing_again_changes_nothing() {
    let m = Machine::boot("again").unwrap();
    let before = fingerprint(&m);
    let socket = "stat -c %i /run/roster/auth";
    let inode = m.sh(socket).ok().stdout;
    m.install().ok();
    assert_same(&before, &fingerprint(&m));
    assert_eq!(m.sh(socket).ok().stdout, inode, "an upgrade must not close the socket");
    assert_eq!(m.sh("systemctl is-active rosterd.service").ok().line(), "active");
}

#[test]
fn what_the_administrator_changed_stays() {
    let m = Machine::boot("edited").unwrap();
    m.sh("sed -i 's/^hosts:.*/hosts: files myhostname dns/' /etc/nsswitch.conf").ok();
    m.sh("echo '# a last word' >>/etc/nsswitch.conf").ok();
    purge(&m).ok();
    let left = m.sh("cat /etc/nsswitch.conf").ok();
    left.says("hosts: files myhostname dns").says("# a last word");
    assert!(!left.stdout.contains("roster"), "{left}");
}

#[test]
fn the_units_are_hardened_and_sound() {
    let m = Machine::boot("hardened").unwrap();
    let report = m
        .sh("systemd-analyze security --offline=true --threshold=25 --no-pager \
             /usr/lib/systemd/system/rosterd.service | tail -n 3")
        .ok();
    let score: f32 = report
        .stdout
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .expect("the report ends in a score");
    assert!(score <= 2.5, "{report}");
    let verified = m.sh("systemd-analyze verify --man=no rosterd.service rosterd.socket rosterd-mail.socket rosterd-mail@.service").ok();
    assert!(!verified.all().contains("rosterd"), "{verified}");
    assert_eq!(m.sh("systemctl show -P LimitCORE rosterd").ok().line(), "0");
    let modes = "stat -c '%a %U %n' /run/roster /run/roster/auth /var/lib/roster \
                 /var/lib/roster/store /var/lib/roster/index";
    let expected = "755 root /run/roster\n666 root /run/roster/auth\n755 root /var/lib/roster\n\
                    700 root /var/lib/roster/store\n755 root /var/lib/roster/index";
    assert_eq!(m.sh(modes).ok().line(), expected);
}

/// A `Match` block of a drop-in ends with its file, and concerns nobody of /etc/passwd.
#[test]
fn the_sshd_drop_in_concerns_our_groups_only() {
    let m = Machine::boot("sshd").unwrap();
    add_bob(&m);
    let settings = |user: &str| {
        m.sh(&format!("sshd -T -C user={user},host=localhost,addr=127.0.0.1")).ok().stdout
    };
    let ours = [
        "authorizedkeyscommand /usr/libexec/roster/authorized-keys %u",
        "authorizedkeyscommanduser nobody",
    ];
    for user in ["bob", "root"] {
        let with = settings(user);
        for line in ours {
            assert!(!with.contains(line), "{user}: {with}");
        }
        m.sh("mv /etc/ssh/sshd_config.d/10-roster.conf /tmp/").ok();
        assert_same(&settings(user), &with);
        m.sh("mv /tmp/10-roster.conf /etc/ssh/sshd_config.d/").ok();
    }
    let before = settings("bob");
    let joining = [
        ("roster-users", "any", false),
        ("roster-2fa", "publickey,keyboard-interactive:pam password", true),
        (
            "roster-2fa-password",
            "publickey,keyboard-interactive:pam keyboard-interactive:pam password",
            true,
        ),
    ];
    for (group, methods, by_keyboard) in joining {
        m.sh(&format!("usermod -aG {group} bob")).ok();
        let with = settings("bob");
        for line in ours {
            assert!(with.contains(line), "{group}: {with}");
        }
        assert!(with.contains(&format!("authenticationmethods {methods}\n")), "{group}: {with}");
        assert_eq!(with.contains("kbdinteractiveauthentication yes"), by_keyboard, "{with}");
        // The password's method is as it is for everybody.
        let password = |text: &str| text.contains("\npasswordauthentication yes\n");
        assert_eq!(password(&with), password(&before), "{group}: {with}");
    }
}
