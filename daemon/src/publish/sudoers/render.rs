//! Rules as sudoers(5) text that can mean nothing else.

use accounts::{Args, SudoCommand, Timestamp};

use crate::publish::effect::{SudoRule, Who};
use crate::publish::error::EffectError;

/// Which sudo will read the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Todd Miller's sudo.
    Sudo {
        /// Whether rules can end by themselves (`NOTAFTER`, since 1.8.20).
        notafter: bool,
    },
    /// sudo-rs: no `NOTAFTER`, and no patterns, so that nothing needs to be kept from being one.
    SudoRs,
}

const HEADER: &str = "# Written by rosterd, which replaces this file: see roster sudo --help.\n";

/// More than this would make every call of sudo slow.
const MOST_RULES: usize = 20_000;
/// Path and arguments together, in bytes.
const MOST_TEXT: usize = 2048;
/// 9999-12-31T23:59:59Z, the last second `NOTAFTER` can say.
const LAST_SECOND: i64 = 253_402_300_799;

/// A rule as sudo understands it; also what is read back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Meaning {
    // The order of the fields is the order in the file. sudo goes by the last rule that matches:
    // one without a password has to come after one with it.
    pub nopasswd: bool,
    pub who: Who,
    /// The command in the form of [`SudoCommand`]'s `Display`.
    pub command: String,
    /// `YYYYMMDDHHMMSSZ`.
    pub notafter: Option<String>,
}

/// The rules in the order of the file, each one once, with the text of their commands.
pub(super) fn meanings(
    rules: &[SudoRule],
    flavour: Flavour,
) -> Result<Vec<(Meaning, String)>, EffectError> {
    if rules.len() > MOST_RULES {
        return Err(EffectError::TooManyRules(rules.len()));
    }
    let one = |rule: &SudoRule| {
        let meaning = Meaning {
            nopasswd: rule.nopasswd,
            who: rule.who,
            command: rule.command.to_string(),
            notafter: match flavour {
                Flavour::Sudo { notafter: true } => notafter(rule)?,
                _ => None,
            },
        };
        Ok((meaning, command(&rule.command, flavour)?))
    };
    let mut meant = rules.iter().map(one).collect::<Result<Vec<_>, EffectError>>()?;
    meant.sort();
    meant.dedup();
    Ok(meant)
}

/// The whole file.
pub(super) fn file(meant: &[(Meaning, String)]) -> String {
    let mut text = HEADER.to_owned();
    for (meaning, command) in meant {
        let who = match meaning.who {
            Who::User(uid) => format!("#{uid}"),
            Who::Group(gid) => format!("%#{gid}"),
        };
        let until = match &meaning.notafter {
            Some(until) => format!("NOTAFTER={until} "),
            None => String::new(),
        };
        let password = if meaning.nopasswd { "NOPASSWD" } else { "PASSWD" };
        text.push_str(&format!("{who} ALL=(root) {until}{password}: {command}\n"));
    }
    text
}

fn notafter(rule: &SudoRule) -> Result<Option<String>, EffectError> {
    let Some(seconds) = rule.expires_at else { return Ok(None) };
    if !(0..=LAST_SECOND).contains(&seconds) {
        return Err(refuse(&rule.command, "its end is not between 1970 and 9999"));
    }
    let until = Timestamp(seconds).to_string();
    Ok(Some(until.chars().filter(|c| c.is_ascii_digit() || *c == 'Z').collect()))
}

fn refuse(command: &SudoCommand, why: &'static str) -> EffectError {
    EffectError::SudoRule { command: command.to_string(), why }
}

fn command(command: &SudoCommand, flavour: Flavour) -> Result<String, EffectError> {
    let SudoCommand::Path { path, args } = command else { return Ok("ALL".to_owned()) };
    let refuse = |why| refuse(command, why);
    let mut text = self::path(path).map_err(refuse)?;
    match args {
        Args::Any => {}
        Args::None => text.push_str(" \"\""),
        Args::Exact(args) => {
            text.push(' ');
            text.push_str(&self::args(args, flavour).map_err(refuse)?);
        }
    }
    if text.len() > MOST_TEXT { Err(refuse("it is too long")) } else { Ok(text) }
}

fn path(path: &str) -> Result<String, &'static str> {
    if !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("the path holds a blank or another character that is not visible ASCII");
    }
    // In a path sudo reads `\` only before `, : = #` and blanks: these cannot be literal.
    if path.contains(['*', '?', '[', ']', '\\']) {
        return Err("the path holds one of * ? [ ] \\");
    }
    let normal = path
        .strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
    if !normal {
        return Err("the path is not that of one program, absolute and normalised");
    }
    // sudo takes a program of this name for its own way of editing files, whatever its directory.
    if path.rsplit('/').next().is_some_and(|name| name.starts_with("sudoedit")) {
        return Err("sudoedit cannot be granted as a program");
    }
    Ok(escape(path, &[',', ':', '=', '#']))
}

fn args(args: &str, flavour: Flavour) -> Result<String, &'static str> {
    if args.is_empty() || args.split(' ').any(str::is_empty) {
        return Err("arguments are separated by single spaces");
    }
    if !args.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err("the arguments hold a character that is not visible ASCII");
    }
    if args.contains('"') {
        return Err("the arguments hold a quote");
    }
    match flavour {
        // sudo itself takes the escape off `, : = #`; of the others fnmatch(3) does, when the
        // arguments are compared. A backslash passes both.
        Flavour::Sudo { .. } => {
            let args = args.replace('\\', "\\\\\\\\");
            Ok(escape(&args, &[',', ':', '=', '#', '*', '?', '[', ']', '^', '!']))
        }
        Flavour::SudoRs if args.contains(['*', '?', '[', ']', '^', '!', '\\']) => {
            Err("sudo-rs cannot take the arguments' special characters literally")
        }
        Flavour::SudoRs => Ok(escape(args, &[',', ':', '=', '#'])),
    }
}

fn escape(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(&c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
