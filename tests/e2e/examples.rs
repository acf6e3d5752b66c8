//! What README.md and `--help` show is what happens.

use std::path::Path;

use roster_tests::Machine;

use crate::mail::with_mail;

/// The lines of the first ```console block: commands behind `# `, each with what it prints.
fn tour(readme: &str) -> Vec<(String, Vec<String>)> {
    let block = readme.split("```console\n").nth(1).unwrap();
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.split("```").next().unwrap().lines() {
        match (line.strip_prefix("# "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), Vec::new())),
            (None, Some((_, output))) => output.push(line.to_owned()),
            (None, None) => panic!("the tour begins with {line:?}, no command"),
        }
    }
    steps
}

/// Whether `line` is `pattern`, where `…` is any text.
fn is_like(line: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// A line that is `…` alone stands for any number of lines.
fn are_like(lines: &[&str], patterns: &[String]) -> bool {
    match patterns.split_first() {
        None => lines.is_empty(),
        Some((any, later)) if any == "…" => {
            (0..=lines.len()).any(|n| are_like(&lines[n..], later))
        }
        Some((pattern, later)) => lines
            .split_first()
            .is_some_and(|(line, rest)| is_like(line, pattern) && are_like(rest, later)),
    }
}

#[test]
fn the_tour_of_the_readme_is_what_happens() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let steps = tour(&std::fs::read_to_string(readme).unwrap());
    assert!(steps.len() >= 5, "{steps:?}");
    let m = Machine::boot("readme").unwrap();
    for (command, expected) in steps {
        let outcome = m.sh(&format!("exec 2>&1; {command}")).run();
        let printed: Vec<&str> = outcome.stdout.lines().collect();
        assert!(are_like(&printed, &expected), "# {command}\n{}", outcome.all());
    }
}

/// The examples in a verb's help.
fn examples(m: &Machine, verb: &str) -> Vec<String> {
    let help = m.sh(&format!("roster {verb} --help")).ok().stdout;
    let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{verb}: {help}"));
    examples.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The verbs of `roster`, in an order in which each finds what its examples are about.
const VERBS: &[&str] = &[
    "group create",
    "user create",
    "user show",
    "user list",
    "user query",
    "user search",
    "user update",
    "user password",
    "user welcome",
    "user reset-password",
    "user forgot-password",
    "user verify-email",
    "user confirm-email",
    "user attr",
    "user setting",
    "user profile",
    "user passwd-entry",
    "user next-uid",
    "user lastseen",
    "user report",
    "user sync",
    "user shells",
    "group show",
    "group add-member",
    "group list",
    "group update",
    "group remove-member",
    "group delete",
    "key add",
    "key list",
    "key verify",
    "key remove",
    "token create",
    "token list",
    "token revoke",
    "login",
    "refresh",
    "2fa enroll",
    "2fa uri",
    "2fa confirm",
    "2fa verify",
    "2fa state",
    "2fa recovery-codes",
    "2fa disable",
    "2fa enable",
    "2fa renew",
    "2fa enforce",
    "2fa cleanup",
    "2fa rotate-key",
    "sudo grant",
    "sudo list",
    "sudo revoke",
    "admin status",
    "admin setup",
    "audit list",
    "audit verify",
    "whoami",
    "completions",
    "schema",
    "import",
    "user lock",
    "user unlock",
    "user disable",
    "user enable",
    "user delete",
    "user restore",
    "user purge",
];

/// What the examples take for granted, where it is not what an earlier one has left.
fn prepare(m: &Machine, verb: &str) {
    match verb {
        "group create" => {
            m.sh("[ ! -e /root/alice.pub ] || exit 0; cd /root; mkdir -p ~/.ssh; for key in deploy alice ~/.ssh/id_ed25519; do \
                  ssh-keygen -q -t ed25519 -N '' -f $key; done")
                .ok();
        }
        // The examples enrol with 6 and then 8 digits, and show the secret once: take one we know.
        "2fa confirm" => {
            m.sh("roster --json 2fa enroll alice --interval 30 >/root/2fa.json").ok();
        }
        // They need tokens, and no second factor. The mail's example has changed the password.
        "login" | "refresh" | "whoami" => {
            m.sh("roster 2fa disable alice totp").run();
            let set = "roster user password alice --password-stdin --override-policy";
            m.sh(&format!("echo 'seven violet herons' | {set}")).ok();
            let login = "roster --json login alice --password-stdin >/root/tokens.json";
            m.sh(&format!("echo 'seven violet herons' | {login}")).ok();
        }
        "import" => {
            for (file, names) in [("users", ["frank", "grace"]), ("more", ["grace", "heidi"])] {
                let lines = names.map(|name| format!("{{\"name\":\"{name}\"}}\n")).concat();
                m.write(&format!("/root/{file}.jsonl"), &lines);
            }
        }
        // Restored by the example before.
        "user purge" => {
            m.roster(["user", "delete", "bob"]).ok();
        }
        // Mails go nowhere by default.
        "user welcome" if !m.sh("test -e /root/sink.py").run().success() => {
            with_mail(m);
            m.roster(["user", "update", "alice", "--email", "alice@example.org"]).ok();
        }
        // A code counts once: the next one is of a later step.
        "2fa verify" => {
            m.sh("sleep 31").ok();
        }
        _ => {}
    }
}

/// For a shell: the token that the verb takes out of the last mail that has one, and a password that
/// is not the old one.
fn mailed_token(verb: &str) -> String {
    let kind = match verb {
        "user reset-password" => "pr",
        "user confirm-email" => "ev",
        _ => return ":".to_owned(),
    };
    format!(
        "PASSWORD='eleven quiet otters resting'; \
         TOKEN=$(grep -oh 'roster_{kind}_[A-Za-z0-9_-]*' /root/mails/* | tail -n 1)"
    )
}

/// Verbs that are about the caller, and root is no account of ours.
const AS_ALICE: &[&str] = &["whoami"];

/// The example with the numbers that its reader would have looked up first: the record's generation,
/// the key's or the token's id.
fn with_what_was_read(m: &Machine, example: &str) -> String {
    if let Some((command, _)) = example.split_once("--expect-generation ") {
        let record = m.sh("roster --json user show alice").ok().json();
        return format!("{command}--expect-generation {}", record["generation"]);
    }
    if let Some(command) = example.strip_suffix("key remove alice 1") {
        let keys = m.sh("roster --json key list alice").ok().json();
        return format!("{command}key remove alice {}", keys[0]["id"]);
    }
    if let Some(command) = example.strip_suffix("sudo revoke alice 1") {
        let rules = m.sh("roster --json sudo list alice").ok().json();
        return format!("{command}sudo revoke alice {}", rules[0]["id"]);
    }
    if let Some(command) = example.strip_suffix("token revoke alice 1") {
        let tokens = m.sh("roster --json token list alice").ok().json();
        return format!("{command}token revoke alice {}", tokens[0]["id"]);
    }
    example.to_owned()
}

#[test]
fn every_example_of_the_help_works() {
    let m = Machine::boot("help").unwrap();
    let nouns = m.sh("roster --help").ok().stdout;
    for noun in ["user", "group", "2fa", "key", "sudo", "whoami", "completions"] {
        assert!(nouns.contains(noun), "{noun}");
    }
    let environment = "cd /root; export PASSWORD='seven violet herons'; \
        SECRET=$(sed -n 's/.*\"secret\": *\"\\([A-Z2-7]*\\)\".*/\\1/p' /root/2fa.json 2>/dev/null); \
        [ -z \"$SECRET\" ] || CODE=$(oathtool --totp -b \"$SECRET\"); \
        token() { sed -n \"s/.*\\\"$1\\\": *\\\"\\([^\\\"]*\\)\\\".*/\\1/p\" /root/tokens.json 2>/dev/null; }; \
        ACCESS_TOKEN=$(token access_token) REFRESH_TOKEN=$(token refresh_token)";
    for verb in VERBS {
        for example in examples(&m, verb) {
            prepare(&m, verb);
            let example = with_what_was_read(&m, &example);
            if AS_ALICE.contains(verb) && !example.contains("token") {
                m.run_as("alice", &example).ok();
            } else if example == "roster 2fa confirm alice" {
                // Typed at a prompt.
                let code = m.sh(&format!("{environment}; echo $CODE")).ok();
                let code = code.line();
                m.expect(&format!(
                    "spawn {example}\nexpect \": \" {{ send \"{code}\\r\" }}\nexpect eof\n\
                     lassign [wait] pid id error status\nexit $status\n"
                ))
                .ok();
            } else {
                m.sh(&format!("{environment}; {}; {example}", mailed_token(verb))).ok();
            }
        }
    }
}
