//! One connection: the request, the delivery, the answer.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mail_protocol::{Answer, Mail, Request, Transport};
use zeroize::Zeroizing;

use crate::{message, sendmail, smtp};

/// How long the request may take to come.
const READING: Duration = Duration::from_secs(10);
/// How long a delivery may take; the daemon waits a little longer.
const DELIVERING: Duration = Duration::from_secs(40);
/// The password of the mail server: a file of this name in the credentials directory.
const CREDENTIAL: &str = "smtp-password";
/// The longest password, in bytes.
const MAX_PASSWORD: usize = 1024;

/// Serves the connection that is standard input. What goes wrong is answered there, and logged.
#[must_use]
pub fn run() -> ExitCode {
    // No debugger shows the mail (prctl(2), PR_SET_DUMPABLE); the unit forbids core dumps.
    let private =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let connection = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    match (private, connection) {
        (Ok(()), Ok(connection)) => serve(connection),
        (Err(error), _) => failed(&error.into()),
        (_, Err(error)) => failed(&error),
    }
}

fn failed(error: &std::io::Error) -> ExitCode {
    eprintln!("the mailer cannot run: {error}");
    ExitCode::FAILURE
}

fn serve(mut connection: UnixStream) -> ExitCode {
    if let Err(error) = connection.set_read_timeout(Some(READING)) {
        // Somebody tries it by hand, without a socket.
        return failed(&error);
    }
    let answer = match Request::read(&connection) {
        Ok(request) => deliver(&request),
        Err(error) => Answer::refused(&error.to_string()),
    };
    match &answer {
        Answer::Sent => eprintln!("a mail was sent"),
        Answer::Refused { reason } => eprintln!("a mail was refused: {reason}"),
        Answer::Unavailable { reason } => eprintln!("a mail was not sent: {reason}"),
    }
    if let Err(error) = connection.write_all(&answer.to_bytes()) {
        eprintln!("nobody waits for the answer: {error}");
    }
    ExitCode::SUCCESS
}

fn deliver(request: &Request) -> Answer {
    let until = Instant::now() + DELIVERING;
    let text = match request.mail.as_ref().map(compose).transpose() {
        Ok(text) => text,
        Err(error) => return Answer::unavailable(&error.to_string()),
    };
    let mail = request.mail.as_ref().zip(text.as_ref().map(|text| text.as_str()));
    let sent = match &request.transport {
        Transport::Sendmail => match mail {
            Some((mail, text)) => sendmail::send(Path::new(sendmail::PROGRAM), mail, text, until),
            None => Ok(()),
        },
        Transport::Smtp { host, port, tls, username } => {
            let directory = std::env::var_os("CREDENTIALS_DIRECTORY");
            let password = directory.and_then(|directory| password(Path::new(&directory)));
            let login = username.as_ref().map(|username| smtp::Login { username, password });
            let server = smtp::Server { host, port: *port, tls: *tls, login };
            smtp::send(&server, mail, until)
        }
    };
    match sent {
        Ok(()) => Answer::Sent,
        Err(smtp::Failure::Refused(reason)) => Answer::refused(&reason),
        Err(smtp::Failure::Unavailable(reason)) => Answer::unavailable(&reason),
    }
}

fn compose(mail: &Mail) -> std::io::Result<Zeroizing<String>> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(std::io::Error::other)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(message::compose(mail, now.as_secs(), &id))
}

/// The first line of the credential, if there is one.
fn password(directory: &Path) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(std::fs::read(directory.join(CREDENTIAL)).ok()?);
    let end = bytes.iter().position(|byte| b"\r\n\0".contains(byte)).unwrap_or(bytes.len());
    bytes.truncate(end);
    (1..=MAX_PASSWORD).contains(&bytes.len()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_password_is_the_first_line_of_the_credential() {
        let dir = tempfile::tempdir().unwrap();
        assert!(password(dir.path()).is_none());
        let write = |text: &str| std::fs::write(dir.path().join(CREDENTIAL), text).unwrap();
        write("a secret\nmore\n");
        assert_eq!(&**password(dir.path()).unwrap(), b"a secret");
        write("\n");
        assert!(password(dir.path()).is_none());
        write(&"x".repeat(MAX_PASSWORD + 1));
        assert!(password(dir.path()).is_none());
    }

    #[test]
    fn nonsense_is_answered_and_ends_well() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"EHLO example.org\r\n").unwrap();
        ours.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(serve(theirs), ExitCode::SUCCESS);
        assert!(matches!(Answer::read(ours).unwrap(), Answer::Refused { .. }));
    }
}
