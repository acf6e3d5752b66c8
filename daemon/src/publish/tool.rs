//! Runs another program with nothing inherited, a deadline and a limit on what it may say.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::error::EffectError;

/// What a program answered.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error output.
    pub stderr: Vec<u8>,
}

impl Answer {
    /// Both outputs as one short text, safe to show: for error messages.
    #[must_use]
    pub fn complaint(&self) -> String {
        let both = [self.stderr.as_slice(), self.stdout.as_slice()].concat();
        let text = String::from_utf8_lossy(&both);
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        words.chars().take(400).collect()
    }
}

const POLL: Duration = Duration::from_millis(2);
/// How long output may still come once the program has ended.
const DRAIN: Duration = Duration::from_secs(1);

/// Runs `program` with `input` on its standard input, waits at most `deadline` and takes at most
/// `limit` bytes of each output.
///
/// # Errors
/// [`EffectError::Tool`] when it cannot be started, is still running at the deadline (it is
/// killed then, with its children), or says more than `limit`.
pub fn run(
    program: &Path,
    args: &[&OsStr],
    input: &[u8],
    deadline: Duration,
    limit: usize,
) -> Result<Answer, EffectError> {
    let failed =
        |why: String| EffectError::Tool { tool: program.to_string_lossy().into_owned(), why };
    let mut child = Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    if let Some(mut pipe) = child.stdin.take() {
        // It may be a password.
        let input = zeroize::Zeroizing::new(input.to_vec());
        // A program that ends without reading all is judged by its status, not by the broken pipe.
        std::thread::spawn(move || pipe.write_all(&input));
    }
    let stdout = child.stdout.take().map(|pipe| drain(pipe, limit));
    let stderr = child.stderr.take().map(|pipe| drain(pipe, limit));

    let end = Instant::now() + deadline;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < end => std::thread::sleep(POLL),
            Ok(None) => {
                kill(&mut child);
                return Err(failed(format!("did not end within {} s", deadline.as_secs())));
            }
            Err(error) => {
                kill(&mut child);
                return Err(failed(format!("cannot be waited for: {error}")));
            }
        }
    };
    let output = |pipe: Option<mpsc::Receiver<Vec<u8>>>| {
        let said = pipe.and_then(|pipe| pipe.recv_timeout(DRAIN).ok());
        said.filter(|said| said.len() <= limit)
            .ok_or_else(|| failed("said more than is sensible".to_owned()))
    };
    Ok(Answer { status, stdout: output(stdout)?, stderr: output(stderr)? })
}

/// Reads a pipe to its end, or to one byte past the limit, on a thread of its own.
fn drain(pipe: impl Read + Send + 'static, limit: usize) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        // What was read before an error is still worth having; the exit status decides anyway.
        let _ = pipe.take(most).read_to_end(&mut said);
        let _ = sender.send(said);
    });
    receiver
}

/// Kills the program's whole process group and reaps it.
fn kill(child: &mut std::process::Child) {
    // The child has not been waited for, so its pid, which is its group's id, is still its own.
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sh(script: &str, deadline: Duration, limit: usize) -> Result<Answer, EffectError> {
        let args = ["-c", script].map(OsStr::new);
        run(Path::new("/bin/sh"), &args, b"in\n", deadline, limit)
    }

    #[test]
    fn the_answer_has_status_and_both_outputs() {
        let answer = sh("echo out; echo err >&2; exit 3", Duration::from_secs(10), 100).unwrap();
        assert_eq!(answer.status.code(), Some(3));
        assert_eq!(
            (answer.stdout.as_slice(), answer.stderr.as_slice()),
            (&b"out\n"[..], &b"err\n"[..])
        );
        assert_eq!(answer.complaint(), "err out");
    }

    #[test]
    fn the_input_is_read_to_its_end() {
        let answer = sh("cat", Duration::from_secs(10), 100).unwrap();
        assert_eq!(answer.stdout, b"in\n");
    }

    #[test]
    fn nothing_of_our_environment_is_passed_on() {
        let answer = sh("env | cut -d= -f1 | sort", Duration::from_secs(10), 1000).unwrap();
        assert_eq!(answer.stdout, b"LC_ALL\nPATH\nPWD\n");
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children() {
        let error = sh("sleep 1000 & sleep 1000", Duration::from_millis(50), 100).unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
    }

    #[test]
    fn a_program_that_never_stops_talking_is_refused() {
        let error = sh("yes | head -c 200000", Duration::from_secs(10), 1000).unwrap_err();
        assert!(error.to_string().contains("said more"), "{error}");
    }

    #[test]
    fn a_missing_program_is_a_clear_error() {
        let error =
            run(Path::new("/nonexistent/x"), &[], b"", Duration::from_secs(1), 1).unwrap_err();
        assert!(error.to_string().contains("cannot be run"), "{error}");
    }
}
