//! What PAM applications see of a login: prompts, texts and refusals.

use roster_tests::Machine;

use crate::people::{
    ALICES, CODE_PROMPT, PASSWORD_PROMPT, SSH, add_alice, dialogue, ssh, ssh_dialogue,
};

/// Enrols somebody; the secret in base32.
pub fn enrol(m: &Machine, name: &str) -> String {
    let answer = m.roster(["2fa", "enroll", name, "--json"]).ok().json();
    let secret = answer["secret"].as_str().unwrap().to_owned();
    let code = code(m, &secret, "now");
    m.roster(["2fa", "confirm", name, "--code-stdin"]).stdin(format!("{code}\n")).ok();
    secret
}

/// The code that is shown at that time, in the words of date(1).
pub fn code(m: &Machine, secret: &str, time: &str) -> String {
    let tool = format!("oathtool --totp --base32 --now \"$(date --date '{time}' '+%F %T %Z')\" -");
    m.sh(&tool).stdin(format!("{secret}\n")).ok().line().to_owned()
}

/// A screen locker runs as its user, without any privilege.
#[test]
fn a_program_of_the_user_checks_the_user_and_nobody_else() {
    let m = Machine::boot("locker").unwrap();
    add_alice(&m);
    m.roster(["user", "create", "carol", "--home-create", "--password-stdin"])
        .stdin(format!("{ALICES}\n"))
        .ok();
    let check = |who: &str, password: &str| {
        m.run_as("alice", &format!("echo '{password}' | pamtester locker {who} authenticate"))
    };
    m.write("/etc/pam.d/locker", "@include common-auth\n@include common-account\n");
    check("alice", ALICES).ok();
    check("alice", "wrong").fails();
    check("carol", ALICES).fails();
    m.run_as("alice", "pamtester locker alice acct_mgmt").ok();
    m.run_as("alice", "pamtester locker carol acct_mgmt").fails();
}

#[test]
fn sudo_asks_for_the_password_alone_and_again_after_a_wrong_one() {
    let m = Machine::boot("sudo-2fa").unwrap();
    add_alice(&m);
    enrol(&m, "alice");
    m.roster(["sudo", "grant", "alice", "/usr/bin/id"]).ok();
    let sudo = "setpriv --reuid=alice --regid=alice --init-groups sudo -k /usr/bin/id -u";
    let prompt = "password for alice: $";
    dialogue(&m, sudo, &[(prompt, ALICES)]).ok().says("0");
    let answers = [(prompt, "wrong"), (prompt, ALICES)];
    dialogue(&m, sudo, &answers).ok().says("0");
}

#[test]
fn password_and_code_may_come_in_one_answer() {
    let m = Machine::boot("one-answer").unwrap();
    add_alice(&m);
    let secret = enrol(&m, "alice");
    // The step after the one that confirmed: it is within the window already.
    let both = format!("{ALICES}{}", code(&m, &secret, "30 seconds"));
    ssh(&m, "alice", &both).ok().says("in as alice");
    ssh(&m, "alice", &both).fails();
}

/// A password set by an administrator to be changed lets its owner in to do that and nothing else. sshd's
/// `password` method leaves it to passwd(1) on the terminal, and wants a new login after it.
#[test]
fn a_password_that_must_be_changed_is_changed_at_login() {
    let m = Machine::boot("must-change").unwrap();
    add_alice(&m);
    let answer = m
        .roster(["user", "password", "alice", "--generate-password", "--expire", "--json"])
        .ok()
        .json();
    let first = answer["password"].as_str().unwrap().to_owned();
    let mine = "eleven copper lanterns waiting";
    // Without a terminal there is no way to change it, and no way in.
    let refused = ssh(&m, "alice", &first).fails();
    assert!(!refused.stdout.contains("in as"), "{refused}");
    let change = |first: &str, second: &str| {
        [
            (PASSWORD_PROMPT, first.to_owned()),
            ("[Cc]urrent password: $", first.to_owned()),
            ("New password: $", second.to_owned()),
            ("new password: $", second.to_owned()),
        ]
    };
    let answers = change(&first, mine);
    let answers = answers.each_ref().map(|(prompt, answer)| (*prompt, answer.as_str()));
    let command = format!("{SSH} -tt alice@127.0.0.1 {{echo in as $(id -un)}}");
    let changed = dialogue(&m, &command, &answers).run();
    assert!(!changed.stdout.contains("in as alice"), "{changed}");
    ssh(&m, "alice", mine).ok();
    ssh(&m, "alice", &first).fails();

    // Where keyboard-interactive is on for everybody, it is done within the same login.
    m.write("/etc/ssh/sshd_config.d/05-site.conf", "KbdInteractiveAuthentication yes\n");
    m.sh("systemctl reload ssh").ok();
    m.roster(["user", "password", "alice", "--password-stdin", "--expire", "--override-policy"])
        .stdin(format!("{ALICES}\n"))
        .ok();
    let third = "forty green umbrellas singing";
    let answers = change(ALICES, third);
    let answers = answers.each_ref().map(|(prompt, answer)| (*prompt, answer.as_str()));
    dialogue(&m, &command, &answers).ok().says("in as alice");
    ssh(&m, "alice", third).ok();
}

#[test]
fn guessing_is_slowed_down_from_that_host_and_forgotten_by_unlock() {
    let m = Machine::boot("guessing").unwrap();
    add_alice(&m);
    for _ in 0..9 {
        m.sh("pamtester -I rhost=192.0.2.9 sshd alice authenticate").stdin("wrong\n").fails();
    }
    let from = |host: &str| {
        m.sh(&format!("pamtester -I rhost={host} sshd alice authenticate"))
            .stdin(format!("{ALICES}\n"))
    };
    from("192.0.2.9").fails();
    from("192.0.2.10").ok();
    m.roster(["user", "unlock", "alice"]).ok();
    from("192.0.2.9").ok();
}

#[test]
fn the_console_tells_of_the_last_login_and_of_failures() {
    let m = Machine::boot("news").unwrap();
    add_alice(&m);
    ssh(&m, "alice", ALICES).ok();
    ssh(&m, "alice", "wrong").fails();
    let session = m.sh("pamtester login alice open_session").ok();
    session.says("Last login: ");
    m.sh("pamtester login alice open_session").ok();
    ssh(&m, "alice", "wrong").fails();
    m.sh("pamtester login alice open_session").ok().says("1 failed attempt");
    // Nothing of it is mixed into the output of commands.
    let whole = m.sh("su - alice -c 'echo just this'").ok().stdout;
    assert_eq!(whole.trim(), "just this");
}

/// A code is asked for on a console too.
#[test]
fn a_console_asks_for_the_code() {
    let m = Machine::boot("console-code").unwrap();
    add_alice(&m);
    let secret = enrol(&m, "alice");
    let next = code(&m, &secret, "30 seconds");
    let answers = [(PASSWORD_PROMPT, ALICES), (CODE_PROMPT, next.as_str())];
    dialogue(&m, "pamtester login alice authenticate", &answers).ok();
    ssh_dialogue(&m, "alice", "", &answers).fails();
}

/// The daemon dies while somebody types: the next one is told what the last one knew.
#[test]
fn a_daemon_killed_between_the_prompts_does_not_end_the_login() {
    let m = Machine::boot("killed-while-typing").unwrap();
    add_alice(&m);
    let secret = enrol(&m, "alice");
    let next = code(&m, &secret, "30 seconds");
    m.expect(&format!(
        r#"spawn {SSH} alice@127.0.0.1 {{echo in as $(id -un)}}
        expect {{
            -re {{{PASSWORD_PROMPT}}} {{}}
            timeout {{ exit 3 }}
        }}
        exec systemctl kill --signal=KILL rosterd.service
        send "{ALICES}\r"
        expect {{
            -re {{{CODE_PROMPT}}} {{}}
            timeout {{ exit 4 }}
        }}
        exec systemctl kill --signal=KILL rosterd.service
        send "{next}\r"
        expect {{
            "in as alice" {{}}
            timeout {{ exit 5 }}
        }}
        expect eof"#
    ))
    .ok();
}
