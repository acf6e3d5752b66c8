//! The command line as people meet it: TAB, the manual, the editor.

use roster_tests::Machine;

use crate::people::add_alice;

/// What a real bash makes of a line and TAB: the line as it would run.
fn completed(m: &Machine, user: &str, line: &str) -> String {
    let script = format!(
        "spawn -noecho su - {user} -s /bin/bash -c {{bash --norc --noprofile -i}}\n\
         send \"PS1='> '; . /usr/share/bash-completion/completions/roster\\r\"\n\
         expect \"\\n> \"\n\
         send \"echo {line}\\t\"\nsleep 2\nsend \"\\r\"\n\
         expect \"\\n> \"\nsend \"exit\\r\"\nexpect eof\n"
    );
    // The completion is of `roster`, so that is what is typed; `echo` would not be completed.
    let script = script.replace("send \"echo ", "send \"");
    m.expect(&script).run().stdout
}

#[test]
fn bash_completes_the_names_of_accounts() {
    let m = Machine::boot("tab").unwrap();
    add_alice(&m);
    m.roster(["group", "create", "developers"]).ok();
    completed(&m, "root", "roster user show al").contains("full name").then_some(()).unwrap();
    let shown = completed(&m, "root", "roster group show dev");
    assert!(shown.contains("roster group show developers"), "{shown}");
    // Who may not list accounts gets what `getent passwd` shows to everybody.
    let shown = completed(&m, "alice", "roster user passwd-entry al");
    assert!(shown.contains("roster user passwd-entry alice"), "{shown}");
    m.sh("systemctl stop rosterd.service rosterd.socket").ok();
    let shown = completed(&m, "root", "roster user show al");
    assert!(shown.contains("roster user show alice"), "{shown}");
}

#[test]
fn the_manual_and_the_completions_are_where_the_system_looks() {
    let m = Machine::boot("manual").unwrap();
    for file in [
        "/usr/share/man/man1/roster.1.gz",
        "/usr/share/man/man1/roster-user-create.1.gz",
        "/usr/share/man/man5/roster.toml.5.gz",
        "/usr/share/man/man8/rosterd.8.gz",
        "/usr/share/bash-completion/completions/roster",
        "/usr/share/zsh/vendor-completions/_roster",
        "/usr/share/fish/vendor_completions.d/roster.fish",
    ] {
        m.sh(&format!("test -s {file}")).ok();
    }
    m.sh("zcat /usr/share/man/man1/roster-user-create.1.gz").ok().says(".SH EXAMPLES");
}
