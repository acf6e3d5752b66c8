//! The command line as people meet it: TAB, the manual, the editor.

use roster_tests::Machine;

use crate::mail::with_mail;
use crate::people::add_alice;

/// What a real bash shows when a line is typed up to here, completed by TAB and run. A shell is not
/// kept waiting for names, so on a busy machine it may take more than one TAB.
fn completed(m: &Machine, user: &str, line: &str, rest: &str) -> String {
    let script = format!(
        "spawn -noecho su - {user} -s /bin/bash -c {{bash --norc --noprofile -i}}\n\
         send \"PS1='> '; . /usr/share/bash-completion/completions/roster\\r\"\n\
         expect \"\\n> \"\n\
         send \"{line}\"\nset timeout 3\n\
         for {{set i 0}} {{$i < 10}} {{incr i}} {{\n\
         send \"\\t\"\nexpect {{\n \"{rest}\" break\n timeout {{}}\n}} }}\n\
         send \"\\r\"\nexpect \"\\n> \"\nsend \"exit\\r\"\nexpect eof\n"
    );
    // The bell says that there is nothing to complete yet.
    m.expect(&script).run().stdout.replace('\u{7}', "")
}

#[test]
fn bash_completes_the_names_of_accounts() {
    let m = Machine::boot("tab").unwrap();
    add_alice(&m);
    m.roster(["group", "create", "developers"]).ok();
    // It ran, too: this is of the record.
    assert!(completed(&m, "root", "roster user show al", "ice").contains("full name"));
    let shown = completed(&m, "root", "roster group show dev", "elopers");
    assert!(shown.contains("roster group show developers"), "{shown}");
    // Who may not list accounts gets what `getent passwd` shows to everybody.
    let shown = completed(&m, "alice", "roster user passwd-entry al", "ice");
    assert!(shown.contains("roster user passwd-entry alice"), "{shown}");
    m.sh("systemctl stop rosterd.service rosterd.socket").ok();
    let shown = completed(&m, "root", "roster user show al", "ice");
    assert!(shown.contains("roster user show alice"), "{shown}");
}

#[test]
fn a_form_in_the_editor_is_what_happens() {
    let m = Machine::boot("form").unwrap();
    // Wrong at first, and right when it came back with what the daemon says about it.
    let editor = "#!/bin/sh\nif grep -q '^#! shell: ' \"$1\"; then\n\
        sed -i 's|^shell = .*|shell = \"/bin/sh\"|' \"$1\"\n\
        else sed -i 's|^#shell = .*|shell = \"/bin/nosuchshell\"|' \"$1\"; fi\n";
    m.write("/root/editor", editor);
    m.sh("chmod 700 /root/editor").ok();
    m.expect(
        "spawn env EDITOR=/root/editor roster user create alice\n\
         expect \"first? \" { send \"y\\r\" }\n\
         expect \"New password for alice: \" { send \"seven violet herons\\r\" }\n\
         expect \"The same again: \" { send \"seven violet herons\\r\" }\n\
         expect eof\nlassign [wait] pid id error status\nexit $status\n",
    )
    .ok()
    .says("Created alice");
    assert_eq!(m.sh("getent passwd alice | cut -d: -f7").ok().line(), "/bin/sh");
    let edit = "EDITOR=\"sed -i 's/^#email = .*/email = \\\"a@example.org\\\"/'\" roster user update alice --edit";
    m.sh(edit).ok();
    let user = m.roster(["--json", "user", "show", "alice"]).ok().json();
    assert_eq!((&user["email"], &user["shell"]), (&"a@example.org".into(), &"/bin/sh".into()));
    m.sh("EDITOR=true roster user update alice --edit").exits(1).says("nothing was changed");
    assert_eq!(m.sh("ls -d /tmp/roster-* 2>/dev/null || true").ok().line(), "");
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

/// What every verb answers to a program, with the name of its schema, in an order that works.
const ANSWERS: &[(&str, &str)] = &[
    ("group", "group create dev --display-name Developers"),
    (
        "user",
        "user create alice --full-name 'Alice Ng' --email a@example.org --groups dev \
      --home-create --generate-password --tag ops --attribute desk='{\"floor\":3}' \
      --expires 2040-01-31 --sudo /usr/bin/id --role helpdesk --ssh-key \"$(cat k.pub)\"",
    ),
    ("plan", "user create bob --dry-run"),
    ("user", "user create bob"),
    ("plan", "user update alice --groups adm --no-sudo --dry-run"),
    ("done", "user welcome alice --reset-password"),
    ("done", "user forgot-password a@example.org"),
    ("plan", "user verify-email alice --dry-run"),
    ("done", "user verify-email alice"),
    ("error", "user welcome bob"),
    ("done", "user setting set alice core lang en"),
    ("done", "user profile set alice address Berlin"),
    ("user", "user update alice --shell /bin/sh"),
    ("user", "user show alice"),
    ("user", "user query --options '{\"get\":true}'"),
    ("users", "user list"),
    ("users", "user search ng"),
    ("users", "user query --filter '[\"name\",\"=\",\"alice\"]'"),
    ("password", "user password bob --generate-password"),
    ("done", "user password bob --clear"),
    ("passwd-entry", "user passwd-entry alice"),
    ("next-uid", "user next-uid"),
    ("next-uid", "user next-uid --reserve"),
    ("shells", "user shells"),
    ("last-seen", "user lastseen alice"),
    ("last-seen-all", "user lastseen --all"),
    ("report", "user report"),
    ("group", "group show dev"),
    ("group", "group update dev --display-name Devs"),
    ("groups", "group list"),
    ("done", "group add-member dev bob"),
    ("keys", "key list alice"),
    ("id", "key add bob --file k.pub --expires 2040-01-31"),
    ("keys", "key list bob"),
    ("key-verified", "key verify alice --private-key k"),
    ("id", "sudo grant bob /usr/bin/id --for 1h"),
    ("sudo-rules", "sudo list"),
    ("token-created", "token create alice --name Mail --scope dovecot --expires 2040-01-31"),
    ("token-created", "token create alice --name Script"),
    ("tokens", "token list alice"),
    ("tokens-revoked", "token revoke alice --last-used-before 2001-01-01 --type app"),
    ("tokens-revoked", "token revoke alice --all"),
    ("error", "token revoke alice 4711"),
    ("error", "whoami --token-stdin </dev/null"),
    ("two-factor-enrolment", "2fa enroll alice"),
    ("two-factor-enrolment", "2fa uri alice"),
    ("two-factor-state", "2fa state alice"),
    ("two-factor-policy", "2fa enforce"),
    ("two-factor-policy", "2fa enforce --on --group dev --exclude sudo --deadline 30d"),
    ("two-factor-state", "2fa state alice"),
    ("plan", "2fa enforce --on --dry-run"),
    ("two-factor-policy", "2fa enforce --off"),
    ("two-factor-key", "2fa rotate-key"),
    ("two-factor-cleaned", "2fa cleanup recovery --yes"),
    ("administrator-status", "admin status"),
    ("done", "user lock alice"),
    ("error", "user lock alice"),
    ("error", "user show nobody"),
    ("error", "user create 'a b' --home /"),
    ("error", "user nonsense"),
    ("error", "user create alice"),
    ("plan", "user delete alice --home purge --dry-run"),
    ("plan", "user create carol --generate-password --sudo ALL --dry-run"),
    ("plan", "user update alice --shell /bin/bash --groups sudo --dry-run"),
    ("plan", "group delete dev --yes --dry-run"),
    ("plan", "user attr set alice desk null --dry-run"),
    ("plan", "import users.jsonl --dry-run"),
    ("imported", "import users.jsonl"),
    ("imported", "import - --skip-existing <users.jsonl"),
    ("error", "import users.jsonl"),
    ("error", "import / --continue-on-error"),
    ("deleted", "user delete bob --yes"),
    ("deleted-users", "user list --deleted"),
    ("user", "user restore bob"),
    ("deleted", "user delete bob --yes"),
    ("done", "user purge bob --yes"),
    ("audit-rows", "audit list"),
    ("audit-rows", "audit list --limit 3 --after 2"),
    ("audit-verified", "audit verify"),
    ("synced-users", "user sync --all"),
];

#[test]
fn every_answer_fits_its_published_schema() {
    let m = Machine::boot("schema").unwrap();
    m.sh("cd /root; ssh-keygen -q -t ed25519 -N '' -f k").ok();
    m.write("/root/users.jsonl", "{\"name\":\"frank\"}\n{\"name\":\"grace\",\"tags\":[\"x\"]}\n");
    with_mail(&m);
    m.sh("test -s /usr/share/roster/schema/user.json").ok();
    let schema = |name: &str| m.sh(&format!("roster schema {name}")).ok().json();
    for (name, words) in ANSWERS {
        let outcome = m.sh(&format!("cd /root; roster --json {words}")).run();
        assert_eq!(*name == "error", !outcome.success(), "{outcome}");
        let complaint = roster_tests::schema::complaint(&schema(name), &outcome.json());
        assert_eq!(complaint, None, "{words}");
    }
    // A login and its tokens, which a locked account does not get.
    m.roster(["user", "unlock", "alice"]).ok();
    let password = "seven violet herons dancing";
    m.roster(["user", "password", "alice", "--password-stdin"]).stdin(format!("{password}\n")).ok();
    let login = m.roster(["--json", "login", "alice", "--password-stdin"]);
    let login = login.stdin(format!("{password}\n")).ok().json();
    assert_eq!(roster_tests::schema::complaint(&schema("tokens-given"), &login), None);
    for (name, verb, token) in
        [("token-verified", "whoami", "access_token"), ("tokens-given", "refresh", "refresh_token")]
    {
        let token = login[token].as_str().unwrap();
        let answer = m.roster(["--json", verb, "--token-stdin"]).stdin(format!("{token}\n")).ok();
        assert_eq!(roster_tests::schema::complaint(&schema(name), &answer.json()), None, "{verb}");
    }
    // A second factor in force, and its codes.
    m.sh("cd /root; roster --json 2fa enroll alice >s.json; sed -n 's/.*\"secret\":\"\\([A-Z2-7]*\\)\".*/\\1/p' s.json >secret").ok();
    let code = "oathtool --totp -b \"$(cat /root/secret)\"";
    for (name, command) in [
        ("recovery-codes", format!("{code} | roster --json 2fa confirm alice --code-stdin")),
        ("code-verified", "echo 000000 | roster --json 2fa verify alice --code-stdin".to_owned()),
        ("recovery-codes", "roster --json 2fa recovery-codes alice".to_owned()),
    ] {
        let answer = m.sh(&command).run().json();
        assert_eq!(roster_tests::schema::complaint(&schema(name), &answer), None, "{command}");
    }
}
