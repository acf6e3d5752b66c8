//! `--dry-run`: of every verb that changes something, the plan. The flag is added to the grammar
//! here, and the session asks for the plan: a verb has nothing to do for it.

use clap::{Arg, ArgAction, ArgMatches, Command};

/// The verbs that change something.
const CHANGES: &[&str] = &[
    "2fa cleanup",
    "2fa confirm",
    "2fa disable",
    "2fa enable",
    "2fa enforce",
    "2fa enroll",
    "2fa recovery-codes",
    "2fa renew",
    "2fa rotate-key",
    "2fa verify",
    "admin set-root-password",
    "admin setup",
    "group add-member",
    "group create",
    "group delete",
    "group remove-member",
    "group update",
    "import",
    "key add",
    "key remove",
    "sudo grant",
    "sudo revoke",
    "token create",
    "token revoke",
    "user attr pop",
    "user attr set",
    "user confirm-email",
    "user create",
    "user delete",
    "user disable",
    "user enable",
    "user forgot-password",
    "user lock",
    "user next-uid",
    "user password",
    "user profile delete",
    "user profile set",
    "user purge",
    "user reset-password",
    "user restore",
    "user setting delete",
    "user setting set",
    "user sync",
    "user unlock",
    "user update",
    "user verify-email",
    "user welcome",
];

/// The verbs that change nothing, or nothing that could be planned.
#[cfg(test)]
const READS: &[&str] = &[
    "2fa state",
    "2fa uri",
    "admin has-root-password",
    "admin status",
    "audit list",
    "audit verify",
    "completions",
    "group list",
    "group show",
    "key list",
    "key verify",
    "login",
    "man-pages",
    "refresh",
    "schema",
    "sudo list",
    "token list",
    "user attr get",
    "user lastseen",
    "user list",
    "user passwd-entry",
    "user profile get",
    "user query",
    "user report",
    "user search",
    "user setting get",
    "user shells",
    "user show",
    "whoami",
];

const FLAG: &str = "dry_run";

/// Adds the flag to each verb that changes something.
pub fn with_dry_run(command: Command) -> Command {
    CHANGES.iter().fold(command, |command, verb| {
        let words: Vec<&str> = verb.split(' ').collect();
        // Without these they only show something.
        let only_with = match *verb {
            "user next-uid" => Some("reserve"),
            "2fa enforce" => Some("switch"),
            _ => None,
        };
        add(command, &words, only_with)
    })
}

fn add(command: Command, words: &[&str], only_with: Option<&'static str>) -> Command {
    let Some((word, rest)) = words.split_first() else {
        let help = "Change nothing: show what would change, and who could be locked out";
        let flag = Arg::new(FLAG).long("dry-run").action(ArgAction::SetTrue).help(help);
        return command.arg(match only_with {
            Some(other) => flag.requires(other),
            None => flag,
        });
    };
    command.mut_subcommand(word, |sub| add(sub, rest, only_with))
}

/// Whether the verb that was given has the flag.
pub fn is_dry_run(matches: &ArgMatches) -> bool {
    match matches.subcommand() {
        Some((_, verb)) => is_dry_run(verb),
        None => matches.try_get_one::<bool>(FLAG).ok().flatten().copied().unwrap_or(false),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]
    use super::*;
    use crate::command_line::CommandLine;

    fn verbs(command: &Command, path: &str, found: &mut Vec<String>) {
        let mut leaf = true;
        for sub in command.get_subcommands() {
            leaf = false;
            verbs(sub, format!("{path} {}", sub.get_name()).trim(), found);
        }
        if leaf {
            found.push(path.to_owned());
        }
    }

    #[test]
    fn every_verb_is_known_to_change_something_or_not() {
        let mut found = Vec::new();
        verbs(&crate::command(), "", &mut found);
        for verb in &found {
            let (changes, reads) =
                (CHANGES.contains(&verb.as_str()), READS.contains(&verb.as_str()));
            assert!(changes != reads, "{verb}: say here whether it changes something");
        }
        assert_eq!(found.len(), CHANGES.len() + READS.len(), "a verb that is gone");
    }

    #[test]
    fn the_flag_is_there_where_something_changes_and_nowhere_else() {
        let parse = |line: &str| {
            let words: Vec<_> = line.split(' ').map(Into::into).collect();
            CommandLine::parse_from(&words)
        };
        for line in [
            "roster user lock alice --dry-run",
            "roster user attr set alice --dry-run color blue",
            "roster user next-uid --reserve --dry-run",
        ] {
            assert!(parse(line).expect(line).is_dry_run(), "{line}");
        }
        assert!(!parse("roster user lock alice").expect("a lock").is_dry_run());
        for line in [
            "roster user show alice --dry-run",
            "roster user next-uid --dry-run",
            "roster 2fa enforce --dry-run",
        ] {
            assert_eq!(parse(line).expect_err(line).exit_code(), 2, "{line}");
        }
    }
}
