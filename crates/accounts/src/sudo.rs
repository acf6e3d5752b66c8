//! The command of a sudo rule.

use serde::{Deserialize, Serialize};

use crate::field_error::{Code, Refused};

/// Which arguments a rule's command may be run with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Args {
    /// Any, none included.
    Any,
    /// None at all (`""` in sudoers).
    None,
    /// Exactly these, separated by single spaces.
    Exact(String),
}

/// What a sudo rule lets its holder run as root (sudoers(5), Cmnd).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SudoCommand {
    /// Every command.
    All,
    /// One program, by absolute path.
    Path {
        /// The program.
        path: String,
        /// Its arguments.
        args: Args,
    },
}

impl SudoCommand {
    /// Parses `ALL`, `/path`, `/path ""` or `/path exact arguments`.
    ///
    /// # Errors
    /// Refuses relative paths, directories, control characters and `ALL` with anything beside it.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if text == "ALL" {
            return Ok(Self::All);
        }
        if text.len() > 1024 {
            return Err(Refused::new(Code::TooLong, "is longer than 1024 bytes"));
        }
        if !text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
            return Err(Refused::invalid("holds a character that is not visible ASCII"));
        }
        let (path, args) = match text.split_once(' ') {
            None => (text, Args::Any),
            Some((path, "\"\"")) => (path, Args::None),
            Some((path, args)) => (path, Args::Exact(parse_args(args)?)),
        };
        if !path.starts_with('/') {
            return Err(Refused::invalid("is neither ALL nor a program's absolute path"));
        }
        if path.ends_with('/') {
            return Err(Refused::invalid("is a directory: name each program"));
        }
        if path[1..].split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Refused::invalid("is not normalised: no '//', '.' or '..'"));
        }
        if path.contains([
            '*', '?', '[', ']', '\\', '"', '\'', '`', '$', '<', '>', '|', ';', '&', '(', ')', '{',
            '}', '^',
        ]) {
            return Err(Refused::invalid("holds a character that no program's path needs"));
        }
        if path.rsplit('/').next().is_some_and(|name| name.starts_with("sudoedit")) {
            return Err(Refused::invalid(
                "sudoers reads sudoedit as something else: it is not taken",
            ));
        }
        Ok(Self::Path { path: path.to_owned(), args })
    }
}

fn parse_args(args: &str) -> Result<String, Refused> {
    if args.is_empty() || args.split(' ').any(str::is_empty) {
        return Err(Refused::invalid("separate arguments by single spaces"));
    }
    // sudoers reads a first ^ and last $ as a regular expression, and quotes as delimiters.
    if args.starts_with('^') || args.contains(['"', '\'']) {
        return Err(Refused::invalid("arguments may not hold quotes nor start with '^'"));
    }
    Ok(args.to_owned())
}

impl std::fmt::Display for SudoCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("ALL"),
            Self::Path { path, args: Args::Any } => f.write_str(path),
            Self::Path { path, args: Args::None } => write!(f, "{path} \"\""),
            Self::Path { path, args: Args::Exact(args) } => write!(f, "{path} {args}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn commands_are_parsed_and_shown_alike() {
        for text in ["ALL", "/usr/bin/id", "/usr/bin/id \"\"", "/usr/bin/systemctl restart nginx"] {
            assert_eq!(SudoCommand::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn dangerous_commands_are_refused() {
        for bad in [
            "",
            "id",
            "ALL ALL",
            "all",
            "ALL, /bin/sh",
            "/bin/sh\nALL ALL=(ALL) ALL",
            "/usr/bin/",
            "/usr/../bin/id",
            "//bin/id",
            "/bin/id  x",
            "/bin/id ",
            " /bin/id",
            "!/bin/id",
            "/bin/id \"x\"",
            "/bin/é",
            "/bin/id ^.*$",
            "sudoedit /etc/passwd",
            "/bin/id\t-u",
            "/bin/*",
            "/bin/i?",
            "/bin/[a-z]",
            "/bin/a\\b",
            "/usr/bin/sudoedit /etc/passwd",
        ] {
            assert!(SudoCommand::parse(bad).is_err(), "{bad:?}");
        }
    }
}
