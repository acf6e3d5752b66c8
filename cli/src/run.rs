//! From arguments to exit status.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use crate::command_line::{CommandLine, format_of_refused, refuse_secrets};
use crate::completions;
use crate::error::Error;
use crate::output::{Answer, Format, error_for_people, structured_error};
use crate::session::Session;

/// Runs the command of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(status) = completions::answer(&arguments) {
        return status;
    }
    if let Err(error) = refuse_secrets(&arguments) {
        return fail(&error, format_of_refused(&arguments));
    }
    let command_line = match CommandLine::parse_from(&arguments) {
        Ok(command_line) => command_line,
        Err(refusal) => return refused_by_grammar(&refusal, format_of_refused(&arguments)),
    };
    let format = command_line.format();
    let session = Session::new(columns(), command_line.is_dry_run(), command_line.takes_long());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(command_line.run(&session)),
        Err(error) => Err(Error::Local(format!("cannot start: {error}"))),
    };
    match done.and_then(|answer| show(&answer, format, session.columns()).map(|()| answer)) {
        Ok(answer) => ExitCode::from(answer.exit_code()),
        Err(error) => fail(&error, format),
    }
}

fn show(answer: &Answer, format: Format, columns: Option<usize>) -> Result<(), Error> {
    write(&answer.render(format, columns))?;
    if let Some(note) = answer.note(format) {
        eprintln!("{}", crate::output::printable(note));
    }
    Ok(())
}

/// `--help` and `--version` are answers; the rest is a usage error.
fn refused_by_grammar(refusal: &clap::Error, format: Format) -> ExitCode {
    if refusal.use_stderr() && format.is_structured() {
        let text = refusal.render().to_string();
        let message = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        return fail(&Error::Usage(message.to_owned()), format);
    }
    // Nothing can be done about a terminal that is gone.
    let _ = refusal.print();
    ExitCode::from(u8::try_from(refusal.exit_code()).unwrap_or(2))
}

fn fail(error: &Error, format: Format) -> ExitCode {
    if format.is_structured() {
        // The exit status still tells, should this fail too.
        let _ = write(&structured_error(error, format));
    } else {
        eprint!("{}", error_for_people(error));
    }
    ExitCode::from(error.exit_code())
}

/// Writes to standard output past the standard library's buffer, which would keep secrets.
fn write(text: &str) -> Result<(), Error> {
    let written = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .and_then(|stdout| File::from(stdout).write_all(text.as_bytes()));
    match written {
        // Whoever read has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| {
            Error::Local(format!("it was done, but the answer could not be written: {error}"))
        }),
    }
}

/// The width of the terminal behind standard output; `None` when it is none.
fn columns() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
