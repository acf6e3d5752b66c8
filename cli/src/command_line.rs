//! The command line's root: `roster NOUN VERB [SUBJECT] [--flags]`.

use std::ffi::OsString;

use clap::{
    ArgAction, Args, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
};

use crate::dry_run::{is_dry_run, with_dry_run};
use crate::error::Error;
use crate::examples::with_examples;
use crate::output::{Answer, Format};
use crate::session::Session;
use crate::{
    admin, audit, completions, group, import, key, login, manual, plan, reference, schema, sudo,
    token, two_factor, user, whoami,
};

/// Manages the accounts that this system serves: users, groups, second factors, SSH keys, sudo rights
#[derive(Debug, Parser)]
#[command(name = "roster", version, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, disable_help_flag = true)]
pub struct CommandLine {
    #[command(flatten)]
    output: OutputFlags,
    #[command(subcommand)]
    noun: Noun,
    /// See [`crate::dry_run`].
    #[arg(skip)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct OutputFlags {
    /// How the answer is written
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "table")]
    #[arg(help_heading = "Output")]
    output: Format,
    /// The same as --output json
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// Show this help
    // One form of it: clap's long one spreads each flag over three lines.
    #[arg(short, long, global = true, help_heading = "Output", action = ArgAction::HelpShort)]
    help: Option<bool>,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Accounts
    #[command(subcommand)]
    User(user::Verb),
    /// Groups and their members
    #[command(subcommand)]
    Group(group::Verb),
    /// The second factor: one-time codes and recovery codes
    #[command(subcommand, name = "2fa")]
    TwoFactor(two_factor::Verb),
    /// Public SSH keys
    #[command(subcommand)]
    Key(key::Verb),
    /// What sudo lets users and groups run
    #[command(subcommand)]
    Sudo(sudo::Verb),
    /// App passwords, and logins by token
    #[command(subcommand)]
    Token(token::Verb),
    /// Logs an account in, for tokens that a program can act with
    Login(login::Login),
    /// Takes a refresh token for the next tokens of its login
    Refresh(login::TokenFlags),
    /// The first administrator
    #[command(subcommand)]
    Admin(admin::Verb),
    /// The log of every change
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Creates many accounts from a file of records, all of them or none
    Import(import::Import),
    /// The own account, or whose a token is
    Whoami(login::TokenFlags),
    /// Prints a completion script for a shell
    Completions(completions::Completions),
    /// Prints the JSON Schema of what --json answers
    Schema(schema::Schema),
    /// Writes the manual pages into a directory, for packages
    #[command(hide = true)]
    ManPages(manual::ManPages),
}

/// The grammar, with an example or two for each verb.
#[must_use]
pub fn command() -> Command {
    let command = CommandLine::command().after_help(reference::after_help());
    with_examples(with_dry_run(command))
}

impl CommandLine {
    /// Reads the arguments, the program's name first.
    ///
    /// # Errors
    /// What clap says of them: also the texts of `--help` and `--version`.
    pub fn parse_from(arguments: &[OsString]) -> Result<Self, clap::Error> {
        let matches = command().try_get_matches_from(arguments)?;
        let command_line = Self::from_arg_matches(&matches)?;
        Ok(Self { dry_run: is_dry_run(&matches), ..command_line })
    }

    /// Whether nothing is to be changed, only told what would be.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Whether the answer may be long in coming.
    #[must_use]
    pub const fn takes_long(&self) -> bool {
        matches!(self.noun, Noun::Import(_))
    }

    /// How the answer is to be written.
    #[must_use]
    pub fn format(&self) -> Format {
        if self.output.json { Format::Json } else { self.output.output }
    }

    /// Does what the command line asks for.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn run(self, session: &Session) -> Result<Answer, Error> {
        let done = match self.noun {
            Noun::User(verb) => verb.run(session).await,
            Noun::Group(verb) => verb.run(session).await,
            Noun::TwoFactor(verb) => verb.run(session).await,
            Noun::Key(verb) => verb.run(session).await,
            Noun::Sudo(verb) => verb.run(session).await,
            Noun::Admin(verb) => verb.run(session).await,
            Noun::Audit(verb) => verb.run(session).await,
            Noun::Token(verb) => verb.run(session).await,
            Noun::Login(login) => login.run(session).await,
            Noun::Refresh(token) => token.refresh(session).await,
            Noun::Import(import) => import.run(session).await,
            Noun::Whoami(token) => whoami::run(token, session).await,
            Noun::Completions(completions) => completions.run(),
            Noun::Schema(schema) => schema.run(),
            Noun::ManPages(pages) => pages.run(),
        };
        match done {
            // The session leaves a verb with it, in place of going on.
            Err(Error::Planned(plan)) => Ok(plan::answer(*plan)),
            done => done,
        }
    }
}

/// The format that was asked for by a command line that clap refused.
#[must_use]
pub fn format_of_refused(arguments: &[OsString]) -> Format {
    let mut words =
        arguments.iter().filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        let named = match word.split_once('=') {
            Some(("--output", name)) => Some(name),
            None if word == "--output" => words.next(),
            None if word == "--json" => return Format::Json,
            _ => None,
        };
        if let Some(format) = named.and_then(|name| clap::ValueEnum::from_str(name, false).ok()) {
            return format;
        }
    }
    Format::default()
}

/// Refuses secrets in arguments before anything may print or store them.
///
/// # Errors
/// A usage error that says how the secret is given instead.
pub fn refuse_secrets(arguments: &[OsString]) -> Result<(), Error> {
    let mut before = std::borrow::Cow::Borrowed("");
    for word in arguments.iter().skip(1) {
        // Lossy: what is looked for is ASCII.
        let word = word.to_string_lossy();
        let before = std::mem::replace(&mut before, word.clone());
        // As the value of a flag it is refused among the other fields.
        if word.starts_with("-----BEGIN ") && before != "--ssh-key" {
            let message = "is a private key: keep it secret and give the .pub file's line instead";
            return Err(Error::field("key", "invalid", message));
        }
        let flag = word.split('=').next().unwrap_or_default();
        let instead = match flag {
            "--" => return Ok(()),
            "--password" | "--passwd" | "--pass" => {
                "use --password-stdin, --password-fd N, --generate-password, or type it when asked"
            }
            "--token" => "use --token-stdin, or type it when asked",
            "--code" | "--otp" => "use --code-stdin, or type it when asked",
            _ => continue,
        };
        return Err(Error::Usage(format!(
            "{flag}: a secret on the command line is seen by every user of this host and stays in \
             the shell's history: {instead}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_grammar_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_verb_has_help() {
        fn check(command: &Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path}");
            for argument in command.get_arguments().filter(|a| !a.is_hide_set()) {
                assert!(argument.get_help().is_some(), "{path}: {}", argument.get_id());
            }
            command.get_subcommands().for_each(|sub| check(sub, &path));
        }
        check(&command(), "");
    }

    #[test]
    fn a_secret_in_an_argument_is_refused_and_not_repeated() {
        for line in [
            "roster user create alice --password hunter2",
            "roster user create alice --password=hunter2",
            "roster 2fa confirm alice --code=hunter2",
            "roster whoami --token hunter2",
        ] {
            let message = refuse_secrets(&words(line)).map_err(|error| error.to_string());
            let message = message.expect_err(line);
            assert!(message.contains("-stdin") && !message.contains("hunter2"), "{message}");
        }
        let key = ["roster", "key", "add", "a", "-----BEGIN X PRIVATE KEY-----\nhunter2"];
        let error = refuse_secrets(&key.map(OsString::from)).expect_err("a private key");
        assert_eq!((error.exit_code(), error.fields()[0].field.as_str()), (1, "key"));
        assert!(refuse_secrets(&words("roster user create alice --password-stdin")).is_ok());
        assert!(refuse_secrets(&words("roster sudo grant a -- /bin/x --password=y")).is_ok());
    }

    #[test]
    fn a_refused_command_line_still_says_its_format() {
        for (line, format) in [
            ("roster user nonsense --json", Format::Json),
            ("roster --output yaml user nonsense", Format::Yaml),
            ("roster --output=jsonl user nonsense", Format::Jsonl),
            ("roster user nonsense -- --json", Format::Table),
            ("roster user --output nonsense", Format::Table),
        ] {
            assert_eq!(format_of_refused(&words(line)), format, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_a_usage_error() {
        for line in [
            "roster user",
            "roster user nonsense",
            "roster user create",
            "roster user create -f",
            "roster user create a --group g --group-create",
            "roster user create a --password-stdin --generate-password",
            "roster user create a --password-disabled --password-stdin",
            "roster user create a --attribute k",
            "roster user create a --attribute k=nojson",
            "roster user list --limit 0",
            "roster user list --limit 10001",
            "roster user delete a --home burn",
            "roster user password a --clear --password-stdin",
            "roster 2fa enroll a --digits 9",
            "roster 2fa enable a sms",
            "roster sudo revoke a",
            "roster sudo revoke a 1 --all",
            "roster sudo grant a /bin/id --for never",
            "roster key add a",
            "roster token create a",
            "roster token revoke a",
            "roster token revoke a 1 --all",
            "roster token revoke a 1 --type app",
            "roster user show a --output xml",
        ] {
            let error = CommandLine::parse_from(&words(line)).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
