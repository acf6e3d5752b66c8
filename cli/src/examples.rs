//! The examples in `--help`: one table, so that each verb has some and each can be run as it stands.

use clap::Command;

/// For each verb, lines for a shell.
pub const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "user create",
        &[
            "roster user create alice --full-name \"Alice Ng\" --home-create --generate-password",
            "printf '%s\\n' \"$PASSWORD\" | roster user create bob --ssh-password --password-stdin",
            "roster user create deploy --password-disabled --ssh-key \"$(cat deploy.pub)\"",
        ],
    ),
    ("user show", &["roster user show alice", "roster user show uid:3000 --json"]),
    (
        "user list",
        &[
            "roster user list",
            "roster user list --limit 100 --offset 200 --output jsonl",
            "roster user list --disabled",
            "roster user list --deleted",
        ],
    ),
    (
        "user query",
        &[
            r#"roster user query --filter '["name","^","al"]' --filter '["locked","=",false]'"#,
            r#"roster user query --filter '["OR",[["role","=","admin"],["tags","rin","ops"]]]' --json"#,
            r#"roster user query --options '{"select":["name","last_login"],"order_by":["-last_login"]}'"#,
        ],
    ),
    ("user search", &["roster user search ng", "roster user search alice --limit 10 --json"]),
    (
        "user update",
        &[
            "roster user update alice --shell /bin/sh --groups users,games",
            "roster user update alice --full-name \"Alice Ng-Berg\" --expect-generation 7",
        ],
    ),
    (
        "user delete",
        &[
            "roster user delete alice --home purge --dry-run",
            "roster user delete bob --yes",
            "roster user delete alice --home archive --yes",
        ],
    ),
    (
        "user restore",
        &["roster user restore bob", "roster user restore alice --name alice2 --without-sudo"],
    ),
    (
        "import",
        &[
            "roster import users.jsonl --dry-run",
            "roster import users.jsonl",
            "cat users.jsonl more.jsonl | roster import - --skip-existing --continue-on-error",
        ],
    ),
    ("user sync", &["roster user sync alice", "roster user sync --all --limit 100 --offset 200"]),
    ("user purge", &["roster user purge bob --yes"]),
    ("user lock", &["roster user lock alice"]),
    ("user unlock", &["roster user unlock alice"]),
    ("user disable", &["roster user disable alice"]),
    ("user enable", &["roster user enable alice"]),
    (
        "user password",
        &[
            "roster user password alice --generate-password --expire",
            "getent shadow root | sed 's/^root:/alice:/' | roster user password alice --shadow-stdin",
            "printf '%s\\n' \"$PASSWORD\" | roster user password alice --password-stdin",
        ],
    ),
    ("user welcome", &["roster user welcome alice", "roster user welcome alice --reset-password"]),
    ("user forgot-password", &["roster user forgot-password alice@example.org"]),
    (
        "user reset-password",
        &["printf '%s\\n' \"$TOKEN\" \"$PASSWORD\" | roster user reset-password --token-stdin"],
    ),
    ("user verify-email", &["roster user verify-email alice"]),
    (
        "user confirm-email",
        &["printf '%s\\n' \"$TOKEN\" | roster user confirm-email --token-stdin"],
    ),
    (
        "user attr",
        &[
            "roster user attr set alice favorite_color blue",
            "roster user attr get alice favorite_color",
            "roster user attr pop alice favorite_color",
        ],
    ),
    (
        "user setting",
        &[
            "roster user setting set alice core lang en",
            "roster user setting get alice core lang --default-value en",
            "roster user setting delete alice core lang",
        ],
    ),
    (
        "user profile",
        &[
            "roster user profile set alice address Berlin",
            "roster user profile get alice",
            "roster user profile delete alice address --error-if-not-exists",
        ],
    ),
    ("user passwd-entry", &["roster user passwd-entry alice"]),
    ("user next-uid", &["roster user next-uid", "roster user next-uid --reserve"]),
    ("user lastseen", &["roster user lastseen alice", "roster user lastseen --all"]),
    ("user report", &["roster user report"]),
    ("user shells", &["roster user shells --json", "roster user shells alice"]),
    (
        "group create",
        &[
            "roster group create dev --display-name Developers",
            "roster group create ops --gid 4000",
            "roster group create web --members www-data --sudo '/usr/bin/systemctl reload nginx'",
        ],
    ),
    ("group show", &["roster group show dev"]),
    ("group list", &["roster group list --output plain", "roster group list de"]),
    ("group update", &["roster group update dev --display-name \"Software developers\""]),
    ("group delete", &["roster group delete ops --yes"]),
    ("group add-member", &["roster group add-member dev alice"]),
    ("group remove-member", &["roster group remove-member dev alice"]),
    ("2fa enroll", &["roster 2fa enroll alice", "roster 2fa enroll alice --digits 8 --json"]),
    ("2fa uri", &["roster 2fa uri alice"]),
    (
        "2fa confirm",
        &[
            "roster 2fa confirm alice",
            "oathtool --totp -b \"$SECRET\" | roster 2fa confirm alice --code-stdin",
        ],
    ),
    ("2fa verify", &["printf '%s\\n' \"$CODE\" | roster 2fa verify alice --code-stdin"]),
    ("2fa renew", &["roster 2fa renew alice"]),
    ("2fa recovery-codes", &["roster 2fa recovery-codes alice"]),
    ("2fa state", &["roster 2fa state alice --json"]),
    ("2fa enable", &["roster 2fa enable alice"]),
    ("2fa disable", &["roster 2fa disable alice totp"]),
    (
        "2fa enforce",
        &[
            "roster 2fa enforce --on --group dev --exclude web --deadline 14d --dry-run",
            "roster 2fa enforce --on --deadline 30d",
            "roster 2fa enforce",
            "roster 2fa enforce --off",
        ],
    ),
    ("2fa cleanup", &["roster 2fa cleanup recovery --yes"]),
    ("2fa rotate-key", &["roster 2fa rotate-key"]),
    (
        "key add",
        &[
            "roster key add alice --file ~/.ssh/id_ed25519.pub",
            "roster key add alice \"$(cat alice.pub)\" --expires 2030-01-31",
        ],
    ),
    ("key list", &["roster key list alice"]),
    ("key verify", &["roster key verify alice --private-key ~/.ssh/id_ed25519"]),
    ("key remove", &["roster key remove alice 1"]),
    (
        "sudo grant",
        &[
            "roster sudo grant alice ALL --dry-run",
            "roster sudo grant alice /usr/bin/id",
            "roster sudo grant %dev --nopasswd --for 1h -- /usr/bin/journalctl -b",
        ],
    ),
    ("sudo revoke", &["roster sudo revoke alice 1", "roster sudo revoke %dev --all"]),
    ("sudo list", &["roster sudo list", "roster sudo list alice --json"]),
    (
        "token create",
        &[
            "roster token create alice --name 'Mail on the phone' --scope dovecot --scope smtp",
            "roster token create alice --name Backup --expires 2040-01-31 --json",
        ],
    ),
    ("token list", &["roster token list alice"]),
    (
        "token revoke",
        &[
            "roster token revoke alice 1",
            "roster token revoke alice --last-used-before 2024-01-01 --type app",
            "roster token revoke alice --all",
        ],
    ),
    ("login", &["printf '%s\\n' \"$PASSWORD\" | roster login alice --password-stdin --json"]),
    ("refresh", &["printf '%s\\n' \"$REFRESH_TOKEN\" | roster refresh --token-stdin --json"]),
    ("admin status", &["roster admin status"]),
    ("admin setup", &["printf '%s\\n' \"$PASSWORD\" | roster admin setup admin --password-stdin"]),
    (
        "audit list",
        &[
            "roster audit list --user alice --since 7d",
            "roster audit list --actor root --action user-create --limit 10",
            "roster audit list --after 0 --output jsonl",
        ],
    ),
    ("audit verify", &["roster audit verify"]),
    (
        "whoami",
        &["roster whoami", "printf '%s\\n' \"$ACCESS_TOKEN\" | roster whoami --token-stdin"],
    ),
    ("completions", &["roster completions bash"]),
    ("schema", &["roster schema", "roster schema user"]),
];

/// Adds each verb's examples to its help.
pub fn with_examples(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (path, lines)| {
        let help = format!("Examples:\n  {}", lines.join("\n  "));
        match path.split_once(' ') {
            Some((noun, verb)) => command
                .mut_subcommand(noun, |noun| noun.mut_subcommand(verb, |v| v.after_help(help))),
            None => command.mut_subcommand(path, |verb| verb.after_help(help)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::CommandLine;

    /// The words of the `roster` command in a shell line; enough of a shell for the examples.
    fn words(line: &str) -> Vec<std::ffi::OsString> {
        let line = line.rsplit(" | ").next().unwrap_or(line);
        let mut words = Vec::new();
        // Where JSON is quoted, it is by '…'.
        let quote = if line.contains('\'') { '\'' } else { '"' };
        for (i, part) in line.split(quote).enumerate() {
            if i % 2 == 1 {
                words.push(part.into());
            } else {
                words.extend(part.split_whitespace().map(Into::into));
            }
        }
        words
    }

    #[test]
    fn every_example_is_understood() {
        for (path, lines) in EXAMPLES {
            for line in *lines {
                assert!(line.contains(&format!("roster {path}")), "{path}: {line}");
                assert!(CommandLine::parse_from(&words(line)).is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn every_verb_has_an_example() {
        let command = crate::command();
        for noun in command.get_subcommands().filter(|noun| !noun.is_hide_set()) {
            let noun_name = noun.get_name();
            let mut verbs: Vec<_> = noun
                .get_subcommands()
                .filter(|verb| !verb.is_hide_set())
                .map(|verb| format!("{noun_name} {}", verb.get_name()))
                .collect();
            if verbs.is_empty() {
                verbs.push(noun_name.to_owned());
            }
            for verb in verbs {
                assert!(EXAMPLES.iter().any(|(path, _)| *path == verb), "{verb}");
            }
        }
        for (i, (path, _)) in EXAMPLES.iter().enumerate() {
            assert!(EXAMPLES[..i].iter().all(|(other, _)| other != path), "{path} twice");
        }
    }
}
