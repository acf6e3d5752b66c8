//! The sendmail program, which every mail system of a host has under this name.

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use mail_protocol::Mail;

use crate::smtp::Failure;

/// Where it is (Debian Policy, 11.6).
pub const PROGRAM: &str = "/usr/sbin/sendmail";
/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Hands a mail over. The recipient stands in the mail, and nothing but the sender is an argument.
pub fn send(program: &Path, mail: &Mail, text: &str, until: Instant) -> Result<(), Failure> {
    let unavailable = |error: std::io::Error| {
        Failure::Unavailable(format!("{} cannot be run: {error}", program.display()))
    };
    let mut child = Command::new(program)
        .args(["-t", "-i", "-f", mail.from.as_str()])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        // Neither what it prints nor what it complains about is known to be free of the mail.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(unavailable)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that reads nothing says why by its status; a mail is smaller than a pipe.
        for line in text.lines() {
            let _ = input.write_all(line.as_bytes()).and_then(|()| input.write_all(b"\n"));
        }
    }
    loop {
        match child.try_wait().map_err(unavailable)? {
            Some(status) => return judge(status),
            None if Instant::now() >= until => {
                let _ = child.kill().and_then(|()| child.wait().map(|_| ()));
                return Err(Failure::Unavailable("sendmail did not end in time".to_owned()));
            }
            None => std::thread::sleep(LOOK),
        }
    }
}

/// The statuses are those of sysexits.h.
fn judge(status: ExitStatus) -> Result<(), Failure> {
    match status.code() {
        Some(0) => Ok(()),
        Some(code @ (65 | 67 | 68)) => {
            Err(Failure::Refused(format!("sendmail refused the address (status {code})")))
        }
        _ => Err(Failure::Unavailable(format!(
            "sendmail failed ({status}); one that has to become another user first cannot run here: \
             use transport = \"smtp\" with host = \"localhost\""
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use mail_protocol::{Address, Body, Subject};
    use zeroize::Zeroizing;

    use super::*;

    fn mail() -> Mail {
        Mail {
            from: Address::parse("roster@example.org").unwrap(),
            to: Address::parse("layla@example.net").unwrap(),
            subject: Subject::parse("Your account").unwrap(),
            body: Body::new(Zeroizing::new("Dear layla\n".to_owned())).unwrap(),
        }
    }

    fn program(dir: &Path, script: &str) -> std::path::PathBuf {
        let path = dir.join("sendmail");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    fn send_by(script: &str, text: &str) -> (tempfile::TempDir, Result<(), Failure>) {
        let dir = tempfile::tempdir().unwrap();
        let program =
            program(dir.path(), &script.replace("HERE", &dir.path().display().to_string()));
        let sent = send(&program, &mail(), text, Instant::now() + Duration::from_secs(5));
        (dir, sent)
    }

    #[test]
    fn the_program_gets_the_mail_and_nothing_but_the_sender_as_an_argument() {
        let (dir, sent) = send_by(
            "echo \"$@\" >HERE/arguments; cat >HERE/mail",
            "To: layla\r\n\r\nHello\r\n.\r\n",
        );
        sent.unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("arguments"), "-t -i -f roster@example.org\n");
        assert_eq!(read("mail"), "To: layla\n\nHello\n.\n");
    }

    #[test]
    fn its_status_says_what_came_of_it() {
        let of = |script: &str| send_by(script, "To: layla\r\n\r\n").1.unwrap_err();
        assert!(matches!(of("cat >/dev/null; exit 67"), Failure::Refused(_)));
        assert!(matches!(of("exit 75"), Failure::Unavailable(_)));
        assert!(matches!(of("exit 1"), Failure::Unavailable(_)));
        assert!(matches!(of("kill -9 $$"), Failure::Unavailable(_)));
        let missing = Path::new("/nonexistent/sendmail");
        let sent = send(missing, &mail(), "", Instant::now() + Duration::from_secs(5));
        assert!(
            matches!(sent, Err(Failure::Unavailable(reason)) if reason.contains("/nonexistent"))
        );
    }

    #[test]
    fn one_that_does_not_end_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let program = program(dir.path(), "exec sleep 600");
        let sent = send(&program, &mail(), "x\r\n", Instant::now() + Duration::from_millis(100));
        assert!(matches!(sent, Err(Failure::Unavailable(reason)) if reason.contains("in time")));
    }
}
