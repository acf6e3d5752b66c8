//! Questions at the terminal.

use std::io::Write as _;

use super::{Secret, keyboard};
use crate::error::Error;
use crate::output::printable;

/// How often somebody may type two different passwords.
const ATTEMPTS: u32 = 3;

/// Asks without echo.
pub fn ask(question: &str, field: &str) -> Result<Secret, Error> {
    let question = format!("{}: ", printable(question));
    let typed = keyboard::ask(&question).map_err(|error| {
        Error::Local(format!("nothing could be read from the terminal: {error}"))
    })?;
    Secret::parse(typed.ok_or_else(|| Error::refused("cancelled", "nothing was changed"))?, field)
}

/// Asks without echo for what there may be none of.
pub fn ask_optional(question: &str, field: &str) -> Result<Option<Secret>, Error> {
    unless_missing(ask(question, field))
}

/// No secret, where an empty one was given.
pub fn unless_missing(secret: Result<Secret, Error>) -> Result<Option<Secret>, Error> {
    match secret {
        Err(error) if error.fields().iter().any(|field| field.code == "required") => Ok(None),
        secret => secret.map(Some),
    }
}

/// Asks for a new password twice.
pub fn ask_new(name: &str) -> Result<Secret, Error> {
    for _ in 0..ATTEMPTS {
        let first = ask(&format!("New password for {name}"), "password")?;
        let second = ask("The same again", "password")?;
        if first.as_bytes() == second.as_bytes() {
            return Ok(first);
        }
        eprintln!("The two differ; try again.");
    }
    Err(Error::field("password", "invalid", "the two entries differ"))
}

/// Asks a question that only `y` or `yes` answers with yes.
///
/// # Errors
/// When nothing can be read.
pub fn confirm(question: &str) -> Result<bool, Error> {
    eprint!("{} [y/N] ", printable(question));
    let failed = |error| Error::Local(format!("no answer could be read: {error}"));
    std::io::stderr().flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
