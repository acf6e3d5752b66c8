//! Asks the installed sudo what it makes of a file.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::SudoHost;
use super::readback;
use super::render::{Flavour, Meaning};
use crate::publish::error::EffectError;
use crate::publish::tool::{self, Answer};

const DEADLINE: Duration = Duration::from_secs(30);
/// The read-back of the largest file takes about 15 MB.
const MOST_OUTPUT: usize = 64 << 20;

fn run(
    program: &Path,
    name: &'static str,
    args: &[&OsStr],
    input: &str,
) -> Result<Answer, EffectError> {
    if !program.exists() {
        return Err(EffectError::NoSudo(name));
    }
    tool::run(program, args, input.as_bytes(), DEADLINE, MOST_OUTPUT)
}

/// Which sudo is installed.
pub(super) fn flavour(host: &SudoHost) -> Result<Flavour, EffectError> {
    let answer = run(&host.visudo, "visudo", &[OsStr::new("-V")], "")?;
    let said = String::from_utf8_lossy(&answer.stdout);
    // sudo: "visudo version 1.9.13p3" and a line with the grammar's version; sudo-rs:
    // "visudo version 0.2.5" alone.
    if !said.contains("grammar version") {
        return Ok(Flavour::SudoRs);
    }
    let version = said.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or("");
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0_u32);
    Ok(Flavour::Sudo { notafter: (next(), next(), next()) >= (1, 8, 20) })
}

/// Proves that sudo accepts the file and reads exactly `meant` from it.
pub(super) fn file(
    host: &SudoHost,
    flavour: Flavour,
    text: &str,
    meant: &[(Meaning, String)],
) -> Result<(), EffectError> {
    // sudo-rs takes no "-" for standard input; sudo takes both.
    let args = ["-c", "-q", "-f", "/dev/stdin"].map(OsStr::new);
    let answer = run(&host.visudo, "visudo", &args, text)?;
    if !answer.status.success() {
        return Err(EffectError::SudoRefused { tool: "visudo", output: answer.complaint() });
    }
    if flavour == Flavour::SudoRs {
        return Ok(());
    }
    let args = ["-c", "/dev/null", "-f", "json", "-"].map(OsStr::new);
    let answer = run(&host.cvtsudoers, "cvtsudoers", &args, text)?;
    if !answer.status.success() {
        return Err(EffectError::SudoRefused { tool: "cvtsudoers", output: answer.complaint() });
    }
    let read = readback::meanings(&answer.stdout).map_err(EffectError::SudoDiffers)?;
    if read.iter().eq(meant.iter().map(|(meaning, _)| meaning)) {
        return Ok(());
    }
    let differs = meant.iter().zip(&read).find(|((meaning, _), read)| meaning != *read);
    Err(EffectError::SudoDiffers(match differs {
        Some(((meaning, _), read)) => format!("{read:?} instead of {meaning:?}"),
        None => format!("{} rules instead of {}", read.len(), meant.len()),
    }))
}

/// Whether the whole configuration is valid; with `must_name`, and includes that file.
pub(super) fn whole(
    host: &SudoHost,
    flavour: Flavour,
    must_name: Option<&Path>,
) -> Result<(), EffectError> {
    let mut args = vec![OsStr::new("-c")];
    if let Some(main) = &host.main {
        args.extend([OsStr::new("-f"), main.as_os_str()]);
    }
    let answer = run(&host.visudo, "visudo", &args, "")?;
    if !answer.status.success() {
        return Err(EffectError::SudoRefused { tool: "visudo", output: answer.complaint() });
    }
    // sudo names each file that it read, sudo-rs only the main one.
    let Some(file) = must_name.filter(|_| flavour != Flavour::SudoRs) else { return Ok(()) };
    let line = format!("{}: ", file.display());
    let said = String::from_utf8_lossy(&answer.stdout);
    if said.lines().any(|said| said.starts_with(&line)) {
        return Ok(());
    }
    let output = format!("{} is not read: sudoers lacks its @includedir line", file.display());
    Err(EffectError::SudoRefused { tool: "visudo", output })
}
