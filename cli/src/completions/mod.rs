//! `roster completions SHELL`, and the answers to what the printed script asks at each TAB: verbs and
//! flags from the grammar, names and numbers from the system.

mod names;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Command};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter};
use clap_complete::env::Shells;
use serde_json::json;

use crate::error::Error;
use crate::output::{Answer, View};
use names::Names;

/// By this variable the script says for which shell it asks.
const VARIABLE: &str = "_ROSTER_COMPLETE";

/// The shell to complete for.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell that will read the script
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// The script.
    ///
    /// # Errors
    /// When there is none for that shell.
    pub fn run(&self) -> Result<Answer, Error> {
        let shell = self.shell.to_string();
        let mut script = Vec::new();
        Shells::builtins()
            .completer(&shell)
            .ok_or_else(|| std::io::Error::other("unknown shell"))
            .and_then(|completer| {
                completer.write_registration(VARIABLE, "roster", "roster", "roster", &mut script)
            })
            .map_err(|error| Error::Local(format!("no script for {shell}: {error}")))?;
        let mut script = String::from_utf8_lossy(&script).into_owned();
        if self.shell == Shell::Zsh {
            // As a file _roster in fpath it is loaded by the first TAB, which it answers then.
            script.push_str(
                "\nif [[ \"${funcstack[1]}\" = _roster ]]; then\n    \
                 _clap_dynamic_completer_roster \"$@\"\nfi\n",
            );
        }
        let value = json!({"shell": shell, "script": script});
        Ok(Answer::new(value, View::Verbatim(script)))
    }
}

/// Answers the script, when it is what asks: `roster -- WORD…` with the variable set.
#[must_use]
pub fn answer(arguments: &[OsString]) -> Option<ExitCode> {
    let shell = std::env::var(VARIABLE).ok()?;
    let words = arguments.get(2..).filter(|words| !words.is_empty() && arguments[1] == "--")?;
    let shells = Shells::builtins();
    let completer = shells.completer(&shell)?;
    let here = std::env::current_dir().ok();
    let mut command = with_names(crate::command(), words);
    let mut answer = Vec::new();
    // A shell that waits for a word is told nothing rather than an error.
    let done = completer
        .write_complete(&mut command, words.to_vec(), here.as_deref(), &mut answer)
        .and_then(|()| std::io::stdout().write_all(&answer));
    Some(ExitCode::from(u8::from(done.is_err())))
}

/// What an argument can be completed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    /// One that was deleted.
    Deleted,
    Group,
    /// Of Roster or of /etc/group.
    AnyGroup,
    /// A user, or % and a group.
    Holder,
    Key,
    Rule,
    Shell,
    File,
}

impl Kind {
    /// What the argument of that name holds, in the verb (the words after `roster`).
    fn of(path: &[String], argument: &str) -> Option<Self> {
        let word = |index: usize| path.get(index).map(String::as_str).unwrap_or_default();
        Some(match (word(0), word(1), argument) {
            ("group", _, "subject") => Self::Group,
            ("user", "restore" | "purge", "subject") => Self::Deleted,
            ("audit", _, "user" | "actor") => Self::User,
            ("user", "password", "name") | ("group", _, "user") | (_, _, "subject") => Self::User,
            (_, _, "group" | "groups" | "excluded") => Self::AnyGroup,
            ("sudo", _, "holder") => Self::Holder,
            ("key", "remove", "id") => Self::Key,
            ("sudo", "revoke", "id") => Self::Rule,
            (_, _, "shell") if word(0) == "user" => Self::Shell,
            (_, _, "file" | "private_key") => Self::File,
            _ => return None,
        })
    }

    fn completer(self, names: Arc<Names>) -> ArgValueCompleter {
        if self == Self::File {
            return ArgValueCompleter::new(PathCompleter::file());
        }
        ArgValueCompleter::new(move |current: &OsStr| -> Vec<CompletionCandidate> {
            let Some(begun) = current.to_str() else { return Vec::new() };
            match self {
                Self::User => plain(names.users(begun)),
                Self::Deleted => plain(names.deleted(begun)),
                Self::Group => plain(names.groups(begun)),
                Self::AnyGroup => plain(names.any_groups(begun)),
                Self::Holder => match begun.strip_prefix('%') {
                    Some(begun) => {
                        plain(names.groups(begun).into_iter().map(|name| format!("%{name}")))
                    }
                    None => plain(names.users(begun)),
                },
                Self::Key => described(names.keys(begun)),
                Self::Rule => described(names.rules(begun)),
                Self::Shell => plain(names.shells(begun)),
                Self::File => Vec::new(),
            }
        })
    }
}

fn plain(words: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    words.into_iter().map(CompletionCandidate::new).collect()
}

fn described(words: Vec<(String, String)>) -> Vec<CompletionCandidate> {
    words
        .into_iter()
        .map(|(word, help)| CompletionCandidate::new(word).help(Some(help.into())))
        .collect()
}

/// The grammar, with what knows the names that its arguments may have.
fn with_names(command: Command, words: &[OsString]) -> Command {
    fn attach(command: Command, path: &[String], names: &Arc<Names>) -> Command {
        command
            .mut_args(|argument| match Kind::of(path, argument.get_id().as_str()) {
                Some(kind) => argument.add(kind.completer(Arc::clone(names))),
                None => argument,
            })
            .mut_subcommands(|verb| {
                let path = [path, &[verb.get_name().to_owned()]].concat();
                attach(verb, &path, names)
            })
    }
    attach(command, &[], &Arc::new(Names::new(words)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::output::Format;

    #[test]
    fn the_scripts_ask_the_command_itself() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let answer = Completions { shell }.run().unwrap();
            let script = answer.render(Format::Table, Some(80));
            assert!(
                script.contains(&format!("{VARIABLE}={shell}"))
                    || script.contains("_ROSTER_COMPLETE=\""),
                "{}",
                *script
            );
            assert_eq!(script, answer.render(Format::Plain, None));
        }
    }

    #[test]
    fn arguments_are_completed_with_what_they_name() {
        let kind = |path: &str, argument: &str| {
            let path: Vec<_> = path.split(' ').map(str::to_owned).collect();
            Kind::of(&path, argument)
        };
        assert_eq!(kind("user show", "subject"), Some(Kind::User));
        assert_eq!(kind("user attr get", "subject"), Some(Kind::User));
        assert_eq!(kind("user password", "name"), Some(Kind::User));
        assert_eq!(kind("user create", "name"), None);
        assert_eq!(kind("user create", "groups"), Some(Kind::AnyGroup));
        assert_eq!(kind("user restore", "subject"), Some(Kind::Deleted));
        assert_eq!(kind("user restore", "name"), None);
        assert_eq!(kind("audit list", "actor"), Some(Kind::User));
        assert_eq!(kind("group show", "subject"), Some(Kind::Group));
        assert_eq!(kind("group add-member", "group"), Some(Kind::AnyGroup));
        assert_eq!(kind("group add-member", "user"), Some(Kind::User));
        assert_eq!(kind("audit list", "actor"), Some(Kind::User));
        assert_eq!(kind("audit list", "group"), Some(Kind::AnyGroup));
        assert_eq!(kind("completions", "shell"), None);
    }
}
