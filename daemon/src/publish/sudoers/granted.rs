//! Asks sudo itself, not its parser, what our file grants: `sudo -l` with a command answers by
//! its exit status. The configuration and the user stand in a mount namespace of the test's own.

#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use accounts::{Args, SudoCommand};

use super::testing::Sudo;
use super::{SudoHost, render, verify};
use crate::publish::effect::{SudoRule, Who};
use crate::publish::home::testing::{in_mount_namespace, run};

const UID: u32 = 58_400;
const TOOL: &str = "/usr/bin/printf";

fn bind(from: &Path, to: &str) {
    run("mount", &[OsStr::new("--bind"), from.as_os_str(), OsStr::new(to)]);
}

fn grants(args: &[&str]) -> bool {
    let mut sudo = Command::new("/usr/bin/sudo");
    sudo.args(["-n", "-l", "-U", "tester", "--"]).args(args);
    let status = sudo.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    matches!(status.code(), Some(0))
}

fn rule(path: &str, args: Args) -> SudoRule {
    let command = SudoCommand::Path { path: path.to_owned(), args };
    SudoRule { who: Who::User(UID), command, nopasswd: false, expires_at: None }
}

#[test]
fn sudo_grants_what_was_meant_and_nothing_else() {
    if !in_mount_namespace() {
        return;
    }
    let special: Vec<char> = (b'!'..=b'~').map(char::from).filter(|c| *c != '"').collect();
    let mut rules = vec![
        rule("/usr/bin/id", Args::None),
        rule("/usr/bin/env", Args::Any),
        SudoRule { expires_at: Some(1_000_000_000), ..rule("/usr/bin/true", Args::Any) },
        SudoRule { expires_at: Some(4_000_000_000), ..rule("/usr/bin/false", Args::Any) },
    ];
    for c in &special {
        let args = format!("{} a{c}b {c}", u32::from(*c));
        rules.push(rule(TOOL, Args::Exact(args)));
    }
    let sudo = Sudo::new();
    let flavour = verify::flavour(&SudoHost::system()).unwrap();
    let text = render::file(&render::meanings(&rules, flavour).unwrap());
    sudo.main(&text);
    rustix::fs::chmod(sudo.at("sudoers"), rustix::fs::Mode::from_raw_mode(0o440)).unwrap();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    std::fs::write(sudo.at("passwd"), format!("{passwd}tester:x:{UID}:{UID}::/:/bin/sh\n"))
        .unwrap();
    rustix::fs::chmod(sudo.at("passwd"), rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
    bind(&sudo.at("sudoers"), "/etc/sudoers");
    bind(&sudo.at("passwd"), "/etc/passwd");

    assert!(grants(&["/usr/bin/id"]) && !grants(&["/usr/bin/id", "-u"]));
    assert!(grants(&["/usr/bin/env"]) && grants(&["/usr/bin/env", "sh"]));
    assert!(!grants(&["/usr/bin/true"]), "a rule that has ended");
    assert!(grants(&["/usr/bin/false"]), "a rule that has not ended yet");
    assert!(!grants(&["/usr/bin/cat"]) && !grants(&[TOOL]));
    for c in special {
        let (number, text) = (u32::from(c).to_string(), format!("a{c}b"));
        let (alone, other) = (c.to_string(), if c == 'Q' { "aRb" } else { "aQb" });
        assert!(grants(&[TOOL, &number, &text, &alone]), "{c}");
        assert!(!grants(&[TOOL, &number, other, &alone]), "{c}: a pattern");
        assert!(!grants(&[TOOL, &number, &text, "QQ"]), "{c}: a pattern");
        assert!(!grants(&[TOOL, &number, &text, &alone, "more"]), "{c}: a prefix");
        assert!(!grants(&[TOOL, &number, &text]), "{c}: the last argument is missing");
    }
}
