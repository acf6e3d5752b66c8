//! A second factor that is required: told of, set up at login, or refused; and its key exchanged.

use roster_tests::{Machine, Run};

use crate::logins::{give_key, key_login};
use crate::people::{
    ALICES, BOB, BOBS, CODE_PROMPT, PASSWORD_PROMPT, SSH, add_alice, add_bob, dialogue, ssh,
    ssh_dialogue,
};

/// Follows `command` through setting up a second factor, after the password if one is given. What
/// does not come exits 90 and above.
fn set_up(m: &Machine, command: &str, password: Option<&str>, then: &str) -> Run {
    let step = |what: &str, act: &str, status: u32| {
        format!(
            "expect {{\n -re {{{what}}} {{ {act} }}\n eof {{ exit {status} }}\n \
             timeout {{ exit {status} }}\n}}\n"
        )
    };
    let mut script = format!("spawn -noecho {command}\n");
    if let Some(password) = password {
        script += &step(PASSWORD_PROMPT, &format!("send \"{password}\\r\""), 97);
    }
    script += &step("Secret: ([A-Z2-7]+)", "set secret $expect_out(1,string)", 96);
    script += &step("URI: (otpauth://totp/[^ \r\n]+)", "", 95);
    let answer = "set file [open /root/secret w]; puts -nonewline $file $secret; close $file; \
                  send \"[exec oathtool --totp --base32 $secret]\\r\"";
    script += &step("Verification code: $", answer, 94);
    script += &step("kept them. $", "send \"\\r\"", 93);
    script += &step(then, "", 92);
    script += "expect eof\nlassign [wait] pid id error status\nexit $status\n";
    m.expect(&script)
}

fn by_ssh(options: &str) -> String {
    format!("{SSH} {options} alice@127.0.0.1 {{echo in as $(id -un)}}")
}

/// The code of the secret that [`set_up`] was shown, of the step after the present one.
fn next_code(m: &Machine) -> String {
    let tool = "oathtool --totp --base32 --now \"$(date --date '30 seconds' '+%F %T %Z')\" \
                \"$(cat /root/secret)\"";
    m.sh(tool).ok().line().to_owned()
}

fn is_asked_for_more(m: &Machine) -> bool {
    m.sh("getent group roster-2fa").run().stdout.contains("alice")
}

#[test]
fn a_login_by_password_is_led_through_it_and_local_accounts_are_not() {
    let m = Machine::boot("enforced").unwrap();
    add_alice(&m);
    add_bob(&m);
    ssh(&m, "alice", ALICES).ok();
    let plan = m.roster(["2fa", "enforce", "--on", "--dry-run"]).ok();
    plan.says("1 of 1 users who must have a second factor have none");
    assert!(!is_asked_for_more(&m));
    m.roster(["2fa", "enforce", "--on"]).ok();
    assert!(is_asked_for_more(&m));

    // A method that has one prompt and no texts gets nowhere, and neither does the wrong password.
    m.sh(&format!(
        "SSHPASS='{ALICES}' sshpass -e {SSH} -o PreferredAuthentications=password \
         alice@127.0.0.1 id"
    ))
    .fails();
    ssh(&m, "alice", "wrong").fails();
    let state = m.roster(["2fa", "state", "alice", "--json"]).ok().json();
    assert_eq!((&state["enabled"], &state["enforced"]), (&false.into(), &true.into()));
    set_up(&m, &by_ssh(""), Some(ALICES), "in as alice").ok();
    let state = m.roster(["2fa", "state", "alice", "--json"]).ok().json();
    assert_eq!((&state["enabled"], &state["recovery_codes_left"]), (&true.into(), &10.into()));

    let code = next_code(&m);
    let answers = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, code.as_str())];
    ssh_dialogue(&m, "alice", "", &answers).ok().says("in as alice");
    ssh(&m, BOB, BOBS).ok().says("in as bob");
    m.run_as(BOB, &format!("echo '{BOBS}' | sudo -S -k id -un")).ok().says("root");
    // Neither the log nor the audit shows what was shown once.
    let secret = m.sh("cat /root/secret").ok().stdout;
    let log = m.sh("journalctl --no-pager; roster audit list").ok().stdout;
    assert!(log.contains("two-factor-confirm") && !log.contains(secret.trim()));
}

#[test]
fn a_login_by_key_is_led_through_it_too() {
    let m = Machine::boot("enforced-key").unwrap();
    add_alice(&m);
    give_key(&m);
    m.roster(["2fa", "enforce", "--on", "--deadline", "1h"]).ok();
    key_login(&m).ok();
    let session = m.sh("pamtester sshd alice open_session").ok();
    session.says("A second factor must be set up by ").says("roster 2fa enroll alice");
    m.roster(["2fa", "enforce", "--on"]).ok();
    key_login(&m).fails();
    set_up(&m, &by_ssh("-i /root/key"), None, "in as alice").ok();
    let code = next_code(&m);
    ssh_dialogue(&m, "alice", "-i /root/key", &[(CODE_PROMPT, &code)]).ok().says("in as alice");
}

#[test]
fn a_deadline_passes_by_itself_and_excluded_groups_are_left_alone() {
    let m = Machine::boot("deadline").unwrap();
    add_alice(&m);
    give_key(&m);
    m.roster(["group", "create", "robots"]).ok();
    m.roster(["2fa", "enforce", "--on", "--exclude", "robots", "--deadline", "4s"]).ok();
    key_login(&m).ok();
    m.sh("for i in $(seq 100); do getent group roster-2fa | grep -q alice && exit; sleep 0.2; done; exit 1")
        .ok();
    key_login(&m).fails();
    m.roster(["group", "add-member", "robots", "alice"]).ok();
    key_login(&m).ok();
    m.roster(["group", "remove-member", "robots", "alice"]).ok();
    key_login(&m).fails();
    m.roster(["2fa", "enforce", "--off"]).ok();
    key_login(&m).ok();
}

#[test]
fn a_service_that_cannot_show_it_refuses_and_jobs_go_on() {
    let m = Machine::boot("cannot-show").unwrap();
    add_alice(&m);
    give_key(&m);
    m.roster(["sudo", "grant", "alice", "/usr/bin/id"]).ok();
    m.roster(["2fa", "enforce", "--on"]).ok();
    m.write("/etc/pam.d/greeter", "@include common-auth\n@include common-account\n");
    let greeter = m.sh("pamtester greeter alice authenticate").stdin(format!("{ALICES}\n")).fails();
    greeter.says("Log in by ssh or on a console");
    let wrong = m.sh("pamtester greeter alice authenticate").stdin("wrong\n").fails();
    assert!(!wrong.all().contains("Log in by ssh"), "{wrong}");
    // The user's own screen locker, sudo in a session that is open, cron.
    m.run_as("alice", &format!("echo '{ALICES}' | pamtester greeter alice authenticate")).ok();
    m.run_as("alice", &format!("echo '{ALICES}' | sudo -S -k id -un")).ok().says("root");
    m.sh("pamtester cron alice acct_mgmt open_session").ok();
    m.sh("su - alice -c 'id -un'").ok().says("alice");
    // Without our rules sshd would let a key in alone: the account phase does not.
    m.sh("rm /etc/ssh/sshd_config.d/10-roster.conf; mkdir -p /etc/ssh/keys; \
          cp /root/key.pub /etc/ssh/keys/alice; \
          echo 'AuthorizedKeysFile /etc/ssh/keys/%u' >/etc/ssh/sshd_config.d/20-keys.conf; \
          systemctl restart ssh")
        .ok();
    key_login(&m).fails();
    m.roster(["2fa", "enforce", "--off"]).ok();
    key_login(&m).ok();
}

#[test]
fn a_console_shows_it_as_well() {
    let m = Machine::boot("enforced-console").unwrap();
    add_alice(&m);
    m.roster(["2fa", "enforce", "--on"]).ok();
    let stack = "pamtester login alice authenticate acct_mgmt";
    set_up(&m, stack, Some(ALICES), "successfully").ok();
    let code = next_code(&m);
    let answers = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, code.as_str())];
    dialogue(&m, "pamtester login alice authenticate", &answers).ok();
}

#[test]
fn the_key_is_exchanged_whenever_the_daemon_is_killed() {
    let m = Machine::boot("rotation").unwrap();
    add_alice(&m);
    m.roster(["2fa", "enforce", "--on"]).ok();
    set_up(&m, &by_ssh(""), Some(ALICES), "in as alice").ok();
    let key = || m.sh("sha256sum /var/lib/roster/store/totp.key").ok().stdout;
    let before = key();
    m.run_as("alice", "roster 2fa rotate-key").exits(10);
    m.roster(["2fa", "rotate-key", "--json"]).ok().says("{\"secrets\":1}");
    assert_ne!(key(), before);
    for pause in ["0", "0.005", "0.01", "0.02", "0.04"] {
        m.sh(&format!(
            "roster 2fa rotate-key >/dev/null 2>&1 & sleep {pause}; \
             systemctl kill --signal=KILL rosterd.service; wait"
        ))
        .run();
        m.roster(["2fa", "state", "alice"]).ok();
    }
    m.sh("systemctl restart rosterd.service").ok();
    m.sh("test ! -e /var/lib/roster/store/totp.key.next").ok();
    let code = next_code(&m);
    let answers = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, code.as_str())];
    ssh_dialogue(&m, "alice", "", &answers).ok().says("in as alice");
}

/// The daemon dies while somebody looks at a secret, which nobody else knows: the next one shows
/// another, and does not take the first one's code.
#[test]
fn a_daemon_killed_while_a_secret_is_shown_shows_another_one() {
    let m = Machine::boot("killed-while-enrolling").unwrap();
    add_alice(&m);
    m.roster(["2fa", "enforce", "--on"]).ok();
    let code = "exec oathtool --totp --base32";
    m.expect(&format!(
        r#"spawn {SSH} alice@127.0.0.1 {{echo in as $(id -un)}}
        expect -re {{{PASSWORD_PROMPT}}} {{ send "{ALICES}\r" }} timeout {{ exit 3 }}
        expect -re {{Secret: ([A-Z2-7]+)}} {{ set first $expect_out(1,string) }} timeout {{ exit 4 }}
        expect -re {{{CODE_PROMPT}}} {{}} timeout {{ exit 5 }}
        exec systemctl kill --signal=KILL rosterd.service
        send "[{code} $first]\r"
        expect "no code of this secret" {{}} timeout {{ exit 6 }}
        expect -re {{Secret: ([A-Z2-7]+)}} {{ set second $expect_out(1,string) }} timeout {{ exit 7 }}
        if {{$first eq $second}} {{ exit 8 }}
        expect -re {{{CODE_PROMPT}}} {{}} timeout {{ exit 9 }}
        send "[{code} $second]\r"
        expect -re {{kept them. $}} {{ send "\r" }} timeout {{ exit 10 }}
        expect "in as alice" {{}} timeout {{ exit 11 }}
        expect eof"#
    ))
    .ok();
}

#[test]
fn a_key_that_systemd_gives_is_exchanged_by_giving_another_one() {
    let m = Machine::boot("credential").unwrap();
    add_alice(&m);
    m.roster(["2fa", "enforce", "--on"]).ok();
    set_up(&m, &by_ssh(""), Some(ALICES), "in as alice").ok();
    let give = |name: &str| {
        format!(
            "(umask 077; mkdir -p /etc/credstore; head -c 32 /dev/urandom >/etc/credstore/{name})"
        )
    };
    // From the file to a credential, and from that one to the next.
    m.sh(&format!("{}; systemctl restart rosterd", give("roster.totp-key"))).ok();
    m.roster(["2fa", "rotate-key"]).exits(1).says("roster.totp-key-previous");
    m.sh("rm /var/lib/roster/store/totp.key; cd /etc/credstore; \
          mv roster.totp-key roster.totp-key-previous")
        .ok();
    m.sh(&format!("{}; systemctl restart rosterd", give("roster.totp-key"))).ok();
    m.sh("rm /etc/credstore/roster.totp-key-previous; systemctl restart rosterd").ok();
    let code = next_code(&m);
    let answers = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, code.as_str())];
    ssh_dialogue(&m, "alice", "", &answers).ok().says("in as alice");
}
