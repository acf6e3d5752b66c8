//! The people of the suites, and the doors they come in by.

use roster_tests::{Machine, Outcome, Run, suite};

/// A local account, in /etc/passwd and in the group sudo.
pub const BOB: &str = "bob";
/// Bob's password.
pub const BOBS: &str = "bobs own quiet passphrase";
/// Alice's password; she is kept by Roster.
pub const ALICES: &str = "seven violet herons dancing";

/// What every ssh of the suites is called with.
pub const SSH: &str = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR -o NumberOfPasswordPrompts=1";

/// Adds the local account `bob`.
pub fn add_bob(m: &Machine) {
    m.sh("useradd --create-home --shell /bin/bash --groups sudo bob").ok();
    m.sh(&format!("echo 'bob:{BOBS}' | chpasswd")).ok();
}

/// Creates `alice` as the issue of the main job does.
pub fn add_alice(m: &Machine) -> Outcome {
    let arguments = "--full-name|Alice Ng|--home-create|--ssh-password|--password-stdin";
    m.roster(["user", "create", "alice"].into_iter().chain(arguments.split('|')))
        .stdin(format!("{ALICES}\n"))
        .ok()
}

/// ssh with a password and nothing else.
pub fn ssh(m: &Machine, user: &str, password: &str) -> Run {
    m.sh(&format!(
        "SSHPASS='{password}' sshpass -e {SSH} {user}@127.0.0.1 'echo in as $(id -un) at $(pwd)'"
    ))
}

/// The prompt for a password, by ssh or by PAM.
pub const PASSWORD_PROMPT: &str = "assword: $";
/// The prompt for the code of the second factor.
pub const CODE_PROMPT: &str = "[Cc]ode[^:]*: $";

/// Answers the prompts that `command` makes on a terminal, in this order, and reports its output and
/// exit status. A prompt that does not come exits 97, one that is too many 98.
pub fn dialogue(m: &Machine, command: &str, answers: &[(&str, &str)]) -> Run {
    let mut script = format!("spawn -noecho {command}\n");
    for (prompt, answer) in answers {
        script.push_str(&format!(
            "expect {{\n -re {{{prompt}}} {{ send {{{answer}}}; send \"\\r\" }} \
             eof {{ puts {{NO PROMPT {prompt}}}; exit 97 }} timeout {{ exit 97 }} }}\n"
        ));
    }
    script.push_str(&format!(
        "expect {{\n -re {{({PASSWORD_PROMPT})|({CODE_PROMPT})}} {{ puts {{ONE PROMPT TOO MANY}}; exit 98 }} \
         eof {{}} timeout {{ exit 97 }} }}\nlassign [wait] pid id error status\nexit $status\n"
    ));
    m.expect(&script)
}

/// ssh on a terminal, with these extra options, saying who and where it is.
pub fn ssh_dialogue(m: &Machine, user: &str, options: &str, answers: &[(&str, &str)]) -> Run {
    let command = format!("{SSH} {options} {user}@127.0.0.1 {{echo in as $(id -un) at $(pwd)}}");
    dialogue(m, &command, answers)
}

/// The login program. That of trixie hangs up its terminal first, which ends expect's; there its PAM
/// service is driven without the terminal.
pub fn login(m: &Machine, user: &str, password: &str) {
    if suite() != "bookworm" {
        let stack = "authenticate acct_mgmt open_session close_session";
        m.sh(&format!("pamtester login {user} {stack}")).stdin(format!("{password}\n")).ok();
        return;
    }
    let script = format!(
        r#"spawn login
        expect "login: " {{ send "{user}\r" }}
        expect "Password: " {{ send "{password}\r" }}
        expect -re {{[#$] $}} {{ send "echo logged in as \$(id -un)\r" }} timeout {{ exit 3 }}
        expect "logged in as {user}" {{}} timeout {{ exit 4 }}
        send "exit\r"
        expect eof"#
    );
    m.expect(&script).ok().says(&format!("logged in as {user}"));
}

/// The login program, with a wrong password.
pub fn refused_login(m: &Machine, user: &str) {
    if suite() != "bookworm" {
        m.sh(&format!("pamtester login {user} authenticate")).stdin("wrong\n").fails();
        return;
    }
    let script = format!(
        r#"spawn login
        expect "login: " {{ send "{user}\r" }}
        expect "Password: " {{ send "wrong\r" }}
        expect "Login incorrect" {{ exit 0 }} timeout {{ exit 3 }}"#
    );
    m.expect(&script).ok().says("Login incorrect");
}

/// `passwd` by the user itself.
pub fn change_own_password(m: &Machine, user: &str, old: &str, new: &str) -> Run {
    let become_user = format!("setpriv --reuid={user} --regid={user} --init-groups passwd");
    let answers =
        [("[Cc]urrent password: $", old), ("New password: $", new), ("new password: $", new)];
    dialogue(m, &become_user, &answers)
}

/// `passwd` by root, who is not asked for the old one.
pub fn set_password(m: &Machine, user: &str, new: &str) -> Run {
    m.sh(&format!("passwd {user}")).stdin(format!("{new}\n{new}\n"))
}
