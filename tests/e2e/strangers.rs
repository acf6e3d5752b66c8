//! What somebody who only has a name finds out about it: nothing.

use std::time::Duration;

use roster_tests::Machine;

use crate::conversation::enrol;
use crate::people::{ALICES, SSH, add_bob};

/// Accounts of ours in every state that keeps somebody out, and a name that nobody has.
const NAMES: [&str; 9] = [
    "nobody-like-that",
    "wrong",
    "locked",
    "disabled",
    "expired",
    "throttled",
    "nopassword",
    "keyonly",
    "coded",
];

/// Makes them. `coded` has a second factor and no password over ssh.
fn populate(m: &Machine) {
    for name in &NAMES[1..] {
        let mut create = vec!["user", "create", name, "--home-create"];
        if *name == "nopassword" {
            create.push("--password-disabled");
        } else {
            create.push("--password-stdin");
        }
        if !["nopassword", "keyonly", "coded"].contains(name) {
            create.push("--ssh-password");
        }
        m.roster(create).stdin(format!("{ALICES}\n")).ok();
    }
    m.roster(["user", "lock", "locked"]).ok();
    m.roster(["user", "disable", "disabled"]).ok();
    m.roster(["user", "update", "expired", "--expires", "2001-01-01"]).ok();
    enrol(m, "coded");
    // Newer servers hang up on a host that failed too often, whatever the name: not what is looked
    // at here.
    m.sh("! sshd -T | grep -qi persourcepenalties || \
          echo 'PerSourcePenalties no' >/etc/ssh/sshd_config.d/06-site.conf; systemctl reload ssh")
        .ok();
}

/// Guesses until the right password of `throttled` is refused for twenty-five seconds more.
fn throttle(m: &Machine, remote: &str) {
    m.write("/etc/pam.d/guesses", "auth required pam_roster.so\n");
    m.write(
        "/root/throttle",
        r#"for n in $(seq 30); do
            echo wrong | pamtester -I rhost="$1" guesses throttled authenticate >/dev/null 2>&1
            until=$(roster user show throttled --json |
                sed -n 's/.*"throttled_until": *"\([^"]*\)".*/\1/p')
            [ -z "$until" ] || [ $(($(date -d "$until" +%s) - $(date +%s))) -lt 25 ] || exit 0
        done
        exit 1"#,
    );
    m.command(["sh", "/root/throttle", remote]).timeout(Duration::from_secs(120)).ok();
}

/// What sshd answers to one password: the methods that it offers before and after, and the end.
fn seen_by_ssh(m: &Machine, name: &str, password: &str) -> String {
    let ssh = SSH.replace("LogLevel=ERROR", "LogLevel=DEBUG1");
    let outcome =
        m.sh(&format!("SSHPASS='{password}' sshpass -e {ssh} {name}@127.0.0.1 true")).run();
    let told = ["Authentications that can continue", "Permission denied", "Next authentication"];
    let lines = outcome.stderr.lines().filter(|line| told.iter().any(|text| line.contains(text)));
    let lines: Vec<String> = lines.map(|line| line.trim().replace(name, "NAME")).collect();
    format!("exit {}\n{}", outcome.status, lines.join("\n"))
}

/// What a PAM application is asked and told, and the code it gets.
fn seen_by_pam(m: &Machine, service: &str, name: &str, password: &str) -> String {
    let command = format!("pamtester {service} {name} authenticate 2>&1");
    let outcome = m.sh(&command).stdin(format!("{password}\n")).run();
    format!("exit {}\n{}", outcome.status, outcome.stdout.replace(name, "NAME"))
}

#[track_caller]
fn assert_all_alike(what: &str, look: impl Fn(&str) -> String) {
    let unknown = look(NAMES[0]);
    assert!(unknown.contains("exit ") && !unknown.starts_with("exit 0"), "{what}: {unknown}");
    for name in &NAMES[1..] {
        assert_eq!(look(name), unknown, "{what}: {name} is not like a name that nobody has");
    }
}

#[test]
fn sshd_shows_the_same_for_every_name() {
    let m = Machine::boot("strangers-ssh").unwrap();
    add_bob(&m);
    populate(&m);
    assert_all_alike("a wrong password", |name| seen_by_ssh(&m, name, "wrong"));
    // The right one of whoever is kept out, too.
    let barred = ["throttled", "locked", "disabled", "expired", "nopassword", "keyonly", "coded"];
    let unknown = seen_by_ssh(&m, NAMES[0], ALICES);
    assert!(unknown.contains("can continue: publickey,password"), "{unknown}");
    throttle(&m, "127.0.0.1");
    for name in barred {
        assert_eq!(seen_by_ssh(&m, name, ALICES), unknown, "{name} is not like an unknown name");
    }
    // A local account is what it is without us: like all others.
    assert_eq!(seen_by_ssh(&m, "bob", "wrong"), unknown);
}

/// Where an administrator has switched keyboard-interactive on for everybody, it asks everybody.
#[test]
fn keyboard_interactive_asks_every_name_the_same() {
    let m = Machine::boot("strangers-keyboard").unwrap();
    populate(&m);
    m.write("/etc/ssh/sshd_config.d/05-site.conf", "KbdInteractiveAuthentication yes\n");
    m.sh("sed -i 's/keyboard-interactive:pam\" \"password\"$/keyboard-interactive:pam\" \"password\" \
          \"keyboard-interactive:pam\"/' /etc/ssh/sshd_config.d/10-roster.conf && systemctl reload ssh")
        .ok();
    assert_all_alike("a wrong password", |name| seen_by_ssh(&m, name, "wrong"));
    assert_all_alike("a long one with digits", |name| {
        seen_by_ssh(&m, name, "a password that ends in 123456")
    });
    assert!(seen_by_ssh(&m, "wrong", "x").contains("keyboard-interactive"));
}

#[test]
fn a_pam_application_sees_the_same_for_every_name() {
    let m = Machine::boot("strangers-pam").unwrap();
    populate(&m);
    m.write("/etc/pam.d/plain", "@include common-auth\n@include common-account\n");
    for service in ["plain", "login", "sshd"] {
        assert_all_alike(service, |name| seen_by_pam(&m, service, name, "wrong"));
    }
    let unknown = seen_by_pam(&m, "plain", NAMES[0], ALICES);
    throttle(&m, "local");
    for name in ["throttled", "locked", "disabled", "expired", "nopassword"] {
        assert_eq!(seen_by_pam(&m, "plain", name, ALICES), unknown, "{name}");
    }
    // The daemon was asked about the unknown one; its name, which may be a mistyped password, is not told.
    let journal = m.sh("journalctl --no-pager -u rosterd").ok().stdout;
    assert!(journal.contains("nobody has this name"), "{journal}");
    assert!(!journal.contains(NAMES[0]), "{journal}");
}

/// Accounts of /etc/passwd and of other sources never get to that line, or are none of its business.
#[test]
fn the_line_for_unknown_names_judges_nobody_who_exists() {
    let m = Machine::boot("strangers-line").unwrap();
    add_bob(&m);
    m.sh("useradd --system dynamic").ok();
    // Another source of accounts: one that only the name service switch knows.
    m.sh("mkdir -p /run/userdb").ok();
    m.write(
        "/run/userdb/elsewhere.user",
        r#"{"userName":"elsewhere","uid":61500,"gid":61500,"disposition":"regular"}"#,
    );
    m.sh("ln -s elsewhere.user /run/userdb/61500.user; getent passwd elsewhere").ok();
    m.write(
        "/etc/pam.d/alone",
        "auth [user_unknown=1 default=ignore] pam_roster.so unknown\n\
                                 auth requisite pam_deny.so\nauth required pam_permit.so\n",
    );
    m.sh("pamtester alone elsewhere authenticate </dev/null").ok();
    m.sh("pamtester alone bob authenticate </dev/null").ok();
    m.sh("pamtester alone root authenticate </dev/null").ok();
    m.sh("echo x | pamtester alone nobody-like-that authenticate").fails();
    // Whatever the module is told to be, it lets nobody in by itself.
    m.write("/etc/pam.d/alone", "auth sufficient pam_roster.so unknown\n");
    for name in ["elsewhere", "bob", "root", "nobody-like-that"] {
        m.sh(&format!("echo x | pamtester alone {name} authenticate")).fails();
    }
    // Without a daemon it refuses in time as well.
    m.sh("systemctl mask --runtime --now rosterd.socket rosterd.service").ok();
    m.sh("echo x | pamtester sshd nobody-like-that authenticate")
        .timeout(Duration::from_secs(6))
        .fails();
}
